//! Programs that are run when a link changes.
//!
//! For each link, and for each name, there runs one at a time; what happens
//! meanwhile to the link is told by one more run, with the newest event and the
//! account of all. So many run at the same time in all, the others wait in order.

mod call;
mod check;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use linkwatch::nl::{Name, escape};
use linkwatch::{Event, EventKind};
use nix::poll::PollFlags;

use super::WatchId;
use crate::cli::config::WatchSettings;
use crate::cli::logger;
use crate::cli::process::{Launch, Process};
use call::{Call, Owed};

/// Runs of one link that wait because it was renamed meanwhile: each name has
/// a right to its last event. Beyond these, the newest event decides.
const MOST_WAITING_OF_A_LINK: u32 = 8;

/// A program that is told of a watch's events.
#[derive(Debug)]
pub(super) struct Hook {
    watch: WatchId,
    path: PathBuf,
    timeout: Duration,
    /// What it sees, if that was chosen.
    events: Option<Vec<EventKind>>,
    netns: Option<String>,
    /// What the watch is called.
    label: String,
}

impl Hook {
    /// The hook of a watch, if it has one; it is checked.
    pub(super) fn of(watch: WatchId, settings: &WatchSettings) -> Result<Option<Rc<Hook>>> {
        let Some(path) = &settings.exec else {
            return Ok(None);
        };
        Hook::check(path)?;
        Ok(Some(Rc::new(Hook {
            watch,
            path: path.clone(),
            timeout: settings.exec_timeout,
            events: settings.events.clone(),
            netns: settings.netns.clone(),
            label: settings.label.clone(),
        })))
    }

    /// Whether this program may be run.
    pub(super) fn check(path: &Path) -> Result<()> {
        check::check_program(path).map(drop)
    }

    /// Whether this file may say which programs are run.
    pub(super) fn check_configuration(path: &Path) -> Result<()> {
        check::check_configuration(path)
    }

    /// Whether it is run for this event.
    fn sees(&self, event: &Event) -> bool {
        match (&self.events, event.kind()) {
            (Some(events), kind) => events.contains(&kind),
            (None, EventKind::Connected | EventKind::Disconnected) => true,
            // As with ifplugd and netplugd: a link that is connected at the
            // start is one that came up, one that is not did not go down.
            (None, EventKind::Initial) => event.is_connected(),
            (None, _) => false,
        }
    }

    /// The name that is logged.
    fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        escape(name.as_encoded_bytes()).to_string()
    }

    fn start(&self, call: &Call) -> Result<Process> {
        let mut launch = Launch {
            program: check::check_program(&self.path)?,
            name: Some(self.path.as_os_str().to_owned()),
            timeout: Some(self.timeout),
            ..Launch::default()
        };
        call.describe(&mut launch);
        launch.set("LINKWATCH_WATCH", &self.label);
        if let Some(netns) = &self.netns {
            launch.set("LINKWATCH_NETNS", netns);
        }
        Process::start(launch).map_err(|error| match error.raw_os_error() {
            Some(libc::ENOEXEC) => anyhow!(
                "cannot be started: it is neither a program nor a script, which would begin \
                 with #!/bin/sh or the like"
            ),
            _ => anyhow!("cannot be started: {error}"),
        })
    }
}

/// A link wherever it is: two watches may have it in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LinkKey {
    netns: Option<String>,
    ifindex: u32,
}

#[derive(Debug)]
struct Waiting {
    hook: Rc<Hook>,
    link: LinkKey,
    call: Call,
}

#[derive(Debug)]
struct Running {
    hook: Rc<Hook>,
    link: LinkKey,
    process: Process,
    /// `hook[eth0]`
    title: String,
    event: EventKind,
    name: Name,
}

/// A run that is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) watch: WatchId,
    pub(super) interface: Name,
    pub(super) failed: bool,
    pub(super) duration: Duration,
}

/// The hooks that run and wait.
#[derive(Debug)]
pub(super) struct Hooks {
    most_running: usize,
    running: Vec<Running>,
    /// In the order of their first events.
    waiting: BTreeMap<u64, Waiting>,
    /// For a link of a watch, the newest that waits, and how many do.
    newest: HashMap<(WatchId, LinkKey), (u64, u32)>,
    /// The flaps of links since their hooks were called.
    owed: HashMap<(WatchId, LinkKey), Owed>,
    next: u64,
}

impl Hooks {
    pub(super) fn new(most_running: usize) -> Hooks {
        Hooks {
            most_running,
            running: Vec::new(),
            waiting: BTreeMap::new(),
            newest: HashMap::new(),
            owed: HashMap::new(),
            next: 0,
        }
    }

