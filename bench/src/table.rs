//! Tables, as text and as Markdown.

use crate::contender::{CONTENDERS, Contender, FLOOR};
use crate::goals::Goal;
use crate::modes::one_of_many::{CLI_OF_ONE, LIBRARY_OF_ONE};
use crate::modes::{drain, idle, latency, live, one_of_many, start};
use crate::results::Results;

pub struct Table {
    pub title: String,
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// The watchers of all modes, in the order of the tables.
fn order() -> Vec<&'static str> {
    CONTENDERS.iter().map(|contender| contender.id).collect()
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.digits$}"))
}

/// What a watcher said at the end, against what the kernel says.
fn verdict(results: &Results, mode: &str, id: &str) -> String {
    if let Some(note) = results.note(mode, id) {
        return note;
    }
    let known = results.median(mode, id, "known").unwrap_or_default();
    let missing = results.largest(mode, id, "missing").unwrap_or_default();
    match results.largest(mode, id, "wrong") {
        Some(wrong) if wrong > 0.0 => format!("{wrong:.0} links wrong"),
        Some(_) if missing > 0.0 && mode != one_of_many::MODE => {
            format!("{missing:.0} links missing")
        }
        Some(_) if known > 0.0 => "right".to_owned(),
        _ => "–".to_owned(),
    }
}

/// The largest number of messages that a watcher lost, by its own word and by
/// the kernel's.
fn lost(results: &Results, mode: &str, id: &str) -> String {
    let drops = results.largest(mode, id, "drops").unwrap_or_default();
    let overruns = results.largest(mode, id, "overruns");
    match overruns {
        _ if drops == 0.0 && overruns.unwrap_or_default() == 0.0 => "0".to_owned(),
        Some(overruns) => format!("{overruns:.0} ({drops:.0} messages)"),
        None => format!("({drops:.0} messages)"),
    }
}

fn storm(results: &Results, mode: &'static str, title: &str) -> Table {
    let queued = results.median(mode, FLOOR, "queued");
    let row = |(id, label): (&'static str, &'static str)| {
        vec![
            label.to_owned(),
            number(results.median(mode, id, "cpu_us").map(|us| us / 1e3), 1),
            number(results.median(mode, id, "cpu_us_per_message"), 2),
            number(results.ratio(mode, id, FLOOR, "cpu_us_per_message"), 2),
            number(results.median(mode, id, "messages"), 0),
            lost(results, mode, id),
            number(
                results.median(mode, id, "peak_kib").map(|kib| kib / 1024.0),
                1,
            ),
            verdict(results, mode, id),
        ]
    };
    Table {
        title: format!("{mode}: {title} ({} messages)", number(queued, 0)),
        head: vec![
            "watcher",
            "CPU ms",
            "µs a message",
            "× floor",
            "messages it counted",
            "overruns",
            "peak MiB",
            "final state",
        ],
        rows: results
            .watchers(mode, &order())
            .into_iter()
            .map(row)
            .collect(),
    }
}

fn mib(kib: Option<f64>) -> String {
    number(kib.map(|kib| kib / 1024.0), 1)
}

fn one_of_many(results: &Results) -> Table {
    let mode = one_of_many::MODE;
    let row = |(id, label): (&'static str, &'static str)| {
        let is_one = id == LIBRARY_OF_ONE || id == CLI_OF_ONE;
        vec![
            label.to_owned(),
            number(results.median(mode, id, "cpu_us").map(|us| us / 1e3), 2),
            number(results.median(mode, id, "messages"), 0),
            number(results.median(mode, id, "events").filter(|_| is_one), 0),
            lost(results, mode, id),
            mib(results.median(mode, id, "peak_kib")),
            verdict(results, mode, id),
        ]
    };
    Table {
        title: format!(
            "one of many: one link, which changes {} times, while the others flap ({} messages)",
            2 * one_of_many::CYCLES,
            number(results.median(mode, FLOOR, "queued"), 0)
        ),
        head: vec![
            "watcher",
            "CPU ms",
            "messages it counted",
            "events of the link",
            "overruns",
            "peak MiB",
            "final state",
        ],
        rows: results
            .watchers(mode, &order())
            .into_iter()
            .map(row)
            .collect(),
    }
}

fn start(results: &Results) -> Table {
    let mode = start::MODE;
    let row = |(id, label): (&'static str, &'static str)| {
        vec![
            label.to_owned(),
            number(results.median(mode, id, "time_us").map(|us| us / 1e3), 1),
            number(results.median(mode, id, "cpu_us").map(|us| us / 1e3), 1),
            number(results.ratio(mode, id, FLOOR, "cpu_us"), 2),
            mib(results.median(mode, id, "peak_kib")),
            number(
                results
                    .median(mode, id, "known")
                    .filter(|&links| links > 0.0),
                0,
            ),
            verdict(results, mode, id),
        ]
    };
    Table {
        title: "start: to the first complete picture".to_owned(),
        head: vec![
            "watcher", "ms", "CPU ms", "× floor", "peak MiB", "links", "state",
        ],
        rows: results
            .watchers(mode, &order())
            .into_iter()
            .map(row)
            .collect(),
    }
}

