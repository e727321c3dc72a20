//! Events, as C sees them.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::fmt::Display;
use std::ptr;

use super::error::{LINKWATCH_E_INVAL, LINKWATCH_E_NOMEM, LINKWATCH_E_PANIC, guard};
use crate::nl::Name;
use crate::{Event, EventKind, Reason};

/// The state when the watch began.
pub const LINKWATCH_EVENT_INITIAL: c_int = 1;
/// An interface appeared, or was renamed into the watch.
pub const LINKWATCH_EVENT_ADDED: c_int = 2;
/// It is connected now.
pub const LINKWATCH_EVENT_CONNECTED: c_int = 3;
/// It is not connected any more; linkwatch_event_reason() tells why.
pub const LINKWATCH_EVENT_DISCONNECTED: c_int = 4;
/// The kernel counted transitions, yet the state is as it was.
pub const LINKWATCH_EVENT_FLAPPED: c_int = 5;
/// It has another name; the last event, if that is out of the watch.
pub const LINKWATCH_EVENT_RENAMED: c_int = 6;
/// It is gone.
pub const LINKWATCH_EVENT_REMOVED: c_int = 7;
/// Messages were lost and made up for. About no interface.
pub const LINKWATCH_EVENT_RESYNC: c_int = 8;
/// A Wi-Fi interface has another access point of its network, and stayed
/// connected.
pub const LINKWATCH_EVENT_ROAMED: c_int = 9;
/// The kernel said something beside the state (linkwatch_event_notice()), where
/// linkwatch_set_notices() asks for it.
pub const LINKWATCH_EVENT_NOTICE: c_int = 10;

/// Not disconnected, so there is no reason.
pub const LINKWATCH_REASON_NONE: c_int = 0;
/// Carrier is lost: the cable is pulled, the access point gone.
pub const LINKWATCH_REASON_NO_CARRIER: c_int = 1;
/// Administratively down.
pub const LINKWATCH_REASON_ADMIN_DOWN: c_int = 2;
/// The interface was removed, or moved to another namespace.
pub const LINKWATCH_REASON_REMOVED: c_int = 3;
/// It has carrier but is not operational (LINKWATCH_CRITERION_RUNNING only).
pub const LINKWATCH_REASON_NOT_RUNNING: c_int = 4;
/// It was renamed out of the watch.
pub const LINKWATCH_REASON_RENAMED: c_int = 5;

/// One change of one interface, or a resync.
#[allow(non_camel_case_types)]
#[derive(Clone)]
pub struct linkwatch_event {
    event: Event,
    name: Option<CString>,
    previous_name: Option<CString>,
    kind: Option<CString>,
    detail: Option<CString>,
    notice: Option<CString>,
    ssid: Option<CString>,
    bssid: Option<CString>,
}

impl linkwatch_event {
    pub(super) fn new(event: Event) -> linkwatch_event {
        linkwatch_event {
            name: event.name().map(c_string),
            previous_name: event.previous_name().map(c_string),
            kind: event.link().map(|link| c_string(link.kind().name())),
            detail: event.detail().and_then(|detail| CString::new(detail).ok()),
            notice: text(event.notice()),
            ssid: text(event.wifi().and_then(|wifi| wifi.ssid)),
            bssid: text(event.wifi().and_then(|wifi| wifi.bssid)),
            event,
        }
    }
}

/// `Display` escapes NUL.
fn text(value: Option<impl Display>) -> Option<CString> {
    CString::new(value?.to_string()).ok()
}

/// The kernel's names hold no NUL.
pub(super) fn c_string(name: Name) -> CString {
    CString::new(name.as_bytes()).unwrap_or_default()
}

pub(super) fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

/// What happened: LINKWATCH_EVENT_…; LINKWATCH_E_INVAL for NULL.
///
/// # Safety
///
/// `event` is NULL or an event of this library that is still valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_type(event: *const linkwatch_event) -> c_int {
    // SAFETY: promised by the caller.
    let Some(event) = (unsafe { event.as_ref() }) else {
        return LINKWATCH_E_INVAL;
    };
    match event.event.kind() {
        EventKind::Initial => LINKWATCH_EVENT_INITIAL,
        EventKind::Added => LINKWATCH_EVENT_ADDED,
        EventKind::Connected => LINKWATCH_EVENT_CONNECTED,
        EventKind::Disconnected => LINKWATCH_EVENT_DISCONNECTED,
        EventKind::Flapped => LINKWATCH_EVENT_FLAPPED,
        EventKind::Renamed => LINKWATCH_EVENT_RENAMED,
        EventKind::Removed => LINKWATCH_EVENT_REMOVED,
        EventKind::Resync => LINKWATCH_EVENT_RESYNC,
        EventKind::Roamed => LINKWATCH_EVENT_ROAMED,
        EventKind::Notice => LINKWATCH_EVENT_NOTICE,
    }
}

