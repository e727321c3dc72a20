//! Suspending and resuming, by signals and by options.

use super::*;
use crate::harness::Scenario;
use crate::support::Tap;
use crate::test_name;

const SUSPENDED: [&str; 2] = ["SIGUSR1: Daemon suspended (#", "suspended (#"];
const RESUMED: [&str; 2] = ["SIGUSR2: Daemon resumed (#", "told to go on (#"];
/// It answers in order, so by then it has seen to what came before.
const ASKED: [&str; 2] = ["SIGHUP: ", "; suspended"];

fn suspend(bench: &Bench, daemon: &Daemon, times: usize) {
    daemon.signal("USR1");
    until(bench, daemon, SUSPENDED, times);
}

fn resume(bench: &Bench, daemon: &Daemon, times: usize) {
    daemon.signal("USR2");
    until(bench, daemon, RESUMED, times);
}

#[test]
fn the_link_is_lost_meanwhile() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "resumed", DOWN, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            suspend(bench, &daemon, 1);
            cable.pull();
            daemon.signal("HUP");
            until(bench, &daemon, ASKED, 1);
            bench.note("resumed");
            resume(bench, &daemon, 1);
            bench.until_lines(3);
            quit(&mut daemon);
        });
}

#[test]
fn it_nests() {
    Scenario::new(test_name!())
        .expect(&[
            UP_AT_THE_START,
            "resumed once",
            "resumed twice",
            DOWN,
            UP,
            "exit 0",
        ])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            suspend(bench, &daemon, 1);
            suspend(bench, &daemon, 2);
            cable.pull();
            bench.note("resumed once");
            resume(bench, &daemon, 1);
            daemon.signal("HUP");
            until(bench, &daemon, ASKED, 1);
            bench.note("resumed twice");
            resume(bench, &daemon, 2);
            bench.until_lines(4);
            until(bench, &daemon, SCRIPT_DONE, 2);
            // One more counts for nothing.
            daemon.signal("USR2");
            suspend(bench, &daemon, 3);
            resume(bench, &daemon, 3);
            cable.plug();
            bench.until_lines(5);
            quit(&mut daemon);
        });
}

#[test]
fn the_link_flaps_meanwhile() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN_AT_THE_END, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            suspend(bench, &daemon, 1);
            cable.pull();
            daemon.signal("HUP");
            until(bench, &daemon, ASKED, 1);
            cable.plug();
            resume(bench, &daemon, 1);
            terminate(&mut daemon);
        });
}

#[test]
fn what_was_pending_stays_so() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            // The original takes up to a second off.
            let mut daemon = start(bench, &["-d2"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            cable.pull();
            until(bench, &daemon, LOST, 1);
            suspend(bench, &daemon, 1);
            bench.until_lines(2);
            quit(&mut daemon);
        });
}

#[test]
fn it_is_told_to_end_meanwhile() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN_AT_THE_END, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            suspend(bench, &daemon, 1);
            cable.pull();
            daemon.signal("HUP");
            until(bench, &daemon, ASKED, 1);
            terminate(&mut daemon);
        });
}

#[test]
fn the_link_is_removed_meanwhile() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "resumed", "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            suspend(bench, &daemon, 1);
            drop(cable);
            daemon.signal("HUP");
            until(bench, &daemon, ASKED, 1);
            bench.note("resumed");
            daemon.signal("USR2");
            daemon.ended();
        });
}

#[test]
fn by_options() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "ifplugd -S -i lw0: exit 0", DOWN, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            bench.run("ifplugd", &["-S", "-i", "lw0"]);
            until(bench, &daemon, SUSPENDED, 1);
            cable.pull();
            daemon.signal("HUP");
            until(bench, &daemon, ASKED, 1);
            super::resume(bench, "--resume");
            bench.until_lines(3);
            quit(&mut daemon);
        });
}
