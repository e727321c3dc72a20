//! When the script is called, and with what: the rules alone, without the
//! kernel, the script or a clock of their own.

use std::time::{Duration, Instant};

/// What is known of the link, from the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Up,
    Down,
    /// There is none. What had been configured went with it.
    Gone,
}

/// A state as scripts are told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Up,
    Down,
    /// Before the start, and after the end.
    Disabled,
}

impl State {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            State::Up => "up",
            State::Down => "down",
            State::Disabled => "disabled",
        }
    }
}

/// What a script is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Up,
    Down,
}

impl Action {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Action::Up => "up",
            Action::Down => "down",
        }
    }
}

/// One call of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) action: Action,
    pub(super) previous: State,
    pub(super) current: State,
}

/// How long a state has to last before the script is called for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delays {
    pub(super) up: Duration,
    pub(super) down: Duration,
}

/// What an observation has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    /// The script is called for it, at some time.
    Planned,
    /// The call that was planned for the opposite is off.
    Cancelled,
}

#[derive(Debug)]
pub(super) struct Plan {
    delays: Delays,
    is_up: bool,
    pending: Option<Pending>,
    suspended: u32,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    call: Call,
    /// `None`: at no time that the clock knows.
    due: Option<Instant>,
    /// The link was gone: this is called, whatever comes.
    is_certain: bool,
}

impl Plan {
    /// Begins with what is found at the start, for which nothing is planned.
    pub(super) fn new(link: Link, delays: Delays) -> Plan {
        Plan {
            delays,
            is_up: link == Link::Up,
            pending: None,
            suspended: 0,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.is_up
    }

    /// What the script is called with at the start: without a delay.
    pub(super) fn first_call(&self) -> Call {
        Call {
            action: self.action(),
            previous: State::Disabled,
            current: self.state(),
        }
    }

    /// What it is called with at the end: if the link is connected, or its loss
    /// has not been acted upon yet.
    pub(super) fn last_call(&self) -> Option<Call> {
        let down_is_pending = |pending: Pending| pending.call.action == Action::Down;
        (self.is_up || self.pending.is_some_and(down_is_pending)).then(|| Call {
            action: Action::Down,
            previous: self.state(),
            current: State::Disabled,
        })
    }

    /// Takes notice of the link, unless suspended.
    pub(super) fn observe(&mut self, link: Link, now: Instant) -> Change {
        if self.suspended > 0 {
            return Change::Nothing;
        }
        let previous = self.state();
        let was_up = std::mem::replace(&mut self.is_up, link == Link::Up);
        if link == Link::Gone
            && let Some(pending) = &mut self.pending
            && pending.call.action == Action::Down
        {
            pending.due = Some(now);
            pending.is_certain = true;
        }
        if was_up == self.is_up {
            return Change::Nothing;
        }
        match self.pending {
            Some(pending) if pending.is_certain => {}
            Some(_) => {
                self.pending = None;
                return Change::Cancelled;
            }
            None => self.plan(previous, link == Link::Gone, now),
        }
        Change::Planned
    }

    /// Plans to call the script for the state that has just come.
    fn plan(&mut self, previous: State, is_gone: bool, now: Instant) {
        let delay = match (self.action(), is_gone) {
            (_, true) => Duration::ZERO,
            (Action::Up, _) => self.delays.up,
            (Action::Down, _) => self.delays.down,
        };
        let call = Call {
            action: self.action(),
            previous,
            current: self.state(),
        };
        self.pending = Some(Pending {
            call,
            due: now.checked_add(delay),
            is_certain: is_gone,
        });
    }

    /// When the script is to be called next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pending?.due
    }

    /// What the script is to be called with now, if it is time. Once.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Call> {
        let due = self.due()?;
        if due > now {
            return None;
        }
        let call = self.pending.take()?.call;
        // A new link has come to where the old one was.
        if call.action != self.action() {
            self.plan(State::Down, false, now);
        }
        Some(call)
    }

    /// Takes no more notice of the link. Returns how often it was suspended.
    /// What is pending stays so.
    pub(super) fn suspend(&mut self) -> u32 {
        self.suspended = self.suspended.saturating_add(1);
        self.suspended
    }

    /// Undoes one suspension; the link is to be observed then. Returns which
    /// one that was, `None` if there was none.
    pub(super) fn resume(&mut self) -> Option<u32> {
        let which = self.suspended;
        self.suspended = which.checked_sub(1)?;
        Some(which)
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.suspended > 0
    }

    fn state(&self) -> State {
        match self.is_up {
            true => State::Up,
            false => State::Down,
        }
    }

    fn action(&self) -> Action {
        match self.is_up {
            true => Action::Up,
            false => Action::Down,
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
