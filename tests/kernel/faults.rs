//! What goes wrong around a watch does not end it, and costs next to nothing
//! while it lasts.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use linkwatch::monitor::Feed;
use linkwatch::{ErrorKind, EventKind, Monitor, MonitorBuilder};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::Value;

use crate::support::{
    Counters, PATIENCE, Tap, Watch, assert_alternating, eventually, has, in_namespace, inside_with,
    ip_batch, linkwatch, skip, sum,
};

/// The CPU time that a process has used.
fn cpu_time(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// A fault that lasts: less than 5 % of the CPU are used meanwhile.
#[track_caller]
fn assert_idle(id: u32, during: impl FnOnce()) {
    let (begin, before) = (Instant::now(), cpu_time(id));
    during();
    while begin.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let used = cpu_time(id) - before;
    assert!(
        used * 20 <= begin.elapsed(),
        "{used:?} in {:?}",
        begin.elapsed()
    );
}

/// Compiles `tests/c/refuse_memory.c`.
fn refusing_library(folder: &Path) -> PathBuf {
    let library = folder.join("refuse_memory.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/c/refuse_memory.c");
    let compiled = Command::new("cc")
        .args([
            "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o",
        ])
        .arg(&library)
        .args([source, "-ldl"])
        .status()
        .unwrap();
    assert!(compiled.success());
    library
}

/// A small disk, in the mount namespace of the test alone.
fn small_disk() -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"])
        .arg(folder.path())
        .status()
        .unwrap();
    mounted.success().then_some(folder)
}

/// Leaves no room on it; returns what takes it.
fn fill(disk: &Path) -> PathBuf {
    let filler = disk.join("filler");
    // The error is what this is about.
    let _ = fs::write(&filler, vec![0; 1 << 20]);
    filler
}

fn stderr_of(mut child: Child) -> String {
    let mut told = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    child.wait().unwrap();
    told
}

fn terminate(child: &Child) {
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
}

/// Runs `body` in a namespace with a cable, and with what watches it. libnl is refused
/// memory for as long as the file exists that `body` is called with. `name` is the
/// test's path in this crate.
fn inside_where_memory_is_refused(name: &str, body: impl FnOnce(&Path, &Tap, MonitorBuilder)) {
    let folder = tempfile::tempdir().unwrap();
    let prepare = |command: &mut Command| {
        command
            .env("LD_PRELOAD", refusing_library(folder.path()))
            .env("REFUSE_MEMORY", folder.path().join("refused"));
    };
    inside_with(name, prepare, || {
        let refused = std::env::var_os("REFUSE_MEMORY").unwrap();
        let builder = Monitor::builder().pattern("cable0").unwrap();
        body(Path::new(&refused), &Tap::up("cable0"), builder);
    });
}

/// Waits for the descriptor and nothing else.
#[track_caller]
fn wait_for(descriptor: impl AsFd) {
    let mut polled = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
    let patience = PollTimeout::try_from(PATIENCE).unwrap();
    assert_eq!(poll(&mut polled, patience).unwrap(), 1, "it says nothing");
}

#[test]
fn a_watch_that_is_concluded_while_it_cannot_be_read_goes_on() {
    let name = concat!(
        module_path!(),
        "::a_watch_that_is_concluded_while_it_cannot_be_read_goes_on"
    );
    inside_where_memory_is_refused(name, |refused, cable, builder| {
        let mut monitor = builder.build().unwrap();
        assert!(monitor.try_next().unwrap().is_some());
        assert!(monitor.try_next().unwrap().is_none());

        fs::write(refused, "").unwrap();
        cable.pull();
        wait_for(&monitor);
        assert!(monitor.try_next().unwrap().is_none(), "it is not read yet");
        let error = monitor.conclude().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
        fs::remove_file(refused).unwrap();

        // At once, while the socket would not be read yet.
        monitor.conclude().unwrap();
        let event = monitor.try_next().unwrap().unwrap();
        assert_eq!(event.kind(), EventKind::Disconnected);
        while monitor.try_next().unwrap().is_some() {}
        cable.plug();
        let mut kinds = Vec::new();
        while kinds.is_empty() {
            wait_for(&monitor);
            while let Some(event) = monitor.try_next().unwrap() {
                kinds.push(event.kind());
            }
        }
        assert_eq!(kinds, [EventKind::Connected]);
    });
}

