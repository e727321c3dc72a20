//! The monitor, as a program uses it.

use std::ops::ControlFlow;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use linkwatch::{Event, EventKind, LinkState, Monitor, Reason};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sendto, socket,
};

use crate::support::{
    Counters, StopOnDrop, Tap, eventually, in_namespace, ip, ip_batch, links_json, skip,
};

fn monitor(pattern: &str) -> Monitor {
    Monitor::builder()
        .pattern(pattern)
        .unwrap()
        .build()
        .unwrap()
}

/// Waits for the next event.
#[track_caller]
fn next(monitor: &mut Monitor) -> Event {
    monitor
        .next()
        .expect("nobody stopped it")
        .expect("an event")
}

/// What is left when nothing is read any more.
fn rest(monitor: &mut Monitor) -> Vec<Event> {
    std::iter::from_fn(|| monitor.try_next().unwrap()).collect()
}

fn transitions(events: &[Event]) -> u64 {
    events.iter().map(Event::transitions).sum()
}

in_namespace! {
    fn a_monitor_ends_exactly_where_its_successor_begins() {
        let cable = Tap::up("cable0");
        let gone = Tap::up("cable1");
        let mut old = monitor("cable*");
        next(&mut old);
        next(&mut old);
        let before = Counters::of("cable0").sum();
        cable.flap(5);
        cable.pull();
        let first = Counters::of("cable0").sum() - before;
        let other_scope = monitor("nothing*");
        let mut new = monitor("cable*");
        // All of this is the new one's to report.
        cable.flap(7);
        drop(gone);
        let late = Tap::up("cable2");
        let second = Counters::of("cable0").sum() - before - first;

        old.finish(&[&other_scope, &new]).unwrap();
        let ended = rest(&mut old);
        let of = |index: u32, events: &[Event]| -> Vec<Event> {
            events.iter().filter(|event| event.ifindex() == Some(index)).cloned().collect()
        };
        let starts: Vec<Event> = (0..2).map(|_| next(&mut new)).collect();
        let [index, index_of_gone] = [0, 1].map(|at: usize| starts[at].ifindex().unwrap());
        assert_eq!(ended.len(), of(index, &ended).len(), "of nothing else: {ended:#?}");
        assert_eq!(transitions(&ended), first);
        assert!(!ended.last().unwrap().is_connected());
        assert!(ended.iter().all(|event| event.time() <= starts[0].time()));
        assert!(old.try_next().unwrap().is_none());
        assert!(old.next().is_none(), "an iteration ends");

        assert_eq!(starts.iter().map(Event::is_connected).collect::<Vec<_>>(), [false, true]);
        new.finish(&[]).unwrap();
        let events = rest(&mut new);
        assert_eq!(transitions(&of(index, &events)), second);
        let of_gone: Vec<EventKind> = of(index_of_gone, &events).iter().map(Event::kind).collect();
        assert_eq!(of_gone.last(), Some(&EventKind::Removed));
        assert!(events.iter().any(|event| event.kind() == EventKind::Added));
        drop(late);
        assert!(new.try_next().unwrap().is_none(), "nothing is read any more");
    }

    fn what_no_counter_tells_is_not_reported_by_both() {
        let _cable = Tap::up("cable0");
        let mut old = monitor("cable*");
        next(&mut old);
        ip(&["link", "set", "cable0", "down"]);
        ip(&["link", "set", "cable0", "name", "cable1"]);
        let mut new = monitor("cable*");
        // These are the new one's to report.
        for _ in 0..3 {
            ip(&["link", "set", "cable1", "up"]);
            ip(&["link", "set", "cable1", "down"]);
        }
        ip(&["link", "set", "cable1", "name", "cable2"]);

        old.finish(&[&new]).unwrap();
        let kinds = |events: Vec<Event>| -> Vec<EventKind> {
            events.iter().map(Event::kind).collect()
        };
        use EventKind::{Connected, Disconnected, Renamed};
        assert_eq!(kinds(rest(&mut old)), [Disconnected, Renamed]);
        let initial = next(&mut new);
        assert_eq!((initial.name().unwrap().to_string(), initial.is_connected()), ("cable1".to_owned(), false));
        let flips = [Connected, Disconnected].repeat(3);
        assert_eq!(kinds(rest(&mut new)), [&flips[..], &[Renamed]].concat());
    }

    fn a_link_is_ended_where_the_one_begins_that_covers_it() {
        let cable = Tap::up("cable0");
        let moved = Tap::up("cable1");
        let mut old = monitor("cable*");
        next(&mut old);
        next(&mut old);
        let count = || Counters::of("cable1").sum();
        let before = count();
        moved.flap(2);
        // Of the same scope but one link, which the last one takes over.
        let mut first = monitor("cable[02-9]");
        // These are the first one's to report.
        cable.flap(3);
        ip(&["link", "set", "cable0", "name", "other0"]);
        let late = Tap::up("cable2");
        late.flap(1);
        // The second one knows of them too.
        let second = monitor("other*");
        moved.flap(4);
        let last = monitor("cable1");
        let counted = count() - before;

        old.finish(&[&first, &second, &last]).unwrap();
        let ended = rest(&mut old);
        let names: Vec<String> = ended.iter().map(|event| event.name().unwrap().to_string()).collect();
        assert!(names.iter().all(|name| name == "cable1"), "{ended:#?}");
        assert_eq!(transitions(&ended), counted);
        assert_eq!(next(&mut first).name().unwrap().to_string(), "cable0");
        let kinds: Vec<EventKind> = rest(&mut first).iter().map(Event::kind).collect();
        assert!(kinds.contains(&EventKind::Renamed) && kinds.contains(&EventKind::Added), "{kinds:?}");
    }

    fn a_link_that_goes_before_the_successor_begins_keeps_its_last_transitions() {
        let cable = Tap::up("cable0");
        let mut old = monitor("cable0");
        next(&mut old);
        let before = Counters::of("cable0").sum();
        cable.flap(4);
        let counted = Counters::of("cable0").sum() - before;
        drop(cable);
        let new = monitor("cable0");
        old.finish(&[&new]).unwrap();
        let events = rest(&mut old);
        assert_eq!(events.last().unwrap().kind(), EventKind::Removed);
        // Going down may be one more.
        assert!(transitions(&events) >= counted, "{counted}: {events:#?}");
    }

    fn it_is_iterated_over() {
        let cable = Tap::up("cable0");
        let mut monitor = monitor("cable0");
        assert_eq!(next(&mut monitor).kind(), EventKind::Initial);
        cable.pull();
        let event = next(&mut monitor);
        assert_eq!((event.kind(), event.reason()), (EventKind::Disconnected, Some(Reason::NoCarrier)));
        assert_eq!(event.name().unwrap(), "cable0");
        let links: Vec<bool> = monitor.links().into_iter().map(LinkState::has_carrier).collect();
        assert_eq!(links, [false]);
    }

    fn a_handle_stops_it_from_another_thread() {
        let _cable = Tap::up("cable0");
        let mut monitor = monitor("cable0");
        let handle = monitor.stop_handle();
        let (started, wait) = std::sync::mpsc::channel();
        let stopper = std::thread::spawn(move || {
            wait.recv().unwrap();
            handle.stop();
            handle
        });
        let mut events = 0;
        monitor.run(|_| {
            events += 1;
            started.send(()).unwrap();
            ControlFlow::Continue(())
        }).unwrap();
        assert_eq!(events, 1);
        let handle = stopper.join().unwrap();

        // Each stop counts once, also one that comes before the run.
        handle.stop();
        assert!(monitor.next().is_none());
        ip(&["link", "set", "cable0", "down"]);
        assert_eq!(next(&mut monitor).kind(), EventKind::Disconnected);
        drop(monitor);
        handle.stop();
    }

    fn a_flood_of_foreign_messages_does_not_keep_it_from_stopping() {
        let _cable = Tap::up("cable0");
        let mut monitor = monitor("cable0");
        let port = monitor.local_port();
        let handle = monitor.stop_handle();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _stop = StopOnDrop(&stop);
            for _ in 0..2 {
                scope.spawn(|| {
                    let noop = header(libc::NLMSG_NOOP as u16, 16, &[]);
                    let flood = Forger::new(port);
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        flood.send(&noop);
                    }
                });
            }
            scope.spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(200));
                handle.stop();
            });
            monitor.run(|_| ControlFlow::Continue(())).unwrap();
        });
        assert!(monitor.statistics().foreign > 0);
    }

    fn stops_are_neither_lost_nor_left_over() {
        let _cable = Tap::up("cable0");
        let mut monitor = monitor("cable0");
        assert_eq!(next(&mut monitor).kind(), EventKind::Initial);
        let handle = monitor.stop_handle();
        let is_readable = |monitor: &Monitor| {
            let mut polled = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)];
            poll(&mut polled, PollTimeout::ZERO).unwrap() > 0
        };
        // Also right after the last event, which was the reason to come back.
        handle.stop();
        assert!(monitor.next().is_none());
        assert!(!is_readable(&monitor));
        ip(&["link", "set", "cable0", "down"]);
        monitor.run(|_| ControlFlow::Break(())).unwrap();
        assert!(!is_readable(&monitor));

        let (go, told) = std::sync::mpsc::channel();
        let stopper = std::thread::spawn(move || told.iter().for_each(|()| handle.stop()));
        for _ in 0..10_000 {
            go.send(()).unwrap();
            assert!(monitor.next().is_none());
            // Nothing is left that would make the next wait spin.
            assert!(!is_readable(&monitor));
        }
        drop(go);
        stopper.join().unwrap();
    }

    fn what_was_read_together_has_the_time_of_the_read() {
        let cables = [Tap::up("cable0"), Tap::up("cable1")];
        let (mut monitor, mut witness) = (monitor("cable*"), monitor("cable*"));
        for _ in &cables {
            next(&mut monitor);
            next(&mut witness);
        }
        cables.iter().for_each(Tap::pull);
        // What the witness has heard is queued for the other one too, at the
        // latest when the kernel has given its lock to somebody else.
        for _ in &cables {
            next(&mut witness);
        }
        ip(&["link", "set", "lo", "up"]);
        let before = SystemTime::now();
        let (one, other) = (next(&mut monitor), next(&mut monitor));
        assert_eq!(one.time(), other.time());
        assert!(one.time() >= before);
    }

    fn what_was_there_at_the_start_has_the_time_of_the_start() {
        let cables = [Tap::up("cable0"), Tap::up("cable1")];
        let before = SystemTime::now();
        let mut monitor = monitor("cable*");
        let started = SystemTime::now();
        for _ in &cables {
            let event = next(&mut monitor);
            assert_eq!(event.kind(), EventKind::Initial);
            assert!(before <= event.time() && event.time() <= started);
        }
    }

    fn the_longest_settle_time_is_no_overflow() {
        let cable = Tap::up("cable0");
        let forever = std::time::Duration::MAX;
        let builder = Monitor::builder().settle_up(forever).settle_down(forever);
        let mut monitor = builder.pattern("cable0").unwrap().build().unwrap();
        assert_eq!(next(&mut monitor).kind(), EventKind::Initial);
        cable.pull();
        eventually("the message was read", || {
            assert_eq!(monitor.try_next().unwrap(), None);
            !monitor.links()[0].has_carrier()
        });
    }

    fn a_closure_may_end_the_run_and_nothing_is_lost() {
        let _one = Tap::up("cable1");
        let _two = Tap::up("cable2");
        let mut monitor = monitor("cable*");
        monitor.run(|_| ControlFlow::Break(())).unwrap();
        assert_eq!(next(&mut monitor).name().unwrap(), "cable2");
    }

    fn a_panic_in_a_closure_arrives_and_nothing_is_lost() {
        panic_in_a_run();
    }

    fn its_descriptor_can_be_polled() {
        let cable = Tap::up("cable0");
        let _other = Tap::up("cable1");
        let readable = |monitor: &Monitor, wait: u16| {
            let mut polled = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)];
            poll(&mut polled, PollTimeout::from(wait)).unwrap() == 1
        };
        // It is readable as long as there are events, the initial ones too.
        let mut monitor = monitor("cable*");
        for _ in 0..2 {
            assert!(readable(&monitor, 0));
            assert!(monitor.try_next().unwrap().is_some());
        }
        assert!(monitor.try_next().unwrap().is_none());
        assert!(!readable(&monitor, 0));
        cable.pull();
        assert!(readable(&monitor, 30_000));
        assert_eq!(monitor.try_next().unwrap().unwrap().kind(), EventKind::Disconnected);
        assert!(monitor.try_next().unwrap().is_none());
        assert!(!readable(&monitor, 0));
    }

    fn its_descriptor_tells_of_what_a_conclusion_has_found() {
        let cable = Tap::up("cable0");
        let mut monitor = monitor("cable0");
        while monitor.try_next().unwrap().is_some() {}
        cable.pull();
        // The kernel may take its time to tell, but counts at once.
        monitor.conclude().unwrap();
        let mut polled = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut polled, PollTimeout::ZERO).unwrap(), 1);
        assert_eq!(monitor.try_next().unwrap().unwrap().kind(), EventKind::Disconnected);
    }

    fn it_may_move_to_another_thread() {
        let cable = Tap::up("cable0");
        let mut monitor = monitor("cable0");
        let events = std::thread::spawn(move || {
            let mut events = Vec::new();
            monitor.run(|event| {
                events.push(event.kind());
                if events.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }).unwrap();
            events
        });
        cable.pull();
        let events = events.join().unwrap();
        assert_eq!(events, [EventKind::Initial, EventKind::Disconnected]);
    }

    fn forged_messages_change_nothing_and_are_counted() {
        let cable = Tap::up("cable0");
        let mut monitor = monitor("cable0");
        assert_eq!(next(&mut monitor).kind(), EventKind::Initial);
        let ifindex = monitor.links()[0].ifindex();
        // Carrier 0, and a NLMSG_DONE and an error for good measure.
        forge(monitor.local_port(), &forged_link(ifindex));
        forge(monitor.local_port(), &header(libc::NLMSG_DONE as u16, 20, &[0; 4]));
        forge(monitor.local_port(), &header(libc::NLMSG_ERROR as u16, 36, &[0xff; 20]));
        forge(monitor.local_port(), &[1, 2, 3]);
        assert_eq!(monitor.try_next().unwrap(), None);
        assert!(monitor.links()[0].has_carrier());
        assert_eq!(monitor.statistics().foreign, 3, "the fourth is no message at all");
        // The watch goes on.
        cable.pull();
        assert_eq!(next(&mut monitor).kind(), EventKind::Disconnected);
        assert_eq!(monitor.statistics().malformed, 0);
    }

    fn a_loss_is_made_up_for() {
        let cables: Vec<Tap> = (0..4).map(|i| Tap::up(&format!("cable{i}"))).collect();
        let mut monitor = Monitor::builder().pattern("cable*").unwrap().buffer_size(4096).build().unwrap();
        for _ in 0..4 {
            assert_eq!(next(&mut monitor).kind(), EventKind::Initial);
        }
        ip_batch((0..200).map(|i| format!("link set cable0 mtu {}", 1000 + i)));
        cables[1].pull();
        cables[2].flap(10);
        ip(&["link", "del", "cable3"]);
        let mut sums = [0; 4];
        let mut removed = false;
        let mut overruns = 0;
        eventually("all is accounted for", || {
            while let Some(event) = monitor.try_next().unwrap() {
                overruns += event.overruns().unwrap_or(0);
                if let Some(name) = event.name() {
                    let number = usize::from(name.as_bytes()[5] - b'0');
                    sums[number] += event.transitions();
                    removed |= number == 3 && event.kind() == EventKind::Removed;
                }
            }
            let counted = [0, 1, 2].map(|i| Counters::of(&format!("cable{i}")).sum());
            removed && sums[..3] == counted && counted == [0, 1, 20]
        });
        let statistics = monitor.statistics();
        assert!(overruns >= 1);
        assert!(statistics.overruns >= overruns, "one may not be reported yet");
        assert!(statistics.resyncs >= 1);
        let connected: Vec<(u8, bool)> = monitor.links().into_iter()
            .map(|link| (link.name().as_bytes()[5], link.has_carrier()))
            .collect();
        assert_eq!(connected, [(b'0', true), (b'1', false), (b'2', true)]);
    }

    fn the_start_and_the_stream_meet() {
        // Links change while the monitor starts, again and again.
        let cable = Tap::up("cable0");
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _stop = StopOnDrop(&stop);
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    cable.flap(1);
                    ip(&["link", "set", "cable0", "down"]);
                    ip(&["link", "set", "cable0", "up"]);
                }
            });
            for _ in 0..30 {
                let mut monitor = monitor("cable0");
                let first = next(&mut monitor);
                assert_eq!(first.kind(), EventKind::Initial);
                let mut connected = first.is_connected();
                let mut counted = first.link().unwrap().transitions().unwrap();
                for _ in 0..6 {
                    let event = next(&mut monitor);
                    counted += event.transitions() as u32;
                    assert_eq!(event.link().unwrap().transitions(), Some(counted), "{event:?}");
                    let alternates = match event.kind() {
                        EventKind::Connected => !connected,
                        EventKind::Disconnected => connected,
                        EventKind::Flapped => event.is_connected() == connected,
                        other => panic!("{other}"),
                    };
                    assert!(alternates, "{event:?}");
                    connected = event.is_connected();
                }
            }
        });
    }

    fn many_links_are_listed_in_order() {
        ip_batch((0..100).map(|i| format!("link add b{i} type bridge")));
        let there = links_json().len() - 1;
        let links = Monitor::builder().links().unwrap();
        assert_eq!(links.len(), there, "all but loopback");
        assert!(links.windows(2).all(|pair| pair[0].ifindex() < pair[1].ifindex()));
        let mut monitor = Monitor::builder().build().unwrap();
        let mut initial = Vec::new();
        while let Some(event) = monitor.try_next().unwrap() {
            initial.push(event.ifindex().unwrap());
        }
        assert!(initial.is_sorted());
        assert_eq!(initial.len(), there);
    }
}

