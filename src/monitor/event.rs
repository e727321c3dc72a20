//! What is reported.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use super::LinkState;
use crate::nl::{Bssid, Name, Notice, Ssid};
use crate::{Error, Result};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EventKind {
    /// A link that was there when the watch began.
    Initial,
    /// A link that appeared, or was renamed into the scope.
    Added,
    /// A link is connected now.
    Connected,
    /// A link is not connected any more; [`Event::reason`] tells why.
    Disconnected,
    /// The kernel counted carrier transitions, yet the link is as it was.
    Flapped,
    /// A link has another name. If that is out of the scope, it is the link's
    /// last event.
    Renamed,
    /// A link is gone.
    Removed,
    /// The kernel had to drop messages; all links were listed anew and the
    /// differences reported. Tells of no link.
    Resync,
    /// A Wi-Fi link has another access point of its network: it stayed
    /// connected.
    Roamed,
    /// The kernel said something about a link beside its state
    /// ([`Event::notice`]). Only where
    /// [asked for](super::MonitorBuilder::notices).
    Notice,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [EventKind; 10] = [
        EventKind::Initial,
        EventKind::Added,
        EventKind::Connected,
        EventKind::Disconnected,
        EventKind::Flapped,
        EventKind::Renamed,
        EventKind::Removed,
        EventKind::Resync,
        EventKind::Roamed,
        EventKind::Notice,
    ];

    /// The name, as in JSON: `connected`, …
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Initial => "initial",
            EventKind::Added => "added",
            EventKind::Connected => "connected",
            EventKind::Disconnected => "disconnected",
            EventKind::Flapped => "flapped",
            EventKind::Renamed => "renamed",
            EventKind::Removed => "removed",
            EventKind::Resync => "resync",
            EventKind::Roamed => "roamed",
            EventKind::Notice => "notice",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<EventKind> {
        EventKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| {
                let known = EventKind::ALL.map(EventKind::as_str).join(", ");
                Error::invalid(format!("there is no event '{name}'; there are {known}"))
            })
    }
}

/// Why a link is not connected any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Carrier is lost: the cable is pulled, the access point gone.
    NoCarrier,
    /// Administratively down.
    AdminDown,
    /// The link was removed, or moved to another network namespace.
    Removed,
    /// It has carrier, but is not operational any more
    /// (only by [`Criterion::Running`](super::Criterion::Running)).
    NotRunning,
    /// It was renamed out of the scope.
    Renamed,
}

impl Reason {
    /// The name, as in JSON: `no-carrier`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::NoCarrier => "no-carrier",
            Reason::AdminDown => "admin-down",
            Reason::Removed => "removed",
            Reason::NotRunning => "not-running",
            Reason::Renamed => "renamed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One change of one link, or a resync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    time: SystemTime,
    kind: EventKind,
    connected: bool,
    reason: Option<Reason>,
    last: bool,
    notice: Option<Notice>,
    transitions: u64,
    link: Option<LinkState>,
    /// Boxed: on its way an event is moved from hand to hand.
    more: Option<Box<More>>,
}

/// What few events have to tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct More {
    previous_name: Option<Name>,
    overruns: u64,
    detail: Option<String>,
    wifi: Option<WifiDetails>,
}

/// What a Wi-Fi link's event tells beside the link's state.
///
/// Where the watch gives [details](super::MonitorBuilder::details), `initial`,
/// `connected` and `roamed` tell of the access point; `roamed` and
/// `disconnected` tell what nl80211 announced in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WifiDetails {
    /// The network's name; hidden ones have none.
    pub ssid: Option<Ssid>,
    /// The access point's address.
    pub bssid: Option<Bssid>,
    /// The address of the access point before, on `roamed`.
    pub previous_bssid: Option<Bssid>,
    /// In MHz.
    pub frequency: Option<u32>,
    /// In dBm: -30 is strong, -90 hardly anything.
    pub signal: Option<i32>,
    /// The 802.11 reason code, on `disconnected`.
    pub reason: Option<u16>,
    /// True if the access point ended it, false if this side did, as it does
    /// where no beacon comes any more; on `disconnected`.
    pub by_ap: Option<bool>,
}

impl Event {
    /// As [`at`](Self::at), now.
    #[cfg(any(test, feature = "genl"))]
    pub(crate) fn new(
        kind: EventKind,
        link: LinkState,
        connected: bool,
        transitions: u64,
    ) -> Event {
        Event::at(SystemTime::now(), kind, link, connected, transitions)
    }

    /// An event that was read from the kernel at this time.
    pub(crate) fn at(
        time: SystemTime,
        kind: EventKind,
        link: LinkState,
        connected: bool,
        transitions: u64,
    ) -> Event {
        Event {
            link: Some(link),
            connected,
            transitions,
            ..Event::of_no_link(time, kind)
        }
    }

    pub(crate) fn resync(time: SystemTime, overruns: u64) -> Event {
        let mut event = Event::of_no_link(time, EventKind::Resync);
        event.more_mut().overruns = overruns;
        event
    }

    fn of_no_link(time: SystemTime, kind: EventKind) -> Event {
        Event {
            time,
            kind,
            connected: false,
            reason: None,
            last: false,
            notice: None,
            transitions: 0,
            link: None,
            more: None,
        }
    }

