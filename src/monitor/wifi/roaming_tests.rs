//! What is reported of the sequences that the kernel sends, as they were
//! recorded with mac80211_hwsim, hostapd and wpa_supplicant.

use proptest::prelude::*;

use super::*;
use crate::monitor::Criterion;
use crate::monitor::test_messages::{new_link, parse};

const OLD: [u8; 6] = [2, 0, 0, 0, 2, 0];
const NEW: [u8; 6] = [2, 0, 0, 0, 0, 0];

fn bssid(address: [u8; 6]) -> Bssid {
    Bssid::new(&address).unwrap()
}

fn event(kind: EventKind, connected: bool, transitions: u64) -> Event {
    let bytes = new_link(7, "wlan0").up().carrier(connected).bytes();
    let mut state = LinkState::from_message(&parse(&bytes)).unwrap();
    state.set_wifi();
    let reason = state.why_disconnected(Criterion::Carrier);
    let event = Event::new(kind, state, connected, transitions);
    match reason {
        Some(reason) if kind == EventKind::Disconnected => event.because(reason),
        _ => event,
    }
}

/// What comes in, at a time in milliseconds.
enum Input {
    Link(Box<Event>),
    Announced(MlmeKind),
}
use Input::{Announced, Link};

fn lost() -> Input {
    Link(Box::new(event(EventKind::Disconnected, false, 1)))
}

fn back() -> Input {
    Link(Box::new(event(EventKind::Connected, true, 1)))
}

fn flapped(transitions: u64) -> Input {
    Link(Box::new(event(EventKind::Flapped, true, transitions)))
}

fn ended(reason: u16, by_ap: bool) -> Input {
    let reason = Some(reason);
    Announced(MlmeKind::Disconnect { reason, by_ap })
}

fn associated(address: [u8; 6]) -> Input {
    Announced(MlmeKind::Connect {
        bssid: Some(bssid(address)),
        status: Some(0),
    })
}

fn switched_off() -> Input {
    let event = event(EventKind::Disconnected, false, 1).because(Reason::AdminDown);
    Link(Box::new(event))
}

fn sign_of(address: [u8; 6]) -> Input {
    Announced(MlmeKind::NewStation {
        address: bssid(address),
    })
}

/// What is reported of `inputs` up to `end`, of a link that is associated with
/// `OLD` when the watch begins: the time, and what is told.
fn reported(inputs: Vec<(u64, Input)>, end: u64) -> Vec<String> {
    let mut roaming = Roaming::default();
    let mut out = VecDeque::new();
    let start = Instant::now();
    roaming.begin(7, bssid(OLD));
    roaming.push(event(EventKind::Initial, true, 0), start, &mut out);
    out.clear();
    let mut inputs = inputs.into_iter().peekable();
    let mut told = Vec::new();
    for millisecond in 0..=end {
        let now = start + Duration::from_millis(millisecond);
        while let Some((_, input)) = inputs.next_if(|(at, _)| *at == millisecond) {
            match input {
                Link(event) => roaming.push(*event, now, &mut out),
                Announced(kind) => {
                    roaming.announced(&MlmeMessage { ifindex: 7, kind }, now, &mut out);
                }
            }
        }
        roaming.release(now, &mut out);
        for event in out.drain(..) {
            let wifi = event.wifi().copied().unwrap_or_default();
            let more = match (event.kind(), wifi.bssid, wifi.reason) {
                (EventKind::Roamed, Some(_), _) => " to another",
                (EventKind::Disconnected, _, Some(reason)) => &format!(" reason {reason}"),
                _ => "",
            };
            told.push(format!(
                "{millisecond} {} {}{more}",
                event.kind(),
                event.transitions()
            ));
        }
    }
    assert!(inputs.next().is_none(), "all was fed");
    told
}

#[test]
fn a_farewell_is_that_of_one_association() {
    // The first one is answered by what the user did.
    let anew = || {
        vec![
            (0, ended(3, false)),
            (10, switched_off()),
            (1900, associated(NEW)),
            (1920, back()),
        ]
    };
    let first = ["10 disconnected 1", "1920 connected 1"];

    let lost = [(3500, lost()), (3530, ended(15, true))];
    let told = reported(anew().into_iter().chain(lost).collect(), 10_000);
    assert_eq!(told[..2], first);
    assert_eq!(told[2..], ["3530 disconnected 1 reason 15"]);

    let roamed = [(60_000, flapped(2)), (60_010, associated(OLD))];
    let told = reported(anew().into_iter().chain(roamed).collect(), 61_000);
    assert_eq!(told[..2], first);
    assert_eq!(told[2..], ["60010 roamed 2 to another"]);
}

