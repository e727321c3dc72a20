//! The C library's own shell globs, as netplugd and others match with.

use std::ffi::CStr;

/// True if `name` matches the shell glob `pattern` as fnmatch(3) without
/// flags defines it.
pub(crate) fn fnmatch(pattern: &CStr, name: &CStr) -> bool {
    // SAFETY: both are NUL-terminated and outlive the call; fnmatch reads only.
    unsafe { libc::fnmatch(pattern.as_ptr(), name.as_ptr(), 0) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_like_the_shell() {
        assert!(fnmatch(c"eth*", c"eth0"));
        assert!(fnmatch(c"wlan[0-9]", c"wlan3"));
        assert!(fnmatch(c"[!l]*", c"eth0"));
        assert!(!fnmatch(c"eth?", c"eth10"));
        assert!(fnmatch(c"e*", c"e\xff"), "bytes that are not UTF-8");
    }
}
