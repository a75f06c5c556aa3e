# make vectors VECTORS=DIR: the published sets (RFC 9180, Wycheproof, RFC 8949, cose-wg), which are not part of the project.
# The only program beside the node that reads JSON.
VECTORS_BIN := $(BUILD)/tests/vectors/vectors
VECTORS_OBJ := $(call OBJ,$(sort $(wildcard tests/vectors/run*.c)))

$(VECTORS_BIN): $(VECTORS_OBJ) $(LIB_crypto) $(LIB_schema)
	$(if $(filter 0,$(V)),@echo "  LD $@")
	$(Q)$(CC) $(CFLAGS) $(LDSAN) -o $@ $^ -ljansson $(LIBS_crypto)

vectors: $(VECTORS_BIN)
	$(Q)[ -d "$(VECTORS)" ] || { echo "vectors: there is no folder $(VECTORS); name one: make vectors VECTORS=DIR" >&2; exit 2; }
	$(Q)$(RUN) $(VECTORS_BIN) $(VECTORS)
.PHONY: vectors
