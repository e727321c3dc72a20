use super::*;
use crate::cli::report::link::Outage;
use crate::cli::report::timeline::{State, Times};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;
/// 2026-11-22T10:00:00Z.
const BEGIN: i64 = 1_795_341_600 * SECOND;

/// An event at a time in seconds since the beginning.
fn event(at: i64, kind: EventKind, ifindex: u32, name: &str, connected: bool) -> Line {
    let event = LinkEvent {
        watch: None,
        kind,
        ifindex,
        name: name.to_owned(),
        link_kind: "tun".to_owned(),
        connected,
        transitions: 0,
        unseen: 0,
        reason: None,
        previous_name: None,
        detail: None,
    };
    Line {
        time: BEGIN + at * SECOND,
        event: LogEvent::Link(event),
    }
}

fn initial(at: i64, ifindex: u32, name: &str, connected: bool) -> Line {
    event(at, EventKind::Initial, ifindex, name, connected)
}

fn connected(at: i64, ifindex: u32, name: &str) -> Line {
    event(at, EventKind::Connected, ifindex, name, true).counting(1, 0)
}

fn disconnected(at: i64, ifindex: u32, name: &str) -> Line {
    event(at, EventKind::Disconnected, ifindex, name, false)
        .counting(1, 0)
        .because("no-carrier")
}

fn removed(at: i64, ifindex: u32, name: &str) -> [Line; 2] {
    [
        event(at, EventKind::Disconnected, ifindex, name, false).because("removed"),
        event(at, EventKind::Removed, ifindex, name, false),
    ]
}

fn renamed(at: i64, ifindex: u32, from: &str, to: &str, connected: bool) -> Line {
    let mut line = event(at, EventKind::Renamed, ifindex, to, connected);
    line.link().previous_name = Some(from.to_owned());
    line
}

/// A line that tells of no link: it only says how late it is.
fn end(at: i64) -> Line {
    Line {
        time: BEGIN + at * SECOND,
        event: LogEvent::Resync { overruns: 3 },
    }
}

impl Line {
    fn link(&mut self) -> &mut LinkEvent {
        match &mut self.event {
            LogEvent::Link(event) => event,
            other => panic!("{other:?}"),
        }
    }

    fn counting(mut self, transitions: u64, unseen: u64) -> Line {
        self.link().transitions = transitions;
        self.link().unseen = unseen;
        self
    }

    fn of_watch(mut self, watch: &str) -> Line {
        self.link().watch = Some(watch.to_owned());
        self
    }

    fn because(mut self, reason: &str) -> Line {
        self.link().reason = Some(reason.to_owned());
        self
    }
}

fn account(lines: impl IntoIterator<Item = Line>) -> Account {
    let mut account = Account::default();
    for line in lines {
        account.apply(&line);
    }
    account.finish()
}

/// Seconds connected, disconnected, absent, unknown.
fn seconds(link: &Link) -> [u64; 4] {
    State::ALL.map(|state| link.times.of(state) / SECOND as u64)
}

fn only(account: &Account) -> &Link {
    assert_eq!(account.links.len(), 1, "{:#?}", account.links);
    &account.links[0]
}

fn periods(link: &Link) -> Vec<(i64, i64)> {
    let mut periods: Vec<(i64, i64)> = link
        .longest
        .iter()
        .map(|outage| {
            (
                (outage.start - BEGIN) / SECOND,
                (outage.end - BEGIN) / SECOND,
            )
        })
        .collect();
    periods.sort_unstable();
    periods
}

#[test]
fn a_day_with_two_outages() {
    // By hand: 10 + 60 s out of 1000 s.
    let account = account([
        initial(0, 2, "eth0", true),
        disconnected(100, 2, "eth0"),
        connected(110, 2, "eth0"),
        event(200, EventKind::Flapped, 2, "eth0", true).counting(100, 100),
        disconnected(300, 2, "eth0")
            .counting(7, 6)
            .because("admin-down"),
        connected(360, 2, "eth0"),
        event(400, EventKind::Roamed, 2, "eth0", true).counting(2, 0),
        end(1000),
    ]);
    let link = only(&account);
    assert_eq!(seconds(link), [930, 70, 0, 0]);
    assert_eq!(link.times.share(), Some(0.93));
    assert_eq!((link.outages, link.flaps, link.roams), (2, 1, 1));
    assert_eq!((link.transitions, link.unseen), (112, 106));
    assert_eq!(
        link.longest[0],
        Outage {
            start: BEGIN + 300 * SECOND,
            end: BEGIN + 360 * SECOND,
            reason: Some("admin-down".to_owned()),
            detail: None,
            start_known: true,
            end_known: true,
        }
    );
    assert_eq!((account.resyncs, account.overruns), (1, 3));
    assert_eq!((account.starts, account.unwatched), (1, 0));
}

