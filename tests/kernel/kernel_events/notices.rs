//! Bonds and VLANs, and the notices that only they give. A kernel without them
//! skips these tests; the guest has them.

use std::fs;
use std::process::Command;

use linkwatch::nl::{LinkFlags, Notice};

use super::recorder::{Recorder, Said, about, lines};
use crate::support::{Tap, eventually, in_namespace, ip, link_json, skip};

in_namespace! {
    fn a_bond_that_fails_over_gives_three_notices() {
        let Some((mut kernel, first, _second)) = bond() else { return };
        ip(&["link", "add", "link", "bond0", "name", "mv0", "up", "type", "macvlan"]);
        kernel.during(|| {});
        first.pull();
        let mut said = kernel.until(|said| said.name == "mv0" && said.event == Some(Notice::IgmpResend));
        assert_eq!(about("cable0", said.clone())[0].carrier, Some(false));
        said.retain(|said| said.event.is_some());
        // What stands on the bond repeats them.
        for name in ["bond0", "mv0"] {
            let mut given: Vec<String> = lines(&about(name, said.clone()));
            assert_eq!(given[0], format!("NEWLINK {name} 0x0 bonding-failover"));
            given.sort();
            assert_eq!(given[1..], [
                format!("NEWLINK {name} 0x0 igmp-resend"),
                format!("NEWLINK {name} 0x0 notify-peers"),
            ]);
        }
        // The bond's carrier was never gone.
        said.retain(|said| said.name == "bond0");
        let counters = said[0].counters;
        assert!(said.iter().all(|said| said.carrier == Some(true) && said.counters == counters));
    }

    fn the_options_of_a_bond_are_a_notice_if_sysfs_sets_them() {
        let Some((mut kernel, _first, _second)) = bond() else { return };
        let by_sysfs = || {
            fs::write("/sys/class/net/bond0/bonding/miimon", "200").expect("the option in sysfs");
        };
        let said = kernel.during(by_sysfs);
        assert_eq!(lines(&said), ["NEWLINK bond0 0x0 bonding-options"]);
        // As it was already; and while it is down.
        ip(&["link", "set", "bond0", "down"]);
        kernel.during(|| {});
        assert_eq!(lines(&kernel.during(by_sysfs)), ["NEWLINK bond0 0x0 bonding-options"]);
        // Set by netlink, it is a change like that of any link's options.
        assert_eq!(lines(&kernel.ip("link set bond0 type bond miimon 100")), [""; 0]);
        ip(&["link", "set", "bond0", "up"]);
        eventually("bond0 is up", || link_json("bond0")["operstate"] == "UP");
        kernel.during(|| {});
        assert_eq!(lines(&kernel.ip("link set bond0 type bond miimon 100")), ["NEWLINK bond0 0x0"]);
    }

    fn a_bond_opens_and_closes_its_ports() {
        let Some((mut kernel, _first, _second)) = bond() else { return };
        let _third = Tap::new("cable2");
        kernel.during(|| {});
        let said = about("cable2", kernel.ip("link set cable2 master bond0"));
        assert!(lines(&said).contains(&"NEWLINK cable2 0x41".to_owned()), "{said:#?}");
        let last = said.last().unwrap();
        assert!(last.master.is_some() && last.flags.contains(LinkFlags::UP | LinkFlags::SLAVE));
        let said = about("cable2", kernel.ip("link set cable2 nomaster"));
        assert!(lines(&said).contains(&"NEWLINK cable2 0x41".to_owned()), "{said:#?}");
        let last = said.last().unwrap();
        assert!(last.master.is_none() && !last.flags.intersects(LinkFlags::UP | LinkFlags::SLAVE));
    }

    fn a_vlan_goes_up_and_down_with_its_link() {
        let mut kernel = Recorder::start();
        let cable = Tap::up("cable0");
        if !make(&["link", "add", "link", "cable0", "name", "cable0.7", "type", "vlan", "id", "7"]) {
            return skip("this kernel has no VLANs (8021q)");
        }
        ip(&["link", "set", "cable0.7", "up"]);
        kernel.during(|| {});
        let is_vlan = |up: bool| move |said: &Said| said.name == "cable0.7" && said.flags.contains(LinkFlags::UP) == up;
        for (word, up) in [("down", false), ("up", true)] {
            ip(&["link", "set", "cable0", word]);
            let said = about("cable0", kernel.until(is_vlan(up)));
            assert_eq!(lines(&said), ["NEWLINK cable0 0x1"], "before its VLAN");
        }
        eventually("the VLAN is operational", || link_json("cable0.7")["operstate"] == "UP");
        kernel.during(|| {});
        // It has the carrier of its link, and counts it for itself.
        cable.pull();
        let said = kernel.until(|said| said.name == "cable0.7" && said.carrier == Some(false));
        assert_eq!(about("cable0", said)[0].carrier, Some(false));
    }
}

/// A bond of two cables in active-backup mode, the first of them active; `None`,
/// told loudly, where the kernel has no bonds.
fn bond() -> Option<(Recorder, Tap, Tap)> {
    let mut kernel = Recorder::start();
    if !make(&[
        "link",
        "add",
        "bond0",
        "type",
        "bond",
        "mode",
        "active-backup",
        "miimon",
        "50",
    ]) {
        skip("this kernel has no bonds");
        return None;
    }
    let cables = (Tap::new("cable0"), Tap::new("cable1"));
    ip(&["link", "set", "bond0", "up"]);
    // The first active port is a failover too, whose notices take their time.
    ip(&["link", "set", "cable0", "master", "bond0"]);
    let mut awaited = vec![Notice::NotifyPeers, Notice::IgmpResend];
    while !awaited.is_empty() {
        let said = kernel.until(|said| said.event.is_some_and(|event| awaited.contains(&event)));
        awaited.retain(|event| Some(*event) != said.last().unwrap().event);
    }
    ip(&["link", "set", "cable1", "master", "bond0"]);
    eventually("bond0 is up", || link_json("bond0")["operstate"] == "UP");
    eventually("cable1 is a spare port", || {
        let port = &link_json("cable1")["linkinfo"]["info_slave_data"];
        port["mii_status"] == "UP" && port["state"] == "BACKUP"
    });
    kernel.during(|| {});
    Some((kernel, cables.0, cables.1))
}

/// False where `ip` cannot make such a link.
fn make(arguments: &[&str]) -> bool {
    let output = Command::new("ip").args(arguments).output().expect("ip");
    output.status.success()
}
