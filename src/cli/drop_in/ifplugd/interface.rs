//! The link in the kernel.

use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context, Result};
use linkwatch::nl::{LinkQuery, MessageBuilder, Namespace, Protocol, Socket};
use linkwatch::{Criterion, Event, EventKind, LinkState, Monitor, Reason};

use super::options::{Interface, Settings};
use super::plan::Link;

/// `struct ifinfomsg`, `linux/rtnetlink.h`, up to the index.
const INDEX_OFFSET: usize = 4;

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
    /// before, and is not to stay down.
    pub(super) fn needs_look(&mut self) -> bool {
        let messages = self.monitor.statistics().messages;
        let has_news = std::mem::replace(&mut self.looked_after, messages) != messages;
        let is_unclear = std::mem::take(&mut self.is_unclear);
        let is_taken_down = || self.sets_up && self.link().is_some_and(|link| !link.is_admin_up());
        is_unclear || (has_news && is_taken_down())
    }

    /// How the link is now, set up before where that is asked for.
    pub(super) fn look(&self) -> Link {
        let Some(link) = self.link() else {
            return Link::Gone;
        };
        let state = match self.sets_up && !link.is_admin_up() {
            true => self.set_up(link),
            false => Some(link.clone()),
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
    fn set_up(&self, link: &LinkState) -> Option<LinkState> {
        let name = &self.interface.name;
        match request_up(link.ifindex()) {
            Ok(()) => log::debug!("{name} was down and is up now"),
            Err(error) => log::warn!("setting {name} up: {error:#}"),
        }
        let state = LinkQuery::new(&Namespace::current())
            .and_then(|mut query| query.get(link.ifindex(), LinkState::from_message));
        match state {
            Ok(state) => state.flatten(),
            Err(error) => {
                log::warn!("asking how {name} is: {error}");
                Some(link.clone())
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
