//! Which messages the kernel is asked to drop: those that cannot matter.
//!
//! What is dropped must not have been about a link in scope, nor about one that
//! was to come into it. The filter lets through, by rule,
//!
//! * links that were registered or removed, so that the table knows which there
//!   are;
//! * names that a pattern may match, and links with alternative names: so a
//!   rename into the scope is heard;
//! * the links that were in scope when it was made: so a rename out of it is
//!   heard;
//! * links with higher indices than any that was known then.
//!
//! That leaves a link that was out of scope then and has been renamed into it:
//! if it is renamed again before the filter knows it, nobody hears of that. So a
//! new filter is made when the first rename is heard, and all links are listed
//! once after that.

use super::Table;
use super::pattern::Scope;
use crate::nl::{LinkFilter, LinkSelection, NameFilter, Socket};

/// More links in scope than this are not told one by one: the filter compares
/// each message with all of them.
const MOST_KNOWN: usize = 256;
/// The same for patterns.
const MOST_NAMES: usize = 64;
/// After so many messages about links out of scope, a new filter may drop the
/// next ones.
const PATIENCE: u64 = 256;

/// Keeps the filter of one socket right.
#[derive(Debug)]
pub(super) struct Sieve {
    /// False if the kernel is not to filter.
    is_wanted: bool,
    /// What names in scope begin with; `None` if that can be anything.
    names: Option<Vec<NameFilter>>,
    /// What the filter was made from, if it selects links.
    made: Option<Made>,
}

#[derive(Debug)]
struct Made {
    /// Ascending.
    known: Vec<u32>,
    highest: u32,
    /// [`Table::out_of_scope`] at that time.
    out_of_scope: u64,
}

impl Sieve {
    pub(super) fn new(scope: &Scope, is_wanted: bool) -> Sieve {
        let names = is_wanted.then(|| names(scope)).flatten();
        if is_wanted && names.is_none() && !scope.patterns.is_empty() {
            log::debug!("the kernel cannot sort by these patterns: all links are looked at");
        }
        Sieve {
            is_wanted,
            names,
            made: None,
        }
    }

    /// Drops what says nothing about any link, before anything is known.
    pub(super) fn begin(&mut self, socket: &mut Socket) {
        self.made = None;
        if self.is_wanted {
            attach(socket, &LinkFilter::default());
        }
    }

    /// All links were listed and compared.
    pub(super) fn listed(&mut self, socket: &mut Socket, table: &mut Table) {
        if self.made.is_none() {
            self.select(socket, table);
        }
    }

    /// Drops what is about other links than those in scope. What is queued
    /// already stays so.
    fn select(&mut self, socket: &mut Socket, table: &mut Table) {
        let Some(names) = &self.names else {
            return;
        };
        table.take_newcomers();
        let mut known: Vec<u32> = table.links().map(|link| link.ifindex()).collect();
        if known.len() > MOST_KNOWN {
            log::debug!("{} links in scope are too many to sort by", known.len());
            return self.give_up(socket, table);
        }
        known.sort_unstable();
        let highest = table.highest();
        let selection = Some(LinkSelection {
            names,
            known: &known,
            highest,
        });
        if !attach(socket, &LinkFilter { selection }) {
            return self.give_up(socket, table);
        }
        self.made = Some(Made {
            known,
            highest,
            out_of_scope: table.out_of_scope(),
        });
    }

    /// Sorts by family only, for good.
    fn give_up(&mut self, socket: &mut Socket, table: &mut Table) {
        self.names = None;
        table.forget_newcomers();
        self.begin(socket);
    }

    /// Messages were applied to the table. True if all links have to be listed,
    /// for something may have been dropped that mattered.
    pub(super) fn keep_right(&mut self, socket: &mut Socket, table: &mut Table) -> bool {
        let Some(made) = &self.made else {
            return false;
        };
        let missed = table
            .take_newcomers()
            .iter()
            .any(|ifindex| *ifindex <= made.highest && made.known.binary_search(ifindex).is_err());
        let would_help = table.out_of_scope() - made.out_of_scope > PATIENCE;
        if missed || would_help && table.highest() > made.highest {
            self.select(socket, table);
        }
        missed
    }
}

/// True if the kernel has taken the filter. It is no loss to go without.
fn attach(socket: &mut Socket, filter: &LinkFilter<'_>) -> bool {
    match socket.filter_links(filter) {
        Ok(()) => true,
        Err(error) => {
            // The one before must not go on: nobody keeps it right.
            socket.unfilter();
            log::debug!("{error}; the kernel does not sort");
            false
        }
    }
}

