//! Watches the links and runs the script. Nothing that happens to one link
//! ends it, or holds up another.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::Result;
use linkwatch::nl::{LinkFlags, Name, escape};
use linkwatch::{Criterion, Event, EventKind, LinkState, Monitor, Pattern};
use nix::poll::{PollFlags, PollTimeout};
use nix::sys::signal::Signal;

use super::machine::{Action, Flags, Machine, State, Task};
use super::script::Script;
use crate::cli::poll::{poll_all, timeout};
use crate::cli::process::{Process, is_passing};
use crate::cli::signals::Signals;

/// How many events are taken before scripts and signals have their turn.
const BATCH: usize = 64;
/// After which a start that the system was too short of something for is tried
/// again.
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct Daemon {
    patterns: Vec<Pattern>,
    script: Script,
    monitor: Monitor,
    /// By index.
    links: BTreeMap<u32, Link>,
    /// Scripts of links that have another name now.
    left: Vec<Process>,
    /// Messages that the states of all links were looked at after.
    looked_after: Option<u64>,
}

/// A link that is managed.
struct Link {
    name: Name,
    machine: Machine,
    process: Option<Process>,
    postponed: Option<Postponed>,
    /// It was removed; this is kept for its last script.
    is_gone: bool,
}

/// A call of the script that could not be started, but may be soon: for its
/// machine, the script runs.
#[derive(Debug, Clone, Copy)]
struct Postponed {
    task: Task,
    due: Instant,
}

impl Daemon {
    /// Subscribes, and lists the links.
    pub(super) fn new(patterns: Vec<Pattern>, script: Script) -> Result<Daemon> {
        let monitor = Monitor::builder()
            .patterns(patterns.iter().cloned())
            .criterion(Criterion::Running)
            .build()?;
        Ok(Daemon {
            patterns,
            script,
            monitor,
            links: BTreeMap::new(),
            left: Vec::new(),
            looked_after: None,
        })
    }

    /// Goes on until a signal comes. Scripts that run then run on.
    pub(super) fn run(&mut self, signals: &mut Signals) -> Result<Signal> {
        let result = self.run_on(signals);
        let links = std::mem::take(&mut self.links).into_values();
        let running = links.filter_map(|link| link.process);
        running.chain(self.left.drain(..)).for_each(Process::leave);
        result
    }

    fn run_on(&mut self, signals: &mut Signals) -> Result<Signal> {
        loop {
            let more = self.take_events()?;
            if !more {
                self.look_at_all();
            }
            self.advance_scripts();
            self.wait(signals, more)?;
            if let Some(signal) = signals.next_signal()? {
                return Ok(signal);
            }
        }
    }

