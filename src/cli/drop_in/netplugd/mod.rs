//! `linkwatch netplugd`: in the place of netplugd 1.2.9, as Debian has it.

mod config;
mod daemon;
mod machine;
mod options;
mod probe;
mod script;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use log::LevelFilter;
use nix::sys::signal::Signal;

use super::background::{self, Side};
use super::pid_file::{PidFile, Refused};
use crate::cli::logger;
use crate::cli::signals::Signals;
use daemon::Daemon;
use script::Script;

pub(in crate::cli) use options::{AFTER_HELP, Options};

pub(super) const NAME: &str = "netplugd";
/// Of wrong options, and of everything else: netplugd has no other.
pub(super) const USAGE_ERROR: u8 = 1;

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
fn write_pid_file(path: &Path) -> Result<Option<PidFile>> {
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
