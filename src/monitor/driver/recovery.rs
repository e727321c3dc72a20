//! Making up for what was lost: the socket's faults, and listing all links.

use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use rustc_hash::FxHashMap;

use super::{Monitor, subscribe};
use crate::monitor::table::Table;
use crate::{Error, ErrorKind, Result};

/// The pause before a resync is tried again; it doubles up to the longest.
pub(in crate::monitor) const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
pub(in crate::monitor) const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Errors in a row, none of them a loss of messages, after which another socket
/// is tried. With the pauses between them that is some two seconds.
const MOST_ERRORS: u32 = 11;
/// The longest pause between them.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// How often all links are listed at the end of a watch, if links come and go
/// meanwhile or something fails. Each list is tried a few times too.
pub(in crate::monitor) const MOST_LISTS: u32 = 3;
/// What a datagram takes of the receive buffer at least, however short it is
/// (`struct sk_buff` alone is over 200 bytes).
const LEAST_SIZE: usize = 512;

/// Messages that were lost and not made up for yet.
#[derive(Debug, Default)]
pub(super) struct Loss {
    /// How often the kernel told of it, to be reported.
    pub(super) overruns: u64,
    /// When to list the links; at once if that is past.
    pub(super) due: Option<Instant>,
    /// The pause before the next attempt.
    pause: Duration,
}

/// The socket cannot be read, for a reason other than a loss of messages:
/// memory is short, for example.
#[derive(Debug)]
pub(super) struct Fault {
    /// In a row.
    errors: u32,
    /// Not to be read before. Its descriptor, which stays readable, is not
    /// waited for until then.
    rest: Option<Instant>,
}

impl Monitor {
    /// Lists all links for the last time, more than once if they come and go.
    pub(super) fn list_for_good(&mut self) -> Result<()> {
        let mut listed = Ok(());
        for _ in 0..MOST_LISTS {
            // As in a resync; but not even after an error is there time to rest.
            self.drain()?;
            let complete;
            (complete, listed) = match self.list_and_compare() {
                Ok(complete) => (complete, Ok(())),
                Err(error) => (false, Err(error)),
            };
            if complete {
                self.loss.due = None;
                break;
            }
            self.schedule_resync();
        }
        listed?;
        let overruns = std::mem::take(&mut self.loss.overruns);
        self.follower.report_resync(overruns);
        Ok(())
    }

    /// Reports what is queued and missing up to the states that others, who have
    /// read nothing since they were started, have begun with.
    pub(super) fn end_where_they_begin(&mut self, successors: &[&Monitor]) -> Result<()> {
        let mut states = FxHashMap::default();
        let mut time = SystemTime::now();
        let tables = || {
            let others = successors.iter().map(|other| other.follower.table());
            std::iter::once(self.follower.table()).chain(others)
        };
        for (state, in_scope) in tables().flat_map(Table::states) {
            let ifindex = state.ifindex();
            if states.contains_key(&ifindex) {
                continue;
            }
            // The successor that covers the link under its present name, even if it has
            // another name by then; for a link that this one does not report, the first.
            let is_reported = in_scope || self.follower.table().state(ifindex).is_none();
            let next = tables()
                .skip(1)
                .find(|table| is_reported && table.covers(state))
                .or(tables().nth(1));
            let end = next.and_then(|table| table.state(ifindex));
            states.insert(ifindex, end.cloned());
        }
        let states = states
            .into_iter()
            .filter_map(|(ifindex, state)| Some((ifindex, state?)))
            .collect();
        for successor in successors {
            time = time.min(successor.follower.announced_at());
        }
        let complete = successors.iter().all(|other| other.loss.due.is_none());
        self.follower.end_at(states, time);
        let drained = self.drain();
        self.follower.compare_with_end(complete);
        let overruns = std::mem::take(&mut self.loss.overruns);
        self.follower.report_resync(overruns);
        self.loss.due = None;
        drained
    }

    /// Something was lost: notes that a resync is due.
    pub(super) fn lost(&mut self, error: Error) -> Result<()> {
        if error.kind() == ErrorKind::Overrun {
            self.follower.statistics_mut().overruns += 1;
            self.loss.overruns += 1;
            log::debug!("the kernel dropped messages: {error}");
            self.loss.due.get_or_insert_with(Instant::now);
            return Ok(());
        }
        // Whatever it was, a message may be gone with it.
        let fault = self.fault.get_or_insert(Fault {
            errors: 0,
            rest: None,
        });
        if fault.errors == 0 {
            log::warn!("{error}; trying again");
        }
        fault.errors = fault.errors.saturating_add(1);
        let pause = Duration::from_millis(1 << fault.errors.min(10)).min(LONGEST_REST);
        let until = Instant::now() + pause;
        fault.rest = Some(until);
        self.loss.due = Some(until);
        self.pace.reset();
        self.wakeup.remove(self.socket.as_fd())
    }

