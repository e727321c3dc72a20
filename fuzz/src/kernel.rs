//! A kernel whose netlink messages and whose time come from the input.
//!
//! It stands behind the system calls of [`system_calls`](crate::system_calls),
//! so all that is between them and the target is what runs in earnest: libnl's
//! receiving, the closures, the questions, the monitor. Nothing reaches the real
//! kernel, which would cost more than all the rest.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use linkwatch::nl::Messages;

use crate::descriptors::{Descriptor, Descriptors, Socket, Timer};

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const GENL_ID_CTRL: u16 = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_MULTI: u16 = 2;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_DUMP: u16 = 0x300;

/// The families that the controller lists.
pub const ETHTOOL: u16 = 0x15;
pub const NL80211: u16 = 0x1c;
/// The group of nl80211's announcements.
const MLME: u32 = 16;
/// Groups above do not exist.
pub(crate) const MOST_GROUPS: u32 = 63;

/// What a read from a socket brings.
pub(crate) enum Packet {
    Datagram {
        bytes: Vec<u8>,
        port: u32,
        groups: u32,
    },
    Error(i32),
}

pub(crate) struct State {
    pub(crate) now: Duration,
    pub(crate) descriptors: Descriptors,
    announced: VecDeque<Packet>,
    announced_by_nl80211: VecDeque<Packet>,
    links: Vec<u8>,
    interrupted: u32,
    answers: VecDeque<Vec<u8>>,
    decisions: u64,
}

static STATE: Mutex<State> = Mutex::new(State {
    now: Duration::ZERO,
    descriptors: Descriptors::new(),
    announced: VecDeque::new(),
    announced_by_nl80211: VecDeque::new(),
    links: Vec::new(),
    interrupted: 0,
    answers: VecDeque::new(),
    decisions: 0,
});

thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True in the thread of the target, while it runs.
pub fn is_active() -> bool {
    ACTIVE.get()
}

/// The kernel, as the target commands it. The real one is back when it is
/// dropped; by then each descriptor must have been closed.
pub struct Kernel(());

impl Kernel {
    /// Begins anew: an empty kernel. `decisions` has a bit for each question
    /// whether a link exists.
    pub fn begin(decisions: u64) -> Kernel {
        crate::trace::is_on();
        crate::system_calls::prepare();
        let mut state = state();
        state.now = Duration::from_secs(1000);
        state.interrupted = 0;
        state.decisions = decisions;
        ACTIVE.set(true);
        Kernel(())
    }

    /// Sends a datagram to whoever listens to the route protocol.
    pub fn announce(&self, bytes: &[u8], port: u32) {
        queue(&mut state().announced, bytes, port);
    }

    /// A read fails.
    pub fn fail(&self, errno: i32) {
        state().announced.push_back(Packet::Error(errno));
    }

    /// Sends a datagram to whoever listens to nl80211.
    pub fn announce_by_nl80211(&self, bytes: &[u8], port: u32) {
        queue(&mut state().announced_by_nl80211, bytes, port);
    }

    /// A read of nl80211's announcements fails.
    pub fn fail_nl80211(&self, errno: i32) {
        let mut state = state();
        state.announced_by_nl80211.push_back(Packet::Error(errno));
    }

    /// True if all that was announced has been read.
    pub fn is_quiet(&self) -> bool {
        state().announced.is_empty()
    }

    /// True if nothing keeps the links from being listed now: no read fails for
    /// another reason than a loss of messages, and the list is one.
    pub fn can_list(&self) -> bool {
        let state = state();
        let fails = |packet: &Packet| matches!(packet, Packet::Error(errno) if ![libc::ENOBUFS, libc::EINTR].contains(errno));
        let mut links = Messages::new(&state.links);
        !state.announced.iter().any(fails)
            && links
                .by_ref()
                .all(|message| message.header().kind == RTM_NEWLINK && message.link().is_ok())
            && links.rest().is_empty()
    }

    /// The messages that links are listed with from now on. That many lists
    /// are interrupted.
    pub fn set_links(&self, messages: &[u8], interrupted: u32) {
        let mut state = state();
        state.links.clear();
        state.links.extend_from_slice(messages);
        state.interrupted = interrupted;
    }

    /// What the next question of another kind is answered with, its sequence
    /// numbers put right.
    pub fn answer(&self, messages: &[u8]) {
        state().answers.push_back(messages.to_vec());
    }

    pub fn pass_time(&self, time: Duration) {
        state().now += time;
    }

