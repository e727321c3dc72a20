//! What drivers tell of their links, with `ethtool` as the witness.

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use linkwatch::ErrorKind;
use linkwatch::nl::Namespace;
use linkwatch::nl::ethtool::{EthernetLink, Ethtool};

use crate::support::{
    Tap, eventually, has, in_namespace, ip, ip_batch, link_json, linkwatch, skip,
};

/// `None`, told loudly, where the kernel or the machine lacks it.
fn ethtool() -> Option<Ethtool> {
    if !has("ethtool") {
        skip("ethtool is not installed");
        return None;
    }
    let ours = Ethtool::connect_in(&Namespace::current()).unwrap();
    if ours.is_none() {
        skip("this kernel has no family ethtool");
    }
    ours
}

fn index(name: &str) -> u32 {
    let index = link_json(name)["ifindex"].as_u64().unwrap();
    index.try_into().unwrap()
}

/// What `ethtool NAME` prints behind a label.
struct Theirs(String);

impl Theirs {
    fn of(mut command: Command) -> Theirs {
        let output = command.output().unwrap();
        Theirs(String::from_utf8(output.stdout).unwrap())
    }

    fn about(name: &str) -> Theirs {
        let mut command = Command::new("ethtool");
        command.arg(name);
        Theirs::of(command)
    }

    fn field(&self, label: &str) -> Option<&str> {
        let lines = self.0.lines().map(str::trim);
        let mut values = lines.filter_map(|line| line.strip_prefix(label)?.strip_prefix(": "));
        values.next_back()
    }

    /// Compares each field with ours.
    #[track_caller]
    fn agree_with(&self, ours: &EthernetLink) {
        let text = &self.0;
        let speed = self.field("Speed").filter(|speed| *speed != "Unknown!");
        let our_speed = ours.speed.map(|speed| format!("{speed}Mb/s"));
        assert_eq!(our_speed.as_deref(), speed, "{text}");
        let duplex = self.field("Duplex").and_then(|duplex| match duplex {
            "Half" => Some("half"),
            "Full" => Some("full"),
            _ => None,
        });
        let our_duplex = ours.duplex.map(|duplex| duplex.to_string());
        assert_eq!(our_duplex.as_deref(), duplex, "{text}");
        let port = self.field("Port").map(|port| match port {
            "Twisted Pair" => "tp".to_owned(),
            "Direct Attach Copper" => "da".to_owned(),
            port => port.to_lowercase(),
        });
        assert_eq!(ours.port.map(|port| port.to_string()), port, "{text}");
        let autonegotiation = self.field("Auto-negotiation").map(|word| word == "on");
        assert_eq!(ours.autonegotiation, autonegotiation, "{text}");
        let link = self
            .field("Link detected")
            .map(|word| word.starts_with("yes"));
        assert_eq!(ours.state.link, link, "{text}");
    }
}

/// Sets something of a TAP device, which takes anything.
#[track_caller]
fn set(name: &str, what: &str) {
    let mut command = Command::new("ethtool");
    command.args(["-s", name]).args(what.split_whitespace());
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {error}");
}

