//! The files that a race leaves: JSON, Markdown and a chart.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::about::About;
use crate::chart;
use crate::contender::FLOOR;
use crate::goals::Goal;
use crate::results::Results;
use crate::table;

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
