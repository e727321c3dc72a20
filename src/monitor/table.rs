//! The table of known links: pure logic, from messages to events.
//!
//! # Order
//!
//! The kernel announces changes of a link under a lock, so the messages that
//! come through one socket are in order, as long as none is lost. A dump comes
//! through another socket: what it tells of a link may be older or newer than
//! a message that is still queued. Two things tell which:
//!
//! * The carrier counters of a link only grow. Whatever has lower ones than
//!   the table is older than the table.
//! * A snapshot is compared with the table only when all messages that were
//!   queued while it was taken have been applied
//!   ([`begin_resync`](Table::begin_resync),
//!   [`finish_resync`](Table::finish_resync)). A link that none of them was
//!   about has not changed since, so the snapshot is right about it. About the
//!   others the messages are right, unless the snapshot's counters are higher.
//!   Counters of different links under the same index tell nothing: once a
//!   message has told of a removal, the snapshot may be about the former link.

use std::collections::VecDeque;
use std::time::SystemTime;

use rustc_hash::{FxHashMap, FxHashSet};

use super::pattern::Scope;
use super::rules::{Before, Entry, Rules};
use super::{Criterion, Event, EventKind, LinkState, Pattern};
use crate::nl::{LinkChange, LinkFlags, LinkMessage, Snapshot};

/// `ifi_change` of the messages that announce a new link.
const JUST_REGISTERED: u32 = !0;
/// `ifi_change` where the kernel itself closes a link (`dev_close_many`,
/// `net/core/dev.c`), as it does before it removes one. Where a user takes a
/// link down it is IFF_UP alone (`__dev_notify_flags`).
const CLOSED_BY_KERNEL: u32 = LinkFlags::UP.bits() | LinkFlags::RUNNING.bits();

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The table now holds what it told.
    Applied,
    /// It was older than the table (its counters were lower) and changed
    /// nothing.
    Stale,
    /// It says nothing about a link's state: it is about a bridge's port, a
    /// wireless event, or a link that is about to be removed.
    Ignored,
}

/// The known links and what was reported of them.
///
/// A [`Monitor`](super::Monitor) feeds one from the kernel. A program with a
/// netlink loop of its own can do so itself:
///
/// ```
/// use std::collections::VecDeque;
/// use linkwatch::monitor::Table;
/// use linkwatch::nl::{LinkQuery, Namespace};
/// use linkwatch::{Criterion, EventKind};
///
/// let mut query = LinkQuery::new(&Namespace::current())?;
/// let mut table = Table::new(vec!["lo".parse()?], Criterion::Carrier);
/// let mut events = VecDeque::new();
///
/// // Subscribe first, then list the links, then apply what was queued.
/// table.begin_resync();
/// let snapshot = query.dump(linkwatch::LinkState::from_message)?;
/// let snapshot = snapshot.flatten();
/// // … table.apply(&message, …) for each queued message …
/// table.finish_resync(snapshot, |_| true, &mut events);
/// table.announce(&mut events);
///
/// assert_eq!(events[0].kind(), EventKind::Initial);
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug)]
pub struct Table {
    links: FxHashMap<u32, Entry>,
    rules: Rules,
    resync: Resync,
    /// The states that this table ends at: what is newer is for others to report.
    end: Option<FxHashMap<u32, LinkState>>,
    /// Links that have come into scope since somebody asked, if anybody does.
    newcomers: Option<Vec<u32>>,
    /// How many messages were about links that are not in scope.
    out_of_scope: u64,
    highest: u32,
}

#[derive(Debug, Default)]
struct Resync {
    number: u64,
    under_way: bool,
    /// Links that messages have removed or exchanged since it began; the
    /// snapshot may still list them.
    gone: FxHashSet<u32>,
    /// What the last stale message about each link has told since it began. If
    /// the link was exchanged unheard, it was about the new one.
    stale: FxHashMap<u32, LinkState>,
}

impl Resync {
    fn note_gone(&mut self, ifindex: u32) {
        if self.under_way {
            self.gone.insert(ifindex);
            self.stale.remove(&ifindex);
        }
    }

