# make faults (root): power loss, EIO, full disks, cut networks and flipped bits, against real processes. The disks and
# networks are made by two programs that are no part of the project: TOOLS=DIR names their folder; without them what needs
# them is skipped, and it is said. ONLY="eio flips" runs some parts; FAULTS_SEED=N plays a run again.
TOOLS ?= ../shared/tools
faults:
	$(Q)[ "$$(id -u)" = 0 ] || { echo "make faults: mounts, namespaces and strace need root" >&2; exit 2; }
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD='$(abspath $(BUILD))' TOOLS='$(abspath $(TOOLS))' bash tests/faults/run.sh $(ONLY)
.PHONY: faults
