//! What the kernel answers a request with that it refuses.

use std::ffi::c_int;
use std::fmt;

use super::message::HEADER;
use super::{Attributes, Escaped, Header, RawMessage};
use crate::Error;

/// The message does not repeat the request's payload (`linux/netlink.h`).
const NLM_F_CAPPED: u16 = 0x100;
/// Attributes follow.
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSGERR_ATTR_MSG: u16 = 1;
const NLMSGERR_ATTR_OFFS: u16 = 2;

/// An error that the kernel answered a request with: NLMSG_ERROR, or an
/// NLMSG_DONE that ends a dump with one.
///
/// libnl translates the errno into one of its own codes and drops the text
/// (the extended acknowledgement, since Linux 4.12); both are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelError {
    errno: i32,
    request: Option<Header>,
    text: Option<Box<str>>,
    offset: Option<u32>,
}

impl KernelError {
    pub(super) fn parse(message: &RawMessage<'_>) -> Option<KernelError> {
        let header = message.header();
        let payload = message.payload();
        let kind = c_int::from(header.kind);
        if kind != libc::NLMSG_ERROR && kind != libc::NLMSG_DONE {
            return None;
        }
        let errno = i32::from_ne_bytes(*payload.first_chunk()?);
        // The kernel writes it negated; a positive one in NLMSG_DONE is no
        // error (`netlink_dump_done`, net/netlink/af_netlink.c).
        if errno == 0 || kind == libc::NLMSG_DONE && errno > 0 {
            return None;
        }
        let mut rest = payload.get(4..)?;
        let mut request = None;
        if kind == libc::NLMSG_ERROR {
            let header_of = Header::from_bytes(rest.first_chunk()?);
            request = Some(header_of);
            let repeated = if header.flags & NLM_F_CAPPED == 0 {
                usize::try_from(header_of.length).ok()?.max(HEADER)
            } else {
                HEADER
            };
            rest = repeated
                .checked_next_multiple_of(4)
                .and_then(|length| rest.get(length..))
                .unwrap_or_default();
        }
        let mut error = KernelError {
            errno: errno.saturating_abs(),
            request,
            text: None,
            offset: None,
        };
        if header.flags & NLM_F_ACK_TLVS != 0 {
            for attribute in Attributes::new(rest) {
                match attribute.kind() {
                    NLMSGERR_ATTR_MSG => {
                        let text = Escaped(attribute.string()).to_string();
                        error.text = Some(text.into_boxed_str());
                    }
                    NLMSGERR_ATTR_OFFS => error.offset = attribute.u32(),
                    _ => {}
                }
            }
        }
        Some(error)
    }

    /// The errno, positive.
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// The header of the request that failed, as the kernel returned it;
    /// `None` where it failed in the middle of a dump.
    pub fn request(&self) -> Option<Header> {
        self.request
    }

    /// The kernel's own words (NLMSGERR_ATTR_MSG), where it has some.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Where in the request the attribute begins that it is about, in bytes
    /// (NLMSGERR_ATTR_OFFS).
    pub fn offset(&self) -> Option<u32> {
        self.offset
    }

    pub(super) fn into_error(self, doing: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        Error::from_kernel(self.errno, self.text, doing)
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errno = std::io::Error::from_raw_os_error(self.errno);
        match &self.text {
            Some(text) => write!(f, "{text} ({errno})"),
            None => errno.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::encode;

    /// NLMSG_ERROR with a request of `request` bytes and attributes behind it.
    fn refusal(flags: u16, request: u32, repeated: usize, tail: &[u8]) -> Vec<u8> {
        let mut message = vec![0; HEADER + 4 + HEADER + repeated];
        message[4..6].copy_from_slice(&(libc::NLMSG_ERROR as u16).to_ne_bytes());
        message[6..8].copy_from_slice(&flags.to_ne_bytes());
        message[16..20].copy_from_slice(&(-libc::EPERM).to_ne_bytes());
        message[20..24].copy_from_slice(&request.to_ne_bytes());
        message.extend_from_slice(tail);
        let length = message.len() as u32;
        message[..4].copy_from_slice(&length.to_ne_bytes());
        message
    }

    fn parse(bytes: &[u8]) -> KernelError {
        RawMessage::new(bytes).unwrap().error().unwrap()
    }

    #[test]
    fn the_text_stands_behind_what_is_repeated() {
        let text = encode::attribute(1, b"nope\0");
        let capped = refusal(NLM_F_CAPPED | NLM_F_ACK_TLVS, 60, 0, &text);
        let whole = refusal(NLM_F_ACK_TLVS, 30, 16, &text);
        for bytes in [capped, whole] {
            let error = parse(&bytes);
            assert_eq!((error.errno(), error.text()), (libc::EPERM, Some("nope")));
            assert!(
                error
                    .to_string()
                    .starts_with("nope (Operation not permitted")
            );
        }
        // Without the flag, what follows is no attribute.
        assert_eq!(parse(&refusal(NLM_F_CAPPED, 60, 0, &text)).text(), None);
    }

    #[test]
    fn lengths_that_cannot_be_leave_the_text_out() {
        for request in [0, 61, u32::MAX] {
            assert_eq!(
                parse(&refusal(NLM_F_ACK_TLVS, request, 0, &[0, 0, 9, 9])).text(),
                None
            );
        }
        let mut extreme = refusal(0, 0, 0, &[]);
        extreme[16..20].copy_from_slice(&i32::MIN.to_ne_bytes());
        assert_eq!(parse(&extreme).errno(), i32::MAX);
    }
}
