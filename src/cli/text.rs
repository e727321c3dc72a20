//! What people read: `Interface: eth0 - Status: connected`.

use linkwatch::{Event, EventKind, Reason};

/// The line for an event, without a time stamp.
pub(super) fn line(event: &Event) -> String {
    let status = status(event);
    match event.name() {
        Some(name) => format!("Interface: {name} - Status: {status}"),
        None => format!("Interface: * - Status: {status}"),
    }
}

fn status(event: &Event) -> String {
    let mut more = Vec::new();
    let word = match event.kind() {
        EventKind::Initial => {
            more.push("initial".to_owned());
            if event.is_connected() {
                "connected"
            } else {
                "disconnected"
            }
            .to_owned()
        }
        EventKind::Disconnected => {
            // Without carrier is what "disconnected" says.
            let reason = event.reason().filter(|&reason| reason != Reason::NoCarrier);
            more.extend(reason.map(|reason| reason.to_string()));
            "disconnected".to_owned()
        }
        EventKind::Added => {
            let former = event.previous_name();
            more.extend(former.map(|name| format!("renamed from {name}")));
            "added".to_owned()
        }
        EventKind::Renamed => match event.previous_name() {
            Some(name) => format!("renamed from {name}"),
            None => "renamed".to_owned(),
        },
        EventKind::Resync => {
            let overruns = event.overruns().unwrap_or(0);
            format!("resynchronised after {}", counted(overruns, "overrun"))
        }
        kind => kind.to_string(),
    };
    if event.unseen() > 0 {
        more.push(format!("{} unseen", counted(event.unseen(), "transition")));
    }
    if event.kind() == EventKind::Flapped {
        let state = if event.is_connected() {
            "connected"
        } else {
            "disconnected"
        };
        more.push(format!("still {state}"));
    }
    if more.is_empty() {
        word
    } else {
        format!("{word} ({})", more.join(", "))
    }
}

fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
