# Layers, house rules, static analysis. What runs once a file remembers by a stamp. Clang's stamp hangs on every header that
# the file includes, and the other two on clang's: a changed header is read again wherever it is included.
LINT_SRC := $(SRC_schema) $(SRC_crypto) $(SRC_node) $(wildcard node/*.c)

lint: lint-layers lint-style lint-words lint-clang lint-cppcheck lint-tidy lint-analyzer
lint-layers:
	$(Q)sh tests/lint/layers.sh
lint-style:
	$(Q)sh tests/lint/style.sh
lint-words:
	$(Q)sh tests/lint/words.sh
lint-deps:
	$(Q)[ "$(DEPS_SKIP)" = 1 ] || sh tests/make/deps.sh lint

# The same warnings under clang, no code made.
lint-clang: $(patsubst %.c,$(BUILD)/clang/%.ok,$(LINT_SRC))
$(BUILD)/clang/%.ok: %.c tests/make/lint.mk | lint-deps
	$(Q)mkdir -p $(@D) && clang -std=c17 -D_GNU_SOURCE -DTSK_VERSION='"lint"' -I. $(WARN) -O1 -fsyntax-only \
	    -MMD -MP -MT $@ -MF $(@:.ok=.d) $< && touch $@

lint-cppcheck: | lint-deps
	$(Q)cppcheck -q -I. --library=tests/lint/cppcheck.cfg -D_GNU_SOURCE -DTSK_VERSION='"lint"' --std=c11 \
	    --enable=warning,performance,portability --error-exitcode=1 --suppressions-list=tests/lint/cppcheck.txt -j 2 $(LINT_SRC) && echo "lint cppcheck: ok"

lint-tidy: $(patsubst %.c,$(BUILD)/tidy/%.ok,$(LINT_SRC))
	@echo "lint clang-tidy: ok"
$(BUILD)/tidy/%.ok: %.c $(BUILD)/clang/%.ok tests/lint/tidy.yaml | lint-deps
	$(Q)mkdir -p $(@D) && clang-tidy --quiet --config-file=tests/lint/tidy.yaml $< -- -std=c17 -D_GNU_SOURCE -DTSK_VERSION='"lint"' -I. 2>$@.log \
	    || { cat $@.log; exit 1; }; touch $@

# malloc-leak: the cleanup attribute, and what is handed to another file, look like leaks to it; LeakSanitizer and valgrind
# run over every test instead. fd-leak (from gcc 13 on): a child's standard input is meant to stay open.
ANALYZER_OFF := -Wno-analyzer-malloc-leak -Wno-analyzer-fd-leak
lint-analyzer: $(patsubst %.c,$(BUILD)/analyzer/%.ok,$(LINT_SRC))
	@echo "lint gcc -fanalyzer: ok"
$(BUILD)/analyzer/%.ok: %.c $(BUILD)/clang/%.ok | lint-deps
	$(Q)mkdir -p $(@D) && $(CC) -std=c17 -D_GNU_SOURCE -DTSK_VERSION='"lint"' -I. $(WARN) -O1 -fanalyzer $(ANALYZER_OFF) -c -o $(BUILD)/analyzer/tmp-$(subst /,-,$*).o $< \
	    && rm -f $(BUILD)/analyzer/tmp-$(subst /,-,$*).o && touch $@
.PHONY: lint lint-layers lint-style lint-words lint-clang lint-cppcheck lint-tidy lint-analyzer lint-deps
