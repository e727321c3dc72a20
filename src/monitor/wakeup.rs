//! What a monitor waits for: its socket, its timer, and the call to stop.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

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
/// use std::time::Duration;
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
    signal: Arc<StopSignal>,
}

#[derive(Debug)]
struct StopSignal {
    /// To look at without a system call. It is set after the counter, so that
    /// whoever finds it set can clear both: a counter that is left behind would
    /// wake each wait up.
    asked: AtomicBool,
    /// Its counter is not zero once a stop was asked for.
    counter: EventFd,
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
        let counter = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|e| Error::from_nix(e, "making a stop handle"))?;
        Ok(StopHandle {
            signal: Arc::new(StopSignal {
                asked: AtomicBool::new(false),
                counter,
            }),
        })
    }

    /// Makes the monitor's `run`, or its iteration, end: now, if it is
    /// waiting, or as soon as it would wait or take the next event.
    ///
    /// It may be called again and again, and after the monitor is gone. It is
    /// one write(2) and leaves errno as it was, so a signal handler may call it.
    pub fn stop(&self) {
        let errno = Errno::last_raw();
        // It can only fail where the counter is about to overflow, and then
        // it is not zero all the same.
        let _ = self.signal.counter.write(1);
        self.signal.asked.store(true, Ordering::Release);
        Errno::set_raw(errno);
    }

    /// True once a stop was asked for since the last time.
    pub(crate) fn take(&self) -> bool {
        if !self.signal.asked.load(Ordering::Relaxed)
            || !self.signal.asked.swap(false, Ordering::Acquire)
        {
            return false;
        }
        let _ = self.signal.counter.read();
        true
    }
}

/// What the epoll instance calls a source, where it matters: only the counter of
/// a [`StopHandle`] is left readable on purpose.
const SOURCE: u64 = 0;
const STOP: u64 = 1;
/// Sources that there can be: four of its own, the socket, and that of nl80211.
const MAX_SOURCES: usize = 6;

/// An epoll instance over all that a monitor waits for, so that one descriptor
/// tells when there is something to do.
#[derive(Debug)]
pub(super) struct Wakeup {
    epoll: Epoll,
    stop: StopHandle,
    clock: ClockWatch,
    timer: TimerFd,
    /// When the timer is set to expire.
    due: Option<Instant>,
    /// Readable while there is something without waiting. (A timer that is due
    /// at once would do too, but costs an interrupt.)
    ready: EventFd,
    is_ready: bool,
}

impl Wakeup {
    /// Waits for `socket`, if there is one, and for `stop`, or a handle of its
    /// own.
    pub(super) fn new(socket: Option<BorrowedFd<'_>>, stop: Option<StopHandle>) -> Result<Wakeup> {
        let stop = stop.map_or_else(StopHandle::new, Ok)?;
        let create = || -> nix::Result<(Epoll, TimerFd, ClockWatch, EventFd)> {
            let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
            // The clock of `Instant`, so that both agree on what is due.
            let timer = TimerFd::new(
                ClockId::CLOCK_MONOTONIC,
                TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK,
            )?;
            let clock = ClockWatch::new()?;
            let ready = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
            let own = [timer.as_fd(), clock.timer.as_fd(), ready.as_fd()];
            for source in own.into_iter().chain(socket) {
                epoll.add(source, EpollEvent::new(EpollFlags::EPOLLIN, SOURCE))?;
            }
            let stop = stop.signal.counter.as_fd();
            epoll.add(stop, EpollEvent::new(EpollFlags::EPOLLIN, STOP))?;
            Ok((epoll, timer, clock, ready))
        };
        let (epoll, timer, clock, ready) =
            create().map_err(|e| Error::from_nix(e, "preparing to wait for link messages"))?;
        Ok(Wakeup {
            epoll,
            stop,
            clock,
            timer,
            due: None,
            ready,
            is_ready: false,
        })
    }

    /// Also waits for `source` from now on.
    pub(super) fn add(&self, source: BorrowedFd<'_>) -> Result<()> {
        match self
            .epoll
            .add(source, EpollEvent::new(EpollFlags::EPOLLIN, SOURCE))
        {
            // It is waited for already.
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            Err(e) => Err(Error::from_nix(e, "preparing to wait for one more socket")),
        }
    }

    /// Does not wait for `source` for the time being.
    pub(super) fn remove(&self, source: BorrowedFd<'_>) -> Result<()> {
        match self.epoll.delete(source) {
            // It was not waited for.
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(e) => Err(Error::from_nix(e, "waiting without a socket")),
        }
    }

    pub(super) fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// True once for each time that a stop was asked for.
    pub(super) fn take_stop(&self) -> bool {
        self.stop.take()
    }

