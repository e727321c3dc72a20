//! One watch: a monitor, and what its settings say is done with its events.

use std::rc::Rc;

use anyhow::Result;
use linkwatch::{Event, Monitor};

use super::hooks::Hook;
use crate::cli::config::WatchSettings;

/// Tells watches apart, also those that a reload has replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct WatchId(pub(super) u64);

pub(super) struct Watch {
    pub(super) id: WatchId,
    pub(super) settings: WatchSettings,
    pub(super) monitor: Monitor,
    pub(super) hook: Option<Rc<Hook>>,
}

impl Watch {
    /// Subscribes and lists the links.
    pub(super) fn start(id: WatchId, settings: WatchSettings) -> Result<Watch> {
        let watch = Watch {
            id,
            hook: Hook::of(id, &settings)?,
            monitor: settings.monitor()?.build()?,
            settings,
        };
        watch.tell_what_is_missing();
        Ok(watch)
    }

    /// A name that does not exist is watched for; it may also be a slip.
    fn tell_what_is_missing(&self) {
        let links = self.monitor.links();
        let patterns = &self.settings.patterns;
        for pattern in patterns {
            if !links.iter().any(|link| pattern.matches_link(link)) {
                log::warn!("no interface matches '{pattern}' yet; watching for one");
            }
        }
        if patterns.is_empty() && links.is_empty() {
            log::warn!("there is no interface but loopback yet; watching for one");
        }
    }

    /// Whether an event is reported.
    pub(super) fn reports(&self, event: &Event) -> bool {
        self.settings.reports(event.kind())
    }
}
