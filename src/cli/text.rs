//! What people read: `Interface: eth0 - Status: connected`.

use linkwatch::nl::nl80211::reason_name;
use linkwatch::{Event, EventKind, Reason, WifiDetails};

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
            more.extend(event.wifi().and_then(access_point));
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
            more.extend(event.detail().map(str::to_owned));
            more.extend(event.wifi().and_then(wifi_reason));
            "disconnected".to_owned()
        }
        EventKind::Connected => {
            more.extend(event.wifi().and_then(access_point));
            "connected".to_owned()
        }
        EventKind::Roamed => {
            more.extend(event.wifi().and_then(access_point));
            let previous = event.wifi().and_then(|wifi| wifi.previous_bssid);
            more.extend(previous.map(|bssid| format!("before {bssid}")));
            "roamed".to_owned()
        }
        EventKind::Notice => match event.notice() {
            Some(notice) => format!("notice: {notice}"),
            None => "notice".to_owned(),
        },
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

/// `"home" at 02:00:00:00:00:01, 2412 MHz, -40 dBm`, as far as it is known.
fn access_point(wifi: &WifiDetails) -> Option<String> {
    let network = match (wifi.ssid, wifi.bssid) {
        (Some(ssid), Some(bssid)) => Some(format!("\"{ssid}\" at {bssid}")),
        (Some(ssid), None) => Some(format!("\"{ssid}\"")),
        (None, bssid) => bssid.map(|bssid| format!("at {bssid}")),
    };
    let frequency = wifi.frequency.map(|frequency| format!("{frequency} MHz"));
    let signal = wifi.signal.map(|signal| format!("{signal} dBm"));
    let known: Vec<String> = [network, frequency, signal].into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(", "))
}

/// Who ended an association and why.
fn wifi_reason(wifi: &WifiDetails) -> Option<String> {
    let code = wifi.reason?;
    let side = if wifi.by_ap? {
        "by the access point"
    } else {
        "by this side"
    };
    Some(match reason_name(code) {
        Some(name) => format!("{side}: {name}"),
        None => format!("{side}: 802.11 reason {code}"),
    })
}

fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
