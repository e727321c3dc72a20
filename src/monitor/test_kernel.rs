//! A model of what the kernel does to links and tells of them: names, states,
//! counters, and messages, some of which are lost. It knows nothing of the
//! table.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::test_messages::{
    AF_BRIDGE, ALL_CHANGED, CLOSED, LinkBytes, RUNNING, UP, del_link, new_link, parse,
};
use super::{Criterion, LinkState};
use crate::nl::Snapshot;

/// The scope is `eth*`; the others are outside.
pub(crate) const NAMES: [&str; 6] = ["eth0", "eth1", "eth2", "wan0", "wan1", "tmp"];
pub(crate) const INDICES: u32 = 3;

/// What the kernel knows of a link: the model, and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sim {
    pub(crate) name: &'static str,
    pub(crate) up: bool,
    pub(crate) carrier: bool,
    pub(crate) dormant: bool,
    pub(crate) ups: u32,
    pub(crate) downs: u32,
    pub(crate) kind: Option<&'static str>,
    pub(crate) address: Option<[u8; 6]>,
    pub(crate) port: bool,
}

impl Sim {
    pub(crate) fn count(&self) -> u32 {
        self.ups.wrapping_add(self.downs)
    }

    pub(crate) fn in_scope(&self) -> bool {
        self.name.starts_with("eth")
    }

    pub(crate) fn connected(&self, criterion: Criterion) -> bool {
        self.up && self.carrier && !(self.dormant && criterion == Criterion::Running)
    }

    pub(crate) fn flags(&self) -> u32 {
        match (self.up, self.carrier && !self.dormant) {
            (true, true) => UP | RUNNING,
            (true, false) => UP,
            (false, _) => 0,
        }
    }

    pub(crate) fn flip(&mut self) {
        self.carrier = !self.carrier;
        let counter = if self.carrier {
            &mut self.ups
        } else {
            &mut self.downs
        };
        *counter = counter.wrapping_add(1);
    }

    /// All that the kernel tells of the link.
    pub(crate) fn fill(&self, mut message: LinkBytes) -> LinkBytes {
        message = message.flags(self.flags()).carrier(self.carrier);
        message = message.counts(self.ups, self.downs);
        if let Some(kind) = self.kind {
            message = message.link_kind(kind);
        }
        if let Some(address) = self.address {
            message = message.permanent_address(address);
        }
        if self.port {
            message.master(99)
        } else {
            message
        }
    }

    pub(crate) fn is(&self, state: &LinkState) -> bool {
        state.name() == *self.name
            && state.flags().bits() == self.flags()
            && state.has_carrier() == self.carrier
            && state.carrier_up_count() == Some(self.ups)
            && state.carrier_down_count() == Some(self.downs)
            && state.master() == self.port.then_some(99)
    }
}

/// What happens to a link, or to a message on its way.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Create {
        index: u32,
        name: usize,
        kind: usize,
        carrier: bool,
        counted: u32,
    },
    Delete(u32),
    /// Deleted, and another one created under the same index.
    Recreate(u32, u32),
    Rename(u32, usize),
    Swap(u32, u32),
    Admin(u32),
    /// Carrier flips of which the kernel announces the last state at most.
    Flips {
        index: u32,
        times: u32,
        announced: bool,
        renamed: Option<usize>,
    },
    Dormant(u32),
    /// Becomes a bridge's port, or leaves the bridge.
    Port(u32),
    Wireless(u32),
    Noise(Vec<u8>),
}

/// A message on its way, and what it tells of which link.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tells: Option<(u32, Tells)>,
}

#[derive(Debug)]
pub(crate) enum Tells {
    State(Sim),
    /// What comes before a removal.
    Closed(Sim),
    Gone(Sim),
}

#[derive(Debug, Default)]
pub(crate) struct Kernel {
    pub(crate) links: BTreeMap<u32, Sim>,
    /// What was last told of each link and not lost.
    pub(crate) told: BTreeMap<u32, Sim>,
    /// The same by messages alone.
    pub(crate) announced: BTreeMap<u32, Sim>,
    pub(crate) queue: VecDeque<Sent>,
    /// Links that came or went since the resync began.
    pub(crate) exchanged: HashSet<u32>,
    pub(crate) congested: bool,
    pub(crate) lost: bool,
    /// Every state ever told: index, flags, carrier, counters.
    pub(crate) truths: HashSet<(u32, u32, bool, u32, u32)>,
    pub(crate) created: u8,
}

impl Kernel {
    /// Returns false if the message is lost.
    pub(crate) fn send(&mut self, bytes: Vec<u8>, tells: Option<(u32, Tells)>) -> bool {
        if self.congested {
            self.lost = true;
        } else {
            self.queue.push_back(Sent { bytes, tells });
        }
        !self.congested
    }

    pub(crate) fn remember(&mut self, index: u32, sim: &Sim) {
        self.truths
            .insert((index, sim.flags(), sim.carrier, sim.ups, sim.downs));
    }

