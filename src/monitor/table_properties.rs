//! Random histories: a little kernel acts, announces, and loses messages; the
//! table must account for all that it counted.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::monitor::test_kernel::{INDICES, Kernel, NAMES, Op, Sim, Tells};
use crate::monitor::test_messages::{ALL_CHANGED, new_link, parse};

/// What the driver does, or what happens to it.
#[derive(Debug, Clone)]
enum Step {
    Op(Op),
    Read(usize),
    /// From now on messages are lost, until the queue has been read.
    Overflow,
    Resync {
        before: Vec<Op>,
        after: Vec<Op>,
        overflow: bool,
        complete: bool,
    },
    /// A link is exchanged for another unheard, then links are listed.
    Exchange {
        index: u32,
        counted: u32,
        before: Vec<Op>,
        after: Vec<Op>,
    },
    /// An older message comes again.
    Repeat(usize),
}

/// What the events have told of one link so far.
#[derive(Debug)]
struct Life {
    connected: bool,
    /// The kernel's count where the account begins.
    baseline: u32,
    sum: u64,
}

impl Life {
    fn count(&self) -> u32 {
        self.baseline.wrapping_add(self.sum as u32)
    }
}

struct Trial {
    kernel: Kernel,
    table: Table,
    events: VecDeque<Event>,
    lives: BTreeMap<u32, Life>,
    criterion: Criterion,
    /// RTM_NEWLINKs that were applied, to come again.
    applied: Vec<(u32, u32, Vec<u8>)>,
    /// What the last message gave.
    reported: Vec<(EventKind, u64)>,
    /// All that was told, for a failure's report.
    log: Vec<String>,
}

impl Trial {
    fn new(criterion: Criterion, start: &[Op]) -> Trial {
        let mut trial = Trial {
            kernel: Kernel::default(),
            table: Table::new(vec!["eth*".parse().unwrap()], criterion),
            events: VecDeque::new(),
            lives: BTreeMap::new(),
            criterion,
            applied: Vec::new(),
            reported: Vec::new(),
            log: Vec::new(),
        };
        let (before, after) = start.split_at(start.len() / 2);
        trial.resync(before, after, false, true);
        trial.table.announce(&mut trial.events);
        trial.check_events();
        trial
    }

    fn read(&mut self, most: usize) {
        for _ in 0..most {
            let Some(sent) = self.kernel.queue.pop_front() else {
                self.kernel.congested = false;
                break;
            };
            self.apply(&sent.bytes);
        }
    }

    fn apply(&mut self, bytes: &[u8]) -> Option<Verdict> {
        let Ok(Some(message)) = LinkMessage::parse(bytes) else {
            return None;
        };
        // The message tells of an exchange that was unheard of.
        let ifindex = message.ifindex();
        let known = self.table.links.get(&ifindex).map(|entry| &entry.state);
        if known.is_some_and(|known| {
            known.is_of_other_kind(&message)
                || message.changed_flags() == ALL_CHANGED && known.came_with_other_address(&message)
        }) {
            self.kernel.exchanged.insert(ifindex);
        }
        let links = &self.kernel.links;
        let there = |index| links.contains_key(&index);
        let verdict = self.table.apply(&message, there, &mut self.events);
        self.log.push(format!("{message}: {verdict:?}"));
        if verdict == Verdict::Applied
            && message.change() == LinkChange::New
            && message.changed_flags() != ALL_CHANGED
            && let Some(count) = message.transitions()
        {
            self.applied.push((ifindex, count, bytes.to_vec()));
        }
        self.check_events();
        Some(verdict)
    }

    /// The driver's protocol. It ends with an exact table, or a loss.
    fn resync(&mut self, before: &[Op], after: &[Op], overflow: bool, complete: bool) {
        self.read(usize::MAX);
        self.kernel.lost = false;
        self.kernel.exchanged.clear();
        self.table.begin_resync();
        before.iter().for_each(|op| self.kernel.act(op));
        self.kernel.congested = overflow;
        let snapshot = self.kernel.list(complete);
        after.iter().for_each(|op| self.kernel.act(op));
        self.read(usize::MAX);
        let links = &self.kernel.links;
        let there = |index| links.contains_key(&index);
        self.log.push(format!("snapshot {snapshot:?}"));
        self.table.finish_resync(snapshot, there, &mut self.events);
        self.check_events();
        if !self.kernel.lost && complete {
            self.check_table();
        }
    }

