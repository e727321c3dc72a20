//! The C interface: options of any value, messages of any content by each of
//! the ways that they come in, events looked at with every function, and
//! calls from within the callback.
#![no_main]

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;

use libfuzzer_sys::fuzz_target;
// Its C functions are linked with it.
use libnl3_sys as sys;
use linkwatch as _;
use linkwatch_fuzz::input::Input;
use linkwatch_fuzz::kernel::Kernel;

#[repr(C)]
struct Handle {
    _opaque: [u8; 0],
}
#[repr(C)]
struct CEvent {
    _opaque: [u8; 0],
}
#[repr(C)]
struct Link {
    _opaque: [u8; 0],
}

type OnEvent = Option<unsafe extern "C" fn(*const CEvent, *mut c_void)>;
type OnLink = Option<unsafe extern "C" fn(*const Link, *mut c_void)>;

unsafe extern "C" {
    fn linkwatch_strerror(code: c_int) -> *const c_char;
    fn linkwatch_new(out: *mut *mut Handle) -> c_int;
    fn linkwatch_free(handle: *mut Handle);
    fn linkwatch_on_event(handle: *mut Handle, callback: OnEvent, user: *mut c_void);
    fn linkwatch_error_detail(handle: *const Handle) -> *const c_char;
    fn linkwatch_add_pattern(handle: *mut Handle, glob: *const c_char) -> c_int;
    fn linkwatch_set_criterion(handle: *mut Handle, criterion: c_int) -> c_int;
    fn linkwatch_set_buffer_size(handle: *mut Handle, bytes: usize) -> c_int;
    fn linkwatch_set_settle(handle: *mut Handle, up: c_uint, down: c_uint) -> c_int;
    fn linkwatch_set_notices(handle: *mut Handle, on: c_int) -> c_int;
    fn linkwatch_set_namespace(handle: *mut Handle, name: *const c_char) -> c_int;
    fn linkwatch_start(handle: *mut Handle) -> c_int;
    fn linkwatch_fd(handle: *const Handle) -> c_int;
    fn linkwatch_dispatch(handle: *mut Handle, timeout: c_int) -> c_int;
    fn linkwatch_run(handle: *mut Handle) -> c_int;
    fn linkwatch_stop(handle: *mut Handle);
    fn linkwatch_attach(handle: *mut Handle, socket: *mut sys::nl_sock) -> c_int;
    fn linkwatch_detach(handle: *mut Handle) -> c_int;
    fn linkwatch_process(handle: *mut Handle, message: *mut sys::nl_msg) -> c_int;
    fn linkwatch_resync(handle: *mut Handle) -> c_int;
    fn linkwatch_event_type(event: *const CEvent) -> c_int;
    fn linkwatch_event_type_name(kind: c_int) -> *const c_char;
    fn linkwatch_event_ifname(event: *const CEvent) -> *const c_char;
    fn linkwatch_event_previous_name(event: *const CEvent) -> *const c_char;
    fn linkwatch_event_kind(event: *const CEvent) -> *const c_char;
    fn linkwatch_event_ifindex(event: *const CEvent) -> c_uint;
    fn linkwatch_event_connected(event: *const CEvent) -> c_int;
    fn linkwatch_event_transitions(event: *const CEvent) -> u64;
    fn linkwatch_event_unseen(event: *const CEvent) -> u64;
    fn linkwatch_event_reason(event: *const CEvent) -> c_int;
    fn linkwatch_reason_name(reason: c_int) -> *const c_char;
    fn linkwatch_event_detail(event: *const CEvent) -> *const c_char;
    fn linkwatch_event_notice(event: *const CEvent) -> *const c_char;
    fn linkwatch_event_ssid(event: *const CEvent) -> *const c_char;
    fn linkwatch_event_bssid(event: *const CEvent) -> *const c_char;
    fn linkwatch_event_overruns(event: *const CEvent) -> u64;
    fn linkwatch_event_time_us(event: *const CEvent) -> u64;
    fn linkwatch_event_json(event: *const CEvent, buffer: *mut c_char, size: usize) -> c_int;
    fn linkwatch_print_event(event: *const CEvent, file: *mut c_void);
    fn linkwatch_event_clone(event: *const CEvent) -> *mut CEvent;
    fn linkwatch_event_free(event: *mut CEvent);
    fn linkwatch_links(handle: *mut Handle, callback: OnLink, user: *mut c_void) -> c_int;
    fn linkwatch_link_name(link: *const Link) -> *const c_char;
    fn linkwatch_link_kind(link: *const Link) -> *const c_char;
    fn linkwatch_link_operstate(link: *const Link) -> *const c_char;
    fn linkwatch_link_ifindex(link: *const Link) -> c_uint;
    fn linkwatch_link_connected(link: *const Link) -> c_int;
    fn linkwatch_link_carrier(link: *const Link) -> c_int;
    fn linkwatch_link_running(link: *const Link) -> c_int;
    fn linkwatch_link_admin_up(link: *const Link) -> c_int;
    fn linkwatch_link_transitions(link: *const Link) -> i64;
}

