//! A storm while the watchers run. As one machine has not enough CPUs for all
//! at once, they run in rounds; the floor, the program and `ip monitor` are in
//! each.

use std::io;

use super::{Race, SLOWEST, account, finish};
use crate::contender::{CLI, CONTENDERS, Entrant, FLOOR, IP};
use crate::kernel::{Listener, Storm, await_link_watch, await_silence};
use crate::results::Sample;

pub const MODE: &str = "live";
const ALWAYS: [&str; 3] = [FLOOR, CLI, IP];

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
        let entrants: Vec<Entrant> = ids.into_iter().map(Entrant::plain).collect();
        let mut watchers = race.start(&entrants, MODE);
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
        let done = watchers.into_iter().zip(cpu);
        let done = done
            .map(|(watcher, before)| account(watcher, before, messages))
            .collect();
        samples.extend(finish(MODE, (run, round), done));
    }
    Ok(samples)
}
