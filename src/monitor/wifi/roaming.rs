//! Telling a roam from an outage: pure logic, from events of the table and
//! announcements of nl80211 to events that are reported.
//!
//! # What the kernel does
//!
//! When a Wi-Fi link changes its access point, mac80211 takes the carrier down
//! and up again, and counts both (`ieee80211_set_disassoc` and
//! `ieee80211_set_associated`, `net/mac80211/mlme.c`). The link message that
//! tells of the loss comes first, or up to a second late, and nothing in it
//! tells a roam from an outage. nl80211 does, milliseconds later: it says
//! who ended the association and why, and then which access point answers.
//!
//! So a loss on a Wi-Fi link is held back until nl80211 has said what it is.
//! Each wait has an end, and what the access point did is told at once.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::monitor::{Event, EventKind, LinkKind, LinkState, Reason, WifiDetails};
use crate::nl::nl80211::{Bssid, MlmeKind, MlmeMessage};

/// For nl80211's word on a change of carrier. It takes some milliseconds, some
/// tens on a slow machine.
const WORD: Duration = Duration::from_millis(300);
/// For a sign of another access point, after this side ended an association
/// for no stated reason, as it does to roam.
const NEXT_SIGN: Duration = Duration::from_millis(500);
/// For the association with it, once there is a sign.
const ASSOCIATION: Duration = Duration::from_secs(1);
/// For carrier, or by the criterion `running` for the end of the handshake; and
/// for all of these together.
const HANDSHAKE: Duration = Duration::from_secs(3);
/// How long what was announced may belong to a link message that comes later:
/// the kernel gathers these for up to a second (`net/core/link_watch.c`).
const MEMORY: Duration = Duration::from_secs(2);

/// Reason codes that this side gives when it leaves one access point for
/// another: "unspecified", and "previous authentication not valid" where it
/// is the same one again.
const REASONS_OF_A_ROAM: [u16; 2] = [1, 2];

/// Between the table and the settler, for Wi-Fi links alone.
#[derive(Debug, Default)]
pub(super) struct Roaming {
    /// By interface index, so that what is due together comes in that order.
    stations: BTreeMap<u32, Station>,
}

impl Roaming {
    /// A link that is associated with this access point when the watch begins.
    pub(super) fn begin(&mut self, ifindex: u32, bssid: Bssid) {
        self.stations.entry(ifindex).or_default().bssid = Some(bssid);
    }

    /// Takes an event from the table, and appends what is to be reported now.
    pub(super) fn push(&mut self, event: Event, now: Instant, out: &mut VecDeque<Event>) {
        let Some(ifindex) = wifi_link(&event) else {
            out.push_back(event);
            return;
        };
        let ends = event.is_last();
        let station = self.stations.entry(ifindex).or_default();
        station.take(event, now, out);
        if ends {
            station.let_go(out);
            self.stations.remove(&ifindex);
        }
    }

    /// Takes an event that nothing is to be waited for, and appends it, after
    /// what waits already.
    pub(super) fn pass(&mut self, event: Event, out: &mut VecDeque<Event>) {
        let station = wifi_link(&event).and_then(|ifindex| self.stations.get_mut(&ifindex));
        let Some(station) = station else {
            out.push_back(event);
            return;
        };
        let (ifindex, ends) = (event.ifindex(), event.is_last());
        station.let_go(out);
        station.report(event, out);
        if ends {
            self.stations.retain(|&known, _| Some(known) != ifindex);
        }
    }

    /// True if it knows no link.
    pub(super) fn is_empty(&self) -> bool {
        self.stations.is_empty()
    }

    /// Takes an announcement of nl80211.
    pub(super) fn announced(
        &mut self,
        message: &MlmeMessage,
        now: Instant,
        out: &mut VecDeque<Event>,
    ) {
        if let Some(station) = self.stations.get_mut(&message.ifindex) {
            station.announced(&message.kind, now, out);
        }
    }

    /// Appends the events that have waited long enough, in the order in which they
    /// were due.
    pub(super) fn release(&mut self, now: Instant, out: &mut VecDeque<Event>) {
        self.release_if(|due| due <= now, out);
    }

    /// Appends all events that wait, in the order in which they were due.
    pub(super) fn release_all(&mut self, out: &mut VecDeque<Event>) {
        self.release_if(|_| true, out);
    }

    fn release_if(&mut self, is_due: impl Fn(Instant) -> bool, out: &mut VecDeque<Event>) {
        let mut waiting: Vec<(Instant, &mut Station)> = self
            .stations
            .values_mut()
            .filter_map(|station| Some((station.held.as_ref()?.due, station)))
            .filter(|(due, _)| is_due(*due))
            .collect();
        // Those that are due together stay in the order of their indices.
        waiting.sort_by_key(|(due, _)| *due);
        for (_, station) in waiting {
            station.let_go(out);
        }
    }

