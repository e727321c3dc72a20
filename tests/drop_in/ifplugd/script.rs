//! Scripts that fail, take their time, or leave something behind.

use std::process::Command;

use super::*;
use crate::harness::{Scenario, Side};
use crate::support::{Tap, awk, skip};
use crate::test_name;

#[test]
fn one_that_fails_is_the_end() {
    Scenario::new(test_name!())
        .expect(&[
            UP_AT_THE_START,
            "exit 0",
            UP_AT_THE_START,
            DOWN,
            "exit 0",
            UP_AT_THE_START,
            "exit 0",
        ])
        .run(|bench| {
            let cable = Tap::up("lw0");
            bench.then("up", "exit 3");
            start(bench, &[]).ended();
            bench.then("up", "");
            bench.then("down", "exit 4");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            cable.pull();
            daemon.ended();
            cable.plug();
            bench.then("up", "kill -KILL $$");
            start(bench, &[]).ended();
        });
}

#[test]
fn one_whose_end_is_not_told_has_not_failed() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, UP, DOWN_AT_THE_END, "exit 0"])
        .without_the_original()
        .run(|bench| {
            let cable = Tap::up("lw0");
            // What is ignored stays so over exec: nobody is told then how a
            // child has ended.
            let program = bench.file("ifplugd").display().to_string();
            let script = bench.script_path();
            let mut command = Command::new("env");
            command.args(["--ignore-signal=CHLD", &program, "-n", "-s"]);
            command.args(["-i", "lw0", "-d0", "-u0"]);
            command.args(["-r", &script]);
            let mut daemon = bench.start_command(command);
            until(bench, &daemon, SCRIPT_DONE, 1);
            cable.pull();
            until(bench, &daemon, SCRIPT_DONE, 2);
            cable.plug();
            until(bench, &daemon, SCRIPT_DONE, 3);
            terminate(&mut daemon);
        });
}

#[test]
fn it_starts_with_no_signal_blocked() {
    let Some(awk) = awk() else {
        return skip("there is no awk");
    };
    let none = "blocked 0000000000000000";
    Scenario::new(test_name!())
        .expect(&[none, none, "exit 0"])
        .without_the_original()
        .run(|bench| {
            let _cable = Tap::up("lw0");
            let script = bench.mask_script(&awk);
            let mut daemon = start_for("lw0", bench, &["-r", &script]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            terminate(&mut daemon);
        });
}

#[test]
fn one_that_fails_is_not_the_end_where_that_is_ignored() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, UP, DOWN_AT_THE_END, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            bench.then("up", "exit 3");
            bench.then("down", "kill -KILL $$");
            let mut daemon = start(bench, &["-d0", "-I"]);
            until(bench, &daemon, SCRIPT_FAILED, 1);
            cable.pull();
            until(bench, &daemon, SCRIPT_FAILED, 2);
            cable.plug();
            until(bench, &daemon, SCRIPT_FAILED, 3);
            terminate(&mut daemon);
        });
}

#[test]
fn one_that_is_not_there_has_failed() {
    Scenario::new(test_name!())
        .expect(&["exit 0", "goes on", "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            start(bench, &["-r", "/nonexistent"]).ended();
            let mut daemon = start(bench, &["-r", "/nonexistent", "-I"]);
            bench.until_says(&daemon, "Program execution failed", "/nonexistent: ");
            bench.note("goes on");
            terminate(&mut daemon);
        });
}

#[test]
fn what_it_writes_is_logged() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.then("up", "echo 'to the output'; echo 'to the error' >&2");
            let mut daemon = start(bench, &[]);
            for text in ["client: to the output", "client: to the error"] {
                bench.until_says(&daemon, text, text);
            }
            quit(&mut daemon);
        });
}

#[test]
fn the_link_is_lost_while_it_runs() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "up ends", DOWN, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            bench.then("up", "held_by gate; note 'up ends'");
            bench.hold("gate");
            let mut daemon = start(bench, &["-d0"]);
            bench.until_lines(1);
            cable.pull();
            // The original looks at nothing meanwhile.
            if bench.side == Side::Linkwatch {
                until(bench, &daemon, LOST, 1);
            }
            bench.release("gate");
            bench.until_lines(3);
            quit(&mut daemon);
        });
}

