//! The account of all links, line by line.

use std::collections::{HashMap, HashSet};

use linkwatch::EventKind;

use super::clock::{Clock, WasSet};
use super::figures::shown;
use super::line::{Line, LinkEvent, LogEvent};
use super::link::Link;
use super::watches::Watches;

/// How many links are told of that are gone. Machines with containers have a
/// new one each minute.
const MOST_GONE: usize = 1000;
/// How many are followed at one time.
const MOST_PRESENT: usize = 65_536;

/// A watch, and the index of an interface.
type Place = (Option<String>, u32);
/// A watch, and the name and the kind of a link.
type Identity = (Option<String>, String, String);

fn place(event: &LinkEvent) -> Place {
    (event.watch.clone(), event.ifindex)
}

fn identity(link: &Link) -> Identity {
    (link.watch.clone(), link.name.clone(), link.kind.clone())
}

#[derive(Debug, Default)]
pub(super) struct Account {
    clock: Clock,
    first: Option<i64>,
    pub(super) links: Vec<Link>,
    /// Those that are there.
    present: HashMap<Place, usize>,
    /// Those that are not: one of the same name and kind goes on with their
    /// account.
    gone: HashMap<Identity, usize>,
    watches: Watches,
    /// What the watches have listed since they began.
    listed: HashSet<Place>,
    /// When watches began of which nothing but `initial` lines came yet.
    starting: HashMap<Option<String>, i64>,
    /// How often the program began, as far as the log tells. Known at the end.
    pub(super) starts: u64,
    /// The time before that, in microseconds.
    pub(super) unwatched: u64,
    pub(super) lines: u64,
    pub(super) resyncs: u64,
    pub(super) overruns: u64,
    /// Links that were left out, for there were too many.
    pub(super) left_out: u64,
}

impl Account {
    /// Takes a line. Tells if the clock was set before it.
    pub(super) fn apply(&mut self, line: &Line) -> Option<WasSet> {
        self.lines += 1;
        let event = match &line.event {
            LogEvent::Link(event) => Some(event),
            _ => None,
        };
        let known = event.and_then(|event| self.present.get(&place(event)));
        let since = known.map(|&link| self.links[link].since());
        let before = self.clock.latest();
        let kind = event.map(|event| event.kind);
        let (time, was_set) = self.clock.place(line.time, kind, since);
        self.first.get_or_insert(time);

        match &line.event {
            LogEvent::Other => self.end_starts(),
            LogEvent::Resync { overruns } => {
                self.end_starts();
                self.resyncs += 1;
                self.overruns = self.overruns.saturating_add(*overruns);
            }
            LogEvent::Link(event) if !self.watches.know(&event.watch) => self.left_out += 1,
            LogEvent::Link(event) => {
                if event.kind == EventKind::Initial {
                    self.list(event, before, time);
                } else {
                    self.end_start(&event.watch);
                    let known = self.present.get(&place(event));
                    // One that is added anew says nothing of the one before.
                    let known = known.filter(|_| event.kind != EventKind::Added);
                    let known = known.map(|&link| self.links[link].line);
                    self.watches.tell(&event.watch, known);
                }
                self.apply_to_link(event, time);
            }
        }
        was_set
    }

    /// A watch lists a link, and may have begun with it.
    fn list(&mut self, event: &LinkEvent, last_line: i64, time: i64) {
        let was_listed = self.listed.contains(&place(event));
        if self.watches.is_start(&event.watch, time, was_listed) {
            self.start(&event.watch, last_line, time);
        }
        self.watches.list(&event.watch, time);
        if self.listed.len() < MOST_PRESENT {
            self.listed.insert(place(event));
        }
    }

    /// A watch has begun; the one before has ended after its last line, nobody
    /// knows when.
    fn start(&mut self, watch: &Option<String>, last_line: i64, time: i64) {
        self.end_start(watch);
        self.starting.insert(watch.clone(), time);
        self.listed.retain(|(listing, _)| listing != watch);
        let ended = self.watches.start(watch, last_line, time, self.lines);
        self.present.retain(|(watching, _), _| watching != watch);
        // Also of those that are gone it is not known whether they still are.
        for (number, link) in self.links.iter_mut().enumerate() {
            if link.watch == *watch {
                link.end_knowledge(ended.time(link.line));
                self.gone.insert(identity(link), number);
            }
        }
    }