#[test]
fn a_notice_while_a_loss_waits_tells_the_state_that_was_reported() {
    let mut roaming = Roaming::default();
    let mut out = VecDeque::new();
    let now = Instant::now();
    roaming.push(event(EventKind::Initial, true, 0), now, &mut out);
    roaming.push(
        event(EventKind::Disconnected, false, 1).because(Reason::NoCarrier),
        now,
        &mut out,
    );
    roaming.push(event(EventKind::Notice, false, 0), now, &mut out);
    let told: Vec<_> = out.iter().map(|e| (e.kind(), e.is_connected())).collect();
    assert_eq!(
        told,
        [(EventKind::Initial, true), (EventKind::Notice, true)]
    );
}

#[test]
fn what_waits_when_the_watch_ends_is_told_as_it_came() {
    let mut roaming = Roaming::default();
    let mut out = VecDeque::new();
    let now = Instant::now();
    roaming.begin(7, bssid(OLD));
    for input in [lost(), back()] {
        let Link(event) = input else { continue };
        roaming.push(*event, now, &mut out);
    }
    assert!(out.is_empty(), "{out:?}");
    roaming.release_all(&mut out);
    let told: Vec<EventKind> = out.iter().map(Event::kind).collect();
    assert_eq!(told, [EventKind::Disconnected, EventKind::Connected]);
    assert_eq!(roaming.next_due(), None);
}

#[test]
fn a_roam_is_no_outage() {
    let roam = vec![
        (0, lost()),
        (30, ended(1, false)),
        (34, sign_of(NEW)),
        (60, associated(NEW)),
        (61, back()),
    ];
    assert_eq!(reported(roam, 5000), ["61 roamed 2 to another"]);
    // The carrier's message may come before the announcement.
    let roam = vec![
        (0, lost()),
        (30, ended(1, false)),
        (55, back()),
        (60, associated(NEW)),
    ];
    assert_eq!(reported(roam, 5000), ["60 roamed 2 to another"]);
    // And the announcements before any message about the carrier.
    let roam = vec![
        (0, ended(1, false)),
        (30, associated(NEW)),
        (700, flapped(2)),
    ];
    assert_eq!(
        reported(roam, 5000),
        ["30 roamed 0 to another", "1000 flapped 2"]
    );
    // By the criterion `running`, the handshake comes last.
    let roam = vec![
        (0, lost()),
        (30, ended(1, false)),
        (34, sign_of(NEW)),
        (60, associated(NEW)),
        (2500, back()),
    ];
    assert_eq!(reported(roam, 5000), ["2500 roamed 2 to another"]);
}

#[test]
fn a_roam_that_the_kernel_announced_as_one_flap() {
    let merged = vec![(0, flapped(2)), (20, associated(NEW))];
    assert_eq!(reported(merged, 5000), ["20 roamed 2 to another"]);
    let alone = vec![(0, flapped(2))];
    assert_eq!(reported(alone, 5000), ["300 flapped 2"]);
}

#[test]
fn a_driver_that_roams_by_itself_keeps_the_carrier() {
    let roam = vec![(
        0,
        Announced(MlmeKind::Roam {
            bssid: Some(bssid(NEW)),
        }),
    )];
    assert_eq!(reported(roam, 5000), ["0 roamed 0 to another"]);
    let again = vec![(0, associated(OLD))];
    assert!(reported(again, 5000).is_empty(), "it is the same one");
}

#[test]
fn two_roams_in_a_row() {
    let roams = vec![
        (0, lost()),
        (30, ended(1, false)),
        (60, associated(NEW)),
        (61, back()),
        (1000, lost()),
        (1030, ended(1, false)),
        (1060, associated(OLD)),
        (1061, back()),
    ];
    assert_eq!(
        reported(roams, 5000),
        ["61 roamed 2 to another", "1061 roamed 2 to another"]
    );
}

