//! What is to be watched and done: from the command line, or from a file.

mod error;
mod file;
mod keys;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use linkwatch::nl::Namespace;
use linkwatch::{Criterion, EventKind, Monitor, MonitorBuilder, Pattern};

use super::args::{Events, WatchArgs};

pub(super) use error::Invalid;
#[cfg(test)]
pub(super) use keys::described::{TABLES, Table};

/// Hooks that run at the same time, at most.
const MOST_HOOKS: usize = 16;
/// As on the command line.
const BUFFER_SIZE: usize = 4 << 20;
const EXEC_TIMEOUT: Duration = Duration::from_secs(60);

/// All of it.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) watches: Vec<WatchSettings>,
    /// Hooks that run at the same time, at most.
    pub(super) most_hooks: usize,
    /// Where metrics are written.
    pub(super) metrics: Option<PathBuf>,
}

/// One watch: a monitor, and what is done with its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WatchSettings {
    /// What it is called in JSON and in metrics: its name, or its number.
    pub(super) label: String,
    pub(super) patterns: Vec<Pattern>,
    pub(super) criterion: Criterion,
    pub(super) netns: Option<String>,
    pub(super) settle_up: Duration,
    pub(super) settle_down: Duration,
    pub(super) buffer_size: usize,
    pub(super) kernel_filter: bool,
    /// As chosen; without, all but notices are reported, and hooks see what
    /// tells of a state.
    pub(super) events: Option<Vec<EventKind>>,
    pub(super) exec: Option<PathBuf>,
    pub(super) exec_timeout: Duration,
    pub(super) log_file: Option<PathBuf>,
}

impl Settings {
    /// Reads a configuration file.
    pub(super) fn from_file(path: &Path) -> Result<Settings> {
        file::read(path)
    }

    /// Whether what it names is there, programs aside.
    pub(super) fn check(&self) -> Result<()> {
        self.watches.iter().try_for_each(WatchSettings::check)?;
        match &self.metrics {
            None => Ok(()),
            Some(path) => check_folder(path).context("metrics"),
        }
    }

    /// What the arguments of `watch` ask for.
    pub(super) fn from_args(args: &WatchArgs) -> Result<Settings> {
        // So that a wrong one is told of as what it is.
        super::namespace(args.selection.netns.as_deref())?;
        let exec = match &args.exec {
            // Hooks are started in the root directory.
            Some(path) => Some(std::path::absolute(path).context("--exec")?),
            None => None,
        };
        let watch = WatchSettings {
            label: "1".to_owned(),
            patterns: args.selection.patterns.clone(),
            criterion: args.selection.criterion.into(),
            netns: args.selection.netns.clone(),
            settle_up: args.settle_up,
            settle_down: args.settle_down,
            buffer_size: args.buffer_size,
            kernel_filter: !args.no_kernel_filter,
            events: args.events.as_deref().map(Events::chosen),
            exec,
            exec_timeout: args.exec_timeout,
            log_file: args.log_file.clone(),
        };
        Ok(Settings {
            watches: vec![watch],
            most_hooks: MOST_HOOKS,
            metrics: args.metrics.clone(),
        })
    }
}

/// A file in it is made when it is first written.
fn check_folder(file: &Path) -> Result<()> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let metadata = folder.metadata();
    ensure!(
        metadata.is_ok_and(|metadata| metadata.is_dir()),
        "there is no folder {}",
        folder.display()
    );
    Ok(())
}

impl WatchSettings {
    /// Whether events of this kind are reported.
    pub(super) fn reports(&self, kind: EventKind) -> bool {
        match &self.events {
            None => kind != EventKind::Notice,
            Some(events) => events.contains(&kind),
        }
    }

    /// The monitor to build.
    pub(super) fn monitor(&self) -> Result<MonitorBuilder> {
        Ok(Monitor::builder()
            .notices(self.reports(EventKind::Notice))
            .details(true)
            .patterns(self.patterns.iter().cloned())
            .criterion(self.criterion)
            .buffer_size(self.buffer_size)
            .kernel_filter(self.kernel_filter)
            .settle_up(self.settle_up)
            .settle_down(self.settle_down)
            .namespace(self.namespace()?))
    }

    fn namespace(&self) -> Result<Namespace> {
        match &self.netns {
            None => Ok(Namespace::current()),
            Some(name) => Namespace::named(name)
                .with_context(|| format!("netns of the watch '{}'", self.label)),
        }
    }

    /// Whether what it names is there.
    pub(super) fn check(&self) -> Result<()> {
        self.namespace()?;
        match &self.log_file {
            None => Ok(()),
            Some(path) => check_folder(path)
                .with_context(|| format!("log-file of the watch '{}'", self.label)),
        }
    }
}
