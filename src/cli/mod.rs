//! The command line: everything here uses the library's public interface only.

mod args;
#[cfg(feature = "genl")]
mod cable_test;
mod config;
mod daemon;
mod details;
mod log_file;
mod report;
mod process;
mod signals;
mod sink;
mod status;
mod status_json;
mod text;
mod wait;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use linkwatch::nl::Namespace;
use log::LevelFilter;

use args::{Args, Command};

/// The exit codes that scripts rely on. Usage errors end with clap's own 2.
mod exit {
    pub(super) const RUNTIME_ERROR: u8 = 1;
    pub(super) const USAGE: u8 = 2;
    pub(super) const NOT_CONNECTED: u8 = 3;
    pub(super) const NO_INTERFACE: u8 = 4;
    pub(super) const TIMED_OUT: u8 = 5;
}

/// The target of the lines that hooks write, which are logged unless RUST_LOG
/// says otherwise.
const LOG_OF_HOOKS: &str = "hook";

/// Parses the arguments and does what they ask for.
pub(crate) fn main() -> ExitCode {
    let args = Args::parse();
    start_logger(args.verbose);
    let result = match args.command {
        Command::Status(args) => status::run(&args),
        Command::Watch(args) => daemon::run(&args),
        Command::Wait(args) => wait::run(&args),
        Command::Report(args) => report::run(&args),
        Command::CheckConfig(args) => daemon::check_config(&args.path),
    };
    match result {
        Ok(code) => code,
        // Whoever read our output has had enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            tell(format_args!("error: {error:#}"));
            ExitCode::from(match error.is::<config::Invalid>() {
                true => exit::USAGE,
                false => exit::RUNTIME_ERROR,
            })
        }
    }
}

/// Diagnostics go to stderr; RUST_LOG, where it is set, decides over `-v`.
fn start_logger(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    env_logger::Builder::new()
        .filter_level(level)
        .filter_module(LOG_OF_HOOKS, level.max(LevelFilter::Info))
        .parse_default_env()
        .format_target(false)
        .init();
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Tells something on stderr. If that cannot be written, nobody is there to be
/// told, and the exit code has to do.
fn tell(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "linkwatch: {what}");
}

/// The namespace that `--netns` names, or our own.
fn namespace(name: Option<&str>) -> Result<Namespace> {
    match name {
        None => Ok(Namespace::current()),
        Some(name) => Namespace::named(name).context("--netns"),
    }
}
