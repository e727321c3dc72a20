//! What must be reached, and whether it was.

use crate::contender::{C_LIBRARY, CLI, FLOOR, IP, LIBRARY, PARSE, RTNETLINK};
use crate::modes::one_of_many::{CLI_OF_ONE, LIBRARY_OF_ONE};
use crate::modes::start::{IP_LINK, STATUS};
use crate::modes::{drain, idle, latency, live, one_of_many, start};
use crate::results::Results;

pub struct Goal {
    pub mode: &'static str,
    pub measure: &'static str,
    pub bound: f64,
    pub unit: &'static str,
    pub value: Option<f64>,
}

impl Goal {
    pub fn verdict(&self) -> &'static str {
        match self.value {
            None => "not measured",
            Some(value) if value <= self.bound => "reached",
            Some(_) => "NOT reached",
        }
    }
}

pub fn goals(results: &Results) -> Vec<Goal> {
    let goal = |mode, measure, bound, unit, value| Goal {
        mode,
        measure,
        bound,
        unit,
        value,
    };
    let drained = |one, other| results.ratio(drain::MODE, one, other, "cpu_us_per_message");
    let live = results.ratio(live::MODE, CLI, IP, "cpu_us");
    let filtered = |one, all| results.ratio(one_of_many::MODE, one, all, "cpu_us");
    let lost = |id| {
        let overruns = results.largest(one_of_many::MODE, id, "overruns");
        let drops = results.largest(one_of_many::MODE, id, "drops");
        Some(overruns?.max(drops.unwrap_or_default()))
    };
    let starting = |one, other| results.ratio(start::MODE, one, other, "cpu_us");
    let peak = |id| Some(results.median(start::MODE, id, "peak_kib")? / 1024.0);
    let delayed = |measure| results.ratio(latency::MODE, LIBRARY, FLOOR, measure);
    let resident = results
        .median(idle::MODE, CLI, "rss_kib")
        .map(|kib| kib / 1024.0);
    let awake = |id| results.median(idle::MODE, id, "wakeups");
    vec![
        goal(
            "drain",
            "Rust library / C recv + scan",
            1.0,
            "",
            drained(LIBRARY, FLOOR),
        ),
        goal(
            "drain",
            "Rust library / C libnl nl_msg_parse",
            0.33,
            "",
            drained(LIBRARY, PARSE),
        ),
        goal(
            "drain",
            "Rust library / rtnetlink",
            0.2,
            "",
            drained(LIBRARY, RTNETLINK),
        ),
        goal(
            "drain",
            "C library / Rust library",
            1.1,
            "",
            drained(C_LIBRARY, LIBRARY),
        ),
        goal("live", "watch --json / ip monitor link", 0.6, "", live),
        goal(
            "one of many",
            "Rust library, one by name / all",
            0.05,
            "",
            filtered(LIBRARY_OF_ONE, LIBRARY),
        ),
        goal(
            "one of many",
            "watch --json, one by name / all",
            0.05,
            "",
            filtered(CLI_OF_ONE, CLI),
        ),
        goal(
            "one of many",
            "overruns, Rust library",
            0.0,
            "",
            lost(LIBRARY_OF_ONE),
        ),
        goal(
            "one of many",
            "overruns, watch --json",
            0.0,
            "",
            lost(CLI_OF_ONE),
        ),
        goal(
            "start",
            "Rust library / raw C dump, CPU",
            1.3,
            "",
            starting(LIBRARY, FLOOR),
        ),
        goal(
            "start",
            "status --json / ip -j link, CPU",
            0.6,
            "",
            starting(STATUS, IP_LINK),
        ),
        goal(
            "start",
            "peak memory, Rust library",
            12.0,
            " MiB",
            peak(LIBRARY),
        ),
        goal(
            "start",
            "peak memory, watch --json",
            12.0,
            " MiB",
            peak(CLI),
        ),
        goal(
            "start",
            "peak memory, status --json",
            12.0,
            " MiB",
            peak(STATUS),
        ),
        goal(
            "latency",
            "Rust library / C recv, median",
            1.2,
            "",
            delayed("median_us"),
        ),
        goal(
            "latency",
            "Rust library / C recv, 99th percentile",
            1.2,
            "",
            delayed("p99_us"),
        ),
        goal("idle", "wake-ups, Rust library", 0.0, "", awake(LIBRARY)),
        goal("idle", "wake-ups, watch --json", 0.0, "", awake(CLI)),
        goal(
            "idle",
            "resident memory, watch --json",
            4.0,
            " MiB",
            resident,
        ),
    ]
}