const E_PANIC: c_int = -3;

/// What the program and its callback share.
struct Program {
    handle: Cell<*mut Handle>,
    socket: *mut sys::nl_sock,
    kept: Cell<*mut CEvent>,
    /// What the callback does besides looking.
    act: Cell<u8>,
    depth: Cell<u32>,
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let settings = input.u8();
    let kernel = Kernel::begin(u64::from(input.u8()) * 0x0101_0101_0101_0101);
    // SAFETY: the functions are used as linkwatch.h and libnl say; a handle
    // that the callback has freed is not used again.
    unsafe {
        let mut handle = ptr::null_mut();
        assert_eq!(linkwatch_new(&raw mut handle), 0);
        let program = Program {
            handle: Cell::new(handle),
            socket: program_socket(),
            kept: Cell::new(ptr::null_mut()),
            act: Cell::new(0),
            depth: Cell::new(0),
        };
        let user = (&raw const program).cast_mut().cast();
        linkwatch_on_event(handle, Some(on_event), user);
        linkwatch_set_criterion(handle, c_int::from(settings & 1));
        linkwatch_set_notices(handle, c_int::from(settings & 2));
        if settings & 4 != 0 {
            linkwatch_set_settle(handle, 200, 300);
        }
        if settings & 8 != 0 {
            assert_eq!(linkwatch_add_pattern(handle, c"eth*".as_ptr()), 0);
        }
        if settings & 16 != 0 {
            sys::nlmsg_set_default_size(4096);
        }
        while !input.is_empty() && !program.handle.get().is_null() {
            step(&program, &kernel, &mut input);
        }
        let handle = program.handle.get();
        if settings & 32 != 0 {
            // In the other order.
            sys::nl_socket_free(program.socket);
            linkwatch_free(handle);
        } else {
            linkwatch_free(handle);
            sys::nl_socket_free(program.socket);
        }
        linkwatch_event_free(program.kept.get());
    }
});

