//! Messages to be sent.

use std::ffi::c_int;
use std::ptr::NonNull;

use libnl3_sys as sys;

use super::{Message, allocated, check};
use crate::{Error, ErrorKind, Result};

/// What an attribute's 16 bits of length leave for its payload.
const LONGEST_PAYLOAD: usize = u16::MAX as usize - 4;
/// What libnl gives a message by default, and what most requests fit into.
pub(super) const CAPACITY: usize = 4096;

/// A message to be sent (`struct nl_msg`): a header, the family's own header,
/// and attributes.
///
/// ```
/// use linkwatch::nl::MessageBuilder;
///
/// const RTM_GETLINK: u16 = 18;
/// const IFLA_IFNAME: u16 = 3;
///
/// let mut request = MessageBuilder::new(RTM_GETLINK, 0)?;
/// request
///     .append(&[0; 16])? // struct ifinfomsg
///     .put_string(IFLA_IFNAME, b"eth0")?;
/// let name = request.as_message().attributes(16).find(IFLA_IFNAME).unwrap();
/// assert_eq!(name.string(), b"eth0");
/// # Ok::<(), linkwatch::Error>(())
/// ```
///
/// What does not fit is an error, and leaves the message as it was:
///
/// ```
/// # use linkwatch::{ErrorKind, nl::MessageBuilder};
/// let mut small = MessageBuilder::with_capacity(18, 0, 64)?;
/// let error = small.put(1, &[0; 100]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// assert_eq!(small.as_message().as_bytes().len(), 16);
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug)]
pub struct MessageBuilder {
    raw: NonNull<sys::nl_msg>,
}

// SAFETY: the builder has the only reference to its message, whose plain
// reference count is thus touched by one thread at a time.
unsafe impl Send for MessageBuilder {}

impl Drop for MessageBuilder {
    fn drop(&mut self) {
        // SAFETY: the reference is ours; sending does not take it.
        unsafe { sys::nlmsg_free(self.raw.as_ptr()) }
    }
}

impl MessageBuilder {
    /// An empty message of this type (`RTM_*`, a generic netlink family's
    /// number) with these flags (`NLM_F_*`), with room for 4096 bytes.
    /// NLM_F_REQUEST is added by the methods that send.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`](ErrorKind::OutOfMemory).
    pub fn new(kind: u16, flags: u16) -> Result<MessageBuilder> {
        MessageBuilder::with_capacity(kind, flags, CAPACITY)
    }

