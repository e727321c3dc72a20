//! netplugd 1.2.9, as Debian has it, and `linkwatch netplugd`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{Bench, Daemon, Scenario};
use crate::support::{Tap, awk, eventually, ip, skip};
use crate::test_name;

/// Starts it in the foreground for the interfaces `lw*`, with nothing from
/// /etc, without probes.
fn start(bench: &Bench, more: &[&str]) -> Daemon {
    start_with(bench, &[&["-P", "-i", "lw*"], more].concat())
}

fn start_with(bench: &Bench, arguments: &[&str]) -> Daemon {
    bench.set_umask(0o022);
    let script = bench.script_path();
    let always = ["-F", "-c", "/dev/null", "-s", &script];
    bench.start("netplugd", &[&always, arguments].concat())
}

/// Ends it once it has nothing to do; netplugd knows one exit code. The original
/// may hang for ever where a signal meets it at work.
#[track_caller]
fn stop(daemon: &mut Daemon) {
    until_idle(daemon);
    stop_at_once(daemon);
}

#[track_caller]
fn stop_at_once(daemon: &mut Daemon) {
    daemon.signal("TERM");
    daemon.ended();
}

/// The same, for one in the background.
#[track_caller]
fn stop_by_id(bench: &Bench, id: u32) {
    until_running(id, 0);
    bench.signal(id, "TERM");
    bench.until_gone(id);
}

/// Waits until no script runs any more and the daemon, which knows it, sleeps.
#[track_caller]
fn until_idle(daemon: &Daemon) {
    until_running(daemon.id(), 0);
}

/// Waits until so many scripts run and the daemon, which knows it, sleeps. The
/// original loses one of two that end at the same moment.
#[track_caller]
fn until_running(id: u32, number: usize) {
    eventually(&format!("{number} scripts"), || {
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let is_asleep = stat.contains(") S ");
        is_asleep && children.unwrap_or_default().split_whitespace().count() == number
    });
}

/// A cable whose state the kernel has told of once it has changed. It may wait
/// for a second with that, and tells nothing if the cable is as before by then.
struct Cable {
    tap: Tap,
    /// As it is called now.
    name: &'static str,
}

impl Cable {
    fn plugged(name: &'static str) -> Cable {
        let tap = Tap::up(name);
        Cable { tap, name }
    }

    fn pulled(name: &'static str) -> Cable {
        let cable = Cable::plugged(name);
        cable.pull();
        cable
    }

    #[track_caller]
    fn pull(&self) {
        self.tap.pull();
        self.until("down");
    }

    #[track_caller]
    fn plug(&self) {
        self.tap.plug();
        self.until("up");
    }

    #[track_caller]
    fn until(&self, expected: &str) {
        let name = self.name;
        eventually(&format!("{name} is {expected}"), || {
            let state = fs::read_to_string(format!("/sys/class/net/{name}/operstate"));
            state.is_ok_and(|state| state.trim() == expected)
        });
    }
}

fn set(name: &str, up_or_down: &str) {
    ip(&["link", "set", name, up_or_down]);
}

// ------------------------------------------------------------------- the start --

#[test]
fn a_link_at_the_start() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "exit 1"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            stop(&mut daemon);
        });
}

#[test]
fn no_link_at_the_start() {
    Scenario::new(test_name!())
        .expect(&["lw1 in", "lw0 in", "exit 1"])
        .run(|bench| {
            let cable = Cable::pulled("lw0");
            let _other = Tap::up("lw1");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            cable.plug();
            bench.until_lines(2);
            stop(&mut daemon);
        });
}

#[test]
fn a_link_that_is_down_at_the_start_is_left_so() {
    Scenario::new(test_name!())
        .expect(&["lw1 in", "lw0 in", "exit 1"])
        .run(|bench| {
            let _down = Tap::new("lw0");
            let _other = Tap::up("lw1");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            set("lw0", "up");
            bench.until_lines(2);
            stop(&mut daemon);
        });
}

#[test]
fn a_link_that_was_up_at_the_start_and_goes_down_is_left_so() {
    Scenario::new(test_name!())
        .expect(&["lw1 in", "lw1 out", "lw0 in", "exit 1"])
        .run(|bench| {
            let cable = Cable::pulled("lw0");
            let other = Cable::plugged("lw1");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            set("lw0", "down");
            other.pull();
            bench.until_lines(2);
            until_idle(&daemon);
            cable.tap.plug();
            set("lw0", "up");
            bench.until_lines(3);
            stop(&mut daemon);
        });
}

