//! ifplugd's script: `PROGRAM IFACE up|down [EXTRA]`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use linkwatch::nl::escape;
use nix::poll::PollFlags;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use super::options::Settings;
use super::plan::{Action, Call};
use crate::cli::process::{Launch, Process};

#[derive(Debug)]
pub(super) struct Script {
    program: PathBuf,
    interface: String,
    extra: Option<OsString>,
}

/// How a call has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
    /// It was terminated from here.
    Interrupted,
}

/// One call that is under way.
#[derive(Debug)]
pub(super) struct Running {
    action: Action,
    process: Process,
    is_interrupted: bool,
}

impl Script {
    pub(super) fn new(settings: &Settings) -> Script {
        Script {
            program: settings.program.clone(),
            interface: settings.interface.name.clone(),
            extra: settings.extra.clone(),
        }
    }

    /// Calls it; `None` if it cannot be.
    pub(super) fn start(&self, call: Call) -> Option<Running> {
        let program = escape(self.program.as_os_str().as_bytes());
        let mut arguments: Vec<OsString> =
            vec![self.interface.clone().into(), call.action.as_str().into()];
        arguments.extend(self.extra.clone());
        let mut launch = Launch {
            program: self.program.clone(),
            arguments,
            inherits_environment: true,
            ..Launch::default()
        };
        launch.set("IFPLUGD_PREVIOUS", call.previous.as_str());
        launch.set("IFPLUGD_CURRENT", call.current.as_str());
        log::info!("calling {program} for {}", call.action.as_str());
        match Process::start(launch) {
            Ok(process) => Some(Running {
                action: call.action,
                process,
                is_interrupted: false,
            }),
            Err(error) => {
                log::error!("{program}: {error}");
                None
            }
        }
    }
}

impl Running {
    pub(super) fn action(&self) -> Action {
        self.action
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        self.process.sources()
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.process.due()
    }

    /// Logs what it writes, and tells how it has ended, once it has.
    pub(super) fn advance(&mut self) -> Option<Outcome> {
        let end = self
            .process
            .advance(|_, line| log::info!("client: {line}"))?;
        if end.dropped_lines > 0 {
            log::warn!("client: {} more lines", end.dropped_lines);
        }
        Some(match (self.is_interrupted, end.is_success()) {
            (true, _) => {
                log::info!("the program was interrupted: {end}");
                Outcome::Interrupted
            }
            (false, true) => {
                log::info!("the program has done it");
                Outcome::Success
            }
            (false, false) => {
                log::error!("the program has failed: {end}");
                Outcome::Failure
            }
        })
    }

    /// Has it end, soon.
    pub(super) fn interrupt(&mut self) {
        self.is_interrupted = true;
        self.process.terminate();
    }
}
