//! The torture suite: storms, churn, overruns, interrupted lists, endless
//! comings and goings; what linkwatch tells is compared with what the kernel
//! says, to the last transition.
//!
//! `cargo test --test torture` runs a bounded version within a minute,
//! `LINKWATCH_TORTURE=full` the whole. `SEED=…` repeats an order of operations;
//! names of scenarios, or parts of them, as arguments choose some.
//!
//! What the kernel does at the same time in two threads is not repeated by a
//! seed: each thread's own operations are, in their order.

#[path = "../kernel/support/mod.rs"]
#[allow(dead_code, unused_imports)] // shared, each test binary uses a part
mod support;

mod judge;
mod kernel;
mod random;
mod recorder;
mod row;
mod sandbox;
mod scenario;
mod table;
mod watcher;
mod witness;

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use random::Random;
use row::Row;

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// All scenarios within a minute, on a busy machine too.
    Bounded,
    /// Within ten minutes.
    Full,
}

impl Scale {
    fn chosen() -> Scale {
        match std::env::var("LINKWATCH_TORTURE").as_deref() {
            Ok("full") => Scale::Full,
            Ok("bounded") | Err(_) => Scale::Bounded,
            Ok(other) => panic!("LINKWATCH_TORTURE={other}: full or bounded"),
        }
    }

    /// The first number at full scale, the second at the bounded one.
    pub fn of<T>(self, full: T, bounded: T) -> T {
        match self {
            Scale::Full => full,
            Scale::Bounded => bounded,
        }
    }

    /// Longer than any scenario takes.
    fn limit(self) -> Duration {
        Duration::from_secs(self.of(600, 180))
    }
}

fn main() -> ExitCode {
    let scale = Scale::chosen();
    let seed = seed();
    if let Some(name) = sandbox::scenario() {
        return play(&name, scale, seed);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chosen = chosen(&arguments);
    if arguments.iter().any(|argument| argument == "--list") {
        for name in chosen {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    if chosen.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("torture: SEED={seed}, {scale:?}");
    let mut rows = Vec::new();
    for name in chosen {
        println!("{name} …");
        let start = Instant::now();
        let row = match sandbox::play(name, seed, scale.limit()) {
            Ok(Some(told)) => match serde_json::from_str(&told) {
                Ok(value) => Row::from_json(&value),
                Err(error) => failed(format!("{error}: {told}")),
            },
            Ok(None) => Row::skipped("no network namespace"),
            Err(error) => failed(error),
        };
        let time = start.elapsed();
        rows.push((name, Row { time, ..row }));
    }
    table::print(&rows);
    let good = rows.iter().all(|(_, row)| row.is_good());
    if !good {
        println!("torture: FAILED; to repeat it: SEED={seed}");
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn failed(why: String) -> Row {
    Row {
        complaints: vec![why],
        ..Row::default()
    }
}

fn seed() -> u64 {
    match std::env::var("SEED") {
        Ok(seed) if !seed.is_empty() => seed.parse().expect("SEED: a number"),
        _ => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(1, |now| now.as_nanos() as u64 % 1_000_000)
        }
    }
}

/// The scenarios that the arguments name. The options are those that cargo and
/// its helpers pass to any test.
fn chosen(arguments: &[String]) -> Vec<&'static str> {
    let exact = arguments.iter().any(|argument| argument == "--exact");
    let filters: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let names = scenario::ALL.iter().map(|(name, _)| *name);
    names
        .filter(|name| {
            filters.is_empty()
                || filters.iter().any(|filter| match exact {
                    true => filter.as_str() == *name,
                    false => name.contains(filter.as_str()),
                })
        })
        .collect()
}

/// Inside the namespaces.
fn play(name: &str, scale: Scale, seed: u64) -> ExitCode {
    sandbox::prepare();
    let Some((_, scenario)) = scenario::ALL.iter().find(|(known, _)| *known == name) else {
        return ExitCode::FAILURE;
    };
    let row = scenario(scale, &mut Random::new(seed));
    println!("{}{}", sandbox::ROW, row.to_json());
    ExitCode::SUCCESS
}
