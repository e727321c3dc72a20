//! The C library, from C: programs that are compiled strictly and run in a
//! network namespace of their own, plainly, under valgrind and with the
//! compiler's sanitizers.

#[path = "../kernel/support/mod.rs"]
#[allow(dead_code, unused_imports)] // shared, each test binary uses a part
mod support;

mod boundary;
mod drop_in;
mod program;
mod symbols;
mod watcher;
