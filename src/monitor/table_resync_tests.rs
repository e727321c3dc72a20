//! Learning, and what a snapshot of all links is compared with.

use super::*;

#[test]
fn learning_is_silent_and_the_announcement_ordered() {
    let mut watch = Watch::learning(&[], Criterion::Carrier);
    watch.apply(&link(9, "c", true, 1, 0));
    watch.apply(&link(9, "c", false, 1, 1));
    watch.apply(&link(4, "gone", true, 1, 0));
    watch.apply(&del_link(4, "gone").carrier(true).counts(1, 0));
    watch.apply(&link(3, "b", true, 1, 0));
    watch.apply(&link(3, "b", false, 0, 0).change(ALL_CHANGED));
    let told = watch.resync(
        &[link(5, "d", true, 1, 0)],
        &[
            link(9, "c", true, 6, 5),
            link(11, "e", false, 1, 1),
            link(3, "b", true, 1, 0),
            link(5, "d", true, 1, 0),
        ],
    );
    assert_eq!(told, NOTHING);
    watch.table.announce(&mut watch.events);
    let connected: Vec<_> = watch.events.iter().map(Event::is_connected).collect();
    assert_eq!(connected, [true, true, true, false]);
    let initial = [
        "b initial 0/0",
        "d initial 0/0",
        "c initial 0/0",
        "e initial 0/0",
    ];
    assert_eq!(watch.told(), initial);
    let down = watch.after(&link(9, "c", false, 6, 6));
    assert_eq!(down, ["c disconnected 1/0 no-carrier"]);
}

#[test]
fn untouched_links_take_the_snapshot() {
    let mut watch = Watch::of(&[eth0(true, 1, 0), link(8, "eth1", true, 1, 0)]);
    let told = watch.resync(
        &[],
        &[
            eth0(false, 3, 3).master(4),
            link(8, "lan1", true, 1, 0).flags(0),
        ],
    );
    assert_eq!(
        told,
        [
            "eth0 disconnected 5/4 no-carrier",
            "lan1 renamed 0/0 from eth1",
            "lan1 disconnected 0/0 admin-down"
        ]
    );
    assert_eq!(watch.state(7).master(), Some(4));
}

#[test]
fn touched_links_keep_the_messages_word() {
    let mut watch = Watch::of(&[eth0(true, 1, 0)]);
    let admin_down = new_link(7, "lan0").carrier(true).counts(1, 0).change(UP);
    let told = watch.resync(&[admin_down], &[eth0(true, 1, 0)]);
    assert_eq!(
        told,
        [
            "lan0 renamed 0/0 from eth0",
            "lan0 disconnected 0/0 admin-down"
        ],
        "the snapshot is as old"
    );
    let told = watch.resync(&[link(7, "lan0", true, 2, 1)], &[eth0(true, 1, 0)]);
    assert_eq!(told, ["lan0 connected 2/1"], "the snapshot is older");
}

#[test]
fn higher_counters_in_the_snapshot_are_newer_than_messages() {
    let mut watch = Watch::of(&[eth0(true, 1, 0)]);
    let told = watch.resync(&[eth0(false, 1, 1)], &[eth0(true, 4, 3)]);
    assert_eq!(
        told,
        ["eth0 disconnected 1/0 no-carrier", "eth0 connected 5/4"]
    );
}

#[test]
fn missing_links_are_removed() {
    let start = [eth0(true, 1, 0), link(8, "eth1", false, 0, 0)];
    let mut watch = Watch::of(&start);
    let told = watch.resync(&[], &[]);
    assert_eq!(
        told,
        [
            "eth0 disconnected 0/0 removed",
            "eth0 removed 0/0",
            "eth1 removed 0/0"
        ]
    );
    // Created after the snapshot was taken.
    let told = watch.resync(&[eth0(true, 0, 0).change(ALL_CHANGED)], &[]);
    assert_eq!(told, ["eth0 added 0/0", "eth0 connected 0/0"]);
    assert_eq!(watch.asked, [0; 0]);
}

