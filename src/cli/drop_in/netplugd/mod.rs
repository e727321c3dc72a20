//! `linkwatch netplugd`: in the place of netplugd 1.2.9, as Debian has it.

mod config;
mod daemon;
mod machine;
mod probe;
mod script;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use log::LevelFilter;
use nix::sys::signal::Signal;

use super::background::{self, Side};
use super::pid_file::{PidFile, Refused};
use crate::cli::logger;
use crate::cli::signals::Signals;
use daemon::Daemon;
use script::Script;

pub(super) const NAME: &str = "netplugd";
/// Of wrong options, and of everything else: netplugd has no other.
pub(super) const USAGE_ERROR: u8 = 1;
const DEFAULT_CONFIG: &str = "/etc/netplug/netplugd.conf";
const DEFAULT_SCRIPT: &str = "/etc/netplug/netplug";

pub(in crate::cli) const AFTER_HELP: &str = "\
A configuration file has a shell glob a line, as 'eth*'; its first word counts, and what \
follows a '#' does not. The script is called with the interface's name and 'in' when it has \
carrier, 'out' when it has lost it, 'probe' when it is down and is to be taken up. It has the \
daemon's environment. If 'in' fails, nothing is done for that interface until it has been \
down.\n\n\
SIGHUP, SIGINT and SIGTERM end it; a script that runs then runs on.\n\n\
Exit status: 0 it has gone into the background, 1 anything else, the signals too.";

/// netplugd's options.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct Options {
    /// Tell more
    #[arg(short = 'D')]
    debug: bool,

    /// Stay in the foreground, and tell on stderr instead of the system's log
    #[arg(short = 'F')]
    foreground: bool,

    /// Do not call the script for 'probe' at the start
    #[arg(short = 'P')]
    no_probe: bool,

    /// Read patterns from this file, '-' for standard input; may be repeated
    #[arg(
        short = 'c',
        value_name = "FILE",
        default_value = DEFAULT_CONFIG,
        allow_hyphen_values = true
    )]
    configs: Vec<PathBuf>,

    /// Manage the interfaces that match this shell glob, too; may be repeated
    #[arg(short = 'i', value_name = "PATTERN", allow_hyphen_values = true)]
    patterns: Vec<OsString>,

    /// Keep the daemon's process id in this file; in the foreground it is not
    /// written
    #[arg(short = 'p', value_name = "FILE", allow_hyphen_values = true)]
    pid_file: Option<PathBuf>,

    /// Call this script
    #[arg(
        short = 's',
        value_name = "SCRIPT",
        default_value = DEFAULT_SCRIPT,
        allow_hyphen_values = true
    )]
    script: PathBuf,

    /// Not looked at, as in the original
    #[arg(hide = true)]
    rest: Vec<OsString>,
}

pub(in crate::cli) fn run(options: Options) -> ExitCode {
    logger::start_as(
        NAME,
        match options.debug {
            true => LevelFilter::Debug,
            false => LevelFilter::Info,
        },
    );
    background::set_process_name(NAME);
    match manage(&options) {
        Ok(code) => code,
        Err(error) => {
            log::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn manage(options: &Options) -> Result<ExitCode> {
    let starting = match options.foreground {
        true => None,
        false => match background::enter()? {
            Side::User(code) => return Ok(code),
            Side::Background(starting) => Some(starting),
        },
    };
    let patterns = config::patterns(options);
    if !rustix::process::getuid().is_root() {
        log::warn!("this is not run by root: the script may be unable to do its work");
    }
    let script = Script::new(&options.script).context("the script")?;
    if !options.no_probe && daemon::probe(&probe::names(&patterns), &script)? == 0 {
        log::warn!("no interface could be probed");
    }
    let mut signals = Signals::take_these([Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM])?;
    let mut daemon = Daemon::new(patterns, script)?;
    let _pid_file = match (starting, &options.pid_file) {
        (None, _) => None,
        (Some(starting), path) => {
            let path = path.as_deref().map(std::path::absolute).transpose();
            let pid_file = match path.context("-p")? {
                Some(path) => write_pid_file(&path)?,
                None => None,
            };
            starting.ready()?;
            logger::to_system_log();
            pid_file
        }
    };
    let signal = daemon.run(&mut signals)?;
    log::warn!("caught {signal}: ending");
    Ok(ExitCode::FAILURE)
}

/// As with the original, it can do without, where it cannot be written.
fn write_pid_file(path: &std::path::Path) -> Result<Option<PidFile>> {
    match PidFile::create(path, &[NAME]) {
        Ok(file) => Ok(Some(file)),
        Err(Refused::Taken(pid)) => {
            let pid = pid.map_or_else(String::new, |pid| format!(", with process id {pid}"));
            bail!("{}: a netplugd is running already{pid}", path.display())
        }
        Err(Refused::Failed(error)) => {
            log::error!("{}: {error}; going on without", path.display());
            Ok(None)
        }
    }
}
