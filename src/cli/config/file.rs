//! The configuration file, TOML.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use linkwatch::EventKind;

use super::error::{Invalid, at};
use super::keys::{CriterionName, Tables, WatchTable};
use super::{BUFFER_SIZE, EXEC_TIMEOUT, MOST_HOOKS, Settings, WatchSettings};
use crate::cli::args::Events;

/// No configuration of people is larger.
const LARGEST: u64 = 1 << 20;

/// Reads a configuration file.
pub(super) fn read(path: &Path) -> Result<Settings> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .with_context(|| format!("reading the configuration {}", path.display()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Invalid::new(format!(
            "{}: larger than {LARGEST} bytes: this is no configuration",
            path.display()
        )));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes());
            let place = at(path, &text, valid);
            return Err(Invalid::new(format!("{place}: this is not UTF-8")));
        }
    };
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Settings> {
    let tables: Tables =
        toml::from_str(text).map_err(|error| Invalid::of_toml(path, text, &error))?;
    if tables.watch.is_empty() {
        return Err(Invalid::new(format!(
            "{}: there is nothing to watch; add a table, for example:\n\
             [[watch]]\npatterns = [\"eth*\"]",
            path.display()
        )));
    }
    let mut settings = Settings {
        watches: Vec::new(),
        most_hooks: tables
            .service
            .most_hooks
            .map_or(MOST_HOOKS, |count| count.0),
        metrics: tables.service.metrics.map(|path| path.0),
    };
    for (watch, number) in tables.watch.into_iter().zip(1..) {
        let table = watch.span().start;
        let watch = watch.into_inner();
        let place = watch.name.as_ref().map_or(table, |name| name.span().start);
        let watch = watch.into_settings(number);
        if settings
            .watches
            .iter()
            .any(|other| other.label == watch.label)
        {
            return Err(Invalid::new(format!(
                "{}: another watch has the name '{}' already",
                at(path, text, place),
                watch.label
            )));
        }
        settings.watches.push(watch);
    }
    Ok(settings)
}

