//! The background, PID files, exit codes.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::harness::{Scenario, Side};
use crate::support::{Tap, linkwatch};
use crate::test_name;

/// Starts it in the background: `start: exit 0`.
fn run(bench: &Bench, arguments: &[&str]) {
    let script = bench.script_path();
    let mut command = bench.program("ifplugd");
    command.args(["-r", &script, "-i", "lw0"]).args(arguments);
    let shown = format!("start {}", arguments.join(" "));
    bench.run_command(command, shown.trim_end());
}

fn kill(bench: &Bench) {
    bench.run("ifplugd", &["-kW", "-i", "lw0"]);
}

#[test]
fn without_a_daemon() {
    Scenario::new(test_name!())
        .expect(&[
            "ifplugd -c -i lw0: exit 255",
            "ifplugd -k -i lw0: exit 6",
            "ifplugd -kW -i lw0: exit 6",
            "ifplugd -S -i lw0: exit 6",
            "ifplugd -R -i lw0: exit 6",
            "ifplugd -z -i lw0: exit 6",
        ])
        .run(|bench| {
            for command in ["-c", "-k", "-kW", "-S", "-R", "-z"] {
                bench.run("ifplugd", &[command, "-i", "lw0"]);
            }
        });
}

#[test]
fn in_the_background() {
    Scenario::new(test_name!())
        .expect(&[
            "start -p -d0: exit 0",
            "ifplugd -c -i lw0: exit 0",
            "ifplugd -c -i lw1: exit 255",
            "start: exit 4",
            "start -n: exit 4",
            DOWN,
            "ifplugd -S -i lw0: exit 0",
            "ifplugd -z -i lw0: exit 0",
            UP,
            "gone",
            "ifplugd -c -i lw0: exit 255",
        ])
        .run(|bench| {
            let cable = Tap::up("lw0");
            assert!(bench.syslog().is_empty());
            bench.set_umask(0o077);
            run(bench, &["-p", "-d0"]);
            let id = bench.pid_of(PID_FILE);
            bench.until_logged(BEGUN[0], "lw0 is connected");
            bench.until_logged("ifplugd(lw0)[", "ifplugd(lw0)[");
            let name = fs::read_to_string(format!("/proc/{id}/comm")).expect("its name");
            assert_eq!(name, "ifplugd\n");
            let place = format!("/proc/{id}/cwd");
            assert_eq!(fs::read_link(place).expect("its place"), Path::new("/"));
            bench.run("ifplugd", &["-c", "-i", "lw0"]);
            bench.run("ifplugd", &["-c", "-i", "lw1"]);
            run(bench, &[]);
            run(bench, &["-n"]);
            cable.pull();
            bench.until_lines(6);
            bench.run("ifplugd", &["-S", "-i", "lw0"]);
            bench.until_logged("Daemon suspended", "suspended (#1)");
            bench.run("ifplugd", &["-z", "-i", "lw0"]);
            bench.until_logged("SIGHUP: Suspended", "disconnected; suspended");
            cable.plug();
            resume(bench, "-R");
            bench.until_lines(9);
            // The original heeds no signal while the script runs.
            let done = bench.either(SCRIPT_DONE[0], SCRIPT_DONE[1]);
            eventually("the end of the script", || {
                let lines = bench.syslog();
                lines.iter().filter(|line| line.contains(done)).count() == 2
            });
            bench.signal(id, "QUIT");
            bench.until_gone(id);
            assert!(!Path::new("/var/run").join(PID_FILE).exists());
            bench.note("gone");
            bench.run("ifplugd", &["-c", "-i", "lw0"]);
        });
}

#[test]
fn killed() {
    Scenario::new(test_name!())
        .expect(&[
            "start -p: exit 0",
            DOWN_AT_THE_END,
            "ifplugd -kW -i lw0: exit 0",
            "ifplugd -c -i lw0: exit 255",
        ])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            assert!(bench.syslog().is_empty());
            run(bench, &["-p"]);
            bench.until_logged(BEGUN[0], "lw0 is connected");
            kill(bench);
            assert!(!Path::new("/var/run").join(PID_FILE).exists());
            bench.run("ifplugd", &["-c", "-i", "lw0"]);
        });
}

