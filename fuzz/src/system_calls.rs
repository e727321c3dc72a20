//! System calls that stand in the place of the C library's, in this program
//! and in libnl: the linker takes those of the program first. Descriptors of
//! the made-up kernel go there, all others to the real one, and outside of a
//! target's run none are made up.

use std::ffi::{c_int, c_long, c_uint, c_ulong, c_void};
use std::slice;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use libc::{
    clockid_t, epoll_event, iovec, itimerspec, mmsghdr, msghdr, nfds_t, pollfd, size_t, sockaddr,
    sockaddr_nl, socklen_t, ssize_t, timespec,
};

use crate::descriptors::{Descriptor, is_made_up};
use crate::kernel::{self, MOST_GROUPS};

const NETLINK_ADD_MEMBERSHIP: c_int = 1;
const NETLINK_DROP_MEMBERSHIP: c_int = 2;
const NETLINK_LIST_MEMBERSHIPS: c_int = 9;

type ClockGettime = unsafe extern "C" fn(clockid_t, *mut timespec) -> c_int;

/// The C library's clock_gettime(), which needs no system call.
static CLOCK: OnceLock<Option<ClockGettime>> = OnceLock::new();

/// Looks up what is needed, before the first run.
pub(crate) fn prepare() {
    CLOCK.get_or_init(|| {
        // SAFETY: the name ends with NUL; what is found under it is that
        // function.
        unsafe {
            let found = libc::dlsym(libc::RTLD_NEXT, c"clock_gettime".as_ptr());
            std::mem::transmute::<*mut c_void, Option<ClockGettime>>(found)
        }
    });
}

#[cfg(sanitized)]
unsafe extern "C" {
    fn __asan_poison_memory_region(start: *const c_void, length: size_t);
    fn __asan_unpoison_memory_region(start: *const c_void, length: size_t);
}

/// Tells AddressSanitizer whether memory may be used.
fn mark(start: *mut c_void, length: usize, usable: bool) {
    #[cfg(sanitized)]
    // SAFETY: no memory is touched.
    unsafe {
        if usable {
            __asan_unpoison_memory_region(start, length);
        } else {
            __asan_poison_memory_region(start, length);
        }
    }
    #[cfg(not(sanitized))]
    let _ = (start, length, usable);
}

fn fail<T: From<i8>>(errno: c_int) -> T {
    // SAFETY: the thread's own errno.
    unsafe { *libc::__errno_location() = errno };
    T::from(-1)
}

macro_rules! real {
    ($number:ident $(, $argument:expr)*) => {
        // SAFETY: the caller's promise, as to the system call.
        (unsafe { libc::syscall(libc::$number $(, $argument)*) }) as _
    };
}

/// Mappings that were given back, by address and length. Making them anew for
/// each socket would take longer than all the rest.
static MAPPINGS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());
/// Those that are kept.
const KEPT: std::ops::RangeInclusive<usize> = 1 << 20..=1 << 23;
/// Of one that is not in use, so much is marked as such.
const MARKED: usize = 1 << 16;

/// mmap(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(
    address: *mut c_void,
    length: size_t,
    access: c_int,
    flags: c_int,
    fd: c_int,
    offset: libc::off_t,
) -> *mut c_void {
    if KEPT.contains(&length) && flags & libc::MAP_ANONYMOUS != 0 && kernel::is_active() {
        let mut kept = MAPPINGS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|mapping| mapping.1 == length) {
            let start = kept.swap_remove(at).0 as *mut c_void;
            mark(start, MARKED, true);
            return start;
        }
    }
    let mapped: c_long = real!(SYS_mmap, address, length, access, flags, fd, offset);
    mapped as *mut c_void
}

/// munmap(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(address: *mut c_void, length: size_t) -> c_int {
    if KEPT.contains(&length) && kernel::is_active() {
        let mut kept = MAPPINGS.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < 16 {
            mark(address, MARKED, false);
            kept.push((address as usize, length));
            return 0;
        }
    }
    real!(SYS_munmap, address, length)
}

/// getpid(2).
#[unsafe(no_mangle)]
pub extern "C" fn getpid() -> libc::pid_t {
    if kernel::is_active() {
        return 4711;
    }
    real!(SYS_getpid)
}

