//! RTM_NEWLINK and RTM_DELLINK, read in one pass without building an
//! `rtnl_link`.

use std::fmt;

use bitflags::bitflags;
use libnl3_sys as sys;

use super::message::{HEADER, Header};
use super::{Attributes, Escaped};
use crate::{Error, ErrorKind, Result};

/// The length of `struct ifinfomsg`.
const IFINFOMSG: usize = size_of::<sys::ifinfomsg>();

/// Attributes newer than the headers of libnl 3.5 (`linux/if_link.h`).
const IFLA_PROP_LIST: u16 = 52;
const IFLA_ALT_IFNAME: u16 = 53;
const IFLA_PERM_ADDRESS: u16 = 54;

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
/// # bytes.extend([0, 0, 1, 0]); bytes.extend(7i32.to_ne_bytes());
/// # bytes.extend(0x1003u32.to_ne_bytes()); bytes.extend(0u32.to_ne_bytes());
/// # bytes.extend([5, 0, 33, 0, 0, 0, 0, 0]);
/// // `bytes`: link 7, up, IFLA_CARRIER 0 and nothing else
/// let link = LinkMessage::parse(&bytes)?.expect("a link message");
/// assert_eq!(link.ifindex(), 7);
/// assert!(link.flags().contains(LinkFlags::UP));
/// assert_eq!(link.carrier(), Some(false));
/// assert_eq!(link.operstate(), None);
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkMessage<'a> {
    change: LinkChange,
    family: u8,
    hardware_type: u16,
    ifindex: u32,
    flags: LinkFlags,
    changed_flags: u32,
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
    link_info: Option<&'a [u8]>,
    properties: Option<&'a [u8]>,
    event: Option<u32>,
    wireless: bool,
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
        let mut link = LinkMessage {
            change,
            family: info[0],
            hardware_type: u16::from_ne_bytes([info[2], info[3]]),
            ifindex,
            flags: LinkFlags::from_bits_retain(u32_at(8)),
            changed_flags: u32_at(12),
            name: None,
            carrier: None,
            carrier_changes: None,
            carrier_up_count: None,
            carrier_down_count: None,
            operstate: None,
            mtu: None,
            master: None,
            address: None,
            permanent_address: None,
            link_info: None,
            properties: None,
            event: None,
            wireless: false,
        };
        link.read_attributes(Attributes::new(attributes))?;
        Ok(Some(link))
    }

    fn read_attributes(&mut self, mut attributes: Attributes<'a>) -> Result<()> {
        const IFNAME: u16 = sys::IFLA_IFNAME as u16;
        const ADDRESS: u16 = sys::IFLA_ADDRESS as u16;
        const MTU: u16 = sys::IFLA_MTU as u16;
        const MASTER: u16 = sys::IFLA_MASTER as u16;
        const WIRELESS: u16 = sys::IFLA_WIRELESS as u16;
        const OPERSTATE: u16 = sys::IFLA_OPERSTATE as u16;
        const LINKINFO: u16 = sys::IFLA_LINKINFO as u16;
        const CARRIER: u16 = sys::IFLA_CARRIER as u16;
        const CHANGES: u16 = sys::IFLA_CARRIER_CHANGES as u16;
        const EVENT: u16 = sys::IFLA_EVENT as u16;
        const UP_COUNT: u16 = sys::IFLA_CARRIER_UP_COUNT as u16;
        const DOWN_COUNT: u16 = sys::IFLA_CARRIER_DOWN_COUNT as u16;

        for attribute in attributes.by_ref() {
            match attribute.kind() {
                IFNAME => self.name = Some(attribute.string()),
                ADDRESS => self.address = Some(attribute.payload()),
                MTU => self.mtu = attribute.u32(),
                MASTER => self.master = attribute.u32(),
                WIRELESS => self.wireless = true,
                OPERSTATE => self.operstate = attribute.u8().map(OperState::from_raw),
                LINKINFO => self.link_info = Some(attribute.payload()),
                CARRIER => self.carrier = attribute.u8().map(|carrier| carrier != 0),
                CHANGES => self.carrier_changes = attribute.u32(),
                EVENT => self.event = attribute.u32(),
                UP_COUNT => self.carrier_up_count = attribute.u32(),
                DOWN_COUNT => self.carrier_down_count = attribute.u32(),
                IFLA_PROP_LIST => self.properties = Some(attribute.payload()),
                IFLA_PERM_ADDRESS => self.permanent_address = Some(attribute.payload()),
                _ => {}
            }
        }
        if attributes.is_malformed() {
            return Err(malformed("an attribute's length does not fit"));
        }
        Ok(())
    }

    /// RTM_NEWLINK or RTM_DELLINK.
    pub fn change(&self) -> LinkChange {
        self.change
    }

    /// `ifi_family` as it was sent. libnl rewrites it for bridges; only
    /// AF_UNSPEC (0) describes an interface.
    pub fn family(&self) -> u8 {
        self.family
    }

    /// The interface index, positive.
    pub fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// `ifi_type`: the hardware type, `ARPHRD_*` (`linux/if_arp.h`).
    pub fn hardware_type(&self) -> u16 {
        self.hardware_type
    }

    /// `ifi_flags`: `IFF_*`.
    pub fn flags(&self) -> LinkFlags {
        self.flags
    }

    /// `ifi_change`: the flags that are said to have changed. All ones where
    /// the link was just registered or unregistered (`rtmsg_ifinfo` with ~0U,
    /// `net/core/dev.c`).
    pub fn changed_flags(&self) -> u32 {
        self.changed_flags
    }

    /// IFLA_IFNAME: the name, without its NUL.
    pub fn name(&self) -> Option<&'a [u8]> {
        self.name
    }

    /// IFLA_CARRIER. Messages about wireless events and those of family
    /// AF_BRIDGE do not carry it.
    pub fn carrier(&self) -> Option<bool> {
        self.carrier
    }

    /// IFLA_CARRIER_UP_COUNT: how often carrier came, since Linux 4.16.
    pub fn carrier_up_count(&self) -> Option<u32> {
        self.carrier_up_count
    }

    /// IFLA_CARRIER_DOWN_COUNT: how often carrier went, since Linux 4.16.
    pub fn carrier_down_count(&self) -> Option<u32> {
        self.carrier_down_count
    }

    /// IFLA_CARRIER_CHANGES: the sum of both, since Linux 3.15.
    pub fn carrier_changes(&self) -> Option<u32> {
        self.carrier_changes
    }

    /// All carrier transitions that the kernel counted, modulo 2³²: the sum of
    /// both counters, or IFLA_CARRIER_CHANGES where they are missing.
    pub fn transitions(&self) -> Option<u32> {
        match (self.carrier_up_count, self.carrier_down_count) {
            (Some(up), Some(down)) => Some(up.wrapping_add(down)),
            _ => self.carrier_changes,
        }
    }

    /// IFLA_OPERSTATE.
    pub fn operstate(&self) -> Option<OperState> {
        self.operstate
    }

    /// IFLA_MTU, in bytes.
    pub fn mtu(&self) -> Option<u32> {
        self.mtu
    }

    /// IFLA_MASTER: the index of the bridge, bond or the like that the link is
    /// a port of.
    pub fn master(&self) -> Option<u32> {
        self.master
    }

    /// IFLA_ADDRESS: the hardware address.
    pub fn address(&self) -> Option<&'a [u8]> {
        self.address
    }

    /// IFLA_PERM_ADDRESS: the address that the hardware came with, since
    /// Linux 5.6, where there is one.
    pub fn permanent_address(&self) -> Option<&'a [u8]> {
        self.permanent_address
    }

    /// IFLA_INFO_KIND within IFLA_LINKINFO: `veth`, `bridge`, …; hardware
    /// interfaces have none.
    pub fn kind(&self) -> Option<&'a [u8]> {
        let kind = Attributes::new(self.link_info?).find(sys::IFLA_INFO_KIND as u16)?;
        Some(kind.string())
    }

    /// IFLA_ALT_IFNAME within IFLA_PROP_LIST: the alternative names, since
    /// Linux 5.5.
    pub fn alt_names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Attributes::new(self.properties.unwrap_or_default())
            .filter(|property| property.kind() == IFLA_ALT_IFNAME)
            .map(|property| property.string())
    }

    /// IFLA_EVENT: why the kernel sent the message, where it says so
    /// (`IFLA_EVENT_*`, since Linux 4.13).
    pub fn event(&self) -> Option<u32> {
        self.event
    }

    /// True for a wireless event (IFLA_WIRELESS), whose flags say nothing
    /// about the link's state.
    pub fn is_wireless_event(&self) -> bool {
        self.wireless
    }
}

impl fmt::Display for LinkMessage<'_> {
    /// A line for diagnostics; its form may change.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} {} {} family {} flags {:#x} change {:#x} carrier {:?} transitions {:?} operstate {:?}",
            self.change,
            self.ifindex,
            Escaped(self.name.unwrap_or(b"?")),
            self.family,
            self.flags,
            self.changed_flags,
            self.carrier,
            self.transitions(),
            self.operstate,
        )
    }
}

fn malformed(why: &str) -> Error {
    Error::new(
        ErrorKind::Malformed,
        format!("a link message cannot be read: {why}"),
    )
}
