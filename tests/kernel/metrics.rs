//! `linkwatch watch --metrics`: the text format of Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::hooks::Hook;
use crate::support::{
    Counters, Tap, Watch, eventually, has, in_namespace, ip, linkwatch, rename_up, skip, sum,
};

/// The samples by metric and labels.
type Samples = BTreeMap<(String, Vec<(String, String)>), f64>;

/// Parses the text format, version 0.0.4, as strictly as it is written, and
/// with the rules for names.
#[track_caller]
fn parse(text: &str) -> Samples {
    assert!(text.ends_with('\n'));
    let mut samples = Samples::new();
    let mut families: BTreeSet<&str> = BTreeSet::new();
    let (mut family, mut kind) = ("", "");
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a text");
            assert!(!help.is_empty() && families.insert(name), "{line}");
            assert!(name.starts_with("linkwatch_"), "{line}");
            let next = lines.next().expect("its type");
            (family, kind) = next
                .strip_prefix("# TYPE ")
                .unwrap()
                .split_once(' ')
                .unwrap();
            assert_eq!(family, name);
            assert!(["counter", "gauge", "summary"].contains(&kind), "{next}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{next}");
            continue;
        }
        let (metric, labels, value) = sample(line);
        match kind {
            "summary" => assert!(
                [format!("{family}_sum"), format!("{family}_count")].contains(&metric),
                "{line}"
            ),
            _ => assert_eq!(metric, family, "{line}"),
        }
        assert!(
            samples.insert((metric, labels), value).is_none(),
            "twice: {line}"
        );
    }
    samples
}