/// getrandom(2), which brings the same each time: with other keys, hash maps take
/// other paths, and have another order.
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: size_t, _: c_uint) -> ssize_t {
    // SAFETY: the caller's promise, as to getrandom(2).
    unsafe { std::ptr::write_bytes(buffer.cast::<u8>(), 0x5a, length) };
    length as ssize_t
}

/// socket(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    if domain == libc::AF_NETLINK && kernel::is_active() {
        if protocol > libc::NETLINK_CRYPTO {
            return fail(libc::EPROTONOSUPPORT);
        }
        return kernel::state().open_socket(protocol);
    }
    real!(SYS_socket, domain, kind, protocol)
}

/// close(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(fd: c_int) -> c_int {
    if is_made_up(fd) {
        assert!(kernel::state().descriptors.close(fd), "closed twice: {fd}");
        return 0;
    }
    real!(SYS_close, fd)
}

/// bind(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bind(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
    if !is_made_up(fd) {
        return real!(SYS_bind, fd, address, length);
    }
    let mut state = kernel::state();
    let Some(socket) = state.descriptors.socket(fd) else {
        return fail(libc::EBADF);
    };
    // SAFETY: the caller's promise, as to bind(2) of a netlink socket.
    socket.port = unsafe { (*address.cast::<sockaddr_nl>()).nl_pid };
    0
}

/// getsockname(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getsockname(
    fd: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
) -> c_int {
    if !is_made_up(fd) {
        return real!(SYS_getsockname, fd, address, length);
    }
    let Some(port) = kernel::state()
        .descriptors
        .socket(fd)
        .map(|socket| socket.port)
    else {
        return fail(libc::EBADF);
    };
    // SAFETY: the caller's promise, as to getsockname(2).
    unsafe { put_address(address.cast(), &mut *length, port, 0) };
    0
}

/// Writes a netlink address where there is room for `length` bytes.
///
/// # Safety
///
/// There is, or `to` is NULL.
unsafe fn put_address(to: *mut c_void, length: &mut socklen_t, port: u32, groups: u32) {
    // SAFETY: a plain structure.
    let mut address: sockaddr_nl = unsafe { std::mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as u16;
    address.nl_pid = port;
    address.nl_groups = groups;
    let size = size_of::<sockaddr_nl>();
    if !to.is_null() {
        let from = (&raw const address).cast::<u8>();
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(from, to.cast(), size.min(*length as usize)) };
    }
    *length = size as socklen_t;
}

/// setsockopt(2): what it cannot do is done all the same, but for groups that
/// do not exist.
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn setsockopt(
    fd: c_int,
    level: c_int,
    option: c_int,
    value: *const c_void,
    length: socklen_t,
) -> c_int {
    if !is_made_up(fd) {
        return real!(SYS_setsockopt, fd, level, option, value, length);
    }
    let number = if length as usize >= size_of::<c_int>() {
        // SAFETY: the caller's promise, as to setsockopt(2).
        unsafe { value.cast::<c_uint>().read_unaligned() }
    } else {
        0
    };
    let mut state = kernel::state();
    let Some(socket) = state.descriptors.socket(fd) else {
        return fail(libc::EBADF);
    };
    match (level, option) {
        (libc::SOL_SOCKET, libc::SO_RCVBUF | libc::SO_RCVBUFFORCE) => {
            socket.buffer = number.min(1 << 30) as usize * 2;
        }
        (libc::SOL_NETLINK, NETLINK_ADD_MEMBERSHIP | NETLINK_DROP_MEMBERSHIP) => {
            if number == 0 || number > MOST_GROUPS {
                return fail(libc::ENOENT);
            }
            let group = 1 << (number - 1);
            if option == NETLINK_ADD_MEMBERSHIP {
                socket.groups |= group;
            } else {
                socket.groups &= !group;
            }
        }
        _ => {}
    }
    0
}

