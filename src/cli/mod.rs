//! The command line: everything here uses the library's public interface only.

mod args;
#[cfg(feature = "genl")]
mod cable_test;
mod config;
mod daemon;
mod deferred;
mod details;
mod drop_in;
mod event_line;
mod local_zone;
mod log_file;
mod logger;
mod poll;
mod process;
mod report;
mod signals;
mod sink;
mod status;
mod status_json;
mod syslog;
mod text;
mod wait;

// It is in no program.
#[cfg(test)]
mod manual;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use linkwatch::nl::Namespace;
use linkwatch::{LinkState, Pattern};

use args::{Args, Command};
use logger::tell;

/// The exit codes that scripts rely on. Usage errors end with clap's own 2.
mod exit {
    pub(super) const RUNTIME_ERROR: u8 = 1;
    pub(super) const USAGE: u8 = 2;
    pub(super) const NOT_CONNECTED: u8 = 3;
    pub(super) const NO_INTERFACE: u8 = 4;
    pub(super) const TIMED_OUT: u8 = 5;
}

/// Parses the arguments and does what they ask for.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(code) = drop_in::run_if_called(&arguments) {
        return code;
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return print_usage(&error),
    };
    if !args.command.is_drop_in() {
        logger::start(args.verbose);
    }
    let result = match args.command {
        Command::Netplugd(options) => return drop_in::netplugd::run(options.0),
        Command::Ifplugd(options) => return drop_in::ifplugd::run(options.0),
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

/// What clap has to say: an error, or the help or version that was asked for.
fn print_usage(error: &clap::Error) -> ExitCode {
    let printed = error.print().and_then(|()| io::stdout().flush());
    let code = u8::try_from(error.exit_code()).unwrap_or(exit::USAGE);
    match printed {
        Err(failure) if code == 0 && failure.kind() != io::ErrorKind::BrokenPipe => {
            tell(format_args!("error: writing to standard output: {failure}"));
            ExitCode::from(exit::RUNTIME_ERROR)
        }
        _ => ExitCode::from(code),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The namespace that `--netns` names, or our own.
fn namespace(name: Option<&str>) -> Result<Namespace> {
    match name {
        None => Ok(Namespace::current()),
        Some(name) => Namespace::named(name).context("--netns"),
    }
}

/// A name that does not exist is waited for; it may also be a slip.
fn tell_what_is_missing(patterns: &[Pattern], links: &[&LinkState]) {
    for pattern in patterns {
        if !links.iter().any(|link| pattern.matches_link(link)) {
            log::warn!("no interface matches '{pattern}' yet; watching for one");
        }
    }
    if patterns.is_empty() && links.is_empty() {
        log::warn!("there is no interface but loopback yet; watching for one");
    }
}
