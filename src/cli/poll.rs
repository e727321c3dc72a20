//! Waiting for several things at once.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Until an instant, rounded up, so that it does not wake up early and again.
pub(super) fn timeout(due: Option<Instant>) -> PollTimeout {
    let Some(due) = due else {
        return PollTimeout::NONE;
    };
    let left = due.saturating_duration_since(Instant::now());
    let left = left.as_micros().div_ceil(1000);
    PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
}

/// Waits until something happens to one of the sources, or the time is over.
/// Returns what happened to the first two.
pub(super) fn poll_all(
    sources: &[(BorrowedFd<'_>, PollFlags)],
    timeout: PollTimeout,
) -> Result<[PollFlags; 2]> {
    let mut descriptors: Vec<PollFd<'_>> = sources
        .iter()
        .map(|&(descriptor, interest)| PollFd::new(descriptor, interest))
        .collect();
    match poll(&mut descriptors, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno).context("waiting for events"),
    }
    Ok([0, 1].map(|index| {
        let happened = descriptors.get(index).and_then(PollFd::revents);
        happened.unwrap_or(PollFlags::empty())
    }))
}
