//! The account of one link.

use linkwatch::EventKind;

use super::line::LinkEvent;
use super::timeline::{State, Timeline, Times};

/// How many outages are kept: the longest.
const OUTAGES: usize = 20;
/// How many former names are kept: the latest.
const NAMES: usize = 8;

/// A time in which a link was there and not connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outage {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) reason: Option<String>,
    pub(super) detail: Option<String>,
    /// False if it was so when the watch began.
    pub(super) start_known: bool,
    /// False if it was so when the watch ended, or the log.
    pub(super) end_known: bool,
}

impl Outage {
    pub(super) fn length(&self) -> u64 {
        u64::try_from(self.end.saturating_sub(self.start)).unwrap_or(0)
    }
}

/// An outage that lasts.
#[derive(Debug)]
struct Open {
    start: i64,
    reason: Option<String>,
    detail: Option<String>,
    start_known: bool,
    /// False if it goes on since the watch before, which has counted it.
    is_new: bool,
}

/// One link: the interfaces that had its name one after the other, and what
/// they were called meanwhile.
#[derive(Debug)]
pub(super) struct Link {
    /// The watch of a configuration whose account it is.
    pub(super) watch: Option<String>,
    pub(super) name: String,
    pub(super) kind: String,
    /// The last one.
    pub(super) ifindex: u32,
    pub(super) previous_names: Vec<String>,
    state: State,
    /// The last state that was known.
    last_known: State,
    since: i64,
    /// The time of the last line about it.
    told: i64,
    /// Which line of all that was.
    pub(super) line: u64,
    open: Option<Open>,
    /// When it was first told of.
    pub(super) first: i64,
    pub(super) times: Times,
    pub(super) timeline: Timeline,
    pub(super) outages: u64,
    /// The longest first.
    pub(super) longest: Vec<Outage>,
    pub(super) flaps: u64,
    pub(super) transitions: u64,
    pub(super) unseen: u64,
    pub(super) roams: u64,
    pub(super) removals: u64,
    /// How often lines about it were missing.
    pub(super) missing: u64,
}

impl Link {
    pub(super) fn new(event: &LinkEvent, time: i64) -> Link {
        Link {
            watch: event.watch.clone(),
            name: event.name.clone(),
            kind: event.link_kind.clone(),
            ifindex: event.ifindex,
            previous_names: Vec::new(),
            state: State::Unknown,
            last_known: State::Unknown,
            since: time,
            told: time,
            line: 0,
            open: None,
            first: time,
            times: Times::default(),
            timeline: Timeline::default(),
            outages: 0,
            longest: Vec::new(),
            flaps: 0,
            transitions: 0,
            unseen: 0,
            roams: 0,
            removals: 0,
            missing: 0,
        }
    }

    /// When its present state began.
    pub(super) fn since(&self) -> i64 {
        self.since
    }

    pub(super) fn last_told(&self) -> i64 {
        self.told
    }

    pub(super) fn apply(&mut self, event: &LinkEvent, time: i64) {
        self.transitions = self.transitions.saturating_add(event.transitions);
        self.unseen = self.unseen.saturating_add(event.unseen);
        self.ifindex = event.ifindex;
        if !self.is_left_by(event) {
            self.rename(&event.name);
        }
        let reason = event.reason.as_deref();
        match event.kind {
            EventKind::Initial => self.begin(event.connected, time),
            EventKind::Added => {
                if matches!(self.state, State::Connected | State::Disconnected) {
                    // It was still there: its end is not in the log.
                    self.lose_track();
                }
                // No outage, for it was not connected before.
                self.change(State::Disconnected, time);
            }
            EventKind::Connected => {
                if self.state == State::Connected {
                    self.lose_track();
                }
                self.change(State::Connected, time);
            }
            EventKind::Disconnected => {
                if self.state == State::Disconnected {
                    self.lose_track();
                }
                match reason {
                    Some("removed") => self.vanish(time),
                    Some("renamed") => self.change(State::Unknown, time),
                    _ => {
                        self.change(State::Disconnected, time);
                        self.fail(event);
                    }
                }
            }
            EventKind::Removed => {
                if self.state == State::Connected {
                    self.lose_track();
                }
                self.vanish(time);
            }
            kind => {
                match kind {
                    EventKind::Flapped => {
                        self.flaps += 1;
                        self.timeline.flap(time);
                    }
                    EventKind::Roamed => self.roams += 1,
                    _ => {}
                }
                if !self.is_left_by(event) {
                    self.confirm(event.connected, time);
                }
            }
        }
        self.told = self.told.max(time);
    }