fn latency(results: &Results) -> Table {
    let mode = latency::MODE;
    let row = |(id, label): (&'static str, &'static str)| {
        vec![
            label.to_owned(),
            number(results.median(mode, id, "median_us"), 1),
            number(results.ratio(mode, id, FLOOR, "median_us"), 2),
            number(results.median(mode, id, "p99_us"), 1),
            number(results.ratio(mode, id, FLOOR, "p99_us"), 2),
            number(results.largest(mode, id, "missed"), 0),
        ]
    };
    Table {
        title: format!(
            "latency: from the flip to the callback ({} flips, 2 ms apart)",
            number(results.median(mode, FLOOR, "flips"), 0)
        ),
        head: vec![
            "watcher",
            "median µs",
            "× floor",
            "99th percentile µs",
            "× floor",
            "missed",
        ],
        rows: results
            .watchers(mode, &order())
            .into_iter()
            .map(row)
            .collect(),
    }
}

fn idle(results: &Results) -> Table {
    let mode = idle::MODE;
    let row = |(id, label): (&'static str, &'static str)| {
        let wakeups = results.median(mode, id, "wakeups");
        vec![
            label.to_owned(),
            number(wakeups, 0),
            // Who does not run makes none.
            if wakeups == Some(0.0) {
                "0".to_owned()
            } else {
                "–".to_owned()
            },
            number(results.median(mode, id, "cpu_us").map(|us| us / 1e3), 2),
            mib(results.median(mode, id, "rss_kib")),
            mib(results.median(mode, id, "own_kib")),
        ]
    };
    Table {
        title: "idle: while nothing happens".to_owned(),
        head: vec![
            "watcher",
            "wake-ups",
            "system calls",
            "CPU ms",
            "resident MiB",
            "its own MiB",
        ],
        rows: results
            .watchers(mode, &order())
            .into_iter()
            .map(row)
            .collect(),
    }
}

/// One for each mode that was run.
pub fn tables(results: &Results) -> Vec<Table> {
    let table = |mode| match mode {
        drain::MODE => storm(results, mode, "a full queue, each watcher alone"),
        live::MODE => storm(results, mode, "a storm while the watchers run"),
        one_of_many::MODE => one_of_many(results),
        start::MODE => start(results),
        latency::MODE => latency(results),
        _ => idle(results),
    };
    let modes = crate::MODES.into_iter().filter(|mode| results.has(mode));
    modes.map(table).collect()
}

/// All modes at a glance, for the README.
pub fn overview(results: &Results) -> Table {
    let row = |contender: &Contender| {
        let to_floor = |mode, measure| number(results.ratio(mode, contender.id, FLOOR, measure), 2);
        let memory = |mode, measure| mib(results.median(mode, contender.id, measure));
        vec![
            contender.label.to_owned(),
            to_floor(drain::MODE, "cpu_us_per_message"),
            to_floor(live::MODE, "cpu_us_per_message"),
            to_floor(start::MODE, "cpu_us"),
            to_floor(latency::MODE, "median_us"),
            memory(idle::MODE, "rss_kib"),
            memory(start::MODE, "peak_kib"),
        ]
    };
    Table {
        title: "CPU time and latency as multiples of the floor's; memory in MiB".to_owned(),
        head: vec![
            "watcher",
            "drain",
            "live",
            "start",
            "latency",
            "MiB, idle",
            "MiB, 10,001 links",
        ],
        rows: CONTENDERS.iter().map(row).collect(),
    }
}

pub fn goals(goals: &[Goal]) -> Table {
    let row = |goal: &Goal| {
        let digits = if goal.bound >= 2.0 || goal.bound == 0.0 {
            1
        } else {
            2
        };
        let unit = |text: String| format!("{text}{}", goal.unit);
        vec![
            goal.mode.to_owned(),
            goal.measure.to_owned(),
            goal.value
                .map_or("–".to_owned(), |value| unit(format!("{value:.digits$}"))),
            unit(format!("{}", goal.bound)),
            goal.verdict().to_owned(),
        ]
    };
    Table {
        title: "what it must reach".to_owned(),
        head: vec!["mode", "measure", "measured", "at most", ""],
        rows: goals.iter().map(row).collect(),
    }
}

impl Table {
    pub fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells
                .chain([self.head[column].chars().count()])
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded = cells
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, &width))| {
                    if self.is_left(column) {
                        format!("{cell:<width$}")
                    } else {
                        format!("{cell:>width$}")
                    }
                });
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines = vec![format!("\n{}", self.title)];
        lines.push(line(&mut self.head.iter().copied()));
        for row in &self.rows {
            lines.push(line(&mut row.iter().map(String::as_str)));
        }
        lines.join("\n")
    }

    /// Words are at the left, numbers at the right.
    fn is_left(&self, column: usize) -> bool {
        let is_word = |text: &str| text.starts_with(|c: char| c.is_alphabetic());
        column == 0 || self.rows.iter().any(|row| is_word(&row[column]))
    }

    pub fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut out = format!("**{}**\n\n", self.title);
        out += &line(self.head.iter().map(|&cell| cell.to_owned()).collect());
        let rule = |column| if self.is_left(column) { "---" } else { "---:" }.to_owned();
        out += &line((0..self.head.len()).map(rule).collect());
        for row in &self.rows {
            out += &line(row.clone());
        }
        out
    }
}