#[track_caller]
fn sample(line: &str) -> (String, Vec<(String, String)>, f64) {
    let end = line
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .expect("a value");
    let (metric, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").expect("a label");
            assert!(
                label.chars().all(|c| c.is_ascii_alphabetic() || c == '_'),
                "{line}"
            );
            let mut value = String::new();
            let mut characters = after.char_indices();
            let end = loop {
                match characters.next().expect("an end") {
                    (place, '"') => break place,
                    (_, '\\') => value.push(match characters.next().expect("an escape").1 {
                        'n' => '\n',
                        c @ ('"' | '\\') => c,
                        c => panic!("\\{c}: {line}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            labels.push((label.to_owned(), value));
            rest = &after[end + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').expect("the end of the labels");
    }
    let value = rest
        .strip_prefix(' ')
        .expect("a space")
        .parse()
        .expect("a number");
    (metric.to_owned(), labels, value)
}

/// The metrics that are there now.
#[track_caller]
fn read(path: &Path) -> Samples {
    parse(&fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}")))
}

fn value(samples: &Samples, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels = labels
        .iter()
        .map(|&(l, v)| (l.to_owned(), v.to_owned()))
        .collect();
    samples
        .get(&(format!("linkwatch_{metric}"), labels))
        .copied()
}

/// Waits until a sample has this value.
#[track_caller]
fn wait_for(path: &Path, metric: &str, labels: &[(&str, &str)], wanted: Option<f64>) {
    let what = format!("{metric}{labels:?} = {wanted:?}");
    eventually(&what, || {
        path.exists() && value(&read(path), metric, labels) == wanted
    });
}

const CABLE: [(&str, &str); 2] = [("watch", "1"), ("interface", "cable0")];
const WATCH: [(&str, &str); 1] = [("watch", "1")];

in_namespace! {
    fn the_metrics_say_what_the_events_say() {
        let hook = Hook::new("[ $2 = initial ]");
        let path = hook.file("linkwatch.prom");
        let cable = Tap::up("cable0");
        let before = Counters::of("cable0").sum();
        let program = hook.path();
        let mut watch = Watch::start(&[
            "cable*", "--exec", program.to_str().unwrap(), "--metrics", path.to_str().unwrap(),
        ]);
        watch.expect("initial", "cable0");
        wait_for(&path, "link_connected", &CABLE, Some(1.0));
        cable.flap(50);
        cable.pull();
        let counted = Counters::of("cable0").sum() - before;
        watch.until("all", |events| sum(events) == counted);
        wait_for(&path, "link_connected", &CABLE, Some(0.0));
        wait_for(&path, "carrier_transitions_total", &CABLE, Some(counted as f64));
        let unseen: u64 = watch.events.iter().map(|event| event["unseen"].as_u64().unwrap()).sum();
        wait_for(&path, "carrier_transitions_unseen_total", &CABLE, Some(unseen as f64));
        // Hooks end later than events are told.
        eventually("failures", || {
            let samples = read(&path);
            let of = |metric| value(&samples, metric, &CABLE);
            of("hook_failures_total") >= Some(1.0)
                && of("hook_failures_total") == of("hook_runs_total").map(|runs| runs - 1.0)
                && of("hook_duration_seconds_count") == of("hook_runs_total")
                && of("hook_duration_seconds_sum") > Some(0.0)
                && value(&samples, "hooks_running", &[]) == Some(0.0)
        });
        let samples = read(&path);
        assert!(value(&samples, "messages_total", &WATCH) >= Some(1.0));
        assert_eq!(value(&samples, "overruns_total", &WATCH), Some(0.0));
        assert_eq!(value(&samples, "build_info", &[("version", env!("CARGO_PKG_VERSION"))]), Some(1.0));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);

        // What is gone is in the sums.
        let total = |samples: &Samples, metric: &str| -> f64 {
            let of_it = samples.iter().filter(|((name, _), _)| *name == format!("linkwatch_{metric}"));
            of_it.map(|(_, value)| value).sum()
        };
        ip(&["link", "del", "cable0"]);
        watch.until("removed", |events| events.last().unwrap()["event"] == "removed");
        let all: u64 = sum(&watch.events);
        wait_for(&path, "link_connected", &CABLE, None);
        eventually("the sum", || total(&read(&path), "carrier_transitions_total") == all as f64);
        assert_eq!(value(&read(&path), "hook_runs_total", &CABLE), None);
        assert!(value(&read(&path), "hook_runs_total", &WATCH) >= Some(2.0));
        watch.stop();
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2, "nothing else is left");
    }

    fn names_are_escaped_and_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("linkwatch.prom");
        let name = "a\"b\\c{},";
        let _cable = Tap::up(name);
        let mut watch = Watch::start(&["*[^o]", "--metrics", path.to_str().unwrap()]);
        watch.next("its initial event");
        // A backslash is one of the bytes that are written as \xNN.
        let escaped = "a\"b\\x5cc{},";
        let of = |name| [("watch", "1"), ("interface", name)];
        wait_for(&path, "link_connected", &of(escaped), Some(1.0));
        if !rename_up(name, "cable1") {
            return;
        }
        wait_for(&path, "link_connected", &of("cable1"), Some(1.0));
        wait_for(&path, "link_connected", &of(escaped), None);
        // Out of the scope.
        ip(&["link", "set", "cable1", "name", "cableo"]);
        wait_for(&path, "link_connected", &of("cable1"), None);
        wait_for(&path, "link_connected", &of("cableo"), None);
        watch.stop();
    }

    fn each_watch_has_its_label() {
        let folder = tempfile::tempdir().unwrap();
        let (path, config) = (folder.path().join("a.prom"), folder.path().join("c.toml"));
        fs::write(&config, format!(
            "[service]\nmetrics = '{}'\n[[watch]]\nname = \"a \\\"b\\\"\\n\"\npatterns = ['cable0']\n\
             [[watch]]\npatterns = ['cable*']\n",
            path.display(),
        )).unwrap();
        let _cable = Tap::up("cable0");
        let mut command = linkwatch(&["watch", "--json", "--config"]);
        command.arg(&config);
        let watch = Watch::of(command);
        for label in ["a \"b\"\n", "2"] {
            wait_for(&path, "link_connected", &[("watch", label), ("interface", "cable0")], Some(1.0));
        }
        watch.stop();
    }

    fn they_are_replaced_whole_and_not_too_often() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("linkwatch.prom");
        let cable = Tap::up("cable0");
        let before = Counters::of("cable0").sum();
        let mut watch = Watch::start(&["cable0", "--metrics", path.to_str().unwrap()]);
        watch.expect("initial", "cable0");
        eventually("the first", || path.exists());
        let mut files = BTreeSet::new();
        let begin = std::time::Instant::now();
        while begin.elapsed().as_millis() < 1500 {
            // Of which the kernel tells at once.
            ip(&["link", "set", "cable0", "down"]);
            ip(&["link", "set", "cable0", "up"]);
            let text = fs::read_to_string(&path).unwrap();
            parse(&text);
            let file = fs::metadata(&path).unwrap();
            // Numbers of inodes are used again.
            files.insert((file.ino(), file.mtime(), file.mtime_nsec()));
        }
        let seconds = begin.elapsed().as_secs();
        assert!(files.len() <= 2 + usize::try_from(seconds).unwrap(), "{files:?}");
        // The end is told too, however soon it comes.
        cable.pull();
        let counted = Counters::of("cable0").sum() - before;
        watch.until("all", |events| sum(events) == counted);
        watch.stop();
        let samples = read(&path);
        assert_eq!(value(&samples, "link_connected", &CABLE), Some(0.0));
        assert_eq!(value(&samples, "carrier_transitions_total", &CABLE), Some(counted as f64));
    }

    fn where_they_cannot_be_written_the_watch_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("later/linkwatch.prom");
        let cable = Tap::up("cable0");
        let errors = folder.path().join("errors");
        let mut command = linkwatch(&["watch", "--json", "cable0", "--metrics"]);
        command.arg(&path).stderr(fs::File::create(&errors).unwrap());
        let mut watch = Watch::of(command);
        watch.expect("initial", "cable0");
        let told = |words: &str| fs::read_to_string(&errors).unwrap().matches(words).count();
        eventually("it is told", || told("No such file") == 1);
        fs::create_dir(folder.path().join("later")).unwrap();
        eventually("it is written", || {
            cable.flap(1);
            path.exists()
        });
        eventually("that is told", || told("again") == 1);
        watch.stop();
        assert_eq!(told("No such file"), 1, "once");
    }

    fn prometheus_finds_nothing_to_complain_about() {
        if !has("promtool") {
            return skip("promtool is not installed");
        }
        let hook = Hook::new("true");
        let path = hook.file("linkwatch.prom");
        let _cables = ["cable0", "a\"b\\c{},"].map(Tap::up);
        let program = hook.path();
        let status = linkwatch(&["watch", "--count", "2", "--exec"])
            .arg(program)
            .arg("--metrics")
            .arg(&path)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let text = fs::read(&path).unwrap();
        promtool.stdin.take().unwrap().write_all(&text).unwrap();
        let output = promtool.wait_with_output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{}", String::from_utf8_lossy(&output.stderr)
        );
    }
}
