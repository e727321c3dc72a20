//! A message as libnl hands it to a callback.

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

use libnl3_sys as sys;

use super::{Attributes, LinkMessage};
use crate::Result;

/// The length of `struct nlmsghdr`; payloads begin behind it.
pub(super) const HEADER: usize = size_of::<libc::nlmsghdr>();

/// The header of a netlink message (`struct nlmsghdr`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Length in bytes, with the header.
    pub length: u32,
    /// What the message is: `RTM_NEWLINK`, `NLMSG_DONE`, …
    pub kind: u16,
    /// `NLM_F_*`.
    pub flags: u16,
    /// The sequence number: that of the request, 0 in notifications.
    pub sequence: u32,
    /// The port that asked for it, 0 in notifications.
    pub port: u32,
}

impl Header {
    pub(super) fn from_raw(raw: &libc::nlmsghdr) -> Header {
        Header {
            length: raw.nlmsg_len,
            kind: raw.nlmsg_type,
            flags: raw.nlmsg_flags,
            sequence: raw.nlmsg_seq,
            port: raw.nlmsg_pid,
        }
    }

    /// The first 16 bytes of a message, as they are in `struct nlmsghdr`.
    pub(super) fn from_bytes(bytes: &[u8; HEADER]) -> Header {
        let u32_at = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let u16_at = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Header {
            length: u32_at(0),
            kind: u16_at(4),
            flags: u16_at(6),
            sequence: u32_at(8),
            port: u32_at(12),
        }
    }
}

/// Who sent a message (`struct sockaddr_nl`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// The sender's port; 0 is the kernel.
    pub port: u32,
    /// The group that the message came through, as a bit mask of the first 32
    /// groups; 0 where it was sent to this socket alone.
    pub groups: u32,
}

impl Sender {
    /// True if the kernel sent it. Anyone with CAP_NET_ADMIN can send to any
    /// socket of the namespace, and libnl does not check.
    pub fn is_kernel(&self) -> bool {
        self.port == 0
    }
}

/// A received message (`struct nl_msg`), borrowed for the time of a callback.
///
/// It cannot be kept: what is needed later is copied out.
///
/// ```compile_fail,E0521
/// use linkwatch::nl::{Action, Message, Protocol, Socket};
///
/// let mut kept: Option<&Message<'_>> = None;
/// let mut socket = Socket::connect(Protocol::Route).unwrap();
/// socket.recv_with(|message| {
///     kept = Some(message);
///     Action::Ok
/// });
/// ```
#[derive(Debug)]
pub struct Message<'a> {
    raw: NonNull<sys::nl_msg>,
    bytes: &'a [u8],
    lifetime: PhantomData<&'a sys::nl_msg>,
}

impl<'a> Message<'a> {
    /// `None` for NULL and for a message whose header claims a length that
    /// its memory cannot hold.
    ///
    /// # Safety
    ///
    /// `raw` is NULL or a live `nl_msg` that stays alive and unchanged for
    /// `'a`.
    pub(crate) unsafe fn from_raw(raw: *mut sys::nl_msg) -> Option<Message<'a>> {
        let raw = NonNull::new(raw)?;
        // SAFETY: the message is live; both are plain getters.
        let (header, memory) = unsafe {
            (
                sys::nlmsg_hdr(raw.as_ptr()),
                sys::nlmsg_get_max_size(raw.as_ptr()),
            )
        };
        if header.is_null() || memory < HEADER {
            return None;
        }
        // SAFETY: the header stands at the start of the message's memory,
        // which has room for it as was just checked.
        let length = unsafe { (*header).nlmsg_len } as usize;
        if !(HEADER..=memory).contains(&length) {
            return None;
        }
        // SAFETY: `length` bytes are within the memory of the message, which
        // libnl allocated zeroed (`__nlmsg_alloc`, lib/msg.c) and which the
        // caller promises to leave alone for 'a.
        let bytes = unsafe { slice::from_raw_parts(header.cast::<u8>(), length) };
        Some(Message {
            raw,
            bytes,
            lifetime: PhantomData,
        })
    }

    /// The whole message with its header.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The message's header.
    pub fn header(&self) -> Header {
        match self.bytes.first_chunk() {
            Some(bytes) => Header::from_bytes(bytes),
            None => unreachable!("from_raw has checked the length"),
        }
    }

    /// What follows the header.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[HEADER..]
    }

    /// The attributes behind a family header of `family_header` bytes (16 for
    /// links).
    pub fn attributes(&self, family_header: usize) -> Attributes<'a> {
        let aligned = family_header.next_multiple_of(4);
        Attributes::new(self.payload().get(aligned..).unwrap_or_default())
    }

    /// Who sent the message.
    pub fn sender(&self) -> Sender {
        // SAFETY: the message is live; the getter returns a pointer into it.
        let source = unsafe { &*sys::nlmsg_get_src(self.raw.as_ptr()) };
        Sender {
            port: source.nl_pid,
            groups: source.nl_groups,
        }
    }

    /// The view of a link message; `None` if it is about something else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the lengths in
    /// it contradict each other.
    pub fn link(&self) -> Result<Option<LinkMessage<'a>>> {
        LinkMessage::parse(self.bytes)
    }

    /// The raw message, for functions of libnl that are not wrapped. It is
    /// valid as long as this borrow.
    pub fn as_ptr(&self) -> *mut sys::nl_msg {
        self.raw.as_ptr()
    }
}
