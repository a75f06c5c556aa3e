# C helpers of the system tests: racer drives race.sh over the control sockets, storetool touches a store from outside.
RACER     := $(BUILD)/tests/system/racer
STORETOOL := $(BUILD)/tests/system/storetool
$(RACER) $(STORETOOL): $(BUILD)/%: $(BUILD)/%.o $(PROGRAM_LIBS)
	$(if $(filter 0,$(V)),@echo "  LD $@")
	$(Q)$(CC) $(CFLAGS) $(LDSAN) -pie -o $@ $< $(PROGRAM_LIBS) $(LIBS_node)
system: $(RACER) $(STORETOOL)

# Alone, and longer: make race ROUNDS=100000, make crash ROUNDS=2000.
race crash: all $(RACER) $(STORETOOL)
	$(Q)BUILD='$(abspath $(BUILD))' bash tests/system/$@.sh $(ROUNDS)
.PHONY: race crash
