//! The handle: `struct linkwatch`.

use std::ffi::{CString, c_char, c_int, c_void};
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::attach::Attachment;
use super::error::{Failure, LINKWATCH_E_INVAL, LINKWATCH_E_PANIC, LINKWATCH_E_STATE, guard};
use super::event::linkwatch_event;
use crate::{Event, Monitor, MonitorBuilder, StopHandle};

/// What is called for each event. The event is valid until it returns; `user`
/// is what linkwatch_on_event() was given.
///
/// It must return: no longjmp, and no C++ exception may leave it.
#[allow(non_camel_case_types)]
pub type linkwatch_event_fn =
    Option<unsafe extern "C" fn(event: *const linkwatch_event, user: *mut c_void)>;

/// A watch over network links. Opaque.
#[allow(non_camel_case_types)]
pub struct linkwatch {
    magic: AtomicU32,
    /// Outside the mutex: a signal handler uses it.
    pub(super) stop: StopHandle,
    inner: Mutex<Inner>,
}

/// "lnkw": what is no handle, or none any more, is noticed, if not for certain.
const MAGIC: u32 = 0x6c6e_6b77;

pub(super) struct Inner {
    pub(super) builder: MonitorBuilder,
    pub(super) source: Source,
    callback: linkwatch_event_fn,
    user: *mut c_void,
    /// Somebody is calling the callback for each event that there is.
    pub(super) delivering: bool,
    /// The callback has freed the handle.
    freed: bool,
    detail: CString,
}

// SAFETY: `user` is only passed on to the callback; that it may be used from
// the thread that dispatches is documented at `linkwatch_on_event`. All else
// is `Send` by itself (the attachment says why).
unsafe impl Send for Inner {}

/// Where messages come from.
pub(super) enum Source {
    /// Nowhere yet.
    None,
    /// A socket of our own.
    Own(Box<Monitor>),
    /// The program's own socket.
    Attached(Box<Attachment>),
}

impl Inner {
    /// What to wait for.
    pub(super) fn descriptor(&self) -> Result<c_int, Failure> {
        match &self.source {
            Source::None => Err(Failure::state("it is not started")),
            Source::Own(monitor) => Ok(monitor.as_raw_fd()),
            Source::Attached(attachment) => Ok(attachment.feed.as_raw_fd()),
        }
    }

    fn next_event(&mut self) -> crate::Result<Option<Event>> {
        match &mut self.source {
            Source::None => Ok(None),
            Source::Own(monitor) => monitor.try_next(),
            Source::Attached(attachment) => attachment.feed.try_next(),
        }
    }
}

impl linkwatch {
    /// The handle behind a pointer from C.
    ///
    /// # Safety
    ///
    /// `handle` is NULL or a handle that was not freed yet, or points to at
    /// least some readable memory.
    pub(super) unsafe fn from_c<'a>(handle: *const linkwatch) -> Option<&'a linkwatch> {
        if handle.is_null() || !handle.is_aligned() {
            return None;
        }
        // Only what is a handle is referred to as one.
        // SAFETY: promised by the caller: there are four bytes to read. Only
        // `linkwatch_free` writes to them, which no other call runs beside.
        let magic = unsafe { (&raw const (*handle).magic).cast::<u32>().read_volatile() };
        // SAFETY: promised by the caller; it has not been freed, for that would
        // have cleared the number.
        (magic == MAGIC).then(|| unsafe { &*handle })
    }

