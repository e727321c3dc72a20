//! Talking to a daemon that runs: `-k`, `-c`, `-S`, `-R`, `-z`.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::poll::PollFlags;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, test_kill_process};

use super::exit;
use super::options::Command;
use crate::cli::drop_in::pid_file::PidFile;
use crate::cli::poll::{poll_all, timeout};

/// What the daemon's process is called: the original's, and ours.
pub(super) const NAMES: [&str; 1] = [super::NAME];
/// How long `-W` waits.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks where the kernel has no pidfd.
const LOOK: Duration = Duration::from_millis(100);

/// The PID file of the daemon of an interface.
pub(super) fn pid_file(interface: &str) -> PathBuf {
    Path::new("/var/run").join(format!("{}.{interface}.pid", super::NAME))
}

/// Its process, if it runs.
pub(super) fn running(interface: &str) -> io::Result<Option<u32>> {
    PidFile::holder(&pid_file(interface), &NAMES)
}

/// Does what `command` says to the daemon of `interface`.
pub(super) fn run(command: Command, interface: &str) -> ExitCode {
    let done = match command {
        Command::CheckRunning => return check(interface),
        Command::Kill { wait } => kill(interface, wait),
        Command::Suspend => send(interface, Signal::USR1).map(drop),
        Command::Resume => send(interface, Signal::USR2).map(drop),
        Command::Info => send(interface, Signal::HUP).map(drop),
        Command::Daemon | Command::Version => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::tell(format_args!("{error:#}"));
            ExitCode::from(exit::CONTROL_FAILED)
        }
    }
}

fn check(interface: &str) -> ExitCode {
    let mut stdout = io::stdout();
    // Where nothing can be printed, the exit code tells.
    match running(interface) {
        Ok(Some(id)) => {
            let _ = writeln!(stdout, "{interface}: a daemon runs, process {id}");
            ExitCode::SUCCESS
        }
        Ok(None) => {
            let _ = writeln!(stdout, "{interface}: no daemon runs");
            ExitCode::from(exit::NOT_RUNNING)
        }
        Err(error) => {
            let path = pid_file(interface);
            super::tell(format_args!("{}: {error}", path.display()));
            ExitCode::from(exit::NOT_RUNNING)
        }
    }
}

/// Sends a signal to the daemon; returns its process.
fn send(interface: &str, signal: Signal) -> Result<Pid> {
    let path = pid_file(interface);
    let id = running(interface).with_context(|| path.display().to_string())?;
    let id = id.and_then(|id| i32::try_from(id).ok());
    let Some(process) = id.and_then(Pid::from_raw) else {
        bail!("no daemon runs for {interface} (by {})", path.display());
    };
    kill_process(process, signal)
        .with_context(|| format!("sending a signal to process {process}"))?;
    Ok(process)
}

fn kill(interface: &str, wait: bool) -> Result<()> {
    let path = pid_file(interface);
    let id = running(interface).with_context(|| path.display().to_string())?;
    // Before the signal, so that it is no other process of its number.
    let pidfd = id
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
        .and_then(|process| pidfd_open(process, PidfdFlags::empty()).ok());
    let process = send(interface, Signal::INT)?;
    if !wait {
        return Ok(());
    }
    let deadline = Instant::now() + PATIENCE;
    while test_kill_process(process).is_ok() {
        if deadline <= Instant::now() {
            bail!("process {process} has not ended within {PATIENCE:?}");
        }
        match &pidfd {
            Some(pidfd) => {
                let [ended, _] = poll_all(
                    &[(pidfd.as_fd(), PollFlags::POLLIN)],
                    timeout(Some(deadline)),
                )?;
                if !ended.is_empty() {
                    break;
                }
            }
            None => std::thread::sleep(LOOK),
        }
    }
    Ok(())
}
