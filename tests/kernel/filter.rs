//! What the kernel drops for the monitor, and that nothing is missed by it.

use linkwatch::nl::{Group, Protocol, Socket};
use linkwatch::{Event, EventKind, Monitor, MonitorBuilder, Reason};

use crate::support::{Counters, Tap, eventually, in_namespace, ip, ip_batch, rename_up, skip};

fn builder(patterns: &[&str]) -> MonitorBuilder {
    let parsed = patterns.iter().map(|pattern| pattern.parse().unwrap());
    Monitor::builder().patterns(parsed)
}

fn start(patterns: &[&str]) -> Monitor {
    builder(patterns).build().unwrap()
}

/// Takes events until the condition holds, and returns them.
fn until(monitor: &mut Monitor, what: &str, done: impl Fn(&[Event]) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    eventually(what, || {
        while let Some(event) = monitor.try_next().unwrap() {
            events.push(event);
        }
        done(&events)
    });
    events
}

fn told(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| format!("{} {}", event.kind(), event.name().unwrap_or_default()))
        .collect()
}

/// What a socket without a filter hears meanwhile.
struct Witness(Socket);

impl Witness {
    fn new() -> Witness {
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        socket.set_receive_buffer(4 << 20).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.join(Group::LINK).unwrap();
        Witness(socket)
    }

    fn messages(&mut self) -> u64 {
        let mut messages = 0;
        while let Ok(datagram) = self.0.recv_datagram() {
            messages += datagram.messages().count() as u64;
        }
        messages
    }
}

