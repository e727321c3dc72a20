//! The drop-in: a program that has a libnl socket and a loop keeps both.

use std::ffi::{c_int, c_void};

use libnl3_sys as sys;

use super::error::{Failure, LINKWATCH_E_STATE, guard};
use super::handle::{Delivered, Inner, Source, deliver, linkwatch, with};
use super::hook::{self, Hook};
use crate::monitor::Feed;
use crate::nl::{Group, Message};
use crate::{Error, MonitorBuilder};

/// A program's socket feeds a handle.
pub(super) struct Attachment {
    pub(super) feed: Feed,
    /// `None`: the program hands over each message itself.
    hook: Option<Hook>,
}

/// Runs for every message of the program's socket, before any other callback.
/// Always lets libnl go on to the program's own. Copies of the socket's callbacks
/// call it too, also when the handle is gone.
unsafe extern "C" fn on_message_in(message: *mut sys::nl_msg, argument: *mut c_void) -> c_int {
    if let Some(handle) = hook::handle_of(argument) {
        // SAFETY: a handle's hook is gone before the handle is, and by the
        // caller's promise no other thread ends it meanwhile; libnl passes a
        // live message.
        let _ = unsafe { feed(handle, message) };
    }
    sys::NL_OK as c_int
}

/// Applies a message and delivers what it gives.
///
/// # Safety
///
/// `handle` as for linkwatch_free(); `message` is NULL or live.
unsafe fn feed(handle: *mut linkwatch, message: *mut sys::nl_msg) -> c_int {
    // SAFETY: promised by the caller.
    let result = unsafe {
        with(handle, |_, inner| {
            let Source::Attached(attachment) = &mut inner.source else {
                return Err(Failure::state("it is not attached"));
            };
            let Some(message) = Message::from_raw(message) else {
                return Err(Failure::invalid("NULL, or not a netlink message"));
            };
            // A program may share its callbacks among sockets: another
            // protocol's numbers mean something else. It may ask questions on
            // its socket: their answers come to it alone, and may be older than
            // what is known. By hand, a message may come without either.
            let protocol = sys::nlmsg_get_proto(message.as_ptr());
            let wanted = match attachment.hook {
                Some(_) => protocol == libc::NETLINK_ROUTE && message.sender().groups != 0,
                None => protocol == libc::NETLINK_ROUTE || protocol < 0,
            };
            if wanted || !message.sender().is_kernel() {
                attachment.feed.message(&message)?;
            }
            Ok(0)
        })
    };
    // SAFETY: promised by the caller; the handle is not used afterwards.
    unsafe { finish(handle, result) }
}

/// Delivers what there is, and returns `result`, or what went wrong.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
unsafe fn finish(handle: *mut linkwatch, result: c_int) -> c_int {
    // SAFETY: promised by the caller; the handle is not used afterwards.
    match unsafe { deliver(handle, c_int::MAX) } {
        Delivered::Events(_) | Delivered::Busy => result,
        Delivered::Freed => LINKWATCH_E_STATE,
        Delivered::Failed(code) if result >= 0 => code,
        Delivered::Failed(_) => result,
    }
}

