//! One watch: a monitor, and what its settings say is done with its events.

use std::rc::Rc;

use anyhow::Result;
use linkwatch::{Event, Monitor, MonitorBuilder};

use super::hooks::Hook;
use super::tally::Tally;
use crate::cli::config::WatchSettings;
use crate::cli::tell_what_is_missing;

/// Tells watches apart, also those that a reload has replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct WatchId(pub(super) u64);

pub(super) struct Watch {
    pub(super) id: WatchId,
    pub(super) settings: WatchSettings,
    pub(super) monitor: Monitor,
    pub(super) hook: Option<Rc<Hook>>,
    pub(super) tally: Tally,
    /// What is watched.
    scope: MonitorBuilder,
}

impl Watch {
    /// Subscribes and lists the links.
    pub(super) fn start(id: WatchId, settings: WatchSettings) -> Result<Watch> {
        let hook = Hook::of(id, &settings)?;
        let scope = settings.monitor()?;
        let watch = Watch {
            id,
            hook,
            monitor: scope.clone().build()?,
            tally: Tally::default(),
            scope,
            settings,
        };
        tell_what_is_missing(&watch.settings.patterns, &watch.monitor.links());
        Ok(watch)
    }

    /// The next event that is there, which is accounted for.
    pub(super) fn next_event(&mut self) -> linkwatch::Result<Option<Event>> {
        let event = self.monitor.try_next()?;
        if let Some(event) = &event {
            self.tally.event(event, &self.scope);
        }
        Ok(event)
    }

    /// Whether an event is reported.
    pub(super) fn reports(&self, event: &Event) -> bool {
        self.settings.reports(event.kind())
    }
}
