//! What names a network and its access points.

use std::fmt;

use crate::nl::Escaped;

/// IEEE80211_MAX_SSID_LEN (`linux/ieee80211.h`).
const MAX: usize = 32;

/// The name of a network: at most 32 bytes of any value, kept without an
/// allocation. It is usually UTF-8, and need not be.
///
/// `Display` escapes what could harm a terminal or forge a line of a log, as
/// that of [`Name`](crate::nl::Name) does:
///
/// ```
/// use linkwatch::nl::Ssid;
///
/// let ssid = Ssid::new(b"caf\xc3\xa9\x1b[2J").unwrap();
/// assert_eq!(ssid.to_string(), r"café\x1b[2J");
/// assert_eq!(ssid.as_bytes(), b"caf\xc3\xa9\x1b[2J");
/// assert!(Ssid::new(&[b'a'; 33]).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssid {
    bytes: [u8; MAX],
    length: u8,
}

impl Ssid {
    /// `None` if it is longer than 32 bytes.
    pub fn new(ssid: &[u8]) -> Option<Ssid> {
        let mut bytes = [0; MAX];
        bytes.get_mut(..ssid.len())?.copy_from_slice(ssid);
        Some(Ssid {
            bytes,
            length: ssid.len() as u8,
        })
    }

    /// The bytes as the access point sends them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The name as text, if it is UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }
}

impl fmt::Display for Ssid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(self.as_bytes()).fmt(f)
    }
}

impl fmt::Debug for Ssid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// The address of an access point's radio (BSSID), or another address of six
/// bytes.
///
/// ```
/// use linkwatch::nl::Bssid;
///
/// let bssid = Bssid::from([2, 0, 0, 0, 1, 0xfe]);
/// assert_eq!(bssid.to_string(), "02:00:00:00:01:fe");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bssid([u8; 6]);

impl Bssid {
    /// `None` unless there are six bytes.
    pub fn new(address: &[u8]) -> Option<Bssid> {
        address.try_into().ok().map(Bssid)
    }

    /// The six bytes.
    pub fn as_bytes(&self) -> &[u8; 6] {
        &self.0
    }
}

impl From<[u8; 6]> for Bssid {
    fn from(address: [u8; 6]) -> Bssid {
        Bssid(address)
    }
}

/// In lower case with colons.
impl fmt::Display for Bssid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        let text = format_args!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}").to_string();
        f.pad(&text)
    }
}

impl fmt::Debug for Bssid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_padded() {
        let longest = Ssid::new(&[b'x'; 32]).unwrap();
        assert_eq!(longest.as_bytes(), [b'x'; 32]);
        assert_eq!(Ssid::new(&[b'x'; 33]), None);
        assert_eq!(Ssid::new(&[b'x'; 300]), None);
        let name = Ssid::new(b"home").unwrap();
        assert_eq!(format!("{name:6}|{name:?}"), "home  |\"home\"");
        assert_eq!(name.to_str(), Some("home"));
        assert_eq!(Ssid::new(b"\xff\n").unwrap().to_str(), None);
        assert_eq!(Ssid::new(b"\xff\n").unwrap().to_string(), r"\xff\x0a");
        assert_ne!(Ssid::new(b"a"), Ssid::new(b"a\0"));
    }

    #[test]
    fn addresses_have_six_bytes() {
        assert_eq!(Bssid::new(&[0; 5]), None);
        assert_eq!(Bssid::new(&[0; 7]), None);
        let address = Bssid::new(&[0xde, 0xad, 0, 1, 2, 3]).unwrap();
        assert_eq!(format!("{address:>18}"), " de:ad:00:01:02:03");
        assert_eq!(format!("{address:?}"), "de:ad:00:01:02:03");
        assert_eq!(address.as_bytes(), &[0xde, 0xad, 0, 1, 2, 3]);
    }
}
