//! What is known of one link.

use std::fmt;
use std::sync::Arc;

use super::Reason;
use crate::nl::{self, LinkFlags, LinkMessage, Name, OperState};

/// When a link counts as connected. Both ask that it is administratively up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Criterion {
    /// It has carrier: a cable with a partner at its other end, an
    /// association with an access point.
    #[default]
    Carrier,
    /// It has carrier and is operational (IFF_RUNNING): the WPA or 802.1X
    /// handshake is done too. With a wrong Wi-Fi key a link has carrier for
    /// seconds and never runs.
    Running,
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Criterion::Carrier => "carrier",
            Criterion::Running => "running",
        })
    }
}

/// What kind of interface a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkKind {
    /// Ethernet hardware, or what presents itself as such.
    Ethernet,
    /// Wi-Fi: the link has sent a wireless event, or its hardware type is one
    /// of 802.11.
    Wifi,
    /// The loopback interface.
    Loopback,
    /// The kernel's own word for a virtual link (`veth`, `bridge`, `bond`,
    /// `vlan`, `tun`, …), or the name of a hardware type (`infiniband`,
    /// `can`, …).
    Other(Name),
}

impl LinkKind {
    fn of(message: &LinkMessage<'_>) -> LinkKind {
        if let Some(kind) = message.kind() {
            return LinkKind::Other(Name::truncated(kind));
        }
        match message.hardware_type() {
            _ if message.flags().contains(LinkFlags::LOOPBACK) => LinkKind::Loopback,
            libc::ARPHRD_ETHER => LinkKind::Ethernet,
            libc::ARPHRD_IEEE80211
            | libc::ARPHRD_IEEE80211_PRISM
            | libc::ARPHRD_IEEE80211_RADIOTAP => LinkKind::Wifi,
            other => LinkKind::Other(nl::hardware_type_name(other)),
        }
    }

    /// The word for it: `ethernet`, `veth`, …
    pub fn name(self) -> Name {
        match self {
            LinkKind::Ethernet => Name::truncated(b"ethernet"),
            LinkKind::Wifi => Name::truncated(b"wifi"),
            LinkKind::Loopback => Name::truncated(b"loopback"),
            LinkKind::Other(name) => name,
        }
    }

    fn is_other_than(self, other: LinkKind) -> bool {
        match (self, other) {
            // Wi-Fi is told from Ethernet only later.
            (LinkKind::Ethernet | LinkKind::Wifi, LinkKind::Ethernet | LinkKind::Wifi) => false,
            _ => self != other,
        }
    }
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

/// A hardware address of up to 32 bytes (MAX_ADDR_LEN), usually six.
/// `Display` writes it as `02:00:5e:10:00:01`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HardwareAddress {
    bytes: [u8; 32],
    length: u8,
}

impl HardwareAddress {
    fn new(address: &[u8]) -> Option<HardwareAddress> {
        let mut bytes = [0; 32];
        bytes.get_mut(..address.len())?.copy_from_slice(address);
        (!address.is_empty()).then_some(HardwareAddress {
            bytes,
            length: address.len() as u8,
        })
    }

    /// The bytes of the address, at least one.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b':'; 3 * 32];
        for (byte, place) in self.as_bytes().iter().zip(text.chunks_exact_mut(3)) {
            place[0] = DIGITS[usize::from(byte >> 4)];
            place[1] = DIGITS[usize::from(byte & 15)];
        }
        let length = (3 * self.as_bytes().len()).saturating_sub(1);
        f.pad(std::str::from_utf8(&text[..length]).unwrap_or_default())
    }
}

impl fmt::Debug for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// True if both are known and differ.
fn differ(one: Option<HardwareAddress>, other: Option<HardwareAddress>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}

/// The state of one link, as the last message about it told.
///
/// A value that the kernel never told is `None`. A clone takes no more than a
/// few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkState {
    /// Shared with the events that tell of the link.
    traits: Arc<Traits>,
    ifindex: u32,
    flags: LinkFlags,
    carrier: bool,
    operstate: Option<OperState>,
    carrier_up_count: Option<u32>,
    carrier_down_count: Option<u32>,
    transitions: Option<u32>,
}

