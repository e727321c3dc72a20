//! What watchers do while nothing happens, and what they occupy.

use std::io;
use std::time::Duration;

use super::{Race, Values};
use crate::contender::{CONTENDERS, Entrant};
use crate::kernel::{Listener, Storm, await_link_watch};
use crate::process::{memory, wakeups};
use crate::results::Sample;

pub const MODE: &str = "idle";

pub fn run(race: &mut Race<'_>, run: usize) -> io::Result<Vec<Sample>> {
    let _links = Storm::new(2)?;
    await_link_watch(&mut Listener::new()?)?;
    let entrants: Vec<Entrant> = CONTENDERS.iter().map(|c| Entrant::plain(c.id)).collect();
    let mut watchers = race.start(&entrants, MODE);
    for watcher in &mut watchers {
        watcher.await_idle();
    }
    let state = |watcher: &crate::watcher::Watcher| (wakeups(watcher.id()), watcher.cpu_time());
    let before: Vec<(u64, u64)> = watchers.iter().map(state).collect();
    // Nothing happens: to see that once is enough. What they occupy depends on
    // where they were loaded to.
    let is_first = run == 0;
    if is_first {
        std::thread::sleep(Duration::from_secs(race.scale.idle));
    }
    let mut samples = Vec::new();
    for (watcher, before) in watchers.iter().zip(before) {
        let after = state(watcher);
        let mut values = Values::new();
        if is_first {
            // One that was never switched to has made no system call.
            values.insert("wakeups", (after.0 - before.0) as f64);
            values.insert("cpu_us", (after.1 - before.1) as f64 / 1e3);
        }
        values.insert("rss_kib", memory(watcher.id(), "VmRSS") as f64);
        values.insert("own_kib", memory(watcher.id(), "RssAnon") as f64);
        let Entrant { id, label, .. } = watcher.entrant;
        samples.push(Sample {
            mode: MODE,
            run,
            round: 0,
            id,
            label,
            values,
            note: None,
        });
    }
    Ok(samples)
}
