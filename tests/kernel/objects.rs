//! libnl's objects, field by field, with iproute2 as the witness.

use std::collections::HashMap;
use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use linkwatch::ErrorKind;
use linkwatch::nl::{
    self, Action, Address, AddressFlags, CallbackKind, Detail, Group, IpPrefix, Link, LinkFlags,
    MessageBuilder, Namespace, Neighbour, NeighbourFlags, NeighbourState, NextHop, Object,
    Protocol, Query, Route, Rule, RuleRef, Socket,
};
use serde_json::{Map, Value, json};

use crate::support::{
    PATIENCE, eventually, in_namespace, ip, ip_batch, link_json, links_json, skip,
};

const AF_INET: u8 = libc::AF_INET as u8;
const AF_INET6: u8 = libc::AF_INET6 as u8;

/// What `ip` says as JSON, with numbers in the place of names.
#[track_caller]
fn ip_json(args: &[&str]) -> Vec<Value> {
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

fn query() -> Query {
    Query::new(&Namespace::current(), Protocol::Route).unwrap()
}

/// Waits until both say the same: IPv6 changes things on its own for a while.
#[track_caller]
fn agree(ours: impl Fn() -> Vec<Value>, theirs: impl Fn() -> Vec<Value>) {
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
fn names() -> HashMap<u32, String> {
    let links = links_json();
    let index = |link: &Value| link["ifindex"].as_u64().unwrap().try_into().unwrap();
    links
        .iter()
        .map(|link| (index(link), link["ifname"].as_str().unwrap().to_owned()))
        .collect()
}

fn colons(address: &[u8]) -> String {
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
fn link_object(link: &Link) -> Value {
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

fn address_object(address: &Address) -> Value {
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

fn route_object(route: &Route, names: &HashMap<u32, String>) -> Value {
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
fn their_route(mut route: Value) -> Value {
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

fn neighbour_object(neighbour: &Neighbour, names: &HashMap<u32, String>) -> Value {
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

fn rule_object(rule: &Rule) -> Value {
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

in_namespace! {
    fn links_are_those_of_iproute2() {
        populate();
        ip(&["link", "add", "br0", "type", "bridge"]);
        ip(&["link", "set", "v0", "master", "br0", "mtu", "1400"]);
        agree(
            || nl::dump::<Link>().unwrap().items.iter().map(link_object).collect(),
            || links_json().iter().map(|link| json!({
                "ifindex": link["ifindex"],
                "ifname": link["ifname"],
                "mtu": link["mtu"],
                "address": link["address"],
                "operstate": link["operstate"],
                "up": link["flags"].as_array().unwrap().contains(&"UP".into()),
                "kind": link["linkinfo"]["info_kind"],
            })).collect(),
        );
        let links = nl::dump::<Link>().unwrap();
        assert!(links.complete);
        assert_eq!(links.unreadable, 0);
        let bridge = link_json("br0")["ifindex"].as_u64().unwrap();
        let port = links.items.iter().find(|link| link.name() == Some(c"v0")).unwrap();
        assert_eq!(port.master().map(u64::from), Some(bridge));
        assert_eq!(port.type_name(), "route/link");
        let attributes = port.attributes();
        for name in ["ifindex", "mtu", "master", "name"] {
            assert!(attributes.iter().any(|attribute| attribute == name), "{attributes:?}");
        }
        let loopback = &links.items[0];
        assert!(!loopback.attributes().contains(&"master".to_owned()));
        assert!(!port.is_identical(loopback) && port.is_identical(port));
    }

    fn addresses_are_those_of_iproute2() {
        populate();
        let theirs = || {
            let links = ip_json(&["addr"]);
            let addresses = links.iter().flat_map(|link| {
                let index = link["ifindex"].clone();
                let addresses = link["addr_info"].as_array().unwrap();
                addresses.iter().map(move |address| {
                    let mut address = address.clone();
                    let scope = match address["scope"].as_str().unwrap() {
                        "0" => "global",
                        "253" => "link",
                        "254" => "host",
                        other => other,
                    };
                    address["scope"] = scope.to_owned().into();
                    (index.to_string(), address.to_string())
                })
            });
            let mut addresses: Vec<_> = addresses.collect();
            addresses.sort();
            addresses.into_iter().map(|address| json!(address)).collect()
        };
        let ours = || {
            let addresses = nl::dump::<Address>().unwrap().items;
            let mut addresses: Vec<_> = addresses
                .iter()
                .map(|address| (address.ifindex().to_string(), address_object(address).to_string()))
                .collect();
            addresses.sort();
            addresses.into_iter().map(|address| json!(address)).collect()
        };
        agree(ours, theirs);
        assert!(nl::dump::<Address>().unwrap().items.len() >= 8);
    }

    fn routes_are_those_of_iproute2() {
        populate();
        agree(
            || {
                let names = names();
                let routes = nl::dump::<Route>().unwrap().items;
                // iproute2 leaves multicast routes out, whose families are others.
                let routes = routes.iter().filter(|route| route.family() < 128);
                routes.map(|route| route_object(route, &names)).collect()
            },
            || {
                let routes = ip_json(&["-d", "route", "show", "table", "all"]);
                routes.into_iter().map(their_route).collect()
            },
        );
        let routes = query().list::<Route>(AF_INET).unwrap().items;
        let find = |network: &str| {
            routes.iter().find(|route| {
                route.destination().is_some_and(|prefix| prefix.to_string() == network)
            }).unwrap()
        };
        let several = find("198.51.100.0/24").next_hops();
        assert_eq!(several.iter().map(|hop| hop.weight).collect::<Vec<_>>(), [3, 1]);
        let blackhole = find("203.0.113.0/24");
        assert_eq!((blackhole.kind_name(), blackhole.next_hops().len()), ("blackhole".into(), 0));
        assert_eq!(find("127.0.0.0/8").kind_name(), "local");
        assert_eq!(find("127.0.0.0/8").table_name(), "local");
        assert_eq!(find("127.0.0.0/8").protocol_name(), "kernel");
        assert_eq!(find("10.9.0.0/16").metric(2), None);
        assert_eq!(find("10.9.0.0/16").input_interface(), None);
    }

    fn neighbours_are_those_of_iproute2() {
        populate();
        let by_address = |mut objects: Vec<Value>| {
            objects.sort_by_key(|object| (object["dev"].to_string(), object["dst"].to_string()));
            objects
        };
        agree(
            || {
                let names = names();
                let neighbours = nl::dump::<Neighbour>().unwrap().items;
                by_address(neighbours.iter().map(|one| neighbour_object(one, &names)).collect())
            },
            || by_address(ip_json(&["neigh", "show", "nud", "all"])),
        );
        let neighbours = query().list::<Neighbour>(AF_INET).unwrap().items;
        let permanent = neighbours.iter().find(|one| one.hardware_address().is_some()).unwrap();
        assert_eq!(permanent.state(), NeighbourState::PERMANENT);
        assert_eq!(permanent.destination(), Some("192.0.2.9".parse().unwrap()));
        assert_eq!((permanent.vlan(), permanent.master()), (None, None));
    }

    fn forwarding_entries_of_bridges_are_neighbours() {
        ip(&["link", "add", "br0", "type", "bridge"]);
        let bridge = link_json("br0");
        let entries = query().list::<Neighbour>(libc::AF_BRIDGE as u8).unwrap().items;
        let own = entries.iter().find(|entry| {
            entry.hardware_address().map(colons).as_deref() == bridge["address"].as_str()
        }).unwrap();
        assert_eq!(u64::from(own.ifindex()), bridge["ifindex"].as_u64().unwrap());
        assert_eq!(own.destination(), None);
        assert_eq!(own.master().map(u64::from), bridge["ifindex"].as_u64());
    }

    fn rules_are_those_of_iproute2() {
        populate();
        for (family, option) in [(AF_INET, "-4"), (AF_INET6, "-6")] {
            agree(
                || query().list(family).unwrap().items.iter().map(rule_object).collect(),
                || ip_json(&[option, "rule"]),
            );
        }
        // libnl prints no "not".
        let rules = query().list::<Rule>(AF_INET).unwrap().items;
        let inverted: Vec<&Rule> = rules.iter().filter(|rule| rule.is_inverted()).collect();
        assert_eq!(inverted.len(), 1);
        let view: &RuleRef<'_> = inverted[0];
        assert!(view.to_string().contains("from 10.0.0.0/8"), "{view}");
        assert!(!view.is_l3mdev());
    }

    fn families_are_told_apart() {
        populate();
        let mut query = query();
        for family in [AF_INET, AF_INET6] {
            let routes = query.list::<Route>(family).unwrap();
            assert!(!routes.items.is_empty());
            assert!(routes.items.iter().all(|route| route.family() == family));
            let addresses = query.list::<Address>(family).unwrap();
            assert!(!addresses.items.is_empty());
            assert!(addresses.items.iter().all(|address| address.family() == family));
        }
        // The kernel lists all families in the place of one that it does not
        // know; that is told, and no list of others is given.
        const AF_WANPIPE: u8 = 24;
        for error in [
            query.list::<Route>(AF_WANPIPE).unwrap_err(),
            query.list::<Address>(AF_WANPIPE).unwrap_err(),
            query.list::<Rule>(AF_WANPIPE).unwrap_err(),
            query.list::<Link>(200).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        }
    }

    fn only_lists_are_asked_for() {
        let before = links_json();
        let mut query = query();
        for kind in [libc::RTM_NEWLINK, libc::RTM_DELLINK, libc::RTM_SETLINK, 0, u16::MAX] {
            let error = query.dump_kind(kind, 0, |_| panic!("an answer")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{kind}");
        }
        let error = query.dump_kind(4710, 0, |_| panic!("an answer")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().starts_with("listing (request 4710): "), "{error}");
        // After errors too.
        let mut messages = 0;
        assert!(query.dump_kind(libc::RTM_GETLINK, 0, |message| {
            assert!(message.link().unwrap().is_some());
            messages += 1;
        }).unwrap());
        assert_eq!(messages, before.len());
        assert_eq!(links_json(), before);
    }

    fn a_subscriber_can_ask_for_a_list_itself() {
        populate();
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        socket.join(Group::IPV4_IFADDR).unwrap();
        ip(&["addr", "add", "192.0.2.77/32", "dev", "lo"]);
        socket.dump(libc::RTM_GETADDR, AF_INET).unwrap();
        let (mut told, mut listed) = (Vec::new(), Vec::new());
        let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let at_the_end = std::sync::Arc::clone(&done);
        socket.modify_cb(CallbackKind::Finish, move |_| {
            at_the_end.store(true, std::sync::atomic::Ordering::Relaxed);
            Action::Ok
        }).unwrap();
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            socket.recv_with(|message| {
                let address = message.address().unwrap().unwrap();
                let list = if message.sender().groups == 0 { &mut listed } else { &mut told };
                list.push(address.ip().unwrap().to_string());
                Action::Ok
            }).unwrap();
        }
        assert_eq!(told, ["192.0.2.77"]);
        let theirs: Vec<Value> = ip_json(&["-4", "addr"]);
        let theirs = theirs.iter().flat_map(|link| link["addr_info"].as_array().unwrap());
        assert_eq!(theirs.count(), listed.len());
        assert!(listed.contains(&"192.0.2.77".to_owned()));
        let error = socket.dump(libc::RTM_DELADDR, AF_INET).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    fn everything_is_printed() {
        print_everything();
    }

    fn a_name_or_alias_cannot_forge_a_line() {
        let _cable = crate::support::Tap::new("x\x1b[31my");
        let forged = "a\nforged loopback <up>";
        ip(&["link", "set", "x\x1b[31my", "alias", forged]);
        let links = nl::dump::<Link>().unwrap().items;
        let link = links.iter().find(|link| link.ifindex() != 1 && link.kind() == Some(c"tun")).unwrap();
        for text in [link.to_string(), format!("{link:#}"), format!("{link:?}"), link.printed(Detail::Statistics)] {
            assert!(!text.contains('\x1b'), "{text:?}");
            assert!(text.contains(r"x\x1b[31my"), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("forged")), "{text}");
        }
        assert!(format!("{link:#}").contains(r"a\x0aforged"), "{link:#}");
    }

    fn what_libnl_would_abort_on_is_kept_from_it() {
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        let added = Command::new("tc")
            .args(["qdisc", "add", "dev", "v0", "root", "blackhole"])
            .status();
        if !added.is_ok_and(|status| status.success()) {
            return skip("tc(8) cannot add a qdisc here");
        }
        let mut kinds = Vec::new();
        let mut refused = 0;
        query().dump_kind(libc::RTM_GETQDISC, 0, |message| match message.object() {
            Ok(object) => kinds.push(object.printed(Detail::Statistics)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
                assert!(error.to_string().contains("blackhole"), "{error}");
                refused += 1;
            }
        }).unwrap();
        assert_eq!(refused, 1);
        assert!(kinds.iter().all(|text| text.starts_with("qdisc ")), "{kinds:?}");
    }

    fn only_what_the_kernel_sent_is_parsed() {
        // Built here, and sent: it looks as if it had been received.
        let mut request = MessageBuilder::new(libc::RTM_NEWROUTE, 0).unwrap();
        request.append(&[0; 12]).unwrap().put(9, &[0, 0, 0, 0]).unwrap();
        Socket::connect(Protocol::Route).unwrap().send_auto(&mut request).unwrap();
        let message = request.as_message();
        assert_eq!(message.object().unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(message.parse::<Route>().unwrap_err().kind(), ErrorKind::InvalidInput);

        // Sent by another process, and accepted.
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        socket.disable_seq_check();
        socket.accept_foreign();
        let forged = crate::monitor::header(libc::RTM_NEWADDR, 24, &[2, 8, 0, 0, 1, 0, 0, 0]);
        crate::monitor::forge(socket.local_port(), &forged);
        let mut seen = 0;
        socket.recv_with(|message| {
            assert_eq!(message.address().unwrap().unwrap().ifindex(), 1);
            assert_eq!(message.parse::<Address>().unwrap_err().kind(), ErrorKind::InvalidInput);
            seen += 1;
            Action::Ok
        }).unwrap();
        assert_eq!(seen, 1);
    }

    fn objects_are_made_and_dropped_in_many_threads() {
        populate();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(|| {
            let mut kept: Vec<Object> = Vec::new();
            for _ in 0..50 {
                kept.extend(nl::dump::<Link>().unwrap().items.into_iter().map(Object::from));
                kept.extend(nl::dump::<Address>().unwrap().items.into_iter().map(Object::from));
                assert!(kept.iter().all(|object| !object.to_string().is_empty()));
                if kept.len() > 50 {
                    kept.clear();
                }
            }
            kept
        })).collect();
        for thread in threads {
            drop(thread.join().unwrap());
        }
    }

    fn every_group_of_this_kernel_can_be_joined() {
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        for &group in Group::ALL {
            match socket.join(group) {
                Ok(()) => socket.leave(group).unwrap(),
                // An older kernel has fewer.
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                    assert!(error.to_string().contains(&group.to_string()), "{error}");
                    assert!(group >= Group::NEXTHOP, "{group} is old");
                }
            }
        }
        let error = socket.join(Group(4711)).unwrap_err();
        assert_eq!(error.to_string(), "joining multicast group 4711: this kernel does not have it");
    }
}

/// Each kind of object in each detail. Also run under valgrind.
pub fn print_everything() {
    populate();
    ip_batch(
        [
            "link add br0 type bridge",
            "link set v0 master br0",
            "link add mv0 link v1 type macvlan mode bridge",
            "link add vx0 type vxlan id 7 group 239.1.1.1 dev v1 dstport 4789",
            "link add ifb9 type ifb",
            "tuntap add tap0 mode tap",
        ]
        .map(str::to_owned),
    );
    let all = [Detail::Line, Detail::Details, Detail::Statistics];
    let mut query = query();
    for kind in [
        libc::RTM_GETLINK,
        libc::RTM_GETADDR,
        libc::RTM_GETROUTE,
        libc::RTM_GETNEIGH,
        libc::RTM_GETRULE,
        libc::RTM_GETQDISC,
        libc::RTM_GETNEIGHTBL,
        libc::RTM_GETNETCONF,
    ] {
        let mut seen = 0;
        query
            .dump_kind(kind, 0, |message| {
                let object = message.object().unwrap();
                assert_eq!(object.message_type(), kind - 2);
                let texts = all.map(|detail| object.printed(detail));
                assert!(texts.iter().all(|text| text.ends_with('\n')), "{texts:?}");
                assert!(texts[0].lines().count() == 1, "{texts:?}");
                assert!(texts[1].len() >= texts[0].len(), "{texts:?}");
                assert!(texts[2].starts_with(texts[1].trim_end()), "{texts:?}");
                seen += 1;
            })
            .unwrap();
        assert!(seen > 0, "{kind}");
    }
    // The IPv6 side of links, and the bridge's.
    for family in [AF_INET6, libc::AF_BRIDGE as u8] {
        query
            .dump_kind(libc::RTM_GETLINK, family, |message| {
                let object = message.object().unwrap();
                assert!(!object.printed(Detail::Statistics).is_empty());
            })
            .unwrap();
    }
    // libnl 3.7 knows no next hop objects.
    ip(&[
        "nexthop",
        "add",
        "id",
        "1",
        "via",
        "192.0.2.9",
        "dev",
        "v1",
        "onlink",
    ]);
    ip(&["route", "add", "198.51.101.0/24", "nhid", "1"]);
    const RTM_GETNEXTHOP: u16 = 106;
    let mut lengths = Vec::new();
    query
        .dump_kind(RTM_GETNEXTHOP, 0, |message| {
            if let Err(error) = message.object() {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            }
            lengths.push(message.header().length);
        })
        .unwrap();
    assert_eq!(lengths.len(), 1);
    eventually("the route of the next hop object", || {
        let routes = query.list::<Route>(AF_INET).unwrap().items;
        let of_object = routes
            .iter()
            .find(|route| route.to_string().contains("198.51.101.0/24"));
        of_object.is_some_and(|route| route.next_hops().len() == 1)
    });
}
