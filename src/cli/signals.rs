//! Signals as something to wait for.
//!
//! They are caught by handlers that write to a socket, not read from a
//! signalfd(2): that needs them blocked, and a blocked mask is inherited by every
//! child and kept over execve(2), so that no child would see a SIGTERM unless it
//! unblocked it itself. Handlers are reset to the default action by execve(2), and
//! nothing is blocked at any time.

use std::collections::VecDeque;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// SIGINT, SIGTERM: end.
    End,
    /// SIGHUP: reopen the log file.
    Reopen,
}

/// The signals that are caught. The same signal, sent several times before it is
/// read, counts once, as the kernel has it.
pub(super) struct Signals {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
    /// Read, but not returned yet.
    pending: VecDeque<Signal>,
    /// Makes the descriptor readable.
    waker: UnixStream,
}

impl Signals {
    /// Takes SIGINT and SIGTERM, and SIGHUP where there is a log file to
    /// reopen; without one it ends the program as ever.
    pub(super) fn take(with_hangup: bool) -> Result<Signals> {
        let hangup = with_hangup.then_some(Signal::SIGHUP);
        Signals::take_these([Signal::SIGINT, Signal::SIGTERM].into_iter().chain(hangup))
    }

    /// Takes these, also where the program was started with them blocked or
    /// ignored. Unblocks all others too: children would inherit them.
    pub(super) fn take_these(signals: impl IntoIterator<Item = Signal>) -> Result<Signals> {
        let set: SigSet = signals.into_iter().collect();
        let numbers = set.iter().map(|signal| signal as libc::c_int);
        let (read, write) = UnixStream::pair().context("preparing to wait for signals")?;
        write
            .set_nonblocking(true)
            .context("preparing to wait for signals")?;
        let waker = write.try_clone().context("preparing to wait for signals")?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, numbers)
            .context("catching signals")?;
        SigSet::all()
            .thread_unblock()
            .context("unblocking signals")?;
        Ok(Signals {
            delivery,
            pending: VecDeque::new(),
            waker,
        })
    }

    /// The next signal that has come, if any. Those that have come since the last
    /// look are in the order of their numbers.
    pub(super) fn next_signal(&mut self) -> Result<Option<Signal>> {
        if self.pending.is_empty() {
            for number in self.delivery.pending() {
                let signal = Signal::try_from(number).context("reading a signal")?;
                self.pending.push_back(signal);
            }
            self.pending.make_contiguous().sort_unstable();
        }
        let next = self.pending.pop_front();
        if !self.pending.is_empty() {
            // The descriptor was emptied with the first of them. Where it takes no
            // more, it is readable already.
            let _ = self.waker.write(&[0]);
        }
        Ok(next)
    }

    /// What the next signal that has come asks for, if any has.
    pub(super) fn next(&mut self) -> Result<Option<Request>> {
        Ok(self.next_signal()?.map(|signal| match signal {
            Signal::SIGHUP => Request::Reopen,
            _ => Request::End,
        }))
    }
}

/// Readable while there are signals to take.
impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.delivery.get_read().as_fd()
    }
}
