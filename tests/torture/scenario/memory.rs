//! Links that come and go for as long as a machine runs: the watch must not
//! grow.

use super::{begin, settle};
use crate::Scale;
use crate::kernel::{Kernel, New};
use crate::random::Random;
use crate::recorder::Recorder;
use crate::row::Row;
use crate::watcher::User;

/// Pairs that come and go together.
const BATCH: usize = 250;
const GROUP: u32 = 7;
/// What may be resident more in the end, in KiB: pages that were not touched
/// before, whatever for.
const SLACK: u64 = 1024;

/// 10,000 links that stay, 100,000 that come and go.
pub fn flat(scale: Scale, random: &mut Random) -> Row {
    let mut row = Row::default();
    let mut kernel = Kernel::new();
    for number in 0..scale.of(5000, 500) {
        let (one, other) = (format!("a{number}"), format!("b{number}"));
        let new = |name| New {
            name,
            ..New::default()
        };
        kernel
            .create_pair(&new(&one), &new(&other))
            .expect("a veth pair");
    }
    let recorder = Recorder::start();
    let (before, mut watcher) = begin(User::Root, "64M");

    let batches = scale.of(100_000, 5_000) / (2 * BATCH);
    let mut figures = Vec::new();
    for batch in 0..batches {
        come_and_go(&mut kernel, random);
        // The first batches make it as large as it has to be.
        let round = batch + 1;
        if round == batches / 5 || round == batches {
            let mut written = 0;
            let quiet = |_: &[_]| true;
            while watcher.written() != std::mem::replace(&mut written, watcher.written()) {
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            watcher.wait(std::time::Duration::ZERO, quiet);
            figures.push((watcher.memory("VmRSS"), watcher.descriptors()));
        }
    }
    let record = recorder.stop();
    let verdict = settle(&mut row, watcher, &before, Some(&record));
    let [(first, descriptors), (last, last_descriptors)] = figures[..] else {
        unreachable!("two figures")
    };
    row.expect(last <= first + SLACK, || {
        format!("{first} KiB resident became {last} KiB")
    });
    row.expect(descriptors == last_descriptors, || {
        format!("{descriptors} descriptors became {last_descriptors}")
    });
    row.note(format!(
        "{} links stay, {} came and went: {first} KiB resident after a fifth of them, {last} KiB \
         after all; {last_descriptors} descriptors",
        before.len(),
        verdict.removals,
    ));
    row
}

/// A batch of pairs, half of which come up.
fn come_and_go(kernel: &mut Kernel, random: &mut Random) {
    // Indices that the kernel does not reach here.
    let index = |number: usize| 1_000_000 + 2 * number as u32;
    for number in 0..BATCH {
        let (one, other) = (format!("x{number}"), format!("y{number}"));
        let new = |name, index| New {
            name,
            index,
            group: GROUP,
            ..New::default()
        };
        let made = kernel.create_pair(&new(&one, index(number)), &new(&other, index(number) + 1));
        made.expect("a veth pair");
        if random.below(2) == 0 {
            for end in [index(number), index(number) + 1] {
                kernel.set_up(end, true).expect("up");
            }
        }
    }
    kernel.delete_group(GROUP).expect("their removal");
}
