//! System calls that stand in the place of the C library's, in this program
//! and in libnl: the linker takes those of the program first. Outside of a
//! target's run they are the real ones.

use std::ffi::{c_int, c_void};
use std::slice;
use std::time::Duration;

use libc::{clockid_t, msghdr, nfds_t, pollfd, sockaddr_nl, ssize_t, timespec};

use crate::kernel::{self, Packet};

/// socket(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    // SAFETY: takes no pointer.
    let fd = unsafe { libc::syscall(libc::SYS_socket, domain, kind, protocol) } as c_int;
    if fd >= 0 && domain == libc::AF_NETLINK && kernel::is_active() {
        kernel::opened(fd, protocol);
    }
    fd
}

/// sendmsg(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    if kernel::is_active() {
        let mut request = Vec::new();
        // SAFETY: the caller's promise, as to sendmsg(2).
        unsafe {
            let parts = slice::from_raw_parts((*message).msg_iov, (*message).msg_iovlen);
            for part in parts {
                let bytes = slice::from_raw_parts(part.iov_base.cast::<u8>(), part.iov_len);
                request.extend_from_slice(bytes);
            }
        }
        if kernel::asked(fd, &request) {
            return request.len() as ssize_t;
        }
    }
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_sendmsg, fd, message, flags) as ssize_t }
}

/// recvmsg(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    let packet = kernel::is_active()
        .then(|| kernel::read(fd, flags & libc::MSG_PEEK != 0))
        .flatten();
    let (bytes, port, groups) = match packet {
        Some(Packet::Datagram {
            bytes,
            port,
            groups,
        }) => (bytes, port, groups),
        Some(Packet::Error(errno)) => {
            // SAFETY: the thread's own errno.
            unsafe { *libc::__errno_location() = errno };
            return -1;
        }
        None => {
            // SAFETY: the caller's promise, as to recvmsg(2).
            return unsafe { libc::syscall(libc::SYS_recvmsg, fd, message, flags) as ssize_t };
        }
    };
    // SAFETY: the caller's promise, as to recvmsg(2): the address has room for
    // its length, each part for its own.
    unsafe {
        let message = &mut *message;
        let mut address: sockaddr_nl = std::mem::zeroed();
        address.nl_family = libc::AF_NETLINK as u16;
        address.nl_pid = port;
        address.nl_groups = groups;
        let length = size_of::<sockaddr_nl>().min(message.msg_namelen as usize);
        if !message.msg_name.is_null() {
            let from = (&raw const address).cast::<u8>();
            std::ptr::copy_nonoverlapping(from, message.msg_name.cast(), length);
        }
        message.msg_namelen = size_of::<sockaddr_nl>() as u32;
        message.msg_controllen = 0;
        message.msg_flags = 0;
        let mut rest = &bytes[..];
        for part in slice::from_raw_parts(message.msg_iov, message.msg_iovlen) {
            let (here, after) = rest.split_at(rest.len().min(part.iov_len));
            std::ptr::copy_nonoverlapping(here.as_ptr(), part.iov_base.cast(), here.len());
            rest = after;
        }
        if !rest.is_empty() {
            message.msg_flags |= libc::MSG_TRUNC;
        }
        if flags & libc::MSG_TRUNC != 0 {
            bytes.len() as ssize_t
        } else {
            (bytes.len() - rest.len()) as ssize_t
        }
    }
}

/// poll(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    if kernel::is_active() && count > 0 {
        // SAFETY: the caller's promise, as to poll(2).
        let polled = unsafe { slice::from_raw_parts_mut(fds, count as usize) };
        let known: Vec<Option<bool>> = polled
            .iter()
            .map(|polled| kernel::is_readable(polled.fd))
            .collect();
        if known.iter().all(Option::is_some) {
            let mut ready = 0;
            for (polled, readable) in polled.iter_mut().zip(known) {
                let readable = readable == Some(true);
                polled.revents = if readable { libc::POLLIN } else { 0 };
                ready += c_int::from(readable);
            }
            if ready == 0 {
                // Nothing comes while it waits.
                kernel::sleep(Duration::from_millis(timeout.max(1) as u64));
            }
            return ready;
        }
    }
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_poll, fds, count, timeout) as c_int }
}

/// clock_gettime(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // The time of day is left alone: libFuzzer looks at it too.
    if clock == libc::CLOCK_MONOTONIC && kernel::is_active() {
        let now = kernel::now();
        // SAFETY: the caller's promise, as to clock_gettime(2).
        unsafe {
            (*time).tv_sec = now.as_secs() as libc::time_t;
            (*time).tv_nsec = now.subsec_nanos().into();
        }
        return 0;
    }
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int }
}

/// clock_nanosleep(2), relative sleeps of the target only.
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    time: *const timespec,
    left: *mut timespec,
) -> c_int {
    if kernel::is_active() {
        // SAFETY: the caller's promise, as to clock_nanosleep(2).
        let time = unsafe { *time };
        let wanted = Duration::new(time.tv_sec as u64, time.tv_nsec as u32);
        let now = kernel::now();
        kernel::sleep(if flags & libc::TIMER_ABSTIME != 0 {
            wanted.saturating_sub(now)
        } else {
            wanted
        });
        return 0;
    }
    let left: *mut c_void = left.cast();
    // SAFETY: as above.
    let result = unsafe { libc::syscall(libc::SYS_clock_nanosleep, clock, flags, time, left) };
    // It returns the error, not -1.
    if result < 0 {
        // SAFETY: the thread's own errno.
        unsafe { *libc::__errno_location() }
    } else {
        0
    }
}