/// The word for an event type, as "connected"; "unknown" for other numbers.
/// Never NULL; lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn linkwatch_event_type_name(event_type: c_int) -> *const c_char {
    let name = match event_type {
        LINKWATCH_EVENT_INITIAL => c"initial",
        LINKWATCH_EVENT_ADDED => c"added",
        LINKWATCH_EVENT_CONNECTED => c"connected",
        LINKWATCH_EVENT_DISCONNECTED => c"disconnected",
        LINKWATCH_EVENT_FLAPPED => c"flapped",
        LINKWATCH_EVENT_RENAMED => c"renamed",
        LINKWATCH_EVENT_REMOVED => c"removed",
        LINKWATCH_EVENT_RESYNC => c"resync",
        LINKWATCH_EVENT_ROAMED => c"roamed",
        LINKWATCH_EVENT_NOTICE => c"notice",
        _ => c"unknown",
    };
    name.as_ptr()
}

/// The interface's name. It lives as long as the event. NULL for a resync.
///
/// The kernel allows bytes in it that are not UTF-8 and that could harm a
/// terminal; linkwatch_event_json() escapes them.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_ifname(event: *const linkwatch_event) -> *const c_char {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.map_or(ptr::null(), |event| pointer(&event.name))
}

/// The name before, on LINKWATCH_EVENT_RENAMED, and on LINKWATCH_EVENT_ADDED
/// where the interface was renamed into the watch; otherwise NULL. It lives as
/// long as the event.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_previous_name(
    event: *const linkwatch_event,
) -> *const c_char {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.map_or(ptr::null(), |event| pointer(&event.previous_name))
}

/// What kind of interface it is: "ethernet", "wifi", "loopback", or the
/// kernel's own word ("veth", "bridge", …). It lives as long as the event. NULL
/// for a resync.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_kind(event: *const linkwatch_event) -> *const c_char {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.map_or(ptr::null(), |event| pointer(&event.kind))
}

/// The interface index; 0 for a resync.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_ifindex(event: *const linkwatch_event) -> c_uint {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.and_then(|event| event.event.ifindex()).unwrap_or(0)
}

/// 1 if the interface is reported as connected once this event is known, 0 if
/// not. It is 0 on LINKWATCH_EVENT_ADDED: a LINKWATCH_EVENT_CONNECTED follows
/// where the interface has carrier.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_connected(event: *const linkwatch_event) -> c_int {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.is_some_and(|event| event.event.is_connected()).into()
}

/// The steps of the kernel's carrier counters that the event accounts for.
/// Summed over the events of an interface, they are what the kernel counted.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_transitions(event: *const linkwatch_event) -> u64 {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.map_or(0, |event| event.event.transitions())
}

/// Those of the transitions that the event does not report itself.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_unseen(event: *const linkwatch_event) -> u64 {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.map_or(0, |event| event.event.unseen())
}

/// Why it is not connected any more, on LINKWATCH_EVENT_DISCONNECTED;
/// otherwise LINKWATCH_REASON_NONE.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_reason(event: *const linkwatch_event) -> c_int {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    match event.and_then(|event| event.event.reason()) {
        None => LINKWATCH_REASON_NONE,
        Some(Reason::NoCarrier) => LINKWATCH_REASON_NO_CARRIER,
        Some(Reason::AdminDown) => LINKWATCH_REASON_ADMIN_DOWN,
        Some(Reason::Removed) => LINKWATCH_REASON_REMOVED,
        Some(Reason::NotRunning) => LINKWATCH_REASON_NOT_RUNNING,
        Some(Reason::Renamed) => LINKWATCH_REASON_RENAMED,
    }
}

/// The word for a reason, as "no-carrier"; "none" for LINKWATCH_REASON_NONE,
/// "unknown" for other numbers. Never NULL; lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn linkwatch_reason_name(reason: c_int) -> *const c_char {
    let name = match reason {
        LINKWATCH_REASON_NONE => c"none",
        LINKWATCH_REASON_NO_CARRIER => c"no-carrier",
        LINKWATCH_REASON_ADMIN_DOWN => c"admin-down",
        LINKWATCH_REASON_REMOVED => c"removed",
        LINKWATCH_REASON_NOT_RUNNING => c"not-running",
        LINKWATCH_REASON_RENAMED => c"renamed",
        _ => c"unknown",
    };
    name.as_ptr()
}

/// Why there is no carrier, in the words of the driver ("no-cable", …), on
/// LINKWATCH_EVENT_DISCONNECTED, where linkwatch_set_details() asks for it and
/// the driver knows; otherwise NULL. It lives as long as the event.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_detail(event: *const linkwatch_event) -> *const c_char {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.map_or(ptr::null(), |event| pointer(&event.detail))
}

/// What the kernel said, on LINKWATCH_EVENT_NOTICE: "bonding-failover",
/// "features", "notify-peers", …; otherwise NULL. It lives as long as the event.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_notice(event: *const linkwatch_event) -> *const c_char {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.map_or(ptr::null(), |event| pointer(&event.notice))
}

