//! `linkwatch watch --json`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{
    Counters, StopOnDrop, Tap, Watch, assert_alternating, eventually, in_namespace, ip, ip_batch,
    link_json, linkwatch, rename_up, sum,
};

/// The kinds of the events, in order.
fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["event"].as_str().expect("a kind"))
        .collect()
}

in_namespace! {
    fn a_pulled_cable_is_told() {
        let cable = Tap::up("cable0");
        let mut watch = Watch::start(&["cable0"]);
        let event = watch.expect("initial", "cable0");
        assert_eq!(event["connected"], true);
        assert_eq!(event["transitions"], 0);
        let index = link_json("cable0")["ifindex"].clone();
        assert_eq!(event["ifindex"], index);

        cable.pull();
        let event = watch.expect("disconnected", "cable0");
        assert_eq!(event["reason"], "no-carrier");
        assert_eq!(event["connected"], false);
        assert_eq!(event["carrier"], false);
        assert_eq!(event["running"], false);
        assert_eq!(event["operstate"], "down");
        assert_eq!((&event["transitions"], &event["unseen"]), (&1.into(), &0.into()));
        assert_eq!(event["ifindex"], index);
        assert_eq!(event["kind"], "tun");
        let time = event["time"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.len() == "2026-11-22T10:00:00.123456Z".len(), "{time}");

        cable.plug();
        let event = watch.expect("connected", "cable0");
        assert!(event.get("reason").is_none(), "{event}");
        assert_eq!((&event["connected"], &event["operstate"]), (&true.into(), &"up".into()));
        assert_eq!(watch.stop().len(), 3);
    }

    fn a_hundred_transitions_in_one_message_are_accounted_for() {
        let cable = Tap::up("cable0");
        let mut watch = Watch::start(&["cable0"]);
        watch.expect("initial", "cable0");
        let before = Counters::of("cable0");
        // Several times, for how many messages the kernel makes of them varies.
        let mut rounds = 0;
        while rounds < 3 || !kinds(&watch.events).contains(&"flapped") {
            assert!(rounds < 50, "never swallowed: {:#?}", watch.events);
            rounds += 1;
            cable.flap(50);
            let counted = Counters::of("cable0").sum() - before.sum();
            watch.until("all transitions", |events| sum(events) == counted);
        }
        let after = Counters::of("cable0");
        assert_eq!((after.up - before.up, after.down - before.down), (rounds * 50, rounds * 50));
        let events = watch.stop();
        assert_eq!(sum(&events), rounds * 100);
        assert_alternating(&events);
        assert_eq!(events.last().unwrap()["connected"], true);
        let flapped: Vec<_> = events.iter().filter(|e| e["event"] == "flapped").collect();
        for event in flapped {
            assert_eq!(event["transitions"], event["unseen"]);
            assert_eq!(event["transitions"].as_u64().unwrap() % 2, 0);
        }
    }

    fn a_removed_link_is_disconnected_first_and_may_come_back() {
        let cable = Tap::up("cable0");
        let mut watch = Watch::start(&["cable0"]);
        watch.expect("initial", "cable0");
        ip(&["link", "del", "cable0"]);
        drop(cable);
        let event = watch.expect("disconnected", "cable0");
        assert_eq!(event["reason"], "removed");
        let event = watch.expect("removed", "cable0");
        assert_eq!(event["connected"], false);

        let cable = Tap::new("cable0");
        let added = watch.expect("added", "cable0");
        assert_eq!(added["connected"], false, "it is down");
        assert!(added.get("previous_name").is_none());
        assert_ne!(added["ifindex"], event["ifindex"]);
        ip(&["link", "set", "cable0", "up"]);
        watch.expect("connected", "cable0");

        // Another way to go: the program that holds the TAP device ends.
        drop(cable);
        assert_eq!(watch.expect("disconnected", "cable0")["reason"], "removed");
        watch.expect("removed", "cable0");
        watch.stop();
    }

    fn a_new_link_accounts_for_all_that_it_counted() {
        let mut watch = Watch::start(&["v*"]);
        // Both ends are counted down once when they are made.
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["link", "set", "v0", "up"]);
        ip(&["link", "set", "v1", "up"]);
        for name in ["v0", "v1"] {
            let of_it = |events: &[Value]| -> Vec<Value> {
                events.iter().filter(|e| e["name"] == name).cloned().collect()
            };
            watch.until("connected and accounted for", |events| {
                let events = of_it(events);
                events.last().is_some_and(|e| e["connected"] == true)
                    && sum(&events) == Counters::of(name).sum()
            });
            let events = of_it(&watch.events);
            assert_eq!(kinds(&events)[0], "added");
            assert_alternating(&events);
        }
        watch.stop();
    }

    fn an_administrator_takes_the_link_down() {
        let _cable = Tap::up("cable0");
        let mut watch = Watch::start(&["cable0"]);
        watch.expect("initial", "cable0");
        ip(&["link", "set", "cable0", "down"]);
        let event = watch.expect("disconnected", "cable0");
        assert_eq!(event["reason"], "admin-down");
        assert_eq!(event["carrier"], true, "the kernel says so of a TAP that is down");
        ip(&["link", "set", "cable0", "up"]);
        watch.expect("connected", "cable0");
        watch.stop();
    }

    fn renames_are_followed() {
        let cable = Tap::up("cable0");
        let mut watch = Watch::start(&["cable*"]);
        watch.expect("initial", "cable0");
        // Within the scope the watch goes on.
        if !rename_up("cable0", "cable1") {
            return;
        }
        let event = watch.expect("renamed", "cable1");
        assert_eq!(event["previous_name"], "cable0");
        assert_eq!(event["connected"], true);
        cable.pull();
        watch.expect("disconnected", "cable1");
        cable.plug();
        watch.expect("connected", "cable1");
        // Out of it.
        ip(&["link", "set", "cable1", "name", "other0"]);
        assert_eq!(watch.expect("disconnected", "cable1")["reason"], "renamed");
        let event = watch.expect("renamed", "other0");
        assert_eq!((&event["previous_name"], &event["connected"]), (&"cable1".into(), &false.into()));
        // Out of the scope it is none of this watch's business.
        cable.flap(1);
        let before = Counters::of("other0");
        ip(&["link", "set", "other0", "name", "cable2"]);
        let event = watch.expect("added", "cable2");
        assert_eq!((&event["previous_name"], &event["transitions"]), (&"other0".into(), &0.into()));
        watch.expect("connected", "cable2");
        cable.pull();
        watch.until("accounted for since it came back", |events| {
            let back = events.iter().position(|e| e["event"] == "added").unwrap();
            let counted = Counters::of("cable2").sum() - before.sum();
            sum(&events[back..]) == counted && counted == 1
        });
        watch.stop();
    }

    fn links_that_exchange_their_names_keep_their_identity() {
        let one = Tap::up("cable1");
        let _two = Tap::up("cable2");
        let mut watch = Watch::start(&["cable*"]);
        let first = watch.expect("initial", "cable1")["ifindex"].clone();
        let second = watch.expect("initial", "cable2")["ifindex"].clone();
        if !rename_up("cable1", "cable3") {
            return;
        }
        ip(&["link", "set", "cable2", "name", "cable1"]);
        ip(&["link", "set", "cable3", "name", "cable2"]);
        assert_eq!(watch.expect("renamed", "cable3")["ifindex"], first);
        assert_eq!(watch.expect("renamed", "cable1")["ifindex"], second);
        assert_eq!(watch.expect("renamed", "cable2")["ifindex"], first);
        one.pull();
        let event = watch.expect("disconnected", "cable2");
        assert_eq!(event["ifindex"], first);
        watch.stop();
    }

    fn alternative_names_count() {
        let cable = Tap::up("cable0");
        ip(&["link", "property", "add", "dev", "cable0", "altname", "uplink-to-the-world"]);
        let mut watch = Watch::start(&["uplink*"]);
        watch.expect("initial", "cable0");
        cable.pull();
        watch.expect("disconnected", "cable0");
        watch.stop();
    }

    fn a_bridge_and_its_port_are_followed_like_any_link() {
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["link", "set", "v0", "up"]);
        ip(&["link", "set", "v1", "up"]);
        ip(&["link", "add", "br0", "type", "bridge"]);
        ip(&["link", "set", "br0", "up"]);
        eventually("v0 is up", || link_json("v0")["operstate"] == "UP");
        let mut watch = Watch::start(&["v0", "br0"]);
        let mut initial = [watch.next("initial"), watch.next("initial")].map(|e| e["name"].clone());
        initial.sort_by_key(|name| name.to_string());
        assert_eq!(initial, ["br0", "v0"]);
        let before = [Counters::of("v0").sum(), Counters::of("br0").sum()];

        for _ in 0..3 {
            ip(&["link", "set", "v0", "master", "br0"]);
            watch.until("the bridge has carrier by its port", |events| {
                events.iter().rev().find(|e| e["name"] == "br0").is_some_and(|e| e["connected"] == true)
                    && Counters::of("br0").up >= 1
            });
            eventually("the bridge is up", || link_json("br0")["operstate"] == "UP");
            ip(&["link", "set", "v0", "nomaster"]);
            watch.until("the bridge has lost it", |events| {
                events.iter().rev().find(|e| e["name"] == "br0").is_some_and(|e| e["connected"] == false)
            });
        }
        // The port's cable goes for real now.
        ip(&["link", "set", "v1", "down"]);
        watch.until("v0 is disconnected", |events| {
            events.iter().any(|e| e["name"] == "v0" && e["event"] == "disconnected")
        });
        let events = watch.stop();
        for (name, before) in [("v0", before[0]), ("br0", before[1])] {
            let of_it: Vec<Value> = events.iter().filter(|e| e["name"] == name).cloned().collect();
            assert_alternating(&of_it);
            assert_eq!(sum(&of_it), Counters::of(name).sum() - before, "{of_it:#?}");
            assert!(!kinds(&of_it).contains(&"removed"), "{of_it:#?}");
            assert!(!kinds(&of_it).contains(&"added"), "{of_it:#?}");
        }
        let port: Vec<&Value> = events.iter().filter(|e| e["name"] == "v0").collect();
        assert_eq!(port.len(), 2, "initial, and the one real loss: {port:#?}");
    }

    fn running_asks_for_more_than_carrier() {
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["link", "set", "v0", "up"]);
        ip(&["link", "set", "v1", "up"]);
        eventually("v0 is up", || link_json("v0")["operstate"] == "UP");
        let mut watch = Watch::start(&["v0", "--criterion", "running"]);
        assert_eq!(watch.expect("initial", "v0")["connected"], true);
        // Dormant, as before a WPA handshake: carrier, yet not operational.
        ip(&["link", "set", "v0", "mode", "dormant"]);
        ip(&["link", "set", "v0", "state", "dormant"]);
        let event = watch.expect("disconnected", "v0");
        assert_eq!(event["reason"], "not-running");
        assert_eq!((&event["carrier"], &event["operstate"]), (&true.into(), &"dormant".into()));
        ip(&["link", "set", "v0", "state", "up"]);
        watch.expect("connected", "v0");
        watch.stop();
    }

    fn a_state_is_reported_once_it_has_lasted() {
        let cable = Tap::up("cable0");
        let mut watch = Watch::start(&["cable0", "--settle-down", "3s"]);
        watch.expect("initial", "cable0");
        // Pulled and plugged in within the time, as the kernel tells too.
        cable.pull();
        eventually("the kernel has told", || link_json("cable0")["operstate"] == "DOWN");
        cable.plug();
        let event = watch.expect("flapped", "cable0");
        assert_eq!((&event["connected"], &event["transitions"]), (&true.into(), &2.into()));
        // For good.
        let start = std::time::Instant::now();
        cable.pull();
        let event = watch.expect("disconnected", "cable0");
        assert!(start.elapsed() >= std::time::Duration::from_secs(3));
        assert_eq!((&event["reason"], &event["transitions"]), (&"no-carrier".into(), &1.into()));
        cable.plug();
        watch.expect("connected", "cable0");
        assert_eq!(sum(&watch.stop()), Counters::of("cable0").sum());
    }

    fn what_is_held_back_when_the_watch_ends_is_told() {
        let cables = ["cable0", "cable1"].map(Tap::up);
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let path = log.to_str().unwrap();
        let arguments = ["cable*", "--settle-down", "60m", "--log-file", path];
        let mut watch = Watch::start(&arguments);
        watch.expect("initial", "cable0");
        watch.expect("initial", "cable1");
        let before = ["cable0", "cable1"].map(|name| Counters::of(name).sum());
        for cable in &cables {
            cable.flap(3);
            cable.pull();
        }
        // The kernel may have announced some of them, or none.
        let events = watch.stop();
        for (name, before) in ["cable0", "cable1"].into_iter().zip(before) {
            let of_it: Vec<Value> = events.iter().filter(|e| e["name"] == name).cloned().collect();
            assert_alternating(&of_it);
            assert_eq!(of_it.last().unwrap()["event"], "disconnected", "{of_it:#?}");
            assert_eq!(sum(&of_it), Counters::of(name).sum() - before, "{of_it:#?}");
        }
        let log = std::fs::read_to_string(log).unwrap();
        for name in ["cable0", "cable1"] {
            assert!(log.contains(&format!("{name} - Status: disconnected")), "{log}");
        }
        assert!(log.ends_with("Network monitoring stopped\n"), "{log}");
    }

    fn a_slow_reader_gets_the_last_events_too() {
        // More than a pipe holds.
        let cables: Vec<Tap> = (0..300).map(|i| Tap::up(&format!("cable{i}"))).collect();
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut watch = linkwatch(&["watch", "--json", "--settle-down", "60m"])
            .args(["--events", "disconnected", "cable*", "--log-file"])
            .arg(&log)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        eventually("it has begun", || {
            std::fs::read_to_string(&log).is_ok_and(|log| log.contains("started"))
        });
        for cable in &cables {
            cable.pull();
        }
        let pid = nix::unistd::Pid::from_raw(watch.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        eventually("all is told, to the log at least", || {
            std::fs::read_to_string(&log).unwrap().matches("disconnected").count() == 300
        });
        let mut told = String::new();
        watch.stdout.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(watch.wait().unwrap().success());
        assert_eq!(told.matches(r#""event":"disconnected""#).count(), 300);
    }

    fn lost_messages_are_made_up_for() {
        let cables: Vec<Tap> = (0..10).map(|i| Tap::up(&format!("cable{i}"))).collect();
        // An ordinary user's buffer would do; this one is sure to be too small.
        let mut watch = Watch::start(&["cable*", "--buffer-size", "8K"]);
        for i in 0..10 {
            watch.expect("initial", &format!("cable{i}"));
        }
        let count = || -> u64 {
            (0..9).map(|i| Counters::of(&format!("cable{i}")).sum()).sum()
        };
        let before = count();
        watch.signal("STOP");
        for (i, cable) in cables.iter().enumerate() {
            cable.flap(7);
            if i % 2 == 0 {
                cable.pull();
            }
        }
        // Each of these is a message.
        ip_batch((0..400).map(|i| format!("link set cable{} mtu {}", i % 10, 1000 + i)));
        if rename_up("cable8", "cable20") {
            ip(&["link", "set", "cable20", "name", "cable8"]);
        }
        ip(&["link", "del", "cable9"]);
        watch.signal("CONT");
        watch.until("a resync", |events| kinds(events).contains(&"resync"));
        watch.until("cable9 is removed", |events| {
            events.iter().any(|e| e["event"] == "removed" && e["name"] == "cable9")
        });
        watch.until("all transitions", |events| {
            let others: Vec<Value> = events.iter().filter(|e| e["name"] != "cable9").cloned().collect();
            sum(&others) == count() - before
        });
        let events = watch.stop();
        let resync = events.iter().find(|e| e["event"] == "resync").unwrap();
        assert!(resync["overruns"].as_u64().unwrap() >= 1, "{resync}");
        assert_eq!(resync["name"], Value::Null, "it is about no link");
        for i in 0..10 {
            let name = format!("cable{i}");
            let index = events[i]["ifindex"].clone();
            let of_it: Vec<Value> = events.iter().filter(|e| e["ifindex"] == index).cloned().collect();
            assert_alternating(&of_it);
            let last = of_it.iter().rev().find(|e| e["event"] != "renamed").unwrap();
            let expected = i % 2 == 1 && i != 9;
            assert_eq!(last["connected"], expected, "{name}: {of_it:#?}");
        }
    }

    fn only_chosen_events_and_only_so_many() {
        let cable = Tap::up("cable0");
        let mut child = linkwatch(&[
            "watch", "--json", "--events", "disconnected,flapped", "--count", "2", "cable0", "lo",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let events: Vec<Value> = std::thread::scope(|scope| {
            // It says nothing before a cable is pulled: pull until it does.
            // Also where an assertion fails.
            let _stop = StopOnDrop(&stop);
            scope.spawn(|| while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                cable.pull();
                std::thread::sleep(std::time::Duration::from_millis(30));
                cable.plug();
                std::thread::sleep(std::time::Duration::from_millis(30));
            });
            lines.by_ref().map(|l| serde_json::from_str(&l.unwrap()).unwrap()).collect()
        });
        assert!(child.wait().unwrap().success());
        assert_eq!(events.len(), 2);
        assert!(kinds(&events).iter().all(|kind| ["disconnected", "flapped"].contains(kind)));
    }

    fn a_closed_pipe_ends_the_watch_quietly() {
        let _cable = Tap::up("cable0");
        let mut child = linkwatch(&["watch", "cable0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "Interface: cable0 - Status: connected (initial)\n");
        drop(stdout);
        // Nothing more needs to happen for it to notice.
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }

    fn a_closed_socket_ends_the_watch_quietly() {
        // As under a service manager: the reader's end shows as a hang-up.
        let _cable = Tap::up("cable0");
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut child = linkwatch(&["watch", "cable0"])
            .stdout(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut ours = BufReader::new(ours);
        ours.read_line(&mut line).unwrap();
        drop(ours);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }

    fn a_reader_that_takes_nothing_does_not_keep_it_from_ending() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("link.log");
        let _cable = Tap::up("cable0");
        let mut child = linkwatch(&["watch", "cable0", "--log-file", log.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Names change and nobody reads, until nothing more is written to the
        // log: then the pipe is full and it waits.
        let length = || std::fs::metadata(&log).map_or(0, |file| file.len());
        let mut before = 0;
        eventually("it waits for its reader", || {
            ip_batch((0..400).map(|i| format!("link set cable0 {}", ["down", "up"][i % 2])));
            std::thread::sleep(std::time::Duration::from_millis(100));
            std::mem::replace(&mut before, length()) == length() && length() > 0
        });
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        eventually("it ends", || child.try_wait().unwrap().is_some());
        assert_eq!(child.wait().unwrap().code(), Some(1), "what was not read is lost");
        let log = std::fs::read_to_string(&log).unwrap();
        assert!(log.ends_with("Network monitoring stopped\n"));
    }

    fn an_interrupt_ends_the_watch() {
        for signal in ["INT", "TERM"] {
            let mut watch = Watch::start(&[]);
            watch.signal(signal);
            assert_eq!(watch.ended().code(), Some(0), "{signal}");
        }
    }

    fn another_namespace_can_be_watched() {
        ip(&["netns", "add", "blue"]);
        ip(&["-n", "blue", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["-n", "blue", "link", "set", "v0", "up"]);
        let mut watch = Watch::start(&["v0", "--netns", "blue"]);
        assert_eq!(watch.expect("initial", "v0")["connected"], false);
        ip(&["-n", "blue", "link", "set", "v1", "up"]);
        watch.expect("connected", "v0");
        // Moved away, the link is gone.
        ip(&["netns", "add", "green"]);
        ip(&["-n", "blue", "link", "set", "v0", "netns", "green"]);
        watch.until("removed", |events| kinds(events).contains(&"removed"));
        let removal: Vec<&str> = kinds(&watch.events).into_iter().rev().take(2).collect();
        assert_eq!(removal, ["removed", "disconnected"]);
        watch.stop();

        let output = linkwatch(&["watch", "--netns", "red"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("no network namespace \"red\""), "{error}");
    }

    fn names_that_do_not_exist_yet_are_watched_for() {
        let mut child = linkwatch(&["watch", "--count", "1", "eht0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut told).unwrap();
        assert!(told.contains("no interface matches 'eht0' yet"), "{told}");
        let _cable = Tap::new("eht0");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"Interface: eht0 - Status: added\n");
        assert!(output.status.success());
    }

    fn the_version_tells_the_libnl_that_it_was_built_with() {
        let output = linkwatch(&["--version"]).output().unwrap();
        let pkg_config = Command::new("pkg-config").args(["--modversion", "libnl-3.0"]).output();
        let libnl = String::from_utf8(pkg_config.expect("pkg-config").stdout).unwrap();
        let expected = format!(
            "linkwatch {} (built with libnl {})\n",
            env!("CARGO_PKG_VERSION"),
            libnl.trim_end()
        );
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }

    fn usage_errors_end_with_2() {
        for args in [
            &["watch", "--events", "plugged"][..],
            &["watch", "eth[0"],
            &["watch", &"n".repeat(128)],
            &["status", &"n".repeat(509)],
            &["wait", &"n".repeat(5000)],
            &["watch", "--count", "0"],
            &["watch", "--buffer-size", "4X"],
            &["watch", "--settle-up", "2"],
            &["watch", "--no-such-option"],
            &["watch", "--criterion", "luck"],
            &["wotch"],
            &[],
        ] {
            let output = linkwatch(args).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{args:?}");
            assert!(!output.stderr.is_empty(), "{args:?}");
        }
        let output = linkwatch(&["watch", "--events", "plugged"]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("there are initial, added, connected"), "{error}");
        let output = linkwatch(&["watch", &"n".repeat(509)]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("is 509 bytes long") && error.contains("use a shorter one"), "{error}");
    }
}
