//! Cables that flap: TAP devices by ioctl, veth pairs by taking the peer down
//! and up.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::kernel::{Kernel, New};
use crate::random::Random;
use crate::support::Tap;
use crate::witness;

/// Up and with carrier, all of them.
pub struct Cables {
    taps: Vec<(Tap, bool)>,
    /// The indices of both ends, and whether the second is up.
    pairs: Vec<(u32, u32, bool)>,
}

impl Cables {
    pub fn new(pairs: usize, taps: usize) -> Cables {
        let mut kernel = Kernel::new();
        for number in 0..pairs {
            let (one, other) = (format!("a{number}"), format!("b{number}"));
            let new = |name| New {
                name,
                ..New::default()
            };
            kernel
                .create_pair(&new(&one), &new(&other))
                .expect("a veth pair");
        }
        let taps: Vec<(Tap, bool)> = (0..taps)
            .map(|number| (Tap::new(&format!("t{number}")), true))
            .collect();
        let links = witness::links();
        for &index in links.keys() {
            kernel.set_up(index, true).expect("up");
        }
        let index = |name: String| {
            let found = links.iter().find(|(_, link)| link.name == name);
            *found.expect("a link").0
        };
        let pairs = (0..pairs)
            .map(|number| {
                (
                    index(format!("a{number}")),
                    index(format!("b{number}")),
                    true,
                )
            })
            .collect();
        std::thread::sleep(Duration::from_millis(10));
        crate::support::eventually("all have carrier", || {
            witness::links().values().all(|link| link.connected)
        });
        Cables { taps, pairs }
    }

    /// Flaps them at full speed, so many times in all, as the random numbers
    /// say; ends early where `stop` says so. TAP devices flap a hundred times
    /// faster than veth pairs: they do so in bursts.
    pub fn flap(&mut self, flips: usize, random: &mut Random, stop: &AtomicBool) {
        let (of_taps, of_pairs) = match self.pairs.is_empty() {
            true => (flips, 0),
            false => (flips / 2, flips - flips / 2),
        };
        let paired = AtomicUsize::new(0);
        let (mut random_tap, mut random_pair) = (random.fork(), random.fork());
        let Cables { taps, pairs } = self;
        std::thread::scope(|scope| {
            let paired = &paired;
            scope.spawn(move || {
                let mut kernel = Kernel::new();
                for done in 0..of_pairs {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let at = random_pair.below(pairs.len());
                    let (_, peer, up) = &mut pairs[at];
                    *up = !*up;
                    kernel.set_up(*peer, *up).expect("up or down");
                    paired.store(done + 1, Ordering::Relaxed);
                }
                paired.store(of_pairs, Ordering::Relaxed);
            });
            scope.spawn(move || {
                let mut done = 0;
                while done < of_taps && !stop.load(Ordering::Relaxed) {
                    let share = match of_pairs {
                        0 => of_taps,
                        _ => paired.load(Ordering::Relaxed).saturating_mul(of_taps) / of_pairs,
                    };
                    if done >= share {
                        std::thread::sleep(Duration::from_micros(200));
                        continue;
                    }
                    let at = random_tap.below(taps.len());
                    let burst = random_tap.between(1, 100) as usize;
                    let (tap, plugged) = &mut taps[at];
                    for _ in 0..burst.min(of_taps - done) {
                        *plugged = !*plugged;
                        if *plugged {
                            tap.plug()
                        } else {
                            tap.pull()
                        }
                        done += 1;
                    }
                }
            });
        });
    }
}
