//! A storm while the watchers run. As one machine has not enough CPUs for all
//! at once, they run in rounds; the floor, the program and `ip monitor` are in
//! each.

use std::io;

use super::{Race, finish, measured};
use crate::kernel::{Listener, Storm, await_link_watch, await_silence};
use crate::results::Sample;
use crate::watcher::{CLI, CONTENDERS, FLOOR, IP};

pub const MODE: &str = "live";
const ALWAYS: [&str; 3] = [FLOOR, CLI, IP];
/// Takes a CPU for itself for seconds.
const SLOWEST: &str = "pyroute2";

pub fn run(race: &mut Race<'_>, run: usize) -> io::Result<Vec<Sample>> {
    let mut storm = Storm::new(race.scale.pairs)?;
    let mut counter = Listener::new()?;
    let mut others: Vec<&str> = CONTENDERS.iter().map(|contender| contender.id).collect();
    others.retain(|id| !ALWAYS.contains(id) && *id != SLOWEST);
    race.random.shuffle(&mut others);
    let rounds = others.chunks(2).chain([&[SLOWEST][..]]);

    let mut samples = Vec::new();
    for (round, some) in rounds.enumerate() {
        let ids = [&ALWAYS[..], some].concat();
        let mut watchers = race.start(&ids, MODE);
        for watcher in &mut watchers {
            watcher.await_idle();
        }
        let before = await_silence(&mut counter)?;
        let cpu: Vec<u64> = watchers.iter().map(|watcher| watcher.cpu_time()).collect();
        for flips in 0..race.scale.flips {
            storm.flip()?;
            if flips % 256 == 0 {
                counter.hear()?;
            }
        }
        let messages = await_link_watch(&mut counter)? - before;
        for watcher in &mut watchers {
            watcher.await_idle();
        }
        let mut done = Vec::new();
        for (mut watcher, before) in watchers.into_iter().zip(cpu) {
            let cpu = watcher.cpu_time().saturating_sub(before) as f64 / 1e3;
            let mut values = measured(&mut watcher);
            let seen = messages as f64 - values.get("drops").copied().unwrap_or_default();
            values.insert("cpu_us", cpu);
            values.insert("cpu_us_per_message", cpu / seen.max(1.0));
            values.insert("queued", messages as f64);
            done.push((watcher, values));
        }
        samples.extend(finish(MODE, (run, round), done));
    }
    Ok(samples)
}