#[test]
fn the_link_flaps_while_it_runs() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "up ends", DOWN_AT_THE_END, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            bench.then("up", "held_by gate; note 'up ends'");
            bench.hold("gate");
            let mut daemon = start(bench, &["-d0"]);
            bench.until_lines(1);
            cable.pull();
            if bench.side == Side::Linkwatch {
                until(bench, &daemon, LOST, 1);
            }
            cable.plug();
            if bench.side == Side::Linkwatch {
                until(bench, &daemon, FOUND, 1);
            }
            bench.release("gate");
            until(bench, &daemon, SCRIPT_DONE, 1);
            terminate(&mut daemon);
        });
}

/// The original kills the script at any signal, also if only asked for its
/// state, and ends of that.
#[test]
fn it_is_asked_for_its_state_meanwhile() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "up ends", "exit 0"])
        .while_the_original(&[UP_AT_THE_START, "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.then("up", "held_by gate; note 'up ends'");
            bench.hold("gate");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            daemon.signal("HUP");
            if bench.side == Side::Original {
                return daemon.ended();
            }
            bench.until_says(&daemon, "", "lw0 is connected; running");
            bench.release("gate");
            bench.until_lines(2);
            until(bench, &daemon, SCRIPT_DONE, 1);
            quit(&mut daemon);
        });
}

/// The original leaves a link behind that is half configured.
#[test]
fn it_is_told_to_end_while_up_runs() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN_AT_THE_END, "exit 0"])
        .while_the_original(&[UP_AT_THE_START, "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.then("up", "held_by gate; note 'up ends'");
            bench.hold("gate");
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            terminate(&mut daemon);
        });
}

/// With -I, or where the script ends well when told to, the original does not
/// end.
#[test]
fn it_is_told_to_end_while_up_runs_and_failures_are_ignored() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN_AT_THE_END, "exit 0"])
        .while_the_original(&[
            UP_AT_THE_START,
            "told a second time",
            DOWN_AT_THE_END,
            "exit 0",
        ])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.then("up", "held_by gate; note 'up ends'");
            bench.hold("gate");
            let mut daemon = start(bench, &["-I"]);
            bench.until_lines(1);
            daemon.signal("TERM");
            if bench.side == Side::Original {
                until(bench, &daemon, SCRIPT_FAILED, 1);
                bench.note("told a second time");
                daemon.signal("TERM");
            }
            daemon.ended();
        });
}

/// The original kills it.
#[test]
fn it_is_told_to_end_while_down_runs() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, "down ends", "exit 0"])
        .while_the_original(&[UP_AT_THE_START, DOWN, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            bench.then("down", "held_by gate; note 'down ends'");
            bench.hold("gate");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            cable.pull();
            bench.until_lines(2);
            daemon.signal("TERM");
            bench.until_says(&daemon, "Killing child.", "told to end");
            bench.release("gate");
            daemon.ended();
        });
}

#[test]
fn it_is_told_to_end_a_second_time() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN_AT_THE_END, "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.then("down", "held_by gate; note 'down ends'");
            bench.hold("gate");
            let mut daemon = start(bench, &["-d0"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            daemon.signal("TERM");
            bench.until_lines(2);
            terminate(&mut daemon);
        });
}

/// The original waits for whatever has the script's output open: for good,
/// where `up` starts a program that stays.
#[test]
fn what_it_leaves_running_is_not_waited_for() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, "the rest ends", "exit 0"])
        .while_the_original(&[UP_AT_THE_START, "the rest ends", DOWN, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            bench.then("up", "(held_by gate; note 'the rest ends') & exit 0");
            bench.hold("gate");
            let mut daemon = start(bench, &["-d0"]);
            bench.until_lines(1);
            cable.pull();
            if bench.side == Side::Linkwatch {
                bench.until_lines(2);
            }
            bench.release("gate");
            bench.until_lines(3);
            quit(&mut daemon);
        });
}
