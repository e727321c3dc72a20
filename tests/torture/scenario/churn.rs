//! Churn: links come, go, exchange names, are renamed, moved to another
//! namespace and back, made anew with the same index or name, enslaved and
//! released, in random order.

use std::collections::BTreeMap;
use std::fs::{self, File};

use linkwatch::nl::Namespace;

use super::storm::half_of_the_time;
use super::{SETTLED_WITHIN, begin, settle};
use crate::Scale;
use crate::judge::judge_scope;
use crate::kernel::{Kernel, New};
use crate::random::Random;
use crate::recorder::Recorder;
use crate::row::Row;
use crate::support::{Tap, ip};
use crate::watcher::{ORDINARY_BUFFER, User, Watcher};
use crate::witness;

const THREADS: u32 = 3;
/// Names and indices for each of them: few, so that they are soon used again.
const POOL: u32 = 16;
const GROUPS: u32 = 3;
const TAPS: usize = 3;
const AWAY: &str = "away";

/// With a buffer that holds everything, where root grants one.
pub fn heard(scale: Scale, random: &mut Random) -> Row {
    churn(scale, random, false)
}

/// Stopped half of the time, with the buffer of an ordinary user.
pub fn stopped(scale: Scale, random: &mut Random) -> Row {
    let mut row = churn(scale, random, true);
    row.expect(row.statistics.overruns > 0, || {
        "nothing was lost".to_owned()
    });
    row
}

fn churn(scale: Scale, random: &mut Random, stopped: bool) -> Row {
    let mut row = Row::default();
    ip(&["netns", "add", AWAY]);
    let away = File::open(format!("/run/netns/{AWAY}")).expect("a namespace");
    let mut churners: Vec<Churner<'_>> = (0..THREADS)
        .map(|number| Churner::new(number, random.fork(), &away))
        .collect();
    for churner in &mut churners {
        churner.run(60);
    }

    let recorder = Recorder::start();
    let (user, buffer) = match stopped {
        false => (User::Root, "256M"),
        true => (User::Nobody, ORDINARY_BUFFER),
    };
    let (before, watcher) = begin(user, buffer);
    let mut scoped: Vec<(Watcher, Scope)> = [
        // The kernel sorts by the names' beginnings,
        (&["n0*"][..], in_first as Scope),
        // or passes everything on.
        (&["--no-kernel-filter", "n?x1*", "n0*"], in_scope),
    ]
    .into_iter()
    .map(|(patterns, scope)| {
        let common = ["--buffer-size", buffer, "--criterion", "running", "lo"];
        (Watcher::start(user, &[&common, patterns].concat()), scope)
    })
    .collect();

    let operations = scale.of(6000, 350);
    let together = |churners: &mut Vec<Churner<'_>>| {
        std::thread::scope(|threads| {
            for churner in churners {
                threads.spawn(|| churner.run(operations));
            }
        });
    };
    if stopped {
        let mut processes = vec![watcher.id()];
        processes.extend(scoped.iter().map(|(watcher, _)| watcher.id()));
        // Long enough for the buffer to be full.
        half_of_the_time(random, (200, 600), &processes, |_| together(&mut churners));
    } else {
        together(&mut churners);
    }

    // A link that is down keeps quiet about its carrier (docs/kernel-events.md).
    churners.iter_mut().for_each(Churner::wake);
    let record = recorder.stop();
    if record.incomplete {
        row.note("the recorder lost messages too: links that are gone were not judged");
    }
    let verdict = settle(&mut row, watcher, &before, Some(&record));
    let now = witness::links();
    for (mut watcher, scope) in scoped.drain(..) {
        watcher.wait(SETTLED_WITHIN, |events| {
            judge_scope(events, &now, scope).is_good()
        });
        let verdict = judge_scope(&watcher.stop().events, &now, scope);
        row.wrong += verdict.wrong.len() as u64;
        let complaints = verdict.complaints().into_iter();
        row.complaints
            .extend(complaints.map(|complaint| format!("in scope: {complaint}")));
    }

    let refused: usize = churners.iter().map(|churner| churner.refused).sum();
    let done: usize = churners.iter().map(|churner| churner.done).sum();
    let lives: usize = record.ended.values().map(Vec::len).sum();
    row.note(format!(
        "{done} operations, {refused} refused by the kernel; {lives} lives of links ended, {} were \
         told; {} transitions of links whose removal was lost are unknowable",
        verdict.removals, verdict.unknowable
    ));
    row
}

/// Whether a name is in a watch's scope.
type Scope = fn(&str) -> bool;

/// What `n0*` matches.
fn in_first(name: &str) -> bool {
    name.starts_with("n0")
}

/// What `n?x1*` and `n0*` match.
fn in_scope(name: &str) -> bool {
    let bytes = name.as_bytes();
    name.starts_with("n0") || bytes.len() > 3 && bytes[0] == b'n' && &bytes[2..4] == b"x1"
}

/// A link, as it should be.
struct Link {
    name: String,
    peer: Option<u32>,
    group: u32,
    bridge: bool,
    away: bool,
    tap: bool,
}