    fn repeat(&mut self, pick: usize) {
        if self.applied.is_empty() {
            return;
        }
        let (index, count, bytes) = self.applied[pick % self.applied.len()].clone();
        let known = self.table.links.get(&index).map(|entry| &entry.state);
        let older = |known: u32| (1..=u32::MAX / 2).contains(&known.wrapping_sub(count));
        if known.is_some_and(|state| {
            !state.is_of_other_kind(&parse(&bytes)) && state.transitions().is_some_and(older)
        }) {
            assert_eq!(self.apply(&bytes), Some(Verdict::Stale));
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Op(op) => self.kernel.act(op),
            Step::Read(most) => self.read(*most),
            Step::Overflow => self.kernel.congested = true,
            Step::Resync {
                before,
                after,
                overflow,
                complete,
            } => self.resync(before, after, *overflow, *complete),
            Step::Exchange {
                index,
                counted,
                before,
                after,
            } => {
                self.kernel.congested = true;
                self.kernel.act(&Op::Recreate(*index, *counted));
                self.resync(before, after, false, true);
            }
            Step::Repeat(pick) => self.repeat(*pick),
        }
    }

    /// Adds the new events to the account; it must agree with the table's own
    /// whenever the table is at rest.
    fn check_events(&mut self) {
        self.reported.clear();
        for event in std::mem::take(&mut self.events) {
            let state = event.link().expect("the events of a table are about links");
            let index = state.ifindex();
            self.log.push(format!(
                "{index} {} {} {} {:?}",
                state.name(),
                event.kind(),
                event.transitions(),
                event.previous_name()
            ));
            if index > INDICES {
                continue; // random bytes may make a link
            }
            let truth = (
                index,
                state.flags().bits(),
                state.has_carrier(),
                state.carrier_up_count().unwrap(),
                state.carrier_down_count().unwrap(),
            );
            assert!(self.kernel.truths.contains(&truth), "never so: {event:?}");
            self.account(index, &event);
            self.reported.push((event.kind(), event.transitions()));
        }
        let mut alive = 0;
        for state in self.table.links().filter(|link| link.ifindex() <= INDICES) {
            if self.table.rules.learning {
                return;
            }
            let life = self.lives.get(&state.ifindex()).expect("it was reported");
            assert_eq!(Some(life.count()), state.transitions(), "{state:?}");
            assert_eq!(life.connected, state.is_connected(self.criterion));
            alive += 1;
        }
        assert_eq!(alive, self.lives.len(), "{:?}", self.lives);
    }

    fn account(&mut self, index: u32, event: &Event) {
        let state = event.link().unwrap();
        let kind = event.kind();
        let count = state.transitions().unwrap();
        assert_eq!(kind == EventKind::Disconnected, event.reason().is_some());
        if matches!(kind, EventKind::Initial | EventKind::Added) {
            assert!(Pattern::new("eth*").unwrap().matches_link(state));
            let from_zero = kind == EventKind::Added && event.previous_name().is_none();
            if !from_zero {
                assert_eq!(event.transitions(), 0);
            }
            let life = Life {
                connected: event.is_connected(),
                baseline: if from_zero { 0 } else { count },
                sum: event.transitions(),
            };
            let former = self.lives.insert(index, life);
            assert!(former.is_none(), "there already: {event:?}");
            return;
        }
        let life = self.lives.get_mut(&index).expect("a link that is watched");
        life.sum += event.transitions();
        match kind {
            EventKind::Connected | EventKind::Disconnected => {
                life.connected = !life.connected;
                assert_eq!(life.connected, kind == EventKind::Connected, "not by turns");
            }
            EventKind::Flapped => assert!(event.transitions() > 0),
            EventKind::Renamed | EventKind::Removed => {
                let last =
                    kind == EventKind::Removed || !state.name().as_bytes().starts_with(b"eth");
                if last {
                    assert!(!life.connected, "{event:?}");
                    assert_eq!(life.count(), count, "{event:?}");
                    self.lives.remove(&index);
                    return;
                }
            }
            _ => panic!("unexpected {event:?}"),
        }
        assert_eq!(event.is_connected(), life.connected, "{event:?}");
    }