    fn note_stale(&mut self, message: &LinkMessage<'_>) {
        if self.under_way
            && let Some(state) = LinkState::from_message(message)
        {
            self.stale.insert(message.ifindex(), state);
        }
    }

    /// The state of a link that took the place of another: as listed, unless a
    /// message has told of it too and the counters are not against it.
    fn newest(&mut self, listed: LinkState) -> LinkState {
        match self.stale.remove(&listed.ifindex()) {
            Some(told)
                if !told.is_other_than(&listed)
                    && steps(listed.transitions(), told.transitions()).is_some() =>
            {
                told
            }
            _ => listed,
        }
    }
}

impl Table {
    /// An empty table that reports on the links that match a pattern; without
    /// patterns, on all but loopback.
    ///
    /// It reports nothing before [`announce`](Self::announce).
    pub fn new(patterns: Vec<Pattern>, criterion: Criterion) -> Table {
        Table {
            links: FxHashMap::default(),
            rules: Rules {
                scope: Scope { patterns },
                criterion,
                learning: true,
                notices: false,
                read_at: None,
            },
            resync: Resync::default(),
            end: None,
            newcomers: None,
            out_of_scope: 0,
            highest: 0,
        }
    }

    /// Whether what the kernel says beside a link's state is reported, as
    /// [`EventKind::Notice`]. By default it is not.
    pub fn set_notices(&mut self, notices: bool) {
        self.rules.notices = notices;
    }

    /// Messages that are applied from now on were read at this time, together;
    /// without, each event has the time at which it is made.
    pub(super) fn set_read_at(&mut self, time: Option<SystemTime>) {
        self.rules.read_at = time;
    }

    /// Applies one message and appends the events that it gives.
    ///
    /// `still_there` is asked, with the interface index, when the kernel has
    /// closed a connected link: it may do so because it is about to remove it.
    /// It must answer by what the kernel says
    /// ([`LinkQuery::get`](crate::nl::LinkQuery::get)), or true where it
    /// cannot tell. If the link is gone, its removal is left to the
    /// RTM_DELLINK that follows.
    pub fn apply(
        &mut self,
        message: &LinkMessage<'_>,
        still_there: impl FnMut(u32) -> bool,
        events: &mut VecDeque<Event>,
    ) -> Verdict {
        if libc::c_int::from(message.family()) != libc::AF_UNSPEC {
            return Verdict::Ignored;
        }
        if self.is_after_end(message) {
            return Verdict::Ignored;
        }
        match message.change() {
            LinkChange::New => self.apply_new(message, still_there, events),
            LinkChange::Removed => self.apply_removed(message, events),
        }
    }

    /// True if a message is newer than the states that the table ends at.
    fn is_after_end(&self, message: &LinkMessage<'_>) -> bool {
        let Some(end) = &self.end else {
            return false;
        };
        let ifindex = message.ifindex();
        let known = self.links.get(&ifindex);
        match (end.get(&ifindex), message.change()) {
            // It is of a link that was gone by then, or has come since.
            (None, _) => known.is_none(),
            // Of one that had taken the place of the known one by then, the
            // removal is not reported here; that of the known one is.
            (Some(last), LinkChange::Removed) => {
                known.is_none_or(|known| !known.state.is_other_than(last))
            }
            // Or of one that took its place after that.
            (Some(last), LinkChange::New) => {
                let since = steps(last.transitions(), message.transitions());
                let is_next = is_other_link(last, message, since)
                    && known.is_some_and(|known| !known.state.is_other_than(last));
                // A rename, or a link taken down without losing its carrier, is not
                // counted: nothing is reported of what follows the last state.
                let is_reached = known.is_some_and(|known| self.is_reported_alike(known, last));
                is_next || is_reached || steps(message.transitions(), last.transitions()).is_none()
            }
        }
    }

