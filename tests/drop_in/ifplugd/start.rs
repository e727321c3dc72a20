//! What is called at the start.

use std::path::Path;

use super::*;
use crate::harness::Scenario;
use crate::support::Tap;
use crate::test_name;

#[test]
fn with_a_link() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            // The script has 0022 all the same.
            bench.set_umask(0o077);
            let mut daemon = start(bench, &[]);
            bench.until_lines(1);
            quit(&mut daemon);
        });
}

#[test]
fn without_a_link() {
    Scenario::new(test_name!())
        .expect(&[UP, DOWN_AT_THE_END, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            cable.pull();
            let mut daemon = start(bench, &[]);
            cable.plug();
            bench.until_lines(1);
            until(bench, &daemon, SCRIPT_DONE, 1);
            terminate(&mut daemon);
        });
}

#[test]
fn without_the_script() {
    Scenario::new(test_name!())
        .expect(&[DOWN, UP, DOWN_AT_THE_END, "exit 0"])
        .run(|bench| {
            let cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-p", "-d0"]);
            cable.pull();
            bench.until_lines(1);
            until(bench, &daemon, SCRIPT_DONE, 1);
            cable.plug();
            bench.until_lines(2);
            until(bench, &daemon, SCRIPT_DONE, 2);
            terminate(&mut daemon);
        });
}

#[test]
fn with_the_script_in_any_case() {
    Scenario::new(test_name!())
        .expect(&[
            DOWN_AT_THE_START,
            "exit 0",
            UP_AT_THE_START,
            "exit 0",
            // It wins over -p.
            UP_AT_THE_START,
            "exit 0",
        ])
        .run(|bench| {
            let cable = Tap::up("lw0");
            cable.pull();
            for arguments in [&["-l"][..], &["-l"], &["-l", "-p"]] {
                let mut daemon = start(bench, arguments);
                until(bench, &daemon, SCRIPT_DONE, 1);
                quit(&mut daemon);
                cable.plug();
            }
        });
}

#[test]
fn with_an_extra_argument() {
    Scenario::new(test_name!())
        .expect(&["lw0 up two words previous=disabled current=up", "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            let mut daemon = start(bench, &["-x", "two words"]);
            bench.until_lines(1);
            quit(&mut daemon);
        });
}

#[test]
fn the_defaults() {
    Scenario::new(test_name!())
        .expect(&["eth0 up previous=disabled current=up", "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("eth0");
            bench.write_script(Path::new("/etc/ifplugd/ifplugd.action"));
            let mut daemon = bench.start("ifplugd", &["-n", "-s"]);
            bench.until_lines(1);
            quit(&mut daemon);
        });
}

#[test]
fn by_an_alternative_name() {
    Scenario::new(test_name!())
        .expect(&[
            "longname0 up previous=disabled current=up",
            "longname0 down previous=up current=down",
            "exit 0",
        ])
        .run(|bench| {
            let cable = Tap::up("lw0");
            ip(&[
                "link",
                "property",
                "add",
                "dev",
                "lw0",
                "altname",
                "longname0",
            ]);
            let script = bench.script_path();
            let mut daemon = start_for("longname0", bench, &["-r", &script, "-d0"]);
            bench.until_lines(1);
            until(bench, &daemon, SCRIPT_DONE, 1);
            cable.pull();
            bench.until_lines(2);
            quit(&mut daemon);
        });
}
