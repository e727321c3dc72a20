//! What it takes, where there are many links, to the first complete picture.

use std::io;
use std::process::{Command, Stdio};

use super::{Race, Values, everybody};
use crate::contender::{Entrant, FIND_ATTR, IP, PARSE, TUNED};
use crate::kernel::{Kernel, Listener, await_link_watch};
use crate::report::truth;
use crate::results::Sample;
use crate::watcher::Watcher;

pub const MODE: &str = "start";
pub const STATUS: &str = "status";
pub const IP_LINK: &str = "ip-link";

/// Makes the links; they stay for all runs, for to make them takes long.
pub struct Links {
    kernel: Kernel,
}

impl Links {
    pub fn new(count: usize) -> io::Result<Links> {
        let kernel = Kernel::new()?;
        kernel.clear()?;
        kernel.make_pairs(count / 2)?;
        await_link_watch(&mut Listener::new()?)?;
        Ok(Links { kernel })
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        let _ = self.kernel.clear();
    }
}

pub fn run(race: &mut Race<'_>, run: usize, round: usize) -> io::Result<Vec<Sample>> {
    // `ip monitor` makes no picture, and of these the list is the floor's.
    let others = [IP, PARSE, FIND_ATTR, TUNED];
    let ids = everybody(round).filter(|id| !others.contains(id));
    let mut entrants: Vec<Option<Entrant>> = ids.map(|id| Some(Entrant::plain(id))).collect();
    entrants.push(None);
    race.random.shuffle(&mut entrants);
    let truth = truth();

    let mut samples = Vec::new();
    for entrant in entrants {
        let Some(entrant) = entrant else {
            let mut programs = [
                (
                    STATUS,
                    "linkwatch status --json",
                    "linkwatch",
                    ["status", "--json"],
                ),
                (IP_LINK, "ip -j link", "ip", ["-j", "link"]),
            ];
            race.random.shuffle(&mut programs);
            for (id, label, program, arguments) in programs {
                let values = program_to_its_end(race, program, &arguments)?;
                samples.push(Sample {
                    mode: MODE,
                    run,
                    round,
                    id,
                    label,
                    values,
                    note: None,
                });
            }
            continue;
        };
        if !race.programs.has(entrant.contender) {
            continue;
        }
        let watcher = match Watcher::start(race.programs, &entrant) {
            Ok(watcher) => watcher,
            Err(error) => {
                eprintln!("{MODE}: {error}");
                continue;
            }
        };
        let mut values = Values::new();
        if let Some(time) = watcher.start.time {
            values.insert("time_us", time.as_secs_f64() * 1e6);
        }
        values.insert("cpu_us", watcher.start.cpu as f64 / 1e3);
        values.insert("peak_kib", watcher.start.peak as f64);
        super::judge(&mut values, &watcher.finish(), &truth);
        let (id, label) = (entrant.id, entrant.label);
        samples.push(Sample {
            mode: MODE,
            run,
            round,
            id,
            label,
            values,
            note: None,
        });
    }
    Ok(samples)
}

/// Measures a program that ends by itself.
fn program_to_its_end(race: &Race<'_>, program: &str, arguments: &[&str]) -> io::Result<Values> {
    let folder = &race.programs.folder;
    let inside = folder.join(program);
    let output = Command::new(folder.join("c-usage"))
        .arg(if inside.exists() {
            inside.as_os_str()
        } else {
            program.as_ref()
        })
        .args(arguments)
        .stderr(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let &[time, cpu, peak, status] = &numbers[..] else {
        return Err(io::Error::other(format!("{program} cannot be measured")));
    };
    // `status` ends with 3 where a link is not connected.
    if status != 0.0 && status != 3.0 {
        return Err(io::Error::other(format!("{program} ended with {status}")));
    }
    Ok([("time_us", time / 1e3), ("cpu_us", cpu), ("peak_kib", peak)].into())
}
