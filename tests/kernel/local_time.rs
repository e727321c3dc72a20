//! Local time is by the zone that date(1) uses, whatever TZ holds.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::support::{finish, in_namespace, linkwatch, skip};

/// Far longer than it takes, far shorter than for ever.
const LIMIT: Duration = Duration::from_secs(30);
/// In KiB: what it may take if it reads without bound.
const MEMORY: u32 = 1 << 20;

/// A file of the zone database, version 2: always so many seconds east of
/// Greenwich, which is what the rule says too.
fn tzif(offset: i32, rule: &str) -> Vec<u8> {
    let mut part = b"TZif2".to_vec();
    part.extend([0; 15]);
    for count in [0u32, 0, 0, 0, 1, 4] {
        part.extend(count.to_be_bytes());
    }
    part.extend(offset.to_be_bytes());
    part.extend(b"\0\0XYZ\0");
    [&part[..], &part, format!("\n{rule}\n").as_bytes()].concat()
}

/// A folder of zones of its own: the host need not have any.
fn zones(folder: &Path) {
    fs::create_dir(folder.join("Asia")).unwrap();
    fs::write(folder.join("Asia/Kolkata"), tzif(19_800, "XYZ-5:30")).unwrap();
    fs::write(folder.join("Alike-9"), tzif(25_200, "XYZ-7")).unwrap();
}

/// Runs a command in a zone, with bounds.
#[track_caller]
fn run(mut command: Command, zone: Option<&str>, folder: &Path) -> Output {
    command.env("TZDIR", folder).env_remove("TZ");
    if let Some(zone) = zone {
        command.env("TZ", zone);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = finish(command.spawn().unwrap(), LIMIT);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "TZ={zone:?}: {}: {error}",
        output.status
    );
    output
}

/// The program with a bound to its memory.
fn bounded(args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {MEMORY}; exec \"$@\""), "sh"]);
    let program = linkwatch(args);
    command.arg(program.get_program()).args(program.get_args());
    command.env_remove("RUST_LOG");
    command
}

fn date(args: &[&str], zone: Option<&str>, folder: &Path) -> String {
    let mut command = Command::new("date");
    command.args(args);
    String::from_utf8(run(command, zone, folder).stdout)
        .unwrap()
        .trim()
        .to_owned()
}

/// The first line of a report from noon UTC on 1 July 2026.
#[track_caller]
fn report(zone: Option<&str>, folder: &Path) -> String {
    let events: String = [("12", "initial", true), ("13", "disconnected", false)]
        .map(|(hour, event, connected)| {
            format!(
                "{{\"time\":\"2026-07-01T{hour}:00:00Z\",\"event\":\"{event}\",\"ifindex\":2,\
                 \"name\":\"e\",\"kind\":\"x\",\"connected\":{connected}}}\n"
            )
        })
        .concat();
    let log = folder.join("events");
    fs::write(&log, events).unwrap();
    let report = run(bounded(&["report", log.to_str().unwrap()]), zone, folder);
    let report = String::from_utf8(report.stdout).unwrap();
    report.lines().next().unwrap_or_default().to_owned()
}

/// The log file and the report have the time of date(1).
#[track_caller]
fn assert_as_date(zone: Option<&str>, folder: &Path) {
    let log = folder.join("log");
    let _ = fs::remove_file(&log);
    let now = || date(&["+%F %T"], zone, folder);
    let before = now();
    let watch = bounded(&[
        "watch",
        "lo",
        "--count",
        "1",
        "--log-file",
        log.to_str().unwrap(),
    ]);
    run(watch, zone, folder);
    let after = now();
    let written = fs::read_to_string(&log).unwrap();
    let written = &written[..before.len()];
    assert!(
        *before <= *written && *written <= *after,
        "TZ={zone:?}: {before} {written} {after}"
    );

    let report = report(zone, folder);
    let begin = date(&["-d", "2026-07-01T12:00:00Z", "+%F %T"], zone, folder);
    assert!(report.contains(&begin), "TZ={zone:?}: {begin}: {report}");
}

in_namespace! {
    fn local_time_is_that_of_date() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        zones(folder);
        let file = folder.join("Asia/Kolkata").display().to_string();
        for zone in [
            "Asia/Kolkata", ":Asia/Kolkata", &file, &format!(":{file}"), "Alike-9", "UTC-5",
            "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT", "", ":", "Nowhere/Land", "Asia", "../../../..",
        ] {
            assert_as_date(Some(zone), folder);
        }
    }

    fn no_value_of_tz_hangs_it_or_takes_its_memory() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        zones(folder);
        let fifo = folder.join("fifo").display().to_string();
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let large = folder.join("large");
        fs::File::create(&large).unwrap().set_len(1 << 40).unwrap();
        for zone in ["/dev/zero", "/dev/tty", &fifo, ":fifo", large.to_str().unwrap(), "/", "/proc/kmsg"] {
            let log = folder.join("log");
            let log = log.to_str().unwrap();
            run(bounded(&["watch", "lo", "--count", "1", "--log-file", log]), Some(zone), folder);
            let begin = fs::read_to_string(log).unwrap();
            assert!(begin.contains("Network monitoring started"), "{zone}: {begin}");
            fs::remove_file(log).unwrap();
            assert_as_utc(zone, folder);
        }
    }

    fn without_tz_it_is_etc_localtime() {
        if !Path::new("/etc/localtime").exists() {
            return skip("there is no /etc/localtime to put another file over");
        }
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        zones(folder);
        let fifo = folder.join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let mount = |path: &Path| {
            let status = Command::new("mount").arg("--bind").arg(path).arg("/etc/localtime").status();
            assert!(status.unwrap().success());
        };
        mount(&folder.join("Asia/Kolkata"));
        assert_as_date(None, folder);
        for weird in ["/dev/zero".as_ref(), &*fifo] {
            mount(weird);
            let log = folder.join("log");
            let watch = ["watch", "lo", "--count", "1", "--log-file", log.to_str().unwrap()];
            run(bounded(&watch), None, folder);
        }
    }
}

/// Where date(1) cannot be asked: it would hang.
#[track_caller]
fn assert_as_utc(zone: &str, folder: &Path) {
    let report = report(Some(zone), folder);
    assert!(report.contains("2026-07-01 12:00:00"), "{zone}: {report}");
}