/// getsockopt(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    option: c_int,
    value: *mut c_void,
    length: *mut socklen_t,
) -> c_int {
    if !is_made_up(fd) {
        return real!(SYS_getsockopt, fd, level, option, value, length);
    }
    let mut state = kernel::state();
    let Some(socket) = state.descriptors.socket(fd) else {
        return fail(libc::EBADF);
    };
    let told = match (level, option) {
        (libc::SOL_SOCKET, libc::SO_RCVBUF) => socket.buffer as u64,
        (libc::SOL_SOCKET, libc::SO_PROTOCOL) => socket.protocol as u64,
        (libc::SOL_SOCKET, libc::SO_DOMAIN) => libc::AF_NETLINK as u64,
        (libc::SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS) => socket.groups,
        _ => return fail(libc::ENOPROTOOPT),
    };
    let bytes = told.to_le_bytes();
    // SAFETY: the caller's promise, as to getsockopt(2).
    unsafe {
        let room = (*length as usize).min(if level == libc::SOL_NETLINK { 8 } else { 4 });
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.cast(), room);
        *length = room as socklen_t;
    }
    0
}

/// fcntl(2). It is variadic in C; its one argument comes the same way.
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fcntl(fd: c_int, command: c_int, argument: c_ulong) -> c_int {
    if !is_made_up(fd) {
        return real!(SYS_fcntl, fd, command, argument);
    }
    let mut state = kernel::state();
    let Some(descriptor) = state.descriptors.get_mut(fd) else {
        return fail(libc::EBADF);
    };
    match (command, descriptor) {
        (libc::F_GETFL, Descriptor::Socket(socket)) => libc::O_RDWR | socket.flags,
        (libc::F_SETFL, Descriptor::Socket(socket)) => {
            socket.flags = argument as c_int & libc::O_NONBLOCK;
            0
        }
        (libc::F_GETFD, _) => libc::FD_CLOEXEC,
        (libc::F_SETFD, _) => 0,
        _ => fail(libc::EINVAL),
    }
}

/// sendmsg(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    if !is_made_up(fd) {
        return real!(SYS_sendmsg, fd, message, flags);
    }
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
        request.len() as ssize_t
    } else {
        fail(libc::EBADF)
    }
}

/// Reads a datagram into a message header: its length as MSG_TRUNC in `flags`
/// wants it, or the error.
///
/// # Safety
///
/// The address has room for its length, each part for its own.
unsafe fn receive(fd: c_int, message: &mut msghdr, flags: c_int) -> Result<usize, c_int> {
    let peek = flags & libc::MSG_PEEK != 0;
    kernel::read(fd, peek, |bytes, port, groups| {
        let mut rest = bytes;
        // SAFETY: the caller's promise.
        unsafe {
            put_address(message.msg_name, &mut message.msg_namelen, port, groups);
            if message.msg_iovlen > 0 {
                for part in slice::from_raw_parts(message.msg_iov, message.msg_iovlen) {
                    let (here, after) = rest.split_at(rest.len().min(part.iov_len));
                    std::ptr::copy_nonoverlapping(here.as_ptr(), part.iov_base.cast(), here.len());
                    rest = after;
                }
            }
        }
        message.msg_controllen = 0;
        message.msg_flags = if rest.is_empty() { 0 } else { libc::MSG_TRUNC };
        if flags & libc::MSG_TRUNC != 0 {
            bytes.len()
        } else {
            bytes.len() - rest.len()
        }
    })
}

/// recvmsg(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    if !is_made_up(fd) {
        return real!(SYS_recvmsg, fd, message, flags);
    }
    // SAFETY: the caller's promise, as to recvmsg(2).
    match unsafe { receive(fd, &mut *message, flags) } {
        Ok(length) => length as ssize_t,
        Err(errno) => fail(errno),
    }
}

/// recvmmsg(2). As in the kernel, an error after the first datagram is kept for
/// the next call (`do_recvmmsg`, net/socket.c).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    if !is_made_up(fd) {
        return real!(SYS_recvmmsg, fd, messages, count, flags, timeout);
    }
    if count == 0 {
        return 0;
    }
    // SAFETY: the caller's promise, as to recvmmsg(2).
    let messages = unsafe { slice::from_raw_parts_mut(messages, count as usize) };
    let mut received = 0;
    for message in messages {
        // SAFETY: as above.
        match unsafe { receive(fd, &mut message.msg_hdr, flags) } {
            Ok(length) => message.msg_len = length as c_uint,
            Err(errno) if received == 0 => return fail(errno),
            Err(libc::EAGAIN) => break,
            Err(errno) => {
                kernel::keep_error(fd, errno);
                break;
            }
        }
        received += 1;
    }
    received
}

