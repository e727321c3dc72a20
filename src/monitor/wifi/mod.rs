//! What is particular about Wi-Fi links: that they are some, and how they
//! roam. Asks nl80211, and listens to it once there is a Wi-Fi link.

mod roaming;

use std::collections::{BTreeSet, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use self::roaming::Roaming;
use super::{Event, EventKind, LinkKind, LinkState};
use crate::nl::nl80211::{MlmeKind, MlmeMessage, Wireless};
use crate::nl::{Action, Namespace, Protocol, Socket};
use crate::{ErrorKind, Result};

/// Before it is tried again to listen.
const REST: Duration = Duration::from_secs(1);
/// Announcements that are read at a time.
const MOST_READS: usize = 256;

/// The Wi-Fi links of a watch.
#[derive(Debug)]
pub(super) struct Wifi {
    namespace: Namespace,
    /// Made when there is a link that may be Wi-Fi.
    wireless: Option<Wireless>,
    known: BTreeSet<u32>,
    /// Whether announcements are to be listened to; not where somebody else
    /// reads the socket.
    listens: bool,
    announcements: Option<Announcements>,
    /// When to try to listen again.
    retry: Option<Instant>,
    roaming: Roaming,
}

#[derive(Debug)]
struct Announcements {
    socket: Socket,
    family: u16,
    /// Whether the monitor waits for it already.
    is_awaited: bool,
}

impl Wifi {
    pub(super) fn new(namespace: Namespace, listens: bool) -> Wifi {
        Wifi {
            namespace,
            wireless: None,
            known: BTreeSet::new(),
            listens,
            announcements: None,
            retry: None,
            roaming: Roaming::default(),
        }
    }

    /// Finds out which links are Wi-Fi, before anything is reported of them.
    pub(super) fn identify<'a>(&mut self, links: impl Iterator<Item = &'a mut LinkState>) {
        let candidates: Vec<&mut LinkState> = links.filter(|link| may_be_wifi(link)).collect();
        if candidates.is_empty() || !self.can_ask() {
            return;
        }
        let Some(wireless) = &mut self.wireless else {
            return;
        };
        let interfaces = wireless.interfaces().unwrap_or_else(|error| {
            log::debug!("{error}");
            Vec::new()
        });
        let wireless: BTreeSet<u32> = interfaces.iter().map(|one| one.ifindex).collect();
        let mut found = false;
        for link in candidates {
            if link.kind() == LinkKind::Wifi || wireless.contains(&link.ifindex()) {
                link.set_wifi();
                self.known.insert(link.ifindex());
                found = true;
            }
        }
        if found && self.listens {
            self.listen();
            // After the subscription, so that no change is missed.
            for &ifindex in &self.known {
                if let Some(wireless) = &mut self.wireless
                    && let Ok(Some(association)) = wireless.association(ifindex)
                {
                    self.roaming.begin(ifindex, association.bssid);
                }
            }
        }
    }

    /// True if an event may be of a Wi-Fi link.
    #[inline]
    pub(super) fn concerns(&self, event: &Event) -> bool {
        !self.known.is_empty()
            || event.kind() == EventKind::Added
            || event
                .link()
                .is_some_and(|link| link.kind() == LinkKind::Wifi)
    }

    /// Sees to it that an event tells of a Wi-Fi link as such. Returns the
    /// index of one.
    pub(super) fn recognise(&mut self, event: &mut Event) -> Option<u32> {
        let kind = event.kind();
        let ends = event.is_last();
        let link = event.link()?;
        let ifindex = link.ifindex();
        if self.known.contains(&ifindex) {
            event.set_wifi();
            if kind == EventKind::Removed || kind == EventKind::Renamed && ends {
                self.known.remove(&ifindex);
            }
            return Some(ifindex);
        }
        let is_new = kind == EventKind::Added && may_be_wifi(link);
        if link.kind() != LinkKind::Wifi && !(is_new && self.is_wifi(ifindex)) {
            return None;
        }
        event.set_wifi();
        if kind != EventKind::Removed {
            self.known.insert(ifindex);
        }
        self.listen();
        Some(ifindex)
    }

    /// True if events have to pass through here.
    pub(super) fn is_needed(&self) -> bool {
        self.announcements.is_some() || self.retry.is_some() || !self.roaming.is_empty()
    }

    /// Takes an event from the table, and appends what is to be reported now.
    pub(super) fn push(&mut self, event: Event, now: Instant, out: &mut VecDeque<Event>) {
        match self.announcements {
            Some(_) => self.roaming.push(event, now, out),
            // Nobody would say what a loss is.
            None => self.roaming.pass(event, out),
        }
        if self.known.is_empty() {
            // The family has another number when its module is loaded again,
            // as it may be now.
            self.wireless = None;
            self.announcements = None;
            self.retry = None;
        }
    }

    /// Reads what was announced, and appends what is to be reported now.
    pub(super) fn receive(&mut self, now: Instant, out: &mut VecDeque<Event>) {
        let Some(Announcements { socket, family, .. }) = &mut self.announcements else {
            return;
        };
        for _ in 0..MOST_READS {
            let received = socket.recv_with(|message| {
                if let Some(announced) = MlmeMessage::parse(message, *family) {
                    log::trace!("{announced:?}");
                    self.roaming.announced(&announced, now, out);
                }
                Action::Ok
            });
            match received {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Overrun => {
                    log::debug!("announcements of nl80211: {error}");
                    return self.refresh(now, out);
                }
                Err(error) => {
                    // Its descriptor stays readable: another one later.
                    log::debug!("announcements of nl80211: {error}");
                    self.announcements = None;
                    self.retry = Some(now + REST);
                    return;
                }
            }
        }
    }

    /// Finds out which access points the links have now, and appends the roams
    /// that nobody announced.
    pub(super) fn refresh(&mut self, now: Instant, out: &mut VecDeque<Event>) {
        let Some(wireless) = &mut self.wireless else {
            return;
        };
        for &ifindex in &self.known {
            if let Ok(Some(association)) = wireless.association(ifindex) {
                let kind = MlmeKind::Roam {
                    bssid: Some(association.bssid),
                };
                let found = MlmeMessage { ifindex, kind };
                self.roaming.announced(&found, now, out);
            }
        }
    }

    /// Appends the events that have waited long enough.
    pub(super) fn release(&mut self, now: Instant, out: &mut VecDeque<Event>) {
        self.roaming.release(now, out);
        if self.retry.is_some_and(|retry| retry <= now) {
            self.retry = None;
            self.listen();
            self.refresh(now, out);
        }
    }

    /// Appends all events that wait.
    pub(super) fn release_all(&mut self, out: &mut VecDeque<Event>) {
        self.roaming.release_all(out);
    }

    /// When the next event has waited long enough.
    pub(super) fn next_due(&self) -> Option<Instant> {
        [self.roaming.next_due(), self.retry]
            .into_iter()
            .flatten()
            .min()
    }

    /// Listens to no announcements any more.
    pub(super) fn stop(&mut self) {
        self.listens = false;
        self.announcements = None;
        self.retry = None;
    }

    /// A descriptor that the monitor does not wait for yet.
    pub(super) fn new_source(&mut self) -> Option<BorrowedFd<'_>> {
        let announcements = self.announcements.as_mut()?;
        (!std::mem::replace(&mut announcements.is_awaited, true))
            .then(|| announcements.socket.as_fd())
    }

    fn is_wifi(&mut self, ifindex: u32) -> bool {
        if !self.can_ask() {
            return false;
        }
        let answer = self
            .wireless
            .as_mut()
            .map(|wireless| wireless.interface(ifindex));
        match answer {
            Some(Ok(interface)) => interface.is_some(),
            Some(Err(error)) => {
                log::debug!("{error}");
                false
            }
            None => false,
        }
    }

    /// Connects to nl80211, if the kernel has it by now.
    fn can_ask(&mut self) -> bool {
        if self.wireless.is_none() {
            match Wireless::connect_in(&self.namespace) {
                Ok(wireless) => self.wireless = wireless,
                Err(error) => log::debug!("{error}"),
            }
        }
        self.wireless.is_some()
    }

    fn listen(&mut self) {
        if !self.listens || self.announcements.is_some() || !self.can_ask() {
            return;
        }
        match self.subscribe() {
            Ok(announcements) => self.announcements = announcements,
            Err(error) => {
                log::debug!("{error}; until it is there, a roam is told as an outage");
                self.retry = Some(Instant::now() + REST);
            }
        }
    }

    fn subscribe(&self) -> Result<Option<Announcements>> {
        let wireless = self.wireless.as_ref();
        let Some((family, group)) =
            wireless.and_then(|wireless| Some((wireless.family_id(), wireless.mlme_group()?)))
        else {
            return Ok(None);
        };
        let mut socket = Socket::connect_in(&self.namespace, Protocol::Generic)?;
        socket.set_nonblocking(true)?;
        socket.join(group)?;
        Ok(Some(Announcements {
            socket,
            family,
            is_awaited: false,
        }))
    }
}

