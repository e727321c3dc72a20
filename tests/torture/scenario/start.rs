//! Watching starts in the middle of a storm: the snapshot and the stream meet
//! without a gap or a repeat.
//!
//! The watch is part of this process here, for only the library tells the
//! counters that an event comes with. Each must be those of the event before
//! plus the event's own transitions, from `initial` on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use linkwatch::{Event, EventKind, Monitor};

use super::SETTLED_WITHIN;
use super::cables::Cables;
use crate::Scale;
use crate::random::Random;
use crate::row::Row;
use crate::witness::{self, Links};

const PAIRS: usize = 20;
const TAPS: usize = 20;
/// More flips than there is time for.
const ENDLESS: usize = 1 << 30;

pub fn in_a_storm(scale: Scale, random: &mut Random) -> Row {
    let mut row = Row::default();
    let mut cables = Cables::new(PAIRS, TAPS);
    let (rounds, at_once) = (scale.of(40, 4), scale.of(10, 6));
    let start = Instant::now();
    for _ in 0..rounds {
        let over = AtomicBool::new(false);
        let pauses: Vec<u64> = (0..at_once).map(|_| random.between(0, 60)).collect();
        let mut watches: Vec<Watch> = std::thread::scope(|threads| {
            let storm = threads.spawn(|| cables.flap(ENDLESS, random, &over));
            let watches = pauses.iter().map(|&pause| {
                threads.spawn(move || {
                    std::thread::sleep(Duration::from_millis(pause));
                    let mut watch = Watch::start();
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_millis(100) {
                        watch.take();
                    }
                    watch
                })
            });
            // All are started before the first is waited for.
            let watches: Vec<_> = watches.collect();
            let watches = watches
                .into_iter()
                .map(|watch| watch.join().expect("a watch"))
                .collect();
            over.store(true, Ordering::Relaxed);
            storm.join().expect("the storm");
            watches
        });
        let now = witness::links();
        for watch in &mut watches {
            watch.settle(&now);
            watch.judge(&now, &mut row);
        }
        if !row.complaints.is_empty() {
            break;
        }
    }
    row.note(format!(
        "{} starts, each in a storm of {} links; {:.1} s",
        rounds * at_once,
        PAIRS * 2 + TAPS,
        start.elapsed().as_secs_f64()
    ));
    row
}

struct Watch {
    monitor: Monitor,
    links: BTreeMap<u32, Told>,
    faults: Vec<String>,
    overruns: u64,
}

struct Told {
    connected: bool,
    /// The counters that `initial` came with, and those of the last event.
    first: u64,
    last: u64,
    sum: u64,
}

impl Watch {
    fn start() -> Watch {
        let monitor = Monitor::builder().build().expect("a monitor");
        Watch {
            monitor,
            links: BTreeMap::new(),
            faults: Vec::new(),
            overruns: 0,
        }
    }

    /// Takes what there is; false if there was nothing.
    fn take(&mut self) -> bool {
        let mut any = false;
        while let Some(event) = self.monitor.try_next().expect("an event") {
            any = true;
            if let Err(fault) = self.follow(&event) {
                self.faults.push(format!("{fault}: {event:?}"));
            }
        }
        any
    }

    fn follow(&mut self, event: &Event) -> Result<(), &'static str> {
        let Some(link) = event.link() else {
            self.overruns += event.overruns().unwrap_or(0);
            return Ok(());
        };
        let counters = u64::from(link.transitions().expect("counters"));
        if event.kind() == EventKind::Initial {
            let told = Told {
                connected: event.is_connected(),
                first: counters,
                last: counters,
                sum: 0,
            };
            return match self.links.insert(link.ifindex(), told) {
                Some(_) => Err("it was told before"),
                None => Ok(()),
            };
        }
        let told = self
            .links
            .get_mut(&link.ifindex())
            .ok_or("it was not told before")?;
        let before = std::mem::replace(&mut told.last, counters);
        let was = std::mem::replace(&mut told.connected, event.is_connected());
        told.sum += event.transitions();
        let alternates = match event.kind() {
            EventKind::Connected => !was && told.connected,
            EventKind::Disconnected => was && !told.connected,
            EventKind::Flapped => was == told.connected,
            _ => return Err("no such event was to come"),
        };
        if !alternates {
            return Err("it does not alternate");
        }
        if before + event.transitions() != counters {
            return Err("a gap, or a repeat");
        }
        Ok(())
    }

    fn is_right(&self, now: &Links) -> bool {
        self.links.len() == now.len()
            && now.iter().all(|(index, link)| {
                self.links.get(index).is_some_and(|told| {
                    told.connected == link.connected && told.first + told.sum == link.transitions
                })
            })
    }

    fn settle(&mut self, now: &Links) {
        let start = Instant::now();
        while (self.take() || !self.is_right(now)) && start.elapsed() < SETTLED_WITHIN {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn judge(&self, now: &Links, row: &mut Row) {
        for (index, link) in now {
            let Some(told) = self.links.get(index) else {
                row.wrong += 1;
                row.complaints
                    .push(format!("{index}: not told of {link:?}"));
                continue;
            };
            row.kernel += link.transitions - told.first;
            row.reported += told.sum;
            row.wrong += u64::from(told.connected != link.connected);
        }
        let faults = self.faults.iter().take(3).cloned();
        row.complaints.extend(faults);
        let statistics = self.monitor.statistics();
        row.statistics.messages += statistics.messages;
        row.statistics.overruns += statistics.overruns;
        row.statistics.resyncs += statistics.resyncs;
        row.expect(statistics.overruns == self.overruns, || {
            format!(
                "of {} overruns, {} were reported",
                statistics.overruns, self.overruns
            )
        });
    }
}