/// recv(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recv(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    let (address, size) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the caller's promise, as to recv(2).
    unsafe { recvfrom(fd, buffer, length, flags, address, size) }
}

/// recvfrom(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvfrom(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    flags: c_int,
    address: *mut sockaddr,
    size: *mut socklen_t,
) -> ssize_t {
    if !is_made_up(fd) {
        return real!(SYS_recvfrom, fd, buffer, length, flags, address, size);
    }
    let mut part = iovec {
        iov_base: buffer,
        iov_len: length,
    };
    // SAFETY: a plain structure; the rest is the caller's promise, as to
    // recvfrom(2).
    unsafe {
        let mut message: msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        if !address.is_null() {
            message.msg_name = address.cast();
            message.msg_namelen = *size;
        }
        match receive(fd, &mut message, flags) {
            Ok(length) => {
                if !address.is_null() {
                    *size = message.msg_namelen;
                }
                length as ssize_t
            }
            Err(errno) => fail(errno),
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
    let polled = if count == 0 {
        &mut []
    } else {
        // SAFETY: the caller's promise, as to poll(2).
        unsafe { slice::from_raw_parts_mut(fds, count as usize) }
    };
    if count == 0 || !polled.iter().all(|polled| is_made_up(polled.fd)) {
        // Not all machines have poll(2) itself.
        let mut time = timespec {
            tv_sec: libc::time_t::from(timeout / 1000),
            tv_nsec: libc::c_long::from(timeout % 1000) * 1_000_000,
        };
        let time = if timeout < 0 {
            std::ptr::null_mut()
        } else {
            &raw mut time
        };
        return real!(SYS_ppoll, fds, count, time, 0, 0);
    }
    let mut ready = 0;
    for polled in polled {
        polled.revents = match kernel::is_readable(polled.fd) {
            Some(true) => libc::POLLIN & polled.events,
            Some(false) => 0,
            None => libc::POLLNVAL,
        };
        ready += c_int::from(polled.revents != 0);
    }
    if ready == 0 {
        // Nothing comes while it waits.
        kernel::sleep(Duration::from_millis(timeout.max(1) as u64));
    }
    ready
}

/// epoll_create1(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_create1(flags: c_int) -> c_int {
    if kernel::is_active() {
        let epoll = Descriptor::Epoll(Vec::new());
        return kernel::state().descriptors.open(epoll);
    }
    real!(SYS_epoll_create1, flags)
}

/// epoll_ctl(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_ctl(
    epoll: c_int,
    operation: c_int,
    fd: c_int,
    event: *mut epoll_event,
) -> c_int {
    if !is_made_up(epoll) {
        return real!(SYS_epoll_ctl, epoll, operation, fd, event);
    }
    let mut state = kernel::state();
    if is_made_up(fd) && state.descriptors.get(fd).is_none() {
        return fail(libc::EBADF);
    }
    let Some(Descriptor::Epoll(members)) = state.descriptors.get_mut(epoll) else {
        return fail(libc::EBADF);
    };
    let at = members.iter().position(|&member| member == fd);
    match (operation, at) {
        (libc::EPOLL_CTL_ADD, Some(_)) => return fail(libc::EEXIST),
        (libc::EPOLL_CTL_ADD, None) => members.push(fd),
        (_, None) => return fail(libc::ENOENT),
        (libc::EPOLL_CTL_DEL, Some(at)) => drop(members.remove(at)),
        _ => {}
    }
    0
}

/// epoll_wait(2), for one event.
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_wait(
    epoll: c_int,
    events: *mut epoll_event,
    count: c_int,
    timeout: c_int,
) -> c_int {
    if !is_made_up(epoll) {
        return real!(SYS_epoll_pwait, epoll, events, count, timeout, 0, 0);
    }
    match kernel::is_readable(epoll) {
        Some(true) => {
            // SAFETY: the caller's promise, as to epoll_wait(2).
            unsafe {
                (*events).events = libc::EPOLLIN as u32;
                (*events).u64 = 0;
            }
            1
        }
        Some(false) if timeout < 0 => panic!("it waits for ever"),
        Some(false) => {
            kernel::sleep(Duration::from_millis(timeout.max(1) as u64));
            0
        }
        None => fail(libc::EBADF),
    }
}

