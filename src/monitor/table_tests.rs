//! The rules of the table, one by one. Whole histories are in
//! `table_properties.rs`.

use super::*;
use crate::monitor::LinkKind;
use crate::monitor::test_messages::{
    AF_BRIDGE, ALL_CHANGED, CLOSED, LOOPBACK, LinkBytes, RUNNING, UP, attribute, del_link,
    new_link, parse,
};

/// A table, what it has reported, and what the kernel would answer it.
struct Watch {
    table: Table,
    events: VecDeque<Event>,
    there: bool,
    asked: Vec<u32>,
}

impl Watch {
    /// Before the initial state is announced.
    fn learning(patterns: &[&str], criterion: Criterion) -> Watch {
        let patterns = patterns.iter().map(|glob| glob.parse().unwrap()).collect();
        Watch {
            table: Table::new(patterns, criterion),
            events: VecDeque::new(),
            there: true,
            asked: Vec::new(),
        }
    }

    fn with(patterns: &[&str], criterion: Criterion, links: &[LinkBytes]) -> Watch {
        let mut watch = Watch::learning(patterns, criterion);
        watch.resync(&[], links);
        watch.table.announce(&mut watch.events);
        watch.events.clear();
        watch
    }

    /// Watches all links, of which these are there.
    fn of(links: &[LinkBytes]) -> Watch {
        Watch::with(&[], Criterion::Carrier, links)
    }

    fn apply(&mut self, message: &LinkBytes) -> Verdict {
        let (there, asked) = (self.there, &mut self.asked);
        let ask = |ifindex| {
            asked.push(ifindex);
            there
        };
        self.table
            .apply(&parse(&message.bytes()), ask, &mut self.events)
    }

    /// What a message that says something new gives.
    fn after(&mut self, message: &LinkBytes) -> Vec<String> {
        assert_eq!(self.apply(message), Verdict::Applied);
        self.told()
    }

    /// A resync with messages that come while the snapshot is taken.
    fn resync(&mut self, meanwhile: &[LinkBytes], listed: &[LinkBytes]) -> Vec<String> {
        self.resync_with(meanwhile, listed, true)
    }

    fn resync_with(
        &mut self,
        meanwhile: &[LinkBytes],
        listed: &[LinkBytes],
        complete: bool,
    ) -> Vec<String> {
        self.table.begin_resync();
        for message in meanwhile {
            self.apply(message);
        }
        let links = listed
            .iter()
            .map(|link| LinkState::from_message(&parse(&link.bytes())).expect("a whole state"))
            .collect();
        let (there, asked) = (self.there, &mut self.asked);
        let ask = |ifindex| {
            asked.push(ifindex);
            there
        };
        self.table
            .finish_resync(Snapshot { links, complete }, ask, &mut self.events);
        self.told()
    }

    /// The events since the last call, a line each.
    fn told(&mut self) -> Vec<String> {
        self.events.drain(..).map(|event| shown(&event)).collect()
    }

    fn state(&self, ifindex: u32) -> &LinkState {
        &self.table.links[&ifindex].state
    }
}

/// `eth0 disconnected 3/2 no-carrier`: three transitions, two of them unseen.
fn shown(event: &Event) -> String {
    let (transitions, unseen) = (event.transitions(), event.unseen());
    let name = event.name().expect("the events of a table are about links");
    let mut line = format!("{name} {} {transitions}/{unseen}", event.kind());
    if let Some(reason) = event.reason() {
        line += &format!(" {reason}");
    }
    if let Some(former) = event.previous_name() {
        line += &format!(" from {former}");
    }
    line
}

/// Up, with carrier or without, and with these counters.
fn link(ifindex: i32, name: &str, carrier: bool, up: u32, down: u32) -> LinkBytes {
    let link = new_link(ifindex, name).carrier(carrier).counts(up, down);
    if carrier { link.running() } else { link.up() }
}

fn eth0(carrier: bool, up: u32, down: u32) -> LinkBytes {
    link(7, "eth0", carrier, up, down)
}

const NOTHING: [&str; 0] = [];

// Counters.

#[test]
fn each_transition_is_reported_once() {
    let mut watch = Watch::of(&[eth0(true, 1, 0)]);
    let down = watch.after(&eth0(false, 1, 1));
    assert_eq!(down, ["eth0 disconnected 1/0 no-carrier"]);
    assert_eq!(watch.after(&eth0(true, 2, 1)), ["eth0 connected 1/0"]);
    assert_eq!(watch.after(&eth0(true, 2, 1)), NOTHING);
}

