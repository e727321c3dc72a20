//! What link watch, the kernel's messenger of carrier and operational state,
//! says and when.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use linkwatch::nl::{LinkFlags, OperState};
use serde_json::Value;

use super::recorder::{Recorder, about, lines};
use crate::support::{Tap, in_namespace, ip, skip};

in_namespace! {
    fn link_watch_merges_flaps_and_the_counters_tell() {
        let mut kernel = Recorder::start();
        let cable = Tap::up("cable0");
        kernel.during(|| {});
        cable.flap(50);
        let said = kernel.until(|said| said.counters == Some((50, 50)));
        assert!(said.len() < 100, "{} messages", said.len());
        // Changes of carrier are not among the bits either.
        assert!(said.iter().all(|said| said.to_string() == "NEWLINK cable0 0x0"));
        assert_eq!(said.last().unwrap().carrier, Some(true));
    }

    fn the_carrier_of_a_link_that_is_down_changes_in_silence() {
        let mut kernel = Recorder::start();
        let cable = Tap::new("cable0");
        let other = Tap::up("cable1");
        kernel.during(|| {});
        cable.flap(3);
        // Link watch takes what came first first.
        other.pull();
        let said = kernel.until(|said| said.carrier == Some(false));
        assert_eq!(lines(&said), ["NEWLINK cable1 0x0"]);
        let said = kernel.ip("link set cable0 up");
        assert_eq!(lines(&said), ["NEWLINK cable0 0x1"]);
        assert_eq!(said[0].counters, Some((3, 3)), "yet it was counted");
    }

    fn what_link_watch_had_pending_is_told_by_the_message_that_closes() {
        let mut kernel = Recorder::start();
        let (cable, other) = (Tap::up("cable0"), Tap::up("cable1"));
        kernel.during(|| {});
        hold_link_watch(&mut kernel, &cable);
        cable.pull();
        let said = kernel.ip("link set cable0 down");
        assert_eq!(lines(&said).last().unwrap(), "NEWLINK cable0 0x1");
        assert_eq!(said.last().unwrap().counters, Some((1, 2)));
        // It is taken from the queue without a word.
        other.pull();
        let said = kernel.until(|said| said.name == "cable1");
        assert_eq!(lines(&said), ["NEWLINK cable1 0x0"]);
    }

    fn any_message_has_the_carrier_of_the_moment_but_link_watch_s_operstate() {
        let mut kernel = Recorder::start();
        let _cable = Tap::up("cable0");
        ip(&["link", "add", "link", "cable0", "name", "mv0", "up", "type", "macvlan"]);
        let before = about("mv0", kernel.ip("link set mv0 mtu 1400")).pop().unwrap();
        assert_eq!(before.carrier, Some(true));
        // Link watch cannot run before the request has ended.
        ip(&["link", "set", "mv0", "protodown", "on"]);
        let said = about("mv0", kernel.until(|said| said.name == "mv0" && said.operstate != before.operstate));
        assert_eq!(lines(&said), ["NEWLINK mv0 0x0", "NEWLINK mv0 0x0"]);
        assert_eq!(said[0].state(), (Some(false), before.operstate, true), "RUNNING lies");
        assert!(!said[0].flags.contains(LinkFlags::LOWER_UP), "LOWER_UP is the carrier");
        // `down`; in Linux 6.1 `lowerlayerdown`, for it has a link below.
        let fallen = said[1].operstate;
        assert_eq!(said[1].state(), (Some(false), fallen, false));
        let step = before.counters.map(|(up, down)| (up, down + 1));
        assert_eq!((said[0].counters, said[1].counters), (step, step), "one transition, two messages");

        ip(&["link", "set", "mv0", "protodown", "off"]);
        let said = about("mv0", kernel.until(|said| said.name == "mv0" && said.operstate == Some(OperState::Up)));
        assert_eq!(said[0].state(), (Some(true), fallen, false), "{said:#?}");
        assert_eq!(said.last().unwrap().state(), (Some(true), Some(OperState::Up), true));
    }

    fn the_far_end_of_a_pair_is_told_by_link_watch() {
        let mut kernel = Recorder::start();
        ip(&["link", "add", "veth0", "up", "type", "veth", "peer", "name", "veth1"]);
        ip(&["link", "set", "veth1", "up"]);
        kernel.until(|said| said.name == "veth0" && said.operstate == Some(OperState::Up));
        kernel.during(|| {});
        ip(&["link", "set", "veth1", "down"]);
        let said = kernel.until(|said| said.name == "veth0");
        assert_eq!(lines(&said), ["NEWLINK veth1 0x1", "NEWLINK veth0 0x0"]);
        assert_eq!(said[1].state(), (Some(false), Some(OperState::LowerLayerDown), false));
        assert!(said[1].flags.contains(LinkFlags::UP));
    }

    fn link_watch_tells_losses_once_a_second_at_most_whoever_has_them() {
        let mut kernel = Recorder::start();
        let (cable, other) = (Tap::up("cable0"), Tap::up("cable1"));
        kernel.during(|| {});
        let start = Instant::now();
        cable.pull();
        kernel.until(|said| said.carrier == Some(false));
        other.pull();
        kernel.until(|said| said.name == "cable1" && said.carrier == Some(false));
        // One second less a tick of the kernel's clock, which may be 10 ms.
        assert!(start.elapsed() >= Duration::from_millis(980), "{:?}", start.elapsed());
    }

    fn a_carrier_that_comes_overtakes_one_that_went() {
        let mut kernel = Recorder::start();
        let (cable, other) = (Tap::up("cable0"), Tap::up("cable1"));
        kernel.during(|| {});
        // A busy machine may let the second pass in between; then once more.
        for _ in 0..10 {
            cable.pull();
            kernel.until(|said| said.name == "cable0" && said.carrier == Some(false));
            other.pull();
            cable.plug();
            let said = kernel.until(|said| said.name == "cable1");
            let came = said.iter().any(|said| said.name == "cable0" && said.carrier == Some(true));
            other.plug();
            kernel.until(|said| said.name == "cable1" && said.carrier == Some(true));
            if came {
                return;
            }
            kernel.during(|| {});
        }
        panic!("what came last was told last");
    }

    fn a_question_about_one_link_makes_link_watch_speak() {
        if kernel_release() < (6, 8) {
            return skip("link watch is asked for a link since Linux 6.8");
        }
        let mut kernel = Recorder::start();
        let cable = Tap::up("cable0");
        kernel.during(|| {});
        for question in [ask_ip, ask_sysfs] {
            hold_link_watch(&mut kernel, &cable);
            cable.pull();
            let said = kernel.during(question);
            assert_eq!(lines(&said), ["NEWLINK cable0 0x0"], "within its second");
            assert_eq!(said[0].state(), (Some(false), Some(OperState::Down), false));
            cable.plug();
            kernel.until(|said| said.carrier == Some(true));
        }
    }
}

/// Lets link watch speak of this cable, which is in, now: for a second it will
/// be silent about losses. The counters are (n, n) before and after.
fn hold_link_watch(kernel: &mut Recorder, cable: &Tap) {
    cable.pull();
    kernel.until(|said| said.carrier == Some(false));
    cable.plug();
    kernel.until(|said| said.carrier == Some(true));
}

fn ask_ip() {
    assert_eq!(ip_json_of("cable0")["operstate"], "DOWN");
}

fn ask_sysfs() {
    let carrier = fs::read_to_string("/sys/class/net/cable0/carrier").unwrap();
    assert_eq!(carrier.trim(), "0");
}

/// What `ip` says of one link, which it asks for alone, not in a list.
fn ip_json_of(name: &str) -> Value {
    let output = Command::new("ip")
        .args(["-j", "link", "show", "dev", name])
        .output()
        .unwrap();
    let mut links: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    links.remove(0)
}

/// The running kernel's release, by its first two numbers.
fn kernel_release() -> (u32, u32) {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = text
        .split(['.', '-'])
        .map(|part| part.trim().parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
