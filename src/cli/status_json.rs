//! The JSON of `status`. Fields may be added, never renamed.

use std::net::IpAddr;
use std::time::Duration;

use linkwatch::nl::{AddressFlags, InterfaceAddress, Name};
use linkwatch::{Criterion, LinkState};
use serde::Serialize;

use super::details::Details;

/// One object of `status --json`.
#[derive(Serialize)]
pub(super) struct LinkObject {
    ifindex: u32,
    name: String,
    altnames: Vec<String>,
    kind: String,
    connected: bool,
    carrier: bool,
    running: bool,
    admin_up: bool,
    operstate: String,
    mac: Option<String>,
    mtu: Option<u32>,
    master: Option<String>,
    carrier_up_count: Option<u32>,
    carrier_down_count: Option<u32>,
    #[serde(flatten)]
    details: Details,
    /// Where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<Vec<AddressObject>>,
}

/// One of the addresses of `status --json --addresses`.
#[derive(Serialize)]
pub(super) struct AddressObject {
    family: &'static str,
    address: IpAddr,
    prefix_length: u8,
    peer: Option<IpAddr>,
    broadcast: Option<IpAddr>,
    scope: String,
    label: Option<String>,
    flags: Vec<&'static str>,
    /// In seconds, null for ever.
    valid_lifetime: Option<u64>,
    preferred_lifetime: Option<u64>,
}

impl AddressObject {
    pub(super) fn new(address: &InterfaceAddress) -> AddressObject {
        AddressObject {
            family: if address.ip().is_ipv4() {
                "inet"
            } else {
                "inet6"
            },
            address: address.ip(),
            prefix_length: address.prefix_length(),
            peer: address.peer(),
            broadcast: address.broadcast(),
            scope: address.scope().to_string(),
            label: address.label().map(|label| text(label.as_bytes())),
            flags: flag_names(address),
            valid_lifetime: address.valid_lifetime().as_ref().map(Duration::as_secs),
            preferred_lifetime: address.preferred_lifetime().as_ref().map(Duration::as_secs),
        }
    }
}

/// The flags by the names that iproute2 has for them.
fn flag_names(address: &InterfaceAddress) -> Vec<&'static str> {
    let flags = address.flags();
    // The lowest bit means one thing for IPv4 and another for IPv6.
    let lowest = match address.ip() {
        IpAddr::V4(_) => "secondary",
        IpAddr::V6(_) => "temporary",
    };
    let names = [
        (AddressFlags::SECONDARY, lowest),
        (AddressFlags::NODAD, "nodad"),
        (AddressFlags::OPTIMISTIC, "optimistic"),
        (AddressFlags::DADFAILED, "dadfailed"),
        (AddressFlags::HOMEADDRESS, "home"),
        (AddressFlags::DEPRECATED, "deprecated"),
        (AddressFlags::TENTATIVE, "tentative"),
        (AddressFlags::PERMANENT, "permanent"),
        (AddressFlags::MANAGETEMPADDR, "mngtmpaddr"),
        (AddressFlags::NOPREFIXROUTE, "noprefixroute"),
        (AddressFlags::MCAUTOJOIN, "autojoin"),
        (AddressFlags::STABLE_PRIVACY, "stable-privacy"),
    ];
    let set = names.into_iter().filter(|(flag, _)| flags.contains(*flag));
    set.map(|(_, name)| name).collect()
}

impl LinkObject {
    pub(super) fn new(
        link: &LinkState,
        criterion: Criterion,
        master: Option<Name>,
        details: Details,
    ) -> LinkObject {
        LinkObject {
            ifindex: link.ifindex(),
            name: text(link.name().as_bytes()),
            altnames: link.alt_names().map(text).collect(),
            kind: link.kind().to_string(),
            connected: link.is_connected(criterion),
            carrier: link.has_carrier(),
            running: link.is_running(),
            admin_up: link.is_admin_up(),
            operstate: link.operstate().to_string(),
            mac: link.address().map(|address| address.to_string()),
            mtu: link.mtu(),
            master: master.map(|name| text(name.as_bytes())),
            carrier_up_count: link.carrier_up_count(),
            carrier_down_count: link.carrier_down_count(),
            details,
            addresses: None,
        }
    }

    pub(super) fn set_addresses(&mut self, addresses: Vec<AddressObject>) {
        self.addresses = Some(addresses);
    }
}

/// JSON escapes control characters itself, so a name is itself, if it is
/// UTF-8; otherwise the bytes that are not are escaped.
pub(super) fn text(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) => linkwatch::nl::escape(name).to_string(),
    }
}