#[test]
fn names_are_probed_at_the_start() {
    Scenario::new(test_name!())
        .expect(&[
            "other2 probe",
            "lw1 probe",
            "lw3 probe",
            "plain probe",
            "lw3 in",
            "exit 1",
        ])
        .run(|bench| {
            let _cable = Tap::new("lw3");
            // As Debian's script does.
            bench.then("probe", r#"ip link set "$1" up 2>&1"#);
            let patterns = ["-i", "plain", "-i", "lw[13]", "-i", "*", "-i", "other2"];
            let mut daemon = start_with(bench, &patterns);
            bench.until_lines(5);
            stop(&mut daemon);
        });
}

#[test]
fn of_a_pattern_sixteen_names_are_probed() {
    let probes: Vec<String> = (0..16).map(|number| format!("lw{number} probe")).collect();
    let mut expected: Vec<&str> = probes.iter().map(String::as_str).collect();
    expected.extend(["lw0 in", "exit 1"]);
    Scenario::new(test_name!()).expect(&expected).run(|bench| {
        let _cable = Tap::up("lw0");
        let mut daemon = start_with(bench, &["-i", "lw*"]);
        bench.until_lines(17);
        stop(&mut daemon);
    });
}

// ------------------------------------------------------------------ the changes --

#[test]
fn carrier_is_lost_and_comes_back() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw0 out", "lw0 in", "lw0 out", "lw0 in", "exit 1"])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let mut daemon = start(bench, &[]);
            for round in 0..2 {
                bench.until_lines(2 * round + 1);
                until_idle(&daemon);
                cable.pull();
                bench.until_lines(2 * round + 2);
                until_idle(&daemon);
                cable.plug();
            }
            bench.until_lines(5);
            stop(&mut daemon);
        });
}

#[test]
fn carrier_is_lost_while_in_runs() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw1 in", "lw0 out", "exit 1"])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let other = Cable::pulled("lw1");
            bench.then("in", "[ $1 != lw0 ] || held_by gate");
            bench.hold("gate");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            cable.pull();
            // By then it has been seen.
            other.plug();
            bench.until_lines(2);
            until_running(daemon.id(), 1);
            bench.release("gate");
            bench.until_lines(3);
            stop(&mut daemon);
        });
}

#[test]
fn carrier_is_lost_and_comes_back_while_in_runs() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw1 in", "lw1 out", "lw0 out", "lw0 in", "exit 1"])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let other = Cable::pulled("lw1");
            bench.then("in", "[ $1 != lw0 ] || held_by gate");
            bench.hold("gate");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            cable.pull();
            other.plug();
            bench.until_lines(2);
            cable.plug();
            other.pull();
            bench.until_lines(3);
            until_running(daemon.id(), 1);
            bench.release("gate");
            bench.until_lines(5);
            stop(&mut daemon);
        });
}

#[test]
fn carrier_comes_back_while_out_runs() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw0 out", "lw1 in", "lw0 in", "exit 1"])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let other = Cable::pulled("lw1");
            bench.then("out", "[ $1 != lw0 ] || held_by gate");
            bench.hold("gate");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            cable.pull();
            bench.until_lines(2);
            cable.plug();
            other.plug();
            bench.until_lines(3);
            until_running(daemon.id(), 1);
            bench.release("gate");
            bench.until_lines(4);
            stop(&mut daemon);
        });
}

/// Sets how many descriptors a process may have (prlimit(1)).
#[track_caller]
fn limit_descriptors(id: u32, number: &str) {
    let status = Command::new("prlimit")
        .args([format!("--pid={id}"), format!("--nofile={number}:")])
        .status();
    assert!(status.is_ok_and(|status| status.success()), "prlimit");
}

#[test]
fn a_script_that_cannot_be_started_for_now_is_called_once_it_can() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw1 in", "lw2 probe", "lw2 in", "exit 1"])
        .without_the_original()
        .run(|bench| {
            let _first = Cable::plugged("lw0");
            let second = Cable::pulled("lw1");
            let third = Cable::pulled("lw2");
            let mut daemon = start(bench, &["-D"]);
            bench.until_lines(1);
            until_idle(&daemon);
            let id = daemon.id();
            let is_open = |number: &u32| Path::new(&format!("/proc/{id}/fd/{number}")).exists();
            let number = (0..).take_while(is_open).count().to_string();

            limit_descriptors(id, &number);
            second.plug();
            eventually("a second attempt", || daemon.says("lw1 in: still"));
            limit_descriptors(id, "512");
            bench.until_lines(2);
            until_idle(&daemon);

            // It is called for what is so by then.
            limit_descriptors(id, &number);
            third.plug();
            eventually("an attempt", || daemon.says("lw2 in: "));
            set("lw2", "down");
            eventually("another attempt", || daemon.says("lw2 probe: "));
            limit_descriptors(id, "512");
            bench.until_lines(3);
            until_idle(&daemon);
            set("lw2", "up");
            bench.until_lines(4);
            stop(&mut daemon);
            let lines = daemon.all_lines();
            let warnings = lines.iter().filter(|line| line.ends_with("trying again"));
            assert_eq!(warnings.count(), 3, "{lines:#?}");
        });
}