    /// Has later calls notice that the handle was freed.
    fn clear_magic(&self) {
        // Volatile, or the compiler would leave out what is written to memory
        // that is freed next.
        // SAFETY: an atomic may be written to through a shared reference, and
        // nothing else reads or writes it meanwhile (see `linkwatch_free`).
        unsafe { self.magic.as_ptr().write_volatile(0) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic was reported as LINKWATCH_E_PANIC; the program decides.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `f` on what the handle owns; its failure becomes a code, and its detail
/// is kept.
///
/// # Safety
///
/// As [`linkwatch::from_c`].
pub(super) unsafe fn with(
    handle: *const linkwatch,
    f: impl FnOnce(&linkwatch, &mut Inner) -> Result<c_int, Failure>,
) -> c_int {
    // SAFETY: promised by the caller.
    let Some(handle) = (unsafe { linkwatch::from_c(handle) }) else {
        return LINKWATCH_E_INVAL;
    };
    let result = guard(None, || Some(f(handle, &mut handle.lock())));
    match result {
        Some(Ok(result)) => result,
        Some(Err(failure)) => keep(&mut handle.lock(), failure),
        None => keep(&mut handle.lock(), Failure::panic()),
    }
}

fn keep(inner: &mut Inner, failure: Failure) -> c_int {
    inner.detail = failure
        .detail
        .and_then(|detail| CString::new(detail).ok())
        .unwrap_or_default();
    failure.code
}

/// How a delivery ended.
pub(super) enum Delivered {
    /// So many events were delivered.
    Events(c_int),
    /// The callback has freed the handle: it is gone.
    Freed,
    /// Somebody else is delivering, and takes what is there.
    Busy,
    /// Nothing was delivered for this.
    Failed(c_int),
}

/// Calls the callback for each event that is ready, at most `most` of them,
/// without the lock, so that it may call anything.
///
/// # Safety
///
/// `handle` is a handle that was not freed yet. After [`Delivered::Freed`] it
/// is.
pub(super) unsafe fn deliver(handle: *mut linkwatch, most: c_int) -> Delivered {
    // SAFETY: promised by the caller.
    let Some(this) = (unsafe { linkwatch::from_c(handle) }) else {
        return Delivered::Failed(LINKWATCH_E_INVAL);
    };
    let mut inner = this.lock();
    if inner.delivering {
        return Delivered::Busy;
    }
    inner.delivering = true;
    drop(inner);

    let outcome = guard(Err(LINKWATCH_E_PANIC), || deliver_all(this, most));

    let mut inner = this.lock();
    inner.delivering = false;
    if inner.freed {
        drop(inner);
        // SAFETY: `linkwatch_free` was called and left it to us; nobody may use
        // the handle any more.
        drop(unsafe { Box::from_raw(handle) });
        return Delivered::Freed;
    }
    match outcome {
        Ok(events) => Delivered::Events(events),
        Err(code) => Delivered::Failed(code),
    }
}

fn deliver_all(this: &linkwatch, most: c_int) -> Result<c_int, c_int> {
    let mut delivered: c_int = 0;
    while delivered < most {
        let mut inner = this.lock();
        if inner.freed {
            return Ok(delivered);
        }
        let event = match inner.next_event() {
            Ok(Some(event)) => linkwatch_event::new(event),
            Ok(None) => return Ok(delivered),
            // It will come again; first tell of what was delivered.
            Err(_) if delivered > 0 => return Ok(delivered),
            Err(error) => return Err(keep(&mut inner, error.into())),
        };
        let (callback, user) = (inner.callback, inner.user);
        drop(inner);
        if let Some(callback) = callback {
            // SAFETY: the program's own function with its own argument; the
            // event lives until it returns. No lock is held.
            unsafe { callback(&raw const event, user) }
        }
        delivered += 1;
    }
    Ok(delivered)
}

/// Makes a handle. It watches nothing yet: set patterns and options, then
/// linkwatch_start() it or linkwatch_attach() it.
///
/// Any one thread at a time may use it, also another one than made it;
/// linkwatch_stop() may be called from any thread at any time before
/// linkwatch_free().
///
/// Returns 0; LINKWATCH_E_INVAL if `out` is NULL, LINKWATCH_E_SYSTEM if
/// descriptors have run out.
///
/// # Safety
///
/// `out` is NULL or points to room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_new(out: *mut *mut linkwatch) -> c_int {
    if out.is_null() {
        return LINKWATCH_E_INVAL;
    }
    guard(LINKWATCH_E_PANIC, || {
        let stop = match StopHandle::new() {
            Ok(stop) => stop,
            Err(error) => return Failure::from(error).code,
        };
        let handle = Box::new(linkwatch {
            magic: AtomicU32::new(MAGIC),
            inner: Mutex::new(Inner {
                builder: MonitorBuilder::new().stop_handle(stop.clone()),
                source: Source::None,
                callback: None,
                user: ptr::null_mut(),
                delivering: false,
                freed: false,
                detail: CString::default(),
            }),
            stop,
        });
        // SAFETY: checked for NULL above; the rest is promised by the caller.
        unsafe { *out = Box::into_raw(handle) };
        0
    })
}

/// Brings the account to its end, before linkwatch_free(): lists the interfaces
/// once more, so that transitions are told which the kernel has counted and not
/// announced yet, lets go of what linkwatch_set_settle() holds back or may just be
/// a Wi-Fi roam, and delivers these events. Of an attached handle, what its
/// program has not received yet is older than this, and not told any more.
///
/// Returns 0; LINKWATCH_E_STATE if it is neither started nor attached, or the
/// callback has freed the handle; others if the interfaces cannot be listed: what
/// was held back is delivered all the same.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_conclude(handle: *mut linkwatch) -> c_int {
    let mut ready = 0;
    // SAFETY: promised by the caller.
    let concluded = unsafe {
        with(handle, |_, inner| {
            let (pending, listed) = match &mut inner.source {
                Source::None => return Err(Failure::state("it is not started")),
                Source::Own(monitor) => {
                    let listed = monitor.conclude();
                    (monitor.pending(), listed)
                }
                Source::Attached(attachment) => {
                    let listed = attachment.feed.conclude();
                    (attachment.feed.pending(), listed)
                }
            };
            ready = c_int::try_from(pending).unwrap_or(c_int::MAX);
            listed.map(|()| 0).map_err(Failure::from)
        })
    };
    if ready == 0 {
        return concluded;
    }
    // SAFETY: the handle was good a moment ago, and is not used afterwards.
    match unsafe { deliver(handle, ready) } {
        Delivered::Events(_) | Delivered::Busy => concluded,
        Delivered::Freed => LINKWATCH_E_STATE,
        Delivered::Failed(code) if concluded >= 0 => code,
        Delivered::Failed(_) => concluded,
    }
}

/// Frees a handle; detaches it first, if it is attached. NULL is fine.
///
/// The callback may free its own handle: no event is delivered after that, and
/// the function that was delivering returns LINKWATCH_E_STATE, or, of an
/// attached program's own loop, as it would have. Another thread must not be
/// using the handle.
///
/// # Safety
///
/// `handle` is NULL or a handle that was not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_free(handle: *mut linkwatch) {
    // SAFETY: promised by the caller.
    let Some(this) = (unsafe { linkwatch::from_c(handle) }) else {
        return;
    };
    this.clear_magic();
    guard((), || {
        let mut inner = this.lock();
        inner.source = Source::None;
        inner.callback = None;
        if inner.delivering {
            // `deliver` frees it when the callback has returned.
            inner.freed = true;
            return;
        }
        drop(inner);
        // SAFETY: the handle comes from `linkwatch_new`, and by the caller's
        // promise this is its end.
        drop(unsafe { Box::from_raw(handle) });
    });
}

/// Sets what is called for each event, and `user`, which is passed on to it.
/// With NULL, events are dropped. May be called at any time, also by the
/// callback.
///
/// The callback is called by the thread that starts, dispatches, runs, or, of
/// an attached handle, receives. It may call any function of the handle.
///
/// # Safety
///
/// `handle` as for linkwatch_free(); `callback` may be called with `user` as
/// long as the handle lives or until another is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_on_event(
    handle: *mut linkwatch,
    callback: linkwatch_event_fn,
    user: *mut c_void,
) {
    // SAFETY: promised by the caller.
    let _ = unsafe {
        with(handle, |_, inner| {
            inner.callback = callback;
            inner.user = user;
            Ok(0)
        })
    };
}

/// Tells about the last failure of a function on this handle more than its
/// code does: what was being done, and why it failed. An empty string if none
/// has failed. Valid until the next failure on the handle.
///
/// # Safety
///
/// `handle` is NULL or a handle that was not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_error_detail(handle: *const linkwatch) -> *const c_char {
    // SAFETY: promised by the caller.
    let Some(handle) = (unsafe { linkwatch::from_c(handle) }) else {
        return c"".as_ptr();
    };
    guard(c"".as_ptr(), || handle.lock().detail.as_ptr())
}
