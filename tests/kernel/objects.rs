//! libnl's objects, field by field, with iproute2 as the witness.

mod witness;

use std::process::Command;

use linkwatch::ErrorKind;
use linkwatch::nl::{
    self, Action, Address, CallbackKind, Detail, Group, Link, MessageBuilder, Namespace, Neighbour,
    NeighbourState, Object, Protocol, Query, Route, Rule, RuleRef, Socket,
};
use serde_json::{Value, json};

use crate::support::{eventually, in_namespace, ip, ip_batch, link_json, links_json, skip};
pub use witness::populate;
use witness::{
    address_object, agree, colons, ip_json, link_object, names, neighbour_object, route_object,
    rule_object, their_route,
};

const AF_INET: u8 = libc::AF_INET as u8;
const AF_INET6: u8 = libc::AF_INET6 as u8;

fn query() -> Query {
    Query::new(&Namespace::current(), Protocol::Route).unwrap()
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
        if nl::version().starts_with("3.6.") {
            return skip("libnl 3.6 cannot read routes with several next hops");
        }
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

    fn a_default_route_has_no_destination() {
        ip(&["link", "set", "lo", "up"]);
        for (option, half) in [("-4", "0.0.0.0/1"), ("-6", "::/1")] {
            for destination in ["default", half] {
                ip(&[option, "route", "add", destination, "dev", "lo"]);
            }
        }
        for (family, half) in [(AF_INET, "0.0.0.0/1"), (AF_INET6, "::/1")] {
            let mut routes = query().list::<Route>(family).unwrap().items;
            routes.retain(|route| route.table_name() == "main");
            let mut destinations: Vec<_> = routes.iter().map(|route| {
                assert_eq!(route.source(), None);
                route.destination().map(|prefix| prefix.to_string())
            }).collect();
            destinations.sort();
            assert_eq!(destinations, [None, Some(half.to_owned())], "{routes:?}");
        }
    }

    fn a_route_with_several_next_hops_is_read_or_refused() {
        ip_batch([
            "link add v0 type veth peer name v1",
            "link set v0 up",
            "link set v1 up",
            "route add 198.51.100.0/24 nexthop dev v0 weight 3 nexthop dev v1",
        ].map(str::to_owned));
        let hops = "nexthop via fe80::5 dev v1 nexthop via fe80::6 dev v0";
        let words = ["-6", "route", "add", "2001:db8:5::/48"].into_iter();
        ip(&words.chain(hops.split(' ')).collect::<Vec<_>>());
        let is_refused = nl::version().starts_with("3.6.");
        for _ in 0..20 {
            let routes = query().list::<Route>(AF_INET).unwrap();
            let several = routes.items.iter().filter(|route| route.next_hops().len() == 2);
            assert_eq!((several.count(), routes.unreadable), if is_refused { (0, 1) } else { (1, 0) });
            query().list::<Route>(AF_INET6).unwrap();
        }
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
        let payload = [&[2, 8, 0, 0], &1u32.to_ne_bytes()[..]].concat();
        let forged = crate::monitor::header(libc::RTM_NEWADDR, 24, &payload);
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
                let object = match message.object() {
                    Ok(object) => object,
                    Err(error) if nl::version().starts_with("3.6.") => {
                        assert!(error.to_string().contains("next hops"), "{error}");
                        return;
                    }
                    Err(error) => panic!("{error}"),
                };
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
