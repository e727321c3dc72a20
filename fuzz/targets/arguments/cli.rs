//! The program's own parsers, and the little that they need of the rest of its
//! command line.

#[path = "../../../src/cli/args.rs"]
mod args;
#[path = "../../../src/cli/cable_test.rs"]
mod cable_test;
#[path = "../../../src/cli/config/mod.rs"]
mod config;
#[path = "../../../src/cli/deferred.rs"]
mod deferred;
#[path = "../../../src/cli/drop_in/ifplugd/options.rs"]
mod ifplugd_options;
#[path = "../../../src/cli/local_zone.rs"]
mod local_zone;
#[path = "../../../src/cli/drop_in/netplugd/options.rs"]
mod netplugd_options;
#[path = "../../../src/cli/drop_in/ifplugd/plan.rs"]
mod plan;
#[path = "../../../src/cli/report/mod.rs"]
mod report;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::{Args as _, Command, CommandFactory, FromArgMatches};
use linkwatch::EventKind;
use linkwatch::nl::Namespace;

use args::{Args, WatchArgs};

/// The options of those that linkwatch stands in for.
mod drop_in {
    pub(super) mod ifplugd {
        pub(in crate::cli) use crate::cli::ifplugd_options::Options;

        pub(in crate::cli) const AFTER_HELP: &str = "";
    }
    pub(super) mod netplugd {
        pub(in crate::cli) use crate::cli::netplugd_options::{AFTER_HELP, Options};
    }
}

mod exit {
    pub(super) const NO_INTERFACE: u8 = 4;
}

fn tell(what: std::fmt::Arguments<'_>) {
    let _ = what.to_string();
}

fn namespace(_: Option<&str>) -> anyhow::Result<Namespace> {
    Ok(Namespace::current())
}

pub fn command() -> Command {
    Args::command()
}

pub fn watch_command() -> Command {
    WatchArgs::augment_args(Command::new("watch"))
}

/// Parses all of a command line.
pub fn parse(command: &mut Command, words: impl Iterator<Item = OsString>) {
    match command.try_get_matches_from_mut(words) {
        Ok(mut matches) => drop(Args::from_arg_matches_mut(&mut matches)),
        Err(error) => drop(error.render().to_string()),
    }
}

/// What is looked at of a watch's arguments.
pub struct Watch {
    pub settle_up: Duration,
    pub buffer_size: usize,
    pub events: Vec<EventKind>,
}

/// What `watch` makes of these words.
pub fn watch(command: &mut Command, words: [OsString; 2]) -> Option<Watch> {
    match command.try_get_matches_from_mut(words) {
        Ok(matches) => {
            let args = WatchArgs::from_arg_matches(&matches).expect("it was checked");
            Some(Watch {
                settle_up: args.settle_up,
                buffer_size: args.buffer_size,
                events: args::Events::chosen(args.events.as_deref().unwrap_or_default()),
            })
        }
        Err(error) => {
            let _ = error.to_string();
            None
        }
    }
}

/// Reads a configuration.
pub fn configure(path: &Path) {
    match config::Settings::from_file(path) {
        Ok(settings) => {
            assert!(!settings.watches.is_empty() && (1..=1000).contains(&settings.most_hooks));
            for (number, watch) in settings.watches.iter().enumerate() {
                assert!((1..=1 << 30).contains(&watch.buffer_size));
                assert!(!watch.exec_timeout.is_zero());
                let others = &settings.watches[..number];
                assert!(others.iter().all(|other| other.label != watch.label));
            }
        }
        Err(error) => assert!(!format!("{error:#}").is_empty()),
    }
}

/// Reports what a log says.
pub fn report(command: &mut Command, path: &Path) {
    let words = ["linkwatch", "report", "--json"].map(OsString::from);
    let words = words.into_iter().chain([path.into()]);
    let matches = command.try_get_matches_from_mut(words);
    let args = matches.and_then(|mut matches| Args::from_arg_matches_mut(&mut matches));
    let Ok(args::Command::Report(args)) = args.map(|args| args.command) else {
        panic!("that is how it is called");
    };
    if let Err(error) = report::run(&args) {
        let _ = format!("{error:#}");
    }
}
