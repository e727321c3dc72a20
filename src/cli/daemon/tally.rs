//! What a watch has told of its links and its hooks so far.

use std::collections::BTreeMap;
use std::time::Duration;

use linkwatch::nl::Name;
use linkwatch::{Event, EventKind, MonitorBuilder};

/// The account of one watch.
#[derive(Debug, Default)]
pub(super) struct Tally {
    links: BTreeMap<u32, LinkTally>,
    hooks: BTreeMap<Name, HookTally>,
    /// Of links that are gone, so that sums lose nothing.
    gone: LinkTally,
    hooks_of_the_gone: HookTally,
}

/// The account of a link.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LinkTally {
    name: Name,
    pub(super) connected: bool,
    pub(super) transitions: u64,
    pub(super) unseen: u64,
}

/// The account of a link's hook.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct HookTally {
    pub(super) runs: u64,
    pub(super) failures: u64,
    pub(super) duration: Duration,
}

impl LinkTally {
    fn add(&mut self, other: LinkTally) {
        self.connected |= other.connected;
        self.transitions += other.transitions;
        self.unseen += other.unseen;
    }
}

impl HookTally {
    pub(super) fn one(failed: bool, duration: Duration) -> HookTally {
        HookTally {
            runs: 1,
            failures: failed.into(),
            duration,
        }
    }

    fn add(&mut self, other: HookTally) {
        self.runs += other.runs;
        self.failures += other.failures;
        self.duration = self.duration.saturating_add(other.duration);
    }
}

impl Tally {
    /// Takes an event of the watch, whose scope is told.
    pub(super) fn event(&mut self, event: &Event, scope: &MonitorBuilder) {
        let Some(link) = event.link() else {
            return;
        };
        let tally = self.links.entry(link.ifindex()).or_default();
        let former = std::mem::replace(&mut tally.name, link.name());
        tally.connected = event.is_connected();
        tally.transitions += event.transitions();
        tally.unseen += event.unseen();
        let has_left = match event.kind() {
            EventKind::Removed => true,
            EventKind::Renamed => !scope.selects(link),
            _ => false,
        };
        if has_left && let Some(tally) = self.links.remove(&link.ifindex()) {
            self.gone.add(tally);
        }
        if has_left {
            self.forget_hook_of_the_gone(link.name());
        }
        if former != link.name() {
            self.forget_hook_of_the_gone(former);
        }
    }

    /// Takes what a run of a hook was like.
    pub(super) fn hook(&mut self, interface: Name, run: HookTally) {
        self.hooks.entry(interface).or_default().add(run);
        self.forget_hook_of_the_gone(interface);
    }

    /// Unless there is a link of this name.
    fn forget_hook_of_the_gone(&mut self, name: Name) {
        // Few have one; looking at all links is dear.
        if self.hooks.contains_key(&name)
            && !self.links.values().any(|link| link.name == name)
            && let Some(tally) = self.hooks.remove(&name)
        {
            self.hooks_of_the_gone.add(tally);
        }
    }

    /// The links that there are, and how many of them are connected.
    pub(super) fn count(&self) -> (usize, usize) {
        let connected = self.links.values().filter(|link| link.connected);
        (self.links.len(), connected.count())
    }

    /// Links by name, each name once.
    pub(super) fn links(&self) -> BTreeMap<Name, LinkTally> {
        let mut by_name: BTreeMap<Name, LinkTally> = BTreeMap::new();
        for link in self.links.values() {
            by_name.entry(link.name).or_default().add(*link);
        }
        by_name
    }

    /// Links that are gone, if any has told something.
    pub(super) fn gone(&self) -> Option<LinkTally> {
        (self.gone.transitions > 0).then_some(self.gone)
    }

    pub(super) fn hooks(&self) -> &BTreeMap<Name, HookTally> {
        &self.hooks
    }

    /// Hooks for links that are gone, if any has run.
    pub(super) fn hooks_of_the_gone(&self) -> Option<HookTally> {
        (self.hooks_of_the_gone.runs > 0).then_some(self.hooks_of_the_gone)
    }
}
