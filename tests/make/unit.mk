# Check suites: each tests/<layer>/test_*.c is one program, linked against its own layer and those to its left only,
# whole, so that a call to the right does not link.
TESTS_schema := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/schema/test_*.c)))
TESTS_crypto := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/crypto/test_*.c)))
TESTS_node   := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/node/test_*.c)))
CHECK_LIBS   := -lcheck -lsubunit -lrt -lm -lpthread
# libcbor is asked for a second opinion on whatever our own reader accepts, in this one test.
$(BUILD)/tests/schema/test_cbor: CHECK_LIBS += -lcbor

WHOLE = -Wl,--whole-archive $(1) -Wl,--no-whole-archive
$(TESTS_schema): $(BUILD)/%: $(BUILD)/%.o $(LIB_schema)
	$(Q)$(CC) $(CFLAGS) $(LDSAN) -o $@ $< $(call WHOLE,$(LIB_schema)) $(CHECK_LIBS)
$(TESTS_crypto): $(BUILD)/%: $(BUILD)/%.o $(LIB_crypto) $(LIB_schema)
	$(Q)$(CC) $(CFLAGS) $(LDSAN) -o $@ $< $(call WHOLE,$(LIB_crypto) $(LIB_schema)) $(LIBS_crypto) $(CHECK_LIBS)
$(TESTS_node): $(BUILD)/%: $(BUILD)/%.o $(PROGRAM_LIBS)
	$(Q)$(CC) $(CFLAGS) $(LDSAN) -o $@ $< $(call WHOLE,$(PROGRAM_LIBS)) $(LIBS_node) $(CHECK_LIBS)

unit-schema: $(TESTS_schema)
unit-crypto: $(TESTS_crypto)
unit-node:   $(TESTS_node)
unit-schema unit-crypto unit-node:
	$(Q)for t in $^; do timeout $(if $(RUN),3000,600) $(RUN) $$t || { echo "FAILED $$t"; exit 1; }; done
unit: unit-schema unit-crypto unit-node
.PHONY: unit unit-schema unit-crypto unit-node
