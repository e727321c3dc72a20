//! The files that a race leaves: JSON, Markdown and a chart.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::chart;
use crate::contender::FLOOR;
use crate::goals::Goal;
use crate::results::Results;
use crate::table;

/// Where and how it was run.
pub struct About {
    date: String,
    command: String,
    how: &'static str,
    kernel: String,
    machine: String,
    runs: usize,
    versions: Vec<(&'static str, String)>,
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

/// The version of a crate in the lock file.
fn locked(name: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let entry = lock
        .split("[[package]]")
        .find(|entry| entry.contains(&format!("name = \"{name}\"\n")));
    let line = entry.and_then(|entry| {
        entry
            .lines()
            .find_map(|line| line.strip_prefix("version = "))
    });
    line.unwrap_or_default().trim_matches('"').to_owned()
}

impl About {
    pub fn new(how: &'static str, runs: usize, quick: bool, modes: &[&str]) -> About {
        let mut command = "make bench".to_owned();
        if modes.len() < crate::MODES.len() {
            let modes: Vec<String> = modes.iter().map(|mode| mode.replace(' ', "-")).collect();
            command += &format!(" MODES=\"{}\"", modes.join(" "));
        }
        if quick {
            command += " QUICK=1";
        }
        if runs != crate::usual_runs(quick) {
            command += &format!(" RUNS={runs}");
        }
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let model = model.map_or("unknown CPU", |(_, model)| model.trim());
        let version = |text: String| {
            text.rsplit(['-', ' '])
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let ip = said("ip", &["-V"]);
        let ip = ip.split(',').nth(1).unwrap_or_default().trim().to_owned();
        About {
            date: said("date", &["-u", "+%Y-%m-%d"]),
            command,
            how,
            kernel: said("uname", &["-sr"]),
            machine: format!("{cpus} × {model}"),
            runs,
            versions: vec![
                ("linkwatch", locked("linkwatch")),
                ("libnl", said("pkg-config", &["--modversion", "libnl-3.0"])),
                ("iproute2", version(ip)),
                ("neli", locked("neli")),
                ("rtnetlink", locked("rtnetlink")),
            ],
        }
    }

    fn json(&self) -> Value {
        let versions = self.versions.iter();
        let versions: Map<String, Value> = versions
            .map(|(name, version)| ((*name).to_owned(), json!(version)))
            .collect();
        json!({
            "date": self.date, "command": self.command, "how": self.how, "kernel": self.kernel,
            "machine": self.machine, "runs": self.runs, "versions": versions,
        })
    }

    fn text(&self) -> String {
        let versions: Vec<String> = self
            .versions
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        format!(
            "`{}` on {}, {}, {}; {}; medians of {} runs; {}.",
            self.command,
            self.date,
            self.machine,
            self.kernel,
            self.how,
            self.runs,
            versions.join(", ")
        )
    }

    /// A line for the chart.
    pub fn line(&self) -> String {
        format!(
            "{}, {}, {}; median of {} runs",
            self.command, self.machine, self.kernel, self.runs
        )
    }
}

pub fn write(folder: &Path, about: &About, results: &Results, goals: &[Goal]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let text = indented(&json(about, results, goals), 0);
    fs::write(folder.join("results.json"), text + "\n")?;
    fs::write(folder.join("race.md"), markdown(about, results, goals))?;
    fs::write(folder.join("race.svg"), chart::draw(about, results))
}

fn markdown(about: &About, results: &Results, goals: &[Goal]) -> String {
    let mut out = format!("# The race\n\nWritten by {}\n", about.text());
    for table in [table::goals(goals)].iter().chain(&table::tables(results)) {
        out += &format!("\n{}", table.markdown());
    }
    out
}

/// Where the README shows the race.
const README_BEGIN: &str = "<!-- written by `make bench` -->\n";
const README_END: &str = "<!-- end of what `make bench` wrote -->\n";

/// Puts the race at a glance between the two marks of a README.
pub fn write_into_readme(path: &Path, about: &About, results: &Results) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    let overview = table::overview(results).markdown();
    let shown = with_section(&text, &format!("{}\n\n{overview}", about.text()));
    let missing = || io::Error::other(format!("{}: no marks to write between", path.display()));
    fs::write(path, shown.ok_or_else(missing)?)
}

fn with_section(text: &str, section: &str) -> Option<String> {
    let (before, rest) = text.split_once(README_BEGIN)?;
    let (_, after) = rest.split_once(README_END)?;
    Some(format!(
        "{before}{README_BEGIN}{section}{README_END}{after}"
    ))
}

/// JSON with a line for each watcher and each goal.
fn indented(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth + 1);
    let enclosed = |open, lines: Vec<String>, close| {
        let lines = lines.join(&format!(",\n{indent}"));
        format!("{open}\n{indent}{lines}\n{}{close}", "  ".repeat(depth))
    };
    match value {
        Value::Object(fields) if depth < 2 => {
            let line = |(name, value): (&String, &Value)| {
                format!("{}: {}", json!(name), indented(value, depth + 1))
            };
            enclosed('{', fields.iter().map(line).collect(), '}')
        }
        Value::Array(items) => enclosed('[', items.iter().map(Value::to_string).collect(), ']'),
        value => value.to_string(),
    }
}

fn rounded(value: f64) -> Value {
    json!((value * 1000.0).round() / 1000.0)
}

fn json(about: &About, results: &Results, goals: &[Goal]) -> Value {
    let mut modes = Map::new();
    for mode in crate::MODES.into_iter().filter(|mode| results.has(mode)) {
        let watcher = |(id, label): (&'static str, &'static str)| {
            let mut measures: Vec<&str> = results
                .of(mode, id)
                .flat_map(|sample| sample.values.keys().copied())
                .collect();
            measures.sort_unstable();
            measures.dedup();
            let mut figures = Map::new();
            for measure in measures {
                let values = results.values(mode, id, measure);
                let mut figure = Map::new();
                figure.insert(
                    "median".into(),
                    json!(results.median(mode, id, measure).map(rounded)),
                );
                if let Some(ratio) = results.ratio(mode, id, FLOOR, measure)
                    && (measure.ends_with("_us") || measure.contains("_us_"))
                {
                    figure.insert("to_floor".into(), rounded(ratio));
                }
                figure.insert("runs".into(), values.into_iter().map(rounded).collect());
                figures.insert(measure.to_owned(), Value::Object(figure));
            }
            let mut watcher = json!({ "id": id, "label": label, "figures": figures });
            if let Some(note) = results.note(mode, id) {
                watcher["note"] = json!(note);
            }
            watcher
        };
        let watchers = results.watchers(mode, &[]).into_iter().map(watcher);
        modes.insert(mode.to_owned(), watchers.collect());
    }
    let goal = |goal: &Goal| {
        json!({
            "mode": goal.mode, "measure": goal.measure, "measured": goal.value.map(rounded),
            "at_most": goal.bound, "unit": goal.unit.trim(), "verdict": goal.verdict(),
        })
    };
    let goals: Vec<Value> = goals.iter().map(goal).collect();
    json!({ "about": about.json(), "goals": goals, "modes": modes })
}
