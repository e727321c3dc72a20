//! RTM_NEWLINK and RTM_DELLINK, read in one pass without building an
//! `rtnl_link`.

use std::fmt;

use bitflags::bitflags;
use libnl3_sys as sys;

use super::attribute::{is_string, string};
use super::link_layout::{Places, Wanted};
use super::message::{HEADER, Header};
use super::{Attributes, Escaped, LinkLayouts, Notice};
use crate::{Error, ErrorKind, Result};

/// The length of `struct ifinfomsg`.
const IFINFOMSG: usize = size_of::<sys::ifinfomsg>();

/// Newer than the headers of libnl 3.5 (`linux/if_link.h`).
const IFLA_ALT_IFNAME: u16 = 53;

bitflags! {
    /// The flags of an interface (`IFF_*`, `linux/if.h`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct LinkFlags: u32 {
        /// Administratively up.
        const UP = 1;
        /// Broadcast address valid.
        const BROADCAST = 1 << 1;
        /// A loopback interface.
        const LOOPBACK = 1 << 3;
        /// Point-to-point link.
        const POINTOPOINT = 1 << 4;
        /// Operational (RFC 2863): up, with carrier, not dormant.
        const RUNNING = 1 << 6;
        /// No ARP protocol.
        const NOARP = 1 << 7;
        /// Receives all packets.
        const PROMISC = 1 << 8;
        /// Receives all multicast packets.
        const ALLMULTI = 1 << 9;
        /// Master of others, a bond for example.
        const MASTER = 1 << 10;
        /// Subordinate of a master.
        const SLAVE = 1 << 11;
        /// Supports multicast.
        const MULTICAST = 1 << 12;
        /// The driver signals carrier.
        const LOWER_UP = 1 << 16;
        /// The driver signals dormant.
        const DORMANT = 1 << 17;
        /// Flags that are newer than these names are kept.
        const _ = !0;
    }
}

/// The operational state of RFC 2863 (`IF_OPER_*`, `linux/if.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OperState {
    /// Not told: the driver never set it. The link may well work.
    #[default]
    Unknown,
    /// A component is missing.
    NotPresent,
    /// Down.
    Down,
    /// A layer below is down.
    LowerLayerDown,
    /// In some test mode.
    Testing,
    /// Waiting for something external, the WPA or 802.1X handshake for example.
    Dormant,
    /// Operational.
    Up,
    /// A value that these names do not cover.
    Other(u8),
}

impl OperState {
    pub(crate) fn from_raw(raw: u8) -> Self {
        match raw {
            0 => OperState::Unknown,
            1 => OperState::NotPresent,
            2 => OperState::Down,
            3 => OperState::LowerLayerDown,
            4 => OperState::Testing,
            5 => OperState::Dormant,
            6 => OperState::Up,
            other => OperState::Other(other),
        }
    }
}

/// As in `/sys/class/net/*/operstate`: `up`, `lowerlayerdown`, …
impl fmt::Display for OperState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            OperState::Unknown => "unknown",
            OperState::NotPresent => "notpresent",
            OperState::Down => "down",
            OperState::LowerLayerDown => "lowerlayerdown",
            OperState::Testing => "testing",
            OperState::Dormant => "dormant",
            OperState::Up => "up",
            OperState::Other(raw) => return write!(f, "{raw}"),
        })
    }
}

/// What a link message announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkChange {
    /// RTM_NEWLINK: the link exists, and this is its state.
    New,
    /// RTM_DELLINK. Of family AF_UNSPEC: the link is gone. Of family
    /// AF_BRIDGE: it has left its bridge and lives on.
    Removed,
}

/// A borrowed view of an RTM_NEWLINK or RTM_DELLINK message.
///
/// Absent is told from zero: getters of attributes return `Option`. An
/// attribute of the wrong length counts as absent. Attributes that are not
/// listed here are skipped, so a newer kernel's are no obstacle.
///
/// ```
/// use linkwatch::nl::{LinkMessage, LinkFlags};
///
/// # let mut bytes = Vec::new();
/// # bytes.extend(40u32.to_ne_bytes()); bytes.extend(16u16.to_ne_bytes()); bytes.extend([0; 10]);
/// # bytes.extend([0, 0]); bytes.extend(1u16.to_ne_bytes()); bytes.extend(7i32.to_ne_bytes());
/// # bytes.extend(0x1003u32.to_ne_bytes()); bytes.extend(0u32.to_ne_bytes());
/// # bytes.extend(5u16.to_ne_bytes()); bytes.extend(33u16.to_ne_bytes()); bytes.extend([0; 4]);
/// // `bytes`: link 7, up, IFLA_CARRIER 0 and nothing else
/// let link = LinkMessage::parse(&bytes)?.expect("a link message");
/// assert_eq!(link.ifindex(), 7);
/// assert!(link.flags().contains(LinkFlags::UP));
/// assert_eq!(link.carrier(), Some(false));
/// assert_eq!(link.operstate(), None);
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct LinkMessage<'a> {
    head: Head,
    attributes: &'a [u8],
    places: Places,
}

