//! The JSON of `status`. Fields may be added, never renamed.

use linkwatch::nl::Name;
use linkwatch::{Criterion, LinkState};
use serde::Serialize;

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
            name: text(link.name().as_bytes()),
            altnames: link.alt_names().map(text).collect(),
            kind: link.kind().to_string(),
            connected: link.is_connected(criterion),
            carrier: link.has_carrier(),
            running: link.is_running(),
            admin_up: link.is_admin_up(),
            operstate: link.operstate().to_string(),
            mac: link.address().map(|address| address.to_string()),
            mtu: link.mtu(),
            master: master.map(|name| text(name.as_bytes())),
            carrier_up_count: link.carrier_up_count(),
            carrier_down_count: link.carrier_down_count(),
        }
    }
}

/// JSON escapes control characters itself, so a name is itself, if it is
/// UTF-8; otherwise the bytes that are not are escaped.
fn text(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) => linkwatch::nl::escape(name).to_string(),
    }
}
