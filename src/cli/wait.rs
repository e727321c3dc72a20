//! `linkwatch wait`: block until interfaces are as they should be.

use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use linkwatch::{Criterion, LinkState, Monitor, Pattern};
use nix::poll::PollFlags;

use super::args::{Goal, WaitArgs};
use super::exit;
use super::poll::{poll_all, timeout};

pub(super) fn run(args: &WaitArgs) -> Result<ExitCode> {
    let namespace = super::namespace(args.selection.netns.as_deref())?;
    let criterion = args.selection.criterion.into();
    let deadline = args.timeout.map(|timeout| Instant::now() + timeout);
    let mut monitor = Monitor::builder()
        .patterns(args.selection.patterns.iter().cloned())
        .criterion(criterion)
        .namespace(namespace)
        .build()?;
    let goal = Target {
        patterns: &args.selection.patterns,
        goal: args.goal,
        any: args.any,
        criterion,
    };
    let is_over = || deadline.is_some_and(|deadline| deadline <= Instant::now());
    let mut is_told = false;
    loop {
        // The links are as the events say, once all have been taken.
        while monitor.try_next()?.is_some() && !is_over() {}
        let links = monitor.links();
        if goal.is_reached(&links) {
            return Ok(ExitCode::SUCCESS);
        }
        // Of the others, that is what is waited for.
        if !is_told && args.goal == Goal::Connected {
            super::tell_what_is_missing(&args.selection.patterns, &links);
        }
        is_told = true;
        if is_over() {
            return Ok(ExitCode::from(exit::TIMED_OUT));
        }
        poll_all(&[(monitor.as_fd(), PollFlags::POLLIN)], timeout(deadline))?;
    }
}

/// What is waited for.
struct Target<'a> {
    patterns: &'a [Pattern],
    goal: Goal,
    any: bool,
    criterion: Criterion,
}

impl Target<'_> {
    fn is_reached(&self, links: &[&LinkState]) -> bool {
        // Without patterns, all that are watched.
        let groups: Vec<Vec<&LinkState>> = match self.patterns {
            [] => vec![links.to_vec()],
            patterns => {
                let matched = |pattern: &Pattern| {
                    let links = links.iter().copied();
                    links.filter(|link| pattern.matches_link(link)).collect()
                };
                patterns.iter().map(matched).collect()
            }
        };
        let connected = |link: &&LinkState| link.is_connected(self.criterion);
        let is_there = |group: &Vec<&LinkState>| !group.is_empty();
        match (self.goal, self.any) {
            (Goal::Connected, false) => groups
                .iter()
                .all(|group| is_there(group) && group.iter().all(connected)),
            (Goal::Connected, true) => links.iter().any(connected),
            // One that is not there is not connected either.
            (Goal::Disconnected, false) => !links.iter().any(connected),
            (Goal::Disconnected, true) => groups
                .iter()
                .any(|group| !is_there(group) || !group.iter().all(connected)),
            (Goal::Present, false) => groups.iter().all(is_there),
            (Goal::Present, true) => groups.iter().any(is_there),
            (Goal::Absent, false) => links.is_empty(),
            (Goal::Absent, true) => !groups.iter().all(is_there),
        }
    }
}
