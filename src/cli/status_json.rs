//! The JSON of `status`. Fields may be added, never renamed.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use linkwatch::nl::{AddressFlags, InterfaceAddress, Name, OperState};
use linkwatch::{Criterion, HardwareAddress, LinkKind, LinkState};
use serde::{Serialize, Serializer};

use super::details::Details;

/// One object of `status --json`.
#[derive(Serialize)]
pub(super) struct LinkObject<'a> {
    ifindex: u32,
    #[serde(serialize_with = "as_name")]
    name: Name,
    altnames: Vec<Cow<'a, str>>,
    #[serde(serialize_with = "as_text")]
    kind: LinkKind,
    connected: bool,
    carrier: bool,
    running: bool,
    admin_up: bool,
    #[serde(serialize_with = "as_text")]
    operstate: OperState,
    #[serde(serialize_with = "as_text_or_null")]
    mac: Option<HardwareAddress>,
    mtu: Option<u32>,
    #[serde(serialize_with = "as_name_or_null")]
    master: Option<Name>,
    carrier_up_count: Option<u32>,
    carrier_down_count: Option<u32>,
    #[serde(flatten)]
    details: Option<&'a Details>,
    /// Where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<Vec<AddressObject>>,
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_name<S: Serializer>(name: &Name, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(name.as_bytes()))
}

fn as_name_or_null<S: Serializer>(name: &Option<Name>, serializer: S) -> Result<S::Ok, S::Error> {
    match name {
        Some(name) => as_name(name, serializer),
        None => serializer.serialize_none(),
    }
}

fn as_text_or_null<S: Serializer>(
    value: &Option<impl fmt::Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
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
            label: address
                .label()
                .map(|label| text(label.as_bytes()).into_owned()),
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

impl<'a> LinkObject<'a> {
    pub(super) fn new(
        link: &'a LinkState,
        criterion: Criterion,
        master: Option<Name>,
        details: Option<&'a Details>,
        addresses: Option<&[InterfaceAddress]>,
    ) -> LinkObject<'a> {
        LinkObject {
            ifindex: link.ifindex(),
            name: link.name(),
            altnames: link.alt_names().map(text).collect(),
            kind: link.kind(),
            connected: link.is_connected(criterion),
            carrier: link.has_carrier(),
            running: link.is_running(),
            admin_up: link.is_admin_up(),
            operstate: link.operstate(),
            mac: link.address(),
            mtu: link.mtu(),
            master,
            carrier_up_count: link.carrier_up_count(),
            carrier_down_count: link.carrier_down_count(),
            details,
            addresses: addresses.map(|own| own.iter().map(AddressObject::new).collect()),
        }
    }
}

/// JSON escapes control characters itself, so a name is itself, if it is
/// UTF-8; otherwise the bytes that are not are escaped.
pub(super) fn text(name: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(name) {
        Ok(name) => Cow::Borrowed(name),
        Err(_) => Cow::Owned(linkwatch::nl::escape(name).to_string()),
    }
}