#[test]
fn fifty_flips_in_one_message_are_a_hundred_transitions() {
    let mut watch = Watch::of(&[eth0(true, 10, 9)]);
    assert_eq!(
        watch.after(&eth0(true, 60, 59)),
        ["eth0 flapped 100/100"],
        "the state is as before"
    );
    assert_eq!(
        watch.after(&eth0(false, 85, 85)),
        ["eth0 disconnected 51/50 no-carrier"],
        "the last of 51 is what is reported"
    );
    assert_eq!(watch.after(&eth0(false, 86, 86)), ["eth0 flapped 2/2"]);
    assert_eq!(watch.after(&eth0(true, 89, 88)), ["eth0 connected 5/4"]);
}

#[test]
fn events_say_whether_the_link_is_connected() {
    let mut watch = Watch::of(&[eth0(true, 1, 0)]);
    watch.apply(&eth0(true, 2, 1));
    watch.apply(&eth0(false, 2, 2));
    watch.apply(&eth0(false, 3, 3));
    watch.apply(&link(7, "eth1", true, 4, 3));
    watch.apply(&del_link(7, "eth1").carrier(true).counts(4, 3));
    let told: Vec<_> = watch
        .events
        .iter()
        .map(|event| (event.kind().as_str(), event.is_connected()))
        .collect();
    assert_eq!(
        told,
        [
            ("flapped", true),
            ("disconnected", false),
            ("flapped", false),
            ("renamed", false),
            ("connected", true),
            ("disconnected", false),
            ("removed", false),
        ]
    );
}

#[test]
fn older_messages_change_nothing() {
    let mut watch = Watch::of(&[eth0(true, 5, 4)]);
    let before = watch.state(7).clone();
    for stale in [
        eth0(false, 4, 4),
        link(7, "eth9", true, 4, 3),
        new_link(7, "eth0").carrier(true).counts(0, 0),
        del_link(7, "eth0").carrier(false).counts(4, 4),
    ] {
        assert_eq!(watch.apply(&stale), Verdict::Stale, "{stale:?}");
        assert_eq!(watch.state(7), &before);
    }
    assert_eq!(watch.told(), NOTHING);
}

#[test]
fn counters_pass_two_to_the_32() {
    let mut watch = Watch::of(&[eth0(true, u32::MAX, 0)]);
    assert_eq!(watch.after(&eth0(true, 1, 2)), ["eth0 flapped 4/4"]);
    assert_eq!(watch.apply(&eth0(false, u32::MAX, 1)), Verdict::Stale);
    // Each counter below 2^32, their sum beyond.
    let mut watch = Watch::of(&[eth0(true, 0x8000_0000, 0x7fff_ffff)]);
    let down = watch.after(&eth0(false, 0x8000_0000, 0x8000_0000));
    assert_eq!(down, ["eth0 disconnected 1/0 no-carrier"]);
}

#[test]
fn without_counters_each_change_is_one_transition() {
    let bare = |carrier| new_link(7, "eth0").up().carrier(carrier);
    let mut watch = Watch::of(&[bare(true)]);
    assert_eq!(
        watch.after(&bare(false)),
        ["eth0 disconnected 1/0 no-carrier"]
    );
    assert_eq!(watch.after(&bare(false)), NOTHING);
    assert_eq!(watch.after(&bare(true)), ["eth0 connected 1/0"]);
    let down = watch.after(&new_link(7, "eth0").carrier(true));
    assert_eq!(down, ["eth0 disconnected 0/0 admin-down"]);
    assert_eq!(watch.after(&bare(true)), ["eth0 connected 0/0"]);
    let listed = watch.resync(&[], &[bare(false)]);
    assert_eq!(listed, ["eth0 disconnected 1/0 no-carrier"]);
}

#[test]
fn the_older_counter_is_enough() {
    let old = |carrier, count| {
        (new_link(7, "eth0").up().carrier(carrier)).u32(attribute::CARRIER_CHANGES, count)
    };
    let mut watch = Watch::of(&[old(true, 3)]);
    assert_eq!(watch.after(&old(true, 7)), ["eth0 flapped 4/4"]);
    assert_eq!(watch.apply(&old(false, 6)), Verdict::Stale);
}

