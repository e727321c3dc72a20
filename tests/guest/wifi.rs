//! Wi-Fi with one access point.

use std::fs;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::access_point::{AccessPoint, Network, OPEN, STATION, WPA2, radios};
use crate::in_guest;
use crate::process::run;
use crate::station::{Supplicant, join, join_by, leave};
use crate::support::{Counters, eventually, ip};
use crate::watches::{Reader, Watches, time};
use crate::witness::{IpMonitor, association, operstate, status};

/// 802.11 reason codes.
const WRONG_KEY: u64 = 15; // the 4-way handshake timed out
const INACTIVE: u64 = 4;
const LEAVING: u64 = 3;

/// The report of a `disconnected` that nobody but the other end, or the air,
/// is the reason of.
#[track_caller]
fn assert_lost(event: &Value, reason: u64, by_ap: bool) {
    assert_eq!(event["reason"], "no-carrier", "{event:#}");
    assert_eq!(event["wifi_reason"], reason, "{event:#}");
    assert_eq!(event["by_ap"], by_ap, "{event:#}");
}

/// The goodbye of the access point is told within a second of the kernel's
/// message.
#[track_caller]
fn goodbye(access_point: AccessPoint, watches: &mut Watches) {
    let second = SignedDuration::from_secs(1);
    let monitor = IpMonitor::start();
    let before = Timestamp::now();
    access_point.say_goodbye();
    let events = watches.expect("disconnected");
    let arrived = Timestamp::now();
    let kernel = monitor.lost_carrier(STATION, before);
    for event in &events {
        assert_lost(event, LEAVING, true);
        let late = time(event).duration_since(kernel);
        assert!(late.abs() < second, "{late:?}: {event:#}");
    }
    let late = arrived.duration_since(kernel);
    assert!(late < second, "{late:?}");
}