    /// True if nothing would be reported of a link that changed to this state.
    fn is_reported_alike(&self, known: &Entry, last: &LinkState) -> bool {
        let (state, criterion) = (&known.state, self.rules.criterion);
        state.transitions() == last.transitions()
            && state.has_carrier() == last.has_carrier()
            && state.is_connected(criterion) == last.is_connected(criterion)
            && state.name() == last.name()
            && state.alt_names().eq(last.alt_names())
    }

    /// The table is about to end at these states.
    pub(super) fn set_end(&mut self, states: FxHashMap<u32, LinkState>) {
        self.end = Some(states);
    }

    /// Returns what [`set_end`](Self::set_end) was given.
    pub(super) fn take_end(&mut self) -> FxHashMap<u32, LinkState> {
        self.end.take().unwrap_or_default()
    }

    fn apply_new(
        &mut self,
        message: &LinkMessage<'_>,
        mut still_there: impl FnMut(u32) -> bool,
        events: &mut VecDeque<Event>,
    ) -> Verdict {
        let ifindex = message.ifindex();
        let number = self.resync.number;
        if message.carrier().is_none() {
            if let Some(entry) = self.links.get_mut(&ifindex)
                && message.is_wireless_event()
            {
                entry.state.set_wifi();
            }
            return Verdict::Ignored;
        }
        let Some(entry) = self.links.get_mut(&ifindex) else {
            return match LinkState::from_message(message) {
                Some(state) => {
                    self.insert(state, Touch::Message, events);
                    Verdict::Applied
                }
                None => Verdict::Ignored,
            };
        };

        let steps = steps(entry.state.transitions(), message.transitions());
        if is_other_link(&entry.state, message, steps) {
            let Some(state) = LinkState::from_message(message) else {
                return Verdict::Ignored;
            };
            self.remove(ifindex, 0, events);
            self.resync.note_gone(ifindex);
            self.insert(state, Touch::Message, events);
            return Verdict::Applied;
        }
        let Some(steps) = steps else {
            self.resync.note_stale(message);
            return Verdict::Stale;
        };
        let closed =
            !message.flags().contains(LinkFlags::UP) && message.changed_flags() == CLOSED_BY_KERNEL;
        if closed && entry.connected && !still_there(ifindex) {
            return Verdict::Ignored;
        }

        let before = Before::of(entry);
        entry.state.update(message);
        entry.touched = number;
        self.rules.report(entry, &before, steps, events);
        if !entry.in_scope {
            self.out_of_scope += 1;
        } else if !before.in_scope {
            note(&mut self.newcomers, ifindex);
        }
        if let Some(notice) = message.event() {
            self.rules.notice(entry, notice, events);
        }
        Verdict::Applied
    }

    fn apply_removed(
        &mut self,
        message: &LinkMessage<'_>,
        events: &mut VecDeque<Event>,
    ) -> Verdict {
        let ifindex = message.ifindex();
        // Also where it is stale: then it is about a link that the table has
        // not heard of, but the snapshot may have.
        self.resync.note_gone(ifindex);
        let mut counted = 0;
        if let Some(entry) = self.links.get_mut(&ifindex) {
            let Some(steps) = steps(entry.state.transitions(), message.transitions()) else {
                return Verdict::Stale;
            };
            // Of another link in its place, neither state nor counters are its.
            if !entry.state.is_of_other_kind(message) {
                // A rename that was lost comes first, or nobody would be told
                // of the end of the former name.
                let before = Before::of(entry);
                entry.state.update_name(message);
                let leaves = self.rules.loses(entry);
                if entry.in_scope && !leaves {
                    self.rules.report(entry, &before, 0, events);
                }
                if message.carrier().is_some() {
                    entry.state.update(message);
                }
                if leaves {
                    self.rules.report(entry, &before, steps, events);
                } else {
                    counted = steps;
                }
            }
        }
        self.remove(ifindex, counted, events);
        Verdict::Applied
    }

    /// A snapshot is about to be taken. What is applied from now on may be
    /// older or newer than it.
    pub fn begin_resync(&mut self) {
        self.resync = Resync {
            number: self.resync.number + 1,
            under_way: true,
            ..Resync::default()
        };
    }

