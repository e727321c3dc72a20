//! `linkwatch wait`: block until interfaces are as they should be.

use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use linkwatch::{Criterion, LinkState, Monitor, Pattern};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::args::{Goal, WaitArgs};
use super::exit;

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
    loop {
        // The links are as the events say, once all have been taken.
        while monitor.try_next()?.is_some() && time_left(deadline).is_some() {}
        if goal.is_reached(&monitor.links()) {
            return Ok(ExitCode::SUCCESS);
        }
        let Some(timeout) = time_left(deadline) else {
            return Ok(ExitCode::from(exit::TIMED_OUT));
        };
        match poll(
            &mut [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)],
            timeout,
        ) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).context("waiting for events"),
        }
    }
}

/// `None` if there is none left.
fn time_left(deadline: Option<Instant>) -> Option<PollTimeout> {
    let Some(deadline) = deadline else {
        return Some(PollTimeout::NONE);
    };
    let left = deadline.saturating_duration_since(Instant::now());
    // Rounded up, so that it does not wake up early and again.
    let left = Duration::from_millis(u64::try_from(left.as_micros().div_ceil(1000)).ok()?);
    (!left.is_zero()).then(|| PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX))
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
