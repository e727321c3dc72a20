//! Compares what a watch has told with what the kernel says.
//!
//! # Links that are gone
//!
//! The last counters of a removed link are in its RTM_DELLINK and nowhere
//! else. Where the watch has heard that, the sum of its `transitions` is the
//! kernel's count, to the step. Where it was among the messages that the
//! kernel dropped, the removal is found when all links are listed anew, and
//! the steps since the last message about the link are known to nobody:
//! `removed` accounts for none of them. And where a link was removed and
//! another one like it put in its place, unheard, both are one to the watch:
//! it accounts for the counters of the last.
//!
//! So of a watch that lost nothing each life of each index is judged, in order
//! and exactly. Of one that has told of losses, each life that it tells of must
//! be one that was, in order, with no more steps than the kernel counted; what
//! is short is counted apart ("unknowable"). Links that exist are always judged
//! exactly.

use std::collections::BTreeMap;

use crate::recorder::{Life, Record};
use crate::watcher::Event;
use crate::witness::{Link, Links};

/// How many complaints of a kind are told.
const MOST_TOLD: usize = 5;

/// What the watch is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// The links when the watch began, and nothing was under way.
    pub before: &'a Links,
    /// The links now that all is quiet.
    pub now: &'a Links,
    /// What became of those that are gone.
    pub record: Option<&'a Record>,
}

#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Transitions by the kernel, of links that are and of lives that ended.
    pub kernel: u64,
    /// Those that the events account for.
    pub reported: u64,
    /// Steps of links whose removal was not heard.
    pub unknowable: u64,
    /// Lives that ended, as told.
    pub removals: usize,
    /// Links whose name or state is not what it should be.
    pub wrong: Vec<String>,
    /// Everything else that should not be.
    pub faults: Vec<String>,
}

impl Verdict {
    pub fn is_good(&self) -> bool {
        self.kernel == self.reported && self.wrong.is_empty() && self.faults.is_empty()
    }

    pub fn complaints(&self) -> Vec<String> {
        let mut told = Vec::new();
        if self.kernel != self.reported {
            told.push(format!(
                "the kernel counted {} transitions, {} were reported",
                self.kernel, self.reported
            ));
        }
        for list in [&self.wrong, &self.faults] {
            told.extend(list.iter().take(MOST_TOLD).cloned());
            if list.len() > MOST_TOLD {
                told.push(format!("… and {} more", list.len() - MOST_TOLD));
            }
        }
        told
    }
}

/// What events tell of the present link of an index.
#[derive(Debug, Clone)]
struct Told {
    name: String,
    connected: bool,
    /// The counters that it began with.
    base: u64,
    sum: u64,
}

/// Judges all events of a watch of every interface.
pub fn judge(events: &[Event], truth: Truth<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    let mut present: BTreeMap<u32, Told> = BTreeMap::new();
    let mut ended: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    let mut overruns = 0;
    for event in events.iter().filter(|event| event.index != 1) {
        if event.unseen > event.transitions {
            verdict
                .faults
                .push(format!("more unseen than there were: {event:?}"));
        }
        if event.kind == "resync" {
            overruns += event.overruns;
            continue;
        }
        if let Err(fault) = follow(&mut present, &mut ended, event, truth.before, |_| true) {
            verdict.faults.push(format!("{fault}: {event:?}"));
        }
    }

    for (index, link) in truth.now {
        verdict.kernel += link.transitions;
        match present.get(index) {
            Some(told) => {
                // The kernel's own count before is none of the watch's.
                let sum = told.base + told.sum;
                verdict.reported += sum;
                if sum != link.transitions {
                    verdict
                        .faults
                        .push(format!("{index}: {told:?}, but it is {link:?}"));
                }
                if !told.is(link) {
                    verdict
                        .wrong
                        .push(format!("{index}: {told:?}, but it is {link:?}"));
                }
            }
            None => verdict
                .wrong
                .push(format!("{index}: it was not told of {link:?}")),
        }
    }
    for (index, told) in present {
        if !truth.now.contains_key(&index) {
            verdict
                .wrong
                .push(format!("{index}: {told:?}, but there is none"));
        }
    }
    verdict.removals = ended.values().map(Vec::len).sum();
    match truth.record {
        Some(record) if !record.incomplete => judge_ended(&ended, record, overruns, &mut verdict),
        _ => {}
    }
    // Of both, what was before.
    let before: u64 = truth.before.values().map(|link| link.transitions).sum();
    let before = before.min(verdict.kernel).min(verdict.reported);
    verdict.kernel -= before;
    verdict.reported -= before;
    verdict
}