    /// The table must hold what was told last and not lost.
    fn check_table(&self) {
        let kernel = &self.kernel;
        for (index, told) in &kernel.told {
            let state = &self.table.links.get(index).expect("it is there").state;
            // Of a link that came while the links were listed, the table
            // trusts messages alone.
            let message = kernel.announced.get(index);
            let alone =
                kernel.exchanged.contains(index) && message.is_some_and(|sim| sim.is(state));
            assert!(told.is(state) || alone, "{told:?}\n{state:?}");
        }
        for &index in self.table.links.keys().filter(|&&index| index <= INDICES) {
            assert!(kernel.told.contains_key(&index), "{index} is a ghost");
        }
    }

    /// After a last resync the table is the kernel.
    fn finish(&mut self) {
        self.resync(&[], &[], false, true);
        let known = self.table.links.keys().filter(|&&index| index <= INDICES);
        assert_eq!(known.count(), self.kernel.links.len());
        for (index, sim) in &self.kernel.links {
            assert!(sim.is(&self.table.links[index].state), "{sim:?}");
            let life = self.lives.get(index);
            assert_eq!(life.is_some(), sim.in_scope());
            if let Some(life) = life {
                assert_eq!(life.connected, sim.connected(self.criterion));
                assert_eq!(life.count(), sim.count());
            }
        }
    }
}

/// A failure shows what was told until then.
impl Drop for Trial {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.log.join("\n"));
        }
    }
}

/// What a message must give where none was lost, by the link's state before it
/// (`None` if there was no link) and what it tells.
fn expected(before: Option<&Sim>, tells: &Tells, criterion: Criterion) -> Vec<(EventKind, u64)> {
    let on = |sim: &Sim| sim.connected(criterion);
    let (Tells::State(now) | Tells::Closed(now) | Tells::Gone(now)) = tells;
    let Some(before) = before else {
        let counted = u64::from(now.count());
        return match (now.in_scope(), on(now)) {
            (false, _) => vec![],
            (true, false) => vec![(EventKind::Added, counted)],
            (true, true) => {
                let last = counted.min(1);
                vec![
                    (EventKind::Added, counted - last),
                    (EventKind::Connected, last),
                ]
            }
        };
    };
    let steps = u64::from(now.count().wrapping_sub(before.count()));
    let last = match tells {
        Tells::Gone(_) => EventKind::Removed,
        _ => EventKind::Renamed,
    };
    let stays = now.in_scope() && last == EventKind::Renamed;
    let mut events = Vec::new();
    match (before.in_scope(), stays) {
        (false, false) => {}
        (false, true) => {
            events.push((EventKind::Added, 0));
            events.extend(on(now).then_some((EventKind::Connected, 0)));
        }
        (true, false) if on(before) => {
            events.extend([(EventKind::Disconnected, steps), (last, 0)]);
        }
        (true, false) => events.push((last, steps)),
        (true, true) => {
            if before.name != now.name {
                events.push((EventKind::Renamed, 0));
            }
            match (on(before), on(now)) {
                (false, true) => events.push((EventKind::Connected, steps)),
                (true, false) => events.push((EventKind::Disconnected, steps)),
                _ if steps > 0 => events.push((EventKind::Flapped, steps)),
                _ => {}
            }
        }
    }
    events
}

fn index() -> impl Strategy<Value = u32> {
    1..=INDICES
}

fn counted() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0), 2 => 0..6u32, 1 => u32::MAX - 6..=u32::MAX]
}

fn create() -> impl Strategy<Value = Op> {
    (index(), 0..NAMES.len(), 0..3usize, any::<bool>(), counted()).prop_map(
        |(index, name, kind, carrier, counted)| Op::Create {
            index,
            name,
            kind,
            carrier,
            counted,
        },
    )
}

/// Bytes that claim to be a link message, or are a part of one.
fn noise() -> impl Strategy<Value = Op> {
    let name = 0..NAMES.len();
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        (prop::collection::vec(any::<u8>(), 0..80), 16..18u16).prop_map(|(rest, kind)| {
            let mut bytes = new_link(1000, "").message_type(kind).bytes()[..32].to_vec();
            bytes.extend(rest);
            let length = bytes.len() as u32;
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            bytes
        }),
        (index(), name, 0..80usize).prop_map(|(index, name, length)| {
            let whole = new_link(index as i32, NAMES[name]).running().carrier(true);
            let bytes = whole.counts(90, 90).link_kind("veth").bytes();
            bytes[..length.min(bytes.len() - 1)].to_vec()
        }),
    ]
    .prop_map(Op::Noise)
}