/// eventfd(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eventfd(count: c_uint, flags: c_int) -> c_int {
    if kernel::is_active() {
        let event = Descriptor::Event(count.into());
        return kernel::state().descriptors.open(event);
    }
    real!(SYS_eventfd2, count, flags)
}

/// timerfd_create(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timerfd_create(clock: clockid_t, flags: c_int) -> c_int {
    if kernel::is_active() {
        return kernel::state().open_timer();
    }
    real!(SYS_timerfd_create, clock, flags)
}

/// timerfd_settime(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timerfd_settime(
    fd: c_int,
    flags: c_int,
    new: *const itimerspec,
    old: *mut itimerspec,
) -> c_int {
    if !is_made_up(fd) {
        return real!(SYS_timerfd_settime, fd, flags, new, old);
    }
    let mut state = kernel::state();
    let now = state.now;
    let Some(Descriptor::Timer(timer)) = state.descriptors.get_mut(fd) else {
        return fail(libc::EBADF);
    };
    // SAFETY: the caller's promise, as to timerfd_settime(2).
    let due = duration(unsafe { (*new).it_value });
    timer.notes_jumps = flags & libc::TFD_TIMER_CANCEL_ON_SET != 0;
    timer.due = if due.is_zero() {
        None
    } else if flags & libc::TFD_TIMER_ABSTIME != 0 {
        Some(due)
    } else {
        Some(now + due)
    };
    0
}

fn duration(time: timespec) -> Duration {
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// read(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(fd: c_int, buffer: *mut c_void, length: size_t) -> ssize_t {
    if !is_made_up(fd) {
        return real!(SYS_read, fd, buffer, length);
    }
    let mut state = kernel::state();
    let now = state.now;
    let told: u64 = match state.descriptors.get_mut(fd) {
        Some(Descriptor::Event(count)) if *count > 0 => std::mem::take(count),
        Some(Descriptor::Timer(timer)) if timer.has_jumped => {
            timer.has_jumped = false;
            return fail(libc::ECANCELED);
        }
        Some(Descriptor::Timer(timer)) if timer.due.is_some_and(|due| due <= now) => {
            timer.due = None;
            1
        }
        Some(Descriptor::Event(_) | Descriptor::Timer(_)) => return fail(libc::EAGAIN),
        Some(_) => return fail(libc::EINVAL),
        None => return fail(libc::EBADF),
    };
    if length < 8 {
        return fail(libc::EINVAL);
    }
    // SAFETY: the caller's promise, as to read(2).
    unsafe { buffer.cast::<u64>().write_unaligned(told) };
    8
}

/// write(2).
///
/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, buffer: *const c_void, length: size_t) -> ssize_t {
    if !is_made_up(fd) {
        return real!(SYS_write, fd, buffer, length);
    }
    let mut state = kernel::state();
    match state.descriptors.get_mut(fd) {
        Some(Descriptor::Event(count)) if length == 8 => {
            // SAFETY: the caller's promise, as to write(2).
            *count = count.saturating_add(unsafe { buffer.cast::<u64>().read_unaligned() });
            8
        }
        Some(_) => fail(libc::EINVAL),
        None => fail(libc::EBADF),
    }
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
    if let Some(Some(real)) = CLOCK.get() {
        // SAFETY: as above.
        return unsafe { real(clock, time) };
    }
    real!(SYS_clock_gettime, clock, time)
}

/// clock_nanosleep(2).
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
        let wanted = duration(unsafe { *time });
        let now = kernel::now();
        kernel::sleep(if flags & libc::TIMER_ABSTIME != 0 {
            wanted.saturating_sub(now)
        } else {
            wanted
        });
        return 0;
    }
    let result: c_long = real!(SYS_clock_nanosleep, clock, flags, time, left);
    // It returns the error, not -1.
    if result < 0 {
        // SAFETY: the thread's own errno.
        unsafe { *libc::__errno_location() }
    } else {
        0
    }
}
