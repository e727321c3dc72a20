//! The judge is judged: it must find what is wrong with a story.

use crate::Scale;
use crate::judge::{Truth, judge};
use crate::random::Random;
use crate::recorder::{Life, Record};
use crate::row::Row;
use crate::watcher::Event;
use crate::witness::{Link, Links};

/// What is done to the true story of two links.
type Lie = fn(&mut Vec<Event>);

const LIES: [(&str, Lie); 9] = [
    ("an event is missing", |events| drop(events.remove(1))),
    ("an event is told twice", |events| {
        events.insert(2, events[1].clone())
    }),
    ("a transition is missing", |events| {
        events[1].transitions -= 1
    }),
    ("a transition too much", |events| events[2].transitions += 1),
    ("the final state is another", |events| {
        events[2].connected = false
    }),
    ("the final name is another", |events| {
        events[2].name = "eth9".to_owned()
    }),
    ("a removal is missing", |events| drop(events.pop())),
    ("it is removed while connected", |events| {
        drop(events.remove(5))
    }),
    ("a removed link's transition is missing", |events| {
        events[4].transitions -= 1
    }),
];

pub fn it_finds_faults(_: Scale, _: &mut Random) -> Row {
    let mut row = Row::default();
    let truth = story();
    row.expect(complaints(&truth).is_empty(), || {
        "the truth is not believed".to_owned()
    });
    for (what, lie) in LIES {
        let mut events = truth.clone();
        lie(&mut events);
        row.expect(!complaints(&events).is_empty(), || {
            format!("not noticed: {what}")
        });
    }
    // What a loss makes unknowable is short, never too much.
    let mut events = truth;
    events[4].transitions -= 1;
    events.push(Event {
        kind: "resync".to_owned(),
        overruns: 1,
        ..event("", 0, "", false, 0)
    });
    row.expect(complaints(&events).is_empty(), || {
        "a loss is not allowed for".to_owned()
    });
    events[4].transitions += 2;
    row.expect(!complaints(&events).is_empty(), || {
        "too much after a loss".to_owned()
    });
    row.note(format!(
        "{} lies of {} noticed",
        LIES.len() - row.complaints.len(),
        LIES.len()
    ));
    row
}

fn complaints(events: &[Event]) -> Vec<String> {
    let link = |name: &str, transitions| Link {
        name: name.to_owned(),
        connected: true,
        running: true,
        transitions,
    };
    let before = Links::from([(2, link("eth0", 5))]);
    let now = Links::from([(2, link("eth0", 15))]);
    let ended = [(3, vec![Life { transitions: 4 }])].into();
    let record = Record {
        ended,
        ..Record::default()
    };
    let truth = Truth {
        before: &before,
        now: &now,
        record: Some(&record),
    };
    judge(events, truth).complaints()
}

fn event(kind: &str, index: u32, name: &str, connected: bool, transitions: u64) -> Event {
    Event {
        kind: kind.to_owned(),
        index,
        name: name.to_owned(),
        connected,
        transitions,
        unseen: 0,
        overruns: 0,
        previous_name: None,
    }
}

fn story() -> Vec<Event> {
    vec![
        event("initial", 2, "eth0", true, 0),
        event("disconnected", 2, "eth0", false, 7),
        event("connected", 2, "eth0", true, 3),
        event("added", 3, "eth1", false, 2),
        event("connected", 3, "eth1", true, 1),
        event("disconnected", 3, "eth1", false, 1),
        event("removed", 3, "eth1", false, 0),
    ]
}