fn op() -> impl Strategy<Value = Op> {
    let flips = (
        index(),
        1..5u32,
        any::<bool>(),
        prop::option::weighted(0.2, 0..NAMES.len()),
    );
    prop_oneof![
        4 => create(),
        2 => index().prop_map(Op::Delete),
        2 => (index(), counted()).prop_map(|(index, counted)| Op::Recreate(index, counted)),
        3 => (index(), 0..NAMES.len()).prop_map(|(index, name)| Op::Rename(index, name)),
        1 => (index(), index()).prop_map(|(one, other)| Op::Swap(one, other)),
        4 => index().prop_map(Op::Admin),
        8 => flips.prop_map(|(index, times, announced, renamed)| Op::Flips {
            index, times, announced, renamed
        }),
        1 => index().prop_map(Op::Dormant),
        1 => index().prop_map(Op::Port),
        1 => index().prop_map(Op::Wireless),
        1 => noise(),
    ]
}

fn ops(most: usize) -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 0..most)
}

fn step() -> impl Strategy<Value = Step> {
    let resync = (
        ops(6),
        ops(6),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.8),
    );
    let exchange = (index(), counted(), ops(4), ops(4));
    prop_oneof![
        12 => op().prop_map(Step::Op),
        4 => (1..6usize).prop_map(Step::Read),
        1 => Just(Step::Overflow),
        1 => resync.prop_map(|(before, after, overflow, complete)| Step::Resync {
            before, after, overflow, complete
        }),
        1 => exchange.prop_map(|(index, counted, before, after)| Step::Exchange {
            index, counted, before, after
        }),
        1 => any::<usize>().prop_map(Step::Repeat),
    ]
}

fn criterion() -> impl Strategy<Value = Criterion> {
    prop_oneof![Just(Criterion::Carrier), Just(Criterion::Running)]
}

proptest! {
    /// Whatever is lost, the account is right in the end, and the order of
    /// events at any time.
    #[test]
    fn nothing_goes_unaccounted(
        criterion in criterion(),
        start in ops(8),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut trial = Trial::new(criterion, &start);
        for step in &steps {
            trial.step(step);
        }
        trial.finish();
    }

    /// Where nothing is lost, each message gives what the states before and
    /// after it say, no more and no less.
    #[test]
    fn without_loss_each_message_gives_its_events(
        criterion in criterion(),
        start in ops(8),
        ops in ops(60),
    ) {
        let mut trial = Trial::new(criterion, &start);
        trial.finish();
        let mut seen = trial.kernel.links.clone();
        for op in &ops {
            trial.kernel.act(op);
            while let Some(sent) = trial.kernel.queue.pop_front() {
                trial.reported.clear();
                trial.apply(&sent.bytes);
                let Some((index, tells)) = sent.tells else {
                    prop_assert!(trial.reported.is_empty());
                    continue;
                };
                let before = seen.get(&index);
                let waits = matches!(tells, Tells::Closed(_))
                    && before.is_some_and(|sim| sim.in_scope() && sim.connected(criterion))
                    && !trial.kernel.links.contains_key(&index);
                if waits {
                    prop_assert!(trial.reported.is_empty());
                    continue;
                }
                let events = expected(before, &tells, criterion);
                prop_assert_eq!(&trial.reported, &events, "{:?}", &tells);
                match tells {
                    Tells::State(now) | Tells::Closed(now) => seen.insert(index, now),
                    Tells::Gone(_) => seen.remove(&index),
                };
            }
        }
    }

    /// Random bytes in the place of messages.
    #[test]
    fn random_bytes_do_no_harm(
        messages in prop::collection::vec(noise(), 0..40),
    ) {
        let mut trial = Trial::new(Criterion::Carrier, &[]);
        for noise in &messages {
            trial.kernel.act(noise);
            trial.read(1);
        }
        trial.finish();
    }
}