#[test]
fn an_outage_at_the_ends_of_the_log_counts_as_far_as_it_is_known() {
    let account = account([
        initial(0, 2, "eth0", false),
        connected(10, 2, "eth0"),
        disconnected(30, 2, "eth0"),
        end(35),
    ]);
    let link = only(&account);
    assert_eq!(seconds(link), [20, 15, 0, 0]);
    assert_eq!(link.outages, 2);
    let known: Vec<(bool, bool)> = link
        .longest
        .iter()
        .map(|outage| (outage.start_known, outage.end_known))
        .collect();
    assert_eq!(known, [(false, true), (true, false)]);
}

#[test]
fn nobody_knows_what_was_while_nobody_watched() {
    let account = account([
        initial(0, 2, "eth0", true),
        initial(0, 3, "eth1", false),
        disconnected(10, 2, "eth0"),
        end(20),
        // The machine starts anew: other indexes, the same names.
        initial(100, 5, "eth0", true),
        initial(100, 6, "eth1", false),
        end(200),
    ]);
    assert_eq!(account.links.len(), 2);
    assert_eq!((account.starts, account.unwatched), (2, 80 * SECOND as u64));
    let [eth0, eth1] = [&account.links[0], &account.links[1]];
    assert_eq!(seconds(eth0), [110, 10, 0, 80]);
    assert_eq!((eth0.outages, eth0.ifindex), (1, 5));
    assert!(!eth0.longest[0].end_known);
    assert_eq!(seconds(eth1), [0, 120, 0, 80]);
    assert_eq!(eth1.outages, 1, "it goes on, as far as is known");
    assert_eq!(eth1.longest[0].length(), 100 * SECOND as u64);
    let shown: u64 = eth1
        .timeline
        .condensed(9)
        .iter()
        .map(|span| span.outages)
        .sum();
    assert_eq!(shown, 1);
}

#[test]
fn two_starts_in_a_row_are_two() {
    let account = account([
        initial(0, 2, "eth0", true),
        initial(0, 3, "eth1", true),
        initial(50, 2, "eth0", true),
        initial(50, 3, "eth1", true),
        end(60),
    ]);
    assert_eq!((account.starts, account.unwatched), (2, 50 * SECOND as u64));
    assert_eq!(seconds(&account.links[0]), [10, 0, 0, 50]);
}

#[test]
fn the_watches_of_one_configuration_start_together() {
    // Their lines are mixed, and something happens already.
    let account = account([
        initial(0, 7, "wlan0", true),
        disconnected(1, 7, "wlan0"),
        initial(1, 2, "eth0", true),
        initial(1, 3, "eth1", true),
        connected(2, 7, "wlan0"),
        end(10),
    ]);
    assert_eq!((account.starts, account.unwatched), (1, 0));
    assert_eq!(seconds(&account.links[0]), [9, 0, 0, 0]);
    assert_eq!(seconds(&account.links[2]), [9, 1, 0, 0]);
}

#[test]
fn a_renamed_link_is_the_same_link() {
    let account = account([
        initial(0, 2, "eth0", true),
        renamed(10, 2, "eth0", "wan0", true),
        disconnected(20, 2, "wan0"),
        // Another one gets the name.
        event(25, EventKind::Added, 3, "eth0", false),
        connected(30, 3, "eth0"),
        end(40),
    ]);
    assert_eq!(account.links.len(), 2);
    let [eth0, wan0] = [&account.links[0], &account.links[1]];
    assert_eq!((eth0.name.as_str(), wan0.name.as_str()), ("eth0", "wan0"));
    assert_eq!(wan0.previous_names, ["eth0"]);
    assert_eq!(seconds(wan0), [20, 20, 0, 0]);
    assert_eq!(seconds(eth0), [10, 5, 0, 0]);
    assert_eq!(eth0.outages, 0, "it has not been connected before");
}

