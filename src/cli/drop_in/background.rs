//! Into the background, as daemons of old go there: the program that the user
//! has started ends once the one in the background is ready, with success or
//! what else it is told.
//!
//! Instead of fork(2), after which little is allowed, linkwatch starts itself
//! anew. The new one's standard output is a pipe to the old one, which waits for
//! a word from it; what is printed meanwhile goes to standard error.

use std::env;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use rustix::process::setsid;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use crate::cli::process::IN_BACKGROUND;

/// What it says when it is ready; an exit code follows.
const READY: u8 = b'r';

/// On which side of the fork in the road this process is.
pub(super) enum Side {
    /// The user's. The other has come up, or has failed; this is how to end.
    User(ExitCode),
    /// In the background, almost.
    Background(Starting),
}

/// Goes into the background. What can fail is done there, with the user's
/// standard input and error still open, until [`Starting::ready`].
pub(super) fn enter() -> Result<Side> {
    if env::var_os(IN_BACKGROUND).is_some() {
        // Only a process that leads its group already has no need of it.
        let _ = setsid();
        // Not inherited: scripts are not to say it, nor to keep it open.
        let user = io::stdout().as_fd().try_clone_to_owned()?;
        dup2_stdout(io::stderr()).context("giving up standard output")?;
        return Ok(Side::Background(Starting { user: user.into() }));
    }
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    let child = Command::new("/proc/self/exe")
        .arg0(name)
        .args(arguments)
        .env(IN_BACKGROUND, "1")
        .stdout(Stdio::piped())
        .spawn()
        .context("starting anew in the background")?;
    Ok(Side::User(wait_until_ready(child)?))
}

/// How to end: as it says once it is ready, or as it does if it ends before.
fn wait_until_ready(mut child: Child) -> Result<ExitCode> {
    let mut word = [0; 2];
    let is_told = match child.stdout.take() {
        Some(mut pipe) => pipe.read_exact(&mut word).is_ok(),
        None => false,
    };
    if let (true, [READY, code]) = (is_told, word) {
        return Ok(ExitCode::from(code));
    }
    let status = child.wait().context("waiting for it to come up")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(match (code, status.signal()) {
        (Some(code), _) => ExitCode::from(code),
        (None, signal) => {
            let signal = signal.and_then(|signal| u8::try_from(signal).ok());
            ExitCode::from(128u8.saturating_add(signal.unwrap_or(0)))
        }
    })
}

/// In the background, but not ready yet.
#[must_use]
pub(super) struct Starting {
    /// To the user's side.
    user: File,
}

impl Starting {
    /// Lets the user's side end, and lets go of the terminal and of the folder
    /// that it was started in. Called once nothing stands in the way any more.
    ///
    /// Fails where the user does not wait any more, having interrupted it; the
    /// terminal is let go of then too.
    pub(super) fn ready(self) -> Result<()> {
        self.ready_with(0)
    }

    /// The same; the user's side ends with this exit code.
    pub(super) fn ready_with(mut self, code: u8) -> Result<()> {
        env::set_current_dir("/").context("going to the root directory")?;
        let nothing = nothing().context("opening /dev/null")?;
        let said = self.user.write_all(&[READY, code]);
        dup2_stdin(&nothing).context("closing standard input")?;
        dup2_stdout(&nothing).context("closing standard output")?;
        dup2_stderr(&nothing).context("closing standard error")?;
        said.context("nobody waits for it to come up")
    }
}

fn nothing() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/null")
}

/// Gives the process the name by which service scripts find it, for it was
/// started under another one.
pub(super) fn set_process_name(name: &str) {
    if let Ok(name) = CString::new(name)
        && let Err(error) = rustix::thread::set_name(&name)
    {
        log::debug!("naming the process: {error}");
    }
}