    /// The socket can be read.
    pub(super) fn recovered(&mut self) {
        let Some(fault) = &self.fault else {
            return;
        };
        // Read before its time, at the end of a watch that may go on.
        if fault.rest.is_some()
            && let Err(error) = self.wakeup.add(self.socket.as_fd())
        {
            log::debug!("{error}");
            return;
        }
        log::warn!("the socket can be read again; errors: {}", fault.errors);
        self.fault = None;
    }

    /// True if the socket is not to be read now, after errors. Ends the rest
    /// when its time has come.
    pub(super) fn is_resting(&mut self) -> bool {
        let Some(fault) = &mut self.fault else {
            return false;
        };
        match fault.rest {
            Some(until) if until > Instant::now() => return true,
            Some(_) => fault.rest = None,
            None => return false,
        }
        if fault.errors >= MOST_ERRORS {
            match subscribe(&self.namespace, self.buffer_size, &mut self.sieve) {
                Ok((socket, buffer)) => {
                    let foreign = self.socket.foreign_messages();
                    self.follower.statistics_mut().foreign += foreign;
                    self.socket = socket;
                    self.buffer = buffer;
                }
                Err(error) => log::debug!("{error}"),
            }
        }
        if let Err(error) = self.wakeup.add(self.socket.as_fd()) {
            // Nobody would be told of its messages.
            log::debug!("{error}");
            let until = Instant::now() + LONGEST_REST;
            fault.rest = Some(until);
            self.loss.due = Some(until);
            return true;
        }
        false
    }

    /// Makes up for a loss.
    pub(super) fn resync(&mut self) -> Result<()> {
        // The kernel drops every message until the queue is empty
        // (NETLINK_S_CONGESTED, net/netlink/af_netlink.c).
        self.drain()?;
        if self.fault.is_some() {
            return Ok(());
        }
        self.loss.due = None;
        match self.list_and_compare() {
            Ok(complete) => {
                let overruns = std::mem::take(&mut self.loss.overruns);
                self.follower.report_resync(overruns);
                if complete && self.loss.due.is_none() {
                    self.loss.pause = Duration::ZERO;
                } else {
                    self.schedule_resync();
                }
            }
            Err(error) => {
                log::warn!("{error}; trying again");
                self.schedule_resync();
            }
        }
        Ok(())
    }

    /// Tries again later, ever more slowly.
    pub(super) fn schedule_resync(&mut self) {
        self.loss.pause = (self.loss.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let due = Instant::now() + self.loss.pause;
        // Not while the socket is not to be read.
        let rest = self.fault.as_ref().and_then(|fault| fault.rest);
        self.loss.due = Some(rest.map_or(due, |rest| rest.max(due)));
    }

    /// Lists all links, applies what was queued meanwhile, and compares.
    /// Returns false if the list was not complete.
    pub(super) fn list_and_compare(&mut self) -> Result<bool> {
        let snapshot = self.follower.list()?;
        let complete = snapshot.complete;
        self.drain()?;
        if self.fault.is_some() {
            // What is queued may be newer than the list, and cannot be read.
            return Err(Error::new(
                ErrorKind::Other,
                "listing all links: their messages cannot be read now",
            ));
        }
        self.follower.compare(snapshot);
        let table = self.follower.table_mut();
        self.sieve.listed(&mut self.socket, table);
        Ok(complete)
    }

    /// Applies all that is queued now. In a storm the queue may never be
    /// empty; but what was in it is read once as much was read as it holds.
    fn drain(&mut self) -> Result<()> {
        let mut rest = self.buffer;
        loop {
            let read = self.receive()?;
            if self.fault.is_some() || read.messages == 0 && read.emptied {
                return Ok(());
            }
            let taken = read.bytes.max(LEAST_SIZE * read.messages.max(1));
            rest = match rest.checked_sub(taken) {
                Some(rest) => rest,
                None => return Ok(()),
            };
        }
    }
}
