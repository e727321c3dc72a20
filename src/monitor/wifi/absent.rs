//! In the place of `wifi` where generic netlink is left out: each event is
//! reported as the table gives it.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use super::{Event, LinkState};
use crate::nl::Namespace;

#[derive(Debug)]
pub(super) struct Wifi;

impl Wifi {
    pub(super) fn new(_: Namespace, _: bool) -> Wifi {
        Wifi
    }

    pub(super) fn identify<'a>(&mut self, _: impl Iterator<Item = &'a mut LinkState>) {}

    pub(super) fn concerns(&self, _: &Event) -> bool {
        false
    }

    pub(super) fn recognise(&mut self, _: &mut Event) -> Option<u32> {
        None
    }

    pub(super) fn is_needed(&self) -> bool {
        false
    }

    pub(super) fn push(&mut self, event: Event, _: Instant, out: &mut VecDeque<Event>) {
        out.push_back(event);
    }

    pub(super) fn receive(&mut self, _: Instant, _: &mut VecDeque<Event>) {}

    pub(super) fn release(&mut self, _: Instant, _: &mut VecDeque<Event>) {}

    pub(super) fn release_all(&mut self, _: &mut VecDeque<Event>) {}

    pub(super) fn refresh(&mut self, _: Instant, _: &mut VecDeque<Event>) {}

    pub(super) fn next_due(&self) -> Option<Instant> {
        None
    }

    pub(super) fn stop(&mut self) {}

    pub(super) fn new_source(&mut self) -> Option<BorrowedFd<'_>> {
        None
    }
}
