//! A watch with a socket of its own.

use std::ffi::c_int;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::{Failure, LINKWATCH_E_PANIC, LINKWATCH_E_STATE, guard};
use super::handle::{Delivered, Source, deliver, linkwatch, with};
use crate::Error;

/// Events that one linkwatch_dispatch() delivers: even in a lasting storm it
/// returns.
const BATCH: c_int = 1024;

/// Starts watching: subscribes, lists the interfaces, and calls the callback
/// with a LINKWATCH_EVENT_INITIAL for each that is watched. Then call
/// linkwatch_run(), or linkwatch_dispatch() when linkwatch_fd() is readable.
///
/// Returns 0; LINKWATCH_E_STATE if it is started or attached already;
/// LINKWATCH_E_PERM where the namespace may not be entered; LINKWATCH_E_SYSTEM
/// and others if the socket cannot be opened or the interfaces cannot be
/// listed. After a failure it may be tried again.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_start(handle: *mut linkwatch) -> c_int {
    // SAFETY: promised by the caller.
    let started = unsafe {
        with(handle, |_, inner| {
            if !matches!(inner.source, Source::None) {
                return Err(Failure::state("it is started or attached already"));
            }
            let monitor = inner.builder.clone().build()?;
            let initial = c_int::try_from(monitor.pending()).unwrap_or(c_int::MAX);
            inner.source = Source::Own(Box::new(monitor));
            Ok(initial)
        })
    };
    if started <= 0 {
        return started;
    }
    // SAFETY: the handle was good a moment ago, and is not used after `Freed`.
    match unsafe { deliver(handle, started) } {
        Delivered::Events(_) | Delivered::Busy => 0,
        Delivered::Freed => LINKWATCH_E_STATE,
        Delivered::Failed(code) => {
            // So that it can be tried again.
            // SAFETY: the handle was not freed.
            let _ = unsafe {
                with(handle, |_, inner| {
                    inner.source = Source::None;
                    Ok(0)
                })
            };
            code
        }
    }
}

/// The descriptor to wait for with poll(2), epoll(7) or the like: when it is
/// readable, call linkwatch_dispatch(). It belongs to the handle, which closes
/// it when it is freed; do not read from it.
///
/// Returns the descriptor; LINKWATCH_E_STATE if it is not started.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_fd(handle: *const linkwatch) -> c_int {
    // SAFETY: promised by the caller.
    unsafe { with(handle, |_, inner| inner.descriptor()) }
}

/// Delivers the events that there are, up to 1024; if there is none, waits for
/// one, at most `timeout_ms` milliseconds: not at all if it is 0, for ever if
/// it is negative. While more are left, linkwatch_fd() stays readable.
///
/// Returns the number of events delivered: 0 if the time is over, and if
/// linkwatch_stop() was called; LINKWATCH_E_STATE if it is not started, or the
/// callback has freed the handle; LINKWATCH_E_BUSY from within the callback;
/// another error if the socket cannot be read any more, or, of an attached
/// handle, if the interfaces cannot be listed after a loss (tried again later).
/// A stop that is asked for while events are delivered ends the next call.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_dispatch(handle: *mut linkwatch, timeout_ms: c_int) -> c_int {
    guard(LINKWATCH_E_PANIC, || {
        // Later than any deadline that there can be: for ever.
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            // SAFETY: promised by the caller; after `Freed` we return.
            match unsafe { dispatch_once(handle, BATCH, deadline) } {
                Dispatched::Waited => {}
                Dispatched::Done(result) => return result,
            }
        }
    })
}

