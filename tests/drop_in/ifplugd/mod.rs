//! ifplugd 0.28, as Debian has it, and `linkwatch ifplugd`.

mod control;
mod delay;
mod link;
mod script;
mod start;
mod stop;
mod suspend;

use std::fs;
use std::time::{Duration, Instant};

use crate::harness::{Bench, Daemon};
use crate::support::{eventually, ip};

const UP_AT_THE_START: &str = "lw0 up previous=disabled current=up";
const DOWN_AT_THE_START: &str = "lw0 down previous=disabled current=down";
const UP: &str = "lw0 up previous=down current=up";
const DOWN: &str = "lw0 down previous=up current=down";
const DOWN_AT_THE_END: &str = "lw0 down previous=up current=disabled";
const PID_FILE: &str = "ifplugd.lw0.pid";

/// How each words that it has begun.
const BEGUN: [&str; 2] = ["Initialization complete", "ifplugd(lw0): lw0 is "];
const FOUND: [&str; 2] = ["Link beat detected.", "lw0 is now connected"];
const LOST: [&str; 2] = ["Link beat lost.", "lw0 is now disconnected"];
const SCRIPT_DONE: [&str; 2] = ["Program executed successfully", "the program has done it"];
const SCRIPT_FAILED: [&str; 2] = ["Program execution failed", "the program has failed"];

/// In the foreground; the original looks at the link twenty times a second.
fn start(bench: &Bench, arguments: &[&str]) -> Daemon {
    let script = bench.script_path();
    let daemon = start_for("lw0", bench, &[&["-r", &script], arguments].concat());
    bench.until_says(&daemon, BEGUN[0], BEGUN[1]);
    daemon
}

/// It may end at once.
fn start_for(interface: &str, bench: &Bench, arguments: &[&str]) -> Daemon {
    let common = ["-n", "-s", "-i", interface, "-t", "0", "-T", "50000"];
    bench.start("ifplugd", &[&common, arguments].concat())
}

/// Waits until it has seen what it words so.
fn until(bench: &Bench, daemon: &Daemon, texts: [&str; 2], times: usize) {
    bench.until_says_times(daemon, texts, times);
}

/// Ends it without a call of the script. The original heeds no signal while the
/// script runs, but for killing it, so it may have to be told again.
fn quit(daemon: &mut Daemon) {
    let mut told = None::<Instant>;
    while daemon.is_running() {
        if told.is_none_or(|told| told.elapsed() > Duration::from_secs(1)) {
            daemon.signal("QUIT");
            told = Some(Instant::now());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    daemon.ended();
}

fn terminate(daemon: &mut Daemon) {
    daemon.signal("TERM");
    daemon.ended();
}

/// Has the daemon go on. Not recorded, for what it calls then may come first.
fn resume(bench: &Bench, option: &str) {
    let mut command = bench.program("ifplugd");
    let status = command.args([option, "-i", "lw0"]).status();
    assert!(status.is_ok_and(|status| status.success()), "{option}");
}

fn is_set_up(name: &str) -> bool {
    let flags = fs::read_to_string(format!("/sys/class/net/{name}/flags")).expect("its flags");
    let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).expect("flags");
    flags & 1 == 1
}

/// Takes it down, and waits until it is up again.
fn take_down_until_set_up(name: &str) {
    ip(&["link", "set", name, "down"]);
    eventually("it is set up again", || is_set_up(name));
}
