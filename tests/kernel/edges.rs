//! Descriptors that are polled edge-triggered (EPOLLET), as tokio and mio do: only
//! what becomes readable after the last look wakes such a program.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use linkwatch::{Event, EventKind, Monitor};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::monitor::{Forger, header, step_clock};
use crate::support::{Counters, PATIENCE, Tap, eventually, in_namespace, ip, link_json, skip};

/// A monitor, and a program that waits for edges of its descriptor.
struct Program {
    monitor: Monitor,
    epoll: Epoll,
}

impl Program {
    /// The events of the start are taken.
    fn start(monitor: Monitor) -> Program {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
        let edges = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        epoll
            .add(monitor.as_fd(), EpollEvent::new(edges, 0))
            .unwrap();
        let mut program = Program { monitor, epoll };
        assert!(
            program
                .take()
                .iter()
                .all(|event| event.kind() == EventKind::Initial)
        );
        program
    }

    fn take(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.monitor.try_next().unwrap()).collect()
    }

    /// Takes events after each edge, until the condition holds.
    #[track_caller]
    fn until(&mut self, what: &str, condition: impl Fn(&Monitor, &[Event]) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        let patience = EpollTimeout::try_from(PATIENCE).unwrap();
        while !condition(&self.monitor, &events) {
            let edges = self
                .epoll
                .wait(&mut [EpollEvent::empty()], patience)
                .unwrap();
            assert_eq!(edges, 1, "no edge: {what}; {events:?}");
            events.extend(self.take());
        }
        events
    }
}

fn of(pattern: &str) -> Monitor {
    Monitor::builder()
        .pattern(pattern)
        .unwrap()
        .build()
        .unwrap()
}

in_namespace! {
    fn many_messages_without_an_event_keep_no_event_back() {
        const MESSAGES: u64 = 2500;
        let cable = Tap::up("cable0");
        let mut program = Program::start(of("cable0"));
        // A datagram takes some 768 bytes of it.
        if program.monitor.receive_buffer() < 1000 * MESSAGES as usize {
            return skip("the receive buffer that is allowed here (net.core.rmem_max) is too small");
        }
        let flood = Forger::new(program.monitor.local_port());
        let noop = header(libc::NLMSG_NOOP as u16, 16, &[]);
        for _ in 0..MESSAGES {
            flood.send(&noop);
        }
        cable.pull();
        eventually("it is announced", || link_json("cable0")["operstate"] == "DOWN");
        let events = program.until("the cable is pulled", |_, events| !events.is_empty());
        assert_eq!(events[0].kind(), EventKind::Disconnected);
        let statistics = program.monitor.statistics();
        assert_eq!((statistics.foreign, statistics.overruns), (MESSAGES, 0));
    }

    fn a_jump_of_the_clock_that_comes_with_messages_is_noticed() {
        let cable = Tap::up("cable0");
        let mut program = Program::start(of("cable0"));
        for round in 0..20 {
            // Both before the program looks.
            if !step_clock() {
                return skip("setting the clock needs CAP_SYS_TIME");
            }
            ip(&["link", "set", "cable0", if round % 2 == 0 { "down" } else { "up" }]);
            let events = program.until("the links are listed", |monitor, events| {
                monitor.statistics().resyncs == round + 1 && !events.is_empty()
            });
            assert_eq!(events.iter().map(Event::transitions).sum::<u64>(), 0, "{events:?}");
        }
        drop(cable);
    }

    fn an_event_that_was_held_back_comes_when_it_is_due() {
        let cable = Tap::up("cable0");
        let settle = std::time::Duration::from_millis(50);
        let builder = Monitor::builder().pattern("cable0").unwrap();
        let mut program = Program::start(builder.settle_down(settle).build().unwrap());
        for _ in 0..3 {
            cable.pull();
            let events = program.until("it is out", |_, events| !events.is_empty());
            assert_eq!(events[0].kind(), EventKind::Disconnected);
            cable.plug();
            let events = program.until("it is back", |_, events| !events.is_empty());
            assert_eq!(events[0].kind(), EventKind::Connected);
        }
    }

    fn nothing_is_left_behind_in_a_storm() {
        let cables: Vec<Tap> = (0..3).map(|i| Tap::up(&format!("cable{i}"))).collect();
        let counted = || -> u64 { (0..3).map(|i| Counters::of(&format!("cable{i}")).sum()).sum() };
        let mut program = Program::start(of("cable*"));
        let (before, done, mut sum) = (counted(), AtomicBool::new(false), 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..300 {
                    for cable in &cables[1..] {
                        cable.flap(round % 5 + 1);
                    }
                    let admin = if round % 2 == 0 { "down" } else { "up" };
                    ip(&["link", "set", "cable0", admin]);
                }
                done.store(true, Ordering::Release);
                // There is one more edge for who has taken all by now.
                cables[1].pull();
            });
            let patience = EpollTimeout::try_from(PATIENCE).unwrap();
            while !(done.load(Ordering::Acquire) && before + sum == counted()) {
                let edges = program.epoll.wait(&mut [EpollEvent::empty()], patience).unwrap();
                assert_eq!(edges, 1, "no edge");
                sum += program.take().iter().map(Event::transitions).sum::<u64>();
            }
        });
    }

    fn a_stop_that_is_not_taken_makes_no_more_edges() {
        let _cable = Tap::up("cable0");
        let mut program = Program::start(of("cable0"));
        program.monitor.stop_handle().stop();
        let wait = |program: &Program| {
            program.epoll.wait(&mut [EpollEvent::empty()], EpollTimeout::ZERO).unwrap()
        };
        assert_eq!(wait(&program), 1);
        assert!(program.take().is_empty());
        assert_eq!(wait(&program), 0);
        assert!(program.monitor.next().is_none(), "it is stopped");
    }
}
