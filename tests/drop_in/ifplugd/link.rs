//! Links that are taken down, removed, renamed.

use std::net::UdpSocket;

use super::*;
use crate::harness::{Scenario, Side};
use crate::support::{Tap, ip_batch, rename_up};
use crate::test_name;

const GONE: [&str; 2] = [
    "Failed to detect plug status of lw0",
    "there is no interface lw0",
];

#[test]
fn taken_down_it_is_set_up_again() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "up again", DOWN_AT_THE_END, "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            // Not at once, so that nothing is called for it.
            let mut daemon = start(bench, &["-d30"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            take_down_until_set_up("lw0");
            bench.note("up again");
            terminate(&mut daemon);
        });
}

#[test]
fn taken_down_without_a_cable_it_is_set_up_again() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, "up again", UP, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            cable.pull();
            bench.until_lines(2);
            until(bench, &daemon, SCRIPT_DONE, 2);
            take_down_until_set_up("lw0");
            bench.note("up again");
            cable.plug();
            bench.until_lines(4);
            quit(&mut daemon);
        });
}

#[test]
fn taken_down_it_stays_down_where_that_is_somebody_elses() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, "still down", UP, "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0", "-a"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            ip(&["link", "set", "lw0", "down"]);
            bench.until_lines(2);
            until(bench, &daemon, SCRIPT_DONE, 2);
            assert!(!is_set_up("lw0"));
            bench.note("still down");
            ip(&["link", "set", "lw0", "up"]);
            bench.until_lines(4);
            quit(&mut daemon);
        });
}

#[test]
fn at_the_start_it_is_set_up() {
    Scenario::new(test_name!())
        .expect(&["exit 0", "down", UP_AT_THE_START, "exit 0", "up"])
        .run(|bench| {
            let note = || bench.note(if is_set_up("lw0") { "up" } else { "down" });
            let _cable = Tap::new("lw0");
            quit(&mut start(bench, &["-a"]));
            note();
            let mut daemon = start(bench, &[]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            quit(&mut daemon);
            note();
        });
}

#[test]
fn what_cannot_be_set_up_is_tried_again() {
    Scenario::new(test_name!())
        .expect(&[UP, "exit 0"])
        .run(|bench| {
            // Its port is taken, so it does not come up; nor does the kernel
            // tell of it when it could.
            let port = UdpSocket::bind("0.0.0.0:4789").expect("a port");
            ip(&[
                "link", "add", "lw0", "type", "vxlan", "id", "5", "dstport", "4789",
            ]);
            let mut daemon = start(bench, &[]);
            for mtu in ["1300", "1301", "1302"] {
                ip(&["link", "set", "lw0", "mtu", mtu]);
            }
            assert!(!is_set_up("lw0"));
            drop(port);
            eventually("it is set up", || is_set_up("lw0"));
            bench.until_lines(1);
            until(bench, &daemon, SCRIPT_DONE, 1);
            quit(&mut daemon);
            if bench.side == Side::Linkwatch {
                let lines = daemon.all_lines();
                let warnings = lines.iter().filter(|line| line.contains("setting lw0 up"));
                assert_eq!(warnings.count(), 1, "{lines:#?}");
            }
        });
}

#[test]
fn removed_is_the_end() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            drop(cable);
            daemon.ended();
            until(bench, &daemon, GONE, 1);
        });
}

#[test]
fn removed_while_the_script_runs_is_the_end_after_it() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "removed", "up ends", "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            bench.then("up", "held_by gate; note 'up ends'");
            bench.hold("gate");
            let mut daemon = start(bench, &["-d0"]);
            bench.until_lines(1);
            drop(cable);
            if bench.side == Side::Linkwatch {
                until(bench, &daemon, GONE, 1);
            }
            bench.note("removed");
            bench.release("gate");
            daemon.ended();
        });
}

#[test]
fn renamed_is_the_end() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            if !rename_up("lw0", "lw9") {
                quit(&mut daemon);
                return;
            }
            daemon.ended();
        });
}

#[test]
fn removed_counts_as_lost_with_f() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, UP, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0", "-f"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            drop(cable);
            bench.until_lines(2);
            until(bench, &daemon, SCRIPT_DONE, 2);
            let _cable = Tap::new("lw0");
            bench.until_lines(3);
            assert!(is_set_up("lw0"));
            quit(&mut daemon);
        });
}