// Appearance and removal.

#[test]
fn added_and_connected_sum_up_to_the_kernels_count() {
    let mut watch = Watch::of(&[]);
    let told = watch.after(&eth0(true, 2, 1).change(ALL_CHANGED));
    assert_eq!(told, ["eth0 added 2/2", "eth0 connected 1/0"]);

    let told = watch.after(&link(8, "eth1", false, 2, 2).change(ALL_CHANGED));
    assert_eq!(told, ["eth1 added 4/4"]);

    let told = watch.after(&link(9, "dummy0", true, 0, 0).change(ALL_CHANGED));
    assert_eq!(
        told,
        ["dummy0 added 0/0", "dummy0 connected 0/0"],
        "carrier from the first does not count"
    );
}

#[test]
fn carrier_while_down_is_not_connected() {
    let mut watch = Watch::of(&[]);
    let wlan0 = new_link(7, "wlan0").carrier(true).counts(0, 0);
    assert_eq!(
        watch.after(&wlan0.clone().change(ALL_CHANGED)),
        ["wlan0 added 0/0"]
    );
    let up = watch.after(&wlan0.flags(UP).change(UP));
    assert_eq!(up, ["wlan0 connected 0/0"]);
}

#[test]
fn running_without_carrier_is_not_connected() {
    let mut watch = Watch::of(&[eth0(false, 0, 0)]);
    let odd = eth0(false, 0, 0).flags(UP | RUNNING).operstate(6);
    assert_eq!(watch.after(&odd), NOTHING);
}

#[test]
fn removal_of_a_connected_link_disconnects_it() {
    let mut watch = Watch::of(&[eth0(true, 1, 0), link(8, "eth1", false, 1, 1)]);
    let told = watch.after(&del_link(7, "eth0").carrier(false).counts(1, 1));
    assert_eq!(
        told,
        ["eth0 disconnected 1/0 removed", "eth0 removed 0/0"],
        "the step is counted once"
    );
    let told = watch.after(&del_link(8, "eth1").carrier(false).counts(2, 2));
    assert_eq!(told, ["eth1 removed 2/2"]);
    let told = watch.after(&del_link(8, "eth1").carrier(false).counts(2, 2));
    assert_eq!(told, NOTHING, "it is gone already");
    assert_eq!(watch.table.links().count(), 0);
}

/// The rename was among the messages that were lost: without `renamed` a
/// consumer would wait for the end of the former name for ever.
#[test]
fn a_rename_that_only_the_removal_tells_of_is_reported_first() {
    let gone = || del_link(7, "lan0").carrier(false).counts(2, 2);
    assert_eq!(
        Watch::of(&[eth0(true, 1, 0)]).after(&gone()),
        [
            "lan0 renamed 0/0 from eth0",
            "lan0 disconnected 3/2 removed",
            "lan0 removed 0/0"
        ]
    );
    let start = || [eth0(true, 1, 0)];
    let out_of_scope = Watch::with(&["eth*"], Criterion::Carrier, &start()).after(&gone());
    assert_eq!(
        out_of_scope,
        [
            "eth0 disconnected 3/2 renamed",
            "lan0 renamed 0/0 from eth0"
        ]
    );
    let into_scope = Watch::with(&["lan*"], Criterion::Carrier, &start()).after(&gone());
    assert_eq!(into_scope, NOTHING, "it came and went unheard");
}

#[test]
fn a_link_closed_for_removal_waits_for_its_removal() {
    let closed = new_link(7, "eth0")
        .carrier(false)
        .counts(1, 1)
        .change(CLOSED);
    let mut watch = Watch::of(&[eth0(true, 1, 0)]);
    watch.there = false;
    assert_eq!(watch.apply(&closed), Verdict::Ignored);
    assert_eq!((watch.told(), &watch.asked[..]), (vec![], &[7][..]));
    let told = watch.after(&del_link(7, "eth0").carrier(false).counts(1, 1));
    assert_eq!(told, ["eth0 disconnected 1/0 removed", "eth0 removed 0/0"]);
}