fn cable_test(args: &[&str]) -> Output {
    let mut all = vec!["status", "--cable-test"];
    all.extend(args);
    linkwatch(&all).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asks for what is there, what is not, and what cannot be done.
pub fn asking() {
    let Some(mut ethtool) = ethtool() else {
        return;
    };
    ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    let v0 = index("v0");
    for _ in 0..3 {
        assert!(ethtool.link(v0).unwrap().speed.is_some());
        for nobody in [0, 4711, u32::MAX] {
            let error = ethtool.link(nobody).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{nobody}: {error}");
            let error = ethtool.link_state(nobody).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{nobody}: {error}");
            let error = ethtool
                .cable_test(nobody, Duration::from_secs(1))
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{nobody}: {error}");
        }
        let error = ethtool.cable_test(v0, Duration::MAX).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(
            error.to_string().starts_with("testing a cable: "),
            "{error}"
        );
        assert_eq!(ethtool.link_state(v0).unwrap().link, Some(false));
    }
}

in_namespace! {
    fn links_of_all_kinds_are_as_ethtool_tells() {
        let Some(mut ours) = ethtool() else { return };
        let cable = Tap::up("cable0");
        let _down = Tap::new("cable1");
        ip_batch([
            "link add v0 type veth peer name v1",
            "link set v0 up",
            "link set v1 up",
            "link add br0 type bridge",
            "link add m0 link v0 type macvlan",
            "link add vx0 type vxlan id 5 dstport 4789",
            "link add i0 type ifb",
        ].map(str::to_owned));
        eventually("v0 has a link", || link_json("v0")["operstate"] == "UP");
        for name in ["lo", "cable0", "cable1", "v0", "v1", "br0", "m0", "vx0", "i0"] {
            Theirs::about(name).agree_with(&ours.link(index(name)).unwrap());
        }
        let state = ours.link_state(index("v0")).unwrap();
        assert_eq!(state.link, Some(true));
        assert_eq!((state.sqi, state.sqi_max, state.extended), (None, None, None));

        // What is told changes with the cable.
        for plugged in [false, true] {
            if plugged { cable.plug() } else { cable.pull() }
            let link = ours.link(index("cable0")).unwrap();
            assert_eq!(link.state.link, Some(plugged));
            assert_eq!(link.state, ours.link_state(index("cable0")).unwrap());
            Theirs::about("cable0").agree_with(&link);
        }
    }

    fn all_that_can_be_set_is_told() {
        let Some(mut ours) = ethtool() else { return };
        let _cable = Tap::up("cable0");
        let cable = index("cable0");
        for what in [
            "speed 1000 duplex full",
            "speed 10 duplex half",
            "speed 400000",
            "autoneg on",
            "autoneg off",
            "port tp",
            "port aui",
            "port bnc",
            "port mii",
            "port fibre",
            "port da",
        ] {
            set("cable0", what);
            let link = ours.link(cable).unwrap();
            Theirs::about("cable0").agree_with(&link);
            let words: Vec<&str> = what.split_whitespace().collect();
            for pair in words.chunks(2) {
                match pair {
                    ["speed", speed] => assert_eq!(link.speed, speed.parse().ok()),
                    ["duplex", duplex] => assert_eq!(link.duplex.unwrap().to_string(), *duplex),
                    ["port", port] => assert_eq!(link.port.unwrap().to_string(), *port),
                    ["autoneg", word] => assert_eq!(link.autonegotiation, Some(*word == "on")),
                    other => panic!("{other:?}"),
                }
            }
        }
        for unknown in ["0", "65535"] {
            set("cable0", &format!("speed {unknown}"));
            let link = ours.link(cable).unwrap();
            assert_eq!(link.speed, None);
            Theirs::about("cable0").agree_with(&link);
        }
    }

    fn what_a_driver_lacks_is_unknown() {
        let Some(mut ours) = ethtool() else { return };
        let loopback = ours.link(1).unwrap();
        assert_eq!(loopback.speed, None);
        assert_eq!(loopback.duplex, None);
        assert_eq!(loopback.port, None);
        assert_eq!(loopback.autonegotiation, None);
        assert_eq!(loopback.state, ours.link_state(1).unwrap());
        ip(&["link", "set", "lo", "up"]);
        assert_eq!(ours.link_state(1).unwrap().link, Some(true));
        // It does not even tell whether it has a link.
        ip(&["link", "add", "i0", "type", "ifb"]);
        assert_eq!(ours.link(index("i0")).unwrap(), EthernetLink::default());
    }

    fn what_does_not_exist_is_not_found() {
        asking();
    }

    fn another_namespace_s_links_are_told() {
        let Some(mut here) = ethtool() else { return };
        ip(&["netns", "add", "blue"]);
        ip(&["-n", "blue", "link", "add", "name", "br0", "index", "70", "type", "bridge"]);
        let blue = Namespace::named("blue").unwrap();
        let mut there = Ethtool::connect_in(&blue).unwrap().unwrap();
        assert_eq!(here.link(70).unwrap_err().kind(), ErrorKind::NotFound);
        ip(&["link", "add", "name", "v0", "index", "70", "type", "veth", "peer", "name", "v1"]);
        assert_eq!(here.link(70).unwrap().speed, Some(10_000));
        let bridge = there.link(70).unwrap();
        assert_eq!(bridge.speed, None);
        let mut command = Command::new("ip");
        command.args(["netns", "exec", "blue", "ethtool", "br0"]);
        Theirs::of(command).agree_with(&bridge);
        let error = there.cable_test(70, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        // It may be asked from anywhere.
        let moved = std::thread::spawn(move || there.link(70).unwrap()).join().unwrap();
        assert_eq!(moved, bridge);
    }

    fn links_may_go_at_any_moment() {
        let Some(mut ours) = ethtool() else { return };
        let stop = Arc::new(AtomicBool::new(false));
        let churn = {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || while !stop.load(Ordering::Relaxed) {
                ip_batch((0..20).flat_map(|_| [
                    "link add name v0 index 70 type veth peer name v1 index 71".to_owned(),
                    "link del v0".to_owned(),
                ]));
            })
        };
        let (mut there, mut gone) = (0, 0);
        eventually("both are seen", || {
            match ours.link(70) {
                // Whole: no half of an answer.
                Ok(link) => {
                    assert_eq!(link.speed, Some(10_000));
                    assert_eq!(link.state.link, Some(false));
                    there += 1;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                    gone += 1;
                }
            }
            there > 2 && gone > 2
        });
        stop.store(true, Ordering::Relaxed);
        churn.join().unwrap();
    }

    fn a_cable_test_that_cannot_be_says_what_to_do() {
        if ethtool().is_none() {
            return;
        }
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["link", "property", "add", "dev", "v0", "altname", "uplink"]);
        for args in [&["v0"][..], &["uplink"], &["v0", "--json"]] {
            let output = cable_test(args);
            assert_eq!(output.status.code(), Some(1), "{args:?}");
            assert_eq!(output.stdout, b"");
            let said = stderr(&output);
            assert!(
                said.starts_with(
                    "linkwatch: error: cannot test the cable of v0: its driver has no cable test"
                ),
                "{said}"
            );
            assert!(said.contains("ethtool -i v0"), "{said}");
        }

        let output = cable_test(&["nosuch0"]);
        assert_eq!(output.status.code(), Some(4));
        assert_eq!(stderr(&output), "linkwatch: no interface matches 'nosuch0'\n");

        for wrong in [
            &["v*"][..],
            &[""],
            &["v0", "v1"],
            &["v0", "--criterion", "running"],
            &["v0", "--addresses"],
        ] {
            let output = cable_test(wrong);
            assert_eq!(output.status.code(), Some(2), "{wrong:?}");
            assert!(stderr(&output).contains("error:"), "{wrong:?}");
        }

        let unprivileged = Command::new("setpriv")
            .args(["--bounding-set=-net_admin", "--inh-caps=-net_admin"])
            .arg(env!("CARGO_BIN_EXE_linkwatch"))
            .args(["status", "--cable-test", "v0"])
            .output();
        match unprivileged {
            Ok(output) => {
                assert_eq!(output.status.code(), Some(1));
                let said = stderr(&output);
                assert!(said.contains("CAP_NET_ADMIN") && said.contains("as root"), "{said}");
            }
            Err(_) => skip("setpriv is not installed (util-linux)"),
        }

        ip(&["netns", "add", "blue"]);
        ip(&["-n", "blue", "link", "add", "br0", "type", "bridge"]);
        assert!(stderr(&cable_test(&["br0", "--netns", "blue"])).contains("has no cable test"));
        assert_eq!(cable_test(&["v0", "--netns", "blue"]).status.code(), Some(4));
        assert_eq!(cable_test(&["br0"]).status.code(), Some(4));
    }
}
