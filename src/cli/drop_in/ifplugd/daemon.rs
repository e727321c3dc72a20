//! The daemon: one loop over the link, the signals and the script.

use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::Instant;

use anyhow::Result;
use nix::poll::{PollFlags, PollTimeout};
use nix::sys::signal::Signal;

use super::exit;
use super::interface::Watched;
use super::options::{Absence, Settings};
use super::plan::{Action, Call, Change, Link, Plan};
use super::script::{Outcome, Running, Script};
use crate::cli::drop_in::background::Starting;
use crate::cli::poll::{poll_all, timeout};
use crate::cli::signals::Signals;

/// Events that are taken before the script and the signals have their turn.
const BATCH: usize = 64;

/// The signals that mean something.
pub(super) const SIGNALS: [Signal; 6] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

pub(super) struct Daemon {
    settings: Settings,
    signals: Signals,
    watched: Watched,
    script: Script,
    running: Option<Running>,
    plan: Plan,
    phase: Phase,
    /// The user, who still waits to be told the state.
    user: Option<Starting>,
    /// The exit code for him.
    answer: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Watching,
    /// Told to end: once the script that runs has ended, it is called for the
    /// last time.
    Ending,
    /// Nothing more is called.
    Last,
}

impl Daemon {
    /// Looks at the link. `None` if there is none, and without one it is not to
    /// go on.
    pub(super) fn new(
        settings: Settings,
        signals: Signals,
        user: Option<Starting>,
    ) -> Result<Option<Daemon>> {
        let mut watched = Watched::new(&settings)?;
        let name = &settings.interface.name;
        let found = watched.look();
        let is_gone = found == Link::Gone;
        let Some(link) = taken_for(found, settings.absence) else {
            log::error!("there is no interface {name}");
            return Ok(None);
        };
        log::info!(
            "{name} is {}{}",
            shown(link == Link::Up),
            if is_gone { ", for there is none" } else { "" }
        );
        let answer = match link {
            Link::Up => exit::CONNECTED,
            Link::Down | Link::Gone => exit::NOT_CONNECTED,
        };
        Ok(Some(Daemon {
            script: Script::new(&settings),
            plan: Plan::new(link, settings.delays),
            settings,
            signals,
            watched,
            running: None,
            phase: Phase::Watching,
            user,
            answer,
        }))
    }

    /// Goes on until a signal ends it, or a failure.
    pub(super) fn run(&mut self) -> Result<()> {
        let first = self.plan.first_call();
        let is_called = match first.action {
            Action::Up => self.settings.begins_with_up,
            Action::Down => self.settings.begins_with_down,
        };
        if is_called && self.call(first).is_break() {
            return Ok(());
        }
        loop {
            let more = match self.take_events()? {
                ControlFlow::Continue(more) => more,
                ControlFlow::Break(()) => return self.finish(),
            };
            while let Some(signal) = self.signals.next_signal()? {
                if self.obey(signal).is_break() {
                    return self.finish();
                }
            }
            if self.advance().is_break() {
                return Ok(());
            }
            self.answer();
            self.wait(more)?;
        }
    }

    /// Tells the user the state, once the script has been called for it. The
    /// link is watched also if he has gone.
    fn answer(&mut self) {
        if self.running.is_none()
            && self.phase == Phase::Watching
            && let Some(user) = self.user.take()
            && let Err(error) = user.ready_with(self.answer)
        {
            log::warn!("{error:#}");
        }
    }

    /// True if it has ended before the user could be told the state.
    pub(super) fn owes_answer(&self) -> bool {
        self.user.is_some()
    }

    /// Lets the script that runs come to its end.
    fn finish(&mut self) -> Result<()> {
        self.phase = Phase::Last;
        while self.advance().is_continue() {
            self.wait(false)?;
            // It would stay readable.
            while self.watched.next_event()?.is_some() {}
            while let Some(signal) = self.signals.next_signal()? {
                let _ = self.obey(signal);
            }
        }
        Ok(())
    }

    // ---------------------------------------------------------------- the link --

    /// Tells whether there may be more; breaks where there is no link to watch
    /// any more.
    fn take_events(&mut self) -> Result<ControlFlow<(), bool>> {
        for _ in 0..BATCH {
            let Some(event) = self.watched.next_event()? else {
                return Ok(self.look_again().map_continue(|()| false));
            };
            if let Some(link) = self.watched.observed(&event)
                && self.observe(link).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(true))
    }

    /// Sees to it that the link is up, where that is asked for.
    fn look_again(&mut self) -> ControlFlow<()> {
        if self.watched.needs_look() && !self.plan.is_suspended() {
            let link = self.watched.look();
            return self.observe(link);
        }
        ControlFlow::Continue(())
    }

