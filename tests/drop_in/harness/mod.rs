//! Scenarios that are played with the original program and with linkwatch.
//!
//! ```ignore
//! #[test]
//! fn a_link_at_the_start() {
//!     Scenario::new(test_name!())
//!         .expect(&["lw0 up previous=disabled current=up", "exit 0"])
//!         .run(|bench| {
//!             let _cable = Tap::up("lw0");
//!             let mut daemon = bench.start("ifplugd", &["-n", "-s", "-i", "lw0"]);
//!             bench.until_calls(1);
//!             daemon.signal("QUIT");
//!             daemon.ended();
//!         });
//! }
//! ```
//!
//! The outcome of a scenario is its record: a line for each call of the script,
//! and those that the scenario adds, in the order of time.

mod bench;
mod daemon;
mod namespaces;
mod originals;
mod syslog;

use std::fs;
use std::path::Path;
use std::process::{Child, Output};
use std::sync::Once;
use std::time::Instant;

pub use bench::Bench;
pub use daemon::Daemon;

use crate::support::{finish, skip};

/// Who plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Original,
    Linkwatch,
}

impl Side {
    const ALL: [Side; 2] = [Side::Original, Side::Linkwatch];

    fn name(self) -> &'static str {
        match self {
            Side::Original => "original",
            Side::Linkwatch => "linkwatch",
        }
    }
}

/// The path of the test that it is written in.
#[macro_export]
macro_rules! test_name {
    () => {{
        fn here() {}
        std::any::type_name_of_val(&here)
    }};
}

/// One test: what is done, and what is to come of it.
pub struct Scenario {
    name: &'static str,
    expected: Vec<String>,
    /// What the original does instead.
    original: Option<Vec<String>>,
    /// There is nothing to compare with.
    is_ours_alone: bool,
}

impl Scenario {
    /// `name` is of `test_name!`.
    pub fn new(name: &'static str) -> Scenario {
        let name = name.strip_suffix("::here").unwrap_or(name);
        let (_, name) = name.split_once("::").expect("a path in this crate");
        Scenario {
            name,
            expected: Vec::new(),
            original: None,
            is_ours_alone: false,
        }
    }

    /// The record that is expected, of both unless said otherwise.
    pub fn expect(mut self, record: &[&str]) -> Scenario {
        self.expected = owned(record);
        self
    }

    /// A deviation: what the original does, which linkwatch does otherwise.
    pub fn while_the_original(mut self, record: &[&str]) -> Scenario {
        self.original = Some(owned(record));
        self
    }

    /// The original cannot play this.
    pub fn without_the_original(mut self) -> Scenario {
        self.is_ours_alone = true;
        self
    }

    /// Plays it on both sides at once, and compares.
    pub fn run(self, play: impl FnOnce(&mut Bench)) {
        if let Some((side, folder)) = namespaces::inside() {
            return play(&mut Bench::new(side, &folder));
        }
        let Some(unshare) = namespaces::unshare() else {
            return skip("unshare(1) may not make the namespaces for this here");
        };
        let originals = originals::root();
        let sides: Vec<Side> = Side::ALL
            .into_iter()
            .filter(|side| match (side, self.is_ours_alone) {
                (Side::Linkwatch, _) => true,
                (Side::Original, true) => false,
                (Side::Original, false) => originals.is_ok(),
            })
            .collect();
        if let (Err(why), false) = (originals, self.is_ours_alone) {
            skip(&format!(
                "{}: no original to compare with: {why}",
                self.name
            ));
        }
        let players: Vec<Player> = sides
            .into_iter()
            .map(|side| Player::start(side, self.name, unshare))
            .collect();
        let ends: Vec<(Side, Result<Vec<String>, String>)> = players
            .into_iter()
            .map(|player| (player.side, player.end()))
            .collect();
        let mut complaints = String::new();
        for (side, end) in ends {
            let expected = match (side, &self.original) {
                (Side::Original, Some(original)) => original,
                _ => &self.expected,
            };
            match end {
                Err(complaint) => complaints += &format!("\n{}: {complaint}", side.name()),
                Ok(record) if &record == expected => {}
                Ok(record) => {
                    complaints += &format!(
                        "\n{}: expected {expected:#?}\nbut it was {record:#?}",
                        side.name()
                    );
                }
            }
        }
        assert!(complaints.is_empty(), "{}:{complaints}", self.name);
    }
}

fn owned(record: &[&str]) -> Vec<String> {
    record.iter().map(|line| (*line).to_owned()).collect()
}

/// A side at play, in a process and a folder of its own.
struct Player {
    side: Side,
    folder: tempfile::TempDir,
    process: Child,
}

impl Player {
    fn start(side: Side, name: &str, unshare: &[&str]) -> Player {
        // Not in /tmp, from which nothing may be executable.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        fs::write(folder.path().join(bench::RECORD), "").expect("its record");
        let process = namespaces::start(unshare, name, side, folder.path());
        Player {
            side,
            folder,
            process,
        }
    }

    /// Its record, or why there is none.
    fn end(self) -> Result<Vec<String>, String> {
        let start = Instant::now();
        let output = finish(self.process, namespaces::LIMIT);
        let record = read_record(self.folder.path());
        let printed = printed(&output);
        if !output.status.success() || !printed.contains("1 passed") {
            return Err(format!(
                "it failed after {:.1} s:\n{printed}\nits record: {record:#?}",
                start.elapsed().as_secs_f64()
            ));
        }
        Ok(record)
    }
}

fn printed(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr];
    streams
        .map(|stream| String::from_utf8_lossy(stream))
        .concat()
}

/// The record that is kept in a folder.
fn read_record(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join(bench::RECORD)).expect("the record");
    text.lines().map(str::to_owned).collect()
}
