//! What is called at the end.

use super::*;
use crate::harness::Scenario;
use crate::support::Tap;
use crate::test_name;

#[test]
fn by_signals() {
    Scenario::new(test_name!())
        .expect(&[
            UP_AT_THE_START,
            "INT",
            DOWN_AT_THE_END,
            "exit 0",
            UP_AT_THE_START,
            "TERM",
            DOWN_AT_THE_END,
            "exit 0",
            UP_AT_THE_START,
            "QUIT",
            "exit 0",
        ])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            for signal in ["INT", "TERM", "QUIT"] {
                let mut daemon = start(bench, &[]);
                until(bench, &daemon, SCRIPT_DONE, 1);
                bench.note(signal);
                daemon.signal(signal);
                daemon.ended();
            }
        });
}

#[test]
fn without_the_script() {
    Scenario::new(test_name!())
        .expect(&[
            UP_AT_THE_START,
            "exit 0",
            // Given twice, it is not set.
            UP_AT_THE_START,
            DOWN_AT_THE_END,
            "exit 0",
        ])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            for arguments in [&["-q"][..], &["-q", "-q"]] {
                let mut daemon = start(bench, arguments);
                until(bench, &daemon, SCRIPT_DONE, 1);
                terminate(&mut daemon);
            }
        });
}

#[test]
fn without_a_link() {
    Scenario::new(test_name!())
        .expect(&["exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            cable.pull();
            terminate(&mut start(bench, &[]));
        });
}

#[test]
fn while_the_loss_is_pending() {
    Scenario::new(test_name!())
        .expect(&[
            UP_AT_THE_START,
            "lw0 down previous=down current=disabled",
            "exit 0",
        ])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d30"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            cable.pull();
            until(bench, &daemon, LOST, 1);
            terminate(&mut daemon);
        });
}

#[test]
fn while_the_link_is_pending() {
    Scenario::new(test_name!())
        .expect(&[DOWN_AT_THE_END, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            cable.pull();
            let mut daemon = start(bench, &["-u30"]);
            cable.plug();
            until(bench, &daemon, FOUND, 1);
            terminate(&mut daemon);
        });
}