/// Wi-Fi presents itself as Ethernet hardware.
fn may_be_wifi(link: &LinkState) -> bool {
    matches!(link.kind(), LinkKind::Ethernet | LinkKind::Wifi)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Reason;
    use crate::monitor::test_messages::{new_link, parse};

    fn event(kind: EventKind, connected: bool) -> Event {
        let bytes = new_link(7, "wlan0").up().carrier(connected).bytes();
        let mut state = LinkState::from_message(&parse(&bytes)).unwrap();
        state.set_wifi();
        Event::new(kind, state, connected, 0)
    }

    fn lost() -> Event {
        event(EventKind::Disconnected, false).because(Reason::NoCarrier)
    }

    /// A link that is connected, its announcements listened to.
    fn associated() -> (Wifi, VecDeque<Event>) {
        let mut wifi = Wifi::new(Namespace::current(), true);
        wifi.known.insert(7);
        wifi.announcements = Some(Announcements {
            socket: Socket::connect(Protocol::Generic).unwrap(),
            family: 0,
            is_awaited: true,
        });
        let mut out = VecDeque::new();
        wifi.push(event(EventKind::Initial, true), Instant::now(), &mut out);
        assert_eq!(kinds(&mut out), [EventKind::Initial]);
        (wifi, out)
    }

    fn kinds(out: &mut VecDeque<Event>) -> Vec<EventKind> {
        out.drain(..).map(|event| event.kind()).collect()
    }

    #[test]
    fn what_waits_when_announcements_cannot_be_read_any_more_comes_before_what_follows() {
        let (mut wifi, mut out) = associated();
        let now = Instant::now();
        wifi.push(lost(), now, &mut out);
        assert!(out.is_empty(), "{out:?}");
        wifi.announcements = None;
        wifi.retry = Some(now + REST);
        assert!(wifi.is_needed());
        let mut removed = event(EventKind::Removed, false).ending_report();
        wifi.recognise(&mut removed);
        wifi.push(removed, now, &mut out);
        assert_eq!(
            kinds(&mut out),
            [EventKind::Disconnected, EventKind::Removed]
        );
        assert!(!wifi.is_needed());
    }

    #[test]
    fn a_link_that_was_lost_while_nobody_listened_does_not_roam() {
        let (mut wifi, mut out) = associated();
        let now = Instant::now();
        let bssid = |last| crate::nl::Bssid::new(&[2, 0, 0, 0, 0, last]).unwrap();
        wifi.roaming.begin(7, bssid(1));
        let announcements = wifi.announcements.take();
        wifi.push(lost(), now, &mut out);
        assert_eq!(kinds(&mut out), [EventKind::Disconnected]);
        wifi.announcements = announcements;
        let roam = MlmeMessage {
            ifindex: 7,
            kind: MlmeKind::Roam {
                bssid: Some(bssid(2)),
            },
        };
        wifi.roaming.announced(&roam, now, &mut out);
        assert!(out.is_empty(), "{out:?}");
    }
}