/// A closure panics on the third event; the panic arrives in the caller of
/// `run`, the events behind it are still there, and the monitor can be
/// dropped. Also run under valgrind.
pub fn panic_in_a_run() {
    let _cables: Vec<Tap> = (0..4).map(|i| Tap::up(&format!("cable{i}"))).collect();
    let mut monitor = monitor("cable*");
    let mut events = 0;
    let panic = catch_unwind(AssertUnwindSafe(|| {
        monitor.run(|_| {
            events += 1;
            assert!(events < 3, "the third");
            ControlFlow::Continue(())
        })
    }))
    .unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the third"));
    assert_eq!(next(&mut monitor).name().unwrap(), "cable3");
    ip(&["link", "del", "cable0"]);
    assert_eq!(next(&mut monitor).reason(), Some(Reason::Removed));
}

/// Sends bytes to another netlink socket.
pub fn forge(port: u32, message: &[u8]) {
    Forger::new(port).send(message);
}

/// Sends to another netlink socket, as any process with CAP_NET_ADMIN can.
pub struct Forger {
    socket: OwnedFd,
    to: NetlinkAddr,
}

impl Forger {
    pub fn new(port: u32) -> Forger {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )
        .unwrap();
        let to = NetlinkAddr::new(port, 0);
        Forger { socket, to }
    }

    /// Does not wait where the receiver's queue is full.
    pub fn send(&self, message: &[u8]) {
        let to = &self.to;
        match sendto(self.socket.as_raw_fd(), message, to, MsgFlags::MSG_DONTWAIT) {
            Ok(_) | Err(Errno::EAGAIN) => {}
            Err(errno) => panic!("sendto: {errno}"),
        }
    }
}

