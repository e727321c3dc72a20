//! Lists that are interrupted over and over: links come and go while thousands
//! exist.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{begin, settle};
use crate::Scale;
use crate::kernel::{Kernel, New};
use crate::random::Random;
use crate::row::Row;
use crate::watcher::{Event, User, Watcher, program};
use crate::witness::{self, Links};

/// For one list, on a machine that is busy with other things.
const BOUND: Duration = Duration::from_secs(10);

pub fn interrupted(scale: Scale, random: &mut Random) -> Row {
    let mut row = Row::default();
    let mut kernel = Kernel::new();
    for number in 0..scale.of(2000, 400) {
        let (one, other) = (format!("a{number}"), format!("b{number}"));
        let new = |name| New {
            name,
            ..New::default()
        };
        kernel
            .create_pair(&new(&one), &new(&other))
            .expect("a veth pair");
    }
    for &index in witness::links().keys() {
        if random.below(4) != 0 {
            kernel.set_up(index, true).expect("up");
        }
    }
    let (before, watcher) = begin(User::Root, "64M");

    let over = AtomicBool::new(false);
    let mut longest = [Duration::ZERO; 2];
    std::thread::scope(|threads| {
        for group in 1..=2 {
            let over = &over;
            threads.spawn(move || come_and_go(group, over));
        }
        for _ in 0..scale.of(40, 5) {
            let start = Instant::now();
            if let Err(error) = status(&before) {
                row.complaints.push(format!("status: {error}"));
            }
            longest[0] = longest[0].max(start.elapsed());
            let start = Instant::now();
            if let Err(error) = watch(&before) {
                row.complaints.push(format!("start of a watch: {error}"));
            }
            longest[1] = longest[1].max(start.elapsed());
        }
        over.store(true, Ordering::Relaxed);
    });
    settle(&mut row, watcher, &before, None);
    row.note(format!(
        "{} links; the longest `status` took {:.2} s, the longest start of a watch {:.2} s",
        before.len(),
        longest[0].as_secs_f64(),
        longest[1].as_secs_f64()
    ));
    row.expect(longest.iter().all(|&time| time < BOUND), || {
        "that is too long".to_owned()
    });
    row
}

/// Makes and removes links as fast as it goes.
fn come_and_go(group: u32, over: &AtomicBool) {
    let mut kernel = Kernel::new();
    while !over.load(Ordering::Relaxed) {
        for number in 0..20 {
            let (one, other) = (format!("x{group}y{number}"), format!("x{group}z{number}"));
            let new = |name| New {
                name,
                group,
                ..New::default()
            };
            kernel
                .create_pair(&new(&one), &new(&other))
                .expect("a veth pair");
            std::thread::sleep(Duration::from_micros(300));
        }
        kernel.delete_group(group).expect("their removal");
    }
}

/// Each link that stays is listed once, as it is.
fn status(stay: &Links) -> Result<(), String> {
    let output = Command::new(program())
        .args(["status", "--json"])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| e.to_string())?;
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).map_err(|error| {
        format!(
            "{error}: {} {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    let listed = list.iter().map(|link| {
        let number = |field: &str| link[field].as_u64().unwrap_or(0);
        (
            number("ifindex") as u32,
            link["connected"] == true,
            link["name"].as_str().unwrap_or(""),
        )
    });
    compare(listed, stay)
}

/// Each link that stays is told once, as it is.
fn watch(stay: &Links) -> Result<(), String> {
    let mut watcher = Watcher::spawn(User::Root, &["*"]);
    let there = |events: &[Event]| {
        let told = events
            .iter()
            .filter(|event| stay.contains_key(&event.index));
        told.count() >= stay.len()
    };
    let complete = watcher.wait(BOUND, there);
    let events = watcher.stop().events;
    let told = events.iter().filter(|event| event.kind == "initial");
    let told = told.map(|event| (event.index, event.connected, event.name.as_str()));
    compare(told, stay)?;
    if complete {
        Ok(())
    } else {
        Err("not all were told".to_owned())
    }
}

fn compare<'a>(
    listed: impl Iterator<Item = (u32, bool, &'a str)>,
    stay: &Links,
) -> Result<(), String> {
    let mut missing: BTreeMap<u32, _> = stay.iter().map(|(&index, link)| (index, link)).collect();
    for (index, connected, name) in listed.filter(|(index, ..)| stay.contains_key(index)) {
        let Some(link) = missing.remove(&index) else {
            return Err(format!("{name} is told twice"));
        };
        if (connected, name) != (link.connected, link.name.as_str()) {
            return Err(format!("told {name} {connected}, but it is {link:?}"));
        }
    }
    match missing.pop_first() {
        Some((_, link)) => Err(format!("not told of {link:?} and {} more", missing.len())),
        None => Ok(()),
    }
}