/// What comes before the attributes: the type and the `struct ifinfomsg`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Head {
    change: LinkChange,
    family: u8,
    hardware_type: u16,
    ifindex: u32,
    flags: LinkFlags,
    changed_flags: u32,
}

impl<'a> LinkMessage<'a> {
    /// Reads a whole netlink message with its header; `None` if it is neither
    /// RTM_NEWLINK nor RTM_DELLINK.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] if a length does not fit or the interface
    /// index is not positive.
    pub fn parse(message: &'a [u8]) -> Result<Option<LinkMessage<'a>>> {
        Self::parse_by(message, None)
    }

    /// Likewise, in less time where the message is laid out as one before.
    pub(crate) fn parse_by(
        message: &'a [u8],
        layouts: Option<&mut LinkLayouts>,
    ) -> Result<Option<LinkMessage<'a>>> {
        let Some(header) = message.first_chunk().map(Header::from_bytes) else {
            return Err(malformed("it is shorter than a netlink header"));
        };
        let change = match u32::from(header.kind) {
            sys::RTM_NEWLINK => LinkChange::New,
            sys::RTM_DELLINK => LinkChange::Removed,
            _ => return Ok(None),
        };
        let Some(body) = message.get(HEADER..header.length as usize) else {
            return Err(malformed("its length is not that of its header"));
        };
        let Some((info, attributes)) = body.split_first_chunk::<IFINFOMSG>() else {
            return Err(malformed("it is too short for an interface"));
        };
        let u32_at =
            |at: usize| u32::from_ne_bytes([info[at], info[at + 1], info[at + 2], info[at + 3]]);
        let ifindex = u32_at(4);
        if ifindex == 0 || i32::try_from(ifindex).is_err() {
            return Err(malformed("its interface index is not positive"));
        }
        let walked;
        let places = match layouts {
            Some(layouts) => layouts.places(attributes),
            None => {
                walked = Places::of(attributes);
                walked.as_ref()
            }
        };
        let Some(places) = places else {
            return Err(malformed("an attribute's length does not fit"));
        };
        Ok(Some(LinkMessage {
            head: Head {
                change,
                family: info[0],
                hardware_type: u16::from_ne_bytes([info[2], info[3]]),
                ifindex,
                flags: LinkFlags::from_bits_retain(u32_at(8)),
                changed_flags: u32_at(12),
            },
            attributes,
            places: *places,
        }))
    }