    /// When the next event has waited long enough.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let held = self
            .stations
            .values()
            .filter_map(|station| station.held.as_ref());
        held.map(|held| held.due).min()
    }
}

/// A Wi-Fi link.
#[derive(Debug, Default)]
struct Station {
    /// What was reported last.
    link: Option<LinkState>,
    connected: bool,
    /// The access point of the association that was reported.
    bssid: Option<Bssid>,
    /// How nl80211 said that the association ended, as far as no event has
    /// used it.
    farewell: Option<(Farewell, Instant)>,
    /// Which access point it said came after it.
    joined: Option<Bssid>,
    /// When a roam was reported that no link message had told of.
    roamed: Option<Instant>,
    held: Option<Held>,
}

/// How an association ended.
#[derive(Debug, Clone, Copy)]
struct Farewell {
    reason: Option<u16>,
    by_ap: bool,
}

impl Farewell {
    /// True if this may be the beginning of a roam.
    fn may_be_roam(self) -> bool {
        !self.by_ap
            && self
                .reason
                .is_none_or(|code| REASONS_OF_A_ROAM.contains(&code))
    }
}

/// What waits for nl80211's word.
#[derive(Debug)]
struct Held {
    /// `connected`, `disconnected` or `flapped`.
    event: Event,
    /// The `connected` that has followed a `disconnected`.
    back: Option<Event>,
    due: Instant,
    /// No announcement makes it wait beyond this.
    end: Instant,
}

impl Held {
    fn wait_until(&mut self, due: Instant) {
        self.due = due.min(self.end);
    }
}

impl Station {
    /// Takes an event from the table.
    fn take(&mut self, event: Event, now: Instant, out: &mut VecDeque<Event>) {
        let Some(mut held) = self.held.take() else {
            return self.take_first(event, now, out);
        };
        match (held.event.kind(), event.kind()) {
            (_, EventKind::Notice) => {
                // What waits was not reported.
                out.push_back(event.reported_as(self.connected));
                self.held = Some(held);
            }
            (EventKind::Disconnected, EventKind::Connected) if held.back.is_none() => {
                held.back = Some(event);
                held.wait_until(now + WORD);
                self.held = Some(held);
                if self.joined.is_some() {
                    self.resolve(now, out);
                }
            }
            (_, EventKind::Flapped) => {
                match held.back.take() {
                    Some(back) => held.back = Some(back.joined_by(event)),
                    None => held.event = held.event.joined_by(event),
                }
                self.held = Some(held);
            }
            _ => {
                self.held = Some(held);
                self.let_go(out);
                self.take_first(event, now, out);
            }
        }
    }

    /// Takes an event while none is held.
    fn take_first(&mut self, mut event: Event, now: Instant, out: &mut VecDeque<Event>) {
        let wait = match (event.kind(), event.reason()) {
            (EventKind::Connected, _) if self.joined.is_none() => WORD,
            (EventKind::Flapped, _) if event.is_connected() => {
                if self.joined.is_some() {
                    self.hold(event, now, Duration::ZERO);
                    return self.resolve(now, out);
                }
                WORD
            }
            (EventKind::Disconnected, Some(Reason::NoCarrier | Reason::NotRunning)) => {
                let told = self.joined.is_some() || self.has_roamed_before(now);
                match self.take_farewell(now) {
                    Some(farewell) => {
                        note(&mut event, farewell);
                        match (farewell.may_be_roam(), told) {
                            (false, _) => Duration::ZERO,
                            (true, false) => NEXT_SIGN,
                            (true, true) => HANDSHAKE,
                        }
                    }
                    None if told => HANDSHAKE,
                    None => WORD,
                }
            }
            _ => Duration::ZERO,
        };
        if wait.is_zero() {
            self.report(event, out);
        } else {
            self.hold(event, now, wait);
        }
    }

    /// Takes an announcement of nl80211.
    fn announced(&mut self, kind: &MlmeKind, now: Instant, out: &mut VecDeque<Event>) {
        match *kind {
            MlmeKind::Disconnect { reason, by_ap } => {
                let farewell = Farewell { reason, by_ap };
                self.joined = None;
                match &mut self.held {
                    Some(held) if held.event.kind() == EventKind::Disconnected => {
                        note(&mut held.event, farewell);
                        held.wait_until(now + NEXT_SIGN);
                        if !farewell.may_be_roam() {
                            self.let_go(out);
                        }
                    }
                    _ => self.farewell = Some((farewell, now)),
                }
            }
            MlmeKind::NewStation { .. }
            | MlmeKind::Authenticate { failed: false, .. }
            | MlmeKind::Associate { failed: false, .. } => {
                if let Some(held) = &mut self.held {
                    held.wait_until(held.due.max(now + ASSOCIATION));
                }
            }
            MlmeKind::Authenticate { failed: true, .. }
            | MlmeKind::Associate { failed: true, .. } => self.let_go(out),
            MlmeKind::Connect { status, .. } if status != Some(0) => self.let_go(out),
            MlmeKind::Connect { bssid, .. } | MlmeKind::Roam { bssid } => {
                if let Some(bssid) = bssid {
                    self.joined(bssid, now, out);
                }
            }
            _ => {}
        }
    }