#[test]
fn in_fails_and_nothing_is_done_until_the_link_was_down() {
    Scenario::new(test_name!())
        .expect(&[
            "lw0 in",
            "lw1 in",
            "lw1 out",
            "lw0 probe",
            "lw0 in",
            "lw0 out",
            "exit 1",
        ])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let other = Cable::pulled("lw1");
            bench.then("in", "[ $1 != lw0 ] || exit 3");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            cable.pull();
            other.plug();
            bench.until_lines(2);
            until_idle(&daemon);
            cable.plug();
            other.pull();
            bench.until_lines(3);
            until_idle(&daemon);
            bench.then("in", "exit 0");
            set("lw0", "down");
            bench.until_lines(4);
            until_idle(&daemon);
            set("lw0", "up");
            bench.until_lines(5);
            until_idle(&daemon);
            cable.pull();
            bench.until_lines(6);
            stop(&mut daemon);
        });
}

#[test]
fn in_is_killed_and_counts_as_failed() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw1 in", "exit 1"])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let other = Cable::pulled("lw1");
            bench.then("in", "[ $1 != lw0 ] || kill -9 $$");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            cable.pull();
            other.plug();
            bench.until_lines(2);
            stop(&mut daemon);
        });
}

#[test]
fn that_out_fails_does_not_matter() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw0 out", "lw0 in", "exit 1"])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            bench.then("out", "exit 5");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            cable.pull();
            bench.until_lines(2);
            until_idle(&daemon);
            cable.plug();
            bench.until_lines(3);
            stop(&mut daemon);
        });
}

#[test]
fn a_link_that_is_taken_down_is_probed() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw0 probe", "lw0 in", "exit 1"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            set("lw0", "down");
            bench.until_lines(2);
            until_idle(&daemon);
            set("lw0", "up");
            bench.until_lines(3);
            stop(&mut daemon);
        });
}

#[test]
fn a_link_that_is_taken_down_is_taken_up_by_the_probe() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw0 probe", "lw0 in", "exit 1"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.then("probe", r#"ip link set "$1" up"#);
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            set("lw0", "down");
            bench.until_lines(3);
            stop(&mut daemon);
        });
}

#[test]
fn a_link_without_carrier_that_is_taken_down_is_probed() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw0 out", "lw0 probe", "exit 1"])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            cable.pull();
            bench.until_lines(2);
            until_idle(&daemon);
            set("lw0", "down");
            bench.until_lines(3);
            stop(&mut daemon);
        });
}

#[test]
fn a_link_is_taken_down_while_in_runs() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "terminated", "lw0 probe", "lw0 in", "exit 1"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.then("in", "trap 'note terminated; exit 0' TERM; held_by gate");
            bench.hold("gate");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            // The trap is set soon after the line is written.
            until_trapped(bench, &daemon);
            set("lw0", "down");
            bench.until_lines(3);
            until_idle(&daemon);
            bench.release("gate");
            set("lw0", "up");
            bench.until_lines(4);
            stop(&mut daemon);
        });
}

/// Waits until the script that runs has a handler for SIGTERM.
fn until_trapped(bench: &Bench, daemon: &Daemon) {
    let id = daemon.id();
    eventually(&format!("a handler: {:?}", bench.record()), || {
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.unwrap_or_default();
        let Some(script) = children.split_whitespace().next() else {
            return false;
        };
        let status = fs::read_to_string(format!("/proc/{script}/status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_some_and(|mask| mask & (1 << (15 - 1)) != 0)
    });
}

#[test]
fn a_script_that_does_not_heed_sigterm_is_killed() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw0 probe", "exit 1"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.then("in", "trap 'true' TERM; while :; do held_by gate; done");
            bench.hold("gate");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_trapped(bench, &daemon);
            set("lw0", "down");
            bench.until_lines(2);
            stop(&mut daemon);
        });
}

#[test]
fn a_link_is_taken_down_while_out_runs() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw0 out", "lw1 in", "lw0 probe", "exit 1"])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let other = Cable::pulled("lw1");
            bench.then("out", "[ $1 != lw0 ] || held_by gate");
            bench.hold("gate");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            cable.pull();
            bench.until_lines(2);
            set("lw0", "down");
            other.plug();
            bench.until_lines(3);
            until_running(daemon.id(), 1);
            bench.release("gate");
            bench.until_lines(4);
            stop(&mut daemon);
        });
}

/// The original is in no state for that.
#[test]
fn a_link_goes_down_and_up_while_out_runs() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw0 out", "lw1 in", "lw1 out", "lw0 in", "exit 1"])
        .while_the_original(&["lw0 in", "lw0 out", "lw1 in", "lw1 out", "exit 1"])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let other = Cable::pulled("lw1");
            bench.then("out", "[ $1 != lw0 ] || held_by gate");
            bench.hold("gate");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            cable.pull();
            bench.until_lines(2);
            set("lw0", "down");
            other.plug();
            bench.until_lines(3);
            set("lw0", "up");
            other.pull();
            bench.until_lines(4);
            until_running(daemon.id(), 1);
            bench.release("gate");
            match bench.either("original", "linkwatch") {
                "original" => daemon.ended(),
                _ => {
                    cable.plug();
                    bench.until_lines(5);
                    stop(&mut daemon);
                }
            }
        });
}

