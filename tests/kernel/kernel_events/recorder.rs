//! What the kernel says on RTNLGRP_LINK, written down.

use std::fmt;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use linkwatch::nl::{
    Action, Group, LinkChange, LinkFlags, LinkMessage, Message, Namespace, Notice, OperState,
    Protocol, Socket, escape,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::support::{PATIENCE, ip};

/// Attributes that the view does not read (`linux/if_link.h`).
pub mod attribute {
    pub const TXQLEN: u16 = 13;
    pub const IFALIAS: u16 = 20;
    pub const GROUP: u16 = 27;
    pub const PROMISCUITY: u16 = 30;
    pub const NEW_NETNSID: u16 = 45;
    pub const NEW_IFINDEX: u16 = 49;
}

/// What one message said.
#[derive(Clone)]
pub struct Said {
    pub change: LinkChange,
    pub family: u8,
    pub ifindex: u32,
    pub name: String,
    pub flags: LinkFlags,
    /// `ifi_change`.
    pub changed: u32,
    pub carrier: Option<bool>,
    /// The up and the down counter.
    pub counters: Option<(u32, u32)>,
    pub operstate: Option<OperState>,
    pub event: Option<Notice>,
    pub mtu: Option<u32>,
    pub master: Option<u32>,
    pub address: Option<Vec<u8>>,
    pub alt_names: Vec<String>,
    attributes: Vec<(u16, Vec<u8>)>,
}

impl Said {
    fn of(message: &Message<'_>) -> Said {
        let link: LinkMessage<'_> = message.link().unwrap().expect("a link message");
        let text = |bytes: &[u8]| escape(bytes).to_string();
        Said {
            change: link.change(),
            family: link.family(),
            ifindex: link.ifindex(),
            name: text(link.name().expect("a name")),
            flags: link.flags(),
            changed: link.changed_flags(),
            carrier: link.carrier(),
            counters: link.carrier_up_count().zip(link.carrier_down_count()),
            operstate: link.operstate(),
            event: link.event(),
            mtu: link.mtu(),
            master: link.master(),
            address: link.address().map(<[u8]>::to_vec),
            alt_names: link.alt_names().map(text).collect(),
            attributes: message
                .attributes(16)
                .map(|attribute| (attribute.kind(), attribute.payload().to_vec()))
                .collect(),
        }
    }

    /// The payload of an attribute.
    pub fn bytes(&self, kind: u16) -> Option<&[u8]> {
        let found = self.attributes.iter().find(|(of, _)| *of == kind);
        found.map(|(_, payload)| &payload[..])
    }

    /// A number of four bytes.
    pub fn u32(&self, kind: u16) -> Option<u32> {
        Some(u32::from_ne_bytes(self.bytes(kind)?.try_into().ok()?))
    }

    /// The link's state: what a reader would call up, running and connected.
    pub fn state(&self) -> (Option<bool>, Option<OperState>, bool) {
        let running = self.flags.contains(LinkFlags::RUNNING);
        (self.carrier, self.operstate, running)
    }
}

/// The message in few words: its type, the family where it is not AF_UNSPEC,
/// the name, `ifi_change`, and IFLA_EVENT where there is one.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.change {
            LinkChange::New => "NEWLINK",
            LinkChange::Removed => "DELLINK",
        })?;
        match i32::from(self.family) {
            libc::AF_UNSPEC => {}
            libc::AF_BRIDGE => f.write_str("/bridge")?,
            other => write!(f, "/{other}")?,
        }
        match self.changed {
            u32::MAX => write!(f, " {} all", self.name)?,
            changed => write!(f, " {} {changed:#x}", self.name)?,
        }
        match self.event {
            Some(event) => write!(f, " {event}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{self} (flags {:#x}, carrier {:?}, counters {:?}, operstate {:?}, master {:?}, {:?})",
            self.flags.bits(),
            self.carrier,
            self.counters,
            self.operstate,
            self.master,
            self.alt_names,
        )
    }
}

/// Each message in few words.
pub fn lines(said: &[Said]) -> Vec<String> {
    said.iter().map(Said::to_string).collect()
}

/// The messages about one link.
pub fn about(name: &str, said: Vec<Said>) -> Vec<Said> {
    said.into_iter().filter(|said| said.name == name).collect()
}

/// A subscriber.
pub struct Recorder {
    socket: Socket,
}

impl Recorder {
    pub fn start() -> Recorder {
        Recorder::start_in(&Namespace::current())
    }

    pub fn start_in(namespace: &Namespace) -> Recorder {
        let mut socket = Socket::connect_in(namespace, Protocol::Route).unwrap();
        socket.set_receive_buffer(1 << 20).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.join(Group::LINK).unwrap();
        Recorder { socket }
    }

    /// What is said while `act` runs.
    ///
    /// It ends with a mark, a new MTU for `lo`. The kernel sends a message in
    /// the context of what causes it, so what is not there by then was not
    /// sent; link watch alone speaks later.
    pub fn during(&mut self, act: impl FnOnce()) -> Vec<Said> {
        static MARK: AtomicU32 = AtomicU32::new(2000);
        act();
        let mark = MARK.fetch_add(1, Ordering::Relaxed);
        ip(&["link", "set", "lo", "mtu", &mark.to_string()]);
        let mut said = self.until(|said| said.name == "lo" && said.mtu == Some(mark));
        said.pop();
        said
    }

    /// What is said while `ip` runs with these arguments.
    #[track_caller]
    pub fn ip(&mut self, arguments: &str) -> Vec<Said> {
        self.during(|| ip(&arguments.split(' ').collect::<Vec<_>>()))
    }

    /// What is said up to the message that `is_last`, with it. Waits for it.
    #[track_caller]
    pub fn until(&mut self, is_last: impl Fn(&Said) -> bool) -> Vec<Said> {
        let start = Instant::now();
        let mut all: Vec<Said> = Vec::new();
        while !all.last().is_some_and(&is_last) {
            let left = PATIENCE.saturating_sub(start.elapsed());
            let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            let timeout = PollTimeout::try_from(left).expect("less than a month");
            if poll(&mut ready, timeout).expect("poll") == 0 {
                panic!("it was not said; what was: {all:#?}");
            }
            // One datagram is one message.
            self.socket
                .recv_with(|message| {
                    assert!(message.sender().is_kernel());
                    all.push(Said::of(message));
                    Action::Ok
                })
                .unwrap();
        }
        all
    }
}