    /// The link is associated with this access point now.
    fn joined(&mut self, bssid: Bssid, now: Instant, out: &mut VecDeque<Event>) {
        self.joined = Some(bssid);
        if let Some(held) = &mut self.held {
            if held.event.kind() == EventKind::Disconnected && held.back.is_none() {
                held.wait_until(now + HANDSHAKE);
            } else {
                self.resolve(now, out);
            }
            return;
        }
        // No link message has told of a change, and perhaps none will: drivers
        // that roam by themselves keep the carrier up.
        let told = self.farewell;
        let ended = self.take_farewell(now);
        if ended.is_some_and(|farewell| !farewell.may_be_roam()) {
            self.farewell = told;
        } else if let Some(link) = self.link.clone().filter(|_| self.connected)
            && let Some(wifi) = self.roam_to(bssid)
        {
            let event = Event::new(EventKind::Roamed, link, true, 0).into_roamed(wifi, 0);
            self.roamed = Some(now);
            self.report(event, out);
        }
    }

    /// Reports what is held, now that the access point is known.
    fn resolve(&mut self, now: Instant, out: &mut VecDeque<Event>) {
        let roam = self.joined.and_then(|bssid| self.roam_to(bssid));
        let ended = self.take_farewell(now);
        let outage = ended.is_some_and(|farewell| !farewell.may_be_roam());
        let Some(held) = self.held.take() else {
            return;
        };
        match (held.back, roam) {
            (Some(back), Some(wifi)) => {
                self.report(back.into_roamed(wifi, held.event.transitions()), out);
            }
            (Some(back), None) if self.roamed.take().is_some() => {
                self.report(back.into_flapped(held.event.transitions()), out);
            }
            (None, Some(wifi)) if held.event.kind() == EventKind::Flapped && !outage => {
                self.report(held.event.into_roamed(wifi, 0), out);
            }
            (back, _) => {
                self.report(held.event, out);
                if let Some(back) = back {
                    self.report(back, out);
                }
            }
        }
    }

    /// Reports what is held as the table gave it.
    fn let_go(&mut self, out: &mut VecDeque<Event>) {
        if let Some(held) = self.held.take() {
            self.report(held.event, out);
            if let Some(back) = held.back {
                self.report(back, out);
            }
        }
    }

    fn report(&mut self, mut event: Event, out: &mut VecDeque<Event>) {
        if matches!(event.kind(), EventKind::Disconnected | EventKind::Connected) {
            // It was that of the association before.
            self.farewell = None;
        }
        match event.kind() {
            EventKind::Disconnected => self.bssid = None,
            EventKind::Connected | EventKind::Roamed | EventKind::Flapped => {
                if event.is_connected() {
                    self.bssid = self.joined.take().or(self.bssid);
                }
                if event.kind() == EventKind::Connected
                    && let Some(bssid) = self.bssid
                {
                    event.wifi_mut().bssid = Some(bssid);
                }
            }
            _ => {}
        }
        self.connected = event.is_connected();
        self.link = event.link().cloned();
        out.push_back(event);
    }

    fn hold(&mut self, event: Event, now: Instant, wait: Duration) {
        let due = now + wait;
        self.held = Some(Held {
            event,
            back: None,
            due,
            end: now + HANDSHAKE,
        });
    }

    /// What a roam from the known access point to this one tells; `None` if it
    /// is no other one.
    fn roam_to(&self, bssid: Bssid) -> Option<WifiDetails> {
        let previous = self.bssid.filter(|&known| known != bssid)?;
        Some(WifiDetails {
            bssid: Some(bssid),
            previous_bssid: Some(previous),
            ..WifiDetails::default()
        })
    }

    /// How the association ended, if that was announced a short time ago.
    fn take_farewell(&mut self, now: Instant) -> Option<Farewell> {
        let (farewell, at) = self.farewell.take()?;
        (now.saturating_duration_since(at) <= MEMORY).then_some(farewell)
    }

    /// True if a roam was reported a short time ago, of which a link message
    /// may tell only now.
    fn has_roamed_before(&mut self, now: Instant) -> bool {
        self.roamed = self
            .roamed
            .filter(|&at| now.saturating_duration_since(at) <= MEMORY);
        self.roamed.is_some()
    }
}

fn wifi_link(event: &Event) -> Option<u32> {
    let wifi = event.link().filter(|link| link.kind() == LinkKind::Wifi);
    wifi.map(LinkState::ifindex)
}

fn note(event: &mut Event, farewell: Farewell) {
    let wifi = event.wifi_mut();
    wifi.reason = farewell.reason;
    wifi.by_ap = Some(farewell.by_ap);
}

#[cfg(test)]
#[path = "roaming_tests.rs"]
mod tests;
