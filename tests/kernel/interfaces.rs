//! Interfaces with their addresses, with getifaddrs(3) and iproute2 as the
//! witnesses.

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use linkwatch::nl::{self, Interface, Namespace};
use serde_json::{Value, json};

use crate::objects::populate;
use crate::support::{PATIENCE, in_namespace, ip, ip_batch, link_json, linkwatch};

fn interfaces() -> Vec<Interface> {
    let listing = nl::interfaces().unwrap();
    assert!(listing.complete);
    listing.items
}

fn status(args: &[&str]) -> Output {
    let mut all = vec!["status"];
    all.extend(args);
    linkwatch(&all).output().expect("linkwatch")
}

/// The addresses by the names of their interfaces, as `status` has them.
fn ours(args: &[&str]) -> Vec<Value> {
    let output = status(&[args, &["*", "--json", "--addresses"]].concat());
    let mut links: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    links.sort_by_key(|link| link["ifindex"].as_u64());
    links
        .into_iter()
        .map(|link| json!({ "name": link["name"], "addresses": link["addresses"] }))
        .collect()
}

/// The same from `ip -j addr`.
fn theirs(args: &[&str]) -> Vec<Value> {
    let output = Command::new("ip")
        .args(args)
        .args(["-j", "addr"])
        .output()
        .expect("ip");
    let mut links: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON from ip");
    links.sort_by_key(|link| link["ifindex"].as_u64());
    links
        .into_iter()
        .map(|link| {
            let addresses = link["addr_info"].as_array().unwrap().iter();
            let addresses: Vec<Value> = addresses.map(address_of_ip).collect();
            json!({ "name": link["ifname"], "addresses": addresses })
        })
        .collect()
}

fn address_of_ip(address: &Value) -> Value {
    let or_null = |name: &str| address.get(name).cloned().unwrap_or(Value::Null);
    let lifetime = |name: &str| match address[name].as_u64() {
        Some(seconds) if seconds != u64::from(u32::MAX) => seconds.into(),
        _ => Value::Null,
    };
    let lowest = match address["family"].as_str() {
        Some("inet") => "secondary",
        _ => "temporary",
    };
    let flags = [
        lowest,
        "nodad",
        "optimistic",
        "dadfailed",
        "home",
        "deprecated",
        "tentative",
    ];
    let more = ["mngtmpaddr", "noprefixroute", "autojoin", "stable-privacy"];
    let is_set = |name: &&str| address.get(*name).is_some();
    let permanent = address.get("dynamic").is_none().then_some("permanent");
    let flags: Vec<&str> = flags
        .into_iter()
        .filter(is_set)
        .chain(permanent)
        .chain(more.into_iter().filter(is_set))
        .collect();
    json!({
        "family": address["family"],
        "address": address["local"],
        "prefix_length": address["prefixlen"],
        "peer": or_null("address"),
        "broadcast": or_null("broadcast"),
        "scope": address["scope"],
        "label": or_null("label"),
        "flags": flags,
        "valid_lifetime": lifetime("valid_life_time"),
        "preferred_lifetime": lifetime("preferred_life_time"),
    })
}