#[test]
fn a_link_closed_for_good_is_down() {
    let closed = new_link(7, "eth0")
        .carrier(false)
        .counts(1, 1)
        .change(CLOSED);
    let mut watch = Watch::of(&[eth0(true, 1, 0)]);
    assert_eq!(watch.after(&closed), ["eth0 disconnected 1/0 admin-down"]);
    assert_eq!(watch.asked, [7]);
    assert_eq!(watch.after(&closed), NOTHING);
    assert_eq!(watch.asked, [7], "nothing depends on the answer now");
}

#[test]
fn a_link_that_the_user_takes_down_is_not_asked_about() {
    let mut watch = Watch::of(&[eth0(true, 1, 0)]);
    watch.there = false;
    let down = new_link(7, "eth0").carrier(true).counts(1, 0).change(UP);
    assert_eq!(watch.after(&down), ["eth0 disconnected 0/0 admin-down"]);
    let up = eth0(true, 1, 0).change(CLOSED);
    assert_eq!(watch.after(&up), ["eth0 connected 0/0"]);
    assert_eq!(watch.asked, [0; 0]);
}

// Identity.

#[test]
fn another_kind_or_address_is_another_link() {
    let veth = || link(7, "veth0", true, 2, 1).link_kind("veth");
    let mut watch = Watch::of(&[veth()]);
    let told = watch.after(&link(7, "br0", true, 3, 1).link_kind("bridge"));
    assert_eq!(
        told,
        [
            "veth0 disconnected 0/0 removed",
            "veth0 removed 0/0",
            "br0 added 3/3",
            "br0 connected 1/0"
        ]
    );

    let hardware = |last| eth0(false, 1, 1).permanent_address([2, 0, 0, 0, 0, last]);
    let mut watch = Watch::of(&[hardware(1)]);
    assert_eq!(watch.after(&eth0(false, 1, 1)), NOTHING, "not told");
    assert_eq!(watch.after(&hardware(1)), NOTHING);
    assert_eq!(
        watch.after(&hardware(2).change(ALL_CHANGED)),
        ["eth0 removed 0/0", "eth0 added 2/2"]
    );
    // A driver may rewrite the address when it resets its card.
    assert_eq!(watch.after(&hardware(4)), NOTHING);
    assert_eq!(watch.resync(&[], &[hardware(4)]), NOTHING);
    let told = watch.resync(&[], &[hardware(3)]);
    assert_eq!(told, ["eth0 removed 0/0", "eth0 added 2/2"]);
}

/// The exchange was unheard of: what the removed link has counted is not the
/// known one's.
#[test]
fn the_removal_of_another_link_removes_the_known_one() {
    let mut watch = Watch::of(&[link(7, "veth0", true, 2, 1).link_kind("veth")]);
    let gone = del_link(7, "br0").link_kind("bridge").carrier(false);
    assert_eq!(
        watch.after(&gone.counts(5, 5)),
        ["veth0 disconnected 0/0 removed", "veth0 removed 0/0"]
    );
}

#[test]
fn a_new_link_with_lower_counters_is_another() {
    let mut watch = Watch::of(&[eth0(true, 2, 1)]);
    let told = watch.after(&eth0(false, 0, 0).change(ALL_CHANGED));
    assert_eq!(
        told,
        [
            "eth0 disconnected 0/0 removed",
            "eth0 removed 0/0",
            "eth0 added 0/0"
        ]
    );
}

#[test]
fn wifi_is_told_from_ethernet_later() {
    let mut watch = Watch::of(&[link(7, "wlan0", true, 1, 0)]);
    assert_eq!(watch.state(7).kind(), LinkKind::Ethernet);
    // Its flags are not to be trusted.
    let event = new_link(7, "wlan0").wireless();
    assert_eq!(watch.apply(&event), Verdict::Ignored);
    assert_eq!(watch.state(7).kind(), LinkKind::Wifi);
    assert!(watch.state(7).is_admin_up());

    let down = watch.after(&link(7, "wlan0", false, 1, 1));
    assert_eq!(down, ["wlan0 disconnected 1/0 no-carrier"]);
    assert_eq!(watch.state(7).kind(), LinkKind::Wifi);
    let listed = watch.resync(&[], &[link(7, "wlan0", true, 2, 1)]);
    assert_eq!(listed, ["wlan0 connected 1/0"]);
    assert_eq!(watch.state(7).kind(), LinkKind::Wifi);
}