    /// The clock is set, or the system has slept.
    pub fn jump(&self) {
        for descriptor in state().descriptors.iter_mut() {
            if let Descriptor::Timer(timer) = descriptor {
                timer.has_jumped = timer.notes_jumps;
            }
        }
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        ACTIVE.set(false);
        let mut state = state();
        let left = state.descriptors.count();
        assert_eq!(left, 0, "descriptors that were not closed");
        // What is left would be taken for a leak, and looked for.
        state.announced.clear();
        state.announced_by_nl80211.clear();
        state.answers.clear();
        state.links.clear();
    }
}

fn queue(queue: &mut VecDeque<Packet>, bytes: &[u8], port: u32) {
    // Since Linux 5.16 nobody can send an empty one.
    if bytes.is_empty() {
        return;
    }
    queue.push_back(Packet::Datagram {
        bytes: bytes.to_vec(),
        port,
        groups: 1,
    });
}

// The kernel's side of the system calls.

pub(crate) fn now() -> Duration {
    state().now
}

pub(crate) fn sleep(time: Duration) {
    state().now += time;
}

pub(crate) fn asked(fd: i32, request: &[u8]) -> bool {
    let mut state = state();
    let Some(socket) = state.descriptors.socket(fd) else {
        return false;
    };
    socket.asks = true;
    let protocol = socket.protocol;
    let bytes = state.answer(protocol, request);
    if let Some(socket) = state.descriptors.socket(fd) {
        let (port, groups) = (0, 0);
        socket.pending.push_back(Packet::Datagram {
            bytes,
            port,
            groups,
        });
    }
    true
}

/// A read from a socket: hands what it brings to `take`, or returns the error.
/// A later error is told to the first that reads, also to who only looks.
pub(crate) fn read<R>(
    fd: i32,
    peek: bool,
    take: impl FnOnce(&[u8], u32, u32) -> R,
) -> Result<R, i32> {
    let mut state = state();
    let queue = state.queue(fd).ok_or(libc::EBADF)?;
    let keeps = peek && matches!(queue.front(), Some(Packet::Datagram { .. }));
    let popped = if keeps { None } else { queue.pop_front() };
    match popped.as_ref().or(queue.front()) {
        Some(Packet::Datagram {
            bytes,
            port,
            groups,
        }) => Ok(take(bytes, *port, *groups)),
        Some(Packet::Error(errno)) => Err(*errno),
        None => Err(libc::EAGAIN),
    }
}

/// Keeps an error for the next read.
pub(crate) fn keep_error(fd: i32, errno: i32) {
    if let Some(queue) = state().queue(fd) {
        queue.push_front(Packet::Error(errno));
    }
}

/// Whether there is something to read; `None` for what is not open.
pub(crate) fn is_readable(fd: i32) -> Option<bool> {
    state().is_readable(fd)
}

impl State {
    fn queue(&mut self, fd: i32) -> Option<&mut VecDeque<Packet>> {
        let State {
            descriptors,
            announced,
            announced_by_nl80211,
            ..
        } = self;
        let socket = descriptors.socket(fd)?;
        Some(match socket.protocol {
            _ if socket.asks => &mut socket.pending,
            libc::NETLINK_ROUTE => announced,
            _ => announced_by_nl80211,
        })
    }

    fn is_readable(&mut self, fd: i32) -> Option<bool> {
        let members = match self.descriptors.get(fd)? {
            Descriptor::Socket(_) => return self.queue(fd).map(|queue| !queue.is_empty()),
            Descriptor::Event(count) => return Some(*count > 0),
            Descriptor::Timer(timer) => {
                let is_due = timer.due.is_some_and(|due| due <= self.now);
                return Some(is_due || timer.has_jumped);
            }
            Descriptor::Epoll(members) => members.clone(),
        };
        Some(members.iter().any(|&fd| self.is_readable(fd) == Some(true)))
    }

    /// Opens a socket.
    pub(crate) fn open_socket(&mut self, protocol: i32) -> i32 {
        self.descriptors.open(Descriptor::Socket(Socket {
            protocol,
            buffer: 212_992,
            ..Socket::default()
        }))
    }

    /// Opens a timer that is not set.
    pub(crate) fn open_timer(&mut self) -> i32 {
        self.descriptors.open(Descriptor::Timer(Timer::default()))
    }

    /// Whether the next answer is one of the controller's. Otherwise it lists
    /// the families that the questions are for.
    fn answers_for_controller(&self) -> bool {
        let next = self.answers.front().and_then(|answer| answer.get(4..6));
        next == Some(&GENL_ID_CTRL.to_ne_bytes()[..])
    }

