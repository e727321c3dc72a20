//! Holding events back until a state has lasted.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::{Event, EventKind};

/// How long a state must last before it is reported. Zero reports at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SettleTimes {
    pub(super) up: Duration,
    pub(super) down: Duration,
}

impl SettleTimes {
    fn of(self, kind: EventKind) -> Duration {
        match kind {
            EventKind::Connected => self.up,
            _ => self.down,
        }
    }
}

/// Between the table and the consumer: holds `connected` and `disconnected`
/// back until the state has lasted. An opposite change before that leaves the
/// link as it was reported: both become one `flapped`, which accounts for the
/// transitions of both.
#[derive(Debug, Default)]
pub(super) struct Settler {
    times: SettleTimes,
    /// By interface index, so that what is due together comes in that order.
    held: BTreeMap<u32, Held>,
}

#[derive(Debug)]
struct Held {
    event: Event,
    due: Instant,
}

impl Settler {
    pub(super) fn new(times: SettleTimes) -> Settler {
        Settler {
            times,
            held: BTreeMap::new(),
        }
    }

    /// Takes an event from the table, and appends what is to be reported now.
    pub(super) fn push(&mut self, event: Event, now: Instant, out: &mut VecDeque<Event>) {
        let Some(ifindex) = event.ifindex() else {
            out.push_back(event);
            return;
        };
        let Some(held) = self.held.remove(&ifindex) else {
            return self.take(event, ifindex, now, out);
        };
        match event.kind() {
            EventKind::Connected | EventKind::Disconnected => {
                // As it was reported before: what was held never lasted.
                let transitions = held.event.transitions();
                out.push_back(event.into_flapped(transitions));
            }
            EventKind::Flapped => {
                // It has not lasted: its time begins anew.
                let due = now + self.times.of(held.event.kind());
                let event = held.event.joined_by(event);
                self.held.insert(ifindex, Held { event, due });
            }
            EventKind::Renamed if !event.is_last() => {
                // The name is told at once, with the state that was reported.
                let renamed = event.reported_as(!held.event.is_connected());
                let event = held.event.renamed_as(&renamed);
                out.push_back(renamed);
                let due = held.due;
                self.held.insert(ifindex, Held { event, due });
            }
            EventKind::Notice => {
                // It says nothing about the state, which is still to last.
                out.push_back(event.reported_as(!held.event.is_connected()));
                self.held.insert(ifindex, held);
            }
            EventKind::Roamed if held.event.is_connected() => {
                // A flap for those who were not told that it is connected.
                let due = held.due;
                let event = held.event.joined_by(event);
                self.held.insert(ifindex, Held { event, due });
            }
            // Nothing comes after these that could cancel what is held.
            _ => out.extend([held.event, event]),
        }
    }

    fn take(&mut self, event: Event, ifindex: u32, now: Instant, out: &mut VecDeque<Event>) {
        let delay = match event.kind() {
            EventKind::Connected => self.times.up,
            EventKind::Disconnected if !event.is_last() => self.times.down,
            _ => Duration::ZERO,
        };
        if delay.is_zero() {
            out.push_back(event);
        } else {
            let due = now + delay;
            self.held.insert(ifindex, Held { event, due });
        }
    }

    /// True if any time is set.
    pub(super) fn is_needed(&self) -> bool {
        self.times != SettleTimes::default()
    }

    /// Appends the events that have been held for long enough, in the order in
    /// which they were due.
    pub(super) fn release(&mut self, now: Instant, out: &mut VecDeque<Event>) {
        let mut due: Vec<(Instant, u32)> = self
            .held
            .iter()
            .filter(|(_, held)| held.due <= now)
            .map(|(&ifindex, held)| (held.due, ifindex))
            .collect();
        due.sort_unstable();
        for (_, ifindex) in due {
            out.extend(self.held.remove(&ifindex).map(|held| held.event));
        }
    }

    /// Appends all that is held, in the order in which it was due.
    pub(super) fn release_all(&mut self, out: &mut VecDeque<Event>) {
        let mut held: Vec<Held> = std::mem::take(&mut self.held).into_values().collect();
        held.sort_by_key(|held| held.due);
        out.extend(held.into_iter().map(|held| held.event));
    }

    /// When the next event is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.held.values().map(|held| held.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::test_messages::{new_link, parse};
    use crate::monitor::{LinkState, Reason};

    const UP: Duration = Duration::from_millis(200);
    const DOWN: Duration = Duration::from_millis(500);

    fn event(kind: EventKind, connected: bool, transitions: u64) -> Event {
        let bytes = new_link(7, "eth0").up().carrier(connected).bytes();
        let state = LinkState::from_message(&parse(&bytes)).unwrap();
        Event::new(kind, state, connected, transitions)
    }

    fn connected(transitions: u64) -> Event {
        event(EventKind::Connected, true, transitions)
    }

    fn disconnected(transitions: u64) -> Event {
        event(EventKind::Disconnected, false, transitions).because(Reason::NoCarrier)
    }

    /// What is reported of events that come at these times (ms), up to `end`.
    fn reported(events: Vec<(u64, Event)>, end: u64) -> Vec<String> {
        let mut settler = Settler::new(SettleTimes { up: UP, down: DOWN });
        let mut out = VecDeque::new();
        let start = Instant::now();
        for (at, event) in events {
            let now = start + Duration::from_millis(at);
            settler.release(now, &mut out);
            settler.push(event, now, &mut out);
        }
        settler.release(start + Duration::from_millis(end), &mut out);
        out.iter()
            .map(|e| format!("{} {} {}", e.kind(), e.is_connected(), e.transitions()))
            .collect()
    }