    /// True if it is renamed out of the watch's patterns.
    fn is_left_by(&self, event: &LinkEvent) -> bool {
        event.kind == EventKind::Renamed && self.state == State::Unknown && !event.connected
    }

    /// True while a line about its interface is about this link.
    pub(super) fn is_present(&self) -> bool {
        matches!(self.state, State::Connected | State::Disconnected)
    }

    /// The watch has begun: the state at that time.
    fn begin(&mut self, connected: bool, time: i64) {
        let was = self.last_known;
        if connected {
            self.change(State::Connected, time);
            return;
        }
        self.change(State::Disconnected, time);
        // What lasts since the watch before is no other outage.
        let is_new = was != State::Disconnected;
        self.outages += u64::from(is_new);
        self.open = Some(Open {
            start: self.since,
            reason: None,
            detail: None,
            start_known: false,
            is_new,
        });
    }

    /// A line that changes nothing tells the state.
    fn confirm(&mut self, connected: bool, time: i64) {
        let told = match connected {
            true => State::Connected,
            false => State::Disconnected,
        };
        if told == self.state {
            return;
        }
        if matches!(self.state, State::Connected | State::Disconnected) {
            self.lose_track();
        }
        self.begin(connected, time);
    }

    fn fail(&mut self, event: &LinkEvent) {
        self.outages += 1;
        self.open = Some(Open {
            start: self.since,
            reason: event.reason.clone(),
            detail: event.detail.clone(),
            start_known: true,
            is_new: true,
        });
    }

    fn vanish(&mut self, time: i64) {
        self.removals += u64::from(self.state != State::Absent);
        self.change(State::Absent, time);
    }

    /// Lines are missing: what it was after the last one is not known.
    fn lose_track(&mut self) {
        self.missing += 1;
        self.end_knowledge(self.told);
    }

    /// Nothing is known of it from now on.
    pub(super) fn end_knowledge(&mut self, time: i64) {
        self.turn(State::Unknown, time, false);
    }

    fn change(&mut self, state: State, time: i64) {
        self.turn(state, time, true);
    }

    /// A watch that began at that time did not list it. If it was gone before,
    /// it still is; else it may as well be out of the patterns.
    pub(super) fn stay_away(&mut self, time: i64) {
        if self.state == State::Unknown && self.last_known == State::Absent {
            self.change(State::Absent, time);
        }
    }

    /// Ends the present state. `end_known` if the link was seen to change.
    fn turn(&mut self, state: State, time: i64, end_known: bool) {
        let time = time.max(self.since);
        let is_outage = self.open.as_ref().is_some_and(|open| open.is_new);
        self.close_outage(time, end_known);
        let length = u64::try_from(time.saturating_sub(self.since)).unwrap_or(0);
        self.times.add(self.state, length);
        self.timeline.push(self.state, self.since, time, is_outage);
        if self.state != State::Unknown {
            self.last_known = self.state;
        }
        self.state = state;
        self.since = time;
    }

    fn close_outage(&mut self, time: i64, end_known: bool) {
        let Some(open) = self.open.take() else {
            return;
        };
        let outage = Outage {
            start: open.start,
            end: time.max(open.start),
            reason: open.reason,
            detail: open.detail,
            start_known: open.start_known,
            end_known,
        };
        let place = self
            .longest
            .partition_point(|other| other.length() >= outage.length());
        self.longest.insert(place, outage);
        self.longest.truncate(OUTAGES);
    }

    fn rename(&mut self, name: &str) {
        if self.name == name {
            return;
        }
        let former = std::mem::replace(&mut self.name, name.to_owned());
        self.previous_names
            .retain(|known| *known != former && known != name);
        self.previous_names.push(former);
        if self.previous_names.len() > NAMES {
            self.previous_names.remove(0);
        }
    }
}
