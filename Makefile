# linkwatch: `make run` and `make test` install what is missing and do the rest.

CARGO ?= cargo
# What `make run` passes on, for example: make run ARGS="watch --json 'eth*'"
ARGS ?= watch

TARGET := $(or $(CARGO_TARGET_DIR),target)

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DOCDIR ?= $(PREFIX)/share/doc/linkwatch
# `no` leaves the systemd unit out.
SYSTEMDUNITDIR ?= $(PREFIX)/lib/systemd/system
# `no` leaves generic netlink out of the C library, which then does not load
# libnl-genl: no details of links, Wi-Fi is told as Ethernet, a roam as an outage.
GENL ?= yes
# A folder that the tree is installed below instead of /, for packages.
DESTDIR ?=
VERSION := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
URL := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^repository = "\(.*\)"/\1/p' Cargo.toml)
SONAME := liblinkwatch.so.$(firstword $(subst ., ,$(VERSION)))

.PHONY: help run test test-guest torture fuzz bench check demo build install uninstall dependencies test-dependencies docs-rs-bindings header clean

help:
	@echo "make run      build linkwatch and watch the interfaces (ARGS=... for other arguments)"
	@echo "make test     run all tests, some seconds of fuzzing and those in an emulated machine too"
	@echo "make test-guest   only the latter: Wi-Fi, bonds, a NIC"
	@echo "make torture  storms, churn and losses in full, for some minutes (SEED=... repeats one)"
	@echo "make fuzz     hostile input (FUZZ=target EXECUTIONS=number)"
	@echo "make bench    the race against other watchers (MODES=\"drain live\" RUNS=5 QUICK=1)"
	@echo "make demo     show it with a virtual cable, in a network namespace of its own"
	@echo "make check    the checks that a change must pass beside the tests"
	@echo "make build    build the program and the C library"
	@echo "make install  install program, service, C library and header below PREFIX ($(PREFIX))"

run: dependencies
	$(CARGO) build --release --quiet
	@echo "linkwatch $(ARGS)    (pull a cable to see it; Ctrl-C ends it)" >&2
	@exec $(TARGET)/release/linkwatch $(ARGS)

test: test-dependencies
	$(CARGO) test --workspace
	scripts/fuzz --short
	scripts/test-guest

# Boots Debian's kernel under qemu; downloads what it needs and installs nothing.
test-guest: test-dependencies
	scripts/test-guest

torture: test-dependencies
	LINKWATCH_TORTURE=full $(CARGO) test --release --test torture

fuzz: test-dependencies
	scripts/fuzz $(FUZZ) $(EXECUTIONS)

# As root, with larger buffers. A complete race is written to docs/bench/.
bench: test-dependencies
	MODES="$(MODES)" RUNS="$(RUNS)" QUICK="$(QUICK)" bench/run

demo: test-dependencies
	$(CARGO) build --release --quiet --bin linkwatch --example virtual_cable
	@unshare --user --map-root-user --net \
		scripts/demo $(TARGET)/release/linkwatch $(TARGET)/release/examples/virtual_cable

check: test-dependencies
	scripts/check

dependencies:
	@scripts/install-dependencies

test-dependencies:
	@scripts/install-dependencies test

# The program and the C library, as they are installed.
build: dependencies
	$(CARGO) build --release --quiet --bin linkwatch
	@GENL=$(GENL) scripts/build-c-library >/dev/null

# As root, what was built before is installed: cargo is seldom root's.
install:
	@[ "$$(id -u)" -eq 0 ] && [ -x $(TARGET)/release/linkwatch ] && \
		[ -e $(TARGET)/c/release/liblinkwatch.so ] || $(MAKE) build
	install -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)"
	install -m 755 $(TARGET)/release/linkwatch "$(DESTDIR)$(BINDIR)/linkwatch"
	install -m 644 include/linkwatch.h "$(DESTDIR)$(INCLUDEDIR)/linkwatch.h"
	install -m 755 $(TARGET)/c/release/liblinkwatch.so "$(DESTDIR)$(LIBDIR)/liblinkwatch.so.$(VERSION)"
	ln -sf liblinkwatch.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/liblinkwatch.so"
	install -m 644 $(TARGET)/c/release/liblinkwatch.a "$(DESTDIR)$(LIBDIR)/liblinkwatch.a"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		-e 's|@LIBNL@|$(if $(filter no,$(GENL)),,libnl-genl-3.0 )libnl-3.0|' \
		packaging/linkwatch.pc.in >"$(DESTDIR)$(LIBDIR)/pkgconfig/linkwatch.pc"
	chmod 644 "$(DESTDIR)$(LIBDIR)/pkgconfig/linkwatch.pc"
	install -d "$(DESTDIR)$(DOCDIR)"
	install -m 644 packaging/linkwatch.toml "$(DESTDIR)$(DOCDIR)/linkwatch.toml"
ifneq ($(SYSTEMDUNITDIR),no)
	install -d "$(DESTDIR)$(SYSTEMDUNITDIR)"
	sed -e 's|@BINDIR@|$(BINDIR)|' -e 's|@URL@|$(URL)|' \
		packaging/linkwatch.service.in >"$(DESTDIR)$(SYSTEMDUNITDIR)/linkwatch.service"
	chmod 644 "$(DESTDIR)$(SYSTEMDUNITDIR)/linkwatch.service"
endif
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || ldconfig 2>/dev/null || true

uninstall:
	rm -f "$(DESTDIR)$(BINDIR)/linkwatch" "$(DESTDIR)$(INCLUDEDIR)/linkwatch.h" \
		"$(DESTDIR)$(LIBDIR)/liblinkwatch.so.$(VERSION)" "$(DESTDIR)$(LIBDIR)/$(SONAME)" \
		"$(DESTDIR)$(LIBDIR)/liblinkwatch.so" "$(DESTDIR)$(LIBDIR)/liblinkwatch.a" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig/linkwatch.pc" \
		"$(DESTDIR)$(DOCDIR)/linkwatch.toml" "$(DESTDIR)$(SYSTEMDUNITDIR)/linkwatch.service"

# include/linkwatch.h, after a change in src/capi/.
header:
	LINKWATCH_WRITE_HEADER=1 $(CARGO) test --quiet --test header

# The bindings that docs.rs, which has no libnl, makes its pages from.
docs-rs-bindings:
	$(CARGO) build -p libnl3-sys --all-features
	scripts/keep-bindings

clean:
	$(CARGO) clean
