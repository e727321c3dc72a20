//! What every stream of events keeps, whatever the messages were.

use std::collections::HashMap;

use linkwatch::nl::Name;
use linkwatch::{Event, EventKind, LinkKind, LinkState, MonitorBuilder};

use crate::trace;

/// Reads the events of one watch and panics where a promise is broken.
pub struct Audit {
    selection: MonitorBuilder,
    /// Whether events may be held back, and come with a later state.
    holds_back: bool,
    /// Whether JSON is made and read back; that takes longer than all the rest.
    reads_json: bool,
    /// Whether the events are printed.
    is_told: bool,
    links: HashMap<u32, Report>,
    initial_over: bool,
}

struct Report {
    connected: bool,
    name: Name,
    /// The sum of the transitions, which matters modulo 2³².
    sum: u32,
    /// What the kernel had counted when the sum was 0; `None` where it did not
    /// count.
    base: Option<u32>,
}

impl Report {
    fn counts(&self, link: &LinkState) -> Option<u32> {
        Some(link.transitions()?.wrapping_sub(self.base?))
    }
}

impl Audit {
    pub fn new(selection: MonitorBuilder, holds_back: bool, reads_json: bool) -> Audit {
        Audit {
            selection,
            holds_back,
            reads_json,
            is_told: trace::is_on(),
            links: HashMap::new(),
            initial_over: false,
        }
    }

    pub fn take(&mut self, event: &Event) {
        if self.is_told {
            eprintln!("{}", event.to_json());
        }
        self.check_json(event);
        let kind = event.kind();
        self.initial_over |= kind != EventKind::Initial;
        let Some(link) = event.link() else {
            assert_eq!(kind, EventKind::Resync);
            assert!(event.overruns().is_some_and(|overruns| overruns > 0));
            return;
        };
        let ifindex = link.ifindex();
        let steps = event.transitions();
        assert!(event.unseen() <= steps, "{event:?}");
        assert_eq!(
            event.reason().is_some(),
            kind == EventKind::Disconnected,
            "{event:?}"
        );

        if matches!(kind, EventKind::Initial | EventKind::Added) {
            assert!(
                kind == EventKind::Added || !self.initial_over,
                "late: {event:?}"
            );
            let base = match (kind, event.previous_name()) {
                // All that it has counted, it has counted since its birth.
                (EventKind::Added, None) => link.transitions().map(|_| 0),
                _ => link.transitions(),
            };
            assert!(
                kind == EventKind::Initial || !event.is_connected(),
                "{event:?}"
            );
            let report = Report {
                connected: event.is_connected(),
                name: link.name(),
                sum: steps as u32,
                base,
            };
            let before = self.links.insert(ifindex, report);
            assert!(before.is_none(), "it is there already: {event:?}");
            return;
        }
        let Some(report) = self.links.get_mut(&ifindex) else {
            panic!("it was not told of before: {event:?}");
        };
        report.sum = report.sum.wrapping_add(steps as u32);
        let ends = match kind {
            EventKind::Removed => true,
            EventKind::Renamed => !self.selection.selects(link),
            _ => false,
        };
        match kind {
            EventKind::Connected => assert!(!report.connected && event.is_connected(), "{event:?}"),
            EventKind::Disconnected => {
                assert!(report.connected && !event.is_connected(), "{event:?}");
            }
            EventKind::Roamed => assert!(report.connected && event.is_connected(), "{event:?}"),
            _ if ends => assert!(!report.connected && !event.is_connected(), "{event:?}"),
            _ => assert_eq!(report.connected, event.is_connected(), "{event:?}"),
        }
        report.connected = event.is_connected();
        if kind == EventKind::Renamed && !self.holds_back {
            assert_eq!(event.previous_name(), Some(report.name), "{event:?}");
        }
        report.name = link.name();
        let may_be_held = self.holds_back || link.kind() == LinkKind::Wifi;
        let is_whole = match kind {
            EventKind::Connected | EventKind::Flapped | EventKind::Notice => true,
            EventKind::Disconnected => event.reason() != Some(linkwatch::Reason::Removed),
            _ => false,
        };
        if let Some(counted) = report.counts(link).filter(|_| is_whole && !may_be_held) {
            assert_eq!(report.sum, counted, "{event:?}");
        }
        if ends {
            self.links.remove(&ifindex);
        }
    }

    /// All has been told: the report agrees with what is known of the links.
    pub fn end<'a>(
        &self,
        links: impl IntoIterator<Item = &'a LinkState>,
        criterion: linkwatch::Criterion,
    ) {
        let mut number = 0;
        for link in links {
            number += 1;
            let Some(report) = self.links.get(&link.ifindex()) else {
                panic!("nothing was told of {link:?}");
            };
            assert_eq!(report.connected, link.is_connected(criterion), "{link:?}");
            assert_eq!(report.name, link.name());
            if let Some(counted) = report.counts(link) {
                assert_eq!(report.sum, counted, "{link:?}");
            }
        }
        assert_eq!(
            number,
            self.links.len(),
            "links that were not told to be gone"
        );
    }

    fn check_json(&self, event: &Event) {
        if !self.reads_json {
            return;
        }
        let line = event.to_json();
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let object: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(object["event"], event.kind().as_str());
        assert_eq!(object["transitions"], event.transitions());
        if let Some(name) = event.name() {
            let shown = name.to_string();
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
            assert_eq!(
                object["name"].as_str(),
                Some(name.to_str().unwrap_or(&shown))
            );
        }
    }
}