/// Waits until both say the same: IPv6 changes things on its own for a while,
/// and lifetimes run down.
#[track_caller]
fn agree<T: PartialEq + std::fmt::Debug>(ours: impl Fn() -> T, theirs: impl Fn() -> T) {
    let start = std::time::Instant::now();
    loop {
        let (ours, theirs) = (ours(), theirs());
        if ours == theirs {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "ours: {ours:#?}\ntheirs: {theirs:#?}"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

in_namespace! {
    #[cfg(target_env = "gnu")]
    fn all_is_as_getifaddrs_has_it() {
        populate();
        ip(&["link", "add", "br0", "type", "bridge"]);
        ip(&["addr", "add", "198.18.0.1/15", "brd", "198.18.0.255", "dev", "br0"]);
        ip(&["tuntap", "add", "tun0", "mode", "tun"]);
        ip(&["addr", "add", "10.7.0.1", "peer", "10.7.0.2", "dev", "tun0"]);
        ip(&["-6", "addr", "add", "fe80::1/64", "dev", "tun0", "nodad"]);
        ip(&["link", "set", "tun0", "up"]);
        agree(|| getifaddrs::from(&interfaces()), getifaddrs::call);
        let entries = getifaddrs::call();
        assert!(entries.iter().any(|entry| entry.contains("10.7.0.2")), "{entries:#?}");
        let scope = format!("ip fe80::1 scope {} ", link_json("tun0")["ifindex"]);
        assert!(entries.iter().any(|entry| entry.contains(&scope)), "{entries:#?}");
    }

    fn status_shows_the_addresses_that_iproute2_shows() {
        populate();
        agree(|| ours(&[]), || theirs(&[]));
        // Not asked for, they are not there.
        let output = status(&["lo", "--json"]);
        let links: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert!(links[0].get("addresses").is_none());
    }

    fn status_shows_the_addresses_of_another_namespace() {
        ip(&["netns", "add", "blue"]);
        ip(&["-n", "blue", "link", "set", "lo", "up"]);
        ip(&["-n", "blue", "addr", "add", "192.0.2.7/24", "dev", "lo"]);
        agree(|| ours(&["--netns", "blue"]), || theirs(&["-n", "blue"]));
        assert!(ours(&["--netns", "blue"])[0].to_string().contains("192.0.2.7"));
        assert!(!ours(&[])[0].to_string().contains("192.0.2.7"));
        let blue = nl::interfaces_in(&Namespace::named("blue").unwrap()).unwrap();
        assert_eq!(blue.items[0].addresses().len(), 3);
        assert!(Namespace::named("nosuch").is_err());
    }

    fn the_table_has_a_column_of_addresses() {
        ip(&["link", "set", "lo", "up"]);
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["addr", "add", "10.0.0.1", "peer", "10.0.0.2/32", "dev", "v0"]);
        let text = String::from_utf8(status(&["lo", "v0", "v1", "--addresses"]).stdout).unwrap();
        let mut lines = text.lines();
        assert!(lines.next().unwrap().ends_with("  ADDRESSES"), "{text}");
        let mut ends: Vec<&str> = lines.map(|line| line.rsplit("  ").next().unwrap()).collect();
        ends.sort_unstable();
        assert_eq!(ends, ["-", "10.0.0.1 peer 10.0.0.2/32", "127.0.0.1/8 ::1/128"], "{text}");
        // With the same order of addresses as `ip -brief`.
        let brief = Command::new("ip").args(["-br", "addr", "show", "lo"]).output().unwrap();
        let brief = String::from_utf8(brief.stdout).unwrap();
        assert!(brief.contains("127.0.0.1/8 ::1/128"), "{brief}");
    }

    fn interfaces_come_and_go_while_they_are_listed() {
        ip(&["link", "set", "lo", "up"]);
        ip(&["link", "add", "stays", "type", "bridge"]);
        ip(&["addr", "add", "192.0.2.1/24", "dev", "stays"]);
        let stop = Arc::new(AtomicBool::new(false));
        let churn = {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    ip_batch((0..20).flat_map(|i| [
                        format!("link add x{i} type bridge"),
                        format!("addr add 198.51.100.{i}/24 dev x{i}"),
                        format!("link del x{i}"),
                    ]));
                }
            })
        };
        for _ in 0..50 {
            let listing = nl::interfaces().unwrap();
            if !listing.complete {
                continue;
            }
            let indices: Vec<u32> = listing.items.iter().map(Interface::ifindex).collect();
            assert!(indices.is_sorted_by(|one, next| one < next), "{indices:?}");
            let addresses = |name: &str| -> Vec<String> {
                let interface = listing.items.iter().find(|one| one.name() == name).unwrap();
                interface.addresses().iter().map(|one| one.ip().to_string()).collect()
            };
            assert_eq!(addresses("lo"), ["127.0.0.1", "::1"]);
            assert_eq!(addresses("stays"), ["192.0.2.1"]);
        }
        stop.store(true, Ordering::Relaxed);
        churn.join().unwrap();
        assert_eq!(interfaces().len(), theirs(&[]).len());
    }
}

/// One line for each entry of getifaddrs(3), sorted.
#[cfg(target_env = "gnu")]
mod getifaddrs {
    use std::ffi::CStr;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::ptr;

    use linkwatch::nl::{Interface, LinkFlags};

    fn bytes(address: &[u8]) -> String {
        format!("{address:02x?}")
    }