    /// Compares the snapshot with the table and reports the differences.
    ///
    /// All messages that were queued when the snapshot was complete must have
    /// been applied. `still_there` is asked as in [`apply`](Self::apply),
    /// about links that an [incomplete](Snapshot::complete) snapshot lacks.
    pub fn finish_resync(
        &mut self,
        snapshot: Snapshot<LinkState>,
        mut still_there: impl FnMut(u32) -> bool,
        events: &mut VecDeque<Event>,
    ) {
        for listed in snapshot.links {
            self.compare(listed, events);
        }
        let number = self.resync.number;
        let mut missing: Vec<u32> = self
            .links
            .iter()
            .filter(|(_, entry)| entry.listed != number && entry.touched != number)
            .map(|(&ifindex, _)| ifindex)
            .collect();
        missing.sort_unstable();
        for ifindex in missing {
            if snapshot.complete || !still_there(ifindex) {
                self.remove(ifindex, 0, events);
            }
        }
        self.resync = Resync {
            number,
            ..Resync::default()
        };
    }

    fn compare(&mut self, listed: LinkState, events: &mut VecDeque<Event>) {
        let ifindex = listed.ifindex();
        let number = self.resync.number;
        let gone = self.resync.gone.contains(&ifindex);
        let Some(entry) = self.links.get_mut(&ifindex) else {
            if !gone {
                self.insert(listed, Touch::Snapshot, events);
            }
            return;
        };
        entry.listed = number;
        let touched = entry.touched == number;
        let other = entry.state.is_other_than(&listed);
        match steps(entry.state.transitions(), listed.transitions()) {
            // The messages are as new as the snapshot, or newer.
            None | Some(0) if touched => {}
            // They are about a link that came after the one that is listed.
            _ if touched && (other || gone) => {}
            Some(steps) if !other => {
                let before = Before::of(entry);
                let known = std::mem::replace(&mut entry.state, listed);
                entry.state.keep(&known);
                self.rules.report(entry, &before, steps, events);
                if entry.in_scope && !before.in_scope {
                    note(&mut self.newcomers, ifindex);
                }
            }
            // Without a message about it the link was exchanged for another:
            // its kind or its address differs, or its counters went back.
            _ => {
                self.remove(ifindex, 0, events);
                if !gone {
                    let newest = self.resync.newest(listed);
                    self.insert(newest, Touch::Snapshot, events);
                }
            }
        }
    }

    /// Ends the time of learning: reports each link in scope as `initial`, in
    /// the order of their indices. From now on, changes are reported.
    pub fn announce(&mut self, events: &mut VecDeque<Event>) {
        let now = SystemTime::now();
        for ifindex in self.begin_report() {
            events.extend(self.initial(ifindex, now));
        }
    }

    /// Like [`announce`](Self::announce), but returns the indices of the links
    /// instead, whose events are told before anything else is done.
    pub(super) fn begin_report(&mut self) -> Vec<u32> {
        self.rules.learning = false;
        let mut links = Vec::new();
        for (&ifindex, entry) in self.links.iter_mut().filter(|(_, entry)| entry.in_scope) {
            entry.connected = entry.state.is_connected(self.rules.criterion);
            links.push(ifindex);
        }
        links.sort_unstable();
        links
    }

    /// The `initial` event of a link, whose state was known at this time.
    pub(super) fn initial(&self, ifindex: u32, time: SystemTime) -> Option<Event> {
        let entry = self.links.get(&ifindex)?;
        let (state, connected) = (entry.state.clone(), entry.connected);
        Some(Event::at(time, EventKind::Initial, state, connected, 0))
    }

    /// The links in scope, in no order.
    pub fn links(&self) -> impl Iterator<Item = &LinkState> {
        self.links
            .values()
            .filter(|entry| entry.in_scope)
            .map(|entry| &entry.state)
    }

    /// All known links, and whether they are in scope.
    pub(super) fn states(&self) -> impl Iterator<Item = (&LinkState, bool)> {
        self.links
            .values()
            .map(|entry| (&entry.state, entry.in_scope))
    }

