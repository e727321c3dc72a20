//! `linkwatch watch`: report each change as it happens, and run hooks.
//!
//! One loop, one thread: it polls the monitors, the signals, standard output
//! and what is known of the running hooks, and never waits for one of them
//! alone.

mod hooks;
mod logs;
mod metrics;
mod notify;
mod output;
mod tally;
mod watch;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use linkwatch::{Event, Monitor};
use nix::poll::{PollFlags, PollTimeout};

use super::args::WatchArgs;
use super::config::{Settings, WatchSettings};
use super::event_line;
use super::exit;
use super::logger::tell;
use super::poll::{poll_all, timeout};
use super::signals::{Request, Signals};
use super::text;
use hooks::{Hook, Hooks};
use logs::Logs;
use metrics::Metrics;
use notify::Notifier;
use output::Output;
use tally::HookTally;
use watch::{Watch, WatchId};

/// How many events of a monitor are reported before others have their turn.
const BATCH: usize = 64;
const LONGEST_BATCH: Duration = Duration::from_millis(100);
/// What running hooks have left when linkwatch is told to end.
const PATIENCE_WITH_HOOKS: Duration = Duration::from_secs(5);
/// What the reader of the output has left then.
const PATIENCE_WITH_READER: Duration = Duration::from_secs(2);
/// Metrics and the status follow changes no faster.
const BETWEEN_ACCOUNTS: Duration = Duration::from_secs(1);
/// Of a watch that ends, so many events are still read one by one. What comes
/// beyond is in the account of the last list.
const LAST_EVENTS: usize = 10_000;

pub(super) fn run(args: &WatchArgs) -> Result<ExitCode> {
    let settings = match &args.config {
        Some(path) => read(path)?,
        None => Settings::from_args(args)?,
    };
    let logs = Logs::default().open(&settings.watches)?;
    let with_log = settings
        .watches
        .iter()
        .any(|watch| watch.log_file.is_some());
    let signals = Signals::take(with_log || args.config.is_some())?;

    let mut daemon = Daemon {
        config: args.config.clone(),
        signals,
        watches: Vec::new(),
        next_id: 0,
        hooks: Hooks::new(settings.most_hooks),
        logs: Logs::default(),
        output: Output::new()?,
        manager: Notifier::from_environment(),
        metrics: settings.metrics.map(Metrics::new),
        is_changed: true,
        next_account: Instant::now(),
        complaint: None,
        json: args.json,
        is_configured: args.config.is_some(),
        left: args.count,
        incomplete: None,
    };
    daemon.replace_watches(settings.watches)?;
    daemon.logs.start(logs);
    daemon.manager.ready();
    let result = daemon.watch_until_the_end();
    daemon.write_account();
    daemon.logs.stop();
    for watch in &daemon.watches {
        log::info!("{}", watch.monitor.statistics());
    }
    let losses = daemon.losses();
    for loss in &losses {
        tell(format_args!("error: {loss}"));
    }
    result?;
    Ok(match losses.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(exit::RUNTIME_ERROR),
    })
}

/// `linkwatch check-config PATH`.
pub(super) fn check_config(path: &Path) -> Result<ExitCode> {
    let settings = read(path)?;
    let hooks = settings
        .watches
        .iter()
        .filter_map(|watch| watch.exec.as_ref());
    for hook in hooks {
        Hook::check(hook)?;
    }
    settings.check()?;
    let watches = match settings.watches.len() {
        1 => "1 watch".to_owned(),
        number => format!("{number} watches"),
    };
    writeln!(io::stdout(), "{}: {watches}, nothing wrong", path.display())
        .context("writing to standard output")?;
    Ok(ExitCode::SUCCESS)
}

/// Reads a configuration. Who may write it may have anything run.
fn read(path: &Path) -> Result<Settings> {
    let settings = Settings::from_file(path)?;
    if settings.watches.iter().any(|watch| watch.exec.is_some()) {
        Hook::check_configuration(path)?;
    }
    Ok(settings)
}

struct Daemon {
    config: Option<PathBuf>,
    signals: Signals,
    watches: Vec<Watch>,
    next_id: u64,
    hooks: Hooks,
    logs: Logs,
    output: Output,
    manager: Notifier,
    metrics: Option<Metrics>,
    /// Since the account was given for the last time: metrics, and the status.
    is_changed: bool,
    /// Not to be given before.
    next_account: Instant,
    /// Why the last reload was refused.
    complaint: Option<String>,
    json: bool,
    /// Watches have names.
    is_configured: bool,
    /// Events that are still to be reported, where they are counted.
    left: Option<u64>,
    /// Why the last events of a watch are not all there, of the last such watch.
    incomplete: Option<linkwatch::Error>,
}