    pub(crate) fn announce(&mut self, index: u32, change: u32) {
        let sim = self.links[&index].clone();
        self.remember(index, &sim);
        let message = sim.fill(new_link(index as i32, sim.name)).change(change);
        let tells = Some((index, Tells::State(sim.clone())));
        if self.send(message.bytes(), tells) {
            self.told.insert(index, sim.clone());
            self.announced.insert(index, sim);
        }
    }

    pub(crate) fn create(&mut self, index: u32, sim: Sim) {
        self.created = self.created.wrapping_add(1);
        self.links.insert(index, sim);
        self.announce(index, ALL_CHANGED);
        self.exchanged.insert(index);
    }

    pub(crate) fn delete(&mut self, index: u32) {
        let Some(mut sim) = self.links.remove(&index) else {
            return;
        };
        if sim.up {
            sim.up = false;
            let closed = sim.fill(new_link(index as i32, sim.name)).change(CLOSED);
            self.send(closed.bytes(), Some((index, Tells::Closed(sim.clone()))));
        }
        self.remember(index, &sim);
        let gone = sim.fill(del_link(index as i32, sim.name));
        if self.send(gone.bytes(), Some((index, Tells::Gone(sim)))) {
            self.told.remove(&index);
            self.announced.remove(&index);
            self.exchanged.insert(index);
        }
    }

    pub(crate) fn rename(&mut self, index: u32, name: usize) {
        let name = NAMES[name];
        if self.links.contains_key(&index) && self.links.values().all(|sim| sim.name != name) {
            self.change(index, 0, |sim| sim.name = name);
        }
    }

    /// Changes a link, if it is there, and announces it.
    pub(crate) fn change(&mut self, index: u32, change: u32, f: impl FnOnce(&mut Sim)) {
        if let Some(sim) = self.links.get_mut(&index) {
            f(sim);
            self.announce(index, change);
        }
    }

    pub(crate) fn act(&mut self, op: &Op) {
        match *op {
            Op::Create {
                index,
                name,
                kind,
                carrier,
                counted,
            } => {
                let name = NAMES[name];
                let taken = self.links.values().any(|sim| sim.name == name);
                if !taken && !self.links.contains_key(&index) {
                    let sim = Sim {
                        name,
                        up: false,
                        carrier,
                        dormant: false,
                        ups: counted,
                        downs: 0,
                        kind: [None, Some("veth"), Some("dummy")][kind],
                        address: (kind == 0).then_some([2, 0, 0, 0, 0, self.created]),
                        port: false,
                    };
                    self.create(index, sim);
                }
            }
            Op::Delete(index) => self.delete(index),
            Op::Recreate(index, counted) => {
                if let Some(sim) = self.links.get(&index).cloned() {
                    self.delete(index);
                    let sim = Sim {
                        up: false,
                        ups: counted,
                        downs: 0,
                        port: false,
                        ..sim
                    };
                    self.create(index, sim);
                }
            }
            Op::Rename(index, name) => self.rename(index, name),
            Op::Swap(one, other) => {
                let name = |index| self.links.get(&index).map(|sim: &Sim| sim.name);
                if let (Some(first), Some(second)) = (name(one), name(other))
                    && one != other
                {
                    self.change(one, 0, |sim| sim.name = "swap");
                    self.change(other, 0, |sim| sim.name = first);
                    self.change(one, 0, |sim| sim.name = second);
                }
            }
            Op::Admin(index) => self.change(index, UP, |sim| sim.up = !sim.up),
            Op::Flips {
                index,
                times,
                announced,
                renamed,
            } => {
                if let Some(sim) = self.links.get_mut(&index) {
                    (0..times).for_each(|_| sim.flip());
                    if announced {
                        match renamed {
                            Some(name) => self.rename(index, name),
                            None => self.announce(index, 0),
                        }
                    }
                }
            }
            Op::Dormant(index) => self.change(index, 0, |sim| sim.dormant = !sim.dormant),
            Op::Port(index) => {
                let Some(sim) = self.links.get(&index) else {
                    return;
                };
                // Misleading on purpose, as far as the kernel misleads.
                let message = if sim.port {
                    del_link(index as i32, sim.name)
                } else {
                    new_link(index as i32, sim.name).master(99)
                };
                self.send(message.family(AF_BRIDGE).flags(UP).bytes(), None);
                self.change(index, 0, |sim| sim.port = !sim.port);
            }
            Op::Wireless(index) => {
                let event = new_link(index as i32, "tmp").flags(UP).wireless();
                self.send(event.bytes(), None);
            }
            Op::Noise(ref bytes) => {
                self.send(bytes.clone(), None);
            }
        }
    }

    /// Lists the links; an incomplete list lacks every other.
    pub(crate) fn list(&mut self, complete: bool) -> Snapshot<LinkState> {
        let mut links = Vec::new();
        let there = self.links.clone();
        if complete {
            self.told.retain(|index, _| there.contains_key(index));
        }
        for (&index, sim) in &there {
            if !complete && index % 2 == 0 {
                continue;
            }
            self.remember(index, sim);
            self.told.insert(index, sim.clone());
            let bytes = sim.fill(new_link(index as i32, sim.name)).bytes();
            links.extend(LinkState::from_message(&parse(&bytes)));
        }
        Snapshot { links, complete }
    }
}
