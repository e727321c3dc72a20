//! What a monitor waits for: its socket, its timer, and the call to stop.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::{Error, Result};

/// Stops a [`Monitor`](super::Monitor) that is waiting, from another thread.
///
/// ```no_run
/// use std::ops::ControlFlow;
/// use std::time::{Duration, Instant};
/// use linkwatch::Monitor;
///
/// let mut monitor = Monitor::builder().build()?;
/// let stop = monitor.stop_handle();
/// std::thread::spawn(move || {
///     std::thread::sleep(Duration::from_secs(60));
///     stop.stop();
/// });
/// monitor.run(|event| {
///     println!("{}", event.kind());
///     ControlFlow::Continue(())
/// })?;
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StopHandle {
    /// Its counter is not zero once a stop was asked for.
    signal: Arc<EventFd>,
}

impl StopHandle {
    /// A handle that a monitor can be given when it is built
    /// ([`MonitorBuilder::stop_handle`](super::MonitorBuilder::stop_handle)),
    /// to stop it with also while it starts.
    ///
    /// # Errors
    ///
    /// eventfd(2)'s.
    pub fn new() -> Result<StopHandle> {
        let signal = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|e| Error::from_nix(e, "making a stop handle"))?;
        Ok(StopHandle {
            signal: Arc::new(signal),
        })
    }

    /// Makes the monitor's `run`, or its iteration, end: now, if it is
    /// waiting, or as soon as it would wait or take the next event.
    ///
    /// It may be called again and again, and after the monitor is gone. It is
    /// one write(2), so a signal handler may call it.
    pub fn stop(&self) {
        // It can only fail where the counter is about to overflow, and then
        // it is not zero all the same.
        let _ = self.signal.write(1);
    }

    /// True once a stop was asked for since the last time.
    pub(crate) fn take(&self) -> bool {
        self.signal.read().is_ok()
    }
}

/// An epoll instance over all that a monitor waits for, so that one descriptor
/// tells when there is something to do.
#[derive(Debug)]
pub(super) struct Wakeup {
    epoll: Epoll,
    stop: StopHandle,
    timer: TimerFd,
    /// When the timer is set to expire.
    due: Due,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Never,
    Now,
    At(Instant),
}

impl Wakeup {
    /// Waits for `socket`, if there is one, and for `stop`, or a handle of its
    /// own.
    pub(super) fn new(socket: Option<BorrowedFd<'_>>, stop: Option<StopHandle>) -> Result<Wakeup> {
        let stop = stop.map_or_else(StopHandle::new, Ok)?;
        let create = || -> nix::Result<(Epoll, TimerFd)> {
            let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
            // The clock of `Instant`, so that both agree on what is due.
            let timer = TimerFd::new(
                ClockId::CLOCK_MONOTONIC,
                TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK,
            )?;
            let sources = [Some(timer.as_fd()), Some(stop.signal.as_fd()), socket];
            for source in sources.into_iter().flatten() {
                epoll.add(source, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
            }
            Ok((epoll, timer))
        };
        let (epoll, timer) =
            create().map_err(|e| Error::from_nix(e, "preparing to wait for link messages"))?;
        Ok(Wakeup {
            epoll,
            stop,
            timer,
            due: Due::Never,
        })
    }

    /// Also waits for `source` from now on.
    pub(super) fn add(&self, source: BorrowedFd<'_>) -> Result<()> {
        self.epoll
            .add(source, EpollEvent::new(EpollFlags::EPOLLIN, 0))
            .map_err(|e| Error::from_nix(e, "preparing to wait for announcements"))
    }

    pub(super) fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// True once for each time that a stop was asked for.
    pub(super) fn take_stop(&self) -> bool {
        self.stop.take()
    }

    /// Waits until there is something to do.
    pub(super) fn wait(&self) -> Result<()> {
        match self
            .epoll
            .wait(&mut [EpollEvent::empty()], EpollTimeout::NONE)
        {
            // A signal handler may have asked to stop.
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(e) => Err(Error::from_nix(e, "waiting for link messages")),
        }
    }

    /// Wakes up at once, and stays so until the timer is set.
    pub(super) fn set_ready(&mut self) -> Result<()> {
        match self.due {
            Due::Now => Ok(()),
            _ => self.arm(Due::Now, Duration::ZERO),
        }
    }

    /// Wakes up at this time, or at none. An expired timer is readable until
    /// it is set anew.
    pub(super) fn set_timer(&mut self, due: Option<Instant>) -> Result<()> {
        let Some(at) = due else {
            if self.due != Due::Never {
                self.timer.unset().map_err(timer_error)?;
                self.due = Due::Never;
            }
            return Ok(());
        };
        if self.due == Due::At(at) {
            return Ok(());
        }
        self.arm(Due::At(at), at.saturating_duration_since(Instant::now()))
    }

    fn arm(&mut self, due: Due, delay: Duration) -> Result<()> {
        // Zero would disarm it.
        let delay = i64::try_from(delay.as_nanos()).unwrap_or(i64::MAX).max(1);
        let delay = Expiration::OneShot(TimeSpec::nanoseconds(delay));
        self.timer
            .set(delay, TimerSetTimeFlags::empty())
            .map_err(timer_error)?;
        self.due = due;
        Ok(())
    }
}

fn timer_error(errno: Errno) -> Error {
    Error::from_nix(errno, "setting a timer")
}

impl AsFd for Wakeup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}
