//! Logs written by hand.

use serde_json::{Value, json};

/// 2026-11-22T10:00:00Z, in seconds.
const BEGIN: u64 = 1_795_341_600;

/// A line of an event so many seconds after the beginning.
pub fn line(at: u64, event: &str, ifindex: u32, name: &str, connected: bool) -> Value {
    let second = BEGIN + at;
    let (hour, minute) = (second / 3600 % 24, second / 60 % 60);
    json!({
        "time": format!("2026-11-22T{hour:02}:{minute:02}:{:02}.000000Z", second % 60),
        "event": event,
        "ifindex": ifindex,
        "name": name,
        "kind": "ethernet",
        "connected": connected,
        "carrier": connected,
        "running": connected,
        "operstate": if connected { "up" } else { "down" },
        "transitions": u32::from(event.ends_with("connected")),
        "unseen": 0,
    })
}

pub fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A thousand seconds of two links. By hand:
///
/// - eth0: out from 100 to 110 and from 300 to 360, so connected for 930 s;
///   a flap at 200.
/// - usb0: there from 250 to 500, and connected.
pub fn thousand_seconds() -> Vec<Value> {
    let because = |mut line: Value, reason: &str| {
        line["reason"] = reason.into();
        line
    };
    let mut flapped = line(200, "flapped", 2, "eth0", true);
    flapped["transitions"] = 100.into();
    flapped["unseen"] = 100.into();
    vec![
        line(0, "initial", 2, "eth0", true),
        because(line(100, "disconnected", 2, "eth0", false), "no-carrier"),
        line(110, "connected", 2, "eth0", true),
        flapped,
        line(250, "added", 9, "usb0", false),
        line(250, "connected", 9, "usb0", true),
        because(line(300, "disconnected", 2, "eth0", false), "admin-down"),
        line(360, "connected", 2, "eth0", true),
        because(line(500, "disconnected", 9, "usb0", false), "removed"),
        line(500, "removed", 9, "usb0", false),
        line(1000, "notice", 2, "eth0", true),
    ]
}