#[test]
fn wireless_events_create_and_change_no_link() {
    let mut watch = Watch::of(&[link(7, "veth0", true, 1, 0).link_kind("veth")]);
    let before = watch.state(7).clone();
    for ifindex in [7, 8] {
        let event = new_link(ifindex, "x").counts(9, 9).wireless();
        assert_eq!(watch.apply(&event), Verdict::Ignored);
    }
    assert_eq!(watch.state(7), &before);
    assert_eq!(watch.table.links().count(), 1);
    assert_eq!(watch.told(), NOTHING);
}

#[test]
fn bridge_messages_say_nothing_about_the_link() {
    let mut watch = Watch::of(&[eth0(true, 1, 0)]);
    let before = watch.state(7).clone();
    for message in [
        new_link(7, "eth0").counts(5, 5).master(9),
        new_link(7, "other").carrier(false).counts(5, 5),
        new_link(8, "eth1").carrier(true).counts(1, 0),
        del_link(7, "eth0"),
        del_link(7, "eth0").carrier(false).counts(1, 1),
    ] {
        let message = message.family(AF_BRIDGE);
        assert_eq!(watch.apply(&message), Verdict::Ignored, "{message:?}");
    }
    assert_eq!(watch.state(7), &before);
    assert_eq!(watch.table.links().count(), 1);
    assert_eq!(watch.told(), NOTHING);
}

#[test]
fn a_link_without_a_usable_name_is_not_taken_in() {
    let mut watch = Watch::of(&[]);
    let long = new_link(7, "sixteen-bytes-00").carrier(true).counts(1, 0);
    assert_eq!(watch.apply(&long), Verdict::Ignored);
    assert_eq!(watch.table.links().count(), 0);
}

// Names and scope.

#[test]
fn a_rename_within_the_scope_keeps_the_link() {
    let mut watch = Watch::of(&[eth0(true, 1, 0)]);
    let told = watch.after(&link(7, "lan0", true, 1, 0));
    assert_eq!(told, ["lan0 renamed 0/0 from eth0"]);
    let told = watch.after(&link(7, "lan1", false, 1, 1));
    assert_eq!(
        told,
        [
            "lan1 renamed 0/0 from lan0",
            "lan1 disconnected 1/0 no-carrier"
        ],
        "the rename and the change in one message"
    );
    let told = watch.after(&link(7, "lan2", false, 3, 3));
    assert_eq!(told, ["lan2 renamed 0/0 from lan1", "lan2 flapped 4/4"]);
}

#[test]
fn a_link_renamed_out_of_the_scope_has_a_last_event() {
    let start = [eth0(true, 1, 0), link(8, "eth1", false, 0, 0)];
    let mut watch = Watch::with(&["eth*"], Criterion::Carrier, &start);
    let told = watch.after(&link(7, "wan0", true, 2, 1));
    assert_eq!(
        told,
        [
            "eth0 disconnected 2/1 renamed",
            "wan0 renamed 0/0 from eth0"
        ]
    );
    let told = watch.after(&link(8, "wan1", true, 3, 2));
    assert_eq!(told, ["wan1 renamed 5/5 from eth1"]);
    assert_eq!(watch.after(&link(7, "wan2", false, 2, 2)), NOTHING);
    assert_eq!(watch.after(&del_link(8, "wan1")), NOTHING);
    assert_eq!(watch.table.links().count(), 0);
}

/// With settle times, nothing of it may be held beyond.
#[test]
fn a_rename_out_of_the_scope_is_told_to_be_the_last_event() {
    for carrier in [true, false] {
        let mut watch = Watch::with(&["eth*"], Criterion::Carrier, &[eth0(carrier, 1, 0)]);
        watch.apply(&new_link(7, "lan0").up().carrier(carrier).counts(1, 0));
        let told: Vec<bool> = watch.events.iter().map(Event::is_last).collect();
        assert_eq!(told, vec![true; 1 + usize::from(carrier)]);
    }
}