/// Why it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// A signal.
    Asked,
    /// As many events were reported as were asked for.
    Counted,
    /// Nobody reads the output any more.
    OutputClosed,
}

/// Why it does not wait any more.
struct Woken {
    is_signalled: bool,
    /// Nobody reads the output any more.
    is_output_closed: bool,
}

impl Daemon {
    fn watch_until_the_end(&mut self) -> Result<()> {
        let result = self.watch();
        self.manager.stopping();
        // There is nothing to reload for.
        self.config = None;
        if let Ok(ending) = result {
            if ending == Ending::OutputClosed {
                self.output.close();
            }
            self.tell_the_rest(ending);
        }
        let patience = match result {
            // What was reported is to be acted upon.
            Ok(Ending::Counted | Ending::OutputClosed) => None,
            Ok(Ending::Asked) => Some(PATIENCE_WITH_HOOKS),
            Err(_) => Some(Duration::ZERO),
        };
        if patience.is_some() {
            self.hooks.forget_waiting();
        }
        let with_output = !matches!(result, Ok(Ending::OutputClosed));
        let finished = self.finish(with_output, patience);
        result.and(finished)
    }

    /// What is known already is told before it ends, except to those who have
    /// got what they asked for.
    fn tell_the_rest(&mut self, ending: Ending) {
        if ending == Ending::Counted {
            return;
        }
        for index in 0..self.watches.len() {
            let mut ending = self.tell_what_is_there(index, LAST_EVENTS);
            if ending.is_none() {
                // States that have not lasted may be over soon.
                self.watches[index].hook = None;
                ending = self.tell_the_last(index, &[]);
            }
            if ending.is_some() {
                break;
            }
        }
    }

    /// The last events of a watch: those that are held back, and what the kernel
    /// has not announced yet; up to where others begin that take its place.
    fn tell_the_last(&mut self, index: usize, successors: &[&Watch]) -> Option<Ending> {
        let watch = &mut self.watches[index];
        let mut successors = successors.to_vec();
        // Accounts are by name.
        successors.sort_by_key(|other| other.settings.label != watch.settings.label);
        let successors: Vec<&Monitor> = successors.iter().map(|other| &other.monitor).collect();
        if let Err(error) = watch.monitor.finish(&successors) {
            log::warn!("{error}");
            self.incomplete = Some(error);
        }
        // Nothing more is read: there is an end.
        self.tell_what_is_there(index, usize::MAX)
    }

    fn tell_what_is_there(&mut self, index: usize, most: usize) -> Option<Ending> {
        for _ in 0..most {
            // An error ends no more than what ends anyway.
            let event = self.watches[index].next_event().ok().flatten()?;
            if let ending @ Some(_) = self.report(index, &event) {
                return ending;
            }
        }
        None
    }

    /// Reports until there is a reason to end.
    fn watch(&mut self) -> Result<Ending> {
        loop {
            let (more, ending) = self.take_events()?;
            self.advance_hooks();
            self.give_account();
            // A reload reports events too.
            if let Some(ending) = ending.or(self.is_counted()) {
                return Ok(ending);
            }
            if self.output.flush()?.is_break() {
                return Ok(Ending::OutputClosed);
            }
            let woken = self.wait(more)?;
            if woken.is_output_closed {
                return Ok(Ending::OutputClosed);
            }
            if woken.is_signalled && self.obey()?.is_break() {
                return Ok(Ending::Asked);
            }
        }
    }

    /// Some events of each watch. Tells whether there may be more.
    fn take_events(&mut self) -> Result<(bool, Option<Ending>)> {
        let mut more = false;
        for index in 0..self.watches.len() {
            let begin = Instant::now();
            let mut rest = BATCH;
            // A driver that is asked for details may take its time.
            let is_emptied = loop {
                if rest == 0 || begin.elapsed() > LONGEST_BATCH || !self.output.has_room() {
                    break false;
                }
                let Some(event) = self.watches[index].next_event()? else {
                    break true;
                };
                rest -= 1;
                if let ending @ Some(_) = self.report(index, &event) {
                    return Ok((false, ending));
                }
            };
            more |= !is_emptied;
        }
        Ok((more && self.output.has_room(), None))
    }

    /// As many events were reported as were asked for.
    fn is_counted(&self) -> Option<Ending> {
        (self.left == Some(0)).then_some(Ending::Counted)
    }