#[test]
fn what_the_access_point_does_is_told_at_once() {
    let goodbye = vec![(0, lost()), (28, ended(3, true))];
    assert_eq!(reported(goodbye, 5000), ["28 disconnected 1 reason 3"]);
    // The link message may come up to a second late.
    let goodbye = vec![(0, ended(3, true)), (830, lost())];
    assert_eq!(reported(goodbye, 5000), ["830 disconnected 1 reason 3"]);
    let wrong_key = vec![(0, lost()), (5, ended(15, true))];
    assert_eq!(reported(wrong_key, 5000), ["5 disconnected 1 reason 15"]);
}

#[test]
fn leaving_and_losing_the_beacon_are_told_at_once() {
    for reason in [3, 4] {
        let events = vec![(0, lost()), (30, ended(reason, false))];
        assert_eq!(
            reported(events, 5000),
            [format!("30 disconnected 1 reason {reason}")]
        );
    }
}

#[test]
fn a_roam_that_fails_is_an_outage() {
    let no_sign = vec![(0, lost()), (30, ended(1, false))];
    assert_eq!(reported(no_sign, 5000), ["530 disconnected 1 reason 1"]);
    let no_answer = vec![(0, lost()), (30, ended(1, false)), (34, sign_of(NEW))];
    assert_eq!(reported(no_answer, 5000), ["1034 disconnected 1 reason 1"]);
    let refused = vec![
        (0, lost()),
        (30, ended(1, false)),
        (
            40,
            Announced(MlmeKind::Authenticate {
                bssid: Some(bssid(NEW)),
                failed: true,
            }),
        ),
    ];
    assert_eq!(reported(refused, 5000), ["40 disconnected 1 reason 1"]);
    let no_handshake = vec![(0, lost()), (30, ended(1, false)), (60, associated(NEW))];
    assert_eq!(
        reported(no_handshake, 5000),
        ["3000 disconnected 1 reason 1"]
    );
}

#[test]
fn the_same_access_point_again_is_an_outage() {
    let again = vec![
        (0, lost()),
        (30, ended(2, false)),
        (60, associated(OLD)),
        (61, back()),
    ];
    assert_eq!(
        reported(again, 5000),
        ["61 disconnected 1 reason 2", "61 connected 1"]
    );
}

#[test]
fn a_goodbye_and_another_access_point_is_no_roam() {
    let events = vec![
        (0, lost()),
        (28, ended(3, true)),
        (330, associated(NEW)),
        (331, back()),
    ];
    assert_eq!(
        reported(events, 5000),
        ["28 disconnected 1 reason 3", "331 connected 1"]
    );
    // Nor where the link messages come late.
    let events = vec![
        (0, ended(3, true)),
        (330, associated(NEW)),
        (800, lost()),
        (801, back()),
    ];
    assert_eq!(
        reported(events, 5000),
        ["800 disconnected 1 reason 3", "801 connected 1"]
    );
    let events = vec![
        (0, ended(3, true)),
        (330, associated(NEW)),
        (800, flapped(2)),
    ];
    assert_eq!(reported(events, 5000), ["800 flapped 2"]);
}

#[test]
fn without_a_word_of_nl80211_a_loss_is_told_soon() {
    assert_eq!(reported(vec![(0, lost())], 5000), ["300 disconnected 1"]);
    let both = vec![(0, lost()), (100, back())];
    assert_eq!(
        reported(both, 5000),
        ["400 disconnected 1", "400 connected 1"]
    );
    let flap_between = vec![
        (0, lost()),
        (10, Link(Box::new(event(EventKind::Flapped, false, 2)))),
    ];
    assert_eq!(reported(flap_between, 5000), ["300 disconnected 3"]);
}

#[test]
fn a_new_connection_waits_for_its_access_point() {
    let events = vec![
        (0, lost()),
        (0, ended(3, true)),
        (100, back()),
        (115, associated(NEW)),
    ];
    assert_eq!(
        reported(events, 5000),
        ["0 disconnected 1 reason 3", "115 connected 1"]
    );
}

#[test]
fn what_is_held_is_told_before_a_removal_or_a_rename() {
    let removed = event(EventKind::Removed, false, 0).ending_report();
    let events = vec![(0, lost()), (10, Link(Box::new(removed)))];
    assert_eq!(
        reported(events, 5000),
        ["10 disconnected 1", "10 removed 0"]
    );
    let renamed = event(EventKind::Renamed, true, 0);
    let events = vec![(0, lost()), (10, Link(Box::new(renamed)))];
    assert_eq!(
        reported(events, 5000),
        ["10 disconnected 1", "10 renamed 0"]
    );
}