/// What is told of a link each time and seldom changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Traits {
    name: Name,
    alt_names: Vec<Box<[u8]>>,
    kind: LinkKind,
    mtu: Option<u32>,
    master: Option<u32>,
    address: Option<HardwareAddress>,
    permanent_address: Option<HardwareAddress>,
}

impl Traits {
    /// True if a newer message about the same link tells nothing else.
    fn are_as_told_by(&self, message: &LinkMessage<'_>) -> bool {
        let is_known = |known: &Option<HardwareAddress>, told| {
            known.as_ref().map(HardwareAddress::as_bytes) == told
        };
        message.is_named(self.name.as_bytes())
            && message.mtu().is_none_or(|told| self.mtu == Some(told))
            && master_of(message) == self.master
            && is_known(&self.address, message.address())
            && is_known(&self.permanent_address, message.permanent_address())
            && (self.alt_names.is_empty() && !message.has_properties()
                || message.alt_names().eq(self.alt_names()))
    }

    fn alt_names(&self) -> impl Iterator<Item = &[u8]> {
        self.alt_names.iter().map(|name| &**name)
    }

    #[cold]
    fn update(&mut self, message: &LinkMessage<'_>) {
        if let Some(name) = message.name().and_then(Name::new) {
            self.name = name;
        }
        self.alt_names = message.alt_names().map(Box::from).collect();
        self.mtu = message.mtu().or(self.mtu);
        self.master = master_of(message);
        self.address = message.address().and_then(HardwareAddress::new);
        self.permanent_address = message.permanent_address().and_then(HardwareAddress::new);
    }
}

/// A link without a master has no such attribute.
fn master_of(message: &LinkMessage<'_>) -> Option<u32> {
    message.master().filter(|&master| master != 0)
}

impl LinkState {
    /// The state that a message tells; `None` if it tells none: if it has no
    /// name, or no IFLA_CARRIER as those about wireless events and those of
    /// family AF_BRIDGE.
    pub fn from_message(message: &LinkMessage<'_>) -> Option<LinkState> {
        let mut traits = Traits {
            name: Name::new(message.name()?)?,
            alt_names: Vec::new(),
            kind: LinkKind::of(message),
            mtu: None,
            master: None,
            address: None,
            permanent_address: None,
        };
        traits.update(message);
        Some(LinkState {
            traits: Arc::new(traits),
            ifindex: message.ifindex(),
            flags: message.flags(),
            carrier: message.carrier()?,
            operstate: message.operstate(),
            carrier_up_count: message.carrier_up_count(),
            carrier_down_count: message.carrier_down_count(),
            transitions: message.transitions(),
        })
    }

    /// Takes over what a newer message about the same link tells. Allocates
    /// only where it is more than what changes all the time.
    pub(crate) fn update(&mut self, message: &LinkMessage<'_>) {
        if !self.traits.are_as_told_by(message) {
            Arc::make_mut(&mut self.traits).update(message);
        }
        self.flags = message.flags();
        self.carrier = message.carrier().unwrap_or(self.carrier);
        self.operstate = message.operstate().or(self.operstate);
        self.carrier_up_count = message.carrier_up_count().or(self.carrier_up_count);
        self.carrier_down_count = message.carrier_down_count().or(self.carrier_down_count);
        self.transitions = message.transitions().or(self.transitions);
    }

    /// Takes over the name alone.
    pub(crate) fn update_name(&mut self, message: &LinkMessage<'_>) {
        if let Some(name) = message.name().and_then(Name::new) {
            self.set_name(name);
        }
    }

    fn set_name(&mut self, name: Name) {
        if self.traits.name != name {
            Arc::make_mut(&mut self.traits).name = name;
        }
    }

    /// Only Wi-Fi links send wireless events.
    pub(crate) fn set_wifi(&mut self) {
        if self.traits.kind == LinkKind::Ethernet {
            Arc::make_mut(&mut self.traits).kind = LinkKind::Wifi;
        }
    }