unsafe fn step(program: &Program, kernel: &Kernel, input: &mut Input<'_>) {
    let handle = program.handle.get();
    let step = input.u8();
    program.act.set(step >> 5);
    // SAFETY: as above.
    let result = unsafe {
        match step & 31 {
            0 => process(handle, input.block(), 0, libc::NETLINK_ROUTE),
            1 => process(handle, input.block(), 0, -1),
            2 => process(handle, input.block(), u32::from(step), libc::NETLINK_ROUTE),
            3 => process(handle, input.block(), 0, libc::NETLINK_GENERIC),
            4 => linkwatch_process(handle, ptr::null_mut()),
            5 => linkwatch_attach(handle, program.socket),
            6 => linkwatch_attach(handle, ptr::null_mut()),
            7 => linkwatch_detach(handle),
            8 => linkwatch_start(handle),
            9 => linkwatch_resync(handle),
            10 => linkwatch_dispatch(handle, 0),
            11 => {
                kernel.announce(input.block(), 0);
                receive(program)
            }
            12 => {
                kernel.announce(input.block(), u32::from(step));
                receive(program)
            }
            13 => {
                kernel.announce(input.block(), 0);
                linkwatch_dispatch(handle, 0)
            }
            14 => {
                kernel.fail(libc::ENOBUFS);
                receive(program)
            }
            15 => {
                kernel.fail(libc::ENOBUFS);
                linkwatch_dispatch(handle, 0)
            }
            16 => {
                let interrupted = u32::from(input.u8());
                kernel.set_links(input.block(), interrupted);
                0
            }
            17 => {
                kernel.pass_time(std::time::Duration::from_millis(input.u16().into()));
                0
            }
            18 => linkwatch_set_criterion(handle, input.u32().cast_signed()),
            19 => linkwatch_set_buffer_size(handle, input.u64() as usize),
            20 => linkwatch_set_settle(handle, input.u32(), input.u32()),
            21 => linkwatch_set_notices(handle, input.u32().cast_signed()),
            22 => match text(input.block()) {
                Some(glob) => linkwatch_add_pattern(handle, glob.as_ptr()),
                None => linkwatch_add_pattern(handle, ptr::null()),
            },
            23 => match text(input.block()) {
                Some(name) => linkwatch_set_namespace(handle, name.as_ptr()),
                None => linkwatch_set_namespace(handle, ptr::null()),
            },
            24 => linkwatch_links(handle, Some(on_link), ptr::null_mut()),
            25 => {
                linkwatch_stop(handle);
                linkwatch_run(handle)
            }
            26 => {
                let fd = linkwatch_fd(handle);
                assert!(fd != 0);
                kernel.jump();
                0
            }
            27 => {
                let code = input.u32().cast_signed();
                read(linkwatch_strerror(code));
                read(linkwatch_event_type_name(code));
                read(linkwatch_reason_name(code));
                0
            }
            28 => {
                kernel.announce_by_nl80211(input.block(), 0);
                0
            }
            29 => {
                kernel.answer(input.block());
                0
            }
            30 => {
                let callback: OnEvent = if input.u8() & 1 != 0 {
                    Some(on_event)
                } else {
                    None
                };
                linkwatch_on_event(handle, callback, ptr::from_ref(program).cast_mut().cast());
                0
            }
            _ => {
                kernel.announce(input.block(), 0);
                0
            }
        }
    };
    assert_ne!(result, E_PANIC);
    if !program.handle.get().is_null() {
        // SAFETY: the handle is live.
        unsafe { read(linkwatch_error_detail(handle)) };
    }
}

/// A program's socket, as for notifications.
unsafe fn program_socket() -> *mut sys::nl_sock {
    // SAFETY: libnl's functions with a socket of our own.
    unsafe {
        let socket = sys::nl_socket_alloc();
        assert!(!socket.is_null());
        sys::nl_socket_disable_seq_check(socket);
        assert_eq!(sys::nl_connect(socket, libc::NETLINK_ROUTE), 0);
        socket
    }
}

/// The program's loop, and what it does about -NLE_NOMEM.
unsafe fn receive(program: &Program) -> c_int {
    // SAFETY: the socket is live; the handle too, unless it says otherwise.
    unsafe {
        let received = sys::nl_recvmsgs_default(program.socket);
        let handle = program.handle.get();
        if received == -(sys::NLE_NOMEM as c_int) && !handle.is_null() {
            return linkwatch_resync(handle);
        }
    }
    0
}

/// Hands over a message of these bytes, whatever length they claim.
unsafe fn process(handle: *mut Handle, bytes: &[u8], port: u32, protocol: c_int) -> c_int {
    // SAFETY: the message has room for the bytes.
    unsafe {
        let message = sys::nlmsg_alloc_size(bytes.len().max(16));
        assert!(!message.is_null());
        let to = sys::nlmsg_hdr(message).cast::<u8>();
        ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        let mut from: libc::sockaddr_nl = std::mem::zeroed();
        from.nl_family = libc::AF_NETLINK as u16;
        from.nl_pid = port;
        sys::nlmsg_set_src(message, &raw mut from);
        sys::nlmsg_set_proto(message, protocol);
        let result = linkwatch_process(handle, message);
        sys::nlmsg_free(message);
        result
    }
}

