//! Metrics in the text format of Prometheus, for node_exporter's textfile
//! collector.

use std::fmt::{Display, Write as _};
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use linkwatch::Statistics;
use linkwatch::nl::Name;

use super::hooks::Hooks;
use super::tally::Tally;
use super::watch::Watch;

/// Whoever collects it is another user.
const MODE: u32 = 0o644;

/// The file that metrics are written to.
pub(super) struct Metrics {
    path: PathBuf,
    /// That it cannot be written was told.
    is_failing: bool,
}

impl Metrics {
    pub(super) fn new(path: PathBuf) -> Metrics {
        Metrics {
            path,
            is_failing: false,
        }
    }

    /// Puts a new file in the place of the old one: whoever reads it finds one
    /// of the two, whole. A failure is told once and ends nothing.
    pub(super) fn write(&mut self, watches: &[Watch], hooks: &Hooks) {
        let text = render(watches, hooks);
        match replace(&self.path, text.as_bytes()) {
            Ok(()) if self.is_failing => {
                log::warn!("writing metrics to {} again", self.path.display());
                self.is_failing = false;
            }
            Ok(()) => {}
            Err(error) => {
                if !self.is_failing {
                    log::error!("writing metrics to {}: {error}", self.path.display());
                }
                self.is_failing = true;
            }
        }
    }

    /// Why the file is not that of the last account, if it is not.
    pub(super) fn failure(&self) -> Option<String> {
        let path = self.path.display();
        self.is_failing
            .then(|| format!("the last metrics were not written to {path}"))
    }
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // node_exporter reads what ends with .prom.
    let new = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let _ = fs::remove_file(&new);
    let write = || {
        // Never through a link that somebody else has put there.
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(MODE).open(&new)?;
        // Whatever umask says.
        file.set_permissions(Permissions::from_mode(MODE))?;
        file.write_all(text)?;
        fs::rename(&new, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

fn render(watches: &[Watch], hooks: &Hooks) -> String {
    let mut text = Text(String::with_capacity(4096));
    text.family("build_info", "gauge", "The version of linkwatch.");
    text.sample("build_info", &[("version", &env!("CARGO_PKG_VERSION"))], 1);
    links(&mut text, watches);
    monitors(&mut text, watches);
    runs(&mut text, watches);
    text.family("hooks_running", "gauge", "Hooks that run now.");
    text.sample("hooks_running", &[], hooks.running());
    text.family(
        "hooks_waiting",
        "gauge",
        "Runs of hooks that wait for others.",
    );
    text.sample("hooks_waiting", &[], hooks.waiting());
    text.0
}

fn links(text: &mut Text, watches: &[Watch]) {
    text.family(
        "link_connected",
        "gauge",
        "Whether the interface is connected (1) or not (0).",
    );
    for watch in watches {
        for (name, link) in watch.tally.links() {
            text.sample(
                "link_connected",
                &of(watch, &name),
                u8::from(link.connected),
            );
        }
    }
    type Count = fn(&super::tally::LinkTally) -> u64;
    let counters: [(&str, &str, Count); 2] = [
        (
            "carrier_transitions_total",
            "Carrier transitions that the kernel counted since the watch began; without \
             an interface, of those that are gone.",
            |link| link.transitions,
        ),
        (
            "carrier_transitions_unseen_total",
            "Those among the carrier transitions that were not reported as an event of their own.",
            |link| link.unseen,
        ),
    ];
    for (metric, help, count) in counters {
        text.family(metric, "counter", help);
        for watch in watches {
            for (name, link) in watch.tally.links() {
                text.sample(metric, &of(watch, &name), count(&link));
            }
            if let Some(gone) = watch.tally.gone() {
                text.sample(metric, &[("watch", &watch.settings.label)], count(&gone));
            }
        }
    }
}

fn monitors(text: &mut Text, watches: &[Watch]) {
    type Count = fn(&Statistics) -> u64;
    let counters: [(&str, &str, Count); 3] = [
        (
            "overruns_total",
            "How often the kernel reported the loss of messages (ENOBUFS).",
            |statistics| statistics.overruns,
        ),
        (
            "resyncs_total",
            "How often all links were listed anew and compared.",
            |statistics| statistics.resyncs,
        ),
        (
            "messages_total",
            "Link messages from the kernel.",
            |statistics| statistics.messages,
        ),
    ];
    for (metric, help, count) in counters {
        text.family(metric, "counter", help);
        for watch in watches {
            let labels: [(&str, &dyn Display); 1] = [("watch", &watch.settings.label)];
            text.sample(metric, &labels, count(&watch.monitor.statistics()));
        }
    }
}

fn runs(text: &mut Text, watches: &[Watch]) {
    let watches: Vec<&Watch> = watches
        .iter()
        .filter(|watch| watch.hook.is_some())
        .collect();
    let mut family = |metric: &str, kind: &str, help: &str, samples: &[Sample]| {
        text.family(metric, kind, help);
        for watch in &watches {
            let tally: &Tally = &watch.tally;
            for (suffix, value) in samples {
                let metric = format!("{metric}{suffix}");
                for (name, hook) in tally.hooks() {
                    text.sample(&metric, &of(watch, name), value(hook));
                }
                if let Some(gone) = tally.hooks_of_the_gone() {
                    text.sample(&metric, &[("watch", &watch.settings.label)], value(&gone));
                }
            }
        }
    };
    family(
        "hook_runs_total",
        "counter",
        "Runs of the hook that are over; without an interface, for those that are gone.",
        &[("", |hook| hook.runs as f64)],
    );
    family(
        "hook_failures_total",
        "counter",
        "Runs of the hook that failed, timed out, or could not be started.",
        &[("", |hook| hook.failures as f64)],
    );
    family(
        "hook_duration_seconds",
        "summary",
        "How long the hook's runs took.",
        &[
            ("_sum", |hook| hook.duration.as_secs_f64()),
            ("_count", |hook| hook.runs as f64),
        ],
    );
}

type Sample = (&'static str, fn(&super::tally::HookTally) -> f64);

fn of<'a>(watch: &'a Watch, interface: &'a Name) -> [(&'static str, &'a dyn Display); 2] {
    [("watch", &watch.settings.label), ("interface", interface)]
}

/// The text format, version 0.0.4.
struct Text(String);

impl Text {
    fn family(&mut self, metric: &str, kind: &str, help: &str) {
        // A String takes whatever is written to it.
        let _ = writeln!(self.0, "# HELP linkwatch_{metric} {help}");
        let _ = writeln!(self.0, "# TYPE linkwatch_{metric} {kind}");
    }

    fn sample(&mut self, metric: &str, labels: &[(&str, &dyn Display)], value: impl Display) {
        let _ = write!(self.0, "linkwatch_{metric}");
        let mut separator = '{';
        for (label, value) in labels {
            let value = escaped(&value.to_string());
            let _ = write!(self.0, "{separator}{label}=\"{value}\"");
            separator = ',';
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }
}

fn escaped(label: &str) -> String {
    let mut text = String::with_capacity(label.len());
    for character in label.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    text
}
