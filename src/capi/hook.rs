//! A handle's place in the callbacks of a program's socket.
//!
//! libnl copies callbacks (`nl_cb_clone`, `nl_cache_mngr_data_ready`), and what
//! is taken out of a socket's callbacks stays in their copies. So libnl gets a
//! number in place of the handle's address. Each message looks it up; a number
//! is never used twice.

use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use libnl3_sys as sys;

use super::error::Failure;
use super::handle::linkwatch;
use crate::Error;

/// Every hook there is.
static HOOKS: RwLock<Hooks> = RwLock::new(Hooks {
    last: 0,
    entries: Vec::new(),
});

struct Hooks {
    /// The last number that was given out.
    last: usize,
    /// Ascending by number.
    entries: Vec<Entry>,
}

struct Entry {
    number: usize,
    handle: *mut linkwatch,
    /// The address of the callbacks. They have place for one hook, and libnl
    /// does not report whether it is taken.
    callbacks: usize,
}

// SAFETY: the handle is a plain pointer here: the code that dereferences it says
// why it may.
unsafe impl Send for Entry {}
// SAFETY: as above.
unsafe impl Sync for Entry {}

fn hooks() -> RwLockWriteGuard<'static, Hooks> {
    HOOKS.write().unwrap_or_else(PoisonError::into_inner)
}

/// The handle that is attached by the hook of this argument; `None` once it was
/// detached or freed.
pub(super) fn handle_of(argument: *mut c_void) -> Option<*mut linkwatch> {
    let hooks = HOOKS.read().unwrap_or_else(PoisonError::into_inner);
    let number = argument.addr();
    let at = hooks.entries.binary_search_by_key(&number, |e| e.number);
    Some(hooks.entries.get(at.ok()?)?.handle)
}

/// A function in NL_CB_MSG_IN of a program's socket.
///
/// The socket itself is not kept: it may be freed before us. Its callbacks are
/// reference-counted, and one reference is ours.
pub(super) struct Hook {
    callbacks: NonNull<sys::nl_cb>,
    number: usize,
}

// SAFETY: the callbacks are touched by the thread that attaches, and by the one
// that detaches or frees. That no other thread uses the socket meanwhile is
// the caller's promise at each of these functions.
unsafe impl Send for Hook {}

impl Hook {
    /// Has libnl call `function` for each message of the socket, with an
    /// argument for [`handle_of`].
    ///
    /// # Safety
    ///
    /// `socket` is live. `function` does nothing with its argument but look it
    /// up.
    pub(super) unsafe fn install(
        socket: *mut sys::nl_sock,
        handle: *mut linkwatch,
        function: unsafe extern "C" fn(*mut sys::nl_msg, *mut c_void) -> c_int,
    ) -> Result<Hook, Failure> {
        // SAFETY: the socket is live; the reference that is returned is ours.
        let callbacks = NonNull::new(unsafe { sys::nl_socket_get_cb(socket) })
            .ok_or_else(|| Failure::invalid("the socket has no callbacks"))?;
        let number = match register(callbacks.as_ptr().addr(), handle) {
            Ok(number) => number,
            Err(failure) => {
                // SAFETY: gives back the reference of a moment ago.
                unsafe { sys::nl_cb_put(callbacks.as_ptr()) }
                return Err(failure);
            }
        };
        // From here on, `Drop` cleans up.
        let hook = Hook { callbacks, number };
        hook.set(Some(function), ptr::without_provenance_mut(number))?;
        Ok(hook)
    }

    fn set(
        &self,
        function: sys::nl_recvmsg_msg_cb_t,
        argument: *mut c_void,
    ) -> Result<(), Failure> {
        // SAFETY: the callbacks are live, for a reference is ours. The argument
        // is a number, which the function may be called with at any time.
        let result = unsafe {
            sys::nl_cb_set(
                self.callbacks.as_ptr(),
                sys::NL_CB_MSG_IN,
                sys::NL_CB_CUSTOM,
                function,
                argument,
            )
        };
        if result < 0 {
            return Err(Error::from_libnl(-result, "installing a callback").into());
        }
        Ok(())
    }
}

fn register(callbacks: usize, handle: *mut linkwatch) -> Result<usize, Failure> {
    let mut hooks = hooks();
    if hooks.entries.iter().any(|e| e.callbacks == callbacks) {
        return Err(Failure::state("the socket feeds another handle"));
    }
    let number = hooks.last.checked_add(1);
    let number = number.ok_or_else(|| Failure::state("handles were attached too often"))?;
    hooks.last = number;
    hooks.entries.push(Entry {
        number,
        handle,
        callbacks,
    });
    Ok(number)
}

impl Drop for Hook {
    fn drop(&mut self) {
        // It cannot fail: it did not when the hook was installed.
        let _ = self.set(None, ptr::null_mut());
        hooks().entries.retain(|entry| entry.number != self.number);
        // SAFETY: gives our reference back; the socket, if it is still there,
        // has its own.
        unsafe { sys::nl_cb_put(self.callbacks.as_ptr()) }
    }
}
