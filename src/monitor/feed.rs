//! Following links through a socket that somebody else reads.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use super::driver::{LONGEST_PAUSE, MOST_LISTS, SHORTEST_PAUSE};
use super::follower::Follower;
use super::wakeup::Wakeup;
use super::{Event, LinkState, MonitorBuilder, Statistics};
use crate::Result;
use crate::nl::{Message, Snapshot};

/// A monitor without a socket of its own: the program that has one hands over
/// each message, and says when messages were lost.
///
/// # Losses
///
/// Links may only be listed once the socket's queue is empty: until then the
/// kernel drops every message without another word (NETLINK_S_CONGESTED,
/// `net/netlink/af_netlink.c`). And what was queued while they were listed is
/// applied before the list is. So [`resync`](Self::resync) may leave both to
/// the messages that follow: the last one in the queue brings it to its end.
pub struct Feed {
    follower: Follower,
    /// Tells whether the socket's queue is empty.
    is_queue_empty: Box<dyn Fn() -> bool + Send>,
    phase: Phase,
    announced: bool,
    overruns: u64,
    /// Not to list the links before this time.
    retry: Option<Instant>,
    pause: Duration,
    wakeup: Wakeup,
}

#[derive(Debug)]
enum Phase {
    /// The table is as good as the messages.
    Following,
    /// Messages were lost. The links are listed once the queue is empty.
    Draining,
    /// The links were listed. They are compared once the queue is empty.
    Listed(Snapshot<LinkState>),
}

impl Feed {
    /// Lists the links of the builder's namespace and has an
    /// [`Initial`](super::EventKind::Initial) event ready for each in scope, as
    /// soon as the socket's queue is empty.
    ///
    /// The socket has joined [`Group::LINK`](crate::nl::Group::LINK) already.
    /// `is_queue_empty` tells whether it has nothing to read now, as poll(2)
    /// does; where that cannot be told, it returns true.
    ///
    /// # Errors
    ///
    /// Where the links cannot be listed.
    pub fn new(
        builder: MonitorBuilder,
        is_queue_empty: impl Fn() -> bool + Send + 'static,
    ) -> Result<Feed> {
        let mut feed = Feed {
            is_queue_empty: Box::new(is_queue_empty),
            phase: Phase::Following,
            announced: false,
            overruns: 0,
            retry: None,
            pause: Duration::ZERO,
            wakeup: Wakeup::new(None, builder.stop.clone())?,
            follower: Follower::new(builder, false)?,
        };
        feed.phase = Phase::Listed(feed.follower.list()?);
        feed.advance()?;
        Ok(feed)
    }

    /// Applies a message that the program received from the kernel; messages
    /// that are not about links do nothing. The sender is checked here, and
    /// what belongs to a list that the program itself asked for (NLM_F_MULTI)
    /// is left out: it may be older than what is known.
    ///
    /// # Errors
    ///
    /// Where links had to be listed and could not be; it is tried again, ever
    /// more slowly, with a later message or [`try_next`](Self::try_next).
    pub fn message(&mut self, message: &Message<'_>) -> Result<()> {
        let is_answer = i32::from(message.header().flags) & libc::NLM_F_MULTI != 0;
        if !message.sender().is_kernel() {
            self.follower.statistics_mut().foreign += 1;
        } else if !is_answer {
            self.follower.apply(message);
        }
        self.advance()
    }

    /// Makes up for lost messages, after the program's socket reported
    /// [`Overrun`](crate::ErrorKind::Overrun).
    ///
    /// # Errors
    ///
    /// As [`message`](Self::message).
    pub fn resync(&mut self) -> Result<()> {
        self.follower.statistics_mut().overruns += 1;
        self.overruns += 1;
        self.phase = Phase::Draining;
        self.retry = None;
        self.advance()
    }

    /// The next event that is ready. The descriptor ([`AsFd`]) is readable when
    /// events that were held back are, when it is time to list the links again
    /// after that has failed, and when the system has slept.
    ///
    /// # Errors
    ///
    /// As [`message`](Self::message).
    pub fn try_next(&mut self) -> Result<Option<Event>> {
        if self.wakeup.take_clock_jump() {
            log::info!("the clock was set, or the system has slept: listing all links");
            self.phase = Phase::Draining;
        }
        self.advance()?;
        // First what was applied: it may be what a held state did not outlast.
        let mut event = self.follower.next_event();
        if event.is_none() {
            let is_queue_empty = (self.is_queue_empty)();
            if is_queue_empty {
                self.follower.release_due();
                event = self.follower.next_event();
            }
            if event.is_none() {
                self.set_timer(is_queue_empty)?;
            }
        }
        Ok(event)
    }