impl WatchTable {
    fn into_settings(self, number: usize) -> WatchSettings {
        let events: Option<Vec<Events>> = self
            .events
            .map(|events| events.into_iter().map(|event| event.0).collect());
        let events: Option<Vec<EventKind>> = events.as_deref().map(Events::chosen);
        WatchSettings {
            label: match self.name {
                Some(name) => name.into_inner(),
                None => number.to_string(),
            },
            patterns: self.patterns.into_iter().map(|glob| glob.0).collect(),
            criterion: match self.criterion {
                CriterionName::Carrier => linkwatch::Criterion::Carrier,
                CriterionName::Running => linkwatch::Criterion::Running,
            },
            netns: self.netns,
            settle_up: self.settle_up.0,
            settle_down: self.settle_down.0,
            buffer_size: self.buffer_size.map_or(BUFFER_SIZE, |size| size.0),
            kernel_filter: self.kernel_filter.unwrap_or(true),
            events,
            exec: self.exec.map(|path| path.0),
            exec_timeout: self.exec_timeout.map_or(EXEC_TIMEOUT, |time| time.0),
            log_file: self.log_file.map(|path| path.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::described::{Key, TABLES};
    use super::*;
    use linkwatch::Pattern;
    use std::time::Duration;

    fn settings(text: &str) -> Settings {
        parse(Path::new("/etc/linkwatch.toml"), text).unwrap()
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let error = parse(Path::new("/f"), text).map(|_| ()).unwrap_err();
        assert!(error.is::<Invalid>());
        assert_eq!(error.to_string(), why);
    }

    #[test]
    fn the_keys_are_those_of_the_command_line() {
        let settings = settings(
            r#"
            [service]
            metrics = "/run/linkwatch.prom"
            most-hooks = 4

            [[watch]]
            name = "uplinks"
            patterns = ["eth*", "wan?"]
            criterion = "running"
            netns = "blue"
            settle-up = "2s"
            settle-down = "250ms"
            buffer-size = "1M"
            kernel-filter = false
            events = ["disconnected", "connected"]
            exec = "/etc/hook"
            exec-timeout = "5s"
            log-file = "/var/log/link.log"

            [[watch]]
            "#,
        );
        assert_eq!(settings.most_hooks, 4);
        assert_eq!(settings.metrics, Some("/run/linkwatch.prom".into()));
        let [full, plain] = &settings.watches[..] else {
            panic!("two");
        };
        assert_eq!(
            *full,
            WatchSettings {
                label: "uplinks".to_owned(),
                patterns: ["eth*", "wan?"]
                    .map(|glob| Pattern::new(glob).unwrap())
                    .into(),
                criterion: linkwatch::Criterion::Running,
                netns: Some("blue".to_owned()),
                settle_up: Duration::from_secs(2),
                settle_down: Duration::from_millis(250),
                buffer_size: 1 << 20,
                kernel_filter: false,
                events: Some(vec![EventKind::Connected, EventKind::Disconnected]),
                exec: Some("/etc/hook".into()),
                exec_timeout: Duration::from_secs(5),
                log_file: Some("/var/log/link.log".into()),
            }
        );
        assert_eq!(plain.label, "2");
        // As without options on the command line.
        use clap::Parser;
        let args = crate::cli::args::Args::parse_from(["linkwatch", "watch"]);
        let crate::cli::args::Command::Watch(args) = args.command else {
            panic!("watch");
        };
        let of_args = Settings::from_args(&args).unwrap();
        let label = plain.label.clone();
        let of_args = WatchSettings {
            label,
            ..of_args.watches[0].clone()
        };
        assert_eq!(plain, &of_args);
    }

    #[test]
    fn the_example_is_right_as_it_is_and_with_all_its_keys() {
        let example = include_str!("../../../packaging/linkwatch.toml");
        let plain = settings(example);
        assert_eq!(plain.watches.len(), 1);
        // "# key = value" and "# [table]" are what may be written.
        let full: String = example
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.starts_with('[') || rest.contains(" = ") => rest,
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let full = settings(&full);
        assert!(full.metrics.is_some());
        let watch = &full.watches[0];
        assert!(watch.exec.is_some() && watch.netns.is_some() && watch.events.is_some());
    }

    #[test]
    fn the_defaults_are_as_they_are_said_to_be() {
        let without = settings("[[watch]]");
        let with = |table: usize, value: &dyn Fn(&Key) -> String| {
            let lines = TABLES[table].keys.iter().map(value);
            lines.collect::<Vec<String>>().join("\n")
        };
        let default = |key: &Key| match key.default {
            "" => String::new(),
            default => format!("{} = {default}", key.name()),
        };
        let text = format!(
            "[service]\n{}\n[[watch]]\n{}",
            with(0, &default),
            with(1, &default)
        );
        let with_defaults = settings(&text);
        assert_eq!(with_defaults.watches, without.watches, "{text}");
        assert_eq!(with_defaults.most_hooks, without.most_hooks);
        assert_eq!(with_defaults.metrics, without.metrics);
        assert!(
            text.contains("settle-up = \"0ms\"") && text.contains("most-hooks = 16"),
            "{text}"
        );
    }

    #[test]
    fn errors_tell_the_place_and_what_to_do() {
        refused(
            "[[watch]]\npattern = [\"eth*\"]\n",
            "/f:2:1: there is no key 'pattern' here; did you mean 'patterns'?",
        );
        refused(
            "[[watch]]\nsettle_up = \"2s\"\n",
            "/f:2:1: there is no key 'settle_up' here; did you mean 'settle-up'?",
        );
        refused(
            "[[watch]]\nzzz = 1\n",
            "/f:2:1: there is no key 'zzz' here; there are name, patterns, criterion, netns, \
             settle-up, settle-down, events, exec, exec-timeout, log-file, buffer-size, kernel-filter",
        );
        refused(
            "[[watch]]\n[servize]\n",
            "/f:2:2: there is no key 'servize' here; did you mean 'service'?",
        );
        refused(
            "[watch]\npatterns = []\n",
            "/f:1:1: there may be several watches: write [[watch]] instead of [watch]",
        );
        refused(
            "[[watch]]\nsettle-up = 2\n",
            "/f:2:13: invalid type: integer `2`, expected a string",
        );
        refused(
            "[[watch]]\nsettle-up = \"2\"\n",
            "/f:2:13: a unit is missing: ms, s or m",
        );
        refused(
            "[[watch]]\npatterns = [\n  \"eth*\",\n  \"[\",\n]\n",
            "/f:2:12: the pattern '[' has a '[' without its ']'",
        );
        refused(
            "[[watch]]\ncriterion = \"runing\"\n",
            "/f:2:13: there is no 'runing' here; did you mean 'running'?",
        );
        refused(
            "[[watch]]\nexec = \"hook\"\n",
            "/f:2:8: 'hook' is no absolute path; it has to begin with '/'",
        );
        refused(
            "[[watch]]\nname = \"a\"\n[[watch]]\nname = \"a\"\n",
            "/f:4:8: another watch has the name 'a' already",
        );
        refused(
            "[service]\nmost-hooks = 0\n[[watch]]\n",
            "/f:2:14: expected a number from 1 to 1000",
        );
        refused(
            "",
            "/f: there is nothing to watch; add a table, for example:\n\
             [[watch]]\npatterns = [\"eth*\"]",
        );
        for (text, begin) in [
            ("[[watch]]\nsettle-up = \n", "/f:2:13: "),
            ("[[watch]\n", "/f:1:9: "),
            (
                "[[watch]]\nname = \"a\"\nname = \"b\"\n",
                "/f:3:1: duplicate key",
            ),
            (
                "[[watch]]\nevents = [\"conected\"]\n",
                "/f:2:10: there is no event 'conected'",
            ),
        ] {
            let error = parse(Path::new("/f"), text)
                .map(|_| ())
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(begin), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
