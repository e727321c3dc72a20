//! `linkwatch ifplugd`: in the place of ifplugd 0.28, as Debian has it.

mod control;
mod daemon;
mod interface;
mod options;
mod plan;
mod script;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use log::LevelFilter;
use nix::sys::stat::{Mode, umask};

use super::background::{self, Side, Starting};
use super::pid_file::{PidFile, Refused};
use crate::cli::logger;
use crate::cli::signals::Signals;
use daemon::Daemon;
use options::{Command, Settings, UnknownMode};

pub(in crate::cli) use options::{AFTER_HELP, Options};

pub(super) const NAME: &str = "ifplugd";
/// Of wrong options.
pub(super) const USAGE_ERROR: u8 = 1;

/// The exit codes of ifplugd.
mod exit {
    pub(super) const DONE: u8 = 0;
    pub(super) const RUNTIME_ERROR: u8 = 1;
    pub(super) const UNKNOWN_MODE: u8 = 2;
    pub(super) const NOT_ROOT: u8 = 2;
    /// With -w.
    pub(super) const CONNECTED: u8 = 2;
    /// With -w.
    pub(super) const NOT_CONNECTED: u8 = 3;
    pub(super) const NO_BACKGROUND: u8 = 3;
    pub(super) const RUNNING_ALREADY: u8 = 4;
    pub(super) const CONTROL_FAILED: u8 = 6;
    pub(super) const NOT_RUNNING: u8 = 255;
    /// With -w: it has ended before it could tell the state.
    pub(super) const FAILED: u8 = 255;
}

pub(in crate::cli) fn run(options: Options) -> ExitCode {
    match options.command() {
        Command::Daemon => {}
        Command::Version => return print_version(),
        command => return control::run(command, &options.interface().name),
    }
    let settings = match options.settings() {
        Ok(settings) => settings,
        Err(UnknownMode(mode)) => {
            tell(format_args!(
                "there is no mode '{mode}'; there are auto, iff, wlan, ethtool, mii and priv"
            ));
            return ExitCode::from(exit::UNKNOWN_MODE);
        }
    };
    serve(settings)
}

fn print_version() -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    let printed = writeln!(io::stdout(), "{NAME} 0.28 (linkwatch {version})");
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(exit::RUNTIME_ERROR),
    }
}

/// Tells something on stderr, before there is a log. If that cannot be written,
/// the exit code has to do.
fn tell(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{NAME}: {what}");
}

/// Starts the daemon, or is it; returns the exit code.
fn serve(settings: Settings) -> ExitCode {
    if !rustix::process::geteuid().is_root() {
        tell(format_args!("this has to be run by root"));
        return ExitCode::from(exit::NOT_ROOT);
    }
    let name = &settings.interface.name;
    if let Ok(Some(id)) = control::running(name) {
        tell(format_args!(
            "a daemon runs for {name} already, process {id}"
        ));
        return ExitCode::from(exit::RUNNING_ALREADY);
    }
    let starting = match settings.in_background {
        false => None,
        true => match background::enter() {
            Ok(Side::User(code)) => return code,
            Ok(Side::Background(starting)) => Some(starting),
            Err(error) => {
                tell(format_args!("{error:#}"));
                return ExitCode::from(exit::NO_BACKGROUND);
            }
        },
    };
    background::set_process_name(NAME);
    logger::start_as(format!("{NAME}({name})"), LevelFilter::Info);
    if settings.in_background && settings.uses_system_log {
        logger::to_system_log();
    }
    let waits = starting.is_some() && settings.reports_state;
    ExitCode::from(be_daemon(settings, starting).unwrap_or_else(|error| {
        log::error!("{error:#}");
        match waits {
            true => exit::FAILED,
            false => exit::RUNTIME_ERROR,
        }
    }))
}

fn be_daemon(settings: Settings, starting: Option<Starting>) -> Result<u8> {
    umask(Mode::from_bits_truncate(0o022));
    // Who finds the PID file may send one.
    let signals = Signals::take_these(daemon::SIGNALS)?;
    let path = control::pid_file(&settings.interface.name);
    let _pid_file = match PidFile::create(&path, &control::NAMES) {
        Ok(file) => file,
        Err(Refused::Taken(_)) => {
            log::error!("a daemon runs for {} already", settings.interface.name);
            return Ok(exit::RUNNING_ALREADY);
        }
        Err(Refused::Failed(error)) => {
            return Err(error).with_context(|| path.display().to_string());
        }
    };
    if !settings.meaningless.is_empty() {
        let options = settings.meaningless.join(", ");
        log::info!("accepted, but meaningless here: {options}");
    }
    // Who does not want to know the state need not wait any longer.
    let user = match starting {
        Some(starting) if !settings.reports_state => {
            starting.ready()?;
            None
        }
        starting => starting,
    };
    let waits = user.is_some();
    let has_failed = match Daemon::new(settings, signals, user)? {
        None => waits,
        Some(mut daemon) => {
            daemon.run()?;
            daemon.owes_answer()
        }
    };
    log::info!("ending");
    Ok(match has_failed {
        true => exit::FAILED,
        false => exit::DONE,
    })
}