    /// What it would say of these.
    pub(super) fn from(interfaces: &[Interface]) -> Vec<String> {
        let mut entries = Vec::new();
        for interface in interfaces {
            let flags = interface.flags().bits();
            let name = interface.name();
            entries.push(match interface.hardware_address() {
                Some(address) => format!(
                    "{name} {flags:#x} packet {} type {} {} other {:?}",
                    interface.ifindex(),
                    interface.hardware_type(),
                    bytes(address),
                    interface.hardware_broadcast().map(bytes),
                ),
                None => format!("{name} {flags:#x} no address"),
            });
            for address in interface.addresses() {
                // Of the kernel's IFA_ADDRESS, where there is an IFA_LOCAL too,
                // it makes the other address, if no broadcast address is set.
                let own = Some(address.ip()).filter(IpAddr::is_ipv4);
                let other = address.broadcast().or(address.peer()).or(own);
                entries.push(format!(
                    "{} {flags:#x} ip {} scope {} mask {} other {other:?}",
                    address.label().unwrap_or(name),
                    address.ip(),
                    address.scope_id(),
                    address.netmask(),
                ));
            }
            assert_eq!(flags & 1 != 0, interface.flags().contains(LinkFlags::UP));
        }
        entries.sort();
        entries
    }

    /// What it says.
    pub(super) fn call() -> Vec<String> {
        let mut first: *mut libc::ifaddrs = ptr::null_mut();
        // SAFETY: the result goes into a local variable.
        assert_eq!(unsafe { libc::getifaddrs(&raw mut first) }, 0);
        let mut entries = Vec::new();
        let mut next = first;
        while !next.is_null() {
            // SAFETY: each entry is valid until freeifaddrs(3).
            let entry = unsafe { &*next };
            // SAFETY: as above; the name is a C string.
            let name = unsafe { CStr::from_ptr(entry.ifa_name) }.to_str().unwrap();
            let flags = entry.ifa_flags;
            // SAFETY: each address begins with its family, and is as long as
            // its family says.
            let what = unsafe {
                if entry.ifa_addr.is_null() {
                    "no address".to_owned()
                } else if i32::from((*entry.ifa_addr).sa_family) == libc::AF_PACKET {
                    let (packet, address) = packet(entry.ifa_addr);
                    let other = (!entry.ifa_ifu.is_null()).then(|| self::packet(entry.ifa_ifu).1);
                    format!(
                        "packet {} type {} {address} other {other:?}",
                        packet.sll_ifindex, packet.sll_hatype
                    )
                } else {
                    let (address, scope) = ip(entry.ifa_addr).unwrap();
                    let mask = ip(entry.ifa_netmask).unwrap().0;
                    let other = ip(entry.ifa_ifu).map(|(other, _)| other);
                    format!("ip {address} scope {scope} mask {mask} other {other:?}")
                }
            };
            entries.push(format!("{name} {flags:#x} {what}"));
            next = entry.ifa_next;
        }
        // SAFETY: once, and nothing of it is kept.
        unsafe { libc::freeifaddrs(first) };
        entries.sort();
        entries
    }

    /// SAFETY: `address` is a `sockaddr_ll`.
    unsafe fn packet(address: *const libc::sockaddr) -> (libc::sockaddr_ll, String) {
        // SAFETY: promised by the caller.
        let packet = unsafe { address.cast::<libc::sockaddr_ll>().read_unaligned() };
        let length = usize::from(packet.sll_halen).min(packet.sll_addr.len());
        (packet, bytes(&packet.sll_addr[..length]))
    }

    /// SAFETY: `address` is NULL, a `sockaddr_in` or a `sockaddr_in6`.
    unsafe fn ip(address: *const libc::sockaddr) -> Option<(IpAddr, u32)> {
        if address.is_null() {
            return None;
        }
        // SAFETY: promised by the caller.
        unsafe {
            Some(match i32::from((*address).sa_family) {
                libc::AF_INET => {
                    let v4 = address.cast::<libc::sockaddr_in>().read_unaligned();
                    (Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)).into(), 0)
                }
                libc::AF_INET6 => {
                    let v6 = address.cast::<libc::sockaddr_in6>().read_unaligned();
                    (
                        Ipv6Addr::from(v6.sin6_addr.s6_addr).into(),
                        v6.sin6_scope_id,
                    )
                }
                other => panic!("family {other}"),
            })
        }
    }
}
