//! A bond of two dummies in active-backup mode.

use serde_json::Value;

use crate::in_guest;
use crate::process::Module;
use crate::support::{Counters, Watch, assert_alternating, eventually, ip, link_json, sum};
use crate::witness::{operstate, status};

const LINKS: [&str; 3] = ["bond0", "port1", "port2"];

/// The bond and its modules; it goes with this value.
struct Bond {
    _modules: [Module; 2],
}

impl Bond {
    /// Makes `bond0` of `port1` and `port2`, of which the first is active, and
    /// waits until it runs.
    #[track_caller]
    fn start(options: &[&str]) -> Bond {
        let bond = Bond {
            _modules: [
                Module::load("dummy", &["numdummies=0"]),
                Module::load("bonding", &["max_bonds=0"]),
            ],
        };
        let add = [
            "link",
            "add",
            "bond0",
            "type",
            "bond",
            "mode",
            "active-backup",
            "miimon",
            "50",
        ];
        ip(&[&add[..], options].concat());
        for port in ["port1", "port2"] {
            ip(&["link", "add", port, "type", "dummy"]);
            ip(&["link", "set", port, "master", "bond0"]);
        }
        ip(&["link", "set", "bond0", "up"]);
        eventually("a bond that runs", || operstate("bond0") == "up");
        assert_eq!(active_port(), "port1");
        bond
    }
}

impl Drop for Bond {
    fn drop(&mut self) {
        // Before the modules can go.
        for link in LINKS {
            let _ = std::process::Command::new("ip")
                .args(["link", "del", link])
                .output();
        }
    }
}

/// The active port, by `ip`; empty: none.
fn active_port() -> String {
    let port = &link_json("bond0")["linkinfo"]["info_data"]["active_slave"];
    port.as_str().unwrap_or_default().to_owned()
}

fn carrier(port: &str, state: &str) {
    ip(&["link", "set", port, "carrier", state]);
}

/// Events of a kind, of a link.
fn of<'a>(events: &'a [Value], name: &str, kind: &str) -> Vec<&'a Value> {
    let wanted = |event: &&Value| event["name"] == name && event["event"] == kind;
    events.iter().filter(wanted).collect()
}

/// True if the notice was given, of the bond.
fn noticed(events: &[Value], notice: &str) -> bool {
    of(events, "bond0", "notice")
        .iter()
        .any(|event| event["notice"] == notice)
}

/// All links account for what the kernel counted since `before`.
#[track_caller]
fn assert_accounted(watch: &mut Watch, before: &[Counters; 3]) {
    for (name, before) in LINKS.iter().zip(before) {
        let of_it = |events: &[Value]| -> Vec<Value> {
            events
                .iter()
                .filter(|event| event["name"] == *name)
                .cloned()
                .collect()
        };
        watch.until(name, |events| {
            sum(&of_it(events)) == Counters::of(name).sum() - before.sum()
        });
        assert_alternating(&of_it(&watch.events));
    }
}

in_guest! {
    fn a_bond_stays_connected_when_another_port_takes_over() {
        let _bond = Bond::start(&[]);
        let before = LINKS.map(Counters::of);
        let mut watch = Watch::start(&["--events", "all", "bond0", "port*"]);
        let mut usual = Watch::start(&["bond0"]);
        carrier("port1", "off");
        eventually("the failover", || active_port() == "port2");
        watch.until("the failover", |events| {
            of(events, "port1", "disconnected").len() == 1
                && ["bonding-failover", "notify-peers", "igmp-resend"].iter().all(|notice| noticed(events, notice))
        });
        assert_eq!(status("bond0")["connected"], true);

        carrier("port1", "on");
        watch.until("the port", |events| of(events, "port1", "connected").len() == 1);
        assert_eq!(active_port(), "port2");
        for kind in ["connected", "disconnected", "flapped"] {
            assert!(of(&watch.events, "bond0", kind).is_empty(), "{:#?}", watch.events);
        }
        assert_accounted(&mut watch, &before);

        // No notice is shown that was not asked for.
        carrier("port1", "off");
        carrier("port2", "off");
        usual.until("the bond", |events| !of(events, "bond0", "disconnected").is_empty());
        assert!(of(&usual.events, "bond0", "notice").is_empty(), "{:#?}", usual.events);
        usual.stop();
        watch.stop();
    }

    fn a_bond_without_any_port_is_disconnected() {
        let _bond = Bond::start(&[]);
        let before = LINKS.map(Counters::of);
        let mut watch = Watch::start(&["bond0", "port*"]);
        for port in ["port1", "port2"] {
            carrier(port, "off");
        }
        watch.until("the loss of all", |events| {
            LINKS.iter().all(|name| of(events, name, "disconnected").len() == 1)
        });
        assert_eq!(of(&watch.events, "bond0", "disconnected")[0]["reason"], "no-carrier");
        assert_eq!(active_port(), "");
        carrier("port2", "on");
        watch.until("the return", |events| of(events, "bond0", "connected").len() == 1);
        assert_eq!(active_port(), "port2");

        // When the last port is taken out, the kernel calls the bond running,
        // and up, without carrier.
        ip(&["link", "set", "port1", "nomaster"]);
        ip(&["link", "set", "port2", "nomaster"]);
        watch.until("the end", |events| of(events, "bond0", "disconnected").len() == 2);
        eventually("a bond that is down", || operstate("bond0") == "down");
        assert_accounted(&mut watch, &before);
        assert_eq!(of(&watch.events, "bond0", "connected").len(), 1);
        watch.stop();
    }

    fn a_port_that_is_chosen_by_hand_is_noticed() {
        let _bond = Bond::start(&["num_grat_arp", "3"]);
        let mut watch = Watch::start(&["--events", "all", "bond0"]);
        ip(&["link", "set", "bond0", "type", "bond", "active_slave", "port2"]);
        assert_eq!(active_port(), "port2");
        watch.until("the notices", |events| {
            let notices = of(events, "bond0", "notice");
            let peers = notices.iter().filter(|event| event["notice"] == "notify-peers");
            peers.count() == 3 && noticed(events, "bonding-failover")
        });
        for event in of(&watch.events, "bond0", "notice") {
            assert_eq!((&event["connected"], &event["transitions"]), (&true.into(), &0.into()));
        }
        watch.stop();
    }
}
