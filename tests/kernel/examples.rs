//! The example programs, with iproute2 as the witness.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use serde_json::Value;

use crate::objects::populate;
use crate::support::{
    PATIENCE, eventually, example, has, in_namespace, ip, link_json, links_json, skip,
};

fn ip_json(args: &[&str]) -> Vec<Value> {
    let output = Command::new("ip")
        .arg("-j")
        .args(args)
        .output()
        .expect("ip");
    serde_json::from_slice(&output.stdout).expect("JSON from ip")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {value}"))
}

/// One of the two, built once.
fn program(name: &str) -> Command {
    static DUMP: OnceLock<OsString> = OnceLock::new();
    static MONITOR: OnceLock<OsString> = OnceLock::new();
    let path = if name == "dump" { &DUMP } else { &MONITOR };
    Command::new(path.get_or_init(|| example(name).get_program().to_owned()))
}

/// What `dump` prints, in lines.
#[track_caller]
fn dump(args: &[&str]) -> Vec<String> {
    let output = program("dump").args(args).output().expect("dump");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    assert_eq!(errors, "", "{args:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

#[track_caller]
fn refused(name: &str, args: &[&str], code: i32) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = program(name).args(args).output().expect(name);
    assert_eq!(status.code(), Some(code), "{name} {args:?}");
    assert_eq!(stdout, b"");
    String::from_utf8(stderr).expect("UTF-8")
}

/// For each of theirs there is one line of ours that begins so, and no other
/// line; while IPv6 is busy, that may take a while.
#[track_caller]
fn agree(kind: &[&str], theirs: impl Fn() -> Vec<String>) {
    let start = Instant::now();
    loop {
        let (mut lines, theirs) = (dump(kind), theirs());
        let expected = theirs.len();
        let found = theirs.iter().filter(|begin| {
            let place = lines
                .iter()
                .position(|line| line.starts_with(begin.as_str()));
            place.map(|place| lines.remove(place)).is_some()
        });
        if found.count() == expected && lines.is_empty() && expected > 0 {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "left over: {lines:#?}\ntheirs: {theirs:#?}"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// A running `monitor`.
struct Monitor {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Monitor {
    /// Starts it and waits until it follows.
    #[track_caller]
    fn start(args: &[&str]) -> Monitor {
        let mut child = program("monitor")
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("monitor");
        let mut told = BufReader::new(child.stderr.take().expect("its errors")).lines();
        loop {
            let line = told.next().expect("it ended").expect("a line");
            if line == "monitor: following" {
                break;
            }
        }
        std::thread::spawn(move || told.for_each(drop));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stdout = BufReader::new(child.stdout.take().expect("its output"));
        let to = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                to.lock().expect("the lines").push(line);
            }
        });
        Monitor { child, lines }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("the lines").clone()
    }

    /// Waits for a line that begins so.
    #[track_caller]
    fn expect(&self, begin: &str) {
        self.expect_any(&[begin]);
    }

    /// Waits for a line that begins in one of these ways.
    #[track_caller]
    fn expect_any(&self, begins: &[&str]) {
        let start = Instant::now();
        let expected = |line: &String| begins.iter().any(|begin| line.starts_with(begin));
        while !self.lines().iter().any(expected) {
            assert!(
                start.elapsed() < PATIENCE,
                "none of {begins:?} in {:#?}",
                self.lines()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn ended(child: &mut Child) -> ExitStatus {
    let mut status = None;
    eventually("it ends", || {
        status = child.try_wait().expect("its state");
        status.is_some()
    });
    status.expect("its status")
}

in_namespace! {
    fn dump_lists_links() {
        populate();
        ip(&["link", "add", "br0", "type", "bridge"]);
        agree(&["links"], || links_json().iter().map(|link| {
            let name = text(link, "ifname");
            match (name, link["linkinfo"]["info_kind"].as_str()) {
                ("lo", _) => "lo loopback <loopback,up".to_owned(),
                // libnl takes a bridge for one of AF_BRIDGE.
                (_, Some("bridge")) => format!("bridge {name} ether {} ", text(link, "address")),
                _ => format!("{name} ether {} ", text(link, "address")),
            }
        }).collect());
        // With details, also of veth devices.
        let details = dump(&["-s", "links"]);
        let mtu = format!("    mtu {} ", link_json("v0")["mtu"]);
        assert!(details.iter().any(|line| line.starts_with(&mtu)), "{details:#?}");
        let stats = details.iter().filter(|line| line.contains("Stats:")).count();
        assert_eq!(stats, links_json().len());
    }

    fn dump_lists_addresses() {
        populate();
        for (option, family) in [("-4", "inet"), ("-6", "inet6")] {
            agree(&[option, "addresses"], || ip_json(&[option, "addr"]).iter().flat_map(|link| {
                let index = &link["ifindex"];
                link["addr_info"].as_array().unwrap().iter().map(move |address| {
                    let (local, length) = (text(address, "local"), &address["prefixlen"]);
                    // libnl leaves out what is the length of the whole address.
                    let whole = matches!(length.as_u64(), Some(32 | 128));
                    let own = match address["address"].as_str() {
                        Some(peer) => format!("{local} peer {peer}"),
                        None if whole => local.to_owned(),
                        None => format!("{local}/{length}"),
                    };
                    format!("{own} {family} dev {index} scope {}", text(address, "scope"))
                })
            }).collect());
        }
    }

    fn dump_lists_routes() {
        if linkwatch::nl::version().starts_with("3.6.") {
            return skip("libnl 3.6 cannot read routes with several next hops");
        }
        populate();
        for (option, family) in [("-4", "inet"), ("-6", "inet6")] {
            let args = [option, "-d", "route", "show", "table", "all"];
            agree(&[option, "routes"], || ip_json(&args).iter().map(|route| {
                let table = match route["table"].as_str() {
                    None => "main".to_owned(),
                    Some(number) => number.parse::<u32>()
                        .map_or(number.to_owned(), |number| format!("{number:#x}")),
                };
                format!(
                    "{family} {} table {table} type {}",
                    text(route, "dst"),
                    text(route, "type"),
                )
            }).collect());
        }
    }

    fn dump_lists_neighbours() {
        populate();
        for (option, family) in [("-4", "inet"), ("-6", "inet6")] {
            let args = [option, "neigh", "show", "nud", "all"];
            agree(&[option, "neighbours"], || ip_json(&args).iter().map(|neighbour| {
                let index = &link_json(text(neighbour, "dev"))["ifindex"];
                let hardware = neighbour["lladdr"].as_str()
                    .map_or(String::new(), |address| format!("lladdr {address} "));
                let state = neighbour["state"][0].as_str().unwrap().to_lowercase();
                format!("{family} {} dev {index} {hardware}<{state}", text(neighbour, "dst"))
            }).collect());
        }
    }

    fn dump_lists_rules() {
        populate();
        for (option, family) in [("-4", "inet"), ("-6", "inet6")] {
            agree(&[option, "rules"], || ip_json(&[option, "rule"]).iter().map(|rule| {
                let from = match text(rule, "src") {
                    "all" => String::new(),
                    source => format!("from {source}/{} ", rule["srclen"]),
                };
                format!("{:>8} {family} {from}", rule["priority"].as_u64().unwrap())
            }).collect());
        }
    }

    fn dump_lists_what_has_no_type() {
        populate();
        let qdiscs = dump(&["qdiscs"]);
        let index = link_json("v0")["ifindex"].to_string();
        assert!(qdiscs.contains(&format!("qdisc noqueue dev {index} id none parent root")), "{qdiscs:?}");
        let tables = dump(&["neighbour-tables"]);
        assert!(tables.iter().any(|line| line.starts_with("arp_cache entries ")), "{tables:?}");
        let settings = dump(&["netconf"]);
        assert!(settings.iter().any(|line| line.starts_with("ipv4 all forwarding off")), "{settings:?}");
        ip(&["nexthop", "add", "id", "7", "dev", "v1"]);
        let hops = dump(&["nexthops"]);
        assert_eq!(hops.len(), 1);
        assert_eq!(dump(&["106"]), hops, "by the number of the request");
    }

    fn dump_says_what_it_cannot_list() {
        assert!(refused("dump", &[], 2).starts_with("usage: dump"));
        let unknown = refused("dump", &["cables"], 2);
        assert!(unknown.contains("no kind 'cables'") && unknown.contains("neighbours"), "{unknown}");
        for args in [&["-x", "links"][..], &["links", "rules"], &["-f", "links"], &["-f", "300", "links"]] {
            refused("dump", args, 2);
        }
        // Without any routes at all there would be nothing to tell it by.
        ip(&["link", "set", "lo", "up"]);
        let family = refused("dump", &["-f", "200", "routes"], 1);
        assert!(family.contains("none of address family 200"), "{family}");
        let request = refused("dump", &["17"], 1);
        assert!(request.contains("message type 17 does not ask for a list"), "{request}");
        let request = refused("dump", &["4710"], 1);
        assert!(request.contains("Operation not supported"), "{request}");
    }

    fn dump_into_a_closed_pipe_ends_quietly() {
        let mut child = program("dump")
            .args(["-s", "links"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert!(ended(&mut child).success());
        assert_eq!(errors, "");
    }

    fn monitor_follows_any_groups() {
        let monitor = Monitor::start(&[
            "link", "ipv4-ifaddr", "ipv6-ifaddr", "ipv4-route", "ipv4-rule", "neigh", "tc", "nexthop",
        ]);
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        let (v0, v1) = (link_json("v0"), link_json("v1"));
        let (index, mac) = (&v1["ifindex"], text(&v0, "address"));
        monitor.expect(&format!("new link: v0 ether {mac} <broadcast,multicast> "));
        ip(&["link", "set", "v0", "up"]);
        ip(&["link", "set", "v1", "up"]);
        monitor.expect(&format!("new link: v0 ether {mac} <broadcast,multicast,up,running,lowerup>"));
        ip(&["addr", "add", "192.0.2.1/24", "dev", "v1"]);
        monitor.expect(&format!("new addr: 192.0.2.1/24 inet dev {index} scope global <permanent>"));
        monitor.expect("new route: inet 192.0.2.0/24 table main type unicast");
        ip(&["-6", "addr", "add", "2001:db8::1/64", "dev", "v1", "nodad"]);
        monitor.expect("new addr: 2001:db8::1/64 inet6");
        ip(&["neigh", "add", "192.0.2.9", "lladdr", "02:00:00:00:00:01", "dev", "v1"]);
        monitor.expect(&format!("new neigh: inet 192.0.2.9 dev {index} lladdr 02:00:00:00:00:01 <permanent>"));
        ip(&["rule", "add", "from", "10.0.0.0/8", "table", "main", "priority", "77"]);
        monitor.expect("new rule:       77 inet from 10.0.0.0/8 ");
        ip(&["nexthop", "add", "id", "7", "dev", "v1"]);
        // libnl has objects for next hops since 3.8.
        monitor.expect_any(&["new message of type 104, ", "new nh: nhid 7 "]);
        ip(&["rule", "del", "priority", "77"]);
        monitor.expect("del rule:       77 inet from 10.0.0.0/8 ");
        ip(&["link", "del", "v0"]);
        monitor.expect("del addr: 192.0.2.1/24 inet");
        monitor.expect("del link: v0 ether");
        let lines = monitor.lines();
        assert!(lines.iter().all(|line| ["new ", "del "].contains(&&line[..4])), "{lines:#?}");
    }

    fn monitor_follows_nothing_else() {
        let monitor = Monitor::start(&["-d", "IPV4_IFADDR"]);
        ip(&["link", "set", "lo", "up"]);
        ip(&["addr", "add", "192.0.2.1/24", "dev", "lo", "label", "lo:x"]);
        monitor.expect("new addr: 192.0.2.1/24 inet dev 1");
        monitor.expect("   label lo:x");
        let lines = monitor.lines();
        assert!(lines.iter().all(|line| !line.contains("link:")), "{lines:#?}");
    }

    fn monitor_all_passes_over_what_is_refused() {
        let monitor = Monitor::start(&["all"]);
        ip(&["link", "set", "lo", "mtu", "1400"]);
        monitor.expect("new link: lo loopback");
    }

    fn monitor_names_the_groups_where_one_is_unknown() {
        for args in [&[][..], &["links"], &["link", "-x"], &["0"]] {
            let told = refused("monitor", args, 2);
            for group in ["    link\n", "    ipv4-ifaddr\n", "    ipv6-acaddr\n"] {
                assert!(told.contains(group), "{args:?}: {told}");
            }
        }
        let told = refused("monitor", &["links"], 2);
        assert!(told.contains("there is no multicast group of the name \"links\""), "{told}");
        let told = refused("monitor", &["4711"], 1);
        assert!(told.contains("joining multicast group 4711: this kernel does not have it"), "{told}");
    }

    fn monitor_says_that_a_group_is_privileged() {
        if !has("setpriv") {
            return skip("setpriv(1) is not installed");
        }
        let monitor = program("monitor");
        let output = Command::new("setpriv")
            .args(["--inh-caps=-all", "--bounding-set=-all", "--"])
            .arg(monitor.get_program())
            .arg("ipv4-mroute-r")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("joining multicast group ipv4-mroute-r: Operation not permitted"), "{told}");
    }

    fn monitor_ends_when_nobody_reads_any_more() {
        let mut child = program("monitor")
            .arg("link")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        assert_eq!(line, "monitor: following\n");
        // Without any event.
        drop(child.stdout.take());
        assert!(ended(&mut child).success());
        let mut rest = String::new();
        told.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}