    /// Sees to it that the descriptor is readable when something is due.
    fn set_timer(&mut self, is_queue_empty: bool) -> Result<()> {
        let due = [self.follower.next_due(), self.retry];
        let mut due = due.into_iter().flatten().min();
        let now = Instant::now();
        if !is_queue_empty && due.is_some_and(|due| due <= now) {
            // It has to wait until the program has read the rest.
            due = Some(now + SHORTEST_PAUSE);
        }
        self.wakeup.set_timer(due)
    }

    /// Brings the account to its end, for a watch that ends, as
    /// [`Monitor::conclude`](super::Monitor::conclude) does: lists the links, also
    /// where messages are queued that the program has not read, and lets go of what
    /// settle times hold back.
    ///
    /// # Errors
    ///
    /// Where the links cannot be listed.
    pub fn conclude(&mut self) -> Result<()> {
        let mut listed = Ok(());
        for _ in 0..MOST_LISTS {
            self.phase = Phase::Draining;
            self.retry = None;
            // What is queued is older than the list, and changes nothing any more.
            listed = self.advance_if(|_| true);
            if matches!(self.phase, Phase::Following) {
                break;
            }
        }
        if !(self.is_queue_empty)() {
            // For whoever goes on: after a loss the kernel may be dropping still.
            self.phase = Phase::Draining;
        }
        self.follower.release_held();
        let set = self.set_timer((self.is_queue_empty)());
        listed.and(set)
    }

    /// How many events are ready.
    #[cfg(feature = "capi")]
    pub(crate) fn pending(&self) -> usize {
        self.follower.pending()
    }

    /// The state of the links in scope, in the order of their indices.
    pub fn links(&self) -> Vec<&LinkState> {
        self.follower.links()
    }

    /// What was counted since it was made.
    pub fn statistics(&self) -> Statistics {
        self.follower.statistics()
    }

    /// Goes on with a resync as far as the queue allows, and not before its
    /// time after an attempt that was in vain.
    fn advance(&mut self) -> Result<()> {
        let advanced = self.advance_if(|feed| (feed.is_queue_empty)());
        if advanced.is_err() {
            // So that the descriptor is readable when it is tried again.
            self.set_timer(true)?;
        }
        advanced
    }

    fn advance_if(&mut self, may_list: impl Fn(&Feed) -> bool) -> Result<()> {
        while !matches!(self.phase, Phase::Following)
            && self.retry.is_none_or(|retry| retry <= Instant::now())
            && may_list(self)
        {
            match std::mem::replace(&mut self.phase, Phase::Draining) {
                Phase::Following => unreachable!("the loop's condition"),
                Phase::Draining => match self.follower.list() {
                    Ok(snapshot) => self.phase = Phase::Listed(snapshot),
                    Err(error) => {
                        self.retry_later();
                        return Err(error);
                    }
                },
                Phase::Listed(snapshot) => {
                    let complete = snapshot.complete;
                    self.follower.compare(snapshot);
                    if !std::mem::replace(&mut self.announced, true) {
                        self.follower.announce();
                    }
                    if self.overruns > 0 {
                        let overruns = std::mem::take(&mut self.overruns);
                        self.follower.report_resync(overruns);
                    }
                    if complete {
                        self.phase = Phase::Following;
                        self.retry = None;
                        self.pause = Duration::ZERO;
                    } else {
                        // Links come and go all the time.
                        self.retry_later();
                    }
                }
            }
        }
        Ok(())
    }

    fn retry_later(&mut self) {
        self.pause = (self.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        self.retry = Some(Instant::now() + self.pause);
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("follower", &self.follower)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

/// The descriptor to poll for reading, beside the program's own socket: for events
/// that settle times hold back, for a list that failed and is tried again, and to
/// notice that the system has slept.
impl AsFd for Feed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wakeup.as_fd()
    }
}

impl AsRawFd for Feed {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
