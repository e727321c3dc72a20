//! A program that watches by the library alone: `tests/c/watch.c`.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Program, events, expect, programs, start};
use crate::support::{
    Counters, Tap, assert_alternating, eventually, has, ip, ip_batch, link_json, links_json, skip,
    sum,
};

/// One cable's life, as `linkwatch watch` tells it.
fn one_cables_life(program: &Program, args: &[&str]) {
    let cable = Tap::up("cable0");
    let mut watch = start(program, &[args, &["cable*"]].concat());
    let before = Counters::of("cable0").sum();
    cable.pull();
    assert_eq!(
        expect(&mut watch, "disconnected", "cable0")["reason"],
        "no-carrier"
    );
    cable.plug();
    expect(&mut watch, "connected", "cable0");
    cable.flap(50);
    let counted = Counters::of("cable0").sum() - before;
    assert_eq!(counted, 102);
    watch.until("all transitions", |lines| sum(&events(lines)) == counted);
    let flapped = events(&watch.events)
        .into_iter()
        .filter(|e| e["event"] == "flapped");
    assert!(flapped.into_iter().all(|e| e["transitions"] == e["unseen"]));

    // Down, for not every kernel renames what is up.
    ip(&["link", "set", "cable0", "down"]);
    assert_eq!(
        expect(&mut watch, "disconnected", "cable0")["reason"],
        "admin-down"
    );
    ip(&["link", "set", "cable0", "name", "cable1"]);
    assert_eq!(
        expect(&mut watch, "renamed", "cable1")["previous_name"],
        "cable0"
    );
    ip(&["link", "set", "cable1", "up"]);
    expect(&mut watch, "connected", "cable1");
    drop(cable);
    assert_eq!(
        expect(&mut watch, "disconnected", "cable1")["reason"],
        "removed"
    );
    expect(&mut watch, "removed", "cable1");
    let _cable = Tap::new("cable0");
    assert_eq!(expect(&mut watch, "added", "cable0")["connected"], false);

    let lines = watch.stop();
    let events = events(&lines);
    assert_eq!(events[0]["event"], "initial");
    assert_alternating(&events);
    let last = lines.last().expect("a line");
    assert_eq!(
        (&last["program"], &last["result"]),
        (&"stopped".into(), &0.into())
    );
}

