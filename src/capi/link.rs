//! The state of interfaces, without watching them.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::ptr;

use super::error::Failure;
use super::event::{c_string, pointer};
use super::handle::{linkwatch, with};
use crate::{Criterion, LinkState};

/// One interface as it is now.
#[allow(non_camel_case_types)]
pub struct linkwatch_link {
    state: LinkState,
    criterion: Criterion,
    name: Option<CString>,
    kind: Option<CString>,
    operstate: CString,
}

impl linkwatch_link {
    fn new(state: LinkState, criterion: Criterion) -> linkwatch_link {
        linkwatch_link {
            name: Some(c_string(state.name())),
            kind: Some(c_string(state.kind().name())),
            operstate: CString::new(state.operstate().to_string()).unwrap_or_default(),
            state,
            criterion,
        }
    }
}

/// What is called for each interface. It is valid until it returns.
#[allow(non_camel_case_types)]
pub type linkwatch_link_fn =
    Option<unsafe extern "C" fn(link: *const linkwatch_link, user: *mut c_void)>;

/// Lists the interfaces that match the handle's patterns, in the order of
/// their indices, and calls `callback` with each. Asks the kernel anew each
/// time; the handle need not be started.
///
/// Returns the number of interfaces; LINKWATCH_E_INVAL if `callback` is NULL;
/// LINKWATCH_E_AGAIN if interfaces came and went each time it was tried;
/// others if they cannot be listed.
///
/// # Safety
///
/// `handle` as for linkwatch_free(); `callback` may be called with `user`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_links(
    handle: *mut linkwatch,
    callback: linkwatch_link_fn,
    user: *mut c_void,
) -> c_int {
    let mut links: Vec<linkwatch_link> = Vec::new();
    // SAFETY: promised by the caller.
    let result = unsafe {
        with(handle, |_, inner| {
            if callback.is_none() {
                return Err(Failure::invalid("the callback is NULL"));
            }
            let criterion = inner.builder.criterion;
            let found = inner.builder.clone().links()?.into_iter();
            links = found
                .map(|state| linkwatch_link::new(state, criterion))
                .collect();
            Ok(c_int::try_from(links.len()).unwrap_or(c_int::MAX))
        })
    };
    if let Some(callback) = callback {
        for link in &links {
            // SAFETY: the program's own function with its own argument; the
            // link lives until it returns. No lock is held.
            unsafe { callback(ptr::from_ref(link), user) }
        }
    }
    result
}

/// The interface's name. NULL for NULL.
///
/// # Safety
///
/// `link` is NULL or the link of a callback that has not returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_link_name(link: *const linkwatch_link) -> *const c_char {
    // SAFETY: promised by the caller.
    let link = unsafe { link.as_ref() };
    link.map_or(ptr::null(), |link| pointer(&link.name))
}

/// Its kind: "ethernet", "wifi", "loopback", or the kernel's own word.
///
/// # Safety
///
/// `link` is NULL or the link of a callback that has not returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_link_kind(link: *const linkwatch_link) -> *const c_char {
    // SAFETY: promised by the caller.
    let link = unsafe { link.as_ref() };
    link.map_or(ptr::null(), |link| pointer(&link.kind))
}

/// Its operational state: "up", "down", "dormant", "lowerlayerdown", …
///
/// # Safety
///
/// `link` is NULL or the link of a callback that has not returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_link_operstate(link: *const linkwatch_link) -> *const c_char {
    // SAFETY: promised by the caller.
    let link = unsafe { link.as_ref() };
    link.map_or(ptr::null(), |link| link.operstate.as_ptr())
}

/// The interface index; 0 for NULL.
///
/// # Safety
///
/// As linkwatch_link_name().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_link_ifindex(link: *const linkwatch_link) -> c_uint {
    // SAFETY: promised by the caller.
    let link = unsafe { link.as_ref() };
    link.map_or(0, |link| link.state.ifindex())
}

/// 1 if it is connected in the sense of the handle's criterion, 0 if not.
///
/// # Safety
///
/// As linkwatch_link_name().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_link_connected(link: *const linkwatch_link) -> c_int {
    // SAFETY: promised by the caller.
    let link = unsafe { link.as_ref() };
    link.map_or(0, |link| link.state.is_connected(link.criterion).into())
}

/// 1 if it has carrier. One that is administratively down may have it too.
///
/// # Safety
///
/// As linkwatch_link_name().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_link_carrier(link: *const linkwatch_link) -> c_int {
    // SAFETY: promised by the caller.
    let link = unsafe { link.as_ref() };
    link.map_or(0, |link| link.state.has_carrier().into())
}

/// 1 if it is operational (IFF_RUNNING).
///
/// # Safety
///
/// As linkwatch_link_name().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_link_running(link: *const linkwatch_link) -> c_int {
    // SAFETY: promised by the caller.
    let link = unsafe { link.as_ref() };
    link.map_or(0, |link| link.state.is_running().into())
}

/// 1 if it is administratively up (IFF_UP).
///
/// # Safety
///
/// As linkwatch_link_name().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_link_admin_up(link: *const linkwatch_link) -> c_int {
    // SAFETY: promised by the caller.
    let link = unsafe { link.as_ref() };
    link.map_or(0, |link| link.state.is_admin_up().into())
}

/// How many carrier transitions the kernel has counted, modulo 2^32; -1 where
/// it does not count them (before Linux 3.15).
///
/// # Safety
///
/// As linkwatch_link_name().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_link_transitions(link: *const linkwatch_link) -> i64 {
    // SAFETY: promised by the caller.
    let link = unsafe { link.as_ref() };
    link.map_or(-1, |link| link.state.transitions().map_or(-1, i64::from))
}