/// It is waited for, but not for ever.
#[test]
fn killed_in_vain() {
    Scenario::new(test_name!())
        .expect(&[
            "start -p: exit 0",
            DOWN_AT_THE_END,
            "ifplugd -kW -i lw0: exit 6",
            "released",
            "exit",
        ])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            assert!(bench.syslog().is_empty());
            run(bench, &["-p"]);
            bench.until_logged(BEGUN[0], "lw0 is connected");
            let id = bench.pid_of(PID_FILE);
            bench.then("down", "held_by gate");
            bench.hold("gate");
            kill(bench);
            bench.note("released");
            bench.release("gate");
            bench.until_gone(id);
            bench.note("exit");
        });
}

#[test]
fn the_state_is_told_with_w() {
    Scenario::new(test_name!())
        .expect(&[
            UP_AT_THE_START,
            "up ends",
            "start -w: exit 2",
            DOWN_AT_THE_END,
            "ifplugd -kW -i lw0: exit 0",
            "start -w: exit 3",
            "ifplugd -kW -i lw0: exit 0",
            DOWN_AT_THE_START,
            "start -w -l: exit 3",
            "ifplugd -kW -i lw0: exit 0",
        ])
        .run(|bench| {
            let cable = Tap::up("lw0");
            bench.then("up", "sleep 0.1; note 'up ends'");
            run(bench, &["-w"]);
            kill(bench);
            cable.pull();
            run(bench, &["-w"]);
            kill(bench);
            run(bench, &["-w", "-l"]);
            kill(bench);
        });
}

#[test]
fn a_failure_is_told_with_w() {
    Scenario::new(test_name!())
        .expect(&[
            UP_AT_THE_START,
            "start -w: exit 255",
            "ifplugd -c -i lw0: exit 255",
            UP_AT_THE_START,
            "start -w -I: exit 2",
            DOWN_AT_THE_END,
            "ifplugd -kW -i lw0: exit 0",
            "start -w: exit 255",
            "start: exit 0",
            "start -w -f: exit 3",
            "ifplugd -kW -i lw0: exit 0",
        ])
        .run(|bench| {
            let cable = Tap::up("lw0");
            assert!(bench.syslog().is_empty());
            bench.then("up", "exit 3");
            let path = Path::new("/var/run").join(PID_FILE);
            // The original is still there for a moment when it has told.
            let until_gone = || eventually("no PID file", || !path.exists());
            run(bench, &["-w"]);
            until_gone();
            bench.run("ifplugd", &["-c", "-i", "lw0"]);
            run(bench, &["-w", "-I"]);
            kill(bench);
            drop(cable);
            run(bench, &["-w"]);
            until_gone();
            run(bench, &[]);
            // It has begun in the background, and ends of it there.
            let ends = bench.either("Exiting.", ": ending");
            eventually("its end", || {
                bench.syslog().iter().filter(|l| l.ends_with(ends)).count() == 4
            });
            until_gone();
            run(bench, &["-w", "-f"]);
            kill(bench);
        });
}

#[test]
fn a_pid_file_that_was_left_behind() {
    Scenario::new(test_name!())
        .expect(&[
            "ifplugd -c -i lw0: exit 255",
            "start -w -p: exit 2",
            DOWN_AT_THE_END,
            "ifplugd -kW -i lw0: exit 0",
            "ifplugd -c -i lw0: exit 255",
            "ifplugd -k -i lw0: exit 6",
            "start -w -p: exit 2",
            DOWN_AT_THE_END,
            "ifplugd -kW -i lw0: exit 0",
        ])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            let path = Path::new("/var/run").join(PID_FILE);
            fs::write(&path, "99999\n").expect("a PID file");
            bench.run("ifplugd", &["-c", "-i", "lw0"]);
            run(bench, &["-w", "-p"]);
            kill(bench);
            fs::write(&path, "nonsense\n").expect("a PID file");
            bench.run("ifplugd", &["-c", "-i", "lw0"]);
            bench.run("ifplugd", &["-k", "-i", "lw0"]);
            fs::write(&path, "nonsense\n").expect("a PID file");
            run(bench, &["-w", "-p"]);
            kill(bench);
        });
}

