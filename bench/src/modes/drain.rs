//! All watchers are stopped, messages queue up, and each is continued alone.

use std::io;

use super::{Race, Values, account, everybody, finish};
use crate::contender::Entrant;
use crate::kernel::{Listener, Storm, await_link_watch, await_silence};
use crate::process::{Kept, keep_on};
use crate::results::Sample;
use crate::sandbox::is_privileged;
use crate::watcher::Watcher;

pub const MODE: &str = "drain";

pub fn run(race: &mut Race<'_>, run: usize, round: usize) -> io::Result<Vec<Sample>> {
    let mut storm = Storm::new(race.scale.pairs)?;
    let mut counter = Listener::new()?;
    await_silence(&mut counter)?;

    let entrants: Vec<Entrant> = everybody(round).map(Entrant::plain).collect();
    let mut watchers = race.start(&entrants, MODE);
    // The storm on one CPU, the watchers on the other.
    let _kept = Kept::on(0);
    for watcher in &mut watchers {
        watcher.await_idle();
        keep_on(watcher.id(), 1);
        watcher.signal(libc::SIGSTOP);
    }
    let keeper = Listener::new()?;
    let before = await_silence(&mut counter)?;
    let mut messages = 0;
    while messages < race.scale.messages {
        for _ in 0..8 {
            storm.flip()?;
        }
        messages = counter.hear()? - before;
        // Without privilege there is less room.
        if !is_privileged() && keeper.queued() > keeper.room as u64 * 8 / 10 {
            break;
        }
    }
    let messages = await_link_watch(&mut counter)? - before;

    race.random.shuffle(&mut watchers);
    let mut done: Vec<(Watcher, Values)> = Vec::new();
    for mut watcher in watchers {
        let before = watcher.cpu_time();
        watcher.signal(libc::SIGCONT);
        watcher.await_idle();
        done.push(account(watcher, before, messages));
    }
    drop(keeper);
    Ok(finish(MODE, (run, round), done))
}
