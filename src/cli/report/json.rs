//! The report for programs.

use serde::Serialize;

use super::account::Account;
use super::figures::utc;
use super::link::{Link, Outage};
use super::timeline::{State, Times};

#[derive(Serialize)]
pub(super) struct ReportObject {
    from: String,
    to: String,
    lines: u64,
    broken_lines: u64,
    /// How often a watch began.
    starts: u64,
    unwatched_seconds: f64,
    resyncs: u64,
    overruns: u64,
    links: Vec<LinkObject>,
}

#[derive(Serialize)]
struct LinkObject {
    /// Of a configuration; null where it was one of the command line.
    watch: Option<String>,
    name: String,
    kind: String,
    ifindex: u32,
    previous_names: Vec<String>,
    /// Of the time that is known and in which it was there; from 0 to 1.
    connected_share: Option<f64>,
    #[serde(flatten)]
    times: TimesObject,
    outages: u64,
    longest_outage: Option<OutageObject>,
    flaps: u64,
    transitions: u64,
    unseen: u64,
    roams: u64,
    removals: u64,
    missing_lines: u64,
    timeline: Vec<SpanObject>,
}

#[derive(Serialize)]
struct TimesObject {
    connected_seconds: f64,
    disconnected_seconds: f64,
    absent_seconds: f64,
    unknown_seconds: f64,
}

#[derive(Serialize)]
struct OutageObject {
    from: String,
    to: String,
    seconds: f64,
    start_known: bool,
    end_known: bool,
    reason: Option<String>,
    detail: Option<String>,
}

#[derive(Serialize)]
struct SpanObject {
    from: String,
    to: String,
    #[serde(flatten)]
    times: TimesObject,
    outages: u64,
}

/// So long a timeline is at most, about.
const SPANS: usize = 256;

impl ReportObject {
    pub(super) fn new(account: &Account, broken_lines: u64) -> ReportObject {
        let time = |time| utc(account.clock_time(time));
        ReportObject {
            from: time(account.start_time()),
            to: time(account.end_time()),
            lines: account.lines,
            broken_lines,
            starts: account.starts,
            unwatched_seconds: seconds(account.unwatched),
            resyncs: account.resyncs,
            overruns: account.overruns,
            links: account
                .links
                .iter()
                .map(|link| LinkObject::new(link, &time))
                .collect(),
        }
    }
}

impl LinkObject {
    fn new(link: &Link, time: &impl Fn(i64) -> String) -> LinkObject {
        let spans = link.timeline.condensed(SPANS);
        LinkObject {
            watch: link.watch.clone(),
            name: link.name.clone(),
            kind: link.kind.clone(),
            ifindex: link.ifindex,
            previous_names: link.previous_names.clone(),
            connected_share: link.times.share(),
            times: TimesObject::new(&link.times),
            outages: link.outages,
            longest_outage: link
                .longest
                .first()
                .map(|outage| outage_object(outage, time)),
            flaps: link.flaps,
            transitions: link.transitions,
            unseen: link.unseen,
            roams: link.roams,
            removals: link.removals,
            missing_lines: link.missing,
            timeline: spans
                .iter()
                .map(|span| SpanObject {
                    from: time(span.start),
                    to: time(span.end),
                    times: TimesObject::new(&span.times),
                    outages: span.outages,
                })
                .collect(),
        }
    }
}

impl TimesObject {
    fn new(times: &Times) -> TimesObject {
        TimesObject {
            connected_seconds: seconds(times.of(State::Connected)),
            disconnected_seconds: seconds(times.of(State::Disconnected)),
            absent_seconds: seconds(times.of(State::Absent)),
            unknown_seconds: seconds(times.of(State::Unknown)),
        }
    }
}

fn outage_object(outage: &Outage, time: &impl Fn(i64) -> String) -> OutageObject {
    OutageObject {
        from: time(outage.start),
        to: time(outage.end),
        seconds: seconds(outage.length()),
        start_known: outage.start_known,
        end_known: outage.end_known,
        reason: outage.reason.clone(),
        detail: outage.detail.clone(),
    }
}

fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}