#[test]
fn one_that_comes_again_goes_on() {
    let lines = [
        vec![
            event(0, EventKind::Added, 7, "ppp0", false),
            connected(0, 7, "ppp0"),
        ],
        removed(60, 7, "ppp0").into(),
        vec![
            event(100, EventKind::Added, 8, "ppp0", false),
            connected(100, 8, "ppp0"),
        ],
        removed(140, 8, "ppp0").into(),
        vec![end(200)],
    ];
    let account = account(lines.into_iter().flatten());
    let link = only(&account);
    assert_eq!(seconds(link), [100, 0, 100, 0]);
    assert_eq!((link.outages, link.removals), (0, 2));
    assert_eq!(link.times.share(), Some(1.0));
}

#[test]
fn one_that_was_gone_before_the_watch_is_gone() {
    let lines = [
        vec![initial(0, 2, "eth0", true), initial(0, 3, "usb0", true)],
        vec![initial(0, 4, "usb1", true)],
        removed(10, 3, "usb0").into(),
        vec![end(20), initial(50, 2, "eth0", true), end(100)],
    ];
    let account = account(lines.into_iter().flatten());
    let [eth0, usb0, usb1] = [0, 1, 2].map(|number| seconds(&account.links[number]));
    assert_eq!(eth0, [70, 0, 0, 30]);
    assert_eq!(usb0, [10, 0, 60, 30]);
    // Nobody has told what became of this one.
    assert_eq!(usb1, [20, 0, 0, 80]);
}

#[test]
fn out_of_the_patterns_nothing_is_known() {
    let account = account([
        initial(0, 2, "eth0", true),
        event(10, EventKind::Disconnected, 2, "eth0", false).because("renamed"),
        renamed(10, 2, "eth0", "other", false),
        // And back.
        event(30, EventKind::Added, 2, "eth0", false),
        connected(30, 2, "eth0"),
        end(50),
    ]);
    let link = only(&account);
    assert_eq!(link.name, "eth0");
    assert_eq!(seconds(link), [30, 0, 0, 20]);
    assert_eq!((link.outages, link.removals), (0, 0));
}

#[test]
fn where_lines_are_missing_the_time_is_not_known() {
    let account = account([
        initial(0, 2, "eth0", true),
        event(10, EventKind::Flapped, 2, "eth0", true),
        // It was disconnected in between, nobody knows when.
        connected(50, 2, "eth0"),
        disconnected(60, 2, "eth0"),
        disconnected(90, 2, "eth0"),
        event(95, EventKind::Flapped, 2, "eth0", true),
        end(100),
    ]);
    let link = only(&account);
    // 0–10 and 50–60 and 95–100 connected; 90–90 disconnected.
    assert_eq!(seconds(link), [25, 0, 0, 75]);
    assert_eq!((link.missing, link.outages), (3, 2));
}

#[test]
fn a_log_may_begin_in_the_middle() {
    let account = account([
        connected(0, 2, "eth0"),
        renamed(5, 3, "a", "b", false),
        disconnected(10, 2, "eth0"),
        end(20),
    ]);
    assert_eq!(account.starts, 0);
    let names: Vec<&str> = account
        .links
        .iter()
        .map(|link| link.name.as_str())
        .collect();
    assert_eq!(names, ["b", "eth0"]);
    assert_eq!(seconds(&account.links[1]), [10, 10, 0, 0]);
}

#[test]
fn what_is_written_late_counts_from_when_it_happened() {
    // Settled for 30 s; another link has changed meanwhile.
    let account = account([
        initial(0, 2, "eth0", true),
        initial(0, 3, "eth1", true),
        event(110, EventKind::Flapped, 3, "eth1", true),
        disconnected(100, 2, "eth0"),
        end(140),
    ]);
    assert_eq!(seconds(&account.links[0]), [100, 40, 0, 0]);
    assert_eq!(periods(&account.links[0]), [(100, 140)]);
}

#[test]
fn a_clock_that_is_set_back_loses_no_time() {
    let mut account = Account::default();
    let lines = [
        initial(3600, 2, "eth0", true),
        disconnected(3700, 2, "eth0"),
        // Set back by an hour and some seconds between these.
        connected(110, 2, "eth0"),
        end(210),
    ];
    let set: Vec<bool> = lines
        .iter()
        .map(|line| account.apply(line).is_some())
        .collect();
    assert_eq!(set, [false, false, true, false]);
    let account = account.finish();
    assert_eq!(seconds(only(&account)), [200, 0, 0, 0]);
    // The last line is where the log has it, and all is before it.
    assert_eq!(account.clock_time(account.end_time()), BEGIN + 210 * SECOND);
    assert_eq!(
        account.clock_time(account.start_time()),
        BEGIN + 10 * SECOND
    );
}

