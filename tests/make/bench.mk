# make bench: handoffs a second beside the floor of the same calls, measured in the same run (tests/bench/bench.h). Not
# a test: nothing fails for being slow. BENCH_SECONDS=5 a point; BENCH_ONLY=primitives|handoff|ipc|consent|store one
# part alone; BENCH_DIR=/var/tmp a folder on a disk.
BENCH_BIN := $(BUILD)/tests/bench/bench
BENCH_OBJ := $(call OBJ,$(sort $(wildcard tests/bench/*.c)))

$(BENCH_BIN): $(BENCH_OBJ) $(PROGRAM_LIBS)
	$(if $(filter 0,$(V)),@echo "  LD $@")
	$(Q)$(CC) $(CFLAGS) $(LDSAN) -pie -o $@ $(BENCH_OBJ) $(PROGRAM_LIBS) $(LIBS_node) -lm

bench: all $(BENCH_BIN)
	$(Q)$(BENCH_BIN) $(BUILD)
.PHONY: bench