in_guest! {
    fn an_open_network_comes_and_goes() {
        let _radios = radios(2);
        let mut watches = Watches::start(STATION);
        ip(&["link", "set", STATION, "up"]);
        let idle = status(STATION);
        assert_eq!((&idle["kind"], &idle["connected"]), (&"wifi".into(), &false.into()));
        assert!(idle["ssid"].is_null() && idle["bssid"].is_null(), "{idle:#}");

        let access_point = AccessPoint::start("wlan0", OPEN, 1);
        join(OPEN);
        let events = watches.expect("connected");
        watches.assert_associated(&events);
        assert_eq!(events[0]["bssid"], access_point.bssid());

        goodbye(access_point, &mut watches);
        assert_eq!(association(STATION), None);
        assert!(status(STATION)["bssid"].is_null());

        let access_point = AccessPoint::start("wlan0", OPEN, 1);
        join(OPEN);
        watches.expect("connected");
        access_point.vanish();
        for event in watches.expect("disconnected") {
            assert_lost(&event, INACTIVE, false);
        }

        let _access_point = AccessPoint::start("wlan0", OPEN, 1);
        join(OPEN);
        watches.expect("connected");
        leave();
        for event in watches.expect("disconnected") {
            assert_lost(&event, LEAVING, false);
        }
        watches.finish();
    }

    fn an_administrator_takes_wifi_down() {
        let _radios = radios(2);
        let _access_point = AccessPoint::start("wlan0", OPEN, 1);
        ip(&["link", "set", STATION, "up"]);
        join(OPEN);
        let mut watches = Watches::start(STATION);
        ip(&["link", "set", STATION, "down"]);
        for event in watches.expect("disconnected") {
            assert_eq!(event["reason"], "admin-down", "{event:#}");
        }
        ip(&["link", "set", STATION, "up"]);
        join(OPEN);
        let events = watches.expect("connected");
        watches.assert_associated(&events);
        watches.finish();
    }

    fn the_right_key_connects() {
        let _radios = radios(2);
        let access_point = AccessPoint::start("wlan0", WPA2, 1);
        let mut watches = Watches::start(STATION);
        let supplicant = Supplicant::start(WPA2);
        let events = watches.expect("connected");
        watches.assert_associated(&events);

        goodbye(access_point, &mut watches);
        let access_point = AccessPoint::start("wlan0", WPA2, 1);
        let events = watches.expect("connected");
        watches.assert_associated(&events);

        access_point.vanish();
        for event in watches.expect("disconnected") {
            assert_lost(&event, INACTIVE, false);
        }
        let _access_point = AccessPoint::start("wlan0", WPA2, 1);
        watches.expect("connected");

        // The kernel may call the link running, and up, once more, without
        // carrier.
        supplicant.end();
        watches.expect("disconnected");
        let kinds = watches.finish();
        for kinds in kinds {
            assert_eq!(kinds.iter().filter(|kind| *kind == "connected").count(), 3);
        }
    }

    fn a_wrong_key_associates_and_never_runs() {
        let _radios = radios(2);
        let _access_point = AccessPoint::start("wlan0", WPA2, 1);
        let mut watches = Watches::start(STATION);
        let supplicant = Supplicant::start(Network { key: Some("wrong-battery"), ..WPA2 });
        let event = watches.carrier.expect("connected");
        assert_eq!(event["running"], false, "{event:#}");
        assert_lost(&watches.carrier.expect("disconnected"), WRONG_KEY, true);
        eventually("the verdict", || supplicant.found_the_key_wrong());
        supplicant.end();
        eventually("the end", || operstate(STATION) == "down");
        let [carrier, running] = watches.finish();
        assert!(carrier.iter().any(|kind| kind == "connected"));
        assert!(running.iter().all(|kind| kind == "initial" || kind == "flapped"), "{running:?}");
    }

    fn the_name_of_a_network_may_be_any_bytes() {
        let odd = Network { ssid: b"a\"b\\\n\x1b\xff", ..OPEN };
        let _radios = radios(2);
        let _access_point = AccessPoint::start("wlan0", odd, 1);
        ip(&["link", "set", STATION, "up"]);
        let mut watches = Watches::start(STATION);
        join(odd);
        watches.expect("connected");
        let mut name = String::new();
        eventually("a status with details", || {
            name = status(STATION)["ssid"].as_str().unwrap_or_default().to_owned();
            !name.is_empty()
        });
        assert!(name.starts_with("a\"b\\"), "{name:?}");
        watches.finish();
    }

    fn a_radio_that_is_pulled_out_is_removed() {
        let radios = radios(2);
        let _access_point = AccessPoint::start("wlan0", OPEN, 1);
        ip(&["link", "set", STATION, "up"]);
        join(OPEN);
        let mut watches = Watches::start(STATION);
        assert!(Counters::of(STATION).sum() > 0);
        drop(radios);
        for event in watches.expect("disconnected") {
            assert!(["admin-down", "no-carrier", "removed"].iter().any(|r| event["reason"] == *r));
        }
        watches.expect("removed");
    }

    fn wifi_in_another_namespace_is_asked_there() {
        let _radios = radios(2);
        let _access_point = AccessPoint::start("wlan0", OPEN, 1);
        let _namespace = Namespace::add("elsewhere");
        let phy = fs::read_to_string("/sys/class/net/wlan1/phy80211/name").expect("its radio");
        run("iw", &["phy", phy.trim(), "set", "netns", "name", "elsewhere"]);
        let there = ["ip", "netns", "exec", "elsewhere"];
        run("ip", &[&there[1..], &["ip", "link", "set", STATION, "up"]].concat());
        let mut watch = Reader::start(&["--netns", "elsewhere", STATION]);
        join_by(&there, OPEN);
        let event = watch.expect("connected");
        assert_eq!((&event["kind"], &event["ssid"]), (&"wifi".into(), &"open-net".into()), "{event:#}");
        run("ip", &[&there[1..], &["iw", "dev", STATION, "disconnect"]].concat());
        let event = watch.expect("disconnected");
        assert_eq!(event["wifi_reason"], LEAVING, "{event:#}");
    }
}

/// A network namespace, deleted with this value.
struct Namespace(&'static str);

impl Namespace {
    fn add(name: &'static str) -> Namespace {
        ip(&["netns", "add", name]);
        Namespace(name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", self.0]).status();
    }
}
