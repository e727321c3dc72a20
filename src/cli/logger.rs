//! Diagnostics on stderr, which may be the journal, or in the system's log.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, OnceLock, PoisonError};

use log::{Level, LevelFilter};
use nix::sys::stat::fstat;

use super::syslog::Syslog;

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

/// The daemon that this program stands in for.
static STANDS_IN_FOR: OnceLock<String> = OnceLock::new();
/// Where its diagnostics go to, if not to stderr.
static SYSTEM_LOG: Mutex<Option<Syslog>> = Mutex::new(None);

/// Starts as the daemon `name` would, on stderr. RUST_LOG, where it is set,
/// decides over the level.
pub(super) fn start_as(name: impl Into<String>, level: LevelFilter) {
    let _ = STANDS_IN_FOR.set(name.into());
    let started = env_logger::Builder::new()
        .filter_level(level)
        .parse_default_env()
        .target(env_logger::Target::Pipe(Box::new(io::sink())))
        .format(|_, record| {
            write_line(record.level(), record.args());
            Ok(())
        })
        .try_init();
    debug_assert!(started.is_ok(), "started twice");
}

/// From now on, diagnostics go to the system's log instead of stderr.
pub(super) fn to_system_log() {
    let name = stands_in_for();
    *SYSTEM_LOG.lock().unwrap_or_else(PoisonError::into_inner) = Some(Syslog::new(name));
}

fn stands_in_for() -> &'static str {
    STANDS_IN_FOR.get().map_or("linkwatch", String::as_str)
}

/// A line of a daemon that this program stands in for. What cannot be written is
/// lost.
fn write_line(level: Level, what: &std::fmt::Arguments<'_>) {
    let mut log = SYSTEM_LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let name = stands_in_for();
    for line in what.to_string().lines() {
        let _ = match &mut *log {
            Some(log) => {
                log.write(priority(level), line);
                Ok(())
            }
            None if is_journal() => writeln!(io::stderr(), "<{}>{line}", priority(level)),
            None => match level {
                Level::Error => writeln!(io::stderr(), "{name}: error: {line}"),
                Level::Warn => writeln!(io::stderr(), "{name}: warning: {line}"),
                _ => writeln!(io::stderr(), "{name}: {line}"),
            },
        };
    }
}

/// Tells something on stderr. If that cannot be written, nobody is there to be
/// told, and the exit code has to do.
pub(super) fn tell(what: std::fmt::Arguments<'_>) {
    debug_assert!(STANDS_IN_FOR.get().is_none(), "it has a log");
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
