//! A watch that is fed by the program, which reads its socket itself.

use std::os::fd::AsFd;
use std::time::Duration;

use linkwatch::monitor::Feed;
use linkwatch::nl::{Action, Group, Protocol, Socket};
use linkwatch::{Event, EventKind, Monitor};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::support::{Tap, eventually, in_namespace};

const SETTLE: Duration = Duration::from_millis(50);

fn is_readable(descriptor: impl AsFd) -> bool {
    let mut polled = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, PollTimeout::ZERO).unwrap() > 0
}

/// A program with a socket, and a watch of cable0 in which a disconnection has to
/// outlast [`SETTLE`].
struct Program {
    socket: Socket,
    feed: Feed,
}

impl Program {
    fn start() -> Program {
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.join(Group::LINK).unwrap();
        let queue = socket.as_fd().try_clone_to_owned().unwrap();
        let builder = Monitor::builder().pattern("cable0").unwrap();
        let feed = Feed::new(builder.settle_down(SETTLE), move || !is_readable(&queue)).unwrap();
        Program { socket, feed }
    }

    /// Reads one datagram.
    fn read(&mut self) -> Vec<Event> {
        let Program { socket, feed } = self;
        let mut events = Vec::new();
        let _ = socket.recv_with(|message| {
            feed.message(message).unwrap();
            while let Some(event) = feed.try_next().unwrap() {
                events.push(event);
            }
            Action::Ok
        });
        events
    }

    /// Reads until the link has carrier, or has none.
    fn read_until(&mut self, carrier: bool) -> Vec<Event> {
        let mut events = Vec::new();
        eventually("the message is read", || {
            events.extend(self.read());
            self.feed.links()[0].has_carrier() == carrier
        });
        events
    }

    /// The cable is pulled, which is read, and plugged in again, which is not, for
    /// longer than the settle time.
    fn with_the_end_of_a_held_state_queued(cable: &Tap) -> Program {
        let mut program = Program::start();
        let initial = program.feed.try_next().unwrap().unwrap();
        assert_eq!(initial.kind(), EventKind::Initial);
        cable.pull();
        assert_eq!(program.read_until(false), []);
        cable.plug();
        eventually("a message is queued", || is_readable(&program.socket));
        eventually("the settle time is over", || is_readable(&program.feed));
        program
    }
}

in_namespace! {
    fn what_is_queued_may_be_what_a_held_state_did_not_outlast() {
        let cable = Tap::up("cable0");
        let mut program = Program::with_the_end_of_a_held_state_queued(&cable);
        let events = program.read_until(true);
        let kinds: Vec<EventKind> = events.iter().map(Event::kind).collect();
        assert_eq!(kinds, [EventKind::Flapped]);
        assert_eq!(events[0].transitions(), 2);
    }

    fn a_conclusion_lists_the_links_whatever_is_queued() {
        let cable = Tap::up("cable0");
        let mut program = Program::with_the_end_of_a_held_state_queued(&cable);
        program.feed.conclude().unwrap();
        let event = program.feed.try_next().unwrap().unwrap();
        assert_eq!((event.kind(), event.transitions()), (EventKind::Flapped, 2));
        // The messages about it are old news.
        assert_eq!(program.read_until(true), []);
        while is_readable(&program.socket) {
            assert_eq!(program.read(), []);
        }
    }

    fn its_descriptor_does_not_spin_while_messages_are_queued() {
        let cable = Tap::up("cable0");
        let mut program = Program::with_the_end_of_a_held_state_queued(&cable);
        let calls = (0..10).take_while(|_| {
            assert_eq!(program.feed.try_next().unwrap(), None);
            is_readable(&program.feed)
        });
        assert!(calls.count() < 10);
        // But it is looked at again without another message.
        eventually("the next look", || is_readable(&program.feed));
    }
}