#[test]
fn an_attached_watch_says_when_it_tries_to_list_again() {
    let name = concat!(
        module_path!(),
        "::an_attached_watch_says_when_it_tries_to_list_again"
    );
    inside_where_memory_is_refused(name, |refused, cable, builder| {
        // Its program has read everything.
        let mut feed = Feed::new(builder, || true).unwrap();
        assert!(feed.try_next().unwrap().is_some());
        assert!(feed.try_next().unwrap().is_none());
        cable.pull();
        fs::write(refused, "").unwrap();
        feed.resync().unwrap_err();
        fs::remove_file(refused).unwrap();
        // Nothing else makes the program call again.
        let mut kinds = Vec::new();
        while !kinds.contains(&EventKind::Resync) {
            wait_for(&feed);
            while let Some(event) = feed.try_next().unwrap() {
                kinds.push(event.kind());
            }
        }
        assert_eq!(kinds, [EventKind::Disconnected, EventKind::Resync]);
    });
}

in_namespace! {
    fn memory_refused_to_libnl_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let refused = folder.path().join("refused");
        let cable = Tap::up("cable0");
        let mut command = linkwatch(&["watch", "--json", "cable0"]);
        command
            .env("LD_PRELOAD", refusing_library(folder.path()))
            .env("REFUSE_MEMORY", &refused)
            .stderr(Stdio::piped());
        let mut watch = Watch::of(command);
        watch.expect("initial", "cable0");
        let before = Counters::of("cable0").sum();
        fs::write(&refused, "").unwrap();
        cable.pull();
        assert_idle(watch.id(), || {
            cable.flap(50);
            cable.pull();
        });
        fs::remove_file(&refused).unwrap();
        watch.until("all is accounted for", |events| {
            sum(events) == Counters::of("cable0").sum() - before
                && events.last().is_some_and(|event| event["connected"] == false)
        });
        // Long enough for the socket to be exchanged.
        fs::write(&refused, "").unwrap();
        cable.plug();
        std::thread::sleep(Duration::from_secs(4));
        fs::remove_file(&refused).unwrap();
        watch.until("it goes on", |events| {
            sum(events) == Counters::of("cable0").sum() - before
                && events.last().is_some_and(|event| event["connected"] == true)
        });
        cable.pull();
        watch.until("it goes on as before", |events| {
            events.last().is_some_and(|event| event["event"] == "disconnected")
        });
        assert_alternating(&watch.stop());
    }

    fn an_end_that_cannot_list_the_links_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let refused = folder.path().join("refused");
        let cable = Tap::up("cable0");
        let mut command = linkwatch(&["watch", "--json", "cable0"]);
        command
            .env("LD_PRELOAD", refusing_library(folder.path()))
            .env("REFUSE_MEMORY", &refused)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut watch = command.spawn().unwrap();
        let mut first = String::new();
        BufReader::new(watch.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        assert!(first.contains("initial"), "{first}");
        fs::write(&refused, "").unwrap();
        cable.pull();
        terminate(&watch);
        let output = watch.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("error: transitions may be missing"), "{stderr}");
    }

    fn memory_refused_at_the_start_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let refused = folder.path().join("refused");
        fs::write(&refused, "").unwrap();
        for command in ["watch", "status"] {
            let output = linkwatch(&[command, "lo"])
                .env("LD_PRELOAD", refusing_library(folder.path()))
                .env("REFUSE_MEMORY", &refused)
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(1), "{command}");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(told.contains("emory"), "{command}: {told}");
        }
    }

    fn a_full_disk_loses_lines_and_no_more() {
        let Some(disk) = small_disk() else {
            return skip("tmpfs cannot be mounted in a user namespace here");
        };
        let cable = Tap::up("cable0");
        let (events, log) = (disk.path().join("events"), disk.path().join("log"));
        let child = linkwatch(&["watch", "--json", "cable0", "--log-file"])
            .arg(&log)
            .stdout(fs::File::create(&events).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let has_line = |path: &Path, text: &str| fs::read_to_string(path).unwrap().contains(text);
        eventually("it has begun", || has_line(&events, "initial") && has_line(&log, "initial"));
        let filler = fill(disk.path());
        assert_idle(child.id(), || {
            // As many lines as no file has room for in its last page.
            let mtu = |i: u32| format!("link set cable0 {}", ["down", "up"][(i % 2) as usize]);
            ip_batch((0..400).map(mtu));
        });
        fs::remove_file(filler).unwrap();
        cable.pull();
        eventually("both are written again", || {
            has_line(&events, r#""reason":"no-carrier""#) && has_line(&log, "disconnected\n")
        });
        for line in fs::read_to_string(&events).unwrap().lines().rev().take(1) {
            serde_json::from_str::<Value>(line).unwrap();
        }
        terminate(&child);
        let told = stderr_of(child);
        assert_eq!(told.matches("No space left on device").count(), 2, "once for each: {told}");
        assert_eq!(told.matches("again; lines lost: ").count(), 2, "{told}");
        assert!(told.contains(" lines were not written to standard output"), "{told}");
    }

    fn a_full_disk_from_the_start_to_the_end_is_an_error_at_last() {
        let child = linkwatch(&["watch", "--count", "1", "lo"])
            .stdout(fs::File::create("/dev/full").unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let told = stderr_of(child);
        assert_eq!(told.matches("No space left on device").count(), 1, "{told}");
        assert!(told.contains("1 line was not written to standard output"), "{told}");
    }

    fn without_descriptors_it_says_so_at_the_start() {
        // One is left, which the dynamic linker needs first.
        let run = |command: &str| {
            Command::new("sh")
                .args(["-c", r#"ulimit -n 4; exec "$0" "$1" lo"#])
                .args([env!("CARGO_BIN_EXE_linkwatch"), command])
                .output()
                .unwrap()
        };
        let watch = run("watch");
        assert_eq!(watch.status.code(), Some(1));
        let told = String::from_utf8_lossy(&watch.stderr);
        assert!(told.contains("oo many open files"), "{told}");
        let status = run("status");
        assert_eq!(status.status.code(), Some(3), "one is enough: {status:?}");
    }

    fn a_resync_needs_no_descriptor() {
        if !has("prlimit") {
            return skip("prlimit is not installed");
        }
        let cable = Tap::up("cable0");
        let mut watch = Watch::start(&["--buffer-size", "4096", "cable0"]);
        watch.expect("initial", "cable0");
        let before = Counters::of("cable0").sum();
        let limit = fs::read_dir(format!("/proc/{}/fd", watch.id())).unwrap().count();
        let limited = Command::new("prlimit")
            .args(["--pid", &watch.id().to_string(), &format!("--nofile={limit}")])
            .status()
            .unwrap();
        assert!(limited.success());
        watch.signal("STOP");
        ip_batch((0..200).map(|i| format!("link set cable0 mtu {}", 1000 + i)));
        cable.flap(10);
        cable.pull();
        watch.signal("CONT");
        watch.until("all is accounted for", |events| {
            events.iter().any(|event| event["event"] == "resync")
                && sum(events) == Counters::of("cable0").sum() - before
        });
        watch.stop();
    }

    fn a_storm_of_signals_loses_nothing() {
        let cable = Tap::up("cable0");
        // With a log file, for SIGHUP ends a watch without one.
        let mut watch = Watch::start(&["--log-file", "/dev/null", "cable0"]);
        watch.expect("initial", "cable0");
        let before = Counters::of("cable0").sum();
        let id = watch.id().to_string();
        let mut storm = Command::new("sh")
            .args(["-c", r#"while kill -HUP "$0" && kill -CONT "$0" && kill -WINCH "$0"; do :; done"#, &id])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..20 {
            cable.flap(5);
        }
        cable.pull();
        watch.until("all is accounted for", |events| {
            sum(events) == Counters::of("cable0").sum() - before
                && events.last().is_some_and(|event| event["connected"] == false)
        });
        storm.kill().unwrap();
        storm.wait().unwrap();
        assert_alternating(&watch.stop());
    }
}
