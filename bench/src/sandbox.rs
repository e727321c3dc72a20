//! A network namespace of its own for the race, and what may be done in it.

use std::fs;
use std::io;

/// Enters new namespaces, for good. Returns how. To be called before there is
/// a second thread.
pub fn enter() -> io::Result<&'static str> {
    // SAFETY: both do nothing but return a number.
    let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
    // SAFETY: unshare(2) takes flags and touches no memory.
    let unshare = |flags| match unsafe { libc::unshare(flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    let how = if is_privileged() && unshare(libc::CLONE_NEWNET).is_ok() {
        "as root, in a network namespace (unshare -n)"
    } else {
        unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
        "as an ordinary user, in a user and a network namespace (unshare -rn)"
    };
    // IPv6 would be busy with each link that comes up.
    for which in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6");
        let _ = fs::write(path, "1");
    }
    Ok(how)
}

/// True if this process is root as far as the kernel is concerned, so that it
/// may give any receive buffer to any socket.
pub fn is_privileged() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    // SAFETY: geteuid(2) does nothing but return a number.
    let root = unsafe { libc::geteuid() } == 0;
    root && map.split_whitespace().eq(["0", "0", "4294967295"])
}
