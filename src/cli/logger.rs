//! Diagnostics on stderr, which may be the journal.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;

use log::{Level, LevelFilter};
use nix::sys::stat::fstat;

/// The target of the lines that hooks write, which are logged unless RUST_LOG
/// says otherwise.
pub(super) const HOOKS: &str = "hook";

/// RUST_LOG, where it is set, decides over `-v`.
pub(super) fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    let mut builder = env_logger::Builder::new();
    builder
        .filter_level(level)
        .filter_module(HOOKS, level.max(LevelFilter::Info))
        .parse_default_env()
        .format_target(false);
    if is_journal() {
        builder.format(|out, record| {
            let priority = priority(record.level());
            // Each line is an entry of its own.
            for line in record.args().to_string().lines() {
                writeln!(out, "<{priority}>{line}")?;
            }
            Ok(())
        });
    }
    builder.init();
}

/// Tells something on stderr. If that cannot be written, nobody is there to be
/// told, and the exit code has to do.
pub(super) fn tell(what: std::fmt::Arguments<'_>) {
    let _ = match is_journal() {
        true => what
            .to_string()
            .lines()
            .try_for_each(|line| writeln!(io::stderr(), "<{}>{line}", priority(Level::Error))),
        false => writeln!(io::stderr(), "linkwatch: {what}"),
    };
}

/// As sd-daemon(3) has them.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// True if stderr is the journal, which has time stamps and names of its own:
/// JOURNAL_STREAM says which stream is.
fn is_journal() -> bool {
    static IS_JOURNAL: OnceLock<bool> = OnceLock::new();
    *IS_JOURNAL.get_or_init(|| {
        let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
            return false;
        };
        fstat(io::stderr().as_fd())
            .is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
    })
}