// -------------------------------------------------------- interfaces and names --

#[test]
fn an_interface_appears_and_goes() {
    Scenario::new(test_name!())
        .expect(&["lw1 in", "lw0 in", "lw0 probe", "exit 1"])
        .run(|bench| {
            let _other = Tap::up("lw1");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            let cable = Cable::plugged("lw0");
            bench.until_lines(2);
            until_idle(&daemon);
            drop(cable);
            bench.until_lines(3);
            stop(&mut daemon);
        });
}

#[test]
fn an_interface_without_carrier_goes() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw0 out", "lw0 probe", "exit 1"])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            cable.pull();
            bench.until_lines(2);
            until_idle(&daemon);
            drop(cable);
            bench.until_lines(3);
            stop(&mut daemon);
        });
}

/// The original takes the new one for the old one, too.
#[test]
fn an_interface_goes_and_one_of_its_name_appears() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw0 probe", "lw0 in", "lw1 in", "exit 1"])
        .while_the_original(&[
            "lw0 in",
            "lw0 probe",
            "lw0 in",
            "lw0 in",
            "lw1 in",
            "exit 1",
        ])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            drop(cable);
            bench.until_lines(2);
            until_idle(&daemon);
            let _cable = Tap::up("lw0");
            bench.until_line("lw0 in", bench.either("3", "2").parse().unwrap());
            let _other = Tap::up("lw1");
            bench.until_line("lw1 in", 1);
            // The original may have lost one of its scripts by now.
            match bench.either("original", "linkwatch") {
                "original" => stop_at_once(&mut daemon),
                _ => stop(&mut daemon),
            }
        });
}

#[test]
fn an_interface_is_renamed() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw7 out", "lw7 in", "exit 1"])
        .run(|bench| {
            let mut cable = Cable::plugged("lw0");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            if !crate::support::rename_up("lw0", "lw7") {
                // What would have come of it.
                bench.note("lw7 out");
                bench.note("lw7 in");
                return stop(&mut daemon);
            }
            cable.name = "lw7";
            cable.pull();
            bench.until_lines(2);
            until_idle(&daemon);
            cable.plug();
            bench.until_lines(3);
            stop(&mut daemon);
        });
}

/// What has another name is not managed; what gets a managed one is new. The
/// original goes on where it was.
#[test]
fn an_interface_is_renamed_out_of_the_patterns_and_back() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "lw1 in", "lw7 in", "lw7 out", "exit 1"])
        .while_the_original(&["lw0 in", "lw1 in", "lw7 out", "exit 1"])
        .run(|bench| {
            let mut cable = Cable::plugged("lw0");
            let other = Cable::pulled("lw1");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            if !crate::support::rename_up("lw0", "gone") {
                bench.note("lw1 in");
                if bench.either("original", "linkwatch") == "linkwatch" {
                    bench.note("lw7 in");
                }
                bench.note("lw7 out");
                return stop(&mut daemon);
            }
            cable.name = "gone";
            cable.pull();
            cable.plug();
            other.plug();
            bench.until_lines(2);
            until_idle(&daemon);
            crate::support::rename_up("gone", "lw7");
            cable.name = "lw7";
            if bench.either("original", "linkwatch") == "linkwatch" {
                bench.until_lines(3);
                until_idle(&daemon);
            }
            cable.pull();
            bench.until_line("lw7 out", 1);
            stop(&mut daemon);
        });
}

#[test]
fn alternative_names_are_not_matched() {
    Scenario::new(test_name!())
        .expect(&["lw1 in", "exit 1"])
        .run(|bench| {
            let first = Cable::plugged("first");
            ip(&["link", "property", "add", "dev", "first", "altname", "lw0"]);
            let other = Cable::pulled("lw1");
            let mut daemon = start(bench, &[]);
            first.pull();
            other.plug();
            bench.until_lines(1);
            until_idle(&daemon);
            stop(&mut daemon);
        });
}

/// The original passes over the messages about loopback, but not over loopback
/// as it is at the start.
#[test]
fn loopback_is_left_alone() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "exit 1"])
        .while_the_original(&["lo in", "lw0 in", "exit 1"])
        .run(|bench| {
            set("lo", "up");
            let cable = Cable::pulled("lw0");
            let mut daemon = start(bench, &["-i", "lo"]);
            if bench.either("original", "linkwatch") == "original" {
                bench.until_lines(1);
            }
            cable.plug();
            bench.until_line("lw0 in", 1);
            stop(&mut daemon);
        });
}

