//! One line of a log, as `linkwatch watch --json` prints it.

use std::borrow::Cow;

use jiff::Timestamp;
use linkwatch::EventKind;
use serde::Deserialize;

/// No name of an interface is longer: 15 bytes, each written as `\xNN`.
const LONGEST_NAME: usize = 60;
/// A driver's words are shorter. What is kept of them is bounded.
const LONGEST_DETAIL: usize = 120;

/// What the report needs of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// In microseconds since 1970.
    pub(super) time: i64,
    pub(super) event: LogEvent,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum LogEvent {
    Resync {
        overruns: u64,
    },
    Link(LinkEvent),
    /// An event that a later version writes. Its time counts.
    Other,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct LinkEvent {
    /// The watch of a configuration that it is from.
    pub(super) watch: Option<String>,
    pub(super) kind: EventKind,
    pub(super) ifindex: u32,
    pub(super) name: String,
    /// The kind of the link.
    pub(super) link_kind: String,
    pub(super) connected: bool,
    pub(super) transitions: u64,
    pub(super) unseen: u64,
    pub(super) reason: Option<String>,
    pub(super) previous_name: Option<String>,
    pub(super) detail: Option<String>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    ifindex: Option<u32>,
    name: Option<String>,
    kind: Option<String>,
    connected: Option<bool>,
    #[serde(default)]
    transitions: u64,
    #[serde(default)]
    unseen: u64,
    reason: Option<String>,
    previous_name: Option<String>,
    overruns: Option<u64>,
    detail: Option<String>,
    watch: Option<String>,
}

impl Line {
    /// `None` if it is no line of such a log.
    pub(super) fn parse(line: &[u8]) -> Option<Line> {
        let fields: Fields<'_> = serde_json::from_slice(line).ok()?;
        let time = fields.time.parse::<Timestamp>().ok()?.as_microsecond();
        let event = match fields.event.parse::<EventKind>() {
            Err(_) => LogEvent::Other,
            Ok(EventKind::Resync) => LogEvent::Resync {
                overruns: fields.overruns.unwrap_or(0),
            },
            Ok(kind) => LogEvent::Link(LinkEvent {
                watch: fields.watch.map(bounded),
                kind,
                ifindex: fields.ifindex?,
                name: fields.name.filter(|name| is_name(name))?,
                link_kind: fields.kind.filter(|kind| is_name(kind))?,
                connected: fields.connected?,
                transitions: fields.transitions,
                unseen: fields.unseen,
                reason: fields.reason.map(bounded),
                previous_name: fields.previous_name.filter(|name| is_name(name)),
                detail: fields.detail.map(bounded),
            }),
        };
        (time >= 0).then_some(Line { time, event })
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
}

fn bounded(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_DETAIL) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"time":"2026-11-22T13:40:36.329870Z","event":"disconnected","ifindex":2,"name":"cable0","kind":"tun","connected":false,"carrier":false,"running":false,"operstate":"down","transitions":57,"unseen":56,"reason":"no-carrier"}"#;

    #[test]
    fn a_line_of_the_watch_is_read() {
        let line = Line::parse(WHOLE.as_bytes()).unwrap();
        assert_eq!(line.time, 1_795_354_836_329_870);
        let LogEvent::Link(event) = line.event else {
            panic!("{line:?}")
        };
        assert_eq!(event.kind, EventKind::Disconnected);
        assert_eq!((event.ifindex, event.name.as_str()), (2, "cable0"));
        assert_eq!((event.transitions, event.unseen), (57, 56));
        assert_eq!(event.reason.as_deref(), Some("no-carrier"));
        assert_eq!(event.watch, None);
    }

    #[test]
    fn a_line_may_say_which_watch_it_is_from() {
        let line = WHOLE.replace("}", r#","watch":"uplinks"}"#);
        let Some(LogEvent::Link(event)) = Line::parse(line.as_bytes()).map(|line| line.event)
        else {
            panic!("{line}")
        };
        assert_eq!(event.watch.as_deref(), Some("uplinks"));
    }

    #[test]
    fn a_resync_is_about_no_link() {
        let line = br#"{"time":"2026-11-22T13:40:36Z","event":"resync","ifindex":null,"name":null,"kind":null,"connected":null,"transitions":0,"unseen":0,"overruns":3}"#;
        let line = Line::parse(line).unwrap();
        assert_eq!(line.event, LogEvent::Resync { overruns: 3 });
    }

    #[test]
    fn what_a_later_version_adds_does_no_harm() {
        let more = WHOLE.replace(r#""connected":"#, r#""mood":["fine"],"connected":"#);
        assert_eq!(Line::parse(more.as_bytes()), Line::parse(WHOLE.as_bytes()));
        let other = WHOLE.replace("disconnected\"", "teleported\"");
        assert_eq!(
            Line::parse(other.as_bytes()).unwrap().event,
            LogEvent::Other
        );
    }

    #[test]
    fn other_lines_are_none() {
        for end in 0..WHOLE.len() {
            assert_eq!(Line::parse(&WHOLE.as_bytes()[..end]), None, "{end}");
        }
        for foreign in [
            "2026-11-22 10:00:00 - Interface: eth0 - Status: connected",
            "null",
            "[]",
            r#"{"time":"yesterday","event":"connected"}"#,
            r#"{"time":"2026-11-22T13:40:36Z","event":"connected"}"#,
            "\u{feff}",
            "\0",
        ] {
            assert_eq!(Line::parse(foreign.as_bytes()), None, "{foreign}");
        }
    }
}