in_namespace! {
    fn what_others_do_is_not_heard() {
        let cable = Tap::up("cable0");
        let others: Vec<Tap> = (0..20).map(|i| Tap::up(&format!("other{i}"))).collect();
        let mut filtered = start(&["cable0"]);
        let mut unfiltered = builder(&["cable0"]).kernel_filter(false).build().unwrap();
        let mut witness = Witness::new();
        let mut heard = 0;
        for monitor in [&mut filtered, &mut unfiltered] {
            let events = until(monitor, "it has begun", |events| events.len() == 1);
            assert_eq!(told(&events), ["initial cable0"]);
        }
        for round in 0..50 {
            // Few enough at a time for the smallest of receive buffers.
            for some in [0..10, 10..20] {
                for other in &others[some.clone()] {
                    other.pull();
                    other.plug();
                }
                ip_batch(some.map(|i| format!("link set other{i} mtu {}", 1000 + round)));
                heard += witness.messages();
                for monitor in [&mut filtered, &mut unfiltered] {
                    assert!(monitor.try_next().unwrap().is_none());
                }
            }
        }
        cable.pull();
        for monitor in [&mut filtered, &mut unfiltered] {
            let events = until(monitor, "the cable is pulled", |events| events.len() == 1);
            assert_eq!(told(&events), ["disconnected cable0"]);
            assert_eq!(events[0].transitions(), 1);
        }
        heard += witness.messages();
        assert!(heard > 1000, "{heard}");
        let (with, without) = (filtered.statistics(), unfiltered.statistics());
        assert!(with.messages <= 3, "{with:?}");
        assert!(without.messages >= heard, "{without:?} {heard}");
        assert_eq!((with.overruns, with.resyncs), (0, 0));
    }

    fn bridge_ports_are_not_heard() {
        let _cable = Tap::up("cable0");
        let mut monitor = start(&[]);
        ip_batch(["link add b0 type bridge", "link set cable0 master b0", "link set cable0 nomaster"].map(str::to_owned));
        ip(&["link", "del", "b0"]);
        until(&mut monitor, "the bridge is gone", |events| {
            events.iter().any(|event| event.kind() == EventKind::Removed)
        });
        assert_eq!(monitor.statistics().ignored, 0);
    }

    fn a_new_link_is_heard() {
        let _other = Tap::up("other0");
        let mut monitor = start(&["cable*"]);
        let cable = Tap::up("cable1");
        cable.flap(3);
        let counted = Counters::of("cable1").sum();
        let events = until(&mut monitor, "all is accounted for", |events| {
            events.iter().map(Event::transitions).sum::<u64>() == counted
        });
        assert_eq!(told(&events)[..2], ["added cable1", "connected cable1"]);
        // Also where its index is lower than all that are there.
        ip(&["link", "add", "cable2", "index", "4000", "type", "bridge"]);
        ip(&["link", "add", "cable3", "index", "3000", "type", "bridge"]);
        ip(&["link", "del", "cable3"]);
        let events = until(&mut monitor, "it came and went", |events| events.len() >= 3);
        assert_eq!(told(&events), ["added cable2", "added cable3", "removed cable3"]);
    }

    fn a_link_renamed_into_the_scope_and_out_of_it_is_heard() {
        let other = Tap::up("other0");
        let mut monitor = start(&["cable0"]);
        if !rename_up("other0", "cable0") {
            return skip("this kernel renames no interface that is up (Linux 6.2)");
        }
        other.flap(2);
        let events = until(&mut monitor, "it flapped", |events| {
            events.iter().map(Event::transitions).sum::<u64>() == 4
        });
        assert_eq!(told(&events)[..2], ["added cable0", "connected cable0"]);
        assert_eq!(events[0].previous_name().unwrap(), "other0");
        rename_up("cable0", "other1");
        let events = until(&mut monitor, "it left", |events| events.len() == 2);
        assert_eq!(told(&events), ["disconnected cable0", "renamed other1"]);
        assert_eq!(events[0].reason(), Some(Reason::Renamed));
        assert!(monitor.links().is_empty());
    }

    fn a_link_that_passed_through_the_scope_unheard_is_found_out() {
        let _other = Tap::up("other0");
        let mut monitor = start(&["cable0"]);
        if !rename_up("other0", "cable0") {
            return skip("this kernel renames no interface that is up (Linux 6.2)");
        }
        // The monitor has not read yet: the kernel drops what tells of this.
        rename_up("cable0", "other0");
        let events = until(&mut monitor, "it is known to have left", |events| events.len() == 4);
        assert_eq!(
            told(&events),
            ["added cable0", "connected cable0", "disconnected cable0", "renamed other0"]
        );
        assert_eq!(monitor.statistics().resyncs, 1);
    }

    fn an_alternative_name_brings_a_link_into_the_scope() {
        let other = Tap::up("other0");
        let mut monitor = start(&["uplink*"]);
        ip(&["link", "property", "add", "dev", "other0", "altname", "uplink0"]);
        other.pull();
        let events = until(&mut monitor, "it was pulled", |events| events.len() == 3);
        assert_eq!(told(&events), ["added other0", "connected other0", "disconnected other0"]);
        ip(&["link", "property", "del", "dev", "other0", "altname", "uplink0"]);
        let events = until(&mut monitor, "it left", |events| events.len() == 1);
        assert_eq!(events[0].kind(), EventKind::Renamed);
    }

    fn the_longest_names_are_watched_by_as_many_patterns_as_are_filtered() {
        let named = Tap::up("other0");
        let cable = Tap::up("cable-15-bytes0");
        let longest = "n".repeat(127);
        let mut patterns: Vec<String> = (0..62).map(|i| format!("{i:0>127}")).collect();
        patterns.extend([longest.clone(), "cable-15-bytes0".to_owned()]);
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let mut monitor = start(&patterns);
        until(&mut monitor, "the start", |events| events.len() == 1);
        ip(&["link", "property", "add", "dev", "other0", "altname", &longest]);
        named.pull();
        cable.pull();
        let events = until(&mut monitor, "both were pulled", |events| events.len() == 4);
        let mut events = told(&events);
        events.sort();
        assert_eq!(events, [
            "added other0", "connected other0", "disconnected cable-15-bytes0", "disconnected other0",
        ]);
        // The kernel does filter: it drops what is about another link.
        let before = monitor.statistics().messages;
        ip_batch((0..50).map(|i| format!("link set lo mtu {}", 1000 + i)));
        cable.plug();
        until(&mut monitor, "it was plugged in", |events| events.len() == 1);
        let heard = monitor.statistics().messages - before;
        assert!(heard < 10, "{heard}");
    }

    fn links_that_come_and_go_are_sorted_out_after_a_while() {
        let cable = Tap::up("cable0");
        let mut monitor = start(&["cable0"]);
        until(&mut monitor, "the start", |events| events.len() == 1);
        let others: Vec<Tap> = (0..5).map(|i| Tap::up(&format!("other{i}"))).collect();
        let flap = |monitor: &mut Monitor| {
            let before = monitor.statistics().messages;
            for round in 0..100 {
                ip_batch((0..5).map(|i| format!("link set other{i} mtu {}", 1000 + round)));
                until(monitor, "no event", |events| events.is_empty());
            }
            monitor.statistics().messages - before
        };
        // Their indices are higher than what was known.
        let first = flap(&mut monitor);
        assert!(first > 200, "{first}");
        let second = flap(&mut monitor);
        assert!(second < 10, "{second}");
        drop(others);
        cable.pull();
        let events = until(&mut monitor, "the cable is pulled", |events| events.len() == 1);
        assert_eq!(told(&events), ["disconnected cable0"]);
    }

    fn many_links_in_scope_are_not_sorted() {
        ip_batch((0..300).map(|i| format!("link add cable{i} type bridge")));
        let mut monitor = start(&["cable*"]);
        until(&mut monitor, "the start", |events| events.len() == 300);
        ip(&["link", "add", "other0", "type", "bridge"]);
        ip(&["link", "set", "other0", "up"]);
        ip(&["link", "set", "cable299", "name", "other1"]);
        let events = until(&mut monitor, "it left", |events| !events.is_empty());
        assert_eq!(told(&events), ["renamed other1"]);
        assert!(monitor.statistics().messages >= 2);
    }
}
