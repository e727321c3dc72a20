//! How long it takes from a flip, stamped before the ioctl, to the callback.
//!
//! The link itself is taken down and up: the kernel tells of that within the
//! ioctl. A change of carrier it would tell through its link watch, later.

use std::io;
use std::time::{Duration, Instant};

use super::{Race, Values};
use crate::contender::{C_LIBRARY, Entrant, FLOOR, LIBRARY};
use crate::kernel::{Listener, Name, Storm, await_silence, index_of};
use crate::results::{Sample, percentile};
use crate::watcher::Watcher;

pub const MODE: &str = "latency";
/// Watchers take turns, so that what else the machine does hits all.
const TURNS: usize = 8;
const PAUSE: Duration = Duration::from_millis(2);

pub fn run(race: &mut Race<'_>, run: usize) -> io::Result<Vec<Sample>> {
    let storm = Storm::new(1)?;
    let link = Name::new("v0");
    let index = index_of("v0");
    let mut counter = Listener::new()?;

    let mut entrants: Vec<Entrant> = [FLOOR, "recvmmsg", LIBRARY, C_LIBRARY]
        .map(|id| Entrant::plain(id).with(&["--times"]))
        .into();
    let mut delays: Vec<(&str, &str, Vec<f64>, f64)> = Vec::new();
    for entrant in &entrants {
        delays.push((entrant.id, entrant.label, Vec::new(), 0.0));
    }
    let flips = race.scale.timed_flips / TURNS / 2 * 2;
    for _ in 0..TURNS {
        race.random.shuffle(&mut entrants);
        for entrant in &entrants {
            await_silence(&mut counter)?;
            let watcher = Watcher::start(race.programs, entrant).map_err(io::Error::other)?;
            let mut flipped = Vec::with_capacity(flips);
            for i in 0..flips {
                let up = i % 2 == 1;
                flipped.push((now(), up));
                let begin = Instant::now();
                storm.kernel().set_up(&link, up)?;
                std::thread::sleep(PAUSE.saturating_sub(begin.elapsed()));
            }
            std::thread::sleep(Duration::from_millis(50));
            let mut told = watcher
                .finish()
                .times
                .into_iter()
                .filter(|time| time.1 == index);
            let entry = delays.iter_mut().find(|entry| entry.0 == entrant.id);
            let Some((_, _, delays, missed)) = entry else {
                continue;
            };
            for (when, up) in flipped {
                match told.find(|&(told, _, connected)| told >= when && connected == up) {
                    Some((told, ..)) => delays.push((told - when) as f64 / 1e3),
                    None => *missed += 1.0,
                }
            }
        }
    }
    let sample = |(id, label, delays, missed): (_, _, Vec<f64>, f64)| {
        let mut values = Values::new();
        values.insert("flips", delays.len() as f64);
        values.insert("missed", missed);
        for (name, share) in [("median_us", 0.5), ("p99_us", 0.99)] {
            if let Some(value) = percentile(delays.clone(), share) {
                values.insert(name, value);
            }
        }
        Sample {
            mode: MODE,
            run,
            round: 0,
            id,
            label,
            values,
            note: None,
        }
    };
    Ok(delays.into_iter().map(sample).collect())
}

/// CLOCK_MONOTONIC in nanoseconds.
fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes the timespec, which is there.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
