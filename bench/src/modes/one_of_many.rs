//! One link is watched by name while the others flap; beside it, all are.

use std::io;
use std::time::Duration;

use super::{Race, account, finish};
use crate::contender::{CLI, Entrant, FLOOR, LIBRARY};
use crate::kernel::{Listener, Name, Storm, await_link_watch, await_silence};
use crate::results::Sample;

pub const MODE: &str = "one of many";
pub const LIBRARY_OF_ONE: &str = "linkwatch-one";
pub const CLI_OF_ONE: &str = "cli-one";
/// What is watched, and its other end.
const LINK: &str = "wan0";
const PEER: &str = "wanpeer0";
/// How often it goes down and up.
pub const CYCLES: usize = 10;
/// What an ordinary user gets where `rmem_max` is as the kernel makes it.
const ORDINARY: &str = "212992";

pub fn run(race: &mut Race<'_>, run: usize) -> io::Result<Vec<Sample>> {
    let mut storm = Storm::new(race.scale.pairs)?;
    storm.kernel().make_pair(LINK, PEER)?;
    let link = Name::new(LINK);
    storm.kernel().set_up(&link, true)?;
    storm.kernel().set_up(&Name::new(PEER), true)?;
    let mut counter = Listener::new()?;

    let library = Entrant::plain(LIBRARY).with(&["--times", "--pattern", LINK]);
    let library = library.with(&["--buffer", ORDINARY]).ordinary();
    let cli = Entrant::plain(CLI)
        .with(&["--buffer-size", ORDINARY, LINK])
        .ordinary();
    let rounds = [
        [
            Entrant::plain(FLOOR),
            Entrant::plain(LIBRARY),
            library.named(LIBRARY_OF_ONE, "linkwatch, Rust library, one by name"),
        ],
        [
            Entrant::plain(FLOOR),
            Entrant::plain(CLI),
            cli.named(CLI_OF_ONE, "linkwatch watch --json, one by name"),
        ],
    ];

    let mut samples = Vec::new();
    for (round, entrants) in rounds.iter().enumerate() {
        await_link_watch(&mut counter)?;
        let mut watchers = race.start(entrants, MODE);
        for watcher in &mut watchers {
            watcher.await_idle();
        }
        let before = await_silence(&mut counter)?;
        let cpu: Vec<u64> = watchers.iter().map(|watcher| watcher.cpu_time()).collect();
        let each = race.scale.flips / (2 * CYCLES);
        for turn in 0..2 * CYCLES {
            for _ in 0..each {
                storm.flip()?;
            }
            counter.hear()?;
            storm.kernel().set_up(&link, turn % 2 == 1)?;
            // So that each change is told by itself.
            std::thread::sleep(Duration::from_millis(2));
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