/// Lets a program's own loop feed the handle. The socket (NETLINK_ROUTE,
/// connected) joins RTNLGRP_LINK; the interfaces are listed; the callback gets
/// a LINKWATCH_EVENT_INITIAL for each. From then on events are delivered from
/// within the program's nl_recvmsgs(), nl_recvmsgs_default() or
/// nl_recvmsgs_report() on this socket.
///
/// The program's groups and callbacks stay as they are. Only NL_CB_MSG_IN of
/// the socket's own callbacks is taken: every message passes there first, so
/// linkwatch sees it first, and then the program's NL_CB_VALID and others, with
/// their results as before. A program that needs NL_CB_MSG_IN itself, that
/// receives with other callbacks than the socket's, or that exchanges them
/// (nl_socket_set_cb()), calls linkwatch_process() instead.
///
/// Sequence checking must be off (nl_socket_disable_seq_check()), as it must
/// for any socket that receives notifications. When the loop gets -NLE_NOMEM,
/// call linkwatch_resync(). With settle times, to have a list of the interfaces
/// that failed tried again without a message, and to notice at once that the
/// system has slept, also watch linkwatch_fd() and call linkwatch_dispatch().
/// Link messages take room in the socket's receive buffer: consider
/// nl_socket_set_buffer_size().
///
/// The initial events are delivered at once, or, if messages are queued, when
/// the program has received them. The interfaces are listed in the network
/// namespace of the calling thread, or that of linkwatch_set_namespace(): it
/// must be the socket's.
///
/// Handle and socket may end in any order: detach, free the handle or free the
/// socket first. From within the callback the handle may be freed; the socket
/// may not, nor may its callbacks be exchanged, for libnl is using them. After
/// nl_close(), detach and attach again. While it is attached, the handle and
/// the socket are used by one thread at a time.
///
/// Copies of the socket's callbacks that were made while it was attached
/// (nl_cb_clone(), nl_cache_mngr_data_ready()) feed the handle too. They may be
/// kept and used after it was detached or freed; then linkwatch ignores what
/// they receive.
///
/// Returns 0; LINKWATCH_E_INVAL if the socket is NULL, not connected or of
/// another protocol; LINKWATCH_E_STATE if it is started or attached already, or
/// another handle is attached to the socket; others if the interfaces cannot be
/// listed.
///
/// # Safety
///
/// `handle` as for linkwatch_free(); `socket` is NULL or a live socket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_attach(
    handle: *mut linkwatch,
    socket: *mut sys::nl_sock,
) -> c_int {
    // SAFETY: promised by the caller; `on_message_in` looks its argument up.
    let result = unsafe {
        with(handle, |_, inner| {
            if !matches!(inner.source, Source::None) {
                return Err(Failure::state("it is started or attached already"));
            }
            let fd = route_descriptor(socket)?;
            let group = Group::LINK.0 as c_int;
            let was_member = is_member(fd);
            let joined = sys::nl_socket_add_membership(socket, group);
            if joined < 0 {
                return Err(Error::from_libnl(-joined, "joining RTNLGRP_LINK").into());
            }
            Hook::install(socket, handle, on_message_in)
                .and_then(|hook| start_feed(inner, Some(hook), move || has_nothing_to_read(fd)))
                .inspect_err(|_| {
                    // As it was before.
                    if !was_member {
                        sys::nl_socket_drop_membership(socket, group);
                    }
                })
        })
    };
    if result < 0 {
        return result;
    }
    // SAFETY: promised by the caller; the handle is not used afterwards.
    match unsafe { finish(handle, result) } {
        LINKWATCH_E_STATE => LINKWATCH_E_STATE,
        // Attached it is; another attempt at what failed follows.
        _ => 0,
    }
}

/// The descriptor of a socket that link messages can come through.
///
/// # Safety
///
/// `socket` is NULL or live.
unsafe fn route_descriptor(socket: *mut sys::nl_sock) -> Result<c_int, Failure> {
    if socket.is_null() {
        return Err(Failure::invalid("the socket is NULL"));
    }
    // SAFETY: promised by the caller.
    let fd = unsafe { sys::nl_socket_get_fd(socket) };
    let mut protocol: c_int = -1;
    let mut length = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: writes at most `length` bytes to a variable of that size; a
    // descriptor that is none gives an error.
    let result = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_PROTOCOL,
            (&raw mut protocol).cast(),
            &raw mut length,
        )
    };
    if result < 0 {
        return Err(Failure::invalid("the socket is not connected"));
    }
    if protocol != libc::NETLINK_ROUTE {
        return Err(Failure::invalid("the socket is not one of NETLINK_ROUTE"));
    }
    Ok(fd)
}

/// True if the socket is in RTNLGRP_LINK; also where the kernel (before 4.2)
/// does not tell.
fn is_member(fd: c_int) -> bool {
    const NETLINK_LIST_MEMBERSHIPS: c_int = 9;
    let mut groups = [0u32; 8];
    let mut length = size_of_val(&groups) as libc::socklen_t;
    // SAFETY: writes at most `length` bytes to an array of that size.
    let result = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_NETLINK,
            NETLINK_LIST_MEMBERSHIPS,
            groups.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    result < 0 || groups[0] & 1 << (Group::LINK.0 - 1) != 0
}