programs! {
    fn run_tells_what_the_command_tells(program: "watch.c") {
        one_cables_life(program, &[]);
    }

    fn poll_and_dispatch_tell_the_same(program: "watch.c") {
        one_cables_life(program, &["-p"]);
    }

    fn links_are_listed_as_ip_lists_them(program: "watch.c") {
        let cable = Tap::up("cable0");
        let _down = Tap::new("cable1");
        cable.flap(2);
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["link", "set", "v0", "up"]);
        ip(&["link", "add", "b0", "type", "bridge"]);
        eventually("the kernel has told of all", || {
            link_json("v0")["operstate"] == "LOWERLAYERDOWN" && link_json("cable0")["operstate"] == "UP"
        });
        let list = |args: &[&str]| -> Vec<Value> {
            let output = program.command(&[&["-l"], args].concat()).output().expect("the program");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).expect("UTF-8");
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
        };
        let listed = list(&[]);
        let mut expected = links_json();
        expected.retain(|link| link["ifname"] != "lo");
        expected.sort_by_key(|link| link["ifindex"].as_u64());
        assert_eq!(listed.len(), expected.len());
        for (link, expected) in listed.iter().zip(&expected) {
            let name = expected["ifname"].as_str().expect("a name");
            let has = |flag: &str| -> Value {
                let flags = expected["flags"].as_array().expect("flags");
                u8::from(flags.contains(&flag.into())).into()
            };
            assert_eq!((&link["name"], &link["ifindex"]), (&name.into(), &expected["ifindex"]));
            assert_eq!(link["kind"], expected["linkinfo"]["info_kind"], "{name}");
            let operstate = expected["operstate"].as_str().expect("operstate").to_lowercase();
            assert_eq!(link["operstate"], operstate.as_str(), "{name}");
            assert_eq!(link["admin_up"], has("UP"), "{name}");
            assert_eq!(link["connected"], has("LOWER_UP"), "{name}");
            assert_eq!(link["running"], u8::from(operstate == "up"), "{name}");
            assert_eq!(link["transitions"], Counters::of(name).sum(), "{name}");
        }
        assert_eq!(list(&["cable*"]).len(), 2);
        assert_eq!(list(&["nothing"]).len(), 0);
        assert_eq!(list(&["lo"])[0]["kind"], "loopback");
    }

    fn the_criterion_running_asks_for_more(program: "watch.c") {
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["link", "set", "v0", "up"]);
        ip(&["link", "set", "v1", "up"]);
        eventually("v0 is up", || link_json("v0")["operstate"] == "UP");
        let mut running = start(program, &["-r", "v0"]);
        let carrier = start(program, &["v0"]);
        ip(&["link", "set", "v0", "mode", "dormant"]);
        ip(&["link", "set", "v0", "state", "dormant"]);
        assert_eq!(expect(&mut running, "disconnected", "v0")["reason"], "not-running");
        ip(&["link", "set", "v0", "state", "up"]);
        expect(&mut running, "connected", "v0");
        running.stop();
        assert_eq!(events(&carrier.stop()).len(), 1);
    }

    fn notices_come_where_they_are_asked_for(program: "watch.c") {
        if !has("ethtool") {
            return skip("ethtool is not installed");
        }
        let cable = Tap::up("cable0");
        let mut asked = start(program, &["-N", "-D", "cable0"]);
        let not_asked = start(program, &["-D", "cable0"]);
        let switched = Command::new("ethtool").args(["-K", "cable0", "gro", "off"]).status();
        assert!(switched.expect("ethtool").success());
        assert_eq!(expect(&mut asked, "notice", "cable0")["notice"], "features");
        cable.pull();
        expect(&mut asked, "disconnected", "cable0");
        asked.stop();
        let mut lines = events(&not_asked.stop());
        lines.retain(|event| event["event"] == "notice");
        assert_eq!(lines, [Value::Null; 0]);
    }

    fn a_small_buffer_loses_no_transition(program: "watch.c") {
        let cables: Vec<Tap> = (0..4).map(|i| Tap::up(&format!("cable{i}"))).collect();
        let mut watch = start(program, &["-b", "4096", "cable*"]);
        watch.signal("STOP");
        for cable in &cables {
            cable.flap(7);
        }
        cables[1].pull();
        ip_batch((0..200).map(|i| format!("link set cable{} mtu {}", i % 4, 1000 + i)));
        ip(&["link", "del", "cable3"]);
        watch.signal("CONT");
        watch.until("all is accounted for", |lines| {
            let events = events(lines);
            let has = |kind: &str| events.iter().any(|e| e["event"] == kind);
            has("resync") && has("removed") && (0..3).all(|i| {
                let name = format!("cable{i}");
                let of_it: Vec<Value> = events.iter().filter(|e| e["name"] == name.as_str()).cloned().collect();
                assert_alternating(&of_it);
                of_it.last().is_some_and(|e| e["connected"] == (i != 1)) && sum(&of_it) == Counters::of(&name).sum()
            })
        });
        let resync = events(&watch.stop()).into_iter().find(|e| e["event"] == "resync").expect("a resync");
        assert!(resync["overruns"].as_u64().expect("overruns") >= 1);
    }

    fn a_state_is_reported_once_it_has_lasted(program: "watch.c") {
        let cable = Tap::up("cable0");
        let mut late_down = start(program, &["-d", "5000", "cable0"]);
        let mut late_up = start(program, &["-p", "-u", "300", "cable0"]);
        cable.pull();
        expect(&mut late_up, "disconnected", "cable0");
        let begin = Instant::now();
        cable.plug();
        expect(&mut late_up, "connected", "cable0");
        assert!(begin.elapsed() >= Duration::from_millis(300));
        assert_eq!(expect(&mut late_down, "flapped", "cable0")["transitions"], 2);
        late_down.stop();
        late_up.stop();
    }

    fn what_is_held_back_at_the_end_is_told(program: "watch.c") {
        let cable = Tap::up("cable0");
        let watch = start(program, &["-c", "-d", "3600000", "cable0"]);
        let before = Counters::of("cable0").sum();
        cable.flap(3);
        cable.pull();
        let events = events(&watch.stop());
        assert_eq!(events.last().expect("an event")["event"], "disconnected", "{events:#?}");
        assert_eq!(sum(&events), Counters::of("cable0").sum() - before, "{events:#?}");
    }

    fn another_namespace_can_be_watched(program: "watch.c") {
        ip(&["netns", "add", "blue"]);
        ip(&["-n", "blue", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["-n", "blue", "link", "set", "v0", "up"]);
        let mut watch = start(program, &["-n", "blue", "v0"]);
        assert_eq!(watch.events[0]["name"], "v0");
        ip(&["-n", "blue", "link", "set", "v1", "up"]);
        expect(&mut watch, "connected", "v0");
        watch.stop();
    }

    fn a_signal_stops_it_in_a_storm(program: "watch.c") {
        let cable = Tap::up("cable0");
        let watch = start(program, &["cable0"]);
        let is_over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    cable.flap(1);
                    ip_batch(["down", "up"].map(|state| format!("link set cable0 {state}")));
                }
            });
            // Also a failure ends the storm, which the scope waits for.
            let stopped = catch_unwind(AssertUnwindSafe(|| watch.stop()));
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            stopped.unwrap_or_else(|panic| resume_unwind(panic));
        });
    }

    fn a_signal_stops_it_while_it_waits(program: "watch.c") {
        let watch = start(program, &["nothing"]);
        let path = format!("/proc/{}/stat", watch.id());
        eventually("it waits", || std::fs::read_to_string(&path).is_ok_and(|stat| stat.contains(") S ")));
        let lines = watch.stop();
        let last = lines.last().expect("a line");
        assert_eq!((&last["program"], &last["result"]), (&"stopped".into(), &0.into()));
    }
}