#[test]
fn a_link_renamed_into_the_scope_starts_from_there() {
    let start = [
        link(7, "wan0", true, 1, 0),
        link(8, "wan1", true, 1, 0),
        link(9, "wan2", false, 1, 1),
    ];
    let mut watch = Watch::with(&["eth*"], Criterion::Carrier, &start);
    assert_eq!(watch.after(&link(7, "wan0", true, 40, 39)), NOTHING);
    assert_eq!(
        watch.after(&link(7, "eth0", true, 41, 40)),
        ["eth0 added 0/0 from wan0", "eth0 connected 0/0"],
        "what it counted out of the scope is not reported"
    );
    let down = watch.after(&eth0(false, 41, 41));
    assert_eq!(down, ["eth0 disconnected 1/0 no-carrier"]);
    let told = watch.after(&link(9, "eth2", false, 1, 1));
    assert_eq!(told, ["eth2 added 0/0 from wan2"]);
    let told = watch.resync(
        &[],
        &[
            eth0(false, 41, 41),
            link(8, "eth1", true, 9, 8),
            link(9, "eth2", false, 1, 1),
        ],
    );
    assert_eq!(told, ["eth1 added 0/0 from wan1", "eth1 connected 0/0"]);
}

#[test]
fn swapped_names_follow_their_links() {
    let start = [eth0(true, 1, 0), link(8, "wan0", false, 4, 4)];
    let mut watch = Watch::with(&["eth0"], Criterion::Carrier, &start);
    watch.after(&link(7, "tmp", true, 1, 0));
    assert_eq!(
        watch.after(&link(8, "eth0", false, 4, 4)),
        ["eth0 added 0/0 from wan0"]
    );
    assert_eq!(watch.after(&link(7, "wan0", true, 1, 0)), NOTHING);
    let indices: Vec<_> = watch.table.links().map(LinkState::ifindex).collect();
    assert_eq!(indices, [8]);
}

#[test]
fn alternative_names_count() {
    let start = [link(7, "enp3s0", true, 5, 4)];
    let mut watch = Watch::with(&["up*"], Criterion::Carrier, &start);
    let told = watch.after(&link(7, "enp3s0", true, 5, 4).alt_names(&["x", "uplink"]));
    assert!(told[0].starts_with("enp3s0 added 0/0"), "{told:?}");
    assert_eq!(told[1..], ["enp3s0 connected 0/0"]);
    let names: Vec<_> = watch.state(7).alt_names().collect();
    assert_eq!(names, [&b"x"[..], b"uplink"]);
    let told = watch.after(&link(7, "enp3s0", true, 5, 4));
    assert_eq!(
        told,
        [
            "enp3s0 disconnected 0/0 renamed",
            "enp3s0 renamed 0/0 from enp3s0"
        ]
    );
}

#[test]
fn loopback_is_watched_only_by_name() {
    let lo = new_link(1, "lo")
        .flags(UP | RUNNING | LOOPBACK)
        .carrier(true);
    let lo = lo.hardware_type(772).counts(0, 0);
    for (patterns, names) in [
        (&[][..], &["eth0"][..]),
        (&["lo"], &["lo"]),
        (&["*"], &["lo", "eth0"]),
    ] {
        let mut watch = Watch::learning(patterns, Criterion::Carrier);
        watch.resync(&[], &[eth0(true, 1, 0), lo.clone()]);
        watch.table.announce(&mut watch.events);
        let told: Vec<_> = watch
            .events
            .iter()
            .map(|event| event.name().unwrap())
            .collect();
        assert_eq!(told, names, "{patterns:?}");
        assert_eq!(watch.state(1).kind(), LinkKind::Loopback);
    }
}

// The criterion `running`.

#[test]
fn a_dormant_link_is_not_running() {
    let start = [eth0(false, 0, 0).operstate(2)];
    let mut watch = Watch::with(&[], Criterion::Running, &start);
    let dormant = eth0(true, 1, 0).flags(UP).operstate(5);
    assert_eq!(watch.after(&dormant), ["eth0 flapped 1/1"]);
    let up = eth0(true, 1, 0).operstate(6);
    assert_eq!(watch.after(&up), ["eth0 connected 0/0"]);
    let told = watch.after(&dormant);
    assert_eq!(told, ["eth0 disconnected 0/0 not-running"]);
    // A wrong key: carrier goes again and the link never ran.
    assert_eq!(watch.after(&eth0(false, 1, 1)), ["eth0 flapped 1/1"]);

    let told = watch.after(&link(8, "wlan0", true, 1, 0).flags(UP).change(ALL_CHANGED));
    assert_eq!(told, ["wlan0 added 1/1"]);
}

#[path = "table_resync_tests.rs"]
mod resync;
