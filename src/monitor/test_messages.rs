//! Link messages as the kernel would send them, for tests.

use crate::nl::{LinkMessage, encode};

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const ARPHRD_ETHER: u16 = 1;

pub(crate) const AF_BRIDGE: u8 = 7;

pub(crate) const UP: u32 = 0x1;
pub(crate) const LOOPBACK: u32 = 0x8;
pub(crate) const RUNNING: u32 = 0x40;

/// `ifi_change` of a link that was just registered or unregistered.
pub(crate) const ALL_CHANGED: u32 = !0;
/// `ifi_change` where the kernel closes a link by itself.
pub(crate) const CLOSED: u32 = UP | RUNNING;

/// `linux/if_link.h`.
pub(crate) mod attribute {
    pub(crate) const ADDRESS: u16 = 1;
    pub(crate) const IFNAME: u16 = 3;
    pub(crate) const MTU: u16 = 4;
    pub(crate) const MASTER: u16 = 10;
    pub(crate) const WIRELESS: u16 = 11;
    pub(crate) const OPERSTATE: u16 = 16;
    pub(crate) const LINKINFO: u16 = 18;
    pub(crate) const CARRIER: u16 = 33;
    pub(crate) const CARRIER_CHANGES: u16 = 35;
    pub(crate) const EVENT: u16 = 44;
    pub(crate) const CARRIER_UP_COUNT: u16 = 47;
    pub(crate) const CARRIER_DOWN_COUNT: u16 = 48;
    pub(crate) const PROP_LIST: u16 = 52;
    pub(crate) const ALT_IFNAME: u16 = 53;
    pub(crate) const PERM_ADDRESS: u16 = 54;
    pub(crate) const INFO_KIND: u16 = 1;
    pub(crate) const NESTED: u16 = 0x8000;
}

/// One message under construction. What is not set is absent or zero.
#[derive(Debug, Clone)]
pub(crate) struct LinkBytes {
    kind: u16,
    family: u8,
    hardware_type: u16,
    ifindex: i32,
    flags: u32,
    change: u32,
    attributes: Vec<u8>,
}

/// RTM_NEWLINK about an Ethernet link that is down and was not just created.
pub(crate) fn new_link(ifindex: i32, name: &str) -> LinkBytes {
    LinkBytes {
        kind: RTM_NEWLINK,
        family: 0,
        hardware_type: ARPHRD_ETHER,
        ifindex,
        flags: 0,
        change: 0,
        attributes: Vec::new(),
    }
    .text(attribute::IFNAME, name)
}

/// RTM_DELLINK.
pub(crate) fn del_link(ifindex: i32, name: &str) -> LinkBytes {
    LinkBytes {
        kind: RTM_DELLINK,
        ..new_link(ifindex, name).change(ALL_CHANGED)
    }
}

impl LinkBytes {
    pub(crate) fn message_type(self, kind: u16) -> Self {
        LinkBytes { kind, ..self }
    }

    pub(crate) fn family(self, family: u8) -> Self {
        LinkBytes { family, ..self }
    }

    pub(crate) fn hardware_type(self, hardware_type: u16) -> Self {
        LinkBytes {
            hardware_type,
            ..self
        }
    }

    /// Replaces all flags.
    pub(crate) fn flags(self, flags: u32) -> Self {
        LinkBytes { flags, ..self }
    }

    /// IFF_UP besides the flags that are set.
    pub(crate) fn up(self) -> Self {
        let flags = self.flags | UP;
        self.flags(flags)
    }

    /// IFF_UP and IFF_RUNNING besides the flags that are set.
    pub(crate) fn running(self) -> Self {
        let flags = self.flags | UP | RUNNING;
        self.flags(flags)
    }

    /// `ifi_change`.
    pub(crate) fn change(self, change: u32) -> Self {
        LinkBytes { change, ..self }
    }

    /// IFLA_CARRIER.
    pub(crate) fn carrier(self, carrier: bool) -> Self {
        self.attribute(attribute::CARRIER, &[u8::from(carrier)])
    }

    /// Both counters, and their sum as the kernel sends it too.
    pub(crate) fn counts(self, up: u32, down: u32) -> Self {
        self.u32(attribute::CARRIER_CHANGES, up.wrapping_add(down))
            .u32(attribute::CARRIER_UP_COUNT, up)
            .u32(attribute::CARRIER_DOWN_COUNT, down)
    }

    /// IFLA_OPERSTATE.
    pub(crate) fn operstate(self, operstate: u8) -> Self {
        self.attribute(attribute::OPERSTATE, &[operstate])
    }

    /// IFLA_INFO_KIND within IFLA_LINKINFO.
    pub(crate) fn link_kind(self, kind: &str) -> Self {
        let mut nested = Vec::new();
        put(&mut nested, attribute::INFO_KIND, &with_nul(kind));
        self.attribute(attribute::LINKINFO, &nested)
    }

    /// IFLA_PERM_ADDRESS.
    pub(crate) fn permanent_address(self, address: [u8; 6]) -> Self {
        self.attribute(attribute::PERM_ADDRESS, &address)
    }

    /// IFLA_ALT_IFNAMEs within IFLA_PROP_LIST.
    pub(crate) fn alt_names(self, names: &[&str]) -> Self {
        let mut nested = Vec::new();
        for name in names {
            put(&mut nested, attribute::ALT_IFNAME, &with_nul(name));
        }
        self.attribute(attribute::PROP_LIST | attribute::NESTED, &nested)
    }

    /// IFLA_WIRELESS with some event in it.
    pub(crate) fn wireless(self) -> Self {
        self.attribute(attribute::WIRELESS, &[8, 0, 0x15, 0x8b, 1, 2, 3, 4])
    }

    /// IFLA_MASTER.
    pub(crate) fn master(self, ifindex: u32) -> Self {
        self.u32(attribute::MASTER, ifindex)
    }

    pub(crate) fn u32(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    pub(crate) fn text(self, kind: u16, text: &str) -> Self {
        self.attribute(kind, &with_nul(text))
    }

    /// Any attribute; a second one of the same type follows the first.
    pub(crate) fn attribute(mut self, kind: u16, payload: &[u8]) -> Self {
        put(&mut self.attributes, kind, payload);
        self
    }

    /// The whole message with its header.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(32 + self.attributes.len()).expect("a short message");
        let mut bytes = Vec::new();
        bytes.extend(length.to_ne_bytes());
        bytes.extend(self.kind.to_ne_bytes());
        bytes.extend([0; 10]); // nlmsg_flags, _seq, _pid
        bytes.extend([self.family, 0]);
        bytes.extend(self.hardware_type.to_ne_bytes());
        bytes.extend(self.ifindex.to_ne_bytes());
        bytes.extend(self.flags.to_ne_bytes());
        bytes.extend(self.change.to_ne_bytes());
        bytes.extend(&self.attributes);
        bytes
    }
}

/// The view of a message that must be good.
pub(crate) fn parse(bytes: &[u8]) -> LinkMessage<'_> {
    LinkMessage::parse(bytes)
        .expect("a well-formed message")
        .expect("a link message")
}

fn with_nul(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

fn put(out: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    out.extend(encode::attribute(kind, payload));
}
