# linkwatch: `make run` and `make test` install what is missing and do the rest.

CARGO ?= cargo
# What `make run` passes on, for example: make run ARGS="watch --json 'eth*'"
ARGS ?= watch

.PHONY: help run test check demo dependencies test-dependencies docs-rs-bindings clean

help:
	@echo "make run      build linkwatch and watch the interfaces (ARGS=... for other arguments)"
	@echo "make test     run all tests"
	@echo "make demo     show it with a virtual cable, in a network namespace of its own"
	@echo "make check    the checks that a change must pass beside the tests"

run: dependencies
	$(CARGO) build --release --quiet
	@echo "linkwatch $(ARGS)    (pull a cable to see it; Ctrl-C ends it)" >&2
	@exec target/release/linkwatch $(ARGS)

test: test-dependencies
	$(CARGO) test --workspace

demo: test-dependencies
	$(CARGO) build --release --quiet --bin linkwatch --example virtual_cable
	@unshare --user --map-root-user --net \
		scripts/demo target/release/linkwatch target/release/examples/virtual_cable

check: test-dependencies
	scripts/check

dependencies:
	@scripts/install-dependencies

test-dependencies:
	@scripts/install-dependencies test

# The bindings that docs.rs, which has no libnl, makes its pages from.
docs-rs-bindings:
	$(CARGO) build -p libnl3-sys
	scripts/keep-bindings

clean:
	$(CARGO) clean
