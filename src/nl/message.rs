//! Messages: as bytes in a buffer, and as libnl hands them to a callback.

use std::ffi::c_int;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::slice;

use libnl3_sys as sys;

use super::{Attributes, KernelError, LinkLayouts, LinkMessage};
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
    /// The sequence number: that of the request. 0 in most notifications; some
    /// carry that of the request of whoever caused them.
    pub sequence: u32,
    /// The port that asked for it, or that caused a notification, or 0. It does
    /// not tell who sent the message: that is the [`Sender`].
    pub port: u32,
}

impl Header {
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

/// A message as bytes: a header, and a payload whose length the header tells.
///
/// [`Messages`] finds them in a buffer; a [`Message`], which libnl hands to a
/// callback, is one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawMessage<'a> {
    bytes: &'a [u8],
}

impl<'a> RawMessage<'a> {
    /// The message that begins at the start of `bytes`; `None` if its header
    /// claims more than there is, or less than the header itself (`nlmsg_ok`).
    pub fn new(bytes: &'a [u8]) -> Option<RawMessage<'a>> {
        let header = Header::from_bytes(bytes.first_chunk()?);
        let length = usize::try_from(header.length).ok()?;
        (length >= HEADER).then_some(())?;
        Some(RawMessage {
            bytes: bytes.get(..length)?,
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
            None => unreachable!("the constructors have checked the length"),
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

    /// The view of a link message; `None` if it is about something else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the lengths in
    /// it contradict each other.
    pub fn link(&self) -> Result<Option<LinkMessage<'a>>> {
        LinkMessage::parse(self.bytes)
    }

    /// Likewise, by a reader that has seen others.
    pub(crate) fn link_by(&self, layouts: &mut LinkLayouts) -> Result<Option<LinkMessage<'a>>> {
        LinkMessage::parse_by(self.bytes, Some(layouts))
    }

    /// What an NLMSG_ERROR message tells, or an NLMSG_DONE that ends a dump
    /// with an error; `None` for all others, acknowledgements included.
    pub fn error(&self) -> Option<KernelError> {
        KernelError::parse(self)
    }

    /// True for an acknowledgement: NLMSG_ERROR with the number 0.
    pub fn is_ack(&self) -> bool {
        c_int::from(self.header().kind) == libc::NLMSG_ERROR
            && self.payload().first_chunk() == Some(&[0; 4])
    }
}

/// Iterates over the messages in a buffer, each of which begins at a multiple
/// of four bytes.
///
/// The walk ends where a length is impossible ([`rest`](Self::rest) is then not
/// empty), as that of libnl's `nlmsg_ok` and `nlmsg_next` does.
///
/// ```
/// use linkwatch::nl::{MessageBuilder, Messages};
///
/// let mut buffer = Vec::new();
/// for kind in [16, 17] {
///     let mut message = MessageBuilder::new(kind, 0)?;
///     message.append(&[0; 16])?.put_string(3, b"eth0")?;
///     buffer.extend_from_slice(message.as_message().as_bytes());
/// }
/// let mut messages = Messages::new(&buffer);
/// for message in &mut messages {
///     let name = message.attributes(16).find(3).unwrap();
///     println!("{} {:?}", message.header().kind, name.string());
/// }
/// assert!(messages.rest().is_empty());
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Walks over `bytes`, which begin with a message's header.
    pub fn new(bytes: &'a [u8]) -> Self {
        Messages { rest: bytes }
    }

    /// What has not been walked over.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = RawMessage<'a>;

    fn next(&mut self) -> Option<RawMessage<'a>> {
        let message = RawMessage::new(self.rest)?;
        let padded = message.bytes.len().next_multiple_of(4);
        self.rest = self.rest.get(padded..).unwrap_or_default();
        Some(message)
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
    pub(super) fn from_raw(address: &libc::sockaddr_nl) -> Sender {
        Sender {
            port: address.nl_pid,
            groups: address.nl_groups,
        }
    }

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
    view: RawMessage<'a>,
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
            view: RawMessage { bytes },
            lifetime: PhantomData,
        })
    }

    /// Who sent the message.
    pub fn sender(&self) -> Sender {
        // SAFETY: the message is live; the getter returns a pointer into it.
        let source = unsafe { &*sys::nlmsg_get_src(self.raw.as_ptr()) };
        Sender::from_raw(source)
    }

    /// The raw message, for functions of libnl that are not wrapped. It is
    /// valid as long as this borrow.
    pub fn as_ptr(&self) -> *mut sys::nl_msg {
        self.raw.as_ptr()
    }
}

impl<'a> Deref for Message<'a> {
    type Target = RawMessage<'a>;

    fn deref(&self) -> &RawMessage<'a> {
        &self.view
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u32, bytes: usize) -> Vec<u8> {
        let mut message = vec![0; bytes];
        message[..4].copy_from_slice(&length.to_ne_bytes());
        message
    }

    #[test]
    fn messages_are_found_at_multiples_of_four() {
        let mut buffer = message(18, 20);
        buffer.extend(message(16, 16));
        let mut messages = Messages::new(&buffer);
        let lengths: Vec<u32> = messages.by_ref().map(|m| m.header().length).collect();
        assert_eq!(lengths, [18, 16]);
        assert!(messages.rest().is_empty());
        // The last one may lack its padding.
        assert_eq!(Messages::new(&message(18, 18)).count(), 1);
    }

    #[test]
    fn impossible_lengths_end_the_walk() {
        for (length, bytes) in [(0, 16), (15, 16), (17, 16), (u32::MAX, 64)] {
            let buffer = message(length, bytes);
            let mut messages = Messages::new(&buffer);
            assert!(messages.next().is_none(), "{length}");
            assert_eq!(messages.rest().len(), bytes);
        }
        assert!(Messages::new(&[0; 15]).next().is_none());
    }

    #[test]
    fn acknowledgements_are_no_errors() {
        let mut ack = message(36, 36);
        ack[4] = libc::NLMSG_ERROR as u8;
        let view = RawMessage::new(&ack).unwrap();
        assert!(view.is_ack() && view.error().is_none());
        ack[16..20].copy_from_slice(&(-libc::ENODEV).to_ne_bytes());
        let view = RawMessage::new(&ack).unwrap();
        assert!(!view.is_ack());
        assert_eq!(view.error().unwrap().errno(), libc::ENODEV);
        // Too short for what it is.
        let mut short = message(18, 20);
        short[4] = libc::NLMSG_ERROR as u8;
        let view = RawMessage::new(&short).unwrap();
        assert!(!view.is_ack() && view.error().is_none());
    }
}
