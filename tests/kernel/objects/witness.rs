//! What iproute2 says, and libnl's objects in the same words.

use std::collections::HashMap;
use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use linkwatch::nl::{
    Address, AddressFlags, IpPrefix, Link, LinkFlags, Neighbour, NeighbourFlags, NextHop, Route,
    Rule,
};
use serde_json::{Map, Value, json};

use super::{AF_INET, AF_INET6};
use crate::support::{PATIENCE, ip, ip_batch, links_json};

/// What `ip` says as JSON, with numbers in the place of names.
#[track_caller]
pub fn ip_json(args: &[&str]) -> Vec<Value> {
    let output = Command::new("ip")
        .args(["-N", "-j"])
        .args(args)
        .output()
        .expect("ip");
    match &output.stdout[..] {
        [] => Vec::new(),
        json => serde_json::from_slice(json).expect("JSON from ip"),
    }
}

/// Waits until both say the same: IPv6 changes things on its own for a while.
#[track_caller]
pub fn agree(ours: impl Fn() -> Vec<Value>, theirs: impl Fn() -> Vec<Value>) {
    let start = std::time::Instant::now();
    loop {
        let (ours, theirs) = (ours(), theirs());
        if ours == theirs && !theirs.is_empty() {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "ours: {ours:#?}\ntheirs: {theirs:#?}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The names of the interfaces by their indices.
pub fn names() -> HashMap<u32, String> {
    let links = links_json();
    let index = |link: &Value| link["ifindex"].as_u64().unwrap().try_into().unwrap();
    links
        .iter()
        .map(|link| (index(link), link["ifname"].as_str().unwrap().to_owned()))
        .collect()
}

pub fn colons(address: &[u8]) -> String {
    let bytes: Vec<String> = address.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

/// A pair of veth devices with addresses, routes, neighbours and rules of many
/// forms.
pub fn populate() {
    ip_batch(
        [
            "link set lo up",
            "link add v0 type veth peer name v1",
            "link set v0 up",
            "link set v1 up",
            "addr add 10.0.0.1 peer 10.0.0.2/32 dev v0",
            "addr add 192.0.2.1/24 brd + dev v1 label v1:x",
            "addr add 192.0.2.2/24 dev v1 valid_lft 3000 preferred_lft 2000",
            "addr add 2001:db8::1/64 dev v1 valid_lft 1000 preferred_lft 0 nodad noprefixroute",
            "addr add 2001:db8::5 peer 2001:db8::6/128 dev v1 nodad",
            "route add 198.51.100.0/24 proto 77 metric 7 \
             nexthop via 192.0.2.9 dev v1 weight 3 nexthop via 192.0.2.8 dev v1",
            "route add blackhole 203.0.113.0/24",
            "route add default via 192.0.2.9 src 192.0.2.1 mtu 1400 table 1000",
            "route add 10.9.0.0/16 dev v1 tos 0x10",
            "route add 10.10.0.0/16 via inet6 fe80::9 dev v1",
            "neigh add 192.0.2.9 lladdr 02:00:00:00:00:01 dev v1",
            "neigh add 192.0.2.10 dev v1 nud failed",
            "neigh add 2001:db8::9 lladdr 02:00:00:00:00:01 dev v1 router nud stale",
            "rule add not from 10.0.0.0/8 to 192.0.2.0/24 fwmark 1/3 iif v0 \
             sport 10-20 dport 80 ipproto tcp tos 0x10 table 1000 priority 500",
            "rule add blackhole priority 502",
        ]
        .map(str::to_owned),
    );
    for command in [
        "route add 2001:db8:5::/48 nexthop via fe80::5 dev v1 nexthop via fe80::6 dev v0 weight 2",
        "route add default via fe80::7 dev v1",
        "route add unreachable 2001:db8:6::/48",
        "rule add from 2001:db8::/32 oif v1 goto 32766 priority 501",
    ] {
        let words: Vec<&str> = ["-6"].into_iter().chain(command.split(' ')).collect();
        ip(&words);
    }
}

/// A link as iproute2 shows it.
pub fn link_object(link: &Link) -> Value {
    json!({
        "ifindex": link.ifindex(),
        "ifname": link.name().unwrap().to_str().unwrap(),
        "mtu": link.mtu(),
        "address": link.hardware_address().map(colons),
        "operstate": link.operstate().to_string().to_uppercase(),
        "up": link.flags().contains(LinkFlags::UP),
        "kind": link.kind().map(|kind| kind.to_str().unwrap()),
    })
}

pub fn address_object(address: &Address) -> Value {
    let mut object = Map::new();
    let flags = address.flags();
    let family = match address.family() {
        AF_INET => "inet",
        AF_INET6 => "inet6",
        other => panic!("family {other}"),
    };
    object.insert("family".into(), family.into());
    object.insert("local".into(), json!(address.local()));
    object.insert("prefixlen".into(), address.prefix_length().into());
    object.insert("scope".into(), address.scope().to_string().into());
    for (name, value) in [
        ("address", address.peer().map(|ip| json!(ip))),
        ("broadcast", address.broadcast().map(|ip| json!(ip))),
        (
            "label",
            address.label().map(|label| label.to_str().unwrap().into()),
        ),
    ] {
        object.extend(value.map(|value| (name.to_owned(), value)));
    }
    for (name, set) in [
        ("dynamic", !flags.contains(AddressFlags::PERMANENT)),
        ("tentative", flags.contains(AddressFlags::TENTATIVE)),
        ("deprecated", flags.contains(AddressFlags::DEPRECATED)),
        ("nodad", flags.contains(AddressFlags::NODAD)),
        ("noprefixroute", flags.contains(AddressFlags::NOPREFIXROUTE)),
        ("secondary", flags.contains(AddressFlags::SECONDARY)),
    ] {
        object.extend(set.then(|| (name.to_owned(), true.into())));
    }
    let seconds = |lifetime: Option<Duration>| match lifetime {
        None => u64::from(u32::MAX),
        Some(lifetime) => lifetime.as_secs(),
    };
    object.insert(
        "valid_life_time".into(),
        seconds(address.valid_lifetime()).into(),
    );
    object.insert(
        "preferred_life_time".into(),
        seconds(address.preferred_lifetime()).into(),
    );
    object.into()
}

/// `default`, `10.0.0.0/8`, or the address alone of a single machine.
fn network(prefix: Option<IpPrefix>) -> String {
    match prefix {
        None => "default".to_owned(),
        Some(prefix) if prefix.length == if prefix.address.is_ipv4() { 32 } else { 128 } => {
            prefix.address.to_string()
        }
        Some(prefix) => prefix.to_string(),
    }
}

pub fn route_object(route: &Route, names: &HashMap<u32, String>) -> Value {
    let mut object = json!({
        "type": route.kind().to_string(),
        "dst": network(route.destination()),
        "table": route.table().to_string(),
        "protocol": route.protocol().to_string(),
        "metric": route.priority(),
    });
    let scope = match route.scope().to_string().as_str() {
        "global" => "0",
        "link" => "253",
        "host" => "254",
        other => panic!("{other}"),
    };
    object["scope"] = scope.into();
    if route.tos() != 0 {
        object["tos"] = format!("{:#04x}", route.tos()).into();
    }
    if let Some(source) = route.preferred_source() {
        object["prefsrc"] = json!(source);
    }
    if let Some(mtu) = route.metric(2) {
        object["metrics"] = json!([{ "mtu": mtu }]);
    }
    let hop = |hop: &NextHop| {
        let mut object = Map::new();
        let family = match (hop.gateway, route.family()) {
            (Some(IpAddr::V6(gateway)), AF_INET) => {
                object.insert("via".into(), json!({ "family": "inet6", "host": gateway }));
                None
            }
            (gateway, _) => gateway,
        };
        object.extend(family.map(|gateway| ("gateway".to_owned(), json!(gateway))));
        object.extend(
            hop.ifindex
                .map(|index| ("dev".to_owned(), names[&index].clone().into())),
        );
        object
    };
    let object = object.as_object_mut().unwrap();
    match &route.next_hops()[..] {
        [] => {}
        [one] => object.extend(hop(one)),
        several => {
            let hops = several.iter().map(|one| {
                let mut object = hop(one);
                object.insert("weight".into(), one.weight.into());
                object
            });
            object.insert("nexthops".into(), hops.collect());
        }
    }
    object.clone().into()
}

/// iproute2's, without what libnl does not know or these tests do not compare.
pub fn their_route(mut route: Value) -> Value {
    let object = route.as_object_mut().unwrap();
    for name in ["flags", "pref", "expires"] {
        object.remove(name);
    }
    // Absent and 0 are the same to libnl.
    object.entry("metric").or_insert(0.into());
    for hop in object
        .get_mut("nexthops")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        hop.as_object_mut().unwrap().remove("flags");
    }
    route
}

pub fn neighbour_object(neighbour: &Neighbour, names: &HashMap<u32, String>) -> Value {
    let mut object = json!({
        "dst": neighbour.destination(),
        "dev": names[&neighbour.ifindex()],
        "state": neighbour.state().iter_names().map(|(name, _)| name).collect::<Vec<_>>(),
    });
    if let Some(address) = neighbour.hardware_address() {
        object["lladdr"] = colons(address).into();
    }
    if neighbour.flags().contains(NeighbourFlags::ROUTER) {
        object["router"] = Value::Null;
    }
    object
}

pub fn rule_object(rule: &Rule) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("priority", rule.priority().into());
    if rule.is_inverted() {
        put("not", Value::Null);
    }
    for (name, prefix) in [("src", rule.source()), ("dst", rule.destination())] {
        match prefix {
            Some(prefix) => {
                put(name, json!(prefix.address));
                put(&format!("{name}len"), prefix.length.into());
            }
            None if name == "src" => drop(put(name, "all".into())),
            None => {}
        }
    }
    if rule.tos() != 0 {
        put("tos", format!("{:#04x}", rule.tos()).into());
    }
    if let Some((mark, mask)) = rule.mark() {
        put("fwmark", format!("{mark:#x}").into());
        put("fwmask", format!("{mask:#x}").into());
    }
    let text = |name: Option<&std::ffi::CStr>| name.map(|name| name.to_str().unwrap().to_owned());
    for (name, interface) in [
        ("iif", text(rule.input_interface())),
        ("oif", text(rule.output_interface())),
    ] {
        if let Some(interface) = interface {
            put(name, interface.into());
        }
    }
    if let Some(protocol) = rule.ip_protocol() {
        put("ipproto", format!("ipproto-{protocol}").into());
    }
    let ports = [
        ("sport", rule.source_ports()),
        ("dport", rule.destination_ports()),
    ];
    for (name, ports) in ports {
        match ports {
            Some(ports) if ports.start() == ports.end() => {
                put(name, (*ports.start()).into());
            }
            Some(ports) => {
                put(&format!("{name}_start"), (*ports.start()).into());
                put(&format!("{name}_end"), (*ports.end()).into());
            }
            None => {}
        }
    }
    match (rule.goto(), rule.table()) {
        (Some(target), _) => drop(put("goto", target.into())),
        (None, Some(table)) => drop(put("table", table.to_string().into())),
        (None, None) => drop(put("action", rule.action().to_string().into())),
    }
    object.into()
}
