//! Where and how a race was run.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

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
    pub fn new(
        how: &'static str,
        runs: usize,
        quick: bool,
        modes: &[&str],
        python: Option<&Path>,
    ) -> About {
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
        let mut versions = vec![
            ("linkwatch", locked("linkwatch")),
            ("libnl", said("pkg-config", &["--modversion", "libnl-3.0"])),
            ("iproute2", version(ip)),
            ("neli", locked("neli")),
            ("rtnetlink", locked("rtnetlink")),
        ];
        if let Some(python) = python.and_then(Path::to_str) {
            let version = "import pyroute2; print(pyroute2.__version__)";
            versions.push(("pyroute2", said(python, &["-c", version])));
        }
        About {
            date: said("date", &["-u", "+%Y-%m-%d"]),
            command,
            how,
            kernel: said("uname", &["-sr"]),
            machine: format!("{cpus} × {model}"),
            runs,
            versions,
        }
    }

    pub fn json(&self) -> Value {
        let versions = self.versions.iter();
        let versions: Map<String, Value> = versions
            .map(|(name, version)| ((*name).to_owned(), json!(version)))
            .collect();
        json!({
            "date": self.date, "command": self.command, "how": self.how, "kernel": self.kernel,
            "machine": self.machine, "runs": self.runs, "versions": versions,
        })
    }

    /// For a page.
    pub fn text(&self) -> String {
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
