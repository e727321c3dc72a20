//! Which events a change of a link gives.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::pattern::Scope;
use super::{Criterion, Event, EventKind, LinkState, Reason};
use crate::nl::{Name, Notice};

/// A link in the table, and what was reported of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) state: LinkState,
    pub(super) in_scope: bool,
    /// What was reported last.
    pub(super) connected: bool,
    /// The resync during which the last message about the link was applied.
    pub(super) touched: u64,
    /// The resync whose snapshot listed it last.
    pub(super) listed: u64,
}

/// What decides which events a change gives.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) scope: Scope,
    pub(super) criterion: Criterion,
    /// Until the initial state is announced, nothing is reported.
    pub(super) learning: bool,
    pub(super) notices: bool,
    /// When what is being applied was read, if it was read with more.
    pub(super) read_at: Option<SystemTime>,
}

/// What an entry was before a change.
pub(super) struct Before {
    name: Name,
    pub(super) in_scope: bool,
    carrier: bool,
}

impl Before {
    pub(super) fn of(entry: &Entry) -> Before {
        Before {
            name: entry.state.name(),
            in_scope: entry.in_scope,
            carrier: entry.state.has_carrier(),
        }
    }
}

impl Rules {
    /// An event of what is being applied.
    fn event(&self, kind: EventKind, state: LinkState, connected: bool, steps: u64) -> Event {
        let time = self.read_at.unwrap_or_else(SystemTime::now);
        Event::at(time, kind, state, connected, steps)
    }

    /// Reports what has become of a link that was known before. `steps` are
    /// those that the counters took.
    #[inline]
    pub(super) fn report(
        &self,
        entry: &mut Entry,
        before: &Before,
        mut steps: u64,
        events: &mut VecDeque<Event>,
    ) {
        if entry.state.transitions().is_none() && entry.state.has_carrier() != before.carrier {
            // A kernel without counters: this is the one step we know of.
            steps = 1;
        }
        let renamed = entry.state.name() != before.name;
        entry.in_scope = self.scope.contains(&entry.state);
        if self.learning {
            return;
        }
        if before.in_scope && entry.in_scope && !renamed {
            self.assess(entry, steps, events);
        } else {
            self.report_move(entry, before, steps, events);
        }
    }

    /// Likewise, of a link that has another name, or has come into scope or left
    /// it.
    #[cold]
    fn report_move(
        &self,
        entry: &mut Entry,
        before: &Before,
        mut steps: u64,
        events: &mut VecDeque<Event>,
    ) {
        match (before.in_scope, entry.in_scope) {
            (false, false) => {}
            (false, true) => {
                // What it counted out of the scope is not this watch's.
                // (Where an alternative name brought it in, the former name is
                // also its present one.)
                self.appear(entry, Some(before.name), 0, events);
            }
            (true, false) => {
                if entry.connected {
                    entry.connected = false;
                    let state = entry.state.with_name(before.name);
                    events.push_back(
                        self.event(EventKind::Disconnected, state, false, steps)
                            .because(Reason::Renamed)
                            .ending_report(),
                    );
                    steps = 0;
                }
                let state = entry.state.clone();
                events.push_back(
                    self.event(EventKind::Renamed, state, false, steps)
                        .formerly(Some(before.name))
                        .ending_report(),
                );
            }
            (true, true) => {
                let state = entry.state.clone();
                events.push_back(
                    self.event(EventKind::Renamed, state, entry.connected, 0)
                        .formerly(Some(before.name)),
                );
                self.assess(entry, steps, events);
            }
        }
    }

    /// True if a link that was in scope is not any more.
    pub(super) fn loses(&self, entry: &Entry) -> bool {
        entry.in_scope && !self.scope.contains(&entry.state)
    }

    /// Reports the difference between what was reported and what is.
    fn assess(&self, entry: &mut Entry, steps: u64, events: &mut VecDeque<Event>) {
        let connected = entry.state.is_connected(self.criterion);
        let kind = match (entry.connected, connected) {
            (false, true) => EventKind::Connected,
            (true, false) => EventKind::Disconnected,
            _ if steps > 0 => EventKind::Flapped,
            _ => return,
        };
        entry.connected = connected;
        let mut event = self.event(kind, entry.state.clone(), connected, steps);
        if let Some(reason) = entry.state.why_disconnected(self.criterion)
            && kind == EventKind::Disconnected
        {
            event = event.because(reason);
        }
        events.push_back(event);
    }

    /// Reports what the kernel said beside the link's state.
    pub(super) fn notice(&self, entry: &Entry, notice: Notice, events: &mut VecDeque<Event>) {
        if self.notices && entry.in_scope && !self.learning {
            let state = entry.state.clone();
            let event = self.event(EventKind::Notice, state, entry.connected, 0);
            events.push_back(event.noticing(notice));
        }
    }

    pub(super) fn appear(
        &self,
        entry: &mut Entry,
        former: Option<Name>,
        steps: u64,
        events: &mut VecDeque<Event>,
    ) {
        if self.learning || !entry.in_scope {
            return;
        }
        let connected = entry.state.is_connected(self.criterion);
        // The last step is the one that `connected` reports.
        let last = u64::from(connected).min(steps);
        let state = entry.state.clone();
        events.push_back(
            self.event(EventKind::Added, state, false, steps - last)
                .formerly(former),
        );
        self.assess(entry, last, events);
    }

    pub(super) fn vanish(&self, mut entry: Entry, mut steps: u64, events: &mut VecDeque<Event>) {
        if self.learning || !entry.in_scope {
            return;
        }
        if std::mem::take(&mut entry.connected) {
            let state = entry.state.clone();
            events.push_back(
                self.event(EventKind::Disconnected, state, false, steps)
                    .because(Reason::Removed)
                    .ending_report(),
            );
            steps = 0;
        }
        events.push_back(
            self.event(EventKind::Removed, entry.state, false, steps)
                .ending_report(),
        );
    }
}
