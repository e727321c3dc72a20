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
MANDIR ?= $(PREFIX)/share/man
# Where the shells look for completions.
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
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

.PHONY: help run test test-guest torture fuzz bench microbench check demo build install uninstall deb dependencies test-dependencies docs-rs-bindings header man clean

help:
	@echo "make run      build linkwatch and watch the interfaces (ARGS=... for other arguments)"
	@echo "make test     run all tests, the fuzz targets on fixed inputs, and those in an emulated machine"
	@echo "make test-guest   only the latter: Wi-Fi, bonds, a NIC"
	@echo "make torture  storms, churn and losses in full, for some minutes (SEED=... repeats one)"
	@echo "make fuzz     search for hostile input that breaks it (FUZZ=target EXECUTIONS=number)"
	@echo "make bench    the race against other watchers (MODES=\"drain live\" RUNS=5 QUICK=1)"
	@echo "make microbench   the parts that a message passes, by criterion"
	@echo "make demo     show it with a virtual cable, in a network namespace of its own"
	@echo "make check    the checks that a change must pass beside the tests"
	@echo "make build    build the program and the C library"
	@echo "make install  install program, manual, service, C library and header below PREFIX ($(PREFIX))"
	@echo "make deb      build Debian packages: linkwatch, liblinkwatch0, liblinkwatch-dev"
	@echo "make man      write manual pages, completions and the example anew, after a change of options"

run: dependencies
	@scripts/build-program >/dev/null
	@echo "linkwatch $(ARGS)    (pull a cable to see it; Ctrl-C ends it)" >&2
	@exec $(TARGET)/program/linkwatch $(ARGS)

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

# The message view and the table, by criterion.
microbench: dependencies
	CARGO_TARGET_DIR=$(abspath $(TARGET))/bench/target $(CARGO) bench --manifest-path bench/Cargo.toml --benches

demo: test-dependencies
	@scripts/build-program >/dev/null
	$(CARGO) build --release --quiet --example virtual_cable
	@unshare --user --map-root-user --net \
		scripts/demo $(TARGET)/program/linkwatch $(TARGET)/release/examples/virtual_cable

check:
	@scripts/install-dependencies check
	scripts/check

dependencies:
	@scripts/install-dependencies

test-dependencies:
	@scripts/install-dependencies test

# The program and the C library, as they are installed.
build: dependencies
	@scripts/build-program >/dev/null
	@GENL=$(GENL) scripts/build-c-library >/dev/null

# As root, what was built before is installed: cargo is seldom root's.
install:
	@[ "$$(id -u)" -eq 0 ] && [ -x $(TARGET)/program/linkwatch ] && \
		[ -e $(TARGET)/c/release/liblinkwatch.so ] || $(MAKE) build
	install -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)"
	install -m 755 $(TARGET)/program/linkwatch "$(DESTDIR)$(BINDIR)/linkwatch"
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
	install -d "$(DESTDIR)$(MANDIR)/man1" "$(DESTDIR)$(MANDIR)/man5" \
		"$(DESTDIR)$(BASHDIR)" "$(DESTDIR)$(ZSHDIR)" "$(DESTDIR)$(FISHDIR)"
	install -m 644 packaging/man/linkwatch.1 "$(DESTDIR)$(MANDIR)/man1/linkwatch.1"
	install -m 644 packaging/man/linkwatch.toml.5 "$(DESTDIR)$(MANDIR)/man5/linkwatch.toml.5"
	install -m 644 packaging/completions/linkwatch.bash "$(DESTDIR)$(BASHDIR)/linkwatch"
	install -m 644 packaging/completions/_linkwatch "$(DESTDIR)$(ZSHDIR)/_linkwatch"
	install -m 644 packaging/completions/linkwatch.fish "$(DESTDIR)$(FISHDIR)/linkwatch.fish"
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
		"$(DESTDIR)$(DOCDIR)/linkwatch.toml" "$(DESTDIR)$(SYSTEMDUNITDIR)/linkwatch.service" \
		"$(DESTDIR)$(MANDIR)/man1/linkwatch.1" "$(DESTDIR)$(MANDIR)/man5/linkwatch.toml.5" \
		"$(DESTDIR)$(BASHDIR)/linkwatch" "$(DESTDIR)$(ZSHDIR)/_linkwatch" \
		"$(DESTDIR)$(FISHDIR)/linkwatch.fish"

# Debian packages, in $(TARGET)/deb.
deb: build
	@scripts/build-deb

# include/linkwatch.h, after a change in src/capi/.
header:
	LINKWATCH_WRITE_HEADER=1 $(CARGO) test --quiet --test header

# What packaging/ has from the program's definitions, after a change of options,
# of the configuration's keys, or of packaging/man/*.in.
man:
	LINKWATCH_WRITE_MANUAL=1 $(CARGO) test --quiet --bin linkwatch -- \
		--exact cli::manual::what_is_generated_is_up_to_date

# The bindings that docs.rs, which has no libnl, makes its pages from.
docs-rs-bindings:
	$(CARGO) build -p libnl3-sys --all-features
	scripts/keep-bindings

clean:
	$(CARGO) clean