/// Judges a watch of some interfaces by their names, and by
/// `--criterion running`: what of a link's transitions was counted in its scope
/// nobody else knows, but names, states and order.
pub fn judge_scope(events: &[Event], now: &Links, in_scope: impl Fn(&str) -> bool) -> Verdict {
    let mut verdict = Verdict::default();
    let mut present = BTreeMap::new();
    let nothing = Links::new();
    for event in events
        .iter()
        .filter(|event| event.index != 1 && event.kind != "resync")
    {
        let followed = follow(
            &mut present,
            &mut BTreeMap::new(),
            event,
            &nothing,
            &in_scope,
        );
        if let Err(fault) = followed {
            verdict.faults.push(format!("{fault}: {event:?}"));
        }
    }
    let there: BTreeMap<u32, (&str, bool)> = now
        .iter()
        .filter(|(_, link)| in_scope(&link.name))
        .map(|(&index, link)| (index, (link.name.as_str(), link.running)))
        .collect();
    let told: BTreeMap<u32, (&str, bool)> = present
        .iter()
        .map(|(&index, told)| (index, (told.name.as_str(), told.connected)))
        .collect();
    let mut indices: Vec<&u32> = there.keys().chain(told.keys()).collect();
    indices.sort_unstable();
    indices.dedup();
    for index in indices {
        let (told, is) = (told.get(index), there.get(index));
        if told != is {
            verdict.wrong.push(format!(
                "{index}: told {told:?}, but it is {is:?} (name, running)"
            ));
        }
    }
    verdict
}

impl Told {
    fn is(&self, link: &Link) -> bool {
        self.name == link.name && self.connected == link.connected
    }
}

/// Applies one event, and checks that it may come where it does.
fn follow(
    present: &mut BTreeMap<u32, Told>,
    ended: &mut BTreeMap<u32, Vec<u64>>,
    event: &Event,
    before: &Links,
    in_scope: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let appears = matches!(event.kind.as_str(), "initial" | "added");
    if appears {
        let base = match before.get(&event.index) {
            Some(link) if event.kind == "initial" => link.transitions,
            _ => 0,
        };
        let told = Told {
            name: event.name.clone(),
            connected: event.kind == "initial" && event.connected,
            base,
            sum: event.transitions,
        };
        return match present.insert(event.index, told) {
            Some(old) => Err(format!("there was one already: {old:?}")),
            None => Ok(()),
        };
    }
    let Some(told) = present.get_mut(&event.index) else {
        return Err("of a link that is not there".to_owned());
    };
    told.sum += event.transitions;
    let was = told.connected;
    told.connected = event.connected;
    let former = event.previous_name.as_ref().unwrap_or(&event.name);
    let name_fits = *former == told.name;
    told.name = event.name.clone();
    let fits = match event.kind.as_str() {
        "connected" => !was && event.connected,
        "disconnected" => was && !event.connected,
        "flapped" | "renamed" | "notice" => was == event.connected,
        "removed" => !was,
        _ => false,
    };
    if event.kind == "removed" || !in_scope(&event.name) {
        if event.connected {
            return Err("it ended connected".to_owned());
        }
        let sum = told.base + told.sum;
        present.remove(&event.index);
        ended.entry(event.index).or_default().push(sum);
    }
    match (fits, name_fits) {
        (true, true) => Ok(()),
        (false, _) => Err("it does not alternate".to_owned()),
        (_, false) => Err("the link had another name".to_owned()),
    }
}

/// Judges the lives that ended.
fn judge_ended(
    ended: &BTreeMap<u32, Vec<u64>>,
    record: &Record,
    overruns: u64,
    verdict: &mut Verdict,
) {
    let none = Vec::new();
    let mut indices: Vec<&u32> = ended.keys().chain(record.ended.keys()).collect();
    indices.sort_unstable();
    indices.dedup();
    for index in indices {
        let told = ended.get(index).unwrap_or(&none);
        let lives: Vec<u64> = record
            .ended
            .get(index)
            .map(|lives| {
                lives
                    .iter()
                    .map(|&Life { transitions }| transitions)
                    .collect()
            })
            .unwrap_or_default();
        let exact = *told == lives;
        let reported: u64 = told.iter().sum();
        let short = if exact { Some(0) } else { assign(told, &lives) };
        verdict.reported += reported;
        verdict.kernel += if overruns == 0 {
            lives.iter().sum()
        } else {
            reported
        };
        match short {
            Some(0) if exact => {}
            Some(short) if overruns > 0 => verdict.unknowable += short,
            _ => verdict.faults.push(format!(
                "{index}: its lives ended with {lives:?} transitions, told were {told:?}"
            )),
        }
    }
}

/// Assigns each life that was told to one that was, in order, so that none has
/// more steps told than were counted and the least is short. `None` if that
/// cannot be. What is told is never less in number of steps than was heard.
fn assign(told: &[u64], lives: &[u64]) -> Option<u64> {
    // best[n]: the first lives that were looked at, the first n told assigned.
    let mut best: Vec<Option<u64>> = vec![None; told.len() + 1];
    best[0] = Some(0);
    for &life in lives {
        for number in (0..told.len()).rev() {
            let Some(short) = life.checked_sub(told[number]) else {
                continue;
            };
            let taken = best[number].map(|sum| sum + short);
            best[number + 1] = match (best[number + 1], taken) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
    }
    best[told.len()]
}
