//! What every way of following links shares: the table, the questions to the
//! kernel, and the events that are ready.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::time::{Instant, SystemTime};

use rustc_hash::FxHashMap;

#[cfg(feature = "genl")]
use super::detail::DetailQuery;
use super::settle::Settler;
use super::wifi::Wifi;
use super::{Event, LinkState, MonitorBuilder, Statistics, Table, Verdict};
use crate::Result;
use crate::nl::{LinkLayouts, LinkQuery, RawMessage, Snapshot};

/// Applies messages and snapshots to the table, whoever reads them.
#[derive(Debug)]
pub(super) struct Follower {
    table: Table,
    layouts: LinkLayouts,
    query: LinkQuery,
    wifi: Wifi,
    settler: Settler,
    #[cfg(feature = "genl")]
    details: Option<DetailQuery>,
    /// The links whose `initial` is still to be told: an event for each would
    /// take as much memory as the table.
    initial: std::vec::IntoIter<u32>,
    /// When it was begun to tell them.
    announced_at: SystemTime,
    /// From the table.
    fresh: VecDeque<Event>,
    /// From there, not yet through the settler.
    told: VecDeque<Event>,
    ready: VecDeque<Event>,
    /// Events have no later time than this.
    latest: Option<SystemTime>,
    statistics: Statistics,
}

impl Follower {
    /// `listens` tells whether announcements of nl80211 are listened to.
    pub(super) fn new(builder: MonitorBuilder, listens: bool) -> Result<Follower> {
        let mut table = Table::new(builder.scope.patterns, builder.criterion);
        table.set_notices(builder.notices);
        Ok(Follower {
            table,
            layouts: LinkLayouts::default(),
            query: LinkQuery::new(&builder.namespace)?,
            #[cfg(feature = "genl")]
            details: builder
                .details
                .then(|| DetailQuery::new(&builder.namespace)),
            wifi: Wifi::new(builder.namespace, listens),
            settler: Settler::new(builder.settle),
            initial: Vec::new().into_iter(),
            announced_at: SystemTime::UNIX_EPOCH,
            fresh: VecDeque::new(),
            told: VecDeque::new(),
            ready: VecDeque::new(),
            latest: None,
            statistics: Statistics::default(),
        })
    }

    /// The messages that are applied until [`end_read`](Self::end_read) were read at
    /// this time, after what was already there was told.
    pub(super) fn begin_read(&mut self, time: SystemTime) {
        self.tell_initial();
        let time = self.latest.map_or(time, |latest| time.min(latest));
        self.table.set_read_at(Some(time));
    }

    pub(super) fn end_read(&mut self) {
        self.table.set_read_at(None);
    }

    /// Applies one message; those that are not about links do nothing.
    pub(super) fn apply(&mut self, message: &RawMessage<'_>) {
        let parsed = message.link_by(&mut self.layouts);
        let link = match &parsed {
            Ok(Some(link)) => link,
            Ok(None) => return,
            Err(error) => {
                self.statistics.malformed += 1;
                log::debug!("{error}");
                return;
            }
        };
        log::trace!("{link}");
        self.statistics.messages += 1;
        self.tell_initial();
        let query = &mut self.query;
        let is_there = |ifindex| is_there(query, ifindex);
        match self.table.apply(link, is_there, &mut self.fresh) {
            Verdict::Applied => {}
            Verdict::Stale => self.statistics.stale += 1,
            Verdict::Ignored => self.statistics.ignored += 1,
        }
    }

    pub(super) fn table_mut(&mut self) -> &mut Table {
        &mut self.table
    }

    pub(super) fn statistics_mut(&mut self) -> &mut Statistics {
        &mut self.statistics
    }

    /// What was counted here and while asking the kernel.
    pub(super) fn statistics(&self) -> Statistics {
        let mut statistics = self.statistics;
        statistics.foreign += self.query.foreign_messages();
        statistics
    }

