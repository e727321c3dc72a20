//! What the program prints, and how it ends.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::log::{line, text, thousand_seconds};
use crate::support::linkwatch;

fn report(args: &[&str], logs: &[&Path]) -> Output {
    linkwatch(&["report"])
        .args(args)
        .args(logs)
        .env("TZ", "UTC0")
        .output()
        .unwrap()
}

/// A report of what comes on standard input.
fn piped(args: &[&str], input: &[u8]) -> Output {
    let mut child = linkwatch(&["report", "-"])
        .args(args)
        .env("TZ", "UTC0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // It may end before it has read all.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn people_read_a_table_and_timelines() {
    let output = piped(&[], text(&thousand_seconds()).as_bytes());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(told(&output), "");
    let printed = String::from_utf8(output.stdout).unwrap();
    let expected = "\
2026-11-22 10:00:00 to 2026-11-22 10:16:40 (16 min 40 s)

NAME  CONNECTED  OUTAGES        DOWN  FLAPS  TRANSITIONS  UNSEEN  REMOVED  LONGEST OUTAGE
eth0   93.000 %        2  1 min 10 s      1          104     100        0  1 min from 2026-11-22 10:05:00 (admin-down)
usb0      100 %        0           -      0            2       0        1  -

eth0  ███████▃▇████████████▇▁▁▁▁▆██████████████████████████████████████████████
usb0                    ███████████████████
      10:00:00                                                         10:16:40
      █ connected  ▇…▂ partly  ▁ disconnected  · not known  (blank) not there
";
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines();
        lines.map(|line| line.trim_end().to_owned()).collect()
    };
    assert_eq!(lines(&printed), lines(expected), "{printed}");
}

#[test]
fn programs_read_json() {
    let output = piped(&["--json"], text(&thousand_seconds()).as_bytes());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["from"], "2026-11-22T10:00:00.000000Z");
    assert_eq!(report["to"], "2026-11-22T10:16:40.000000Z");
    let eth0 = &report["links"][0];
    assert_eq!(eth0["name"], "eth0");
    assert_eq!(eth0["connected_share"], 0.93);
    assert_eq!(eth0["connected_seconds"], 930.0);
    assert_eq!(eth0["disconnected_seconds"], 70.0);
    assert_eq!(eth0["outages"], 2);
    assert_eq!(
        eth0["longest_outage"]["from"],
        "2026-11-22T10:05:00.000000Z"
    );
    assert_eq!(eth0["longest_outage"]["reason"], "admin-down");
    assert_eq!(eth0["timeline"].as_array().unwrap().len(), 5);
    assert_eq!(report["links"][1]["absent_seconds"], 500.0);
}

#[test]
fn broken_lines_are_told_once_and_end_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut content = text(&thousand_seconds());
    content.insert_str(0, "Starting linkwatch\n");
    content.push_str("{\"time\":\"2026-11-22T10:1");
    std::fs::write(&log, content).unwrap();
    let output = report(&["--json"], &[&log]);
    assert!(output.status.success());
    let told = told(&output);
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(
        told.contains(&format!(": 2; the first is {}:1", log.display())),
        "{told}"
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["broken_lines"], 2);
    assert_eq!(report["links"][0]["connected_seconds"], 930.0);
}

#[test]
fn without_any_line_it_fails_and_says_why() {
    let cases: [(&[u8], &str); 4] = [
        (b"", "there is no line in standard input"),
        (b"\n\n", "there is no line in standard input"),
        (
            b"hello\n",
            "from standard input:1 on: a report needs what 'linkwatch watch --json' prints",
        ),
        (
            b"2026-11-22 10:00:00 - Interface: eth0 - Status: connected\n",
            "this is the text for people",
        ),
    ];
    for (input, why) in cases {
        let output = piped(&[], input);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        assert!(told(&output).contains(why), "{}", told(&output));
    }
}

#[test]
fn what_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    for (path, why) in [
        (missing.as_path(), "missing: No such file"),
        (folder.path(), "is a folder; give the logs in it"),
    ] {
        let output = report(&[], &[path]);
        assert_eq!(output.status.code(), Some(1));
        assert!(told(&output).contains(why), "{}", told(&output));
    }
    assert_eq!(
        report(&[], &[]).status.code(),
        Some(2),
        "no log is a usage error"
    );
    assert_eq!(
        report(&["--json", "--html", "x"], &[&missing])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn a_page_that_cannot_be_written_leaves_the_former_one() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    std::fs::write(&log, text(&thousand_seconds())).unwrap();
    let page = folder.path().join("page.html");
    std::fs::write(&page, "former").unwrap();
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "nothing").unwrap();
    let page = page.to_str().unwrap();
    assert_eq!(report(&["--html", page], &[&broken]).status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(page).unwrap(), "former");
    let output = report(&["--html", "/dev/full"], &[&log]);
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("writing /dev/full: No space left"));
    assert!(report(&["--html", page], &[&log]).status.success());
    assert!(
        std::fs::read_to_string(page)
            .unwrap()
            .starts_with("<!doctype html>")
    );
}

#[test]
fn rotated_logs_are_one_log() {
    let folder = tempfile::tempdir().unwrap();
    let lines = thousand_seconds();
    let (older, newer) = lines.split_at(5);
    let write = |name: &str, lines: &[Value]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text(lines)).unwrap();
        path
    };
    let (newer, older) = (write("log", newer), write("log.1", older));
    let gzipped = std::process::Command::new("gzip").arg(&older).status();
    assert!(gzipped.is_ok_and(|status| status.success()));
    let older = folder.path().join("log.1.gz");
    // In either order.
    let one = report(&["--json"], &[&newer, &older]);
    let other = report(&["--json"], &[&older, &newer]);
    assert!(told(&one).is_empty(), "{}", told(&one));
    assert_eq!(one.stdout, other.stdout);
    assert_eq!(
        one.stdout,
        piped(&["--json"], text(&lines).as_bytes()).stdout
    );
}

#[test]
fn a_clock_that_was_set_is_told() {
    let lines = [
        line(3600, "initial", 2, "eth0", true),
        line(3700, "disconnected", 2, "eth0", false),
        line(100, "connected", 2, "eth0", true),
        line(200, "notice", 2, "eth0", true),
    ];
    let output = piped(&["--json"], text(&lines).as_bytes());
    let told = told(&output);
    assert!(
        told.contains("the clock was set back by 1 h before standard input:3:"),
        "{told}"
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["links"][0]["connected_share"], 1.0);
    assert_eq!(report["links"][0]["connected_seconds"], 200.0);
}

#[test]
fn memory_is_bounded_however_long_the_log_is() {
    // 60 MB of a link that never rests, in an address space of 28 MB.
    let mut block = String::new();
    for second in 0..3500 {
        let (event, connected) = match second % 2 {
            0 => ("connected", true),
            _ => ("disconnected", false),
        };
        block.push_str(&line(second, event, 2, "eth0", connected).to_string());
        block.push('\n');
    }
    let repeated = block.repeat(60_000_000 / block.len());
    let mut command = std::process::Command::new("sh");
    let mut child = command
        .args([
            "-c",
            "ulimit -v 28672; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_linkwatch"),
        ])
        .args(["report", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(repeated.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    writer.join().unwrap().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        report["lines"].as_u64() > Some(200_000),
        "{}",
        report["lines"]
    );
}
