# The one test command: `make check`. Each part says what it ran; the last line counts.
check-deps:
	$(Q)[ "$(DEPS_SKIP)" = 1 ] || sh tests/make/deps.sh check
check: | check-deps
	$(Q)$(MAKE) --no-print-directory all unit DEPS_SKIP=1
	$(Q)$(MAKE) --no-print-directory docs-check system DEPS_SKIP=1
	$(Q)echo "make check: every part passed"

# The unit suites again under sanitizers and valgrind, in build trees of their own.
asan: | check-deps
	$(Q)ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 $(MAKE) --no-print-directory BUILD=$(BUILD)/asan SAN=address,undefined DEPS_SKIP=1 CK_DEFAULT_TIMEOUT=60 unit
tsan: | check-deps lint-deps
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan SAN=thread CC=clang CFLAGS="-O1 -g" DEPS_SKIP=1 unit-node
valgrind: | check-deps lint-deps
	$(Q)CK_FORK=no CK_DEFAULT_TIMEOUT=600 $(MAKE) --no-print-directory DEPS_SKIP=1 unit \
	    RUN='valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite'
.PHONY: check check-deps asan tsan valgrind