    /// As [`new`](Self::new), with room for `bytes`, the header included
    /// (`nlmsg_alloc_size`).
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`](ErrorKind::OutOfMemory), and
    /// [`InvalidInput`](ErrorKind::InvalidInput) above 1 GiB.
    pub fn with_capacity(kind: u16, flags: u16, bytes: usize) -> Result<MessageBuilder> {
        if bytes > 1 << 30 {
            return Err(Error::invalid(format!(
                "a netlink message of {bytes} bytes is too large: at most 1 GiB"
            )));
        }
        let builder = MessageBuilder::without_header(bytes)?;
        // SAFETY: the message is live, and has room for the header, which
        // libnl fills in: port and sequence number are set when it is sent.
        let header = unsafe {
            sys::nlmsg_put(
                builder.raw.as_ptr(),
                0,
                0,
                c_int::from(kind),
                0,
                c_int::from(flags),
            )
        };
        allocated(header, "a netlink message's header")?;
        Ok(builder)
    }

    /// A message whose header is still to be put.
    pub(super) fn without_header(bytes: usize) -> Result<MessageBuilder> {
        // SAFETY: takes a size alone; libnl raises it to that of the header.
        let raw = unsafe { sys::nlmsg_alloc_size(bytes) };
        let raw = allocated(raw, "a netlink message")?;
        Ok(MessageBuilder { raw })
    }

    /// Appends bytes, padded to a multiple of four (`nlmsg_append`): the header
    /// of the family, before any attribute.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if there is no room for it.
    pub fn append(&mut self, bytes: &[u8]) -> Result<&mut Self> {
        // SAFETY: the message is live; the function copies `bytes`, which it
        // does not write to, and checks that there is room.
        let result = unsafe {
            sys::nlmsg_append(
                self.raw.as_ptr(),
                bytes.as_ptr().cast_mut().cast(),
                bytes.len(),
                sys::NLMSG_ALIGNTO as c_int,
            )
        };
        self.fits(result, bytes.len())
    }

    /// Appends an attribute (`nla_put`).
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if there is no room for it, or
    /// if it is longer than the 65531 bytes that an attribute can have.
    pub fn put(&mut self, kind: u16, payload: &[u8]) -> Result<&mut Self> {
        if payload.len() > LONGEST_PAYLOAD {
            return Err(Error::invalid(format!(
                "an attribute of {} bytes is too long: at most {LONGEST_PAYLOAD}",
                payload.len()
            )));
        }
        // SAFETY: as in `append`; the length was checked, and `as` keeps it.
        let result = unsafe {
            sys::nla_put(
                self.raw.as_ptr(),
                c_int::from(kind),
                payload.len() as c_int,
                payload.as_ptr().cast(),
            )
        };
        self.fits(result, payload.len())
    }

    /// Appends an attribute of one byte.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub fn put_u8(&mut self, kind: u16, value: u8) -> Result<&mut Self> {
        self.put(kind, &[value])
    }

    /// Appends an attribute of two bytes in the machine's byte order.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub fn put_u16(&mut self, kind: u16, value: u16) -> Result<&mut Self> {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Appends an attribute of four bytes in the machine's byte order.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub fn put_u32(&mut self, kind: u16, value: u32) -> Result<&mut Self> {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Appends an attribute of eight bytes in the machine's byte order.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub fn put_u64(&mut self, kind: u16, value: u64) -> Result<&mut Self> {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Appends a string with the NUL that the kernel expects.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put), and if there is a NUL in it.
    pub fn put_string(&mut self, kind: u16, text: &[u8]) -> Result<&mut Self> {
        if text.contains(&0) {
            return Err(Error::invalid("a string attribute cannot hold a NUL"));
        }
        let mut payload = Vec::with_capacity(text.len() + 1);
        payload.extend_from_slice(text);
        payload.push(0);
        self.put(kind, &payload)
    }

    /// Appends an attribute without payload, which tells by being there.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub fn put_flag(&mut self, kind: u16) -> Result<&mut Self> {
        self.put(kind, &[])
    }

    /// Appends an attribute that holds those that `fill` appends
    /// (`nla_nest_start`, `nla_nest_end`). If `fill` fails, the message is left
    /// as it was.
    ///
    /// ```
    /// # use linkwatch::nl::MessageBuilder;
    /// let mut message = MessageBuilder::new(16, 0)?;
    /// message.append(&[0; 16])?.nest(18, |info| {
    ///     info.put_string(1, b"veth")?;
    ///     Ok(())
    /// })?;
    /// let info = message.as_message().attributes(16).next().unwrap();
    /// assert_eq!(info.nested().find(1).unwrap().string(), b"veth");
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put), and those of `fill`.
    pub fn nest(
        &mut self,
        kind: u16,
        fill: impl FnOnce(&mut MessageBuilder) -> Result<()>,
    ) -> Result<&mut Self> {
        let length = self.length();
        let offset = (length as usize).next_multiple_of(4);
        let kind = c_int::from(kind) | libc::NLA_F_NESTED;
        // SAFETY: the message is live; NULL means that there is no room.
        if unsafe { sys::nla_nest_start(self.raw.as_ptr(), kind) }.is_null() {
            return Err(self.full(0));
        }
        let end = fill(self).and_then(|()| {
            // `fill` may have put another message into the place of this one.
            let whole = self.as_message().as_bytes();
            let header = whole.get(offset..).and_then(<[u8]>::first_chunk::<4>);
            if header.is_none_or(|h| c_int::from(u16::from_ne_bytes([h[2], h[3]])) != kind) {
                return Err(Error::invalid(
                    "a message was exchanged while it was filled",
                ));
            }
            // SAFETY: the message is live, and an attribute's header stands at
            // this offset, as was just seen.
            let result = unsafe {
                let start = sys::nlmsg_hdr(self.raw.as_ptr()).byte_add(offset);
                sys::nla_nest_end_keep_empty(self.raw.as_ptr(), start.cast())
            };
            check(result, "ending a nested attribute")
        });
        match end {
            Ok(_) => Ok(self),
            Err(error) => {
                self.truncate(length);
                Err(match error.kind() {
                    ErrorKind::OutOfMemory | ErrorKind::Malformed => self.full(0),
                    _ => error,
                })
            }
        }
    }

    /// The message as it is now.
    pub fn as_message(&self) -> Message<'_> {
        // SAFETY: the message is live and unchanged for as long as `self` is
        // borrowed.
        match unsafe { Message::from_raw(self.raw.as_ptr()) } {
            Some(message) => message,
            None => unreachable!("libnl keeps the length within the message's memory"),
        }
    }

    /// The raw message, for functions of libnl that are not wrapped. It is
    /// valid as long as this borrow.
    pub fn as_ptr(&self) -> *mut sys::nl_msg {
        self.raw.as_ptr()
    }

    /// Adds `NLM_F_*`.
    pub(super) fn add_flags(&mut self, flags: c_int) {
        // SAFETY: the message is live, has a header, and is ours alone.
        unsafe { (*sys::nlmsg_hdr(self.raw.as_ptr())).nlmsg_flags |= flags as u16 }
    }

    /// Takes back the port and the sequence number that it was sent with.
    pub(super) fn forget_sender(&mut self) {
        // SAFETY: as above.
        let header = unsafe { &mut *sys::nlmsg_hdr(self.raw.as_ptr()) };
        header.nlmsg_pid = 0;
        header.nlmsg_seq = 0;
    }

    fn length(&self) -> u32 {
        // SAFETY: the message is live and has a header.
        unsafe { (*sys::nlmsg_hdr(self.raw.as_ptr())).nlmsg_len }
    }

    /// Takes back what was appended since the message had this length.
    fn truncate(&mut self, length: u32) {
        if length < self.length() {
            // SAFETY: the message is live and ours alone; it is longer.
            unsafe { (*sys::nlmsg_hdr(self.raw.as_ptr())).nlmsg_len = length }
        }
    }

    fn fits(&mut self, result: c_int, bytes: usize) -> Result<&mut Self> {
        if result < 0 {
            return Err(self.full(bytes));
        }
        Ok(self)
    }

    fn full(&self, bytes: usize) -> Error {
        // SAFETY: the message is live; a plain getter.
        let capacity = unsafe { sys::nlmsg_get_max_size(self.raw.as_ptr()) };
        Error::invalid(format!(
            "a netlink message of {capacity} bytes has no room for {bytes} more at {}",
            self.length()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(message: &MessageBuilder) -> Vec<u8> {
        message.as_message().as_bytes().to_vec()
    }

    #[test]
    fn what_is_put_is_found_again() {
        let mut message = MessageBuilder::new(16, 1).unwrap();
        message
            .append(&[1, 2, 3, 4, 5])
            .unwrap()
            .put_u8(1, 7)
            .unwrap()
            .put_u16(2, 0x1234)
            .unwrap()
            .put_u32(3, 0x1234_5678)
            .unwrap()
            .put_u64(4, u64::MAX - 1)
            .unwrap()
            .put_string(5, b"eth0")
            .unwrap()
            .put_flag(6)
            .unwrap()
            .nest(7, |nested| {
                nested.nest(1, |inner| inner.put_u8(2, 9).map(drop))?;
                Ok(())
            })
            .unwrap();
        let view = message.as_message();
        assert_eq!(view.header().kind, 16);
        assert_eq!(&view.payload()[..8], [1, 2, 3, 4, 5, 0, 0, 0]);
        let found: Vec<_> = view.attributes(5).collect();
        assert_eq!(found.len(), 7);
        assert_eq!(found[0].u8(), Some(7));
        assert_eq!(found[1].u16(), Some(0x1234));
        assert_eq!(found[2].u32(), Some(0x1234_5678));
        assert_eq!(found[3].u64(), Some(u64::MAX - 1));
        assert_eq!(found[4].payload(), b"eth0\0");
        assert!(found[5].payload().is_empty());
        let inner = found[6].nested().find(1).unwrap();
        assert_eq!(inner.nested().find(2).unwrap().u8(), Some(9));
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let mut message = MessageBuilder::with_capacity(16, 0, 40).unwrap();
        message.append(&[0; 16]).unwrap();
        let before = bytes(&message);
        assert!(message.append(&[0; 16]).is_err());
        assert!(message.put(1, &[0; 5]).is_err());
        assert!(message.put_string(1, b"a\0b").is_err());
        assert!(message.put(1, &[0; LONGEST_PAYLOAD + 1]).is_err());
        let nested = message.nest(1, |nested| nested.put_u64(2, 0).map(drop));
        assert_eq!(nested.unwrap_err().kind(), ErrorKind::InvalidInput);
        let refused = message.nest(1, |_| Err(Error::invalid("no")));
        assert_eq!(refused.unwrap_err().to_string(), "no");
        assert_eq!(bytes(&message), before);
        // Eight bytes are left: one attribute of four.
        message.put_u32(1, 5).unwrap();
        assert!(message.put_flag(2).is_err());
    }

    #[test]
    fn a_message_that_is_exchanged_while_it_is_filled_is_refused() {
        let other = |capacity| MessageBuilder::with_capacity(17, 0, capacity);
        let mut message = MessageBuilder::new(16, 0).unwrap();
        message.append(&[0; 64]).unwrap();
        let exchanged = message.nest(1, |inner| {
            *inner = other(64)?;
            Ok(())
        });
        assert_eq!(exchanged.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(message.as_message().as_bytes().len(), 16);
        message.append(&[0; 16]).unwrap();
        let failed = message.nest(1, |inner| {
            *inner = other(16)?;
            Err(Error::invalid("no"))
        });
        assert!(failed.is_err());
        assert_eq!(message.as_message().as_bytes().len(), 16);
    }

    #[test]
    fn the_longest_attribute() {
        let mut message = MessageBuilder::with_capacity(16, 0, 1 << 17).unwrap();
        message.put(1, &[7; LONGEST_PAYLOAD]).unwrap();
        assert!(
            message
                .nest(2, |nested| {
                    nested.put(1, &[7; LONGEST_PAYLOAD])?;
                    Ok(())
                })
                .is_err()
        );
        assert_eq!(message.as_message().attributes(0).count(), 1);
        assert!(MessageBuilder::with_capacity(16, 0, usize::MAX).is_err());
    }
}