    /// Breaks where there is no link, and without one it is not to go on.
    fn observe(&mut self, link: Link) -> ControlFlow<()> {
        if self.plan.is_suspended() {
            return ControlFlow::Continue(());
        }
        let name = &self.settings.interface.name;
        let Some(taken) = taken_for(link, self.settings.absence) else {
            log::error!("there is no interface {name} any more");
            return ControlFlow::Break(());
        };
        match self.plan.observe(taken, Instant::now()) {
            Change::Nothing => {}
            Change::Planned => log::info!("{name} is now {}", shown(self.plan.is_up())),
            Change::Cancelled => {
                let state = shown(self.plan.is_up());
                log::info!("{name} is now {state}, as it was: nothing is called");
            }
        }
        ControlFlow::Continue(())
    }

    // -------------------------------------------------------------- the script --

    /// Calls the script; breaks if it cannot be, and that is the end.
    fn call(&mut self, call: Call) -> ControlFlow<()> {
        self.running = self.script.start(call);
        match &self.running {
            None if !self.settings.ignores_failure => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    /// Sees to the script that runs, and calls it when it is time. Breaks when
    /// all is over.
    fn advance(&mut self) -> ControlFlow<()> {
        if let Some(running) = &mut self.running {
            let Some(outcome) = running.advance() else {
                return ControlFlow::Continue(());
            };
            self.running = None;
            let is_failure = outcome == Outcome::Failure && !self.settings.ignores_failure;
            if is_failure && self.phase == Phase::Watching {
                return ControlFlow::Break(());
            }
        }
        match self.phase {
            Phase::Watching => match self.plan.take_due(Instant::now()) {
                Some(call) => self.call(call),
                None => ControlFlow::Continue(()),
            },
            Phase::Ending => {
                self.phase = Phase::Last;
                let call = self
                    .plan
                    .last_call()
                    .filter(|_| self.settings.ends_with_down);
                let _ = call.map(|call| self.call(call));
                match self.running {
                    Some(_) => ControlFlow::Continue(()),
                    None => ControlFlow::Break(()),
                }
            }
            Phase::Last => ControlFlow::Break(()),
        }
    }

    // ------------------------------------------------------------- the signals --

    /// Breaks where there is no link any more to watch.
    fn obey(&mut self, signal: Signal) -> ControlFlow<()> {
        let name = &self.settings.interface.name;
        match signal {
            Signal::SIGQUIT => {
                log::info!("told to quit");
                self.interrupt();
                self.phase = Phase::Last;
            }
            Signal::SIGHUP => {
                let how = match self.plan.is_suspended() {
                    true => "suspended",
                    false => "running",
                };
                log::info!("{name} is {}; {how}", shown(self.plan.is_up()));
            }
            Signal::SIGUSR1 => {
                let which = self.plan.suspend();
                log::info!("suspended (#{which})");
            }
            Signal::SIGUSR2 => match self.plan.resume() {
                None => log::info!("told to go on, but not suspended"),
                Some(which) => {
                    log::info!("told to go on (#{which})");
                    if !self.plan.is_suspended() {
                        let link = self.watched.look();
                        return self.observe(link);
                    }
                }
            },
            _ => {
                log::info!("told to end");
                self.end();
            }
        }
        ControlFlow::Continue(())
    }

    /// Begins to end. What takes the link up is interrupted, and taken down
    /// again; what takes it down may finish, unless told a second time.
    fn end(&mut self) {
        let takes_up = |running: &Running| running.action() == Action::Up;
        if self.phase != Phase::Watching || self.running.as_ref().is_some_and(takes_up) {
            self.interrupt();
        }
        if self.phase == Phase::Watching {
            self.phase = Phase::Ending;
        }
    }

    fn interrupt(&mut self) {
        if let Some(running) = &mut self.running {
            log::info!("interrupting the program");
            running.interrupt();
        }
    }

    // --------------------------------------------------------------- the clock --

    fn wait(&self, more: bool) -> Result<()> {
        let mut sources = vec![
            (self.signals.as_fd(), PollFlags::POLLIN),
            (self.watched.as_fd(), PollFlags::POLLIN),
        ];
        let due = match &self.running {
            Some(running) => {
                sources.extend(running.sources());
                running.due()
            }
            None if self.phase == Phase::Watching => self.plan.due(),
            None => Some(Instant::now()),
        };
        let is_looked_at = !self.plan.is_suspended() && self.phase != Phase::Last;
        let look = self.watched.due().filter(|_| is_looked_at);
        let timeout = match more {
            true => PollTimeout::ZERO,
            false => timeout(due.into_iter().chain(look).min()),
        };
        poll_all(&sources, timeout).map(drop)
    }
}

/// What a link counts as; `None` if that is the end.
fn taken_for(link: Link, absence: Absence) -> Option<Link> {
    match (link, absence) {
        (Link::Gone, Absence::Failure) => None,
        (Link::Gone, Absence::Up) => Some(Link::Up),
        (link, _) => Some(link),
    }
}

fn shown(is_up: bool) -> &'static str {
    match is_up {
        true => "connected",
        false => "disconnected",
    }
}