    /// The watch has listed all links that there were.
    fn end_start(&mut self, watch: &Option<String>) {
        if let Some(time) = self.starting.remove(watch) {
            let links = self.links.iter_mut();
            for link in links.filter(|link| link.watch == *watch) {
                link.stay_away(time);
            }
        }
    }

    /// All watches have, as far as anybody can tell.
    fn end_starts(&mut self) {
        let starting = std::mem::take(&mut self.starting);
        for link in &mut self.links {
            if let Some(&time) = starting.get(&link.watch) {
                link.stay_away(time);
            }
        }
    }

    fn apply_to_link(&mut self, event: &LinkEvent, time: i64) {
        let number = match self.present.get(&place(event)) {
            Some(&number) => number,
            None => match self.find(event, time) {
                Some(number) => number,
                None => {
                    self.left_out += 1;
                    return;
                }
            },
        };
        let link = &mut self.links[number];
        if let Some(end) = self.watches.end_of(&link.watch, link.line) {
            link.end_knowledge(end);
        }
        link.apply(event, time);
        link.line = self.lines;
        if link.is_present() {
            self.present.insert(place(event), number);
        } else {
            // Its last lines may still come: they find it by its name.
            self.present.remove(&place(event));
            self.gone.insert(identity(link), number);
        }
    }

    /// The link that an interface that is not followed goes on as.
    fn find(&mut self, event: &LinkEvent, time: i64) -> Option<usize> {
        let names = match event.kind {
            // Its name before says who it is.
            EventKind::Renamed => [event.previous_name.as_deref(), Some(&*event.name)],
            _ => [Some(&*event.name), None],
        };
        for name in names.into_iter().flatten() {
            let key = (
                event.watch.clone(),
                name.to_owned(),
                event.link_kind.clone(),
            );
            if let Some(number) = self.gone.remove(&key) {
                return Some(number);
            }
        }
        if self.present.len() >= MOST_PRESENT {
            return None;
        }
        let new = Link::new(event, time);
        if self.gone.len() < MOST_GONE {
            self.links.push(new);
            return Some(self.links.len() - 1);
        }
        // In the place of the one that has been gone for longest.
        let oldest = self
            .gone
            .iter()
            .min_by_key(|(_, number)| self.links[**number].last_told());
        let (key, number) = oldest.map(|(key, &number)| (key.clone(), number))?;
        self.gone.remove(&key);
        self.left_out += 1;
        self.links[number] = new;
        Some(number)
    }

    /// All lines are read: what they tell ends with the last one.
    pub(super) fn finish(mut self) -> Account {
        self.end_starts();
        let starts = self.watches.finish();
        (self.starts, self.unwatched) = (starts.number, starts.unwatched);
        let end = self.clock.latest();
        for link in &mut self.links {
            if let Some(end) = self.watches.end_of(&link.watch, link.line) {
                link.end_knowledge(end);
            }
            link.end_knowledge(end);
        }
        self.links.sort_by(|a, b| {
            let key = |link: &Link| (natural(&link.name), link.watch.clone(), link.first);
            key(a).cmp(&key(b))
        });
        self
    }

    /// What a link is called: with its watch, where the log is that of several.
    pub(super) fn title(&self, link: &Link) -> String {
        let name = shown(&link.name);
        match &link.watch {
            Some(watch) if self.links.iter().any(|other| other.watch != link.watch) => {
                format!("{name} ({})", shown(watch))
            }
            _ => name,
        }
    }

    /// The time of the first line; that of the link's own times.
    pub(super) fn start_time(&self) -> i64 {
        self.first.unwrap_or_default()
    }

    /// The time of the last line.
    pub(super) fn end_time(&self) -> i64 {
        self.clock.latest()
    }

    /// The time of the clock, in microseconds since 1970, for one of the
    /// report's.
    pub(super) fn clock_time(&self, time: i64) -> i64 {
        time.saturating_add(self.clock.shift())
    }
}

/// So that eth2 comes before eth10.
fn natural(name: &str) -> Vec<(String, Option<u64>)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (text, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (number, tail) = tail.split_at(end);
        parts.push((text.to_owned(), number.parse().ok()));
        rest = tail;
    }
    parts
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
