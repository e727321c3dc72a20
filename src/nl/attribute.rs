//! Netlink attributes: a checked walk over borrowed bytes.

use std::ffi::CStr;

/// NLA_F_NESTED and NLA_F_NET_BYTEORDER are no part of the type
/// (`NLA_TYPE_MASK`, `linux/netlink.h`).
const TYPE_MASK: u16 = 0x3fff;
/// `struct nlattr`.
pub(super) const HEADER: usize = 4;

/// One attribute: a type and its payload.
///
/// The getters return `None` where the payload's length does not fit, so a
/// short attribute never reads as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    kind: u16,
    payload: &'a [u8],
}

/// What a payload has before its first NUL, or all of it.
pub(super) fn string(payload: &[u8]) -> &[u8] {
    match CStr::from_bytes_until_nul(payload) {
        Ok(text) => text.to_bytes(),
        Err(_) => payload,
    }
}

/// True if [`string`] is this text, which has no NUL.
#[inline]
pub(super) fn is_string(payload: &[u8], text: &[u8]) -> bool {
    match payload.strip_prefix(text) {
        Some(rest) => rest.first().is_none_or(|&byte| byte == 0),
        None => false,
    }
}

impl<'a> Attribute<'a> {
    /// The attribute's type without its flag bits, for example `IFLA_IFNAME`.
    pub fn kind(&self) -> u16 {
        self.kind
    }

    /// The payload without padding.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The payload as a `u8`; it must be one byte long.
    pub fn u8(&self) -> Option<u8> {
        match self.payload {
            [byte] => Some(*byte),
            _ => None,
        }
    }

    /// The payload as an `i8`; it must be one byte long.
    pub fn i8(&self) -> Option<i8> {
        self.u8().map(u8::cast_signed)
    }

    /// The payload as a `u16` in the machine's byte order; it must be two
    /// bytes long.
    pub fn u16(&self) -> Option<u16> {
        Some(u16::from_ne_bytes(self.payload.try_into().ok()?))
    }

    /// The payload as an `i32` in the machine's byte order; it must be four
    /// bytes long.
    pub fn i32(&self) -> Option<i32> {
        self.u32().map(u32::cast_signed)
    }

    /// The payload as a `u64` in the machine's byte order; it must be eight
    /// bytes long. It need not be aligned.
    pub fn u64(&self) -> Option<u64> {
        Some(u64::from_ne_bytes(self.payload.try_into().ok()?))
    }

    /// The payload as a `u32` in the machine's byte order; it must be four
    /// bytes long.
    pub fn u32(&self) -> Option<u32> {
        Some(u32::from_ne_bytes(self.payload.try_into().ok()?))
    }

    /// The bytes of a string, without the NUL that ends it. The kernel ends
    /// its strings with NUL, yet libnl's `nla_get_string` relies on it and
    /// this does not.
    pub fn string(&self) -> &'a [u8] {
        string(self.payload)
    }

    /// The attributes inside this one.
    pub fn nested(&self) -> Attributes<'a> {
        Attributes::new(self.payload)
    }
}

/// Iterates over the attributes in a payload.
///
/// Each length is checked against what is left. Where one is impossible the
/// walk ends and [`is_malformed`](Self::is_malformed) tells.
///
/// ```
/// use linkwatch::nl::Attributes;
///
/// // IFLA_CARRIER (33) with one byte, padded to four.
/// let mut bytes = [5u16.to_ne_bytes(), 33u16.to_ne_bytes()].concat();
/// bytes.extend([1, 0, 0, 0]);
/// let mut attributes = Attributes::new(&bytes);
/// let carrier = attributes.next().unwrap();
/// assert_eq!((carrier.kind(), carrier.u8()), (33, Some(1)));
/// assert!(attributes.next().is_none() && !attributes.is_malformed());
/// ```
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    rest: &'a [u8],
    malformed: bool,
}

impl<'a> Attributes<'a> {
    /// Walks over `bytes`, which begin with an attribute's header.
    pub fn new(bytes: &'a [u8]) -> Self {
        Attributes {
            rest: bytes,
            malformed: false,
        }
    }

    /// The first attribute of this type, as `nla_find` does.
    pub fn find(mut self, kind: u16) -> Option<Attribute<'a>> {
        Iterator::find(&mut self, |attribute| attribute.kind == kind)
    }

    /// What was not walked over yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// True once the walk has met an impossible length. Fewer than four bytes
    /// left over are padding, as they are for libnl's `nla_ok`.
    pub fn is_malformed(&self) -> bool {
        self.malformed
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<Attribute<'a>> {
        let header = self.rest.first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & TYPE_MASK;
        let Some(payload) = self.rest.get(HEADER..length) else {
            self.malformed = true;
            self.rest = &[];
            return None;
        };
        self.rest = self.rest.get((length + 3) & !3..).unwrap_or_default();
        Some(Attribute { kind, payload })
    }
}

/// Attributes in the byte order of this machine, for tests.
#[cfg(test)]
pub(crate) mod encode {
    /// `struct nlattr`, whatever follows it.
    pub(crate) fn header(length: u16, kind: u16) -> [u8; 4] {
        let ([a, b], [c, d]) = (length.to_ne_bytes(), kind.to_ne_bytes());
        [a, b, c, d]
    }

    /// One attribute, padded.
    pub(crate) fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + payload.len()).expect("a short attribute");
        let mut bytes = [&header(length, kind), payload].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_lengths_end_the_walk() {
        for (length, rest) in [
            (0, &[][..]),              // would never advance
            (3, &[]),                  // shorter than its header
            (8, &[9, 9]),              // longer than what is left
            (u16::MAX, &[9, 9, 9, 9]), // far longer
        ] {
            let bytes = [&encode::header(length, 1), rest].concat();
            let mut walk = Attributes::new(&bytes);
            assert!(walk.next().is_none(), "{bytes:?}");
            assert!(walk.is_malformed(), "{bytes:?}");
        }
        let bytes = [&encode::header(4, 1)[..], &[7, 7]].concat();
        let mut walk = Attributes::new(&bytes);
        assert!(walk.next().is_some());
        assert!(walk.next().is_none());
        assert!(!walk.is_malformed(), "two bytes left over are padding");
    }

    #[test]
    fn wrong_sizes_are_absent_not_zero() {
        let empty = Attribute {
            kind: 33,
            payload: &[],
        };
        assert_eq!((empty.u8(), empty.u32()), (None, None));
        let long = Attribute {
            kind: 33,
            payload: &[1, 0, 0, 0, 0],
        };
        assert_eq!((long.u8(), long.u32()), (None, None));
    }

    #[test]
    fn strings_end_at_nul_or_at_the_payload() {
        let text = |payload| Attribute { kind: 3, payload }.string();
        assert_eq!(text(b"eth0\0\0\0"), b"eth0");
        assert_eq!(text(b"eth0"), b"eth0");
        assert_eq!(text(b""), b"");
    }

    #[test]
    fn flag_bits_are_no_part_of_the_type() {
        let bytes = encode::header(4, 52 | 0x8000);
        assert_eq!(Attributes::new(&bytes).next().unwrap().kind(), 52);
    }
}
