//! A storm: 200 veth pairs and 20 TAP cables that flap at full speed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::cables::Cables;
use super::rivals::Rival;
use super::{begin, settle};
use crate::Scale;
use crate::random::Random;
use crate::row::Row;
use crate::sandbox::is_privileged;
use crate::watcher::{ORDINARY_BUFFER, User, send};
use crate::witness;

const PAIRS: usize = 200;
const TAPS: usize = 20;

fn flips(scale: Scale) -> usize {
    scale.of(100_000, 20_000)
}

/// With a buffer that only root is granted.
pub fn privileged(scale: Scale, random: &mut Random) -> Row {
    if !is_privileged() {
        return Row::skipped("only root is granted a larger buffer than net.core.rmem_max");
    }
    storm(scale, random, User::Root, "256M")
}

/// With the buffer that an ordinary user is granted.
pub fn ordinary(scale: Scale, random: &mut Random) -> Row {
    storm(scale, random, User::Nobody, ORDINARY_BUFFER)
}

fn storm(scale: Scale, random: &mut Random, user: User, buffer: &str) -> Row {
    let mut row = Row::default();
    let mut cables = Cables::new(PAIRS, TAPS);
    let (before, watcher) = begin(user, buffer);
    cables.flap(flips(scale), random, &AtomicBool::new(false));
    settle(&mut row, watcher, &before, None);
    row
}

/// Stopped half of the time, so that messages are lost for certain; beside two
/// others that are stopped as long.
pub fn stopped(scale: Scale, random: &mut Random) -> Row {
    let mut row = Row::default();
    let mut cables = Cables::new(PAIRS, TAPS);
    let (before, watcher) = begin(User::Nobody, ORDINARY_BUFFER);
    let rivals: Vec<Rival> = [Rival::ip_monitor(), Rival::libnl_loop()]
        .into_iter()
        .flatten()
        .collect();

    let mut processes = vec![watcher.id()];
    processes.extend(rivals.iter().map(Rival::id));
    half_of_the_time(random, (20, 200), &processes, |random| {
        cables.flap(flips(scale), random, &AtomicBool::new(false));
    });
    settle(&mut row, watcher, &before, None);
    row.expect(row.statistics.overruns > 0, || {
        "nothing was lost".to_owned()
    });
    let now = witness::links();
    let told = witness::since(&before, &now);
    row.note(format!(
        "of the same storm, {told} transitions by the kernel, linkwatch accounted for {}",
        row.reported
    ));
    for rival in rivals {
        row.note(rival.end(&before, &now));
    }
    row
}

/// Stops the processes half of the time while `f` runs, for so many milliseconds
/// each time.
pub fn half_of_the_time(
    random: &mut Random,
    (shortest, longest): (u64, u64),
    processes: &[u32],
    f: impl FnOnce(&mut Random),
) {
    let over = AtomicBool::new(false);
    let mut pauses = random.fork();
    std::thread::scope(|scope| {
        // Also where what goes on meanwhile fails.
        let _end = SetOnDrop(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let pause = Duration::from_millis(pauses.between(shortest, longest));
                for signal in [libc::SIGSTOP, libc::SIGCONT] {
                    processes.iter().for_each(|&process| send(process, signal));
                    std::thread::sleep(pause);
                }
            }
        });
        f(random);
    });
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