fn text(bytes: &[u8]) -> Option<CString> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    CString::new(&bytes[..end]).ok()
}

/// Reads a string to its end.
unsafe fn read(text: *const c_char) -> usize {
    if text.is_null() {
        return 0;
    }
    // SAFETY: the interface's promise.
    unsafe { CStr::from_ptr(text) }.count_bytes()
}

unsafe extern "C" fn on_link(link: *const Link, _: *mut c_void) {
    // SAFETY: the link is valid during the callback.
    unsafe {
        assert!(read(linkwatch_link_name(link)) <= 15);
        read(linkwatch_link_kind(link));
        read(linkwatch_link_operstate(link));
        assert!(linkwatch_link_ifindex(link) > 0);
        let connected = linkwatch_link_connected(link);
        assert!(connected <= linkwatch_link_carrier(link));
        assert!(connected <= linkwatch_link_admin_up(link));
        linkwatch_link_running(link);
        linkwatch_link_transitions(link);
    }
}

unsafe extern "C" fn on_event(event: *const CEvent, user: *mut c_void) {
    // SAFETY: what the handle was given.
    let program = unsafe { &*user.cast::<Program>() };
    // SAFETY: the event is valid during the callback.
    unsafe { look_at(event) };
    let handle = program.handle.get();
    if program.depth.replace(1) > 0 || handle.is_null() {
        return;
    }
    // SAFETY: all of these may be called from within the callback.
    let result = unsafe {
        // Once a step: who makes up for a loss at each event that this gives
        // never comes to an end.
        match program.act.take() {
            1 => {
                linkwatch_event_free(program.kept.replace(linkwatch_event_clone(event)));
                0
            }
            2 => {
                program.handle.set(ptr::null_mut());
                linkwatch_free(handle);
                0
            }
            3 => linkwatch_detach(handle),
            4 => linkwatch_resync(handle),
            5 => linkwatch_dispatch(handle, 0),
            6 => linkwatch_links(handle, Some(on_link), ptr::null_mut()),
            7 => {
                linkwatch_on_event(handle, None, ptr::null_mut());
                0
            }
            _ => 0,
        }
    };
    assert_ne!(result, E_PANIC);
    program.depth.set(0);
}

/// Every getter.
unsafe fn look_at(event: *const CEvent) {
    // SAFETY: the event is valid.
    unsafe {
        let kind = linkwatch_event_type(event);
        assert!((1..=10).contains(&kind));
        assert!(read(linkwatch_event_ifname(event)) <= 15);
        read(linkwatch_event_previous_name(event));
        read(linkwatch_event_kind(event));
        read(linkwatch_event_detail(event));
        read(linkwatch_event_notice(event));
        read(linkwatch_event_ssid(event));
        read(linkwatch_event_bssid(event));
        assert_eq!(linkwatch_event_ifindex(event) == 0, kind == 8);
        assert!((0..=1).contains(&linkwatch_event_connected(event)));
        assert!(linkwatch_event_unseen(event) <= linkwatch_event_transitions(event));
        assert!(linkwatch_event_reason(event) >= 0);
        linkwatch_event_overruns(event);
        assert!(linkwatch_event_time_us(event) > 0);
        linkwatch_print_event(event, ptr::null_mut());
        // In a room of exactly its size, or of half of it.
        let length = linkwatch_event_json(event, ptr::null_mut(), 0);
        assert!((1..1024).contains(&length), "{length}");
        let size = if length % 2 == 0 {
            length / 2
        } else {
            length + 1
        } as usize;
        let mut room = vec![1u8; size];
        let told = linkwatch_event_json(event, room.as_mut_ptr().cast(), size);
        assert_eq!((told, room[size - 1]), (length, 0));
        let clone = linkwatch_event_clone(event);
        assert_eq!(linkwatch_event_type(clone), kind);
        linkwatch_event_free(clone);
    }
}