/// True if a read from the socket would find nothing now. The program may have
/// closed it, and the number may stand for something else: then nothing feeds
/// us any more, and the answer does not matter.
fn has_nothing_to_read(fd: c_int) -> bool {
    let mut polled = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one structure, as the count says; any number may be polled.
    // POLLERR is another loss, which the program will hear of.
    unsafe { libc::poll(&raw mut polled, 1, 0) == 0 }
}

fn start_feed(
    inner: &mut Inner,
    hook: Option<Hook>,
    is_queue_empty: impl Fn() -> bool + Send + 'static,
) -> Result<c_int, Failure> {
    let builder: MonitorBuilder = inner.builder.clone();
    let feed = Feed::new(builder, is_queue_empty)?;
    inner.source = Source::Attached(Box::new(Attachment { feed, hook }));
    Ok(0)
}

/// Ends what linkwatch_attach() or linkwatch_process() began. The socket stays
/// in RTNLGRP_LINK, for the program may be in it too. The socket may have been
/// freed before. No event comes any more; the handle may be attached or started
/// again.
///
/// Returns 0; LINKWATCH_E_STATE if it is not attached.
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_detach(handle: *mut linkwatch) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        with(handle, |_, inner| match inner.source {
            Source::Attached(_) => {
                inner.source = Source::None;
                Ok(0)
            }
            _ => Err(Failure::state("it is not attached")),
        })
    }
}

/// Hands over one message that the program received from the kernel, from its
/// own NL_CB_VALID for example; instead of linkwatch_attach(), which is
/// preferable where it is possible. The socket has joined RTNLGRP_LINK before
/// the first call, which lists the interfaces and delivers the initial events.
/// Messages that are not about links, and those that the kernel did not send,
/// change nothing, nor do those of another protocol (nlmsg_get_proto()).
///
/// Returns 0, which is NL_OK; LINKWATCH_E_INVAL for NULL; LINKWATCH_E_STATE if
/// the handle is started, attached, or was freed by the callback; others if the
/// interfaces cannot be listed (tried again later).
///
/// # Safety
///
/// `handle` as for linkwatch_free(); `message` is NULL or a live message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_process(
    handle: *mut linkwatch,
    message: *mut sys::nl_msg,
) -> c_int {
    // SAFETY: promised by the caller.
    let result = unsafe {
        with(handle, |_, inner| match &inner.source {
            Source::None if message.is_null() => Err(Failure::invalid("the message is NULL")),
            Source::None => start_feed(inner, None, || true),
            Source::Own(_) => Err(Failure::state("it reads a socket of its own")),
            Source::Attached(attachment) if attachment.hook.is_some() => Err(Failure::state(
                "it is attached: each message comes by itself",
            )),
            Source::Attached(_) => Ok(0),
        })
    };
    if result < 0 {
        return result;
    }
    // SAFETY: promised by the caller; the handle is not used afterwards.
    unsafe { feed(handle, message) }
}

/// Makes up for messages that the kernel dropped: to be called when the
/// program's loop gets -NLE_NOMEM, which is libnl's word for ENOBUFS. Lists the
/// interfaces and delivers the differences, and a LINKWATCH_EVENT_RESYNC.
///
/// Of an attached handle that is done once the socket's queue is empty: now,
/// or from within the loop when it has received what is queued. So go on
/// receiving as usual. A program that uses linkwatch_process() receives until
/// -NLE_AGAIN first. On a handle that is neither started nor attached, it
/// lists the interfaces and delivers the initial events; messages may then be
/// handed over with linkwatch_process().
///
/// Returns 0; LINKWATCH_E_STATE if the handle reads a socket of its own (then
/// it makes up for losses itself) or was freed by the callback; others if the
/// interfaces cannot be listed (tried again later).
///
/// # Safety
///
/// `handle` as for linkwatch_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkwatch_resync(handle: *mut linkwatch) -> c_int {
    // SAFETY: promised by the caller.
    let result = unsafe {
        with(handle, |_, inner| match &mut inner.source {
            Source::None => start_feed(inner, None, || true),
            Source::Own(_) => Err(Failure::state("it reads a socket of its own")),
            Source::Attached(attachment) => {
                attachment.feed.resync()?;
                Ok(0)
            }
        })
    };
    // What was found before a failure is delivered all the same.
    // SAFETY: promised by the caller; the handle is not used afterwards.
    guard(result, || unsafe { finish(handle, result) })
}