/// Changes links of its own, whose names and indices no other has.
struct Churner<'a> {
    number: u32,
    random: Random,
    here: Kernel,
    there: Kernel,
    home: File,
    away: &'a File,
    links: BTreeMap<u32, Link>,
    taps: BTreeMap<u32, (Tap, bool)>,
    made: usize,
    done: usize,
    refused: usize,
}

impl Churner<'_> {
    fn new(number: u32, random: Random, away: &File) -> Churner<'_> {
        let namespace = Namespace::named(AWAY).expect("a namespace");
        Churner {
            number,
            random,
            here: Kernel::new(),
            there: Kernel::within(&namespace),
            home: File::open("/proc/self/ns/net").expect("this namespace"),
            away,
            links: BTreeMap::new(),
            taps: BTreeMap::new(),
            made: 0,
            done: 0,
            refused: 0,
        }
    }

    fn run(&mut self, operations: usize) {
        for _ in 0..operations {
            self.done += 1;
            if self.operate().is_err() {
                self.refused += 1;
            }
        }
    }

    fn operate(&mut self) -> linkwatch::Result<()> {
        match self.random.below(100) {
            0..20 => self.create(),
            20..26 => self.delete(),
            26..28 => self.delete_group(),
            28..40 => self.rename(),
            40..48 => self.exchange_names(),
            48..56 => self.travel(),
            56..66 => self.enslave(),
            66..86 => self.up_or_down(),
            86..92 => self.flap(),
            92..98 => self.flap_tap(),
            _ => self.exchange_tap(),
        }
    }

    /// Lets the kernel tell of every link that is here.
    fn wake(&mut self) {
        let here = self.links.iter().filter(|(_, link)| !link.away);
        for (&index, link) in here {
            let woken = self.here.set_up(index, true);
            woken.unwrap_or_else(|error| panic!("{}: {error}", link.name));
        }
    }

    fn free_name(&mut self) -> String {
        loop {
            let name = format!("n{}x{}", self.number, self.random.below(2 * POOL as usize));
            if self.links.values().all(|link| link.name != name) {
                return name;
            }
        }
    }

    fn free_index(&mut self) -> Option<u32> {
        let first = 100_000 + 1000 * self.number;
        let free: Vec<u32> = (first..first + POOL)
            .filter(|at| !self.links.contains_key(at))
            .collect();
        (!free.is_empty()).then(|| *self.random.pick(&free))
    }

    /// One of the links that are here, or anywhere.
    fn some_link(&mut self, anywhere: bool) -> Option<u32> {
        let here = self.links.iter().filter(|(_, link)| anywhere || !link.away);
        let here: Vec<u32> = here.map(|(&index, _)| index).collect();
        (!here.is_empty()).then(|| *self.random.pick(&here))
    }

    /// Where a link can be changed.
    fn kernel_of(&mut self, index: u32) -> &mut Kernel {
        match self.links.get(&index) {
            Some(link) if link.away => &mut self.there,
            _ => &mut self.here,
        }
    }

    fn create(&mut self) -> linkwatch::Result<()> {
        let Some(index) = self.free_index() else {
            return Ok(());
        };
        let name = self.free_name();
        let link = Link {
            name,
            peer: None,
            group: self.number * GROUPS + 1 + self.random.below(GROUPS as usize) as u32,
            bridge: false,
            away: false,
            tap: false,
        };
        // The same address again and again: it identifies nothing.
        let address = match self.random.below(3) {
            0 => Some([2, 0, 0, 0, self.number as u8, 1]),
            _ => None,
        };
        let new = New {
            name: &link.name,
            index,
            address,
            group: link.group,
        };
        match self.random.below(10) {
            0 => {
                self.here.create("ifb", &new)?;
                self.links.insert(index, link);
            }
            1 => {
                self.here.create("bridge", &new)?;
                self.links.insert(
                    index,
                    Link {
                        bridge: true,
                        ..link
                    },
                );
            }
            _ => return self.create_pair(index, link, address),
        }
        Ok(())
    }

    fn create_pair(
        &mut self,
        index: u32,
        link: Link,
        address: Option<[u8; 6]>,
    ) -> linkwatch::Result<()> {
        let new = New {
            name: &link.name,
            index,
            address,
            group: link.group,
        };
        let (name, group) = (link.name.clone(), link.group);
        let mut peer = Link {
            peer: Some(index),
            name,
            ..link
        };
        // Taken, so that the other gets others.
        self.links.insert(
            index,
            Link {
                name: new.name.to_owned(),
                ..peer.copy()
            },
        );
        let other = self.free_index();
        let other_name = self.free_name();
        let Some(other) = other else {
            self.links.remove(&index);
            return Ok(());
        };
        peer.name = other_name;
        let made = self.here.create_pair(
            &new,
            &New {
                name: &peer.name,
                index: other,
                address: None,
                group,
            },
        );
        if let Err(error) = made {
            self.links.remove(&index);
            return Err(error);
        }
        if let Some(one) = self.links.get_mut(&index) {
            one.peer = Some(other);
        }
        self.links.insert(other, peer);
        Ok(())
    }

    fn forget(&mut self, index: u32) {
        if let Some(link) = self.links.remove(&index)
            && let Some(peer) = link.peer
        {
            self.links.remove(&peer);
        }
    }

    fn delete(&mut self) -> linkwatch::Result<()> {
        let Some(index) = self.some_link(true) else {
            return Ok(());
        };
        if self.links[&index].tap {
            return Ok(());
        }
        self.kernel_of(index).delete(index)?;
        self.forget(index);
        Ok(())
    }

    fn delete_group(&mut self) -> linkwatch::Result<()> {
        let group = self.number * GROUPS + 1 + self.random.below(GROUPS as usize) as u32;
        let members = self
            .links
            .iter()
            .filter(|(_, link)| link.group == group && !link.away);
        let members: Vec<u32> = members.map(|(&index, _)| index).collect();
        if members.is_empty() {
            return Ok(());
        }
        self.here.delete_group(group)?;
        members.into_iter().for_each(|index| self.forget(index));
        Ok(())
    }

    fn rename_to(&mut self, index: u32, name: String) -> linkwatch::Result<()> {
        self.kernel_of(index).rename(index, &name)?;
        if let Some(link) = self.links.get_mut(&index) {
            link.name = name;
        }
        Ok(())
    }

    fn rename(&mut self) -> linkwatch::Result<()> {
        let Some(index) = self.some_link(true) else {
            return Ok(());
        };
        let name = self.free_name();
        self.rename_to(index, name)
    }

    fn exchange_names(&mut self) -> linkwatch::Result<()> {
        let (Some(one), Some(other)) = (self.some_link(false), self.some_link(false)) else {
            return Ok(());
        };
        if one == other {
            return Ok(());
        }
        let name_of_one = self.links[&one].name.clone();
        let name_of_other = self.links[&other].name.clone();
        self.rename_to(one, format!("between{}", self.number))?;
        self.rename_to(other, name_of_one)?;
        self.rename_to(one, name_of_other)
    }

    /// To the other namespace, or back.
    fn travel(&mut self) -> linkwatch::Result<()> {
        let Some(index) = self.some_link(true) else {
            return Ok(());
        };
        // A bridge belongs to its namespace.
        if self.links[&index].bridge {
            return Ok(());
        }
        if self.links[&index].away {
            self.there.move_to(index, &self.home)?;
        } else {
            self.here.move_to(index, self.away)?;
        }
        if let Some(link) = self.links.get_mut(&index) {
            link.away = !link.away;
        }
        Ok(())
    }

    fn enslave(&mut self) -> linkwatch::Result<()> {
        let bridges = self.links.iter().filter(|(_, link)| link.bridge);
        let mut masters: Vec<u32> = bridges.map(|(&index, _)| index).collect();
        masters.push(0);
        let master = *self.random.pick(&masters);
        match self.some_link(false) {
            Some(index) => self.here.set_master(index, master),
            None => Ok(()),
        }
    }

    fn up_or_down(&mut self) -> linkwatch::Result<()> {
        let up = self.random.below(4) != 0;
        match self.some_link(true) {
            Some(index) => self.kernel_of(index).set_up(index, up),
            None => Ok(()),
        }
    }

    fn flap(&mut self) -> linkwatch::Result<()> {
        let times = self.random.between(1, 20);
        let Some(index) = self.some_link(true) else {
            return Ok(());
        };
        for _ in 0..times {
            self.kernel_of(index).set_up(index, false)?;
            self.kernel_of(index).set_up(index, true)?;
        }
        Ok(())
    }

    fn flap_tap(&mut self) -> linkwatch::Result<()> {
        let times = self.random.between(1, 100);
        let taps: Vec<u32> = self.taps.keys().copied().collect();
        if taps.is_empty() {
            return Ok(());
        }
        let index = *self.random.pick(&taps);
        if let Some((tap, plugged)) = self.taps.get_mut(&index) {
            for _ in 0..times {
                *plugged = !*plugged;
                if *plugged { tap.plug() } else { tap.pull() }
            }
        }
        Ok(())
    }

    /// Makes a TAP device, in the place of the oldest where there are enough.
    fn exchange_tap(&mut self) -> linkwatch::Result<()> {
        if self.taps.len() == TAPS
            && let Some((index, _)) = self.taps.pop_first()
        {
            self.links.remove(&index);
        }
        let name = self.free_name();
        // Named as no link is that was moved, until its index is known.
        self.made += 1;
        let first_name = format!("tap{}x{}", self.number, self.made);
        let tap = Tap::new(&first_name);
        let index = fs::read_to_string(format!("/sys/class/net/{first_name}/ifindex"));
        let index: u32 = index.expect("its index").trim().parse().expect("a number");
        let link = Link {
            name: first_name,
            peer: None,
            group: 0,
            bridge: false,
            away: false,
            tap: true,
        };
        self.links.insert(index, link);
        self.taps.insert(index, (tap, true));
        self.rename_to(index, name)?;
        self.here.set_up(index, true)
    }
}

impl Link {
    fn copy(&self) -> Link {
        Link {
            name: self.name.clone(),
            ..*self
        }
    }
}
