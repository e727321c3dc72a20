//! What the watchers are put through.

pub mod drain;
pub mod idle;
pub mod latency;
pub mod live;
pub mod one_of_many;
pub mod start;

use std::collections::BTreeMap;

use crate::contender::{CONTENDERS, Entrant, Programs};
use crate::report::{Report, truth};
use crate::results::Sample;
use crate::watcher::Watcher;

/// How much of everything.
pub struct Scale {
    pub messages: u64,
    pub flips: usize,
    pub pairs: usize,
    /// Links of *start*, beside lo; an even number.
    pub links: usize,
    /// Flips of *latency*.
    pub timed_flips: usize,
    /// Seconds of *idle*.
    pub idle: u64,
}

impl Scale {
    pub fn full() -> Scale {
        Scale {
            messages: 15_000,
            flips: 10_000,
            pairs: 200,
            links: 10_000,
            timed_flips: 2000,
            idle: 60,
        }
    }

    /// To see that it works.
    pub fn quick() -> Scale {
        Scale {
            messages: 1000,
            flips: 500,
            pairs: 20,
            links: 200,
            timed_flips: 160,
            idle: 2,
        }
    }
}

/// What every mode gets.
pub struct Race<'a> {
    pub programs: &'a Programs,
    pub scale: &'a Scale,
    pub random: Random,
}

impl Race<'_> {
    /// Starts watchers; says of those that do not start why.
    fn start(&mut self, entrants: &[Entrant], mode: &str) -> Vec<Watcher> {
        let mut entrants: Vec<&Entrant> = entrants.iter().collect();
        entrants.retain(|entrant| self.programs.has(entrant.contender));
        self.random.shuffle(&mut entrants);
        let mut watchers = Vec::new();
        for entrant in entrants {
            match Watcher::start(self.programs, entrant) {
                Ok(watcher) => watchers.push(watcher),
                Err(error) => eprintln!("{mode}: {error}"),
            }
        }
        watchers
    }
}

/// How often a run repeats what is short, so that what else the machine does
/// is less to be seen.
pub const ROUNDS: usize = 3;

/// Takes a CPU for itself for seconds, so it is in the first round only.
const SLOWEST: &str = "pyroute2";

/// Those who take part in a round.
fn everybody(round: usize) -> impl Iterator<Item = &'static str> {
    let ids = CONTENDERS.iter().map(|contender| contender.id);
    ids.filter(move |&id| round == 0 || id != SLOWEST)
}

type Values = BTreeMap<&'static str, f64>;

/// What is known of a watcher's work before it ends.
fn measured(watcher: &mut Watcher) -> Values {
    let mut values = Values::new();
    let id = watcher.id();
    values.insert("peak_kib", crate::process::memory(id, "VmHWM") as f64);
    if let Some(socket) = watcher.socket() {
        values.insert("drops", socket.drops as f64);
    }
    values.insert("buffer", watcher.buffer as f64);
    values
}

/// What a watcher has done since its CPU time was `before`, with so many
/// messages sent to it.
fn account(mut watcher: Watcher, before: u64, messages: u64) -> (Watcher, Values) {
    let cpu = watcher.cpu_time().saturating_sub(before) as f64 / 1e3;
    let mut values = measured(&mut watcher);
    let seen = messages as f64 - values.get("drops").copied().unwrap_or_default();
    values.insert("cpu_us", cpu);
    values.insert("cpu_us_per_message", cpu / seen.max(1.0));
    values.insert("queued", messages as f64);
    (watcher, values)
}

/// Adds what it reports, judged by what the kernel says.
fn judge(values: &mut Values, report: &Report, truth: &BTreeMap<u32, bool>) {
    if let Some(messages) = report.messages {
        values.insert("messages", messages as f64);
    }
    values.insert("events", report.events as f64);
    if let Some(overruns) = report.overruns {
        values.insert("overruns", overruns as f64);
    }
    let wrong = report
        .links
        .iter()
        .filter(|(index, connected)| truth.get(index) != Some(connected));
    values.insert("wrong", wrong.count() as f64);
    values.insert("known", report.links.len() as f64);
    // By default linkwatch leaves loopback out.
    let missing = truth.len().saturating_sub(report.links.len() + 1);
    values.insert("missing", missing as f64);
}

/// Ends watchers and makes samples of what they had measured.
fn finish(
    mode: &'static str,
    (run, round): (usize, usize),
    watchers: Vec<(Watcher, Values)>,
) -> Vec<Sample> {
    let truth = truth();
    let sample = |(mut watcher, mut values): (Watcher, Values)| {
        let died = watcher.has_ended();
        let note = died.then(|| format!("died: {}", watcher.complaint()));
        let (id, label) = (watcher.entrant.id, watcher.entrant.label);
        if died {
            // What it did until then cannot be compared.
            values.retain(|name, _| *name == "peak_kib" || *name == "drops");
        } else {
            judge(&mut values, &watcher.finish(), &truth);
        }
        Sample {
            mode,
            run,
            round,
            id,
            label,
            values,
            note,
        }
    };
    watchers.into_iter().map(sample).collect()
}

/// A small generator (xorshift64*), so that an order can be repeated.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.max(1))
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
            items.swap(i, number as usize % (i + 1));
        }
    }
}
