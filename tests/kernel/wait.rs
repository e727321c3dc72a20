//! `linkwatch wait`.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use crate::support::{Tap, eventually, in_namespace, ip, linkwatch};

/// The exit status of one that is not to wait for long.
#[track_caller]
fn now(args: &[&str]) -> Option<i32> {
    let output = linkwatch(&[&["wait"], args].concat()).output().unwrap();
    assert!(output.stdout.is_empty(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    let is_known = |line: &str| line.contains("no interface matches 'nothing' yet");
    assert!(told.lines().all(is_known), "{told}");
    output.status.code()
}

/// One that has begun to wait: nothing else makes it sleep in poll(2).
fn begun(args: &[&str]) -> Child {
    let child = linkwatch(&[&["wait"], args].concat()).spawn().unwrap();
    let path = format!("/proc/{}/wchan", child.id());
    eventually("it waits", || {
        std::fs::read_to_string(&path).is_ok_and(|place| place.contains("poll"))
    });
    child
}

fn ended(mut child: Child) -> ExitStatus {
    let mut status = None;
    eventually("it ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

in_namespace! {
    fn a_name_that_does_not_exist_may_be_a_slip() {
        let told = |args: &[&str]| {
            let wait = ["wait", "nothing", "--timeout", "1ms"];
            let output = linkwatch(&[&wait, args].concat()).output().unwrap();
            String::from_utf8(output.stderr).unwrap()
        };
        let told_of = told(&[]);
        assert!(told_of.contains("no interface matches 'nothing' yet"), "{told_of}");
        assert_eq!(told(&["--for", "present"]), "", "that is what is waited for");
    }

    fn it_ends_at_once_where_it_is_so() {
        let _cable = Tap::up("cable0");
        let out = Tap::up("cable1");
        let _down = Tap::new("cable2");
        out.pull();
        let short = ["--timeout", "1ms"];
        let is = |args: &[&str]| now(&[&short, args].concat());
        eventually("cable1 is out", || is(&["cable1", "--for", "disconnected"]) == Some(0));
        assert_eq!(is(&["cable0"]), Some(0));
        assert_eq!(is(&["cable1"]), Some(5));
        assert_eq!(is(&["cable*"]), Some(5), "not all are");
        assert_eq!(is(&["cable*", "--any"]), Some(0));
        assert_eq!(is(&["cable0", "--for", "disconnected"]), Some(5));
        assert_eq!(is(&["cable[12]", "--for", "disconnected"]), Some(0));
        assert_eq!(is(&["cable*", "--for", "disconnected"]), Some(5));
        assert_eq!(is(&["cable*", "--for", "disconnected", "--any"]), Some(0));
        assert_eq!(is(&["nothing"]), Some(5));
        assert_eq!(is(&["cable0", "nothing"]), Some(5));
        assert_eq!(is(&["cable0", "nothing", "--any"]), Some(0));
        assert_eq!(is(&["nothing", "--for", "disconnected"]), Some(0));
        assert_eq!(is(&["cable0", "cable2", "--for", "present"]), Some(0));
        assert_eq!(is(&["cable0", "nothing", "--for", "present"]), Some(5));
        assert_eq!(is(&["cable0", "nothing", "--for", "present", "--any"]), Some(0));
        assert_eq!(is(&["nothing", "--for", "absent"]), Some(0));
        assert_eq!(is(&["nothing", "cable0", "--for", "absent"]), Some(5));
        assert_eq!(is(&["nothing", "cable0", "--for", "absent", "--any"]), Some(0));
        assert_eq!(is(&[]), Some(5), "without a pattern, all but loopback");
        assert_eq!(is(&["--any"]), Some(0));
    }

    fn it_ends_when_it_becomes_so() {
        let cable = Tap::up("cable0");
        let disconnected = begun(&["cable0", "--for", "disconnected"]);
        cable.pull();
        assert_eq!(ended(disconnected).code(), Some(0));
        let connected = begun(&["cable0"]);
        cable.plug();
        assert_eq!(ended(connected).code(), Some(0));
        let absent = begun(&["cable0", "--for", "absent"]);
        drop(cable);
        assert_eq!(ended(absent).code(), Some(0));
        let present = begun(&["cable0", "--for", "present"]);
        let both = begun(&["cable0", "cable1"]);
        let _cable = Tap::up("cable0");
        assert_eq!(ended(present).code(), Some(0));
        let _other = Tap::up("cable1");
        assert_eq!(ended(both).code(), Some(0));
    }

    fn a_rename_counts() {
        let _cable = Tap::new("cable0");
        let waiting = begun(&["uplink", "--for", "present"]);
        ip(&["link", "set", "cable0", "name", "uplink"]);
        assert_eq!(ended(waiting).code(), Some(0));
    }

    fn it_gives_up_in_time_and_not_before() {
        let begin = Instant::now();
        assert_eq!(now(&["nothing", "--timeout", "300ms"]), Some(5));
        assert!(begin.elapsed() >= Duration::from_millis(300));
    }

    fn the_criterion_and_the_namespace_are_heeded() {
        ip(&["netns", "add", "blue"]);
        ip(&["-n", "blue", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["-n", "blue", "link", "set", "v0", "up"]);
        ip(&["-n", "blue", "link", "set", "v1", "up"]);
        assert_eq!(now(&["--netns", "blue", "v0", "v1"]), Some(0));
        ip(&["-n", "blue", "link", "set", "v0", "mode", "dormant"]);
        ip(&["-n", "blue", "link", "set", "v0", "state", "dormant"]);
        assert_eq!(now(&["--netns", "blue", "v0", "--timeout", "1ms"]), Some(0));
        let running = ["--netns", "blue", "v0", "--criterion", "running", "--timeout", "1ms"];
        assert_eq!(now(&running), Some(5));
    }
}
