//! For the tests of the border that no panic crosses; in no other build.

use std::ffi::c_int;

use super::handle::{linkwatch, with};

/// Panics inside.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_test_panic(handle: *mut linkwatch) -> c_int {
    // SAFETY: promised by the caller.
    unsafe { with(handle, |_, _| panic!("a panic that a test asked for")) }
}
