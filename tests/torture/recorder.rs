//! A second listener, with a buffer so large that nothing is lost: it knows
//! the last counters of links that are gone, which nobody can be asked for any
//! more. It reads the messages by itself, for it is to judge the library's own
//! reading.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use linkwatch::ErrorKind;
use linkwatch::nl::{Group, Protocol, Socket};

const BUFFER: usize = 1 << 29;
/// `linux/if_link.h`.
const IFLA_CARRIER_UP_COUNT: u16 = 47;
const IFLA_CARRIER_DOWN_COUNT: u16 = 48;

/// From a link's appearance to its removal, or to its move to another
/// namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// The transitions that were counted when it ended.
    pub transitions: u64,
}

/// What was heard.
#[derive(Debug, Default)]
pub struct Record {
    /// The lives of each index that have ended, in order.
    pub ended: BTreeMap<u32, Vec<Life>>,
    pub messages: u64,
    /// True if it lost messages itself, and cannot judge.
    pub incomplete: bool,
}

/// A running listener.
pub struct Recorder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Record>,
}

impl Recorder {
    pub fn start() -> Recorder {
        let mut socket = Socket::connect(Protocol::Route).expect("a socket");
        socket.set_receive_buffer(BUFFER).expect("a buffer");
        socket.join(Group::LINK).expect("the links' group");
        socket.set_nonblocking(true).expect("a mode");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut record = Record::default();
            loop {
                // Asked before the reading that finds nothing more.
                let last = stopped.load(Ordering::Acquire);
                match socket.recv_datagram() {
                    Ok(datagram) => record.take(datagram.as_bytes()),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        if last {
                            return record;
                        }
                        std::thread::sleep(std::time::Duration::from_millis(1));
                    }
                    Err(_) => record.incomplete = true,
                }
            }
        });
        Recorder { stop, thread }
    }

    /// Ends it when all that was queued is read.
    pub fn stop(self) -> Record {
        self.stop.store(true, Ordering::Release);
        self.thread.join().expect("the recorder")
    }
}

impl Record {
    /// Takes the messages of a datagram: struct nlmsghdr, struct ifinfomsg,
    /// attributes.
    fn take(&mut self, mut datagram: &[u8]) {
        while let Some(length) = number(datagram, 0) {
            let length = (length as usize).clamp(16, datagram.len());
            let (message, rest) = datagram.split_at(length);
            datagram = rest
                .get(length.next_multiple_of(4) - length..)
                .unwrap_or(&[]);
            let kind = message
                .get(4..6)
                .map(|kind| u16::from_ne_bytes([kind[0], kind[1]]));
            self.messages += 1;
            // AF_UNSPEC: others tell that a port has left its bridge.
            if kind == Some(libc::RTM_DELLINK) && message.get(16) == Some(&0) {
                let index = number(message, 20).expect("an index");
                let life = Life {
                    transitions: attribute(message, IFLA_CARRIER_UP_COUNT)
                        + attribute(message, IFLA_CARRIER_DOWN_COUNT),
                };
                self.ended.entry(index).or_default().push(life);
            }
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn attribute(message: &[u8], wanted: u16) -> u64 {
    let mut at = 32;
    while let Some(header) = number(message, at) {
        let header = header.to_ne_bytes();
        let length = u16::from_ne_bytes([header[0], header[1]]);
        let kind = u16::from_ne_bytes([header[2], header[3]]);
        if kind == wanted {
            return number(message, at + 4).expect("a number").into();
        }
        at += usize::from(length.max(4)).next_multiple_of(4);
    }
    panic!("no attribute {wanted} in {message:?}")
}