    #[inline]
    fn payload(&self, wanted: Wanted) -> Option<&'a [u8]> {
        self.places.payload(wanted, self.attributes)
    }

    #[inline]
    fn u8(&self, wanted: Wanted) -> Option<u8> {
        self.places.u8(wanted, self.attributes)
    }

    #[inline]
    fn u32(&self, wanted: Wanted) -> Option<u32> {
        self.places.u32(wanted, self.attributes)
    }

    /// RTM_NEWLINK or RTM_DELLINK.
    pub fn change(&self) -> LinkChange {
        self.head.change
    }

    /// `ifi_family` as it was sent. libnl rewrites it for bridges; only
    /// AF_UNSPEC (0) describes an interface.
    pub fn family(&self) -> u8 {
        self.head.family
    }

    /// The interface index, positive.
    pub fn ifindex(&self) -> u32 {
        self.head.ifindex
    }

    /// `ifi_type`: the hardware type, `ARPHRD_*` (`linux/if_arp.h`).
    pub fn hardware_type(&self) -> u16 {
        self.head.hardware_type
    }

    /// `ifi_flags`: `IFF_*`.
    pub fn flags(&self) -> LinkFlags {
        self.head.flags
    }

    /// `ifi_change`: the flags that are said to have changed. All ones where
    /// the link was just registered or unregistered (`rtmsg_ifinfo` with ~0U,
    /// `net/core/dev.c`).
    pub fn changed_flags(&self) -> u32 {
        self.head.changed_flags
    }

    /// IFLA_IFNAME: the name, without its NUL.
    pub fn name(&self) -> Option<&'a [u8]> {
        self.payload(Wanted::Name).map(string)
    }

    /// True if it tells this name, which has no NUL.
    #[inline]
    pub(crate) fn is_named(&self, name: &[u8]) -> bool {
        self.payload(Wanted::Name)
            .is_some_and(|told| is_string(told, name))
    }

    /// IFLA_CARRIER. Messages about wireless events and those of family
    /// AF_BRIDGE do not carry it.
    pub fn carrier(&self) -> Option<bool> {
        self.u8(Wanted::Carrier).map(|carrier| carrier != 0)
    }

    /// IFLA_CARRIER_UP_COUNT: how often carrier came, since Linux 4.16.
    pub fn carrier_up_count(&self) -> Option<u32> {
        self.u32(Wanted::CarrierUpCount)
    }

    /// IFLA_CARRIER_DOWN_COUNT: how often carrier went, since Linux 4.16.
    pub fn carrier_down_count(&self) -> Option<u32> {
        self.u32(Wanted::CarrierDownCount)
    }

    /// IFLA_CARRIER_CHANGES: the sum of both, since Linux 3.15.
    pub fn carrier_changes(&self) -> Option<u32> {
        self.u32(Wanted::CarrierChanges)
    }

    /// All carrier transitions that the kernel counted, modulo 2³²: the sum of
    /// both counters, or IFLA_CARRIER_CHANGES where they are missing.
    pub fn transitions(&self) -> Option<u32> {
        match (self.carrier_up_count(), self.carrier_down_count()) {
            (Some(up), Some(down)) => Some(up.wrapping_add(down)),
            _ => self.carrier_changes(),
        }
    }

    /// IFLA_OPERSTATE.
    pub fn operstate(&self) -> Option<OperState> {
        self.u8(Wanted::OperState).map(OperState::from_raw)
    }

    /// IFLA_MTU, in bytes.
    pub fn mtu(&self) -> Option<u32> {
        self.u32(Wanted::Mtu)
    }

    /// IFLA_MASTER: the index of the bridge, bond or the like that the link is
    /// a port of.
    pub fn master(&self) -> Option<u32> {
        self.u32(Wanted::Master)
    }

    /// IFLA_ADDRESS: the hardware address.
    pub fn address(&self) -> Option<&'a [u8]> {
        self.payload(Wanted::Address)
    }

    /// IFLA_PERM_ADDRESS: the address that the hardware came with, since
    /// Linux 5.6, where there is one.
    pub fn permanent_address(&self) -> Option<&'a [u8]> {
        self.payload(Wanted::PermanentAddress)
    }

    /// IFLA_INFO_KIND within IFLA_LINKINFO: `veth`, `bridge`, …; hardware
    /// interfaces have none.
    pub fn kind(&self) -> Option<&'a [u8]> {
        self.payload(Wanted::Kind).map(string)
    }

    /// True if it is of this kind, which has no NUL.
    #[inline]
    pub(crate) fn is_of_kind(&self, kind: &[u8]) -> bool {
        self.payload(Wanted::Kind)
            .is_some_and(|told| is_string(told, kind))
    }

    /// IFLA_ALT_IFNAME within IFLA_PROP_LIST: the alternative names, since
    /// Linux 5.5.
    pub fn alt_names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Attributes::new(self.payload(Wanted::Properties).unwrap_or_default())
            .filter(|property| property.kind() == IFLA_ALT_IFNAME)
            .map(|property| property.string())
    }

    /// True if it has an IFLA_PROP_LIST, which alternative names stand in.
    #[inline]
    pub(crate) fn has_properties(&self) -> bool {
        self.payload(Wanted::Properties).is_some()
    }

    /// IFLA_EVENT: why the kernel sent the message, where it says so; `None`
    /// also for IFLA_EVENT_NONE.
    pub fn event(&self) -> Option<Notice> {
        self.u32(Wanted::Event).and_then(Notice::from_raw)
    }

    /// True for a wireless event (IFLA_WIRELESS), whose flags say nothing
    /// about the link's state.
    pub fn is_wireless_event(&self) -> bool {
        self.payload(Wanted::Wireless).is_some()
    }
}

