//! A program that has a libnl loop already: `tests/c/dropin.c`.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Program, events, expect, programs, start};
use crate::support::{Counters, Tap, Watch, assert_alternating, ip, ip_batch, link_json, sum};

fn messages(lines: &[Value]) -> Vec<Value> {
    lines
        .iter()
        .filter(|line| line["program"] == "message")
        .cloned()
        .collect()
}

fn of_link(events: &[Value], name: &str) -> Vec<Value> {
    events
        .iter()
        .filter(|event| event["name"] == name)
        .cloned()
        .collect()
}

/// The program gets what it would without linkwatch, and the events besides.
fn both_get_theirs(program: &Program, mode: &str) {
    let cable = Tap::up("cable0");
    let mut alone = start(program, &["-m", "none"]);
    let mut together = start(program, &["-m", mode, "cable*"]);
    let before = Counters::of("cable0").sum();

    ip(&["addr", "add", "192.0.2.1/24", "dev", "cable0"]);
    cable.pull();
    assert_eq!(
        expect(&mut together, "disconnected", "cable0")["reason"],
        "no-carrier"
    );
    cable.plug();
    expect(&mut together, "connected", "cable0");
    cable.flap(50);
    let counted = Counters::of("cable0").sum() - before;
    assert_eq!(counted, 102);
    together.until("all transitions", |lines| sum(&events(lines)) == counted);
    ip(&["addr", "del", "192.0.2.1/24", "dev", "cable0"]);
    ip(&["link", "set", "cable0", "down"]);
    expect(&mut together, "disconnected", "cable0");
    ip(&["link", "set", "cable0", "name", "cable1"]);
    expect(&mut together, "renamed", "cable1");
    drop(cable);
    expect(&mut together, "removed", "cable1");

    // The last message of both.
    ip(&["link", "add", "b0", "type", "bridge"]);
    let last = link_json("b0")["ifindex"].clone();
    for watch in [&mut alone, &mut together] {
        watch.until("the last message", |lines| {
            lines.iter().any(|line| line["ifindex"] == last)
        });
    }
    let (alone, together) = (alone.close(), together.close());
    assert_eq!(messages(&together), messages(&alone));
    let of_type = |kind: u64| {
        messages(&together)
            .iter()
            .filter(|line| line["type"] == kind)
            .count()
    };
    let [new_link, new_address, deleted_address] = [16, 20, 21].map(of_type);
    assert!(new_link >= 5, "{together:#?}");
    assert_eq!((new_address, deleted_address), (1, 1));
    assert_alternating(&events(&together));
}

/// The program is stopped again and again while more happens than its buffer
/// holds.
fn losses_are_made_up_for(program: &Program, mode: &str) {
    let cables: Vec<Tap> = (0..4).map(|i| Tap::up(&format!("cable{i}"))).collect();
    let mut watch = start(program, &["-m", mode, "-b", "4096", "cable*"]);
    for round in 0..4 {
        watch.signal("STOP");
        for cable in &cables[..3] {
            cable.flap(3);
        }
        if round % 2 == 0 {
            cables[1].pull();
        }
        ip_batch((0..60).map(|i| format!("link set cable{} mtu {}", i % 3, 1000 + i)));
        if round == 1 {
            ip(&["link", "del", "cable3"]);
        }
        if round == 3 {
            cables[1].pull();
            cables[2].pull();
        }
        watch.signal("CONT");
    }
    let overruns = |lines: &[Value]| {
        let program = lines
            .iter()
            .filter(|line| line["program"] == "overrun")
            .count() as u64;
        let events = events(lines);
        let reported = events.iter().filter_map(|event| event["overruns"].as_u64());
        (program, reported.sum::<u64>())
    };
    watch.until("all is accounted for", |lines| {
        let events = events(lines);
        let (answered, reported) = overruns(lines);
        answered == reported
            && events
                .iter()
                .any(|e| e["event"] == "removed" && e["name"] == "cable3")
            && (0..3).all(|i| {
                let name = format!("cable{i}");
                let of_it = of_link(&events, &name);
                assert_alternating(&of_it);
                of_it.last().is_some_and(|e| e["connected"] == (i == 0))
                    && sum(&of_it) == Counters::of(&name).sum()
            })
    });
    let (answered, reported) = overruns(&watch.close());
    assert!(answered >= 1);
    assert_eq!(answered, reported);
}

