//! The access point that an interface is associated with.

use super::numbers::{attr, bss, station};
use super::{Bssid, Ssid};
use crate::nl::Attributes;

/// The access point that a station is associated with.
///
/// The handshake of a protected network may still be under way, or fail: only
/// the link's operational state tells when data can pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Association {
    /// The network's name, from what the access point sends; `None` where it
    /// hides it.
    pub ssid: Option<Ssid>,
    /// The access point. Where it has several links to it (MLO, since Linux
    /// 6.0), this is the address that stands for all of them, as in
    /// [`MlmeKind::Connect`](super::MlmeKind::Connect).
    pub bssid: Bssid,
    /// The channel in MHz; of several links that of the lowest number.
    pub frequency: Option<u32>,
    /// How strong the access point is received, in dBm; `None` where the
    /// driver has another unit.
    pub signal: Option<i32>,
}

/// A BSS that an interface is associated with, among the scan results.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bss {
    /// The association as the scan result knows it.
    pub association: Association,
    link: u8,
}

impl Bss {
    /// `None` for what the interface is not associated with.
    pub fn parse(attributes: Attributes<'_>, ifindex: u32) -> Option<Bss> {
        let of = attributes.clone().find(attr::IFINDEX)?.u32()?;
        let told = attributes.find(attr::BSS)?;
        let (mut bssid, mut mld, mut frequency, mut signal) = (None, None, None, None);
        let (mut elements, mut beacon, mut status, mut link) = (None, None, None, None);
        for attribute in told.nested() {
            match attribute.kind() {
                bss::BSSID => bssid = Bssid::new(attribute.payload()),
                bss::MLD_ADDR => mld = Bssid::new(attribute.payload()),
                bss::FREQUENCY => frequency = attribute.u32(),
                bss::SIGNAL_MBM => signal = attribute.i32().map(|mbm| mbm / 100),
                // Of the probe response, if there was one, which has the name
                // also where the beacon hides it.
                bss::INFORMATION_ELEMENTS => elements = Ssid::in_elements(attribute.payload()),
                bss::BEACON_IES => beacon = Ssid::in_elements(attribute.payload()),
                bss::STATUS => status = attribute.u32(),
                bss::MLO_LINK_ID => link = attribute.u8(),
                _ => {}
            }
        }
        (of == ifindex && status == Some(bss::STATUS_ASSOCIATED)).then_some(())?;
        Some(Bss {
            association: Association {
                ssid: elements.or(beacon),
                bssid: mld.or(bssid)?,
                frequency,
                signal,
            },
            link: link.unwrap_or(0),
        })
    }

    /// The one that stands for both.
    pub fn first(self, other: Option<Bss>) -> Bss {
        match other {
            Some(other) if other.link <= self.link => other,
            _ => self,
        }
    }
}

/// The signal in dBm in an answer to NL80211_CMD_GET_STATION.
pub(super) fn station_signal(attributes: Attributes<'_>) -> Option<i32> {
    let info = attributes.find(attr::STA_INFO)?;
    Some(info.nested().find(station::SIGNAL)?.i8()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::MessageBuilder;

    const AP: [u8; 6] = [2, 0, 0, 0, 2, 0];

    /// A BSS of a scan result as of Linux 6.1.
    fn result(status: Option<u32>, ies: &[u8], beacon: &[u8]) -> MessageBuilder {
        let mut message = MessageBuilder::new(0x1c, 0).unwrap();
        message
            .append(&[34, 1, 0, 0])
            .unwrap()
            .put_u32(46, 11)
            .unwrap()
            .put_u32(attr::IFINDEX, 7)
            .unwrap()
            .nest(attr::BSS, |inner| {
                inner
                    .put(bss::BSSID, &AP)?
                    .put_u64(3, 1)?
                    .put(bss::INFORMATION_ELEMENTS, ies)?
                    .put(bss::BEACON_IES, beacon)?
                    .put_u32(bss::FREQUENCY, 2437)?
                    .put_u32(bss::SIGNAL_MBM, (-3050_i32).cast_unsigned())?;
                if let Some(status) = status {
                    inner.put_u32(bss::STATUS, status)?;
                }
                Ok(())
            })
            .unwrap();
        message
    }

    fn parse(message: &MessageBuilder, ifindex: u32) -> Option<Association> {
        let found = Bss::parse(message.as_message().attributes(4), ifindex);
        found.map(|bss| bss.association)
    }

    #[test]
    fn the_associated_one_is_read() {
        let message = result(Some(1), b"\x00\x07wpa-net\x01\x01\x82", b"\x00\x07wpa-net");
        let expected = Association {
            ssid: Ssid::new(b"wpa-net"),
            bssid: AP.into(),
            frequency: Some(2437),
            signal: Some(-30),
        };
        assert_eq!(parse(&message, 7), Some(expected));
        assert_eq!(parse(&message, 8), None, "of another interface");
    }

    #[test]
    fn others_are_left_out() {
        for status in [None, Some(0), Some(2), Some(99)] {
            assert_eq!(
                parse(&result(status, b"\x00\x01a", b""), 7),
                None,
                "{status:?}"
            );
        }
        assert!(Bss::parse(Attributes::new(&[]), 7).is_none());
    }

    #[test]
    fn a_hidden_name_is_taken_where_it_is_told() {
        let name = |ies: &[u8], beacon: &[u8]| {
            let association = parse(&result(Some(1), ies, beacon), 7).unwrap();
            association.ssid.map(|ssid| ssid.to_string())
        };
        assert_eq!(name(b"\x00\x03abc", b"\x00\x03\0\0\0"), Some("abc".into()));
        assert_eq!(name(b"\x00\x03\0\0\0", b"\x00\x03abc"), Some("abc".into()));
        assert_eq!(name(b"\x00\x00", b"\x00\x03\0\0\0"), None);
        assert_eq!(name(b"\x00\x09ab", b""), None);
    }

    #[test]
    fn several_links_are_one_association() {
        let link = |number: u8, frequency: u32| {
            let mut message = MessageBuilder::new(0x1c, 0).unwrap();
            message
                .append(&[34, 1, 0, 0])
                .unwrap()
                .put_u32(attr::IFINDEX, 7)
                .unwrap()
                .nest(attr::BSS, |inner| {
                    inner
                        .put(bss::BSSID, &[2, 0, 0, 0, 2, number])?
                        .put_u32(bss::FREQUENCY, frequency)?
                        .put_u32(bss::STATUS, 1)?
                        .put_u8(bss::MLO_LINK_ID, number)?
                        .put(bss::MLD_ADDR, &AP)?;
                    Ok(())
                })
                .unwrap();
            Bss::parse(message.as_message().attributes(4), 7).unwrap()
        };
        let (first, second) = (link(0, 2412), link(1, 5180));
        for bss in [
            first.first(Some(second)),
            second.first(Some(first)),
            first.first(None),
        ] {
            assert_eq!(bss.association.bssid, AP.into());
            assert_eq!(bss.association.frequency, Some(2412));
        }
    }

    #[test]
    fn the_signal_of_a_station() {
        let mut message = MessageBuilder::new(0x1c, 0).unwrap();
        message
            .append(&[19, 1, 0, 0])
            .unwrap()
            .nest(attr::STA_INFO, |info| {
                info.put_u32(1, 544)?
                    .put_u8(station::SIGNAL, (-30_i8).cast_unsigned())?;
                Ok(())
            })
            .unwrap();
        assert_eq!(
            station_signal(message.as_message().attributes(4)),
            Some(-30)
        );
        assert_eq!(station_signal(Attributes::new(&[])), None);
    }
}