#[test]
fn links_without_number_take_bounded_room() {
    let number = MOST_GONE as u32 + 500;
    let lines = (0..number).flat_map(|number| {
        let name = format!("veth{number}");
        let mut lines = vec![event(
            i64::from(number),
            EventKind::Added,
            number,
            &name,
            false,
        )];
        lines.extend(removed(i64::from(number), number, &name));
        lines
    });
    let account = account(lines);
    assert_eq!(account.links.len(), MOST_GONE);
    assert_eq!(account.left_out, 500);
    assert!(account.links.iter().all(|link| link.removals == 1));
    assert_eq!(account.links[0].name, "veth500", "the oldest were left out");
}

#[test]
fn names_are_sorted_as_people_count() {
    assert!(natural("eth2") < natural("eth10"));
    assert!(natural("eth") < natural("eth0"));
    assert!(natural("99999999999999999999999") < natural("a"));
}

fn any_line() -> impl Strategy<Value = Line> {
    let kinds = EventKind::ALL.to_vec();
    let reasons = [None, Some("removed"), Some("renamed"), Some("no-carrier")].to_vec();
    (
        0..2000i64,
        proptest::sample::select(kinds),
        2..6u32,
        proptest::sample::select(vec!["a", "b", "c"]),
        any::<bool>(),
        proptest::sample::select(reasons),
    )
        .prop_map(|(at, kind, ifindex, name, connected, reason)| {
            let mut line = event(at, kind, ifindex, name, connected);
            line.link().reason = reason.map(str::to_owned);
            line.link().previous_name = Some("a".to_owned());
            line
        })
}

proptest! {
    /// Whatever the lines are: the states of each link fill the time from its
    /// first line to the end of the log, and its timeline is that time.
    #[test]
    fn the_times_of_a_link_fill_the_log(
        mut lines in proptest::collection::vec(any_line(), 1..200),
        in_order in any::<bool>(),
    ) {
        if in_order {
            lines.sort_by_key(|line| line.time);
        }
        let account = account(lines);
        for link in &account.links {
            let whole = u64::try_from(account.end_time() - link.first).unwrap();
            let sum: u64 = State::ALL.iter().map(|&state| link.times.of(state)).sum();
            prop_assert_eq!(sum, whole);
            let spans = link.timeline.condensed(1000);
            let mut shown = Times::default();
            let mut at = link.first;
            for span in &spans {
                prop_assert_eq!(span.start, at);
                at = span.end;
                shown.add_all(&span.times);
            }
            prop_assert_eq!(shown, link.times);
            prop_assert_eq!(at, if spans.is_empty() { link.first } else { account.end_time() });
            if let Some(share) = link.times.share() {
                prop_assert!((0.0..=1.0).contains(&share));
            }
            let outages: u64 = spans.iter().map(|span| span.outages).sum();
            prop_assert_eq!(outages, link.outages);
        }
    }

    /// Also with watches; and no more is unwatched than the log is long.
    #[test]
    fn the_times_of_the_links_of_watches_fill_the_log(
        lines in proptest::collection::vec((any_line(), 0..4usize, any::<bool>()), 1..200),
    ) {
        let watches = [None, Some("a"), Some("b"), Some("c")];
        let with_watch = |(mut line, watch, is_initial): (Line, usize, bool)| {
            line.link().watch = watches[watch].map(str::to_owned);
            if is_initial {
                line.link().kind = EventKind::Initial;
            }
            line
        };
        let mut lines: Vec<Line> = lines.into_iter().map(with_watch).collect();
        lines.sort_by_key(|line| line.time);
        let account = account(lines);
        let log = u64::try_from(account.end_time() - account.start_time()).unwrap();
        prop_assert!(account.unwatched <= log);
        for link in &account.links {
            let whole = u64::try_from(account.end_time() - link.first).unwrap();
            let sum: u64 = State::ALL.iter().map(|&state| link.times.of(state)).sum();
            prop_assert_eq!(sum, whole);
        }
    }
}

#[path = "watches_tests.rs"]
mod watches;