    /// Does with an event what its watch asks for, unless enough were reported.
    fn report(&mut self, index: usize, event: &Event) -> Option<Ending> {
        if let ending @ Some(_) = self.is_counted() {
            return ending;
        }
        let watch = &self.watches[index];
        self.is_changed = true;
        if let Some(hook) = &watch.hook {
            self.hooks.add(hook, event);
        }
        if !watch.reports(event) {
            return None;
        }
        // The log first: it is to have the event also if stdout fails.
        if let Some(path) = &watch.settings.log_file {
            self.logs.write(path, event.time(), &text::line(event));
        }
        self.output.print(&match self.json {
            true => event_line::json(event, self.is_configured.then_some(&*watch.settings.label)),
            false => text::line(event),
        });
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.is_counted()
    }

    fn advance_hooks(&mut self) {
        let before = (self.hooks.running(), self.hooks.waiting());
        let (watches, is_changed) = (&mut self.watches, &mut self.is_changed);
        self.hooks.advance(|run| {
            *is_changed = true;
            if let Some(watch) = watches.iter_mut().find(|watch| watch.id == run.watch) {
                let tally = HookTally::one(run.failed, run.duration);
                watch.tally.hook(run.interface, tally);
            }
        });
        self.is_changed |= before != (self.hooks.running(), self.hooks.waiting());
    }

    /// Tells the service manager that the loop turns, and, where something has
    /// changed, but not too often, what there is.
    fn give_account(&mut self) {
        self.manager.turn();
        if self.account_due().is_some_and(|due| due <= Instant::now()) {
            self.write_account();
            self.next_account = Instant::now() + BETWEEN_ACCOUNTS;
        }
    }

    fn account_due(&self) -> Option<Instant> {
        let is_wanted = self.is_changed && (self.metrics.is_some() || self.manager.is_heard());
        is_wanted.then_some(self.next_account)
    }

    fn write_account(&mut self) {
        self.is_changed = false;
        if let Some(metrics) = &mut self.metrics {
            metrics.write(&self.watches, &self.hooks);
        }
        if !self.manager.is_heard() {
            return;
        }
        let counts = self.watches.iter().map(|watch| watch.tally.count());
        let (links, connected) = counts.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        let mut status = format!("{connected} of {links} interfaces connected");
        let (running, waiting) = (self.hooks.running(), self.hooks.waiting());
        if running + waiting > 0 {
            status += &format!("; hooks: {running} running, {waiting} waiting");
        }
        if let Some(complaint) = &self.complaint {
            status += &format!("; the new configuration was refused: {complaint}");
        }
        self.manager.status(status);
    }

    /// What could not be written anywhere, for the end.
    fn losses(&self) -> Vec<String> {
        let lines = |number: u64| match number {
            1 => "1 line was".to_owned(),
            number => format!("{number} lines were"),
        };
        let mut losses = Vec::new();
        match self.output.lost() {
            0 => {}
            lost => losses.push(format!("{} not written to standard output", lines(lost))),
        }
        match self.output.unread() {
            0 => {}
            unread => losses.push(format!(
                "{} lost: standard output was not read in time",
                lines(unread)
            )),
        }
        losses.extend(
            self.logs
                .lost()
                .map(|(path, lost)| format!("{} not written to {}", lines(lost), path.display())),
        );
        losses.extend(self.metrics.as_ref().and_then(Metrics::failure));
        losses.extend(self.incomplete.as_ref().map(|error| {
            format!("transitions may be missing from the last events of a watch: {error}")
        }));
        losses
    }

    /// When the loop has to turn at the latest.
    fn due(&self) -> Option<Instant> {
        let due = [self.hooks.due(), self.manager.due(), self.account_due()];
        due.into_iter().flatten().min()
    }

    /// Waits until there is something to do.
    fn wait(&self, more: bool) -> Result<Woken> {
        let mut sources = vec![(self.signals.as_fd(), PollFlags::POLLIN)];
        sources.extend(self.output.source());
        let with_output = sources.len() > 1;
        sources.extend(self.hooks.sources());
        if self.output.has_room() {
            let monitors = self.watches.iter().map(|watch| watch.monitor.as_fd());
            sources.extend(monitors.map(|monitor| (monitor, PollFlags::POLLIN)));
        }
        let timeout = match more {
            true => PollTimeout::ZERO,
            false => timeout(self.due()),
        };
        let [signalled, output] = poll_all(&sources, timeout)?;
        Ok(Woken {
            is_signalled: !signalled.is_empty(),
            is_output_closed: with_output && self.output.is_closed(output),
        })
    }