    /// Keeps what was known of the link before and is not told this time, as
    /// [`update`](Self::update) does: no list takes back what was counted. A
    /// link's kind is known for Wi-Fi only once it was seen to be so.
    pub(crate) fn keep(&mut self, before: &LinkState) {
        if before.kind() == LinkKind::Wifi {
            self.set_wifi();
        }
        if self.traits.mtu.is_none() && before.traits.mtu.is_some() {
            Arc::make_mut(&mut self.traits).mtu = before.traits.mtu;
        }
        self.operstate = self.operstate.or(before.operstate);
        self.carrier_up_count = self.carrier_up_count.or(before.carrier_up_count);
        self.carrier_down_count = self.carrier_down_count.or(before.carrier_down_count);
        self.transitions = self.transitions.or(before.transitions);
    }

    /// True if both cannot be the same link, though their index is: a link
    /// keeps its kind and the address that it came with for life.
    pub(crate) fn is_other_than(&self, other: &LinkState) -> bool {
        self.kind().is_other_than(other.kind())
            || differ(
                self.traits.permanent_address,
                other.traits.permanent_address,
            )
    }

    /// True if a message is about a link of another kind.
    pub(crate) fn is_of_other_kind(&self, message: &LinkMessage<'_>) -> bool {
        if let LinkKind::Other(known) = &self.traits.kind
            && message.is_of_kind(known.as_bytes())
        {
            return false;
        }
        self.kind().is_other_than(LinkKind::of(message))
    }

    /// True if a message is about a link that came with another address.
    pub(crate) fn came_with_other_address(&self, message: &LinkMessage<'_>) -> bool {
        let address = message.permanent_address().and_then(HardwareAddress::new);
        differ(self.traits.permanent_address, address)
    }

    /// The same state under another name.
    pub(crate) fn with_name(&self, name: Name) -> LinkState {
        let mut state = self.clone();
        state.set_name(name);
        state
    }

    /// The interface index.
    pub fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// The name.
    pub fn name(&self) -> Name {
        self.traits.name
    }

    /// The alternative names, as the kernel has them.
    pub fn alt_names(&self) -> impl Iterator<Item = &[u8]> {
        self.traits.alt_names()
    }

    /// What kind of interface it is.
    pub fn kind(&self) -> LinkKind {
        self.traits.kind
    }

    /// All flags (`IFF_*`).
    pub fn flags(&self) -> LinkFlags {
        self.flags
    }

    /// True if it is administratively up (IFF_UP).
    pub fn is_admin_up(&self) -> bool {
        self.flags.contains(LinkFlags::UP)
    }

    /// IFLA_CARRIER. A link that is administratively down can have it: look at
    /// [`is_connected`](Self::is_connected).
    pub fn has_carrier(&self) -> bool {
        self.carrier
    }

    /// True if it is operational (IFF_RUNNING).
    pub fn is_running(&self) -> bool {
        self.flags.contains(LinkFlags::RUNNING)
    }

    /// True if the link is connected in the sense of the criterion.
    pub fn is_connected(&self, criterion: Criterion) -> bool {
        self.why_disconnected(criterion).is_none()
    }

    /// Why the link is not connected in the sense of the criterion; `None` if
    /// it is.
    pub fn why_disconnected(&self, criterion: Criterion) -> Option<Reason> {
        if !self.is_admin_up() {
            Some(Reason::AdminDown)
        } else if !self.carrier {
            Some(Reason::NoCarrier)
        } else if criterion == Criterion::Running && !self.is_running() {
            Some(Reason::NotRunning)
        } else {
            None
        }
    }

    /// The operational state of RFC 2863.
    pub fn operstate(&self) -> OperState {
        self.operstate.unwrap_or_default()
    }

    /// The MTU in bytes.
    pub fn mtu(&self) -> Option<u32> {
        self.traits.mtu
    }

    /// The index of the bridge, bond or the like that the link is a port of.
    pub fn master(&self) -> Option<u32> {
        self.traits.master
    }

    /// The hardware address.
    pub fn address(&self) -> Option<HardwareAddress> {
        self.traits.address
    }

    /// How often carrier came, modulo 2³².
    pub fn carrier_up_count(&self) -> Option<u32> {
        self.carrier_up_count
    }

    /// How often carrier went, modulo 2³².
    pub fn carrier_down_count(&self) -> Option<u32> {
        self.carrier_down_count
    }

    /// All carrier transitions that the kernel counted, modulo 2³²; `None`
    /// before Linux 3.15.
    pub fn transitions(&self) -> Option<u32> {
        self.transitions
    }
}
