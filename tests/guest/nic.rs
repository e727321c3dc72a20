//! NICs with a cable, which is pulled outside of the guest.

use std::fs;

use serde_json::Value;

use crate::in_guest;
use crate::machine::Machine;
use crate::process::Module;
use crate::support::{eventually, ip};
use crate::watches::{Reader, Watches};
use crate::witness::{ethtool, operstate, status};

/// The interface of the only NIC of a driver.
#[track_caller]
fn interface(bus: &str, driver: &str) -> String {
    let mut found = None;
    eventually("a NIC", || {
        found = fs::read_dir(format!("/sys/bus/{bus}/drivers/{driver}"))
            .into_iter()
            .flatten()
            .flatten()
            .find_map(|device| fs::read_dir(device.path().join("net")).ok()?.next()?.ok());
        found.is_some()
    });
    let name = found.expect("a NIC").file_name();
    name.into_string().expect("a name")
}

/// Speed, duplex and port are those that ethtool tells.
#[track_caller]
fn assert_like_ethtool(name: &str) -> Value {
    let link = status(name);
    let speed = ethtool(name, "Speed").map(|speed| {
        let number = speed.strip_suffix("mb/s").expect("a unit");
        number.parse::<u64>().expect("a number")
    });
    let port = ethtool(name, "Port").map(|port| match port.as_str() {
        "twisted pair" => "tp".to_owned(),
        _ => port,
    });
    assert_eq!(link["speed"].as_u64(), speed, "{link:#}");
    assert_eq!(
        link["duplex"].as_str(),
        ethtool(name, "Duplex").as_deref(),
        "{link:#}"
    );
    assert_eq!(link["port"].as_str(), port.as_deref(), "{link:#}");
    link
}

/// A cable is pulled and put back, and rattled.
#[track_caller]
fn assert_cable(machine: &mut Machine, nic: &str, name: &str) {
    ip(&["link", "set", name, "up"]);
    eventually("the link", || operstate(name) == "up");
    let mut watches = Watches::start(name);
    machine.set_link(nic, false);
    for event in watches.expect("disconnected") {
        assert_eq!(event["reason"], "no-carrier");
    }
    assert_eq!(assert_like_ethtool(name)["connected"], false);
    machine.set_link(nic, true);
    watches.expect("connected");
    assert_eq!(assert_like_ethtool(name)["connected"], true);

    // The driver may see any number of these, but it sees the last.
    for _ in 0..10 {
        machine.set_link(nic, true);
        machine.set_link(nic, false);
    }
    eventually("the loss", || operstate(name) == "down");
    machine.set_link(nic, true);
    eventually("the link", || operstate(name) == "up");
    watches.finish();
}

in_guest! {
    fn the_cable_of_a_nic_is_pulled() {
        let _module = Module::load("e1000", &[]);
        let name = interface("pci", "e1000");
        let mut machine = Machine::connect();
        assert_cable(&mut machine, "nic0", &name);
        let link = assert_like_ethtool(&name);
        assert_eq!((&link["speed"], &link["duplex"]), (&1000.into(), &"full".into()));
        assert_eq!((&link["port"], &link["kind"]), (&"tp".into(), &"ethernet".into()));
    }

    // Its driver knows neither speed nor duplex.
    fn the_cable_of_a_virtual_nic_is_pulled() {
        let mut machine = Machine::connect();
        let _module = Module::load("virtio_net", &[]);
        let name = interface("virtio", "virtio_net");
        assert_cable(&mut machine, "nic1", &name);
        let link = assert_like_ethtool(&name);
        assert!(link["speed"].is_null() && link["duplex"].is_null(), "{link:#}");
    }

    fn a_machine_that_was_moved_is_noticed() {
        let mut machine = Machine::connect();
        let _module = Module::load("virtio_net", &[]);
        let name = interface("virtio", "virtio_net");
        ip(&["link", "set", &name, "up"]);
        eventually("the link", || operstate(&name) == "up");
        let mut watch = Reader::start(&["--events", "all", &name]);
        machine.announce();
        let notice = watch.expect("notice");
        assert_eq!((&notice["notice"], &notice["connected"]), (&"notify-peers".into(), &true.into()));
    }
}
