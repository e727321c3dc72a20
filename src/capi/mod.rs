//! The C interface: every unsafe line that C reaches stands here.
//!
//! The conventions are libnl's: a result goes out through a pointer and is
//! written only on success; functions return 0, or a count, or a negative
//! `LINKWATCH_E_…`; `free(NULL)` is fine. Documentation is written at each
//! function for the C programmer; it becomes `include/linkwatch.h`.
//!
//! # How a handle is used
//!
//! What a `struct linkwatch` owns is behind a mutex that is held for short
//! moments and never while the program's callback runs. So the callback may
//! call anything on the handle, also free it; and a second thread may call
//! anything but free.

mod attach;
mod error;
mod event;
mod handle;
mod link;
mod options;
#[cfg(feature = "test-panic")]
mod test_panic;
mod watch;

/// Version of this header. `linkwatch_version()` tells that of the library.
pub const LINKWATCH_VERSION_MAJOR: u32 = 0;
/// Minor version of this header.
pub const LINKWATCH_VERSION_MINOR: u32 = 1;
/// Patch level of this header.
pub const LINKWATCH_VERSION_PATCH: u32 = 0;

/// The header's version cannot drift from the package's.
const _: () = {
    assert!(matches(
        env!("CARGO_PKG_VERSION_MAJOR"),
        LINKWATCH_VERSION_MAJOR
    ));
    assert!(matches(
        env!("CARGO_PKG_VERSION_MINOR"),
        LINKWATCH_VERSION_MINOR
    ));
    assert!(matches(
        env!("CARGO_PKG_VERSION_PATCH"),
        LINKWATCH_VERSION_PATCH
    ));
};

const fn matches(text: &str, number: u32) -> bool {
    let digits = text.as_bytes();
    let (mut value, mut at) = (0, 0);
    while at < digits.len() {
        value = value * 10 + (digits[at] - b'0') as u32;
        at += 1;
    }
    value == number
}