#[test]
fn a_hostile_name() {
    Scenario::new(test_name!())
        .expect(&["lw\x1b[2J\u{7} in", "exit 1"])
        .run(|bench| {
            let _cable = Tap::up("lw\x1b[2J\x07");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_idle(&daemon);
            stop(&mut daemon);
            if bench.either("original", "linkwatch") == "linkwatch" {
                let lines = daemon.lines();
                let is_safe = |line: &String| !line.contains(char::is_control);
                assert!(lines.iter().all(is_safe), "{lines:#?}");
                assert!(daemon.says(r"lw\x1b[2J\x07 in -> pid"), "{lines:#?}");
            }
        });
}

/// Whatever happens while scripts run, fail and hang: what is so in the end is
/// what they were told last. The original would have ended.
#[test]
fn no_order_of_events_ends_it() {
    Scenario::new(test_name!())
        .expect(&["exit 1"])
        .without_the_original()
        .run(|bench| {
            let cables = ["lw0", "lw1", "lw2"].map(Tap::up);
            let (calls, random) = (bench.file("calls"), bench.file("random"));
            let commands = format!(
                "echo \"$2\" >>{}.$1; [ ! -e {} ] || sleep 0.0$(($$ % 10)); exit $(($$ % 2))",
                calls.display(),
                random.display()
            );
            fs::write(&random, "").expect("a file");
            let script = bench.file("random-script");
            fs::write(&script, format!("#!/bin/sh\n{commands}\n")).expect("a script");
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&script, executable).expect("its mode");
            let mut daemon = start(bench, &["-s", &script.display().to_string()]);
            // As random as it gets without surprises: a linear congruence.
            let mut number = 22u32;
            for _ in 0..300 {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let which = (number >> 8) as usize % 3;
                let name = ["lw0", "lw1", "lw2"][which];
                match (number >> 16) % 6 {
                    0 | 1 => cables[which].pull(),
                    2 | 3 => cables[which].plug(),
                    4 => set(name, "down"),
                    _ => set(name, "up"),
                }
                if number >> 28 == 0 {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            }
            // From now on it succeeds, at once.
            let new = bench.file("new-script");
            let commands = format!("#!/bin/sh\necho \"$2\" >>{}.$1\n", calls.display());
            fs::write(&new, commands).expect("a script");
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&new, executable).expect("its mode");
            fs::rename(&new, &script).expect("the script");
            let last = |name: &str| {
                let text = fs::read_to_string(format!("{}.{name}", calls.display()));
                text.unwrap_or_default().lines().last().map(str::to_owned)
            };
            for (cable, name) in cables.iter().zip(["lw0", "lw1", "lw2"]) {
                // Which ends that `in` has failed, too.
                set(name, "down");
                until_idle(&daemon);
                cable.plug();
                set(name, "up");
                eventually("in", || last(name).as_deref() == Some("in"));
                until_idle(&daemon);
                cable.pull();
                eventually("out", || last(name).as_deref() == Some("out"));
            }
            until_idle(&daemon);
            stop(&mut daemon);
        });
}

/// The original loses those whose end it is told of by one signal.
#[test]
fn scripts_that_end_at_the_same_moment() {
    const NAMES: [&str; 8] = ["lw0", "lw1", "lw2", "lw3", "lw4", "lw5", "lw6", "lw7"];
    Scenario::new(test_name!())
        .expect(&["exit 1"])
        .without_the_original()
        .run(|bench| {
            let cables = NAMES.map(Tap::up);
            let script = bench.file("short");
            let calls = bench.file("calls");
            let gate = bench.file("gate");
            let (shown, waits_for) = (calls.display(), gate.display());
            fs::write(
                &script,
                format!("#!/bin/sh\necho $* >>{shown}\nread -r _ <{waits_for}\nexit 0\n"),
            )
            .expect("a script");
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&script, executable).expect("its mode");
            let made = std::process::Command::new("mkfifo").arg(&gate).status();
            assert!(made.expect("mkfifo").success());
            let count = |task: &str| {
                let text = fs::read_to_string(&calls).unwrap_or_default();
                text.lines().filter(|line| line.ends_with(task)).count()
            };
            let mut daemon = start(bench, &["-s", &script.display().to_string()]);
            eventually("all scripts", || count(" in") == NAMES.len());
            // They read its end all at once.
            drop(fs::OpenOptions::new().write(true).open(&gate));
            until_idle(&daemon);
            fs::remove_file(&gate).expect("the gate");
            fs::write(&gate, "").expect("an open gate");
            cables.iter().for_each(Tap::pull);
            eventually("all again", || count(" out") == NAMES.len());
            until_idle(&daemon);
            stop(&mut daemon);
        });
}

// ------------------------------------------------------------------- the script --

