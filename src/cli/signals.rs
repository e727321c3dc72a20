//! Signals as something to wait for.

use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// SIGINT, SIGTERM: end.
    End,
    /// SIGHUP: reopen the log file.
    Reopen,
}

/// The signals that are taken from a descriptor instead of a handler. Made
/// before any thread is started, for threads inherit what is blocked.
pub(super) struct Signals {
    descriptor: SignalFd,
}

impl Signals {
    /// Takes SIGINT and SIGTERM, and SIGHUP where there is a log file to
    /// reopen; without one it ends the program as ever.
    pub(super) fn take(with_hangup: bool) -> Result<Signals> {
        let hangup = with_hangup.then_some(Signal::SIGHUP);
        Signals::take_these([Signal::SIGINT, Signal::SIGTERM].into_iter().chain(hangup))
    }

    /// Takes these.
    pub(super) fn take_these(signals: impl IntoIterator<Item = Signal>) -> Result<Signals> {
        let set: SigSet = signals.into_iter().collect();
        set.thread_block().context("blocking signals")?;
        let descriptor = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .context("preparing to wait for signals")?;
        Ok(Signals { descriptor })
    }

    /// The next signal that has come, if any.
    pub(super) fn next_signal(&mut self) -> Result<Option<Signal>> {
        let Some(signal) = self.descriptor.read_signal().context("reading a signal")? else {
            return Ok(None);
        };
        let number = i32::try_from(signal.ssi_signo).context("reading a signal")?;
        Ok(Some(Signal::try_from(number).context("reading a signal")?))
    }

    /// What the next signal that has come asks for, if any has.
    pub(super) fn next(&mut self) -> Result<Option<Request>> {
        Ok(self.next_signal()?.map(|signal| match signal {
            Signal::SIGHUP => Request::Reopen,
            _ => Request::End,
        }))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