/// After a crash its number may be another's, which the original takes for a
/// daemon, and kills.
#[test]
fn a_pid_file_with_the_number_of_another_program() {
    Scenario::new(test_name!())
        .expect(&[
            "ifplugd -c -i lw0: exit 255",
            "ifplugd -k -i lw0: exit 6",
            "the other runs on",
        ])
        .while_the_original(&[
            "ifplugd -c -i lw0: exit 0",
            "ifplugd -k -i lw0: exit 0",
            "the other was killed",
        ])
        .run(|bench| {
            let mut other = Command::new("sleep").arg("300").spawn().expect("sleep");
            let path = Path::new("/var/run").join(PID_FILE);
            fs::write(&path, format!("{}\n", other.id())).expect("a PID file");
            bench.run("ifplugd", &["-c", "-i", "lw0"]);
            bench.run("ifplugd", &["-k", "-i", "lw0"]);
            match bench.side {
                Side::Original => {
                    other.wait().expect("its end");
                    bench.note("the other was killed");
                }
                Side::Linkwatch => {
                    assert!(other.try_wait().expect("its state").is_none());
                    bench.note("the other runs on");
                    other.kill().expect("its end");
                    other.wait().expect("its end");
                }
            }
        });
}

#[test]
fn wrong_options_and_questions() {
    Scenario::new(test_name!())
        .expect(&[
            "ifplugd -Q: exit 1",
            "ifplugd --nonsense: exit 1",
            "ifplugd --no: exit 1",
            "ifplugd -i: exit 1",
            "ifplugd -m x -i lw0: exit 2",
            "ifplugd -h: exit 0",
            "ifplugd --help: exit 0",
            "ifplugd -v: exit 0",
            "ifplugd --version: exit 0",
            "ifplugd -k --he: exit 0",
            "ifplugd word -c -i lw0: exit 255",
        ])
        .run(|bench| {
            let lines: [&[&str]; 11] = [
                &["-Q"],
                &["--nonsense"],
                &["--no"],
                &["-i"],
                &["-m", "x", "-i", "lw0"],
                &["-h"],
                &["--help"],
                &["-v"],
                &["--version"],
                &["-k", "--he"],
                &["word", "-c", "-i", "lw0"],
            ];
            for line in lines {
                let output = bench.run("ifplugd", line);
                let is_told = match output.status.success() {
                    true => !output.stdout.is_empty() && output.stderr.is_empty(),
                    false => !output.stderr.is_empty() || line.contains(&"-c"),
                };
                assert!(is_told, "{line:?}: {output:?}");
            }
        });
}

#[test]
fn not_by_root() {
    Scenario::new(test_name!())
        .expect(&["start -n: exit 2", "check: exit 255"])
        .run(|bench| {
            // Nobody, in a namespace where nobody is mapped.
            let nobody = |arguments: &[&str], shown: &str| {
                let program = bench.program("ifplugd");
                let mut command = Command::new("unshare");
                command.arg("--user").arg(program.get_program());
                for (name, value) in program.get_envs() {
                    command.env(name, value.unwrap_or_default());
                }
                command.args(arguments);
                bench.run_command(command, shown);
            };
            nobody(&["-n", "-i", "lw0"], "start -n");
            nobody(&["-c", "-i", "lw0"], "check");
        });
}

#[test]
fn as_a_subcommand() {
    Scenario::new(test_name!())
        .expect(&[UP_AT_THE_START, "exit 0", "start: exit 2", "check: exit 0"])
        .without_the_original()
        .run(|bench| {
            let _cable = Tap::up("lw0");
            let script = bench.script_path();
            let command = linkwatch(&["ifplugd", "-n", "-i", "lw0", "-r", &script]);
            let mut daemon = bench.start_command(command);
            bench.until_lines(1);
            bench.until_says(&daemon, "", "the program has done it");
            quit(&mut daemon);
            let command = linkwatch(&["ifplugd", "-wpi", "lw0", "-r", &script]);
            bench.run_command(command, "start");
            let command = linkwatch(&["ifplugd", "--check", "-i", "lw0"]);
            bench.run_command(command, "check");
        });
}