#[test]
fn links_are_removed_in_the_order_of_their_indices() {
    let names: Vec<_> = (10..40).map(|index| format!("eth{index}")).collect();
    let links: Vec<_> = (10..40)
        .zip(&names)
        .map(|(index, name)| link(index, name, false, 0, 0))
        .collect();
    let told = Watch::of(&links).resync(&[], &[]);
    let expected: Vec<_> = names
        .iter()
        .map(|name| format!("{name} removed 0/0"))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn links_missing_from_an_incomplete_snapshot_are_asked_about() {
    let start = [eth0(true, 1, 0), link(8, "eth1", true, 1, 0)];
    let mut watch = Watch::of(&start);
    let told = watch.resync_with(&[], &[link(8, "eth1", true, 1, 0)], false);
    assert_eq!((told, &watch.asked[..]), (vec![], &[7][..]));
    watch.there = false;
    let told = watch.resync_with(&[], &[link(8, "eth1", true, 1, 0)], false);
    assert_eq!(told, ["eth0 disconnected 0/0 removed", "eth0 removed 0/0"]);
}

#[test]
fn a_link_in_the_snapshot_alone_is_added() {
    let mut watch = Watch::of(&[]);
    let told = watch.resync(&[], &[eth0(true, 3, 2)]);
    assert_eq!(told, ["eth0 added 4/4", "eth0 connected 1/0"]);
}

#[test]
fn lower_counters_in_the_snapshot_are_another_link() {
    let mut watch = Watch::of(&[eth0(true, 3, 2)]);
    let told = watch.resync(&[], &[eth0(false, 1, 1)]);
    assert_eq!(
        told,
        [
            "eth0 disconnected 0/0 removed",
            "eth0 removed 0/0",
            "eth0 added 2/2"
        ]
    );
}

#[test]
fn an_older_snapshot_does_not_bring_a_link_back() {
    let mut watch = Watch::of(&[eth0(true, 1, 0)]);
    let gone = del_link(7, "eth0").carrier(true).counts(1, 0);
    let told = watch.resync(&[gone], &[eth0(true, 1, 0)]);
    assert_eq!(told, ["eth0 disconnected 0/0 removed", "eth0 removed 0/0"]);
    // The same where the link had never been heard of before.
    let gone = del_link(8, "eth1").carrier(true).counts(1, 0);
    let told = watch.resync(&[gone], &[link(8, "eth1", true, 1, 0)]);
    assert_eq!(told, NOTHING);
    // It is forgotten with the resync.
    let told = watch.resync(&[], &[eth0(true, 1, 0)]);
    assert_eq!(told, ["eth0 added 0/0", "eth0 connected 1/0"]);
}

/// Two links of the same index: the snapshot is about the former.
#[test]
fn an_older_snapshot_is_not_taken_for_the_link_that_came_after() {
    let successor = || link(7, "eth0", false, 0, 0).change(ALL_CHANGED);
    for lost_removal in [false, true] {
        let mut watch = Watch::of(&[eth0(true, 3, 2)]);
        let mut meanwhile = vec![successor()];
        if !lost_removal {
            meanwhile.insert(0, del_link(7, "eth0").carrier(true).counts(3, 2));
        }
        let told = watch.resync(&meanwhile, &[eth0(true, 3, 2)]);
        assert_eq!(
            told,
            [
                "eth0 disconnected 0/0 removed",
                "eth0 removed 0/0",
                "eth0 added 0/0"
            ]
        );
        assert_eq!(watch.after(&successor()), NOTHING);
    }
}

/// A link came and went unheard, and its successor, with lower counters, goes
/// while the links are listed: the snapshot still has it.
#[test]
fn a_successor_removed_meanwhile_is_not_brought_back() {
    let mut watch = Watch::of(&[eth0(true, 3, 2)]);
    let gone = del_link(7, "eth0").carrier(false).counts(0, 0);
    let told = watch.resync(&[gone], &[eth0(false, 0, 0)]);
    assert_eq!(told, ["eth0 disconnected 0/0 removed", "eth0 removed 0/0"]);
    assert_eq!(watch.table.links().count(), 0);
}

/// A link came and went unheard, and its successor changes while the links
/// are listed: by its counters the message looks stale.
#[test]
fn what_a_successor_tells_meanwhile_is_not_lost() {
    let known = || Watch::of(&[eth0(true, 3, 2)]);
    let former = ["eth0 disconnected 0/0 removed", "eth0 removed 0/0"];

    let renamed = link(7, "lan0", true, 1, 0);
    let told = known().resync(std::slice::from_ref(&renamed), &[eth0(true, 1, 0)]);
    assert_eq!(told[..2], former);
    assert_eq!(told[2..], ["lan0 added 0/0", "lan0 connected 1/0"]);

    let told = known().resync(&[renamed], &[link(7, "wan0", false, 1, 1)]);
    assert_eq!(told[..2], former);
    assert_eq!(told[2..], ["wan0 added 2/2"], "the snapshot is newer");
}

/// A list that lacks the counters does not take back what was counted.
#[test]
fn counters_that_a_snapshot_lacks_stay_known() {
    let mut watch = Watch::of(&[eth0(true, 3, 2)]);
    let listed = || new_link(7, "eth0").up().carrier(false);
    let told = watch.resync(&[], &[listed()]);
    assert_eq!(told, ["eth0 disconnected 0/0 no-carrier"]);
    assert_eq!(watch.state(7).transitions(), Some(5));
    let told = watch.resync(&[], &[eth0(true, 4, 3)]);
    assert_eq!(told, ["eth0 connected 2/1"]);
}
