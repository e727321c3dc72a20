//! Two access points of one network.

use serde_json::Value;

use crate::access_point::{AccessPoint, Network, OPEN, STATION, WPA2, radios};
use crate::in_guest;
use crate::station::{Supplicant, hear};
use crate::support::eventually;
use crate::watches::Watches;
use crate::witness::{association, operstate};

/// Connects to a network with two access points, and returns the one that it
/// is connected to first.
#[track_caller]
fn connect(
    watches: &mut Watches,
    network: Network,
    channel: u32,
) -> (Supplicant, AccessPoint, AccessPoint) {
    let one = AccessPoint::start("wlan0", network, 1);
    let other = AccessPoint::start("wlan2", network, channel);
    hear(&[&one, &other]);
    let supplicant = Supplicant::start(network);
    let events = watches.expect("connected");
    watches.assert_associated(&events);
    eventually("the handshake", || operstate(STATION) == "up");
    let bssid = association(STATION).expect("an association").bssid;
    if bssid == one.bssid() {
        (supplicant, one, other)
    } else {
        assert_eq!(bssid, other.bssid());
        (supplicant, other, one)
    }
}

/// Roams back and forth; that is told as such, and as nothing else.
#[track_caller]
fn assert_roams(network: Network, channel: u32) {
    let _radios = radios(3);
    let mut watches = Watches::start(STATION);
    let (supplicant, one, other) = connect(&mut watches, network, channel);
    for (from, to) in [(&one, &other), (&other, &one), (&one, &other)] {
        supplicant.roam(&to.bssid());
        let events = watches.expect("roamed");
        for event in &events {
            assert_eq!(event["previous_bssid"], from.bssid(), "{event:#}");
            assert_eq!(event["bssid"], to.bssid(), "{event:#}");
            assert_eq!(event["connected"], true, "{event:#}");
        }
        eventually("the handshake", || operstate(STATION) == "up");
        watches.assert_associated(&events);
    }
    let kinds = watches.finish();
    for kinds in kinds {
        let count = |kind: &str| kinds.iter().filter(|of_it| *of_it == kind).count();
        assert_eq!(
            (count("roamed"), count("connected"), count("disconnected")),
            (3, 1, 0),
            "{kinds:?}"
        );
    }
    drop(supplicant);
}

/// The access point in use ends, by `end`; the other one takes over.
#[track_caller]
fn assert_taken_over(end: impl FnOnce(AccessPoint), check: impl Fn(&Value)) {
    let _radios = radios(3);
    let mut watches = Watches::start(STATION);
    let (_supplicant, one, other) = connect(&mut watches, WPA2, 1);
    watches.rest();
    end(one);
    for event in watches.expect("disconnected") {
        check(&event);
    }
    let events = watches.expect("connected");
    watches.assert_associated(&events);
    assert_eq!(events[0]["bssid"], other.bssid());
    eventually("the handshake", || operstate(STATION) == "up");
    watches.finish();
}

in_guest! {
    fn a_roam_with_wpa2_is_no_outage() {
        assert_roams(WPA2, 1);
    }

    fn a_roam_to_another_channel_is_no_outage() {
        assert_roams(WPA2, 6);
    }

    fn a_roam_in_an_open_network_is_no_outage() {
        assert_roams(OPEN, 1);
    }

    // The station has to look for the other first: it was an outage.
    fn an_access_point_that_says_goodbye_is_told_though_another_takes_over() {
        assert_taken_over(AccessPoint::say_goodbye, |event| assert_eq!(event["by_ap"], true));
    }

    fn an_access_point_that_vanishes_is_told_though_another_takes_over() {
        assert_taken_over(AccessPoint::vanish, |event| assert_eq!(event["by_ap"], false));
    }

    fn a_roam_that_fails_is_an_outage() {
        let _radios = radios(3);
        let mut watches = Watches::start(STATION);
        let (supplicant, one, other) = connect(&mut watches, WPA2, 1);
        let gone = other.bssid();
        other.vanish();
        watches.rest();
        supplicant.roam(&gone);
        watches.expect("disconnected");
        let events = watches.expect("connected");
    watches.assert_associated(&events);
    assert_eq!(events[0]["bssid"], one.bssid());
        eventually("the handshake", || operstate(STATION) == "up");
        for kinds in watches.finish() {
            assert!(!kinds.iter().any(|kind| kind == "roamed"), "{kinds:?}");
        }
    }
}
