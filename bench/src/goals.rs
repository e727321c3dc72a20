//! What must be reached, and whether it was.

use crate::modes::{drain, live};
use crate::results::Results;
use crate::watcher::{C_LIBRARY, CLI, FLOOR, IP, LIBRARY, PARSE, RTNETLINK};

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
        goal(
            "live",
            "watch --json / ip monitor link",
            0.6,
            "",
            results.ratio(live::MODE, CLI, IP, "cpu_us"),
        ),
    ]
}
