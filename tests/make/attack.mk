# The hostile member of tests/system/attack.sh: it links the node's own libraries and keeps to none of their rules.
HOSTILE := $(BUILD)/tests/system/hostile
HOSTILE_OBJ := $(call OBJ,$(sort $(wildcard tests/system/hostile*.c)))
$(HOSTILE): $(HOSTILE_OBJ) $(PROGRAM_LIBS)
	$(if $(filter 0,$(V)),@echo "  LD $@")
	$(Q)$(CC) $(CFLAGS) $(LDSAN) -pie -o $@ $(HOSTILE_OBJ) $(PROGRAM_LIBS) $(LIBS_node)
system: $(HOSTILE)
attack: all $(HOSTILE)
	$(Q)BUILD='$(abspath $(BUILD))' bash tests/system/attack.sh
.PHONY: attack