/// Delivers events until linkwatch_stop() is called. Those that are left then
/// are there the next time.
///
/// Returns 0 once stopped; LINKWATCH_E_STATE if it is not started, if it is
/// attached (then the program's own loop receives), or the callback has freed
/// the handle; LINKWATCH_E_BUSY from within the callback; another error if the
/// socket cannot be read any more.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_run(handle: *mut linkwatch) -> c_int {
    // SAFETY: promised by the caller.
    let ready = unsafe {
        with(handle, |_, inner| match &inner.source {
            _ if inner.delivering => Err(Failure::busy()),
            Source::Own(_) => Ok(0),
            Source::None => Err(Failure::state("it is not started")),
            Source::Attached(_) => Err(Failure::state("it is attached: the program receives")),
        })
    };
    if ready < 0 {
        return ready;
    }
    guard(LINKWATCH_E_PANIC, || {
        loop {
            // One at a time: none is delivered once it is stopped.
            // SAFETY: promised by the caller; after `Freed` we return.
            match unsafe { dispatch_once(handle, 1, None) } {
                Dispatched::Waited | Dispatched::Done(1..) => {}
                Dispatched::Done(result) => return result,
            }
        }
    })
}

/// Ends linkwatch_run(), or the waiting of linkwatch_dispatch(): now, or the
/// next one, if none is under way. May be called from the callback, from
/// another thread, and from a signal handler: it is one write(2). errno is
/// left as it was. NULL is fine.
///
/// # Safety
///
/// `handle` is NULL or a handle that is not freed before this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_stop(handle: *mut linkwatch) {
    // SAFETY: promised by the caller.
    if let Some(handle) = unsafe { linkwatch::from_c(handle) } {
        handle.stop.stop();
    }
}

enum Dispatched {
    /// Something may be there now.
    Waited,
    /// The function ends with this result.
    Done(c_int),
}

/// # Safety
///
/// `handle` as for [`linkwatch_dispatch`]; not to be used after `Done`.
unsafe fn dispatch_once(
    handle: *mut linkwatch,
    most: c_int,
    deadline: Option<Instant>,
) -> Dispatched {
    // A stop is not for a call from within the callback.
    // SAFETY: promised by the caller.
    let fd = unsafe {
        with(handle, |_, inner| match inner.descriptor() {
            _ if inner.delivering => Err(Failure::busy()),
            descriptor => descriptor,
        })
    };
    if fd < 0 {
        return Dispatched::Done(fd);
    }
    // SAFETY: promised by the caller; `with` has checked it.
    if unsafe { linkwatch::from_c(handle) }.is_some_and(|handle| handle.stop.take()) {
        return Dispatched::Done(0);
    }
    // SAFETY: promised by the caller; it is not used after `Freed`.
    match unsafe { deliver(handle, most) } {
        Delivered::Events(0) => {}
        Delivered::Events(events) => return Dispatched::Done(events),
        Delivered::Busy => return Dispatched::Done(super::error::LINKWATCH_E_BUSY),
        Delivered::Freed => return Dispatched::Done(LINKWATCH_E_STATE),
        Delivered::Failed(code) => return Dispatched::Done(code),
    }
    match wait(fd, deadline) {
        Ok(true) => Dispatched::Waited,
        Ok(false) => Dispatched::Done(0),
        // SAFETY: promised by the caller.
        Err(error) => Dispatched::Done(unsafe { with(handle, |_, _| Err(error.into())) }),
    }
}

/// Waits until the descriptor is readable; false if the time is over first.
fn wait(fd: RawFd, deadline: Option<Instant>) -> crate::Result<bool> {
    let timeout = match deadline {
        None => PollTimeout::NONE,
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            // Rounded up, and clamped to what poll(2) takes.
            let millis = left.as_micros().div_ceil(1000);
            i32::try_from(millis)
                .ok()
                .and_then(|millis| PollTimeout::try_from(millis).ok())
                .unwrap_or(PollTimeout::MAX)
        }
    };
    // SAFETY: the descriptor belongs to the handle, which is not freed while
    // this thread is in one of its functions, the callback aside.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    match poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], timeout) {
        // Interrupted: a signal handler may have called linkwatch_stop().
        Ok(_) | Err(Errno::EINTR) => Ok(true),
        Err(errno) => Err(Error::from_nix(errno, "waiting for link messages")),
    }
}
