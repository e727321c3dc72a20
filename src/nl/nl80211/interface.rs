//! Wireless interfaces.

use std::fmt;

use super::Ssid;
use super::numbers::attr;
use crate::nl::Attributes;

/// What an interface is used as (`enum nl80211_iftype`, `linux/nl80211.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InterfaceMode {
    /// The driver decides.
    Unspecified,
    /// A member of an ad-hoc network (IBSS).
    AdHoc,
    /// A client of an access point; iw calls it "managed".
    Station,
    /// An access point.
    AccessPoint,
    /// A vlan of an access point.
    AccessPointVlan,
    /// Wireless distribution, up to Linux 5.10.
    Wds,
    /// It shows all frames that are received.
    Monitor,
    /// A node of a mesh.
    MeshPoint,
    /// A client of a peer-to-peer group.
    P2pClient,
    /// The access point of a peer-to-peer group.
    P2pGroupOwner,
    /// Peer-to-peer discovery; it has no network interface.
    P2pDevice,
    /// Outside the context of a BSS, between vehicles.
    Ocb,
    /// Neighbour awareness; it has no network interface.
    Nan,
    /// A number that these names do not cover.
    Other(u32),
}

impl InterfaceMode {
    fn from_raw(raw: u32) -> InterfaceMode {
        match raw {
            0 => InterfaceMode::Unspecified,
            1 => InterfaceMode::AdHoc,
            2 => InterfaceMode::Station,
            3 => InterfaceMode::AccessPoint,
            4 => InterfaceMode::AccessPointVlan,
            5 => InterfaceMode::Wds,
            6 => InterfaceMode::Monitor,
            7 => InterfaceMode::MeshPoint,
            8 => InterfaceMode::P2pClient,
            9 => InterfaceMode::P2pGroupOwner,
            10 => InterfaceMode::P2pDevice,
            11 => InterfaceMode::Ocb,
            12 => InterfaceMode::Nan,
            other => InterfaceMode::Other(other),
        }
    }

    /// True for the modes that connect to an access point.
    pub fn is_client(self) -> bool {
        matches!(self, InterfaceMode::Station | InterfaceMode::P2pClient)
    }
}

/// In small letters with hyphens; a number without a name as `unknown-N`.
impl fmt::Display for InterfaceMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            InterfaceMode::Unspecified => "unspecified",
            InterfaceMode::AdHoc => "ad-hoc",
            InterfaceMode::Station => "station",
            InterfaceMode::AccessPoint => "ap",
            InterfaceMode::AccessPointVlan => "ap-vlan",
            InterfaceMode::Wds => "wds",
            InterfaceMode::Monitor => "monitor",
            InterfaceMode::MeshPoint => "mesh-point",
            InterfaceMode::P2pClient => "p2p-client",
            InterfaceMode::P2pGroupOwner => "p2p-go",
            InterfaceMode::P2pDevice => "p2p-device",
            InterfaceMode::Ocb => "ocb",
            InterfaceMode::Nan => "nan",
            InterfaceMode::Other(raw) => return f.pad(&format!("unknown-{raw}")),
        })
    }
}

/// A network interface of a radio (NL80211_CMD_NEW_INTERFACE).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WirelessInterface {
    /// The interface's index.
    pub ifindex: u32,
    /// The radio's number: `phy0` is usually 0.
    pub wiphy: u32,
    /// What it is used as.
    pub mode: InterfaceMode,
    /// The network's name: of access points always, of stations only where the
    /// kernel itself connects (`iw connect`), not where wpa_supplicant does:
    /// there [`Association::ssid`](super::Association::ssid) has it.
    pub ssid: Option<Ssid>,
    /// The channel in MHz, while there is one. Interfaces with several links
    /// (MLO) have none here.
    pub frequency: Option<u32>,
}

impl WirelessInterface {
    /// `None` without an interface index: a P2P device has no network
    /// interface.
    pub(super) fn parse(attributes: Attributes<'_>) -> Option<WirelessInterface> {
        let (mut ifindex, mut wiphy, mut mode, mut ssid, mut frequency) = Default::default();
        for attribute in attributes {
            match attribute.kind() {
                attr::IFINDEX => ifindex = attribute.u32(),
                attr::WIPHY => wiphy = attribute.u32(),
                attr::IFTYPE => mode = attribute.u32(),
                attr::SSID => ssid = Ssid::shown(attribute.payload()),
                attr::WIPHY_FREQ => frequency = attribute.u32(),
                _ => {}
            }
        }
        Some(WirelessInterface {
            ifindex: ifindex?,
            wiphy: wiphy?,
            mode: InterfaceMode::from_raw(mode?),
            ssid,
            frequency,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::MessageBuilder;

    /// As of NL80211_CMD_NEW_INTERFACE on Linux 6.1.
    fn message(ifindex: Option<u32>, ssid: Option<&[u8]>) -> MessageBuilder {
        let mut message = MessageBuilder::new(0x1c, 0).unwrap();
        message.append(&[7, 1, 0, 0]).unwrap();
        if let Some(ifindex) = ifindex {
            message.put_u32(attr::IFINDEX, ifindex).unwrap();
            message.put_string(4, b"wlan1").unwrap();
        }
        message.put_u32(attr::WIPHY, 3).unwrap();
        message.put_u32(attr::IFTYPE, 2).unwrap();
        message.put_u64(153, 0x3_0000_0001).unwrap();
        message.put(attr::MAC, &[2, 0, 0, 0, 1, 0]).unwrap();
        message.put_u32(attr::WIPHY_FREQ, 2412).unwrap();
        if let Some(ssid) = ssid {
            message.put(attr::SSID, ssid).unwrap();
        }
        message
    }

    fn parse(message: &MessageBuilder) -> Option<WirelessInterface> {
        WirelessInterface::parse(message.as_message().attributes(4))
    }

    #[test]
    fn an_interface_is_read() {
        let interface = parse(&message(Some(7), Some(b"open-net"))).unwrap();
        assert_eq!(
            interface,
            WirelessInterface {
                ifindex: 7,
                wiphy: 3,
                mode: InterfaceMode::Station,
                ssid: Ssid::new(b"open-net"),
                frequency: Some(2412),
            }
        );
        // Under wpa_supplicant there is no name.
        assert_eq!(parse(&message(Some(7), None)).unwrap().ssid, None);
        // One that is too long is left out, not cut.
        assert_eq!(
            parse(&message(Some(7), Some(&[b'x'; 33]))).unwrap().ssid,
            None
        );
    }

    #[test]
    fn devices_without_an_interface_are_left_out() {
        assert_eq!(parse(&message(None, None)), None);
        assert_eq!(WirelessInterface::parse(Attributes::new(&[])), None);
    }

    #[test]
    fn every_mode_has_its_word() {
        let mut words: Vec<String> = (0..15)
            .map(|raw| InterfaceMode::from_raw(raw).to_string())
            .collect();
        assert_eq!(words[2], "station");
        assert_eq!(words[14], "unknown-14");
        assert_eq!(InterfaceMode::from_raw(13), InterfaceMode::Other(13));
        words.sort();
        words.dedup();
        assert_eq!(words.len(), 15);
        assert!(InterfaceMode::Station.is_client() && !InterfaceMode::AccessPoint.is_client());
    }
}
