//! Asking the kernel about links: the dump, and one link by its index.

use std::ffi::c_int;
use std::ptr::NonNull;
use std::thread;
use std::time::Duration;

use libnl3_sys as sys;

use super::{Action, CallbackKind, LinkMessage, Namespace, Protocol, Socket, allocated, check};
use crate::{Error, ErrorKind, Result};

/// How often a dump is asked for before an interrupted one is made do with.
const ATTEMPTS: u32 = 6;
/// The pause before the second attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// Room for the kernel to answer in large portions.
const RECEIVE_BUFFER: usize = 1 << 20;

/// The answer to a dump of all links.
#[derive(Debug, Clone)]
pub struct Snapshot<T> {
    /// What was made of each link.
    pub links: Vec<T>,
    /// False if links came or went during each attempt: those listed exist,
    /// yet others may be missing (NLM_F_DUMP_INTR).
    pub complete: bool,
}

impl<T> Snapshot<Option<T>> {
    /// Leaves out the links that nothing was made of.
    pub fn flatten(self) -> Snapshot<T> {
        Snapshot {
            links: self.links.into_iter().flatten().collect(),
            complete: self.complete,
        }
    }
}

/// Asks the kernel about links, on a socket of its own.
///
/// The socket is kept from one question to the next, so that a question needs
/// no new descriptor. After an error it is opened anew, for what is left in
/// its queue would be taken for the next answer.
///
/// ```
/// use linkwatch::nl::{LinkQuery, Namespace};
///
/// let mut query = LinkQuery::new(Namespace::current());
/// let snapshot = query.dump(|link| link.ifindex())?;
/// assert!(snapshot.links.contains(&1)); // the loopback interface
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug)]
pub struct LinkQuery {
    namespace: Namespace,
    socket: Option<Socket>,
}

impl LinkQuery {
    /// Asks in this namespace. The socket is opened with the first question.
    pub fn new(namespace: Namespace) -> LinkQuery {
        LinkQuery {
            namespace,
            socket: None,
        }
    }

    /// Lists all links of the namespace, and makes something of each.
    ///
    /// A dump that links came or went in is repeated, at most five times
    /// within some 30 ms; then the last one is returned as
    /// [incomplete](Snapshot::complete).
    ///
    /// # Errors
    ///
    /// The kernel's, or those of opening a socket.
    pub fn dump<T>(&mut self, mut make: impl FnMut(&LinkMessage<'_>) -> T) -> Result<Snapshot<T>> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..ATTEMPTS {
            let snapshot = self.dump_once(&mut make)?;
            if snapshot.complete {
                return Ok(snapshot);
            }
            log::debug!("dump of links interrupted, attempt {attempt} of {ATTEMPTS}");
            thread::sleep(pause);
            pause *= 2;
        }
        self.dump_once(make)
    }

    /// Lists all links of the namespace once, and makes something of each.
    /// The list is [incomplete](Snapshot::complete) if links came or went
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// As [`dump`](Self::dump).
    pub fn dump_once<T>(
        &mut self,
        mut make: impl FnMut(&LinkMessage<'_>) -> T,
    ) -> Result<Snapshot<T>> {
        let mut links = Vec::new();
        let complete = self.ask(|socket| socket.dump_links(|link| links.push(make(link))))?;
        Ok(Snapshot { links, complete })
    }

    /// Asks about one link, and makes something of it; `None` if there is no
    /// link of this index.
    ///
    /// The kernel answers when it is done with the link changes under way
    /// (it takes its RTNL lock for this): a link that is being removed is gone
    /// when the answer comes.
    ///
    /// # Errors
    ///
    /// The kernel's, or those of opening a socket.
    pub fn get<T>(
        &mut self,
        ifindex: u32,
        mut make: impl FnMut(&LinkMessage<'_>) -> T,
    ) -> Result<Option<T>> {
        let mut answer = None;
        let result = self.ask(|socket| {
            match socket.get_link(ifindex, |link| answer = Some(make(link))) {
                // An answer like any other: the socket is as good as before.
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                result => result,
            }
        });
        result.map(|()| answer)
    }

    fn ask<T>(&mut self, question: impl FnOnce(&mut Socket) -> Result<T>) -> Result<T> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.open()?,
        };
        let answer = question(&mut socket)?;
        self.socket = Some(socket);
        Ok(answer)
    }