    /// Tells whether there may be more.
    fn take_events(&mut self) -> Result<bool> {
        for _ in 0..BATCH {
            match self.monitor.try_next()? {
                Some(event) => self.take(&event),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn take(&mut self, event: &Event) {
        let Some(state) = event.link() else {
            return;
        };
        let is_over = event.kind() == EventKind::Removed || !self.is_managed(state);
        match (is_over, event.kind()) {
            (true, EventKind::Removed) => self.removed(state.ifindex()),
            (true, _) => self.renamed_away(state.ifindex()),
            (false, EventKind::Initial) => self.found(state),
            (false, _) => self.changed(state),
        }
    }

    /// By its name: the original knows no alternative names.
    fn is_managed(&self, state: &LinkState) -> bool {
        let name = state.name();
        let is_matched = |pattern: &Pattern| pattern.matches(name.as_bytes());
        !state.flags().contains(LinkFlags::LOOPBACK) && self.patterns.iter().any(is_matched)
    }

    fn found(&mut self, state: &LinkState) {
        let mut link = Link::new(state.name(), Machine::found(flags(state)));
        link.settle(&self.script);
        self.links.insert(state.ifindex(), link);
    }

    fn changed(&mut self, state: &LinkState) {
        let link = self.links.entry(state.ifindex());
        let link = link.or_insert_with(|| Link::new(state.name(), Machine::appeared()));
        // Another one may have its index.
        link.is_gone = false;
        link.name = state.name();
        link.change(flags(state), &self.script);
    }

    /// What is removed goes down before.
    fn removed(&mut self, ifindex: u32) {
        if let Some(link) = self.links.get_mut(&ifindex) {
            link.change(Flags::default(), &self.script);
            link.is_gone = true;
        }
    }

    /// Nothing is called for its old name any more, which may be another's.
    fn renamed_away(&mut self, ifindex: u32) {
        if let Some(link) = self.links.remove(&ifindex) {
            log::info!("{}: it has another name now, and is left alone", link.name);
            self.left.extend(link.process);
        }
    }

    /// Not every change of flags is an event: a link without carrier that goes
    /// down is as disconnected as before.
    fn look_at_all(&mut self) {
        let messages = self.monitor.statistics().messages;
        if self.looked_after.replace(messages) == Some(messages) {
            return;
        }
        for state in self.monitor.links() {
            if let Some(link) = self.links.get_mut(&state.ifindex())
                && link.name == state.name()
                && !link.is_gone
            {
                link.change(flags(state), &self.script);
            }
        }
    }

    fn advance_scripts(&mut self) {
        self.left
            .retain_mut(|process| process.advance(|_, _| {}).is_none());
        let script = &self.script;
        self.links.retain(|_, link| {
            link.advance(script);
            !link.is_gone || link.machine.is_busy()
        });
    }

    fn wait(&self, signals: &Signals, more: bool) -> Result<()> {
        let of_links = self.links.values().filter_map(|link| link.process.as_ref());
        let processes: Vec<&Process> = of_links.chain(&self.left).collect();
        let mut sources = vec![
            (signals.as_fd(), PollFlags::POLLIN),
            (self.monitor.as_fd(), PollFlags::POLLIN),
        ];
        sources.extend(processes.iter().flat_map(|process| process.sources()));
        let postponed = self.links.values().filter_map(|link| link.postponed);
        let of_processes = processes.iter().filter_map(|process| process.due());
        let due = of_processes.chain(postponed.map(|call| call.due)).min();
        let timeout = match more {
            true => PollTimeout::ZERO,
            false => timeout(due),
        };
        poll_all(&sources, timeout).map(drop)
    }
}

fn flags(state: &LinkState) -> Flags {
    Flags {
        up: state.is_admin_up(),
        running: state.is_connected(Criterion::Running),
    }
}

impl Link {
    fn new(name: Name, machine: Machine) -> Link {
        Link {
            name,
            machine,
            process: None,
            postponed: None,
            is_gone: false,
        }
    }

    fn change(&mut self, flags: Flags, script: &Script) {
        let before = self.machine.state();
        let action = self.machine.change(flags);
        self.obey(action, script);
        self.settle(script);
        self.tell(before, format_args!("is {flags}"));
    }

    /// Does what is still to be done.
    fn settle(&mut self, script: &Script) {
        let before = self.machine.state();
        let action = self.machine.act();
        self.obey(action, script);
        self.tell(before, format_args!("is {}", self.machine.flags()));
    }

    fn advance(&mut self, script: &Script) {
        if let Some(call) = self.postponed
            && call.due <= Instant::now()
        {
            let before = self.machine.state();
            self.obey(Some(Action::Start(call.task)), script);
            self.settle(script);
            self.tell(before, format_args!("the script was to be called again"));
        }
        let Some(process) = &mut self.process else {
            return;
        };
        let Some(end) = process.advance(|_, _| {}) else {
            return;
        };
        self.process = None;
        let before = self.machine.state();
        match end.is_success() {
            true => log::debug!("{}: the script: {end}", self.name),
            false => log::warn!("{}: the script: {end}", self.name),
        }
        let action = self.machine.ended(end.is_success());
        self.obey(action, script);
        self.settle(script);
        self.tell(before, format_args!("the script has ended"));
    }

    fn obey(&mut self, mut action: Option<Action>, script: &Script) {
        while let Some(next) = action.take() {
            let postponed = self.postponed.take();
            action = match (next, postponed, &mut self.process) {
                (Action::Kill, Some(_), _) => self.machine.ended(false),
                (Action::Kill, None, process) => {
                    process.iter_mut().for_each(Process::terminate);
                    None
                }
                (Action::Start(task), postponed, _) => {
                    let is_repeated = postponed.is_some_and(|call| call.task == task);
                    self.start(task, is_repeated, script)
                }
            };
        }
    }

    /// Calls the script, now or once the system can. One that cannot be started
    /// for another reason is one that has failed.
    fn start(&mut self, task: Task, is_repeated: bool, script: &Script) -> Option<Action> {
        let error = match script.start(self.name.as_bytes(), task) {
            Ok(process) => {
                self.process = Some(process);
                return None;
            }
            Err(error) => error,
        };
        let (name, task_name) = (&self.name, task.as_str());
        if !is_passing(&error) {
            log::error!("{script} {name} {task_name}: {error}");
            return self.machine.ended(false);
        }
        match is_repeated {
            false => log::warn!("{script} {name} {task_name}: {error}; trying again"),
            true => log::debug!("{script} {name} {task_name}: still: {error}"),
        }
        let due = Instant::now() + RETRY;
        self.postponed = Some(Postponed { task, due });
        None
    }

    fn tell(&self, before: State, why: std::fmt::Arguments<'_>) {
        let state = self.machine.state();
        if state != before {
            log::debug!("{}: {why}: from state {before} to {state}", self.name);
        }
    }
}

/// Runs `probe` for each of these names, one after the other, and tells how
/// many have succeeded.
pub(super) fn probe(names: &[Vec<u8>], script: &Script) -> Result<usize> {
    let mut successes = 0;
    for name in names {
        let mut process = match script.start(name, Task::Probe) {
            Ok(process) => process,
            Err(error) => {
                log::error!("{script} {} probe: {error}", escape(name));
                continue;
            }
        };
        let end = loop {
            if let Some(end) = process.advance(|_, _| {}) {
                break end;
            }
            let sources: Vec<_> = process.sources().collect();
            poll_all(&sources, timeout(process.due()))?;
        };
        successes += usize::from(end.is_success());
    }
    Ok(successes)
}