/// The name of the Wi-Fi network, on LINKWATCH_EVENT_INITIAL, _CONNECTED and
/// _ROAMED where linkwatch_set_details() asks for it; otherwise NULL. Bytes that
/// could harm a terminal are escaped, as \xNN. It lives as long as the event.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_ssid(event: *const linkwatch_event) -> *const c_char {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.map_or(ptr::null(), |event| pointer(&event.ssid))
}

/// The address of the Wi-Fi access point, as "02:00:5e:10:00:01", on
/// LINKWATCH_EVENT_CONNECTED and _ROAMED where it is known, and on
/// LINKWATCH_EVENT_INITIAL where linkwatch_set_details() asks for it; otherwise
/// NULL. It lives as long as the event.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_bssid(event: *const linkwatch_event) -> *const c_char {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.map_or(ptr::null(), |event| pointer(&event.bssid))
}

/// How often the kernel told of lost messages, on LINKWATCH_EVENT_RESYNC;
/// otherwise 0.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_overruns(event: *const linkwatch_event) -> u64 {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event.and_then(|event| event.event.overruns()).unwrap_or(0)
}

/// When the change was read from the kernel: microseconds since 1970-01-01
/// 00:00 UTC, by the system's clock.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_time_us(event: *const linkwatch_event) -> u64 {
    // SAFETY: promised by the caller.
    let event = unsafe { event.as_ref() };
    event
        .and_then(|event| {
            event
                .event
                .time()
                .duration_since(std::time::UNIX_EPOCH)
                .ok()
        })
        .and_then(|since| u64::try_from(since.as_micros()).ok())
        .unwrap_or(0)
}

/// Writes the event as one line of JSON, as `linkwatch watch --json` does, with
/// NUL and without line feed, in the manner of snprintf(3): at most `size`
/// bytes; `buffer` may be NULL if `size` is 0. Returns the length that the
/// whole needs without its NUL; if that is not less than `size`, it was cut
/// short. 1024 bytes are enough for any event of this version.
///
/// # Safety
///
/// As linkwatch_event_type(); `buffer` has room for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_json(
    event: *const linkwatch_event,
    buffer: *mut c_char,
    size: usize,
) -> c_int {
    // SAFETY: promised by the caller.
    let Some(event) = (unsafe { event.as_ref() }) else {
        return LINKWATCH_E_INVAL;
    };
    if buffer.is_null() && size > 0 {
        return LINKWATCH_E_INVAL;
    }
    guard(LINKWATCH_E_PANIC, || {
        let line = event.event.to_json();
        if size > 0 {
            let length = line.len().min(size - 1);
            // SAFETY: the caller promises room for `size` bytes, of which
            // these are at most all.
            unsafe {
                ptr::copy_nonoverlapping(line.as_ptr().cast(), buffer, length);
                *buffer.add(length) = 0;
            }
        }
        c_int::try_from(line.len()).unwrap_or(LINKWATCH_E_NOMEM)
    })
}

/// A callback to begin with: prints the event to the FILE that its `user` is, as
/// linkwatch_event_json() and a line feed, and flushes it.
///
/// linkwatch_on_event(handle, linkwatch_print_event, stdout);
///
/// # Safety
///
/// As linkwatch_event_type(); `file` is NULL, for nothing to be printed, or an
/// open FILE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_print_event(event: *const linkwatch_event, file: *mut c_void) {
    // SAFETY: promised by the caller.
    let Some(event) = (unsafe { event.as_ref() }) else {
        return;
    };
    guard((), || {
        let mut line = event.event.to_json();
        line.push('\n');
        let file: *mut libc::FILE = file.cast();
        if !file.is_null() {
            // SAFETY: the file is open, as the caller promises; the line has
            // that length.
            unsafe {
                libc::fwrite(line.as_ptr().cast(), 1, line.len(), file);
                libc::fflush(file);
            }
        }
    });
}

/// Copies an event, to keep it beyond the callback. The copy is to be freed
/// with linkwatch_event_free(). NULL for NULL.
///
/// # Safety
///
/// As linkwatch_event_type().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_clone(
    event: *const linkwatch_event,
) -> *mut linkwatch_event {
    // SAFETY: promised by the caller.
    let Some(event) = (unsafe { event.as_ref() }) else {
        return ptr::null_mut();
    };
    guard(ptr::null_mut(), || Box::into_raw(Box::new(event.clone())))
}

/// Frees a copy that linkwatch_event_clone() made; not the event of a callback.
/// NULL is fine.
///
/// # Safety
///
/// `event` is NULL or such a copy, which was not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_event_free(event: *mut linkwatch_event) {
    if !event.is_null() {
        // SAFETY: the copy comes from Box::into_raw; promised by the caller.
        guard((), || drop(unsafe { Box::from_raw(event) }));
    }
}