    fn answer(&mut self, protocol: i32, request: &[u8]) -> Vec<u8> {
        let Some(request) = Messages::new(request).next() else {
            return Vec::new();
        };
        let header = request.header();
        let sequence = header.sequence;
        let is_dump = header.flags & NLM_F_DUMP == NLM_F_DUMP;
        match (protocol, header.kind) {
            (libc::NETLINK_ROUTE, RTM_GETLINK) if is_dump => {
                let interrupted = self.interrupted > 0;
                self.interrupted = self.interrupted.saturating_sub(1);
                let flags = NLM_F_MULTI | if interrupted { NLM_F_DUMP_INTR } else { 0 };
                let mut list = addressed(&self.links, sequence, flags);
                put(&mut list, NLMSG_DONE, flags, sequence, &[0; 4]);
                list
            }
            (libc::NETLINK_ROUTE, RTM_GETLINK) => {
                let exists = self.decisions & 1 != 0;
                self.decisions = self.decisions.rotate_right(1);
                let mut answer = Vec::new();
                if exists {
                    put(&mut answer, RTM_NEWLINK, 0, sequence, request.payload());
                } else {
                    let mut error = (-libc::ENODEV).to_ne_bytes().to_vec();
                    error.extend(&request.as_bytes()[..16]);
                    put(&mut answer, NLMSG_ERROR, 0, sequence, &error);
                }
                answer
            }
            (libc::NETLINK_GENERIC, GENL_ID_CTRL) if is_dump && !self.answers_for_controller() => {
                families(sequence)
            }
            _ => {
                let mut answer = self.answers.pop_front().unwrap_or_default();
                let padded = answer.len().next_multiple_of(4);
                answer.resize(padded, 0);
                answer = addressed(&answer, sequence, 0);
                // So that it has an end.
                if is_dump {
                    put(&mut answer, NLMSG_DONE, NLM_F_MULTI, sequence, &[0; 4]);
                } else {
                    let mut error = [0; 20].to_vec();
                    error[4..].copy_from_slice(&request.as_bytes()[..16]);
                    put(&mut answer, NLMSG_ERROR, 0, sequence, &error);
                }
                answer
            }
        }
    }
}

/// The same messages with this sequence number; what cannot be walked over
/// stays as it is.
fn addressed(messages: &[u8], sequence: u32, flags: u16) -> Vec<u8> {
    let mut walk = Messages::new(messages);
    let mut bytes = messages.to_vec();
    let mut at = 0;
    while walk.next().is_some() {
        bytes[at + 8..at + 12].copy_from_slice(&sequence.to_ne_bytes());
        let old = u16::from_ne_bytes([bytes[at + 6], bytes[at + 7]]);
        bytes[at + 6..at + 8].copy_from_slice(&(old | flags).to_ne_bytes());
        at = messages.len() - walk.rest().len();
    }
    bytes
}

fn put(to: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32, payload: &[u8]) {
    to.resize(to.len().next_multiple_of(4), 0);
    to.extend((16 + payload.len() as u32).to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(flags.to_ne_bytes());
    to.extend(sequence.to_ne_bytes());
    to.extend([0; 4]);
    to.extend(payload);
    to.resize(to.len().next_multiple_of(4), 0);
}

/// The controller's list: `ethtool`, and `nl80211` with its group `mlme`.
fn families(sequence: u32) -> Vec<u8> {
    let mut list = Vec::new();
    for (number, name) in [(ETHTOOL, &b"ethtool\0"[..]), (NL80211, b"nl80211\0")] {
        let mut payload = vec![1, 2, 0, 0]; // CTRL_CMD_NEWFAMILY
        attribute(&mut payload, 1, &number.to_ne_bytes());
        attribute(&mut payload, 2, name);
        attribute(&mut payload, 3, &1u32.to_ne_bytes());
        let mut group = Vec::new();
        attribute(&mut group, 1, b"mlme\0");
        attribute(&mut group, 2, &MLME.to_ne_bytes());
        let mut groups = Vec::new();
        attribute(&mut groups, 1, &group);
        attribute(&mut payload, 7, &groups);
        put(&mut list, GENL_ID_CTRL, NLM_F_MULTI, sequence, &payload);
    }
    put(&mut list, NLMSG_DONE, NLM_F_MULTI, sequence, &[0; 4]);
    list
}

fn attribute(to: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    to.extend((4 + payload.len() as u16).to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(payload);
    to.resize(to.len().next_multiple_of(4), 0);
}