#[test]
fn other_links_pass_through() {
    let bytes = new_link(8, "eth0").up().carrier(false).bytes();
    let state = LinkState::from_message(&parse(&bytes)).unwrap();
    let event = Event::new(EventKind::Disconnected, state, false, 1).because(Reason::NoCarrier);
    let mut out = VecDeque::new();
    let mut roaming = Roaming::default();
    roaming.push(event, Instant::now(), &mut out);
    assert_eq!(out.len(), 1);
    assert_eq!(roaming.next_due(), None);
}

/// What the table may give next, and what nl80211 may say at any time.
fn inputs() -> impl Strategy<Value = Vec<(u16, u8)>> {
    prop::collection::vec((0..1500u16, 0..12u8), 0..60)
}

proptest! {
    #[test]
    fn whatever_is_announced_sums_hold_and_states_alternate(steps in inputs()) {
        let mut roaming = Roaming::default();
        let mut out = VecDeque::new();
        let mut now = Instant::now();
        roaming.begin(7, bssid(OLD));
        roaming.push(event(EventKind::Initial, true, 0), now, &mut out);
        let mut connected = true;
        let mut counted = 0;
        for (pause, what) in steps {
            now += Duration::from_millis(pause.into());
            roaming.release(now, &mut out);
            let input = match what {
                0..=3 => {
                    connected = !connected;
                    if connected { back() } else { lost() }
                }
                4 => Link(Box::new(event(EventKind::Flapped, connected, 2))),
                5 => ended(3, true),
                6 => ended(1, false),
                7 => sign_of(NEW),
                8 => associated(OLD),
                9 => associated(NEW),
                10 => Announced(MlmeKind::Associate { bssid: None, failed: true, again: false }),
                _ => Announced(MlmeKind::Connect { bssid: None, status: None }),
            };
            match input {
                Link(event) => {
                    counted += event.transitions();
                    roaming.push(*event, now, &mut out);
                }
                Announced(kind) => {
                    roaming.announced(&MlmeMessage { ifindex: 7, kind }, now, &mut out);
                }
            }
            // No wait is for ever.
            let longest = HANDSHAKE.max(ASSOCIATION);
            prop_assert!(roaming.next_due().is_none_or(|due| due <= now + longest));
        }
        roaming.release(now + Duration::from_secs(60), &mut out);
        prop_assert_eq!(roaming.next_due(), None);
        let mut told = true;
        for event in &out {
            match event.kind() {
                EventKind::Connected => prop_assert!(!std::mem::replace(&mut told, true)),
                EventKind::Disconnected => prop_assert!(std::mem::replace(&mut told, false)),
                _ => prop_assert_eq!(event.is_connected(), told, "{:?}", event),
            }
        }
        prop_assert_eq!(told, connected);
        prop_assert_eq!(out.iter().map(Event::transitions).sum::<u64>(), counted);
    }
}

#[test]
fn what_waits_comes_in_the_order_in_which_it_is_due() {
    let start = Instant::now();
    let of = |ifindex: i32, kind, connected| {
        let bytes = new_link(ifindex, "wlan0").up().carrier(connected).bytes();
        let mut state = LinkState::from_message(&parse(&bytes)).unwrap();
        state.set_wifi();
        Event::new(kind, state, connected, 1).because(Reason::NoCarrier)
    };
    let mut roaming = Roaming::default();
    let mut out = VecDeque::new();
    for ifindex in 1..=20 {
        roaming.push(of(ifindex, EventKind::Initial, true), start, &mut out);
    }
    out.clear();
    // The later ones first, two at a time.
    for ifindex in (1..=20).rev() {
        let now = start + Duration::from_millis(20 - (ifindex as u64).div_ceil(2));
        roaming.push(of(ifindex, EventKind::Disconnected, false), now, &mut out);
    }
    assert!(out.is_empty(), "{out:?}");
    roaming.release(start + WORD + HANDSHAKE, &mut out);
    let order: Vec<u32> = out.iter().filter_map(Event::ifindex).collect();
    let expected: Vec<u32> = (1..=10)
        .rev()
        .flat_map(|pair| [2 * pair - 1, 2 * pair])
        .collect();
    assert_eq!(order, expected);
}