    /// True once for each time that the system's clock was set, or the system
    /// has slept.
    pub(super) fn take_clock_jump(&self) -> bool {
        self.clock.take_jump()
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

    /// True if it was said to wake up at once.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Wakes up at once, and stays so until it is said to be otherwise.
    pub(super) fn set_ready(&mut self, is_ready: bool) -> Result<()> {
        if is_ready == self.is_ready {
            return Ok(());
        }
        let set = match is_ready {
            true => self.ready.write(1).map(drop),
            false => self.ready.read().map(drop),
        };
        set.map_err(|e| Error::from_nix(e, "telling that events are ready"))?;
        self.is_ready = is_ready;
        Ok(())
    }

    /// Makes the descriptor become readable anew if anything is left to do. It is
    /// readable then in any case; but a caller that polls it edge-triggered
    /// (EPOLLET, as tokio and mio do) is only woken by what comes after its last
    /// look.
    pub(super) fn renew(&mut self) -> Result<()> {
        let doing = "looking for what is left to read";
        let mut events = [EpollEvent::empty(); MAX_SOURCES];
        let ready = self
            .epoll
            .wait(&mut events, EpollTimeout::ZERO)
            .map_err(|e| Error::from_nix(e, doing))?;
        if events[..ready].iter().all(|event| event.data() == STOP) {
            return Ok(());
        }
        // Each write(2) wakes the pollers, whatever the counter was.
        self.ready.write(1).map_err(|e| Error::from_nix(e, doing))?;
        self.is_ready = true;
        Ok(())
    }

    /// Wakes up at this time, or at none. An expired timer is readable until
    /// it is set anew.
    pub(super) fn set_timer(&mut self, due: Option<Instant>) -> Result<()> {
        if due == self.due {
            return Ok(());
        }
        let set = match due {
            None => self.timer.unset(),
            Some(at) => {
                let delay = at.saturating_duration_since(Instant::now());
                // Zero would disarm it.
                let delay = i64::try_from(delay.as_nanos()).unwrap_or(i64::MAX).max(1);
                let delay = Expiration::OneShot(TimeSpec::nanoseconds(delay));
                self.timer.set(delay, TimerSetTimeFlags::empty())
            }
        };
        set.map_err(|e| Error::from_nix(e, "setting a timer"))?;
        self.due = due;
        Ok(())
    }
}

#[cfg(test)]
impl Wakeup {
    /// From now on nothing can be said to be ready.
    pub(super) fn refuse(&mut self) {
        self.set_ready(false).unwrap();
        self.ready.write(u64::MAX - 1).unwrap();
    }

    /// It can again.
    pub(super) fn accept(&mut self) {
        self.ready.read().unwrap();
    }
}

/// Notices that the system has slept. There are no messages of what happened
/// meanwhile to a link whose driver lost its state, nor of a firmware that
/// roamed by itself, before something else makes the kernel look.
///
/// A timer on CLOCK_REALTIME that is never due is cancelled when the clock
/// jumps, also by a resume (`timerfd_resume`, `fs/timerfd.c`). It costs no
/// wake-up.
#[derive(Debug)]
struct ClockWatch {
    timer: TimerFd,
}

impl ClockWatch {
    fn new() -> nix::Result<ClockWatch> {
        let timer = TimerFd::new(
            ClockId::CLOCK_REALTIME,
            TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK,
        )?;
        let watch = ClockWatch { timer };
        watch.arm()?;
        Ok(watch)
    }

    fn arm(&self) -> nix::Result<()> {
        // In the year 2255, or at the end of a clock of 32 bits.
        let never = libc::time_t::try_from(9_000_000_000_i64).unwrap_or(libc::time_t::MAX);
        let never = Expiration::OneShot(TimeSpec::new(never, 0));
        let flags =
            TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        match self.timer.set(never, flags) {
            // It was cancelled since it was set.
            Err(Errno::ECANCELED) | Ok(()) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    fn take_jump(&self) -> bool {
        match self.timer.wait() {
            Err(Errno::EAGAIN) => false,
            // Cancelled; or due, which a clock in the far future may make it.
            _ => {
                if let Err(errno) = self.arm() {
                    log::debug!("jumps of the clock are not noticed any more: {errno}");
                }
                true
            }
        }
    }
}

impl AsFd for Wakeup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_leaves_errno_as_it_was() {
        let handle = StopHandle::new().unwrap();
        // The next write(2) fails.
        handle.signal.counter.write(u64::MAX - 1).unwrap();
        Errno::set_raw(77);
        handle.stop();
        assert_eq!(Errno::last_raw(), 77);
        assert!(handle.take());
    }
}
