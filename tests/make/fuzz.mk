# make fuzz SECONDS=N: one libFuzzer target a row of records.def, one for bare CBOR, one for envelopes and rosters; each
# runs N seconds, two at a time. What they find stays in $(BUILD)/fuzz/found, what they learn in $(BUILD)/fuzz/corpus.
FUZZ         := $(BUILD)/fuzz
FUZZ_CC      ?= clang
FUZZ_CFLAGS  := -O1 -g -std=c17 -D_GNU_SOURCE -I. $(WARN) -fno-omit-frame-pointer -fno-sanitize-recover=all -MMD -MP
FUZZ_SAN     := address,undefined
FUZZ_RECORDS := $(shell sed -n 's/^TSK_RECORD.\([a-z]*\),.*/record_\1/p' schema/records.def)
FUZZ_TARGETS := $(FUZZ_RECORDS) cbor cose
FUZZ_SCHEMA  := $(patsubst %.c,$(FUZZ)/%.o,$(SRC_schema))

$(FUZZ)/schema/%.o: schema/%.c | fuzz-deps
	$(Q)mkdir -p $(@D) && $(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,$(FUZZ_SAN) -c -o $@ $<
$(addprefix $(FUZZ)/,$(FUZZ_RECORDS)): $(FUZZ)/record_%: tests/fuzz/fuzz_record.c $(FUZZ_SCHEMA)
	$(if $(filter 0,$(V)),@echo "  FUZZ record_$*")
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -DTSK_FUZZ_REC=TSK_REC_$$(echo $* | tr a-z A-Z) \
	    -fsanitize=fuzzer,$(FUZZ_SAN) -o $@ $< $(FUZZ_SCHEMA)
$(FUZZ)/cbor $(FUZZ)/cose: $(FUZZ)/%: tests/fuzz/fuzz_%.c $(FUZZ_SCHEMA)
	$(if $(filter 0,$(V)),@echo "  FUZZ $*")
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer,$(FUZZ_SAN) -o $@ $< $(FUZZ_SCHEMA)
$(FUZZ)/seed: $(BUILD)/tests/fuzz/seeds.o $(LIB_schema)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDSAN) -o $@ $^

fuzz-build: $(addprefix $(FUZZ)/,$(FUZZ_TARGETS))
fuzz: fuzz-build $(FUZZ)/seed
	$(Q)mkdir -p $(addprefix $(FUZZ)/seeds/,$(FUZZ_TARGETS)) && $(FUZZ)/seed $(FUZZ)/seeds
	$(Q)printf '%s\n' $(FUZZ_TARGETS) | xargs -n 1 -P 2 sh tests/fuzz/run.sh $(FUZZ) $(SECONDS)
fuzz-deps:
	$(Q)[ "$(DEPS_SKIP)" = 1 ] || sh tests/make/deps.sh fuzz
.PHONY: fuzz fuzz-build fuzz-deps
