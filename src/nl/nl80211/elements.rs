//! The elements of beacons and probe responses.

use super::Ssid;

impl Ssid {
    /// `None` also where an access point hides its name: it sends an empty
    /// one, or zeros in its place.
    pub(super) fn shown(ssid: &[u8]) -> Option<Ssid> {
        Ssid::new(ssid).filter(|_| ssid.iter().any(|&byte| byte != 0))
    }

    /// The name in the elements of a beacon or a probe response.
    pub(super) fn in_elements(elements: &[u8]) -> Option<Ssid> {
        /// WLAN_EID_SSID (`linux/ieee80211.h`).
        const SSID: u8 = 0;
        Ssid::shown(element(elements, SSID)?)
    }
}

/// The first element of this number: each is a number, a length and as many
/// bytes. The walk ends where a length is impossible.
fn element(mut elements: &[u8], number: u8) -> Option<&[u8]> {
    while let [found, length, rest @ ..] = elements {
        let (payload, next) = rest.split_at_checked(usize::from(*length))?;
        if *found == number {
            return Some(payload);
        }
        elements = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_names_are_none() {
        for hidden in [&[][..], &[0], &[0; 32]] {
            assert_eq!(Ssid::shown(hidden), None, "{hidden:?}");
        }
        assert!(Ssid::shown(b"\0a").is_some());
    }

    #[test]
    fn the_name_is_found_among_the_elements() {
        let name = |elements: &[u8]| Ssid::in_elements(elements).map(|ssid| ssid.to_string());
        assert_eq!(name(b"\x00\x04home\x01\x02\x82\x84"), Some("home".into()));
        assert_eq!(
            name(b"\x01\x01\x82\x30\x00\x00\x04home"),
            Some("home".into())
        );
        // The first counts, as it does for the kernel.
        assert_eq!(name(b"\x00\x01a\x00\x01b"), Some("a".into()));
        assert_eq!(name(b"\x00\x00\x00\x01b"), None);
        let mut long = vec![0, 33];
        long.extend([b'x'; 33]);
        assert_eq!(name(&long), None);
    }

    #[test]
    fn elements_that_are_cut_off_are_not_read() {
        for cut in [
            &b""[..],
            b"\x00",
            b"\x00\x04hom",
            b"\x01\xff\x00\x01a",
            b"\x01\x00\x00",
        ] {
            assert_eq!(Ssid::in_elements(cut), None, "{cut:?}");
        }
    }
}
