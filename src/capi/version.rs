//! Versions of header and library.

use std::ffi::c_char;

/// Major version of this header; linkwatch_version() tells that of the library.
pub const LINKWATCH_VERSION_MAJOR: u32 = 0;
/// Minor version of this header.
pub const LINKWATCH_VERSION_MINOR: u32 = 1;
/// Patch level of this header.
pub const LINKWATCH_VERSION_PATCH: u32 = 0;

/// The version of the library, as LINKWATCH_VERSION_STRING is that of the
/// header. It lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn linkwatch_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

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
