//! Error codes, and the border that no panic crosses.

use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Error, ErrorKind};

/// A NULL or otherwise impossible argument.
pub const LINKWATCH_E_INVAL: c_int = -1;
/// Memory was refused to the kernel or to libnl. (Where it is refused to the
/// library's own code, that ends the process, as Rust does.)
pub const LINKWATCH_E_NOMEM: c_int = -2;
/// A defect of the library; what was asked for may be half done. Please
/// report it.
pub const LINKWATCH_E_PANIC: c_int = -3;
/// The operation needs a privilege that the process lacks.
pub const LINKWATCH_E_PERM: c_int = -4;
/// No such interface, network namespace or multicast group.
pub const LINKWATCH_E_NOENT: c_int = -5;
/// Not possible in this state: started or attached already, or not yet.
pub const LINKWATCH_E_STATE: c_int = -6;
/// Another thread, or the callback that calls, is delivering events.
pub const LINKWATCH_E_BUSY: c_int = -7;
/// The kernel or this libnl cannot do it.
pub const LINKWATCH_E_NOTSUP: c_int = -8;
/// Links came and went each time they were listed. Try again.
pub const LINKWATCH_E_AGAIN: c_int = -9;
/// A system call failed; linkwatch_error_detail() tells which and why.
pub const LINKWATCH_E_SYSTEM: c_int = -10;

/// The text for an error code; also for codes that do not exist. It is never
/// NULL and lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn linkwatch_strerror(code: c_int) -> *const c_char {
    let text: &'static CStr = match code {
        0.. => c"success",
        LINKWATCH_E_INVAL => c"invalid argument",
        LINKWATCH_E_NOMEM => c"out of memory",
        LINKWATCH_E_PANIC => c"internal error (a defect of liblinkwatch)",
        LINKWATCH_E_PERM => c"permission denied",
        LINKWATCH_E_NOENT => c"no such interface, namespace or group",
        LINKWATCH_E_STATE => c"not possible in this state",
        LINKWATCH_E_BUSY => c"events are being delivered",
        LINKWATCH_E_NOTSUP => c"not supported here",
        LINKWATCH_E_AGAIN => c"links came and went while they were listed",
        LINKWATCH_E_SYSTEM => c"system call failed",
        _ => c"unknown error",
    };
    text.as_ptr()
}

/// What a function of the interface fails with.
pub(super) struct Failure {
    pub(super) code: c_int,
    pub(super) detail: Option<String>,
}

impl Failure {
    pub(super) fn new(code: c_int, detail: &str) -> Failure {
        Failure {
            code,
            detail: Some(detail.to_owned()),
        }
    }

    pub(super) fn invalid(detail: &str) -> Failure {
        Failure::new(LINKWATCH_E_INVAL, detail)
    }

    pub(super) fn busy() -> Failure {
        Failure::new(LINKWATCH_E_BUSY, "events are being delivered")
    }

    pub(super) fn panic() -> Failure {
        Failure::new(
            LINKWATCH_E_PANIC,
            "a defect of liblinkwatch; please report it",
        )
    }

    pub(super) fn state(detail: &str) -> Failure {
        Failure::new(LINKWATCH_E_STATE, detail)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let code = match error.kind() {
            ErrorKind::InvalidInput => LINKWATCH_E_INVAL,
            ErrorKind::OutOfMemory => LINKWATCH_E_NOMEM,
            ErrorKind::PermissionDenied => LINKWATCH_E_PERM,
            ErrorKind::NotFound => LINKWATCH_E_NOENT,
            ErrorKind::Unsupported => LINKWATCH_E_NOTSUP,
            ErrorKind::DumpInterrupted => LINKWATCH_E_AGAIN,
            _ => LINKWATCH_E_SYSTEM,
        };
        Failure {
            code,
            detail: Some(error.to_string()),
        }
    }
}

/// Runs `f`; a panic becomes `on_panic`.
pub(super) fn guard<T>(on_panic: T, f: impl FnOnce() -> T) -> T {
    // What a panic may have left half done is behind a mutex that it poisons.
    catch_unwind(AssertUnwindSafe(f)).unwrap_or(on_panic)
}
