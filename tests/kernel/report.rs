//! `linkwatch report`, on logs that `linkwatch watch` has just written.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Counters, Tap, eventually, in_namespace, ip, linkwatch};

/// A watch whose standard output is a file, as a service's is.
struct Logging(Child);

impl Logging {
    fn to(log: &Path, patterns: &[&str]) -> Logging {
        let file = File::options().create(true).append(true).open(log).unwrap();
        let begun = lines(log).len();
        let child = linkwatch(&["watch", "--json"])
            .args(patterns)
            .stdout(file)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        eventually("it has begun", || lines(log).len() > begun);
        Logging(child)
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &self.0.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    fn stop(mut self) {
        self.signal("TERM");
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lines(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap_or_default();
    // The last one may be in the writing.
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[track_caller]
fn wait_for(log: &Path, event: &str, name: &str, number: usize) {
    eventually(&format!("{number} times {event} {name}"), || {
        let is_it = |line: &&Value| line["event"] == event && line["name"] == name;
        lines(log).iter().filter(is_it).count() >= number
    });
}

#[track_caller]
fn report(logs: &[&Path]) -> Value {
    let output = linkwatch(&["report", "--json"])
        .args(logs)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn link<'a>(report: &'a Value, name: &str) -> &'a Value {
    let links = report["links"].as_array().unwrap();
    let link = links.iter().find(|link| link["name"] == name);
    link.unwrap_or_else(|| panic!("no {name}: {report:#}"))
}

fn seconds(link: &Value, state: &str) -> f64 {
    link[format!("{state}_seconds")].as_f64().unwrap()
}

in_namespace! {
    fn a_pulled_cable_is_an_outage_of_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let cable = Tap::up("cable0");
        let watch = Logging::to(&log, &["cable0"]);
        // The stop watch that the report is compared with.
        let before = Instant::now();
        cable.pull();
        wait_for(&log, "disconnected", "cable0", 1);
        let out = Instant::now();
        while out.elapsed() < Duration::from_millis(300) {
            std::thread::yield_now();
        }
        let least = out.elapsed();
        cable.plug();
        wait_for(&log, "connected", "cable0", 1);
        let most = before.elapsed();
        watch.stop();
        let report = report(&[&log]);
        let cable = link(&report, "cable0");
        assert_eq!(cable["outages"], 1, "{report:#}");
        let outage = cable["longest_outage"]["seconds"].as_f64().unwrap();
        assert!(
            (least.as_secs_f64()..=most.as_secs_f64()).contains(&outage),
            "{outage}: {least:?} to {most:?}"
        );
        assert_eq!(outage, seconds(cable, "disconnected"));
        assert_eq!(cable["longest_outage"]["reason"], "no-carrier");
    }

    fn the_sums_are_those_of_the_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let cable = Tap::up("cable0");
        let watch = Logging::to(&log, &["cable0"]);
        let before = Counters::of("cable0").sum();
        cable.flap(500);
        cable.pull();
        cable.flap(50);
        cable.pull();
        let counted = Counters::of("cable0").sum() - before;
        eventually("all transitions are in the log", || {
            let sum: u64 = lines(&log)
                .iter()
                .map(|line| line["transitions"].as_u64().unwrap())
                .sum();
            sum == counted
        });
        watch.stop();
        let lines = lines(&log);
        let number = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
        let report = report(&[&log]);
        let cable = link(&report, "cable0");
        assert_eq!(cable["transitions"], counted);
        assert_eq!(cable["outages"], number("disconnected"), "{lines:#?}");
        assert_eq!(cable["flaps"], number("flapped"));
    }

    fn renamed_removed_and_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let _other = Tap::up("zero0");
        let watch = Logging::to(&log, &["*"]);
        let cable = Tap::up("cable0");
        wait_for(&log, "connected", "cable0", 1);
        ip(&["link", "set", "cable0", "down"]);
        wait_for(&log, "disconnected", "cable0", 1);
        ip(&["link", "set", "cable0", "name", "wan0"]);
        wait_for(&log, "renamed", "wan0", 1);
        ip(&["link", "set", "wan0", "up"]);
        wait_for(&log, "connected", "wan0", 1);
        drop(cable);
        wait_for(&log, "removed", "wan0", 1);
        let _cable = Tap::up("wan0");
        wait_for(&log, "connected", "wan0", 2);
        watch.stop();
        let report = report(&[&log]);
        let wan0 = link(&report, "wan0");
        assert_eq!(wan0["previous_names"], serde_json::json!(["cable0"]));
        assert_eq!((&wan0["outages"], &wan0["removals"]), (&1.into(), &1.into()), "{wan0:#}");
        assert_eq!(wan0["longest_outage"]["reason"], "admin-down");
        assert!(seconds(wan0, "absent") > 0.0);
        assert_eq!(link(&report, "zero0")["connected_share"], 1.0);
        let names: Vec<&str> = report["links"].as_array().unwrap().iter()
            .filter_map(|link| link["name"].as_str())
            .collect();
        assert_eq!(names, ["lo", "wan0", "zero0"]);
    }

    fn a_watch_that_died_leaves_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let (old, log) = (folder.path().join("log.1"), folder.path().join("log"));
        let cable = Tap::up("cable0");
        let watch = Logging::to(&old, &["cable0"]);
        cable.pull();
        wait_for(&old, "disconnected", "cable0", 1);
        watch.signal("KILL");
        drop(watch);
        let died = Instant::now();
        cable.plug();
        let stopped = died.elapsed();
        let watch = Logging::to(&log, &["cable0"]);
        cable.pull();
        wait_for(&log, "disconnected", "cable0", 1);
        watch.stop();
        assert!(Command::new("gzip").arg(&old).status().unwrap().success());
        let report = report(&[&log, &folder.path().join("log.1.gz")]);
        let cable = link(&report, "cable0");
        assert_eq!((&report["starts"], &cable["outages"]), (&2.into(), &2.into()));
        let gap = seconds(cable, "unknown");
        assert!(gap > 0.0 && gap == report["unwatched_seconds"].as_f64().unwrap(), "{report:#}");
        // Neither the time of the dead watch nor that before the new one counts.
        assert_eq!(seconds(cable, "disconnected"), 0.0);
        assert!(gap >= stopped.as_secs_f64(), "{gap} {stopped:?}");
    }
}
