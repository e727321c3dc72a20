//! The watches of a log, and what their starts say of each other.
//!
//! A log tells of a start by `initial` lines only. All watches of a program
//! that starts write them within a short time: a *round*. A reload that
//! replaces one watch of several looks the same, but that the others write
//! nothing: they go on, or they are no longer in the configuration. What can be
//! said of a watch that is silent in a round:
//!
//! - Once it tells, unlisted, of a link that it had before, it has gone on all
//!   the time. So nothing of it is decided before that.
//! - As long as it tells nothing, it is taken to go on, and the round to be a
//!   reload, except where the round looks like a start of the program: the watch
//!   is listed again that was the first at the last such start (the leader), or,
//!   where that one is silent since a round before, the one that was the first in
//!   the last round. Then nothing is known of it from the last line before the
//!   round on. So one that was removed is not followed for longer than until the
//!   second start.
//! - Lines with and without the name of a watch are not of the same program.
//!
//! A round through which a watch goes on is no start, and no time is unwatched
//! before it.

use std::collections::{HashMap, HashSet};

/// A watch of a configuration, or the one that has no name.
type Name = Option<String>;

/// How many watches are told apart.
const MOST_WATCHES: usize = 1000;
/// Between the `initial` lines of one start lies no longer time.
const LONGEST_START: i64 = 60_000_000;

#[derive(Debug, Default)]
pub(super) struct Watches {
    watches: HashMap<Name, Watch>,
    round: Option<Round>,
    /// The first that was listed when the program was last taken to start.
    leader: Option<Name>,
    /// The line with which it became that.
    leads_since: u64,
    total: Starts,
}

#[derive(Debug, Default)]
struct Watch {
    listed_last: Option<i64>,
    doubt: Option<Doubt>,
}

/// Starts of the program, and the time before them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Starts {
    pub(super) number: u64,
    /// In microseconds.
    pub(super) unwatched: u64,
}

impl Starts {
    fn add(&mut self, other: Starts) {
        self.number += other.number;
        self.unwatched = self.unwatched.saturating_add(other.unwatched);
    }
}

/// Watches that start together.
#[derive(Debug)]
struct Round {
    first: Name,
    /// The time of the last line before it.
    last_line: i64,
    listed_last: i64,
    /// Those that have told something since.
    told: HashSet<Name>,
}

/// A watch was silent in a round.
#[derive(Debug)]
struct Doubt {
    /// The first line of the round.
    line: u64,
    /// When it has ended, if it is taken to have ended.
    end: Option<i64>,
    /// The rounds since, up to the next doubt: they were starts if neither this
    /// watch nor one that is in doubt for longer has gone on.
    starts: Starts,
}

/// Until when the links of a watch are known that starts anew.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    /// Links that were told of in this line or later are known until
    /// `last_line`, others until `before`.
    line: u64,
    before: i64,
    last_line: i64,
}

impl Ended {
    pub(super) fn time(&self, told_in: u64) -> i64 {
        match told_in < self.line {
            true => self.before,
            false => self.last_line,
        }
    }
}

impl Watches {
    /// False if there are too many.
    pub(super) fn know(&mut self, name: &Name) -> bool {
        if !self.watches.contains_key(name) {
            if self.watches.len() >= MOST_WATCHES {
                return false;
            }
            self.watches.insert(name.clone(), Watch::default());
        }
        true
    }

    /// True if an `initial` line is the first of its watch, which has listed
    /// the interface before or not. A watch writes them at once and one of each
    /// link; other lines may come between.
    pub(super) fn is_start(&self, name: &Name, time: i64, was_listed: bool) -> bool {
        let Some(watch) = self.watches.get(name) else {
            return true;
        };
        was_listed
            || watch.doubt.is_some()
            || watch.listed_last.is_none_or(|last| is_over(last, time))
    }