/// Fills the buffer of a program that receives stepwise, and lets it receive
/// the loss, which comes before what is queued.
fn lose(program: &Program, args: &[&str]) -> Watch {
    let mut watch = start(program, &[args, &["-s", "-b", "4096", "cable*"]].concat());
    ip_batch((0..60).map(|i| format!("link set cable0 mtu {}", 1000 + i)));
    ip(&["link", "set", "cable1", "down"]);
    watch.send("");
    let line = watch.next("the loss");
    assert_eq!(line["program"], "overrun");
    watch
}

programs! {
    fn attached_it_gets_its_messages_and_the_events(program: "dropin.c") {
        both_get_theirs(program, "attach");
    }

    fn fed_by_hand_it_gets_its_messages_and_the_events(program: "dropin.c") {
        both_get_theirs(program, "process");
    }

    fn attached_it_makes_up_for_losses(program: "dropin.c") {
        losses_are_made_up_for(program, "attach");
    }

    fn fed_by_hand_it_makes_up_for_losses(program: "dropin.c") {
        losses_are_made_up_for(program, "process");
    }

    fn a_second_loss_while_the_first_is_pending_is_counted(program: "dropin.c") {
        let _cables = ["cable0", "cable1"].map(Tap::up);
        let mut watch = lose(program, &["-2"]);
        // The differences come with the last message that was queued.
        let mut queued = 0;
        let event = loop {
            watch.send("");
            let line = watch.next("a message");
            if line.get("event").is_some() {
                break line;
            }
            assert_eq!(line["program"], "message");
            queued += 1;
        };
        assert!(queued >= 2, "{:#?}", watch.events);
        assert_eq!((&event["event"], &event["name"]), (&"disconnected".into(), &"cable1".into()));
        let event = watch.next("the resync");
        assert_eq!((&event["event"], &event["overruns"]), (&"resync".into(), &2.into()));
        watch.close();
    }

    fn it_may_end_while_a_resync_is_pending(program: "dropin.c") {
        let _cables = ["cable0", "cable1"].map(Tap::up);
        let lines = lose(program, &[]).close();
        assert!(events(&lines).iter().all(|event| event["event"] == "initial"));
    }

    fn attached_it_waits_until_a_state_has_lasted(program: "dropin.c") {
        let cable = Tap::up("cable0");
        let mut watch = start(program, &["-d", "300", "cable0"]);
        let begin = Instant::now();
        ip(&["link", "set", "cable0", "down"]);
        assert_eq!(expect(&mut watch, "disconnected", "cable0")["reason"], "admin-down");
        assert!(begin.elapsed() >= Duration::from_millis(300));
        ip(&["link", "set", "cable0", "up"]);
        expect(&mut watch, "connected", "cable0");
        drop(cable);
        // At once, for it is gone.
        expect(&mut watch, "disconnected", "cable0");
        expect(&mut watch, "removed", "cable0");
        watch.close();
    }

    fn what_is_held_back_at_the_end_is_told(program: "dropin.c") {
        let cable = Tap::up("cable0");
        let watch = start(program, &["-c", "-d", "3600000", "cable0"]);
        let before = Counters::of("cable0").sum();
        cable.flap(3);
        cable.pull();
        let events = events(&watch.close());
        assert_eq!(events.last().expect("an event")["event"], "disconnected", "{events:#?}");
        assert_eq!(sum(&events), Counters::of("cable0").sum() - before, "{events:#?}");
    }
}
