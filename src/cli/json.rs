//! The JSON forms. Fields may be added, never renamed.

use jiff::Timestamp;
use linkwatch::nl::Name;
use linkwatch::{Criterion, Event, LinkState};
use serde::Serialize;

/// One line of `watch --json`. The fields of a link are null on `resync`,
/// which tells of no link.
#[derive(Serialize)]
pub(super) struct EventLine {
    time: String,
    event: &'static str,
    ifindex: Option<u32>,
    name: Option<String>,
    kind: Option<String>,
    connected: Option<bool>,
    carrier: Option<bool>,
    running: Option<bool>,
    operstate: Option<String>,
    transitions: u64,
    unseen: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overruns: Option<u64>,
}

impl EventLine {
    pub(super) fn new(event: &Event) -> EventLine {
        let link = event.link();
        EventLine {
            time: timestamp(event),
            event: event.kind().as_str(),
            ifindex: link.map(LinkState::ifindex),
            name: event.name().map(|name| text(&name)),
            kind: link.map(|link| link.kind().to_string()),
            connected: link.map(|_| event.is_connected()),
            carrier: link.map(LinkState::has_carrier),
            running: link.map(LinkState::is_running),
            operstate: link.map(|link| link.operstate().to_string()),
            transitions: event.transitions(),
            unseen: event.unseen(),
            reason: event.reason().map(|reason| reason.as_str()),
            previous_name: event.previous_name().map(|name| text(&name)),
            overruns: event.overruns(),
        }
    }
}

/// UTC with microseconds.
fn timestamp(event: &Event) -> String {
    let time = Timestamp::try_from(event.time()).unwrap_or_default();
    format!("{time:.6}")
}

/// One object of `status --json`.
#[derive(Serialize)]
pub(super) struct LinkObject {
    ifindex: u32,
    name: String,
    altnames: Vec<String>,
    kind: String,
    connected: bool,
    carrier: bool,
    running: bool,
    admin_up: bool,
    operstate: String,
    mac: Option<String>,
    mtu: Option<u32>,
    master: Option<String>,
    carrier_up_count: Option<u32>,
    carrier_down_count: Option<u32>,
}

impl LinkObject {
    pub(super) fn new(link: &LinkState, criterion: Criterion, master: Option<Name>) -> LinkObject {
        LinkObject {
            ifindex: link.ifindex(),
            name: text(&link.name()),
            altnames: link.alt_names().map(bytes_text).collect(),
            kind: link.kind().to_string(),
            connected: link.is_connected(criterion),
            carrier: link.has_carrier(),
            running: link.is_running(),
            admin_up: link.is_admin_up(),
            operstate: link.operstate().to_string(),
            mac: link.address().map(|address| address.to_string()),
            mtu: link.mtu(),
            master: master.map(|name| text(&name)),
            carrier_up_count: link.carrier_up_count(),
            carrier_down_count: link.carrier_down_count(),
        }
    }
}

/// JSON escapes control characters itself, so a name is itself, if it is
/// UTF-8; otherwise its escaped form.
fn text(name: &Name) -> String {
    match name.to_str() {
        Some(name) => name.to_owned(),
        None => name.to_string(),
    }
}

fn bytes_text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