    fn more_mut(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    pub(crate) fn because(mut self, reason: Reason) -> Event {
        self.reason = Some(reason);
        self
    }

    pub(crate) fn formerly(mut self, name: Option<Name>) -> Event {
        if name.is_some() {
            self.more_mut().previous_name = name;
        }
        self
    }

    /// True if this event ends the report of its link, or the one that follows it
    /// does: the link is removed, or was renamed out of the scope. It tells a
    /// [`Renamed`](EventKind::Renamed) link that is watched on from one that is not,
    /// and a [`Disconnected`](EventKind::Disconnected) link that may come back from
    /// one that cannot.
    ///
    /// Where the same index, or the same name, is in scope again later, that is
    /// another link, whose report begins with [`Added`](EventKind::Added).
    pub fn is_last(&self) -> bool {
        self.last
    }

    pub(crate) fn ending_report(mut self) -> Event {
        self.last = true;
        self
    }

    /// This change has undone another one of so many transitions, which was
    /// not reported.
    pub(crate) fn into_flapped(mut self, transitions: u64) -> Event {
        self.kind = EventKind::Flapped;
        self.reason = None;
        self.transitions += transitions;
        self
    }

    /// The link has flapped since.
    pub(crate) fn joined_by(mut self, flapped: Event) -> Event {
        self.transitions += flapped.transitions;
        self.link = flapped.link;
        self
    }

    pub(crate) fn noticing(mut self, notice: Notice) -> Event {
        self.notice = Some(notice);
        self
    }

    /// The link has another name since, as this event tells.
    pub(crate) fn renamed_as(mut self, renamed: &Event) -> Event {
        self.link.clone_from(&renamed.link);
        self
    }

    pub(crate) fn reported_as(mut self, connected: bool) -> Event {
        self.connected = connected;
        self
    }

    /// When the change was read from the kernel, by the system's clock.
    pub fn time(&self) -> SystemTime {
        self.time
    }

    /// What happened.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The link's state after the change; `None` for a resync.
    pub fn link(&self) -> Option<&LinkState> {
        self.link.as_ref()
    }

    /// The interface index; `None` for a resync.
    pub fn ifindex(&self) -> Option<u32> {
        self.link().map(LinkState::ifindex)
    }

    /// The link's name; `None` for a resync.
    pub fn name(&self) -> Option<Name> {
        self.link().map(LinkState::name)
    }

    /// True if the link is reported as connected once this event is known.
    ///
    /// It is false on `added`, for a `connected` follows where the link has
    /// carrier, and on what ends the report of a link.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// The steps of the kernel's carrier counters that this event accounts
    /// for.
    ///
    /// Summed over the events of a link since its `initial`, they are what the
    /// kernel has counted since. For a link that appeared while it was watched
    /// they are what the kernel has counted in all; for one that was renamed
    /// into the scope, since then. Of a link whose removal was found only when
    /// messages were lost, the kernel's last word is not known any more.
    pub fn transitions(&self) -> u64 {
        self.transitions
    }

    /// Those of [`transitions`](Self::transitions) that are not reported
    /// themselves: all but the one that `connected` or `disconnected` is, and
    /// the two that a `roamed` may be.
    pub fn unseen(&self) -> u64 {
        match self.kind {
            EventKind::Connected | EventKind::Disconnected => self.transitions.saturating_sub(1),
            EventKind::Roamed => self.transitions.saturating_sub(2),
            _ => self.transitions,
        }
    }

    /// Why it is not connected any more, on `disconnected`.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// The name before, on `renamed` and where a link was renamed into the
    /// scope (`added`).
    pub fn previous_name(&self) -> Option<Name> {
        self.more.as_ref()?.previous_name
    }

    /// How often the kernel reported the loss of messages, on `resync`.
    pub fn overruns(&self) -> Option<u64> {
        let counted = self.more.as_ref().map_or(0, |more| more.overruns);
        (self.kind == EventKind::Resync).then_some(counted)
    }

    /// What the kernel said, on `notice`.
    pub fn notice(&self) -> Option<Notice> {
        self.notice
    }

    /// Why there is no carrier, in the words of the driver (`no-cable`,
    /// `autoneg: no-partner-detected`, …), on `disconnected`, where the watch
    /// gives [details](super::MonitorBuilder::details) and the driver knows.
    pub fn detail(&self) -> Option<&str> {
        self.more.as_ref()?.detail.as_deref()
    }

    /// What is known of a Wi-Fi link's network and access point.
    pub fn wifi(&self) -> Option<&WifiDetails> {
        self.more.as_ref()?.wifi.as_ref()
    }
}

/// What the wider view of `genl` adds.
#[cfg(feature = "genl")]
impl Event {
    /// The change that this one undid was a roam, not an outage.
    pub(crate) fn into_roamed(mut self, wifi: WifiDetails, transitions: u64) -> Event {
        self.kind = EventKind::Roamed;
        self.reason = None;
        self.connected = true;
        self.transitions += transitions;
        self.more_mut().wifi = Some(wifi);
        self
    }

    pub(crate) fn set_detail(&mut self, detail: Option<String>) {
        if detail.is_some() {
            self.more_mut().detail = detail;
        }
    }

    /// What is told of Wi-Fi, to be filled in.
    pub(crate) fn wifi_mut(&mut self) -> &mut WifiDetails {
        self.more_mut().wifi.get_or_insert_default()
    }

    /// The link has turned out to be Wi-Fi.
    pub(crate) fn set_wifi(&mut self) {
        if let Some(link) = &mut self.link {
            link.set_wifi();
        }
    }
}
