//! What a handle is told before it starts.

use std::ffi::{CStr, c_char, c_int, c_uint};
use std::time::Duration;

use super::error::Failure;
use super::handle::{Inner, Source, linkwatch, with};
use crate::nl::Namespace;
use crate::{Criterion, MonitorBuilder, Pattern, Result};

/// Connected: administratively up, with carrier. The default.
pub const LINKWATCH_CRITERION_CARRIER: c_int = 0;
/// That, and operational (IFF_RUNNING): WPA or 802.1X handshake done.
pub const LINKWATCH_CRITERION_RUNNING: c_int = 1;

/// Changes the builder of a handle that is not started yet.
///
/// # Safety
///
/// As [`linkwatch::from_c`].
unsafe fn configure(
    handle: *mut linkwatch,
    f: impl FnOnce(MonitorBuilder) -> Result<MonitorBuilder, Failure>,
) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        with(handle, |_, inner: &mut Inner| {
            if !matches!(inner.source, Source::None) {
                return Err(Failure::state("options are set before the start"));
            }
            inner.builder = f(inner.builder.clone())?;
            Ok(0)
        })
    }
}

/// The text behind a pointer from C.
///
/// # Safety
///
/// `text` is NULL or a string that lives for `'a`.
unsafe fn text<'a>(text: *const c_char) -> Result<&'a CStr, Failure> {
    if text.is_null() {
        return Err(Failure::invalid("NULL where a string is needed"));
    }
    // SAFETY: promised by the caller.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// Watches the interfaces that match a shell glob (fnmatch(3)), by their names
/// or alternative names; also those that do not exist yet. May be called again
/// and again. Without any pattern, every interface but loopback is watched.
///
/// Returns 0; LINKWATCH_E_INVAL for NULL, for a glob that is longer than 127
/// bytes, the longest name, and for one that cannot be right;
/// LINKWATCH_E_STATE once started.
///
/// # Safety
///
/// `handle` as for linkwatch_free(); `glob` is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_add_pattern(
    handle: *mut linkwatch,
    glob: *const c_char,
) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        configure(handle, |builder| {
            let pattern = Pattern::new(text(glob)?.to_bytes())?;
            Ok(builder.patterns([pattern]))
        })
    }
}

/// When an interface counts as connected: LINKWATCH_CRITERION_….
///
/// Returns 0; LINKWATCH_E_INVAL for other numbers, LINKWATCH_E_STATE once
/// started.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_set_criterion(
    handle: *mut linkwatch,
    criterion: c_int,
) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        configure(handle, |builder| {
            Ok(builder.criterion(match criterion {
                LINKWATCH_CRITERION_CARRIER => Criterion::Carrier,
                LINKWATCH_CRITERION_RUNNING => Criterion::Running,
                _ => return Err(Failure::invalid("there is no such criterion")),
            }))
        })
    }
}

/// The receive buffer to ask the kernel for, in bytes, 1 to 1 GiB; 4 MiB by
/// default. What does not fit is lost to the report of single transitions, not
/// to their account. Of no effect where the program reads its own socket.
///
/// Returns 0; LINKWATCH_E_INVAL for other sizes, LINKWATCH_E_STATE once
/// started.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_set_buffer_size(handle: *mut linkwatch, bytes: usize) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        configure(handle, |builder| {
            if !(1..=1 << 30).contains(&bytes) {
                return Err(Failure::invalid("a buffer has 1 byte to 1 GiB"));
            }
            Ok(builder.buffer_size(bytes))
        })
    }
}

/// How long, in milliseconds, an interface must have been connected (`up_ms`)
/// or disconnected (`down_ms`) before that is reported; 0, the default, reports
/// at once. An opposite change before that makes LINKWATCH_EVENT_FLAPPED of
/// both. Removal is reported at once.
///
/// Events that are held back are delivered by linkwatch_dispatch(), for which
/// linkwatch_fd() is readable then, also of an attached handle.
///
/// Returns 0; LINKWATCH_E_STATE once started.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_set_settle(
    handle: *mut linkwatch,
    up_ms: c_uint,
    down_ms: c_uint,
) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        configure(handle, |builder| {
            Ok(builder
                .settle_up(Duration::from_millis(up_ms.into()))
                .settle_down(Duration::from_millis(down_ms.into())))
        })
    }
}

/// Whether what the kernel says beside an interface's state is reported, as
/// LINKWATCH_EVENT_NOTICE: 1, or 0, the default.
///
/// Returns 0; LINKWATCH_E_STATE once started.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_set_notices(handle: *mut linkwatch, on: c_int) -> c_int {
    // SAFETY: promised by the caller.
    unsafe { configure(handle, |builder| Ok(builder.notices(on != 0))) }
}

/// Whether drivers are asked for details, which come with the event: why there
/// is no carrier (linkwatch_event_detail()), which network a Wi-Fi interface is
/// in (linkwatch_event_ssid()). 1, or 0, the default.
///
/// They are asked after an event of hardware, from a thread that is started
/// with the first question, has all signals blocked and ends with the handle;
/// the event waits 0.2 s at most for the answer.
///
/// Returns 0; LINKWATCH_E_STATE once started.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_set_details(handle: *mut linkwatch, on: c_int) -> c_int {
    // SAFETY: promised by the caller.
    unsafe { configure(handle, |builder| Ok(builder.details(on != 0))) }
}

/// Watches a network namespace made by `ip netns add`, instead of the calling
/// thread's. With a handle that is attached, it must be that of the socket.
///
/// Returns 0; LINKWATCH_E_NOENT if there is none of this name,
/// LINKWATCH_E_INVAL for NULL and for a path, LINKWATCH_E_STATE once started.
/// That the process may not enter it (LINKWATCH_E_PERM) is told by the start.
///
/// # Safety
///
/// `handle` as for linkwatch_free(); `name` is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_set_namespace(
    handle: *mut linkwatch,
    name: *const c_char,
) -> c_int {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    // SAFETY: promised by the caller.
    unsafe {
        configure(handle, |builder| {
            let name = OsStr::from_bytes(text(name)?.to_bytes());
            Ok(builder.namespace(Namespace::named(name)?))
        })
    }
}
