//! Two watches of one link at once, by both criteria.

use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Counters, Watch, assert_alternating, sum};

/// A watch of which each event is looked at once.
pub struct Reader {
    watch: Watch,
    next: usize,
}

impl Reader {
    /// Starts it; its next event is the first after `initial`.
    #[track_caller]
    pub fn start(arguments: &[&str]) -> Reader {
        let mut reader = Reader {
            watch: Watch::start(arguments),
            next: 0,
        };
        reader.expect("initial");
        reader
    }

    /// The next event of this kind. What comes before it may be a step that
    /// changed nothing, and nothing else.
    #[track_caller]
    pub fn expect(&mut self, kind: &str) -> Value {
        loop {
            let event = self.take(kind);
            if event["event"] == kind {
                return event;
            }
            assert_eq!(
                event["event"], "flapped",
                "before {kind}: {:#?}",
                self.watch.events
            );
        }
    }

    /// The next event of any kind.
    #[track_caller]
    pub fn take(&mut self, what: &str) -> Value {
        let next = self.next;
        self.watch.until(what, |events| events.len() > next);
        self.next += 1;
        self.watch.events[next].clone()
    }

    /// All events so far, once they account for what the kernel counts, less
    /// what it had counted `before`.
    #[track_caller]
    pub fn accounted(&mut self, name: &str, before: Counters) -> &[Value] {
        self.watch.until("to account for all", |events| {
            sum(events) == Counters::of(name).sum() - before.sum()
        });
        &self.watch.events
    }
}

/// The watches of one link.
pub struct Watches {
    name: String,
    before: Counters,
    /// By the criterion `carrier`.
    pub carrier: Reader,
    /// By the criterion `running`.
    pub running: Reader,
}

impl Watches {
    /// Starts both. No transition may be under way.
    #[track_caller]
    pub fn start(name: &str) -> Watches {
        Watches {
            name: name.to_owned(),
            before: Counters::of(name),
            carrier: Reader::start(&[name]),
            running: Reader::start(&["--criterion", "running", name]),
        }
    }

    /// The next event of both, which is to be of this kind. The first is by
    /// `carrier`.
    #[track_caller]
    pub fn expect(&mut self, kind: &str) -> [Value; 2] {
        [self.carrier.expect(kind), self.running.expect(kind)]
    }

    /// Ends both, once they have accounted for what the kernel counted. Returns
    /// the kinds of the events of both.
    #[track_caller]
    pub fn finish(mut self) -> [Vec<String>; 2] {
        [&mut self.carrier, &mut self.running].map(|reader| {
            let events = reader.accounted(&self.name, self.before);
            assert_alternating(events);
            let kinds = events.iter().map(|event| event["event"].as_str());
            kinds.map(|kind| kind.expect("a kind").to_owned()).collect()
        })
    }
}

/// The time of an event.
#[track_caller]
pub fn time(event: &Value) -> Timestamp {
    let time = event["time"].as_str().expect("a time");
    time.parse().unwrap_or_else(|e| panic!("{time}: {e}"))
}