/// All that is read of a message, to compare and to show it.
#[derive(Debug, PartialEq)]
struct Fields<'a> {
    head: Head,
    name: Option<&'a [u8]>,
    carrier: Option<bool>,
    carrier_changes: Option<u32>,
    carrier_up_count: Option<u32>,
    carrier_down_count: Option<u32>,
    operstate: Option<OperState>,
    mtu: Option<u32>,
    master: Option<u32>,
    address: Option<&'a [u8]>,
    permanent_address: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
    alt_names: Vec<&'a [u8]>,
    event: Option<Notice>,
    is_wireless_event: bool,
}

impl<'a> LinkMessage<'a> {
    fn fields(&self) -> Fields<'a> {
        Fields {
            head: self.head,
            name: self.name(),
            carrier: self.carrier(),
            carrier_changes: self.carrier_changes(),
            carrier_up_count: self.carrier_up_count(),
            carrier_down_count: self.carrier_down_count(),
            operstate: self.operstate(),
            mtu: self.mtu(),
            master: self.master(),
            address: self.address(),
            permanent_address: self.permanent_address(),
            kind: self.kind(),
            alt_names: self.alt_names().collect(),
            event: self.event(),
            is_wireless_event: self.is_wireless_event(),
        }
    }
}

/// Messages are equal where all is that is read of them.
impl PartialEq for LinkMessage<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.fields() == other.fields()
    }
}

impl Eq for LinkMessage<'_> {}

impl fmt::Debug for LinkMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields().fmt(f)
    }
}

impl fmt::Display for LinkMessage<'_> {
    /// A line for diagnostics; its form may change.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} {} {} family {} flags {:#x} change {:#x} carrier {:?} transitions {:?} operstate {:?}",
            self.head.change,
            self.head.ifindex,
            Escaped(self.name().unwrap_or(b"?")),
            self.head.family,
            self.head.flags,
            self.head.changed_flags,
            self.carrier(),
            self.transitions(),
            self.operstate(),
        )
    }
}