#[test]
fn what_the_script_has() {
    Scenario::new(test_name!())
        .expect(&[
            "lw0 in",
            "from the environment",
            "leads its group",
            "exit 1",
        ])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.then(
                "in",
                r#"note "$GREETING"
                read -r _ _ _ _ group _ </proc/self/stat
                [ "$group" = $$ ] && note "leads its group""#,
            );
            bench.set_umask(0o022);
            let mut command = bench.program("netplugd");
            let script = bench.script_path();
            command.args(["-F", "-P", "-c", "/dev/null", "-i", "lw*", "-s", &script]);
            command.env("GREETING", "from the environment");
            let mut daemon = bench.start_command(command);
            bench.until_lines(3);
            stop(&mut daemon);
        });
}

#[test]
fn what_the_script_has_blocked() {
    let Some(awk) = awk() else {
        return skip("there is no awk");
    };
    Scenario::new(test_name!())
        .expect(&["blocked 0000000000000000", "exit 1"])
        .without_the_original()
        .run(|bench| {
            let _cable = Tap::up("lw0");
            let script = bench.mask_script(&awk);
            let arguments = ["-F", "-P", "-c", "/dev/null", "-i", "lw*", "-s", &script];
            let mut daemon = bench.start("netplugd", &arguments);
            bench.until_lines(1);
            stop(&mut daemon);
        });
}

#[test]
fn a_script_that_is_not_there() {
    Scenario::new(test_name!())
        .expect(&["exit 1"])
        .run(|bench| {
            let cable = Cable::plugged("lw0");
            let arguments = ["-F", "-c", "/dev/null", "-i", "lw*", "-s", "/etc/none"];
            let mut daemon = bench.start("netplugd", &arguments);
            bench.until_says(
                &daemon,
                "/etc/none: No such file",
                "/etc/none lw0 in: No such file",
            );
            until_idle(&daemon);
            cable.pull();
            cable.plug();
            assert!(daemon.is_running());
            stop(&mut daemon);
        });
}

#[test]
fn a_script_runs_on_when_the_daemon_ends() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "exit 1", "done"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.then("in", "held_by gate; echo written; note done");
            bench.hold("gate");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            until_running(daemon.id(), 1);
            stop_at_once(&mut daemon);
            bench.release("gate");
            bench.until_lines(3);
        });
}

// --------------------------------------------------------- signals and options --

#[test]
fn signals_end_it() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "exit 1", "lw0 in", "exit 1", "lw0 in", "exit 1"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            for (number, signal) in ["HUP", "INT", "TERM"].into_iter().enumerate() {
                let mut daemon = start(bench, &[]);
                bench.until_lines(2 * number + 1);
                until_idle(&daemon);
                daemon.signal(signal);
                daemon.ended();
            }
        });
}

#[test]
fn options_that_are_wrong() {
    Scenario::new(test_name!())
        .expect(&[
            "netplugd -x: exit 1",
            "netplugd -F -c: exit 1",
            "netplugd -F -i: exit 1",
            "netplugd --long: exit 1",
            "netplugd -h: exit 0",
            "netplugd -DFPh: exit 0",
        ])
        .run(|bench| {
            for arguments in [
                &["-x"][..],
                &["-F", "-c"],
                &["-F", "-i"],
                &["--long"],
                &["-h"],
                &["-DFPh"],
            ] {
                bench.run("netplugd", arguments);
            }
        });
}

/// Bundled, attached, repeated (the last counts), and more words than needed.
#[test]
fn options_in_all_forms() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "exit 1"])
        .run(|bench| {
            bench.set_umask(0o022);
            let _cable = Tap::up("lw0");
            let script = bench.script_path();
            let mut daemon = bench.start(
                "netplugd",
                &[
                    "word",
                    "-DFP",
                    "-c/dev/null",
                    "-s",
                    "/none",
                    "-s",
                    &script,
                    "-i",
                    "-P*",
                    "-ilw*",
                    "-i",
                    "",
                    "-p",
                    "/none/a",
                    "-p",
                    "/none/b",
                    "-F",
                ],
            );
            bench.until_lines(1);
            stop(&mut daemon);
        });
}

#[test]
fn files_from_where_debian_has_them() {
    Scenario::new(test_name!())
        .expect(&["one1 probe", "two probe", "two in", "exit 1"])
        .run(|bench| {
            bench.set_umask(0o022);
            bench.write_script(Path::new("/etc/netplug/netplug"));
            let patterns = "# what is managed\n\n  two and more words\none[1]#comment\n";
            fs::write("/etc/netplug/netplugd.conf", patterns).expect("the file");
            let _cables = ["two", "and", "three"].map(Tap::up);
            let mut daemon = bench.start("netplugd", &["-F"]);
            bench.until_lines(3);
            stop(&mut daemon);
        });
}

