//! Flaps inside and outside of the delays.

use std::time::{Duration, Instant};

use super::*;
use crate::harness::Scenario;
use crate::support::Tap;
use crate::test_name;

/// Of the delays here, of which the original may take a second off.
const DELAY: Duration = Duration::from_secs(3);

/// Waits until the delay would have been over: that nothing is called then is
/// the point.
fn wait_for_nothing() {
    std::thread::sleep(DELAY + Duration::from_millis(200));
}

#[test]
fn a_flap_inside() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "nothing", DOWN_AT_THE_END, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d3"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            for times in 1..=2 {
                cable.pull();
                until(bench, &daemon, LOST, times);
                cable.plug();
                until(bench, &daemon, FOUND, times);
            }
            wait_for_nothing();
            bench.note("nothing");
            terminate(&mut daemon);
        });
}

#[test]
fn a_flap_outside() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, UP, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d1", "-u1"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            cable.pull();
            bench.until_lines(2);
            until(bench, &daemon, SCRIPT_DONE, 2);
            cable.plug();
            bench.until_lines(3);
            quit(&mut daemon);
        });
}

#[test]
fn a_flap_inside_that_of_up() {
    Scenario::new(test_name!())
        .expect(&["nothing", "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            cable.pull();
            let mut daemon = start(bench, &["-u3"]);
            cable.plug();
            until(bench, &daemon, FOUND, 1);
            cable.pull();
            until(bench, &daemon, LOST, 1);
            wait_for_nothing();
            bench.note("nothing");
            terminate(&mut daemon);
        });
}

#[test]
fn there_is_none_at_the_start() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-u30"]);
            bench.until_lines(1);
            quit(&mut daemon);
        });
}

/// The original counts whole seconds of the clock, so that it may take one
/// off.
#[test]
fn they_are_kept_to() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, DOWN, "in time", "exit 0"])
        .without_the_original()
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-d", "0.7"]);
            until(bench, &daemon, SCRIPT_DONE, 1);
            let pulled = Instant::now();
            cable.pull();
            bench.until_lines(2);
            let lasted = pulled.elapsed();
            assert!(lasted >= Duration::from_millis(700), "{lasted:?}");
            bench.note("in time");
            quit(&mut daemon);
        });
}
