//! A row of the table: what has come of a scenario.

use std::time::Duration;

use serde_json::{Value, json};

use crate::judge::Verdict;
use crate::watcher::Statistics;

#[derive(Debug, Clone, Default)]
pub struct Row {
    pub statistics: Statistics,
    pub kernel: u64,
    pub reported: u64,
    pub wrong: u64,
    /// In KiB; `None` where the watch is part of the suite's own process.
    pub peak: Option<u64>,
    pub time: Duration,
    /// What is told below the table.
    pub notes: Vec<String>,
    /// What is wrong. There should be nothing.
    pub complaints: Vec<String>,
    /// Why it was not played.
    pub skipped: Option<String>,
}

impl Row {
    pub fn skipped(why: &str) -> Row {
        Row {
            skipped: Some(why.to_owned()),
            ..Row::default()
        }
    }

    /// Adds what the judge has found.
    pub fn judged(&mut self, verdict: &Verdict) {
        self.kernel += verdict.kernel;
        self.reported += verdict.reported;
        self.wrong += verdict.wrong.len() as u64;
        self.complaints.extend(verdict.complaints());
    }

    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Complains unless `holds`.
    pub fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.complaints.push(otherwise());
        }
    }

    pub fn is_good(&self) -> bool {
        self.kernel == self.reported && self.wrong == 0 && self.complaints.is_empty()
    }

    pub fn to_json(&self) -> Value {
        json!({
            "messages": self.statistics.messages,
            "overruns": self.statistics.overruns,
            "resyncs": self.statistics.resyncs,
            "kernel": self.kernel,
            "reported": self.reported,
            "wrong": self.wrong,
            "peak": self.peak,
            "time": self.time.as_millis() as u64,
            "notes": self.notes,
            "complaints": self.complaints,
            "skipped": self.skipped,
        })
    }

    pub fn from_json(value: &Value) -> Row {
        let number = |field: &str| value[field].as_u64().unwrap_or(0);
        let texts = |field: &str| -> Vec<String> {
            let list = value[field].as_array().map(Vec::as_slice).unwrap_or(&[]);
            list.iter()
                .filter_map(|text| text.as_str().map(str::to_owned))
                .collect()
        };
        Row {
            statistics: Statistics {
                messages: number("messages"),
                overruns: number("overruns"),
                resyncs: number("resyncs"),
            },
            kernel: number("kernel"),
            reported: number("reported"),
            wrong: number("wrong"),
            peak: value["peak"].as_u64(),
            time: Duration::from_millis(number("time")),
            notes: texts("notes"),
            complaints: texts("complaints"),
            skipped: value["skipped"].as_str().map(str::to_owned),
        }
    }
}
