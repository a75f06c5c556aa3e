# docs/vectors are made again and compared; Node.js, without any C, verifies the grant and opens the item.
$(BUILD)/tests/vectors/gen: $(BUILD)/tests/vectors/gen.o $(LIB_crypto) $(LIB_schema)
	$(Q)$(CC) $(CFLAGS) $(LDSAN) -o $@ $< $(LIB_crypto) $(LIB_schema) $(LIBS_crypto) -lpthread

docs-vectors: $(BUILD)/tests/vectors/gen
	$(Q)$< docs/vectors
docs-check: $(BUILD)/tests/vectors/gen
	$(Q)rm -rf $(BUILD)/docs-vectors && mkdir -p $(BUILD)/docs-vectors && $< $(BUILD)/docs-vectors
	$(Q)for f in keys item grant wraps; do cmp $(BUILD)/docs-vectors/$$f.json docs/vectors/$$f.json || exit 1; done
	$(Q)node=$$(command -v node || command -v nodejs) && $$node docs/vectors/verify.mjs docs/vectors
	$(Q)sh tests/lint/docs.sh
.PHONY: docs-vectors docs-check
