# tasuki: one non-recursive Makefile; everything it makes goes under $(BUILD).
#
#   make            both programs            make demo     the pilot of five nodes, told step by step
#   make check      every test               make lint     layers, style, static analysis
#   make asan | valgrind | tsan              make fuzz SECONDS=N
#   make vectors VECTORS=DIR                 make bench    ratios to floors measured in the same run
#   make faults     power loss, bad disks, cut networks (root)
#   make install    programs, systemd unit, documents; make uninstall
#   V=1 shows the commands. PREFIX and DESTDIR are honoured by install and uninstall.

BUILD   ?= build
PREFIX  ?= /usr/local
VECTORS ?= ../shared/vectors
SECONDS ?= 10
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)

VERSION := 0.1.0
WARN    := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
CFLAGS  ?= -O2 -g
HARDEN  := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
ifneq ($(SAN),)
HARDEN  := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
LDSAN   := -fsanitize=$(SAN)
endif
TSK_CFLAGS := -std=c17 -D_GNU_SOURCE -DTSK_VERSION='"$(VERSION)"' -I. $(WARN) $(HARDEN) -MMD -MP

LIBS_schema :=
LIBS_crypto := -lcrypto -lsodium
LIBS_node   := -lnng -llmdb -ljansson -lqrencode -lpthread $(LIBS_crypto)

.DEFAULT_GOAL := all
include tests/make/deps.mk

SRC_schema := $(sort $(wildcard schema/*.c))
SRC_crypto := $(sort $(wildcard crypto/*.c))
SRC_node   := $(sort $(wildcard node/core/*.c node/store/*.c node/post/*.c node/desk/*.c node/cli/*.c))
LIB_schema := $(BUILD)/libtsk-schema.a
LIB_crypto := $(BUILD)/libtsk-crypto.a
LIB_node   := $(BUILD)/libtsk-node.a
OBJ         = $(patsubst %.c,$(BUILD)/%.o,$(1))

all: $(BUILD)/tasukid $(BUILD)/tasuki

# A layer is rebuilt from nothing, so that a source that was moved away leaves no ghost in the archive.
define LAYER
$$(LIB_$(1)): $$(call OBJ,$$(SRC_$(1)))
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach l,schema crypto node,$(eval $(call LAYER,$(l))))

$(BUILD)/%.o: %.c | deps
	$(if $(filter 0,$(V)),@echo "  CC $<")
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(TSK_CFLAGS) -c -o $@ $<

PROGRAM_LIBS := $(LIB_node) $(LIB_crypto) $(LIB_schema)
$(BUILD)/tasukid $(BUILD)/tasuki: $(BUILD)/%: $(BUILD)/node/%.o $(PROGRAM_LIBS)
	$(if $(filter 0,$(V)),@echo "  LD $@")
	$(Q)$(CC) $(CFLAGS) $(LDSAN) -pie -o $@ $< $(PROGRAM_LIBS) $(LIBS_node)

include $(sort $(filter-out tests/make/deps.mk,$(wildcard tests/make/*.mk)))

BINDIR  = $(DESTDIR)$(PREFIX)/bin
UNITDIR = $(DESTDIR)$(PREFIX)/lib/systemd/system
DOCDIR  = $(DESTDIR)$(PREFIX)/share/doc/tasuki
DOCS   := README.md LICENSE $(wildcard docs/*.md)

# The unit names the place of the daemon, and that is where PREFIX puts it.
install: all
	$(Q)install -d '$(BINDIR)' '$(UNITDIR)' '$(DOCDIR)'
	$(Q)install -m 755 $(BUILD)/tasuki $(BUILD)/tasukid '$(BINDIR)'
	$(Q)sed 's|^ExecStart=/usr/local/bin/|ExecStart=$(PREFIX)/bin/|' node/tasukid.service >'$(UNITDIR)/tasukid.service'
	$(Q)chmod 644 '$(UNITDIR)/tasukid.service'
	$(Q)install -m 644 $(DOCS) '$(DOCDIR)'
	@echo "installed under $(DESTDIR)$(PREFIX): bin/tasuki, bin/tasukid, lib/systemd/system/tasukid.service, share/doc/tasuki"
uninstall:
	rm -f '$(BINDIR)/tasuki' '$(BINDIR)/tasukid' '$(UNITDIR)/tasukid.service'
	rm -rf '$(DOCDIR)'

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all clean deps install uninstall
.DELETE_ON_ERROR:
