//! With LINKWATCH_FUZZ_TRACE set, what happens in a run is told on stderr.

use std::sync::OnceLock;

use log::{Log, Metadata, Record};

/// True if it is set.
pub fn is_on() -> bool {
    static ON: OnceLock<bool> = OnceLock::new();
    *ON.get_or_init(|| {
        let on = std::env::var_os("LINKWATCH_FUZZ_TRACE").is_some();
        if on && log::set_logger(&Stderr).is_ok() {
            log::set_max_level(log::LevelFilter::Trace);
        }
        on
    })
}

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        eprintln!("{}", record.args());
    }

    fn flush(&self) {}
}