    /// A watch has begun, with this line.
    pub(super) fn start(&mut self, name: &Name, last_line: i64, time: i64, line: u64) -> Ended {
        let joins = |round: &&mut Round| {
            !is_over(round.listed_last, time)
                && !round.told.contains(name)
                && round.first.is_some() == name.is_some()
        };
        if let Some(round) = self.round.as_mut().filter(joins) {
            round.told.insert(name.clone());
            let last_line = round.last_line;
            if self.leader.as_ref() == Some(name) {
                for watch in self.watches.values_mut() {
                    if let Some(doubt) = &mut watch.doubt {
                        doubt.end.get_or_insert(last_line);
                    }
                }
            }
            return self.end(name, last_line);
        }

        self.settle();
        let is_again = self
            .round
            .as_ref()
            .is_some_and(|round| round.first == *name);
        let ended = self.end(name, last_line);
        if self.leader.as_ref().is_none_or(|leader| {
            let doubt = self
                .watches
                .get(leader)
                .and_then(|watch| watch.doubt.as_ref());
            leader.is_some() != name.is_some()
                || doubt.is_some_and(|doubt| is_again || doubt.end.is_some())
        }) {
            self.leader = Some(name.clone());
            self.leads_since = line;
        }
        let is_led = self.leader.as_ref() == Some(name);
        let others = self.watches.iter_mut().filter(|(other, _)| *other != name);
        for (_, watch) in others {
            let doubt = watch.doubt.get_or_insert(Doubt {
                line,
                end: None,
                starts: Starts::default(),
            });
            if is_led {
                doubt.end.get_or_insert(last_line);
            }
        }
        let unwatched = match line {
            0 | 1 => 0,
            _ => u64::try_from(time.saturating_sub(last_line)).unwrap_or(0),
        };
        self.count(
            Starts {
                number: 1,
                unwatched,
            },
            line,
        );
        self.round = Some(Round {
            first: name.clone(),
            last_line,
            listed_last: time,
            told: HashSet::from([name.clone()]),
        });
        ended
    }

    /// An `initial` line of a watch.
    pub(super) fn list(&mut self, name: &Name, time: i64) {
        if let Some(watch) = self.watches.get_mut(name) {
            watch.listed_last = Some(time);
        }
        if let Some(round) = &mut self.round {
            round.listed_last = round.listed_last.max(time);
        }
    }

    /// Another line of a watch, about a link that was told of in line `known`
    /// and has been there since, or about a new one.
    pub(super) fn tell(&mut self, name: &Name, known: Option<u64>) {
        if let Some(round) = &mut self.round
            && !round.told.contains(name)
        {
            round.told.insert(name.clone());
        }
        let Some(watch) = self.watches.get_mut(name) else {
            return;
        };
        let goes_on = |doubt: &mut Doubt| known.is_some_and(|known| known < doubt.line);
        if let Some(doubt) = watch.doubt.take_if(goes_on) {
            self.forget(doubt.line);
            if self.leads_since >= doubt.line {
                // What made another one the leader was no start.
                self.leader = Some(name.clone());
                self.leads_since = doubt.line;
            }
        }
    }

    /// When the knowledge of a link has ended that was last told of in line
    /// `told_in`, if it has.
    pub(super) fn end_of(&self, name: &Name, told_in: u64) -> Option<i64> {
        let doubt = self.watches.get(name)?.doubt.as_ref()?;
        doubt.end.filter(|_| told_in < doubt.line)
    }

    /// All lines are read.
    pub(super) fn finish(&mut self) -> Starts {
        self.settle();
        let mut total = self.total;
        for watch in self.watches.values() {
            if let Some(doubt) = &watch.doubt {
                total.add(doubt.starts);
            }
        }
        total
    }

    /// Whoever is taken to go on has gone on through all rounds so far.
    fn settle(&mut self) {
        let doubts = self
            .watches
            .values()
            .filter_map(|watch| watch.doubt.as_ref());
        let going_on = doubts.filter(|doubt| doubt.end.is_none());
        if let Some(first) = going_on.map(|doubt| doubt.line).min() {
            self.forget(first);
        }
    }

    /// The rounds since that line were no starts.
    fn forget(&mut self, line: u64) {
        for watch in self.watches.values_mut() {
            if let Some(doubt) = &mut watch.doubt
                && doubt.line >= line
            {
                doubt.starts = Starts::default();
            }
        }
    }

    /// The watch of that name has ended before the round.
    fn end(&mut self, name: &Name, last_line: i64) -> Ended {
        let doubt = self
            .watches
            .get_mut(name)
            .and_then(|watch| watch.doubt.take());
        let Some(doubt) = doubt else {
            return Ended {
                line: 0,
                before: last_line,
                last_line,
            };
        };
        self.count(doubt.starts, doubt.line);
        Ended {
            line: doubt.line,
            before: doubt.end.unwrap_or(last_line),
            last_line,
        }
    }

    /// Counts rounds that are starts if no watch that is in doubt since that
    /// line or for longer goes on.
    fn count(&mut self, starts: Starts, line: u64) {
        let watches = self.watches.values_mut();
        let last = watches
            .filter_map(|watch| watch.doubt.as_mut())
            .filter(|doubt| doubt.line <= line)
            .max_by_key(|doubt| doubt.line);
        match last {
            Some(doubt) => doubt.starts.add(starts),
            None => self.total.add(starts),
        }
    }
}

fn is_over(last: i64, time: i64) -> bool {
    time.saturating_sub(last) > LONGEST_START
}
