//! The scenarios.

mod cables;
mod churn;
mod dumps;
mod judging;
mod memory;
mod rivals;
mod start;
mod storm;

use std::time::{Duration, Instant};

use crate::Scale;
use crate::judge::{Truth, Verdict, judge};
use crate::random::Random;
use crate::recorder::Record;
use crate::row::Row;
use crate::watcher::{User, Watcher};
use crate::witness::{self, Links};

type Scenario = fn(Scale, &mut Random) -> Row;

/// In the order in which they are played.
pub const ALL: [(&str, Scenario); 9] = [
    ("the judge", judging::it_finds_faults),
    ("storm, privileged", storm::privileged),
    ("storm, ordinary user", storm::ordinary),
    ("storm, stopped", storm::stopped),
    ("churn", churn::heard),
    ("churn, stopped", churn::stopped),
    ("interrupted lists", dumps::interrupted),
    ("comings and goings", memory::flat),
    ("start in a storm", start::in_a_storm),
];

/// How long the watch may take to know all. After a list that was interrupted
/// it rests for up to ten seconds.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Starts a watch of all links while nothing changes, so that it is known what
/// each had counted before. (Some carriers follow others a little later: a
/// bridge's that of its ports.)
fn begin(user: User, buffer: &str) -> (Links, Watcher) {
    loop {
        let before = witness::links();
        let watcher = Watcher::start(user, &["--buffer-size", buffer, "*"]);
        if witness::links() == before {
            return (before, watcher);
        }
    }
}

/// Waits until the watch is right, or has been given enough time; then ends it
/// and adds what is to be said of it.
fn settle(row: &mut Row, mut watcher: Watcher, before: &Links, record: Option<&Record>) -> Verdict {
    let start = Instant::now();
    let mut written = u64::MAX;
    let now = loop {
        std::thread::sleep(LOOK_AGAIN);
        let patient = start.elapsed() < SETTLED_WITHIN;
        let more = watcher.written();
        if more != std::mem::replace(&mut written, more) && patient {
            continue;
        }
        watcher.read();
        let now = witness::links();
        let truth = Truth {
            before,
            now: &now,
            record,
        };
        if !patient || judge(&watcher.events, truth).is_good() {
            break now;
        }
    };
    let ended = watcher.stop();
    // The kernel has told all by now; what came since is counted too.
    let truth = Truth {
        before,
        now: &now,
        record,
    };
    let verdict = judge(&ended.events, truth);
    row.judged(&verdict);
    row.statistics.messages += ended.statistics.messages;
    row.statistics.overruns += ended.statistics.overruns;
    row.statistics.resyncs += ended.statistics.resyncs;
    row.peak = row.peak.max(Some(ended.peak));
    let told: u64 = ended.events.iter().map(|event| event.overruns).sum();
    row.expect(told == ended.statistics.overruns, || {
        format!(
            "of {} overruns, {told} were reported",
            ended.statistics.overruns
        )
    });
    verdict
}