    /// Changes how many run at the same time, at most.
    pub(super) fn set_most_running(&mut self, most_running: usize) {
        self.most_running = most_running;
    }

    /// Has a hook run for an event, if it sees it, soon.
    pub(super) fn add(&mut self, hook: &Rc<Hook>, event: &Event) {
        let (Some(ifindex), Some(mut call)) = (event.ifindex(), Call::new(event)) else {
            return;
        };
        let link = LinkKey {
            netns: hook.netns.clone(),
            ifindex,
        };
        let key = (hook.watch, link.clone());
        if !hook.sees(event) {
            if event.kind() == EventKind::Removed {
                self.owed.remove(&key);
            } else if event.transitions() > 0 {
                self.owed.entry(key).or_default().add(event);
            }
            return;
        }
        call.settle(self.owed.remove(&key).unwrap_or_default());
        let (newest, count) = self.newest.entry(key).or_insert((0, 0));
        if *count > 0
            && let Some(waiting) = self.waiting.get_mut(newest)
            && (waiting.call.name() == call.name() || *count >= MOST_WAITING_OF_A_LINK)
        {
            waiting.call.collapse(call);
            return;
        }
        (*newest, *count) = (self.next, *count + 1);
        let hook = hook.clone();
        self.waiting.insert(self.next, Waiting { hook, link, call });
        self.next += 1;
    }

    /// Starts what may start, and tells of those that are over.
    pub(super) fn advance(&mut self, mut over: impl FnMut(Run)) {
        self.running.retain_mut(|running| {
            let title = &running.title;
            let end = running.process.advance(|_, line| {
                log::info!(target: logger::HOOKS, "{title}: {line}");
            });
            let Some(end) = end else {
                return true;
            };
            if end.dropped_lines > 0 {
                log::warn!("{title}: lines left out here: {}", end.dropped_lines);
            }
            if end.is_success() {
                log::debug!("{title}: {} after {:?}", running.event, end.duration);
            } else {
                log::warn!("{title}: {}: {end}", running.event);
            }
            over(Run {
                watch: running.hook.watch,
                interface: running.name,
                failed: !end.is_success(),
                duration: end.duration,
            });
            false
        });
        while self.running.len() < self.most_running
            && let Some(waiting) = self.take_next()
        {
            let title = format!("{}[{}]", waiting.hook.name(), waiting.call.name());
            let (event, name) = (waiting.call.event().kind(), waiting.call.name());
            match waiting.hook.start(&waiting.call) {
                Ok(process) => self.running.push(Running {
                    hook: waiting.hook,
                    link: waiting.link,
                    process,
                    title,
                    event,
                    name,
                }),
                Err(error) => {
                    log::error!("{title}: {event}: {error:#}");
                    over(Run {
                        watch: waiting.hook.watch,
                        interface: name,
                        failed: true,
                        duration: Duration::ZERO,
                    });
                }
            }
        }
    }

    /// The first that waits and whose link has none running, nor has another link
    /// of its name: one may have taken the place of the other.
    fn take_next(&mut self) -> Option<Waiting> {
        let mut links: HashSet<&LinkKey> = HashSet::new();
        let mut names: HashSet<(Option<&str>, Name)> = HashSet::new();
        for running in &self.running {
            links.insert(&running.link);
            names.insert((running.link.netns.as_deref(), running.name));
        }
        let number = self.waiting.iter().find_map(|(&number, waiting)| {
            // Those that are not free keep theirs: none overtakes another.
            let link = links.insert(&waiting.link);
            let name = names.insert((waiting.link.netns.as_deref(), waiting.call.name()));
            (link && name).then_some(number)
        })?;
        let waiting = self.waiting.remove(&number)?;
        let key = (waiting.hook.watch, waiting.link.clone());
        if let Some((_, count)) = self.newest.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.newest.remove(&key);
            }
        }
        Some(waiting)
    }

    /// What to poll for.
    pub(super) fn sources(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        self.running.iter().flat_map(|one| one.process.sources())
    }

    /// When to wake up at the latest.
    pub(super) fn due(&self) -> Option<Instant> {
        self.running
            .iter()
            .filter_map(|one| one.process.due())
            .min()
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Lets none of those start that wait.
    pub(super) fn forget_waiting(&mut self) {
        if !self.waiting.is_empty() {
            log::warn!(
                "hooks that waited and do not run any more: {}",
                self.waiting.len()
            );
        }
        self.waiting.clear();
        self.newest.clear();
    }

    /// Ends those that run: SIGTERM, then SIGKILL.
    pub(super) fn terminate(&mut self) {
        for running in &mut self.running {
            log::warn!("{}: terminating it, as linkwatch ends", running.title);
            running.process.terminate();
        }
    }
}