    /// True if [`next_event`](Self::next_event) would return one.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.fresh.is_empty() || self.initial.len() > 0
    }

    /// True if several fresh events are ready.
    #[inline]
    pub(super) fn has_several(&self) -> bool {
        self.fresh.len() > 1
    }

    /// Lists all links. What is applied before [`compare`](Self::compare) may
    /// be older or newer than the list.
    pub(super) fn list(&mut self) -> Result<Snapshot<LinkState>> {
        self.table.begin_resync();
        Ok(self.query.dump(LinkState::from_message)?.flatten())
    }

    /// Compares the list with the table, once all that was queued while it was
    /// made has been applied.
    pub(super) fn compare(&mut self, snapshot: Snapshot<LinkState>) {
        self.tell_initial();
        let query = &mut self.query;
        let is_there = |ifindex| is_there(query, ifindex);
        self.table
            .finish_resync(snapshot, is_there, &mut self.fresh);
    }

    /// Reports the initial states; from now on, changes are reported.
    pub(super) fn announce(&mut self) {
        self.wifi.identify(self.table.links_mut());
        self.initial = self.table.begin_report().into_iter();
        self.announced_at = SystemTime::now();
    }

    /// Before the links change, what they were at the start is made sure of.
    fn tell_initial(&mut self) {
        for ifindex in self.initial.by_ref() {
            self.fresh
                .extend(self.table.initial(ifindex, self.announced_at));
        }
    }

    /// When the initial states were known.
    pub(super) fn announced_at(&self) -> SystemTime {
        self.announced_at
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// From now on, messages that are newer than these states are left out: they
    /// are for others to report, who began with them at this time.
    pub(super) fn end_at(&mut self, states: FxHashMap<u32, LinkState>, time: SystemTime) {
        self.table.set_end(states);
        self.latest = Some(time);
    }

    /// Reports what is still missing up to there.
    pub(super) fn compare_with_end(&mut self, complete: bool) {
        self.begin_read(SystemTime::now());
        // Not before: the states decide over whatever message was applied.
        self.table.begin_resync();
        let mut links: Vec<LinkState> = self.table.take_end().into_values().collect();
        links.sort_unstable_by_key(LinkState::ifindex);
        self.compare(Snapshot { links, complete });
        self.end_read();
    }

    fn next_fresh(&mut self) -> Option<Event> {
        match self.initial.next() {
            Some(ifindex) => self.table.initial(ifindex, self.announced_at),
            None => self.fresh.pop_front(),
        }
    }

    /// Nothing is to be waited for any more.
    pub(super) fn stop_listening(&mut self) {
        self.wifi.stop();
    }

    /// A descriptor to wait for beside the socket, if it is not waited for yet.
    pub(super) fn new_source(&mut self) -> Option<BorrowedFd<'_>> {
        self.wifi.new_source()
    }

    /// Reports that losses were made up for.
    pub(super) fn report_resync(&mut self, overruns: u64) {
        self.statistics.resyncs += 1;
        self.tell_initial();
        if overruns > 0 {
            let now = SystemTime::now();
            let time = self.latest.map_or(now, |latest| now.min(latest));
            self.fresh.push_back(Event::resync(time, overruns));
        }
    }

    /// The next event that is ready.
    #[inline]
    pub(super) fn next_event(&mut self) -> Option<Event> {
        match self.fresh.front() {
            // As it most often is: nothing is to be found out or waited for.
            Some(event) if self.is_idle() && !self.wifi.concerns(event) => self.fresh.pop_front(),
            _ => self.next_completed(),
        }
    }

    /// True if fresh events are the next ones, as they are.
    #[inline]
    fn is_idle(&self) -> bool {
        self.ready.is_empty()
            && self.told.is_empty()
            && self.initial.len() == 0
            && !self.holds_back()
            && !self.completes()
    }

    fn next_completed(&mut self) -> Option<Event> {
        let mut event = match self.ready.pop_front() {
            Some(event) => event,
            None => self.next_untold()?,
        };
        self.complete(&mut event);
        Some(event)
    }

    fn next_untold(&mut self) -> Option<Event> {
        if self.told.is_empty() {
            let mut event = self.next_fresh()?;
            self.recognise(&mut event);
            if !self.holds_back() {
                return Some(event);
            }
            self.wifi.push(event, Instant::now(), &mut self.told);
        }
        self.next_settled()
    }

    /// What is ready once the next fresh events have been through where some are
    /// held back.
    #[cold]
    fn next_settled(&mut self) -> Option<Event> {
        loop {
            if !self.told.is_empty() {
                self.settle(Instant::now());
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let mut event = self.next_fresh()?;
            self.recognise(&mut event);
            self.wifi.push(event, Instant::now(), &mut self.told);
        }
    }

    /// Takes an event back, to be the next one.
    pub(super) fn give_back(&mut self, event: Event) {
        self.ready.push_front(event);
    }

    /// True if events may have to wait.
    fn holds_back(&self) -> bool {
        self.settler.is_needed() || self.wifi.is_needed()
    }

    fn settle(&mut self, now: Instant) {
        for event in self.told.drain(..) {
            self.settler.push(event, now, &mut self.ready);
        }
    }

    /// Finds out which access points the Wi-Fi links have now, after a time that
    /// nothing is known of.
    pub(super) fn refresh_wifi(&mut self) {
        self.wifi.refresh(Instant::now(), &mut self.told);
    }

    fn recognise(&mut self, event: &mut Event) {
        if let Some(ifindex) = self.wifi.recognise(event) {
            self.table.set_wifi(ifindex);
        }
    }

    /// True if events are completed by what the driver knows.
    fn completes(&self) -> bool {
        #[cfg(feature = "genl")]
        return self.details.is_some();
        #[cfg(not(feature = "genl"))]
        return false;
    }

    /// Adds what the driver knows.
    #[cfg(feature = "genl")]
    fn complete(&mut self, event: &mut Event) {
        if let Some(query) = &mut self.details {
            query.complete(event);
        }
    }

    #[cfg(not(feature = "genl"))]
    fn complete(&mut self, _: &mut Event) {}

    /// Lets go of events that were held back for long enough. To be called when
    /// all that was queued has been applied: a change that waits to be read may
    /// be the one that a held state did not outlast.
    pub(super) fn release_due(&mut self) {
        if self.holds_back() {
            let now = Instant::now();
            self.wifi.receive(now, &mut self.told);
            self.wifi.release(now, &mut self.told);
            self.settle(now);
            self.settler.release(now, &mut self.ready);
        }
    }

    /// Lets go of all that is held back, after what is ready.
    pub(super) fn release_held(&mut self) {
        if self.holds_back() {
            while let Some(mut event) = self.next_fresh() {
                self.recognise(&mut event);
                self.wifi.push(event, Instant::now(), &mut self.told);
            }
            // What nl80211 has said since may be that it was a roam.
            self.wifi.receive(Instant::now(), &mut self.told);
            self.wifi.release_all(&mut self.told);
            self.settle(Instant::now());
            self.settler.release_all(&mut self.ready);
        }
    }

    /// How many events are ready, settle times aside.
    #[cfg(feature = "capi")]
    pub(super) fn pending(&self) -> usize {
        self.ready.len() + self.fresh.len() + self.initial.len()
    }

    /// When an event that is held back will be ready.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let due = [self.settler.next_due(), self.wifi.next_due()];
        due.into_iter().flatten().min()
    }

    /// The links in scope, in the order of their indices.
    pub(super) fn links(&self) -> Vec<&LinkState> {
        let mut links: Vec<&LinkState> = self.table.links().collect();
        links.sort_unstable_by_key(|link| link.ifindex());
        links
    }
}

/// True if the link exists, or the kernel does not answer.
fn is_there(query: &mut LinkQuery, ifindex: u32) -> bool {
    match query.get(ifindex, |_| ()) {
        Ok(answer) => answer.is_some(),
        Err(error) => {
            log::debug!("{error}");
            true
        }
    }
}