pub fn header(kind: u16, length: u32, payload: &[u8]) -> Vec<u8> {
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend([0; 10]);
    message.extend(payload);
    message
}

/// RTM_NEWLINK, up, with IFLA_CARRIER 0.
fn forged_link(ifindex: u32) -> Vec<u8> {
    let mut payload = vec![0, 0];
    payload.extend(1u16.to_ne_bytes()); // ARPHRD_ETHER
    payload.extend(ifindex.to_ne_bytes());
    payload.extend(0x1003u32.to_ne_bytes());
    payload.extend(0u32.to_ne_bytes());
    for (length, kind, padded) in [(11u16, 3u16, &b"cable0\0\0"[..]), (5, 33, &[0; 4])] {
        payload.extend(length.to_ne_bytes());
        payload.extend(kind.to_ne_bytes());
        payload.extend(padded);
    }
    header(libc::RTM_NEWLINK, 52, &payload)
}

/// Sets the clock forward by a microsecond, which the kernel announces as any
/// other step of the clock. False where the process may not.
pub fn step_clock() -> bool {
    // SAFETY: an all-zero timex is a valid value.
    let mut step: libc::timex = unsafe { std::mem::zeroed() };
    step.modes = libc::ADJ_SETOFFSET;
    step.time.tv_usec = 1;
    // SAFETY: the structure is valid, and outlives the call.
    unsafe { libc::adjtimex(&raw mut step) >= 0 }
}