    fn open(&self) -> Result<Socket> {
        let mut socket = Socket::connect_in(&self.namespace, Protocol::Route)?;
        socket.set_receive_buffer(RECEIVE_BUFFER)?;
        socket.disable_auto_ack();
        Ok(socket)
    }
}

impl Socket {
    /// Dumps all links once (RTM_GETLINK with NLM_F_DUMP). Returns false if
    /// the kernel said that the list changed meanwhile.
    fn dump_links(&mut self, mut each: impl FnMut(&LinkMessage<'_>)) -> Result<bool> {
        let request = Request::links(None)?;
        self.send_auto(request.0, "asking for all links")?;
        // libnl tells of an interrupted dump only at its end, and not always;
        // the error that NLMSG_DONE may carry it ignores (`recvmsgs`,
        // lib/nl.c). So both are looked at here.
        let mut interrupted = false;
        let mut end = None;
        let mut malformed = None;
        let kinds = [CallbackKind::Valid, CallbackKind::Finish];
        let result = self.recv_scoped(&kinds, |message| {
            interrupted |= c_int::from(message.header().flags) & libc::NLM_F_DUMP_INTR != 0;
            if c_int::from(message.header().kind) == libc::NLMSG_DONE {
                let errno = message.payload().first_chunk();
                end = Some(errno.map_or(0, |bytes| i32::from_ne_bytes(*bytes)));
                return Action::Stop;
            }
            match message.link() {
                Ok(Some(link)) => each(&link),
                Ok(None) => {}
                Err(error) => malformed = Some(error),
            }
            Action::Ok
        });
        match result {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::DumpInterrupted => interrupted = true,
            Err(error) => return Err(error),
        }
        if let Some(error) = malformed {
            return Err(error);
        }
        match end {
            Some(errno) if errno < 0 => Err(Error::from_errno(
                errno.saturating_neg(),
                "listing all links",
            )),
            Some(_) => Ok(!interrupted),
            None => Err(Error::new(
                ErrorKind::Malformed,
                "listing all links: the answer has no end",
            )),
        }
    }

    /// Asks for one link (RTM_GETLINK).
    fn get_link(&mut self, ifindex: u32, mut each: impl FnMut(&LinkMessage<'_>)) -> Result<()> {
        let request = Request::links(Some(ifindex))?;
        self.send_auto(request.0, "asking for a link")?;
        let mut malformed = None;
        self.recv_with(|message| {
            match message.link() {
                Ok(Some(link)) => each(&link),
                Ok(None) => {}
                Err(error) => malformed = Some(error),
            }
            Action::Ok
        })?;
        malformed.map_or(Ok(()), Err)
    }
}

/// A message of our own, to be sent.
struct Request(NonNull<sys::nl_msg>);

impl Request {
    /// RTM_GETLINK for one link, or for all.
    fn links(ifindex: Option<u32>) -> Result<Request> {
        const DOING: &str = "building a request for links";
        let flags = match ifindex {
            Some(_) => libc::NLM_F_REQUEST,
            None => libc::NLM_F_REQUEST | libc::NLM_F_DUMP,
        };
        // SAFETY: takes no pointer; NULL means that memory was refused.
        let raw = unsafe { sys::nlmsg_alloc_simple(sys::RTM_GETLINK as c_int, flags) };
        let request = Request(allocated(raw, "a netlink message")?);
        let mut header = sys::ifinfomsg {
            ifi_family: libc::AF_UNSPEC as u8,
            __ifi_pad: 0,
            ifi_type: 0,
            ifi_index: c_int::try_from(ifindex.unwrap_or(0))
                .map_err(|_| Error::invalid("there is no such interface index"))?,
            ifi_flags: 0,
            ifi_change: 0,
        };
        // SAFETY: the message is live; both functions copy what they are given
        // and check that there is room for it.
        unsafe {
            let length = size_of::<sys::ifinfomsg>();
            let appended = sys::nlmsg_append(
                request.0.as_ptr(),
                (&raw mut header).cast(),
                length,
                sys::NLMSG_ALIGNTO as c_int,
            );
            check(appended, DOING)?;
            // Statistics are of no interest here, and make up half of the answer.
            let put = sys::nla_put_u32(
                request.0.as_ptr(),
                sys::IFLA_EXT_MASK as c_int,
                sys::RTEXT_FILTER_SKIP_STATS,
            );
            check(put, DOING)?;
        }
        Ok(request)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // SAFETY: the reference is ours; sending did not take it.
        unsafe { sys::nlmsg_free(self.0.as_ptr()) }
    }
}