fn malformed(why: &str) -> Error {
    Error::new(
        ErrorKind::Malformed,
        format!("a link message cannot be read: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::test_messages::{self as messages, attribute, del_link, new_link, parse};
    use crate::nl::encode;

    /// A message with everything that is read.
    fn full() -> messages::LinkBytes {
        new_link(7, "eth0")
            .running()
            .change(1)
            .attribute(attribute::ADDRESS, &[2, 0, 0x5e, 0x10, 0, 1])
            .u32(attribute::MTU, 1500)
            .master(9)
            .operstate(6)
            .link_kind("veth")
            .carrier(true)
            .counts(3, 2)
            .u32(attribute::EVENT, 5)
            .alt_names(&["uplink", "a name that is longer than fifteen bytes"])
            .permanent_address([2, 0, 0x5e, 0x10, 0, 2])
    }

    #[test]
    fn everything_that_is_told_is_read() {
        let bytes = full().bytes();
        let link = parse(&bytes);
        assert_eq!(link.change(), LinkChange::New);
        assert_eq!((link.family(), link.hardware_type()), (0, 1));
        assert_eq!((link.ifindex(), link.changed_flags()), (7, 1));
        assert_eq!(link.flags(), LinkFlags::UP | LinkFlags::RUNNING);
        assert_eq!(link.name(), Some(&b"eth0"[..]));
        assert_eq!(link.address(), Some(&[2, 0, 0x5e, 0x10, 0, 1][..]));
        let permanent = link.permanent_address();
        assert_eq!(permanent, Some(&[2, 0, 0x5e, 0x10, 0, 2][..]));
        assert_eq!((link.mtu(), link.master()), (Some(1500), Some(9)));
        assert_eq!(link.operstate(), Some(OperState::Up));
        assert_eq!(link.kind(), Some(&b"veth"[..]));
        assert_eq!(link.carrier(), Some(true));
        let counts = (link.carrier_up_count(), link.carrier_down_count());
        assert_eq!(counts, (Some(3), Some(2)));
        assert_eq!(link.carrier_changes(), Some(5));
        assert_eq!(link.event(), Some(Notice::IgmpResend));
        assert!(!link.is_wireless_event());
        assert!(link.alt_names().eq([
            &b"uplink"[..],
            &b"a name that is longer than fifteen bytes"[..],
        ]));

        let bytes = del_link(7, "eth0").wireless().bytes();
        assert_eq!(parse(&bytes).change(), LinkChange::Removed);
        assert!(parse(&bytes).is_wireless_event());
    }

    #[test]
    fn absent_is_told_from_zero() {
        let zero = new_link(7, "eth0")
            .carrier(false)
            .counts(0, 0)
            .operstate(0)
            .u32(attribute::MTU, 0)
            .master(0)
            .u32(attribute::EVENT, 0)
            .bytes();
        let zero = parse(&zero);
        assert_eq!(zero.carrier(), Some(false));
        assert_eq!(zero.carrier_up_count(), Some(0));
        assert_eq!(zero.carrier_down_count(), Some(0));
        assert_eq!(zero.carrier_changes(), Some(0));
        assert_eq!(zero.transitions(), Some(0));
        assert_eq!(zero.operstate(), Some(OperState::Unknown));
        assert_eq!((zero.mtu(), zero.master()), (Some(0), Some(0)));
        assert_eq!(zero.event(), None, "IFLA_EVENT_NONE is no event");

        let bare = new_link(7, "eth0").bytes();
        // Without its last attribute, the name, it is the header alone.
        let mut bare = bare[..32].to_vec();
        bare[..4].copy_from_slice(&32u32.to_ne_bytes());
        let bare = parse(&bare);
        assert_eq!(bare.name(), None);
        assert_eq!(bare.carrier(), None);
        assert_eq!(bare.transitions(), None);
        assert_eq!(bare.operstate(), None);
        assert_eq!(
            (bare.mtu(), bare.master(), bare.event()),
            (None, None, None)
        );
        assert_eq!((bare.address(), bare.permanent_address()), (None, None));
        assert_eq!(bare.kind(), None);
        assert_eq!(bare.alt_names().count(), 0);
    }

    #[test]
    fn attributes_of_the_wrong_length_are_absent() {
        for payload in [&[][..], &[1, 0], &[1, 0, 0], &[1, 0, 0, 0, 0], &[1; 8]] {
            let bytes = new_link(7, "eth0")
                .attribute(attribute::CARRIER, payload)
                .attribute(attribute::OPERSTATE, payload)
                .attribute(attribute::CARRIER_CHANGES, payload)
                .attribute(attribute::CARRIER_UP_COUNT, payload)
                .attribute(attribute::CARRIER_DOWN_COUNT, payload)
                .attribute(attribute::MTU, payload)
                .attribute(attribute::MASTER, payload)
                .attribute(attribute::EVENT, payload)
                .bytes();
            let link = parse(&bytes);
            assert_eq!(link.carrier(), None, "{payload:?}");
            assert_eq!(link.operstate(), None, "{payload:?}");
            assert_eq!(link.carrier_changes(), None, "{payload:?}");
            assert_eq!(link.carrier_up_count(), None, "{payload:?}");
            assert_eq!(link.carrier_down_count(), None, "{payload:?}");
            assert_eq!(link.transitions(), None, "{payload:?}");
            let numbers = (link.mtu(), link.master(), link.event());
            assert_eq!(numbers, (None, None, None), "{payload:?}");
        }
    }

    #[test]
    fn transitions_are_both_counters_or_else_the_older_sum() {
        let both = new_link(7, "eth0").counts(u32::MAX, 3).bytes();
        assert_eq!(parse(&both).transitions(), Some(2), "modulo 2^32");
        let sum = new_link(7, "eth0")
            .u32(attribute::CARRIER_CHANGES, 9)
            .bytes();
        assert_eq!(parse(&sum).transitions(), Some(9));
        let half = new_link(7, "eth0")
            .u32(attribute::CARRIER_UP_COUNT, 4)
            .u32(attribute::CARRIER_CHANGES, 9)
            .bytes();
        assert_eq!(parse(&half).transitions(), Some(9), "half is not the sum");
    }

    #[test]
    fn unknown_attributes_are_skipped() {
        let bytes = new_link(7, "eth0")
            .attribute(999, &[1, 2, 3])
            .carrier(true)
            .attribute(0x3fff, &[])
            .counts(1, 0)
            .attribute(998, &[0xff; 200])
            .bytes();
        let link = parse(&bytes);
        assert_eq!((link.carrier(), link.transitions()), (Some(true), Some(1)));
    }

    #[test]
    fn attributes_that_do_not_fit_spoil_the_message() {
        for length in [0, 3, 9, u16::MAX] {
            let mut bytes = new_link(7, "eth0").carrier(true).bytes();
            let at = bytes.len() - 8;
            bytes[at..at + 2].copy_from_slice(&length.to_ne_bytes());
            let error = LinkMessage::parse(&bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{length}");
        }
    }

    #[test]
    fn nested_attributes_are_searched_with_care() {
        // The kind does not stand first, and other properties stand between.
        let info = [
            encode::attribute(2, b"abcd"),
            encode::attribute(1, b"bridge\0"),
        ]
        .concat();
        let properties = [
            (attribute::ALT_IFNAME, b"a\0"),
            (99, b"x\0"),
            (attribute::ALT_IFNAME, b"b\0"),
        ]
        .map(|(kind, name)| encode::attribute(kind, name))
        .concat();
        let bytes = new_link(7, "br0")
            .attribute(attribute::LINKINFO | attribute::NESTED, &info)
            .attribute(attribute::PROP_LIST | attribute::NESTED, &properties)
            .bytes();
        let link = parse(&bytes);
        assert_eq!(link.kind(), Some(&b"bridge"[..]));
        assert!(link.alt_names().eq([&b"a"[..], b"b"]));

        // A nested length that does not fit spoils what is nested alone.
        let bytes = new_link(7, "br0")
            .attribute(
                attribute::LINKINFO,
                &[&encode::header(200, 1), &b"x\0\0\0"[..]].concat(),
            )
            .attribute(
                attribute::PROP_LIST,
                &encode::header(0, attribute::ALT_IFNAME),
            )
            .carrier(true)
            .bytes();
        let link = parse(&bytes);
        assert_eq!(link.kind(), None);
        assert_eq!(link.alt_names().count(), 0);
        assert_eq!(link.carrier(), Some(true));
    }

    #[test]
    fn indices_that_are_not_positive_are_refused() {
        for ifindex in [0, -1, i32::MIN] {
            let bytes = new_link(ifindex, "eth0").carrier(true).bytes();
            let error = LinkMessage::parse(&bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{ifindex}");
        }
        let bytes = new_link(i32::MAX, "eth0").bytes();
        assert_eq!(parse(&bytes).ifindex(), 0x7fff_ffff);
    }

    #[test]
    fn other_messages_are_none_of_ours() {
        // NLMSG_DONE, RTM_GETLINK, RTM_SETLINK, RTM_NEWADDR
        for kind in [0, 3, 18, 19, 20, u16::MAX] {
            let bytes = new_link(7, "eth0").message_type(kind).bytes();
            assert_eq!(LinkMessage::parse(&bytes).unwrap(), None, "{kind}");
        }
    }

    #[test]
    fn the_length_in_the_header_must_fit() {
        let good = full().bytes();
        let with_length = |length: u32| {
            let mut bytes = good.clone();
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            bytes
        };
        let length = good.len() as u32;
        for length in [0, 15, 16, 31, length + 1, length + 4, u32::MAX] {
            let bytes = with_length(length);
            let error = LinkMessage::parse(&bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{length}");
        }
        // Bytes behind the message belong to the next one.
        let mut two = good.clone();
        two.extend(&good);
        assert_eq!(parse(&two), parse(&good));
        let bytes = with_length(32);
        assert_eq!(parse(&bytes).name(), None);
    }

    #[test]
    fn truncated_messages_are_malformed() {
        let good = full().bytes();
        for length in 0..good.len() {
            // Cut off by the reader: the header claims more than there is.
            let error = LinkMessage::parse(&good[..length]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{length}");
            if length < 16 {
                continue;
            }
            // Cut off by the sender: the header knows. Whole attributes stay.
            let mut bytes = good[..length].to_vec();
            bytes[..4].copy_from_slice(&(length as u32).to_ne_bytes());
            match LinkMessage::parse(&bytes) {
                Ok(link) => use_all(&link.expect("a link message")),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Malformed),
            }
        }
    }

    #[test]
    fn corrupted_bytes_do_no_harm() {
        let good = full().wireless().bytes();
        for at in 0..good.len() {
            for value in 0..=u8::MAX {
                let mut bytes = good.clone();
                bytes[at] = value;
                match LinkMessage::parse(&bytes) {
                    Ok(Some(link)) => use_all(&link),
                    Ok(None) => assert!((4..6).contains(&at), "byte {at} is not the type"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Malformed),
                }
            }
        }
    }

    /// Looks at what is read lazily.
    fn use_all(link: &LinkMessage<'_>) {
        assert!(link.ifindex() > 0);
        assert!(link.alt_names().count() <= 20);
        let _ = (link.kind(), link.transitions(), link.to_string());
    }
}
