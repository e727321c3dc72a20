//! The link in the kernel.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use linkwatch::nl::{LinkQuery, MessageBuilder, Namespace, Protocol, Socket};
use linkwatch::{Criterion, Event, EventKind, LinkState, Monitor, Reason};

use super::options::{Interface, Settings};
use super::plan::Link;

/// `struct ifinfomsg`, `linux/rtnetlink.h`, up to the index.
const INDEX_OFFSET: usize = 4;
/// After which a link that could not be set up is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What is watched, and set up where it is down.
#[derive(Debug)]
pub(super) struct Watched {
    interface: Interface,
    criterion: Criterion,
    sets_up: bool,
    monitor: Monitor,
    /// Messages after which it was looked at.
    looked_after: u64,
    /// An event has left open how it is.
    is_unclear: bool,
    /// It could not be set up, and is tried again then.
    retry: Option<Instant>,
}

impl Watched {
    pub(super) fn new(settings: &Settings) -> Result<Watched> {
        let monitor = Monitor::builder()
            .patterns([settings.interface.pattern.clone()])
            .criterion(settings.criterion)
            .build()?;
        Ok(Watched {
            interface: settings.interface.clone(),
            criterion: settings.criterion,
            sets_up: settings.sets_up,
            looked_after: monitor.statistics().messages,
            is_unclear: false,
            retry: None,
            monitor,
        })
    }

    /// The next event that is there.
    pub(super) fn next_event(&mut self) -> Result<Option<Event>> {
        Ok(self.monitor.try_next()?)
    }

    /// What an event says of the link, if it says anything.
    pub(super) fn observed(&mut self, event: &Event) -> Option<Link> {
        match (event.kind(), event.reason()) {
            (EventKind::Connected, _) => Some(Link::Up),
            // Another event follows and says so.
            (EventKind::Disconnected, Some(Reason::Removed | Reason::Renamed)) => None,
            // It is set up again, and may have carrier then.
            (EventKind::Disconnected, Some(Reason::AdminDown)) if self.sets_up => {
                self.is_unclear = true;
                None
            }
            (EventKind::Disconnected, _) => Some(Link::Down),
            (EventKind::Added, _) => {
                self.is_unclear = true;
                None
            }
            (EventKind::Removed, _) => Some(Link::Gone),
            // It may still be known by an alternative name.
            (EventKind::Renamed, _) if !self.is_watched(event.ifindex()) => Some(Link::Gone),
            _ => None,
        }
    }

    fn is_watched(&self, ifindex: Option<u32>) -> bool {
        let links = self.monitor.links();
        links.iter().any(|link| Some(link.ifindex()) == ifindex)
    }

    /// Whether the link has to be looked at, after all events: not every change
    /// is one. A link without carrier that is taken down is as disconnected as
    /// before, and is not to stay down. Nor does the kernel tell what kept one
    /// down no longer does (rfkill, firmware that is missing).
    pub(super) fn needs_look(&mut self) -> bool {
        let messages = self.monitor.statistics().messages;
        let has_news = std::mem::replace(&mut self.looked_after, messages) != messages;
        let is_unclear = std::mem::take(&mut self.is_unclear);
        let is_taken_down = || self.sets_up && self.link().is_some_and(|link| !link.is_admin_up());
        let is_due = self.retry.is_some_and(|due| due <= Instant::now());
        is_unclear || is_due || (has_news && is_taken_down())
    }

    /// When it has to be looked at, whether there are events or not.
    pub(super) fn due(&self) -> Option<Instant> {
        self.retry
    }

    /// How the link is now, set up before where that is asked for.
    pub(super) fn look(&mut self) -> Link {
        let state = match self.link().cloned() {
            Some(link) if self.sets_up && !link.is_admin_up() => self.set_up(link),
            state => {
                self.retry = None;
                state
            }
        };
        match state {
            None => Link::Gone,
            Some(state) if state.is_connected(self.criterion) => Link::Up,
            Some(_) => Link::Down,
        }
    }

    fn link(&self) -> Option<&LinkState> {
        self.monitor.links().first().copied()
    }

    /// Sets the link up, and returns how it is then.
    fn set_up(&mut self, link: LinkState) -> Option<LinkState> {
        let name = &self.interface.name;
        match (request_up(link.ifindex()), self.retry.take()) {
            (Ok(()), None) => log::debug!("{name} was down and is up now"),
            (Ok(()), Some(_)) => log::info!("{name} could be set up now"),
            (Err(error), before) => {
                // Once, however often it is tried.
                if before.is_none() {
                    log::warn!("setting {name} up: {error:#}; trying again");
                }
                self.retry = Instant::now().checked_add(RETRY);
            }
        }
        let state = LinkQuery::new(&Namespace::current())
            .and_then(|mut query| query.get(link.ifindex(), LinkState::from_message));
        match state {
            Ok(state) => state.flatten(),
            Err(error) => {
                log::warn!("asking how {name} is: {error}");
                Some(link)
            }
        }
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.monitor.as_fd()
    }
}

/// Asks the kernel to set a link up.
fn request_up(ifindex: u32) -> Result<()> {
    let up = libc::IFF_UP.cast_unsigned().to_ne_bytes();
    let mut header = [0; 16];
    header[INDEX_OFFSET..8].copy_from_slice(&ifindex.to_ne_bytes());
    header[8..12].copy_from_slice(&up); // ifi_flags
    header[12..].copy_from_slice(&up); // ifi_change
    let mut request = MessageBuilder::new(libc::RTM_NEWLINK, 0)?;
    request.append(&header)?;
    let mut socket = Socket::connect(Protocol::Route).context("opening a socket")?;
    Ok(socket.request(&mut request)?)
}