#[test]
fn a_jump_of_the_clock_lets_the_links_be_listed_anew() {
    let mut monitor = Monitor::builder().pattern("lo").unwrap().build().unwrap();
    assert!(monitor.try_next().unwrap().is_some());
    assert!(monitor.try_next().unwrap().is_none());
    assert_eq!(monitor.statistics().resyncs, 0);
    if !step_clock() {
        return skip("setting the clock needs CAP_SYS_TIME");
    }
    let mut polled = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)];
    assert_eq!(
        poll(&mut polled, 10_000u16).unwrap(),
        1,
        "the descriptor tells"
    );
    assert!(monitor.try_next().unwrap().is_none(), "nothing has changed");
    assert_eq!(monitor.statistics().resyncs, 1);
    assert!(monitor.try_next().unwrap().is_none());
    assert_eq!(monitor.statistics().resyncs, 1, "once for each jump");
    let mut polled = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut polled, 0u16).unwrap(), 0, "and is silent again");
    assert!(step_clock());
    assert!(monitor.try_next().unwrap().is_none());
    assert_eq!(monitor.statistics().resyncs, 2);
}

#[test]
fn a_jump_of_the_clock_after_its_end_leaves_the_descriptor_alone() {
    let mut monitor = Monitor::builder().pattern("lo").unwrap().build().unwrap();
    monitor.finish(&[]).unwrap();
    while monitor.try_next().unwrap().is_some() {}
    if !step_clock() {
        return skip("setting the clock needs CAP_SYS_TIME");
    }
    assert!(monitor.try_next().unwrap().is_none());
    let mut polled = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut polled, 0u16).unwrap(), 0);
}

#[test]
fn the_first_events_are_told_by_the_descriptor_where_events_are_held_back() {
    let monitor = Monitor::builder()
        .pattern("lo")
        .unwrap()
        .settle_up(std::time::Duration::from_secs(60))
        .build()
        .unwrap();
    let mut polled = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut polled, 0u16).unwrap(), 1);
}
