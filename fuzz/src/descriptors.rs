//! Descriptors of the made-up kernel: sockets, timers, and what waits for them.
//! Their numbers are far above those that the real one hands out.

use std::collections::VecDeque;
use std::time::Duration;

use crate::kernel::Packet;

/// The lowest number.
const FIRST: i32 = 1 << 20;

/// True if a number is one of these, open or not.
pub fn is_made_up(fd: i32) -> bool {
    fd >= FIRST
}

pub(crate) enum Descriptor {
    Socket(Socket),
    /// Those that it waits for.
    Epoll(Vec<i32>),
    Timer(Timer),
    /// An eventfd and its counter.
    Event(u64),
}

#[derive(Default)]
pub(crate) struct Socket {
    pub(crate) protocol: i32,
    pub(crate) port: u32,
    pub(crate) groups: u64,
    /// Of the receive buffer, as the kernel tells it.
    pub(crate) buffer: usize,
    /// File status flags.
    pub(crate) flags: i32,
    /// It has asked something, so it is none that announcements come to.
    pub(crate) asks: bool,
    pub(crate) pending: VecDeque<Packet>,
}

#[derive(Default)]
pub(crate) struct Timer {
    pub(crate) due: Option<Duration>,
    /// On the time of day, to be told of its jumps (TFD_TIMER_CANCEL_ON_SET).
    pub(crate) notes_jumps: bool,
    pub(crate) has_jumped: bool,
}

/// Those that are open.
pub(crate) struct Descriptors(Vec<Option<Descriptor>>);

impl Descriptors {
    pub(crate) const fn new() -> Descriptors {
        Descriptors(Vec::new())
    }

    /// The lowest free number, as the kernel does it.
    pub(crate) fn open(&mut self, descriptor: Descriptor) -> i32 {
        let free = self.0.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            self.0.push(None);
            self.0.len() - 1
        });
        self.0[at] = Some(descriptor);
        FIRST + at as i32
    }

    pub(crate) fn close(&mut self, fd: i32) -> bool {
        for other in self.iter_mut() {
            if let Descriptor::Epoll(members) = other {
                members.retain(|&member| member != fd);
            }
        }
        let slot = at(fd).and_then(|at| self.0.get_mut(at));
        slot.is_some_and(|slot| slot.take().is_some())
    }

    pub(crate) fn get(&self, fd: i32) -> Option<&Descriptor> {
        self.0.get(at(fd)?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, fd: i32) -> Option<&mut Descriptor> {
        self.0.get_mut(at(fd)?)?.as_mut()
    }

    pub(crate) fn socket(&mut self, fd: i32) -> Option<&mut Socket> {
        match self.get_mut(fd) {
            Some(Descriptor::Socket(socket)) => Some(socket),
            _ => None,
        }
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Descriptor> {
        self.0.iter_mut().flatten()
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

fn at(fd: i32) -> Option<usize> {
    usize::try_from(fd.checked_sub(FIRST)?).ok()
}