    /// What is known of a link, in scope or not.
    pub(super) fn state(&self, ifindex: u32) -> Option<&LinkState> {
        self.links.get(&ifindex).map(|entry| &entry.state)
    }

    /// True if a link in this state is in scope.
    pub(super) fn covers(&self, state: &LinkState) -> bool {
        self.rules.scope.contains(state)
    }

    /// The links that have come into scope since the last time; none the first
    /// time.
    pub(super) fn take_newcomers(&mut self) -> Vec<u32> {
        match &mut self.newcomers {
            Some(newcomers) if newcomers.is_empty() => Vec::new(),
            newcomers => newcomers.replace(Vec::new()).unwrap_or_default(),
        }
    }

    /// Nobody asks for them any more: they would only take memory.
    pub(super) fn forget_newcomers(&mut self) {
        self.newcomers = None;
    }

    /// How many messages were about links that are not in scope.
    pub(super) fn out_of_scope(&self) -> u64 {
        self.out_of_scope
    }

    /// The highest interface index that was ever heard of.
    pub(super) fn highest(&self) -> u32 {
        self.highest
    }

    /// The links in scope, to add what messages do not tell.
    pub(super) fn links_mut(&mut self) -> impl Iterator<Item = &mut LinkState> {
        self.links
            .values_mut()
            .filter(|entry| entry.in_scope)
            .map(|entry| &mut entry.state)
    }

    /// A link has turned out to be Wi-Fi.
    pub(super) fn set_wifi(&mut self, ifindex: u32) {
        if let Some(entry) = self.links.get_mut(&ifindex) {
            entry.state.set_wifi();
        }
    }

    fn insert(&mut self, state: LinkState, touch: Touch, events: &mut VecDeque<Event>) {
        let number = self.resync.number;
        let mut entry = Entry {
            in_scope: self.rules.scope.contains(&state),
            state,
            connected: false,
            touched: if touch == Touch::Message { number } else { 0 },
            listed: if touch == Touch::Snapshot { number } else { 0 },
        };
        // All that a new link has counted, it has counted since it is there.
        let counted = entry.state.transitions().unwrap_or(0).into();
        self.rules.appear(&mut entry, None, counted, events);
        let ifindex = entry.state.ifindex();
        self.highest = self.highest.max(ifindex);
        match entry.in_scope {
            true => note(&mut self.newcomers, ifindex),
            false => self.out_of_scope += 1,
        }
        self.links.insert(entry.state.ifindex(), entry);
    }

    fn remove(&mut self, ifindex: u32, steps: u64, events: &mut VecDeque<Event>) {
        if let Some(entry) = self.links.remove(&ifindex) {
            self.rules.vanish(entry, steps, events);
        }
    }
}

/// Notes a link that has come into scope, if anybody asks for them.
fn note(newcomers: &mut Option<Vec<u32>>, ifindex: u32) {
    if let Some(newcomers) = newcomers {
        newcomers.push(ifindex);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Touch {
    Message,
    Snapshot,
}

/// The steps from the counters that are known to those that are told; `None`
/// if the latter are older. They may pass 2³² and begin again at 0.
fn steps(known: Option<u32>, told: Option<u32>) -> Option<u64> {
    match (known, told) {
        (Some(known), Some(told)) => {
            let steps = told.wrapping_sub(known);
            (steps <= u32::MAX / 2).then_some(u64::from(steps))
        }
        _ => Some(0),
    }
}

/// True if a message is about a link that has taken the place of the known one
/// under the same index, its removal having been lost.
fn is_other_link(known: &LinkState, message: &LinkMessage<'_>, steps: Option<u64>) -> bool {
    let just_registered = message.changed_flags() == JUST_REGISTERED;
    known.is_of_other_kind(message)
        // The address that a link came with can change: a virtual function
        // gets another one when its card's driver resets it.
        || just_registered && (steps.is_none() || known.came_with_other_address(message))
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "table_properties.rs"]
mod properties;