    /// Does what signals have asked for; breaks if it is to end.
    fn obey(&mut self) -> Result<ControlFlow<()>> {
        while let Some(request) = self.signals.next()? {
            match request {
                Request::End => return Ok(ControlFlow::Break(())),
                Request::Reopen => {
                    self.manager.reloading();
                    self.logs.reopen();
                    self.reload();
                    self.write_account();
                    self.manager.ready();
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reads the configuration anew, if there is one. A wrong one changes
    /// nothing.
    fn reload(&mut self) {
        let Some(path) = self.config.clone() else {
            return;
        };
        match self.try_reload(&path) {
            Ok(()) => {
                log::info!("reloaded {}", path.display());
                self.complaint = None;
            }
            Err(error) => {
                log::error!("{error:#}; going on with the old configuration");
                self.complaint = Some(format!("{error:#}"));
            }
        }
    }

    fn try_reload(&mut self, path: &Path) -> Result<()> {
        let settings = read(path)?;
        let logs = self.logs.open(&settings.watches)?;
        self.replace_watches(settings.watches)?;
        self.hooks.set_most_running(settings.most_hooks);
        self.metrics = settings.metrics.map(Metrics::new);
        self.logs.start(logs);
        self.logs
            .close_unused(self.watches.iter().map(|watch| &watch.settings));
        Ok(())
    }

    /// Starts those that are new, keeps those that are the same, ends the
    /// others; or changes nothing, if one cannot be started.
    fn replace_watches(&mut self, wanted: Vec<WatchSettings>) -> Result<()> {
        let mut kept = vec![false; self.watches.len()];
        let wanted: Vec<Wanted> = wanted
            .into_iter()
            .map(|settings| {
                let same =
                    |&index: &usize| !kept[index] && self.watches[index].settings == settings;
                match (0..kept.len()).find(same) {
                    Some(index) => {
                        kept[index] = true;
                        Wanted::Kept(index)
                    }
                    None => Wanted::New(settings),
                }
            })
            .collect();
        let replaced: Vec<usize> = (0..kept.len()).filter(|&index| !kept[index]).collect();
        // What is queued is reported event by event, before the new ones list what
        // has come of it.
        for &index in &replaced {
            self.tell_what_is_there(index, LAST_EVENTS);
        }
        let mut places = Vec::new();
        for wanted in wanted {
            places.push(match wanted {
                Wanted::Kept(index) => Place::Kept(index),
                Wanted::New(settings) => {
                    let id = WatchId(self.next_id);
                    self.next_id += 1;
                    Place::New(Box::new(Watch::start(id, settings)?))
                }
            });
        }
        // Each ends where the new ones begin, none of which has read anything since.
        let successors: Vec<&Watch> = places
            .iter()
            .filter_map(|place| match place {
                Place::New(watch) => Some(&**watch),
                Place::Kept(_) => None,
            })
            .collect();
        for &index in &replaced {
            self.tell_the_last(index, &successors);
        }
        let mut old: Vec<Option<Watch>> = self.watches.drain(..).map(Some).collect();
        self.watches = places
            .into_iter()
            .filter_map(|place| match place {
                Place::New(watch) => Some(*watch),
                Place::Kept(index) => old.get_mut(index)?.take(),
            })
            .collect();
        Ok(())
    }

    /// Waits for the hooks, with patience or for as long as they may take, and
    /// where `with_output`, for the reader. A signal ends the patience, another
    /// one all of it.
    fn finish(&mut self, mut with_output: bool, patience: Option<Duration>) -> Result<()> {
        let mut deadline = patience.map(|patience| Instant::now() + patience);
        let reader = patience.map(|patience| Instant::now() + patience.min(PATIENCE_WITH_READER));
        let mut is_terminated = false;
        loop {
            self.advance_hooks();
            self.give_account();
            with_output = with_output
                && self.output.flush()?.is_continue()
                && self.output.waiting() > 0
                && reader.is_none_or(|reader| reader > Instant::now());
            if self.hooks.running() + self.hooks.waiting() == 0 && !with_output {
                return Ok(());
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                self.hooks.terminate();
                (is_terminated, deadline) = (true, None);
            }
            let mut sources = vec![(self.signals.as_fd(), PollFlags::POLLIN)];
            sources.extend(self.hooks.sources());
            if with_output {
                sources.extend(self.output.source());
            }
            let reader = reader.filter(|_| with_output);
            let due = [deadline, reader, self.due()].into_iter().flatten().min();
            poll_all(&sources, timeout(due))?;
            if self.obey()?.is_break() {
                if is_terminated {
                    return Ok(());
                }
                with_output = false;
                self.hooks.forget_waiting();
                deadline = Some(Instant::now());
            }
        }
    }
}

/// What a configuration asks for.
enum Wanted {
    New(WatchSettings),
    /// What this one of the old watches does already.
    Kept(usize),
}

/// Where a watch comes from when a configuration is loaded.
enum Place {
    New(Box<Watch>),
    /// From this place of the old ones.
    Kept(usize),
}