/// What the names begin with that the patterns match.
fn names(scope: &Scope) -> Option<Vec<NameFilter>> {
    if scope.patterns.is_empty() || scope.patterns.len() > MOST_NAMES {
        return None;
    }
    let mut names = Vec::new();
    for pattern in &scope.patterns {
        let glob = pattern.as_bytes();
        let special = glob.iter().position(|byte| b"*?[\\".contains(byte));
        let name = match special {
            Some(0) => return None,
            Some(at) => NameFilter::beginning_with(&glob[..at]),
            None => NameFilter::exactly(glob),
        };
        names.push(name);
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::monitor::test_messages::{new_link, parse};
    use crate::nl::Protocol;
    use crate::{Criterion, Pattern};

    #[test]
    fn where_the_kernel_does_not_sort_newcomers_are_not_kept() {
        let scope = Scope {
            patterns: vec![Pattern::new("cable*").unwrap()],
        };
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        let mut table = Table::new(scope.patterns.clone(), Criterion::Carrier);
        let appear = |table: &mut Table, index: usize| {
            let link = new_link(index as i32, &format!("cable{index}")).carrier(true);
            table.apply(&parse(&link.bytes()), |_| true, &mut VecDeque::new());
        };
        let mut sieve = Sieve::new(&scope, true);
        appear(&mut table, 1);
        sieve.listed(&mut socket, &mut table);
        assert!(sieve.made.is_some());
        appear(&mut table, 2);
        assert_eq!(table.take_newcomers(), [2]);

        for index in 3..MOST_KNOWN + 9 {
            appear(&mut table, index);
        }
        sieve.made = None;
        sieve.listed(&mut socket, &mut table);
        assert!(sieve.made.is_none());
        appear(&mut table, 1000);
        assert!(table.take_newcomers().is_empty());
    }

    fn of(patterns: &[&str]) -> Option<Vec<NameFilter>> {
        let patterns = patterns.iter().map(|glob| Pattern::new(glob).unwrap());
        names(&Scope {
            patterns: patterns.collect(),
        })
    }

    #[test]
    fn patterns_are_sorted_by_what_they_begin_with() {
        let begin = NameFilter::beginning_with;
        assert_eq!(of(&["eth0"]), Some(vec![NameFilter::exactly(b"eth0")]));
        assert_eq!(
            of(&["eth[0-3]", "w*", "a\\*b", "e?0"]),
            Some(vec![begin(b"eth"), begin(b"w"), begin(b"a"), begin(b"e")])
        );
        assert_eq!(of(&["eth0", "*"]), None);
        assert_eq!(of(&["[ew]*"]), None);
        assert_eq!(of(&[]), None, "all but loopback");
    }

    /// Patterns up to the greatest length, plain and with wildcards, of few
    /// different letters.
    fn patterns() -> impl Strategy<Value = Vec<Pattern>> {
        let glob = prop_oneof![
            "[ab]{1,20}",
            "[ab]{100,127}",
            "[ab]{1,16}[*?][ab*?]{0,3}",
            r"[ab]{1,16}(\[ab\]|\\\*)[ab]{0,2}",
            "[ab]{110,126}\\*",
        ];
        let pattern = glob.prop_map(|glob| Pattern::new(glob).expect("a pattern"));
        prop::collection::vec(pattern, 1..=MOST_NAMES)
    }

    proptest! {
        #[test]
        fn the_kernel_drops_no_message_that_a_pattern_matches(
            patterns in patterns(),
            chosen in any::<prop::sample::Index>(),
            cut in 1usize..=15,
            end in "[ab]{0,3}",
        ) {
            // A name much like one of the patterns.
            let like = chosen.get(&patterns).as_bytes();
            let mut name: Vec<u8> = like.iter().take(cut).copied().collect();
            name.retain(|byte| byte.is_ascii_alphanumeric());
            name.extend(end.bytes());
            name.truncate(15);
            prop_assume!(!name.is_empty());
            let name = String::from_utf8(name).expect("letters");

            let scope = Scope { patterns };
            let names = names(&scope).expect("each pattern begins with a letter");
            let selection = Some(LinkSelection { names: &names, known: &[], highest: 10 });
            let filter = LinkFilter { selection };
            let message = new_link(7, &name).bytes();
            let passes = filter.passes(&message);
            let is_matched = scope.patterns.iter().any(|pattern| pattern.matches(name.as_bytes()));
            // What the patterns have before their first special character.
            let may_match = scope.patterns.iter().any(|pattern| {
                let glob = pattern.as_bytes();
                match glob.iter().position(|byte| b"*?[\\".contains(byte)) {
                    Some(at) => name.as_bytes().starts_with(&glob[..at]),
                    None => name.as_bytes() == glob,
                }
            });
            prop_assert!(passes || !is_matched, "{name} {scope:?}");
            prop_assert_eq!(passes, may_match, "{} {:?}", name, scope);
            // Any of them may match an alternative name.
            let alternative = new_link(7, &name).alt_names(&["c"]).bytes();
            prop_assert!(filter.passes(&alternative));
        }
    }
}
