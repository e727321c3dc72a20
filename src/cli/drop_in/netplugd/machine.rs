//! What netplugd does about one link, without doing it: the states are the
//! original's, so that its users find them in the log.

use std::fmt;

/// What the script is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// The link has carrier.
    In,
    /// It has lost it.
    Out,
    /// It is down: take it up.
    Probe,
}

impl Task {
    /// The script's second argument.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Task::In => "in",
            Task::Out => "out",
            Task::Probe => "probe",
        }
    }
}

/// What a link's flags say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags {
    /// Administratively.
    pub(super) up: bool,
    /// It has carrier and is operational. What is not up never is.
    pub(super) running: bool,
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.up, self.running) {
            (false, _) => "down",
            (true, false) => "up",
            (true, true) => "up and running",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Down, as far as it was seen to change.
    Down,
    /// It went down while the script ran `out`.
    DownAndOut,
    /// The script runs `probe`, for the link is down.
    Probing,
    /// It still does, and the link is up.
    ProbingUp,
    /// Up, without carrier.
    Inactive,
    /// The script runs `in`.
    Inning,
    /// It still does, and carrier was lost again: `out` follows.
    WaitIn,
    /// With carrier, and `in` has done its work.
    Active,
    /// The script runs `out`.
    Outing,
    /// `in` has failed. Nothing is done until the link has been down.
    Insane,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Down => "DOWN",
            State::DownAndOut => "DOWNANDOUT",
            State::Probing => "PROBING",
            State::ProbingUp => "PROBING_UP",
            State::Inactive => "INACTIVE",
            State::Inning => "INNING",
            State::WaitIn => "WAIT_IN",
            State::Active => "ACTIVE",
            State::Outing => "OUTING",
            State::Insane => "INSANE",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is to be done at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Action {
    /// Call the script. None of this link is running.
    Start(Task),
    /// End the script that runs. [`Machine::ended`] is told when it has ended.
    Kill,
}

/// Whether the script runs for this link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worker {
    Idle,
    Running,
    /// It was to be killed, and `probe` is to follow.
    Killed,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Machine {
    state: State,
    flags: Flags,
    worker: Worker,
}

impl Machine {
    /// A link that was there at the start, with these flags. If it is up it
    /// does not count as having come up.
    pub(super) fn found(flags: Flags) -> Machine {
        Machine {
            state: State::Down,
            flags,
            worker: Worker::Idle,
        }
    }

    /// A link that has appeared. Its flags come as a change.
    pub(super) fn appeared() -> Machine {
        Machine::found(Flags::default())
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn flags(&self) -> Flags {
        self.flags
    }

    /// Whether the script runs.
    pub(super) fn is_busy(&self) -> bool {
        self.worker != Worker::Idle
    }

    /// The flags are these now.
    pub(super) fn change(&mut self, flags: Flags) -> Option<Action> {
        let before = std::mem::replace(&mut self.flags, flags);
        let mut action = None;
        match (before.up, flags.up) {
            (false, true) => self.came_up(),
            (true, false) => action = self.went_down(),
            _ => {}
        }
        if before.running != flags.running && action.is_none() {
            action = self.act();
        }
        action
    }

    fn came_up(&mut self) {
        self.state = match self.state {
            State::Down => State::Inactive,
            State::Probing => State::ProbingUp,
            // The original ends here, at the latest when `out` does.
            State::DownAndOut => State::Outing,
            state => state,
        };
    }

    fn went_down(&mut self) -> Option<Action> {
        match self.state {
            State::Down | State::DownAndOut | State::Probing => None,
            // What `out` does is not cut short.
            State::Outing => {
                self.state = State::DownAndOut;
                None
            }
            State::ProbingUp => {
                self.state = State::Probing;
                None
            }
            State::Inactive | State::Inning | State::WaitIn | State::Active | State::Insane => {
                self.state = State::Probing;
                match self.worker {
                    Worker::Idle => Some(self.start(Task::Probe)),
                    Worker::Running => {
                        self.worker = Worker::Killed;
                        Some(Action::Kill)
                    }
                    Worker::Killed => None,
                }
            }
        }
    }

    /// Does what the state and the flags call for, whatever has led there.
    pub(super) fn act(&mut self) -> Option<Action> {
        match self.state {
            State::Down | State::Inactive if self.flags.running => {
                self.state = State::Inning;
                Some(self.start(Task::In))
            }
            State::Inning if !self.flags.running => {
                self.state = State::WaitIn;
                None
            }
            State::Active if !self.flags.running => {
                self.state = State::Outing;
                Some(self.start(Task::Out))
            }
            _ => None,
        }
    }

    /// The script has ended.
    pub(super) fn ended(&mut self, is_success: bool) -> Option<Action> {
        if std::mem::replace(&mut self.worker, Worker::Idle) == Worker::Killed {
            return Some(self.start(Task::Probe));
        }
        match self.state {
            // Where `probe` has taken it up, that is told soon.
            State::Probing => self.state = State::Down,
            State::ProbingUp | State::Outing => self.state = State::Inactive,
            State::Inning if is_success => self.state = State::Active,
            State::Inning => self.state = State::Insane,
            State::WaitIn => {
                self.state = State::Outing;
                return Some(self.start(Task::Out));
            }
            State::DownAndOut => {
                self.state = State::Probing;
                return Some(self.start(Task::Probe));
            }
            State::Down | State::Inactive | State::Active | State::Insane => {}
        }
        self.act()
    }

    fn start(&mut self, task: Task) -> Action {
        self.worker = Worker::Running;
        Action::Start(task)
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
