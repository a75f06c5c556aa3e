# What building needs, by Debian package, found by a header or program; what is missing is named, announced and installed.
# DEPS_SKIP=1 trusts the machine.
DEPS_SKIP ?= 0
deps:
	$(Q)[ "$(DEPS_SKIP)" = 1 ] || sh tests/make/deps.sh build