#[test]
fn a_file_that_is_not_there_ends_nothing() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "exit 1"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            fs::write("/etc/patterns", "lw*\n").expect("the file");
            bench.set_umask(0o022);
            let script = bench.script_path();
            let arguments = [
                "-FP",
                "-c",
                "/etc/none",
                "-c",
                "/etc/patterns",
                "-s",
                &script,
            ];
            let mut daemon = bench.start("netplugd", &arguments);
            bench.until_lines(1);
            bench.until_says(&daemon, "/etc/none: No such", "/etc/none: No such");
            stop(&mut daemon);
        });
}

#[test]
fn patterns_from_standard_input() {
    Scenario::new(test_name!())
        .expect(&["lw0 in", "netplugd -P -c - -p: exit 0", "gone"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.set_umask(0o022);
            let patterns = bench.file("patterns");
            fs::write(&patterns, "lw* # all\n").expect("the file");
            let netplugd = bench.program("netplugd");
            let mut shell = std::process::Command::new("sh");
            for (name, value) in netplugd.get_envs() {
                shell.env(name, value.unwrap_or_default());
            }
            let line = r#""$0" -P -c - -s "$1" -p /var/run/netplugd.pid <"$2""#;
            shell
                .args(["-c", line])
                .arg(netplugd.get_program())
                .arg(bench.script())
                .arg(&patterns);
            // It calls the script once it is in the background, or just before.
            let output = shell.output();
            assert!(output.is_ok_and(|output| output.status.success()));
            let id = bench.pid_of("netplugd.pid");
            bench.until_lines(1);
            bench.note("netplugd -P -c - -p: exit 0");
            stop_by_id(bench, id);
            bench.note("gone");
        });
}

// --------------------------------------------------------------- the background --

const PID_FILE: &str = "/var/run/netplugd.pid";

fn run_in_background(bench: &Bench, more: &[&str]) -> u32 {
    bench.set_umask(0o022);
    let script = bench.script_path();
    let always = [
        "-c",
        "/dev/null",
        "-i",
        "lw*",
        "-s",
        &script,
        "-p",
        PID_FILE,
    ];
    let mut command = bench.program("netplugd");
    command.args(always).args(more);
    bench.run_command(command, "netplugd");
    bench.pid_of("netplugd.pid")
}

#[test]
fn into_the_background_and_to_its_end() {
    Scenario::new(test_name!())
        .expect(&[
            "netplugd: exit 0",
            "lw0 in",
            "in / for netplugd",
            "without a terminal",
            "no PID file",
        ])
        .run(|bench| {
            bench.syslog();
            let cable = Cable::pulled("lw0");
            bench.hold("gate");
            let is_clean = r#"[ -z "$LINKWATCH_IN_BACKGROUND" ] || note "ours""#;
            bench.then("in", &format!("{is_clean}; held_by gate"));
            let id = run_in_background(bench, &["-P"]);
            cable.plug();
            bench.until_lines(2);
            let of = |what: &str| format!("/proc/{id}/{what}");
            let folder = fs::read_link(of("cwd")).expect("its folder");
            let name = fs::read_to_string(of("comm")).expect("its name");
            bench.note(&format!("in {} for {}", folder.display(), name.trim()));
            let streams = ["fd/0", "fd/1", "fd/2"].map(|fd| fs::read_link(of(fd)).expect("open"));
            if streams
                .iter()
                .all(|stream| stream == Path::new("/dev/null"))
            {
                bench.note("without a terminal");
            }
            bench.until_logged("lw0 in -> pid ", "lw0 in -> pid ");
            bench.release("gate");
            stop_by_id(bench, id);
            bench.until_logged("caught signal 15", "caught SIGTERM");
            let beginning = format!(" netplugd[{id}]: ");
            assert!(bench.syslog().iter().all(|line| line.starts_with('<')));
            assert!(bench.syslog().iter().any(|line| line.contains(&beginning)));
            if !Path::new(PID_FILE).exists() {
                bench.note("no PID file");
            }
        });
}

#[test]
fn probes_are_done_when_it_has_gone_into_the_background() {
    Scenario::new(test_name!())
        .expect(&["lw1 probe", "netplugd: exit 0", "gone"])
        .run(|bench| {
            bench.set_umask(0o022);
            bench.then("probe", "echo said to the user");
            let script = bench.script_path();
            let arguments = [
                "-c",
                "/dev/null",
                "-i",
                "lw[1]",
                "-p",
                PID_FILE,
                "-s",
                &script,
            ];
            let mut command = bench.program("netplugd");
            command.args(arguments);
            let output = bench.run_command(command, "netplugd");
            let record = bench.record();
            assert_eq!(record.last().map(String::as_str), Some("netplugd: exit 0"));
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            assert!(text.contains("said to the user"), "{text}");
            stop_by_id(bench, bench.pid_of("netplugd.pid"));
            bench.note("gone");
        });
}

