//! Two watches of one link at once, by both criteria.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Counters, Watch, assert_alternating, eventually, linkwatch, sum};
use crate::witness::{association, status};

/// A watch of which each event is looked at once.
pub struct Reader {
    watch: Watch,
    next: usize,
    log: PathBuf,
}

impl Reader {
    /// Starts it; its next event is the first after `initial`.
    #[track_caller]
    pub fn start(arguments: &[&str]) -> Reader {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let log = PathBuf::from(format!("/run/watch.{count}.log"));
        // `lo` is the first to be told of.
        let mut command = linkwatch(&["watch", "--json", "lo"]);
        command.args(arguments).env("RUST_LOG", "linkwatch=debug");
        command.stderr(File::create(&log).expect("the log"));
        let mut reader = Reader {
            watch: Watch::of(command),
            next: 0,
            log,
        };
        assert_eq!(reader.expect("initial")["name"], "lo");
        reader.expect("initial");
        reader
    }

    /// True if an event had to do without what a driver tells, which was too
    /// long in coming: here, because the machine is busy.
    pub fn lacks_details(&self) -> bool {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.contains("does not answer within")
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

impl Drop for Reader {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("{}:\n{log}", self.log.display());
        }
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

    /// Waits until the kernel tells at once of what happens next. It tells of a
    /// loss of carrier no sooner than a second after it last told of any change;
    /// where the carrier is back by then, it never tells of a loss.
    pub fn rest(&self) {
        std::thread::sleep(Duration::from_millis(1100));
    }

    /// The next event of both, which is to be of this kind. The first is by
    /// `carrier`.
    #[track_caller]
    pub fn expect(&mut self, kind: &str) -> [Value; 2] {
        [self.carrier.expect(kind), self.running.expect(kind)]
    }

    /// The link is connected to an access point, and all agree with iw on
    /// which: these events of both watches, and the status.
    #[track_caller]
    pub fn assert_associated(&self, events: &[Value; 2]) {
        let by_iw = association(&self.name).expect("iw to know of an association");
        for (event, reader) in events.iter().zip([&self.carrier, &self.running]) {
            assert_eq!(event["bssid"], by_iw.bssid, "{event:#}");
            assert_eq!(event["kind"], "wifi", "{event:#}");
            if !event["ssid"].is_null() || !reader.lacks_details() {
                by_iw.assert_told_by(event);
            }
        }
        let mut link = Value::Null;
        eventually("a status with details", || {
            link = status(&self.name);
            !link["ssid"].is_null()
        });
        by_iw.assert_told_by(&link);
        assert_eq!(link["kind"], "wifi", "{link:#}");
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
