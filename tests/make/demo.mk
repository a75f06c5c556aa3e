# The pilot told step by step: UI=en for English, KEEP=DIR keeps its folder.
UI ?= ja
demo: $(BUILD)/tasuki $(BUILD)/tasukid
	$(Q)$(BUILD)/tasuki demo --ui $(UI) $(if $(KEEP),--keep $(KEEP))
.PHONY: demo