    #[test]
    fn a_state_that_lasts_is_reported_when_it_has() {
        let pulled = || vec![(0, disconnected(1))];
        assert!(reported(pulled(), 499).is_empty());
        assert_eq!(reported(pulled(), 500), ["disconnected false 1"]);
        assert_eq!(reported(vec![(0, connected(3))], 200), ["connected true 3"]);
    }

    #[test]
    fn an_opposite_change_makes_a_flap_of_both() {
        let events = vec![(0, disconnected(1)), (400, connected(3))];
        assert_eq!(reported(events, 10_000), ["flapped true 4"]);
        let events = vec![(0, disconnected(1)), (600, connected(3))];
        let told = reported(events, 10_000);
        assert_eq!(told, ["disconnected false 1", "connected true 3"]);
    }

    #[test]
    fn a_flap_lets_the_time_begin_anew() {
        let flapped = event(EventKind::Flapped, false, 2);
        let events = || vec![(0, disconnected(1)), (400, flapped.clone())];
        assert!(reported(events(), 899).is_empty());
        assert_eq!(reported(events(), 900), ["disconnected false 3"]);
        let alone = vec![(0, flapped.clone())];
        assert_eq!(reported(alone, 0), ["flapped false 2"], "nothing is held");
    }

    #[test]
    fn removal_is_reported_at_once() {
        let lost = disconnected(0).because(Reason::Removed).ending_report();
        let removed = event(EventKind::Removed, false, 0).ending_report();
        let events = vec![(0, lost.clone()), (0, removed.clone())];
        assert_eq!(
            reported(events, 0),
            ["disconnected false 0", "removed false 0"]
        );
        // The loss before it is told first.
        let events = vec![(0, disconnected(1)), (10, removed.clone())];
        assert_eq!(
            reported(events, 10),
            ["disconnected false 1", "removed false 0"]
        );
        // It was never reported as connected.
        let events = vec![(0, connected(1)), (10, lost), (10, removed)];
        assert_eq!(reported(events, 10), ["flapped false 1", "removed false 0"]);
    }

    #[test]
    fn a_rename_is_told_at_once_with_the_state_that_was_reported() {
        let renamed = event(EventKind::Renamed, false, 0);
        let events = vec![(0, disconnected(1)), (10, renamed.clone())];
        assert_eq!(reported(events.clone(), 10), ["renamed true 0"]);
        assert_eq!(
            reported(events, 500),
            ["renamed true 0", "disconnected false 1"]
        );
        let out_of_scope = renamed.ending_report();
        let events = vec![(0, disconnected(1)), (10, out_of_scope)];
        assert_eq!(
            reported(events, 10),
            ["disconnected false 1", "renamed false 0"]
        );
    }

    #[test]
    fn a_notice_lets_nothing_go_that_has_not_lasted() {
        let notice = event(EventKind::Notice, false, 0);
        let events = vec![(0, disconnected(1)), (10, notice), (400, connected(1))];
        assert_eq!(
            reported(events, 10_000),
            ["notice true 0", "flapped true 2"]
        );
    }

    #[test]
    fn a_roam_before_the_connection_has_lasted_is_part_of_it() {
        let roamed = event(EventKind::Roamed, true, 2);
        let events = vec![(0, connected(1)), (10, roamed)];
        assert_eq!(reported(events, 10_000), ["connected true 3"]);
    }

    #[test]
    fn what_is_held_when_the_watch_ends_is_told_in_order() {
        let mut settler = Settler::new(SettleTimes { up: UP, down: DOWN });
        let (mut out, now) = (VecDeque::new(), Instant::now());
        for ifindex in [9, 8, 7] {
            let bytes = new_link(ifindex, "eth0").up().carrier(false).bytes();
            let state = LinkState::from_message(&parse(&bytes)).unwrap();
            let lost = Event::new(EventKind::Disconnected, state, false, 1);
            settler.push(lost, now - UP / ifindex.unsigned_abs(), &mut out);
        }
        settler.push(event(EventKind::Flapped, false, 2), now + UP, &mut out);
        assert!(out.is_empty());
        settler.release_all(&mut out);
        let told: Vec<_> = out.iter().map(|e| (e.ifindex(), e.transitions())).collect();
        assert_eq!(told, [(Some(8), 1), (Some(9), 1), (Some(7), 3)]);
        assert_eq!(settler.next_due(), None);
    }

    #[test]
    fn what_is_due_together_comes_in_the_order_of_the_links() {
        let (now, links) = (Instant::now(), 1..=40);
        let release: [fn(&mut Settler, Instant, &mut VecDeque<Event>); 2] =
            [Settler::release, |settler, _, out| settler.release_all(out)];
        for release in release {
            let mut settler = Settler::new(SettleTimes { up: UP, down: DOWN });
            let mut out = VecDeque::new();
            for ifindex in links.clone().rev() {
                let bytes = new_link(ifindex, "eth0").up().carrier(false).bytes();
                let state = LinkState::from_message(&parse(&bytes)).unwrap();
                let lost = Event::new(EventKind::Disconnected, state, false, 1);
                settler.push(lost, now, &mut out);
            }
            release(&mut settler, now + DOWN, &mut out);
            let order = out.iter().filter_map(Event::ifindex);
            assert!(order.eq(links.clone().map(i32::unsigned_abs)), "{out:?}");
        }
    }

    #[test]
    fn without_times_nothing_is_held() {
        let mut settler = Settler::default();
        assert!(!settler.is_needed());
        let mut out = VecDeque::new();
        settler.push(disconnected(1), Instant::now(), &mut out);
        assert_eq!(out.len(), 1);
        assert_eq!(settler.next_due(), None);
    }
}