#[test]
fn renamed_counts_as_lost_with_f() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, UP, "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0", "-f"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            ip(&["link", "set", "lw0", "down", "name", "lw9"]);
            bench.until_lines(2);
            until(bench, &daemon, SCRIPT_DONE, 2);
            ip(&["link", "set", "lw9", "name", "lw0"]);
            bench.until_lines(3);
            quit(&mut daemon);
        });
}

#[test]
fn removed_counts_as_connected_with_capital_f() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "removed", "new", DOWN, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0", "-F"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            drop(cable);
            bench.note("removed");
            let cable = Tap::new("lw0");
            bench.note("new");
            eventually("it is set up", || is_set_up("lw0"));
            cable.pull();
            bench.until_lines(4);
            quit(&mut daemon);
        });
}

/// The original looks at names alone.
#[test]
fn another_that_gets_its_name_is_configured() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, UP, "exit 0"])
        .while_the_original(&[UP_AT_THE_START, "exit 0"])
        .run(|bench| {
            let _cables = [Tap::up("lw0"), Tap::up("lw1")];
            let mut daemon = start(bench, &["-d30", "-f"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            // In one go: it does not see the moment without the name.
            daemon.signal("STOP");
            ip_batch([
                "link set lw0 down name lw2".to_owned(),
                "link set lw1 down name lw0".to_owned(),
            ]);
            daemon.signal("CONT");
            eventually("it is set up", || is_set_up("lw0"));
            if bench.side == Side::Linkwatch {
                bench.until_lines(3);
            }
            quit(&mut daemon);
        });
}

/// A new link has nothing of what the old one was given, so the delay would
/// leave it without.
#[test]
fn another_in_its_place_is_configured() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, UP, "exit 0"])
        .while_the_original(&[UP_AT_THE_START, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d30", "-f"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            drop(cable);
            until(bench, &daemon, LOST, 1);
            let _cable = Tap::new("lw0");
            until(bench, &daemon, FOUND, 1);
            if bench.side == Side::Linkwatch {
                bench.until_lines(3);
            }
            quit(&mut daemon);
        });
}

#[test]
fn missing_at_the_start_is_the_end() {
    Scenario::new(test_name!())
        .expect(&["exit 0"])
        .run(|bench| {
            let script = bench.script_path();
            let mut daemon = start_for("lw0", bench, &["-r", &script]);
            daemon.ended();
            until(bench, &daemon, GONE, 1);
        });
}

#[test]
fn missing_at_the_start_is_waited_for_with_f() {
    Scenario::new(test_name!())
        .expect(&[UP, "exit 0", UP_AT_THE_START, "exit 0"])
        .run(|bench| {
            let mut daemon = start(bench, &["-f"]);
            let cable = Tap::new("lw0");
            bench.until_lines(1);
            quit(&mut daemon);
            drop(cable);
            let mut daemon = start(bench, &["-F"]);
            bench.until_lines(3);
            quit(&mut daemon);
        });
}

/// The original ends of today's netlink messages, which it takes for
/// truncated: here when the link comes.
#[test]
fn missing_at_the_start_is_waited_for_with_m() {
    Scenario::new(test_name!())
        .expect(&[UP, "exit 0"])
        .while_the_original(&["exit 0"])
        .run(|bench| {
            let mut daemon = start(bench, &["-M"]);
            let _cable = Tap::new("lw0");
            if bench.side == Side::Linkwatch {
                bench.until_lines(1);
                daemon.signal("QUIT");
            }
            daemon.ended();
        });
}

/// The original ends at the first change, be it of the MTU.
#[test]
fn they_come_and_go_with_m() {
    Scenario::new(test_name!())
        .expect(&[
            UP_AT_THE_START,
            DOWN,
            UP,
            DOWN,
            UP,
            DOWN_AT_THE_END,
            "exit 0",
        ])
        .while_the_original(&[UP_AT_THE_START, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d0", "-M"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            ip(&["link", "set", "lw0", "mtu", "1400"]);
            if bench.side == Side::Original {
                daemon.ended();
                return;
            }
            cable.pull();
            bench.until_lines(2);
            cable.plug();
            bench.until_lines(3);
            until(bench, &daemon, SCRIPT_DONE, 3);
            drop(cable);
            bench.until_lines(4);
            until(bench, &daemon, SCRIPT_DONE, 4);
            let _cable = Tap::new("lw0");
            bench.until_lines(5);
            until(bench, &daemon, SCRIPT_DONE, 5);
            terminate(&mut daemon);
        });
}
