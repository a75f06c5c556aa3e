# System tests: real processes, one shell program a story. `make system ONLY=plain` runs one of them.
SYSTEM_TESTS := $(filter-out tests/system/lib.sh,$(sort $(wildcard tests/system/$(if $(ONLY),$(ONLY),*).sh)))
system: $(BUILD)/tasuki $(BUILD)/tasukid
	$(Q)passed=0; failed=0; \
	for t in $(SYSTEM_TESTS); do \
	    name=$$(basename $$t .sh); start=$$(date +%s); \
	    if BUILD='$(abspath $(BUILD))' bash $$t >'$(BUILD)/system-'$$name.log 2>&1; then \
	        passed=$$((passed + 1)); echo "ok $$name ($$(($$(date +%s) - start))s)"; \
	        sed -n '/SKIP/p' '$(BUILD)/system-'$$name.log; \
	    else \
	        failed=$$((failed + 1)); echo "FAILED $$name ($$(($$(date +%s) - start))s)"; tail -n 40 '$(BUILD)/system-'$$name.log; \
	    fi; \
	done; \
	echo "$$passed passed, $$failed failed"; [ $$failed = 0 ] && [ $$passed -gt 0 ]
.PHONY: system
