//! What the watchers are put through.

pub mod drain;
pub mod live;

use std::collections::BTreeMap;

use crate::results::Sample;
use crate::watcher::{Options, Programs, Report, Watcher, truth};

/// How much of everything.
pub struct Scale {
    pub messages: u64,
    pub flips: usize,
    pub pairs: usize,
}

impl Scale {
    pub fn full() -> Scale {
        Scale {
            messages: 15_000,
            flips: 10_000,
            pairs: 200,
        }
    }

    /// To see that it works.
    pub fn quick() -> Scale {
        Scale {
            messages: 1000,
            flips: 500,
            pairs: 20,
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
    fn start(&mut self, ids: &[&str], mode: &str) -> Vec<Watcher> {
        let mut ids = ids.to_vec();
        self.random.shuffle(&mut ids);
        let mut watchers = Vec::new();
        for id in ids {
            let contender = crate::watcher::by_id(id);
            if !self.programs.has(contender) {
                continue;
            }
            match Watcher::start(self.programs, contender, &Options::default()) {
                Ok(watcher) => watchers.push(watcher),
                Err(error) => eprintln!("{mode}: {error}"),
            }
        }
        watchers
    }
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

/// Adds what it reports, judged by what the kernel says.
fn judge(values: &mut Values, report: &Report, truth: &BTreeMap<u32, bool>) {
    if let Some(messages) = report.messages {
        values.insert("messages", messages as f64);
    }
    if let Some(overruns) = report.overruns {
        values.insert("overruns", overruns as f64);
    }
    let wrong = report
        .links
        .iter()
        .filter(|(index, connected)| truth.get(index) != Some(connected));
    values.insert("wrong", wrong.count() as f64);
    values.insert("known", report.links.len() as f64);
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
        let id = watcher.contender.id.to_owned();
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