/// Whoever does not wait for it does not get it.
#[test]
fn it_is_interrupted_while_it_probes() {
    Scenario::new(test_name!())
        .expect(&["lw1 probe", "killed by 15", "nothing is left"])
        .run(|bench| {
            bench.set_umask(0o022);
            bench.hold("gate");
            bench.then("probe", "held_by gate");
            let script = bench.script_path();
            let mut daemon = bench.start(
                "netplugd",
                &[
                    "-c",
                    "/dev/null",
                    "-i",
                    "lw1",
                    "-p",
                    PID_FILE,
                    "-s",
                    &script,
                ],
            );
            bench.until_lines(1);
            daemon.signal("TERM");
            daemon.ended();
            bench.release("gate");
            eventually("its end", || {
                let processes = fs::read_dir("/proc").expect("/proc").flatten();
                let mut names = processes.filter_map(|process| {
                    let name = fs::read_to_string(process.path().join("comm")).ok()?;
                    Some(name.trim() == "netplugd" || name.trim() == "script")
                });
                !names.any(|is_left| is_left)
            });
            if !Path::new(PID_FILE).exists() {
                bench.note("nothing is left");
            }
        });
}

/// The original starts a second one, and overwrites the file.
#[test]
fn a_second_one_is_refused() {
    Scenario::new(test_name!())
        .expect(&["netplugd: exit 0", "netplugd: exit 1", "the first one's"])
        .while_the_original(&["netplugd: exit 0", "netplugd: exit 0", "another one's"])
        .run(|bench| {
            let first = run_in_background(bench, &["-P"]);
            run_in_background(bench, &["-P"]);
            if bench.either("original", "linkwatch") == "linkwatch" {
                let told = fs::read_to_string(bench.file("stderr")).expect("its words");
                assert!(told.contains("is running already"), "{told}");
            }
            let mut second = first;
            if bench.either("original", "linkwatch") == "original" {
                eventually("another", || {
                    second = bench.pid_of("netplugd.pid");
                    second != first
                });
            }
            match bench.pid_of("netplugd.pid") == first {
                true => bench.note("the first one's"),
                false => bench.note("another one's"),
            }
            for id in [second, first] {
                if Path::new(&format!("/proc/{id}")).exists() {
                    stop_by_id(bench, id);
                }
            }
        });
}

/// What a crash has left names a process that is another program.
#[test]
fn a_pid_file_of_old_is_overwritten() {
    Scenario::new(test_name!())
        .expect(&["netplugd: exit 0", "replaced"])
        .run(|bench| {
            fs::write(PID_FILE, format!("{}\n", std::process::id())).expect("the file");
            run_in_background(bench, &["-P"]);
            let mut id = 0;
            eventually("its own", || {
                id = bench.pid_of("netplugd.pid");
                id != std::process::id()
            });
            bench.note("replaced");
            stop_by_id(bench, id);
        });
}

#[test]
fn a_pid_file_that_cannot_be_written_ends_nothing() {
    Scenario::new(test_name!())
        .expect(&["netplugd: exit 0", "lw0 in"])
        .run(|bench| {
            let cable = Cable::pulled("lw0");
            bench.set_umask(0o022);
            let script = bench.script_path();
            let always = ["-P", "-c", "/dev/null", "-i", "lw*", "-p", "/none/pid"];
            let mut command = bench.program("netplugd");
            command.args(always).args(["-s", &script]);
            bench.hold("gate");
            bench.then("in", r#"echo $PPID >"$folder/parent"; held_by gate"#);
            bench.run_command(command, "netplugd");
            cable.plug();
            let mut id = None;
            eventually("the script's parent", || {
                let text = fs::read_to_string(bench.file("parent")).unwrap_or_default();
                id = text.trim().parse().ok();
                id.is_some()
            });
            bench.release("gate");
            stop_by_id(bench, id.expect("a number"));
        });
}

/// As a subcommand it has the same exit codes.
#[test]
fn as_a_subcommand() {
    Scenario::new(test_name!())
        .expect(&[
            "linkwatch netplugd -x: exit 1",
            "linkwatch netplugd --help: exit 0",
            "linkwatch -v netplugd -x: exit 1",
            "lw0 in",
            "exit 1",
        ])
        .without_the_original()
        .run(|bench| {
            let linkwatch = || std::process::Command::new(env!("CARGO_BIN_EXE_linkwatch"));
            for arguments in [
                &["netplugd", "-x"][..],
                &["netplugd", "--help"],
                &["-v", "netplugd", "-x"],
            ] {
                let mut command = linkwatch();
                command.args(arguments);
                bench.run_command(command, &format!("linkwatch {}", arguments.join(" ")));
            }
            let _cable = Tap::up("lw0");
            bench.set_umask(0o022);
            let mut command = linkwatch();
            let script = bench.script_path();
            let arguments = ["-F", "-P", "-c", "/dev/null", "-i", "lw0", "-s", &script];
            command.arg("netplugd").args(arguments);
            let mut daemon = bench.start_command(command);
            bench.until_lines(4);
            stop(&mut daemon);
        });
}
