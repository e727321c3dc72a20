//! Asking the kernel about links: the dump, and one link by its index.

use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use libnl3_sys as sys;

use super::{
    Action, CallbackKind, LinkMessage, Message, Namespace, Protocol, Socket, allocated, check,
};
use crate::{Error, ErrorKind, Result};

/// How often a dump is asked for before an interrupted one is made do with.
const ATTEMPTS: u32 = 6;
/// The pause before the second attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// Room for the kernel to answer in large portions.
const RECEIVE_BUFFER: usize = 1 << 20;
/// The kernel answers before it has taken the whole question. Where it could
/// not queue its answer, this is the end of the wait.
const TIMEOUT: Duration = Duration::from_secs(5);

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
/// no new descriptor and stays in the namespace where the first was asked.
/// What does not answer the question at hand is dropped: messages that the
/// kernel did not send, and what an earlier question left behind.
///
/// ```
/// use linkwatch::nl::{LinkQuery, Namespace};
///
/// let mut query = LinkQuery::new(&Namespace::current())?;
/// let snapshot = query.dump(|link| link.ifindex())?;
/// assert!(snapshot.links.contains(&1)); // the loopback interface
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug)]
pub struct LinkQuery {
    socket: Socket,
    /// The sequence number of the question at hand.
    asked: Arc<AtomicU32>,
    /// Something may be left of an earlier answer.
    unfinished: bool,
}

impl LinkQuery {
    /// Asks in this namespace.
    ///
    /// # Errors
    ///
    /// Those of [`Socket::connect_in`].
    pub fn new(namespace: &Namespace) -> Result<LinkQuery> {
        let mut socket = Socket::connect_in(namespace, Protocol::Route)?;
        socket.set_receive_buffer(RECEIVE_BUFFER)?;
        socket.set_receive_timeout(TIMEOUT)?;
        socket.disable_auto_ack();
        let asked = Arc::new(AtomicU32::new(0));
        // libnl checks the sequence only of sockets with automatic
        // acknowledgements, and fails where it should skip.
        let expected = Arc::clone(&asked);
        socket.modify_cb(CallbackKind::MessageIn, move |message| {
            if message.header().sequence == expected.load(Ordering::Relaxed) {
                Action::Ok
            } else {
                Action::Skip
            }
        })?;
        Ok(LinkQuery {
            socket,
            asked,
            unfinished: false,
        })
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
        // libnl tells of an interrupted dump only at its end, and not always;
        // the error that NLMSG_DONE may carry it ignores (`recvmsgs`,
        // lib/nl.c). So both are looked at here.
        let mut interrupted = false;
        let mut end = None;
        let mut malformed = None;
        self.ask(Request::links(None)?, "listing all links", |message| {
            interrupted |= c_int::from(message.header().flags) & libc::NLM_F_DUMP_INTR != 0;
            if c_int::from(message.header().kind) == libc::NLMSG_DONE {
                let errno = message.payload().first_chunk();
                end = Some(errno.map_or(0, |bytes| i32::from_ne_bytes(*bytes)));
                return Answer::Complete;
            }
            match message.link() {
                Ok(Some(link)) => links.push(make(&link)),
                Ok(None) => {}
                Err(error) => malformed = Some(error),
            }
            Answer::Partial
        })
        .or_else(|error| match error.kind() {
            // libnl's own word for it comes after the end.
            ErrorKind::DumpInterrupted => {
                interrupted = true;
                Ok(())
            }
            _ => Err(error),
        })?;
        if let Some(errno) = end.filter(|&errno| errno < 0) {
            return Err(Error::from_errno(
                errno.saturating_neg(),
                "listing all links",
            ));
        }
        match malformed {
            Some(error) => Err(error),
            None => Ok(Snapshot {
                links,
                complete: !interrupted,
            }),
        }
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
        const DOING: &str = "asking for a link";
        let mut answer = None;
        let mut malformed = None;
        let asked = self.ask(Request::links(Some(ifindex))?, DOING, |message| {
            match message.link() {
                Ok(Some(link)) if link.ifindex() == ifindex => answer = Some(make(&link)),
                Ok(_) => {
                    malformed = Some(Error::new(
                        ErrorKind::Malformed,
                        format!("{DOING}: the answer is about another"),
                    ))
                }
                Err(error) => malformed = Some(error),
            }
            Answer::Complete
        });
        match (asked, malformed) {
            (Err(error), _) if error.kind() == ErrorKind::NotFound => Ok(None),
            (Err(error), _) | (Ok(()), Some(error)) => Err(error),
            (Ok(()), None) => Ok(answer),
        }
    }

    /// How many messages were dropped because the kernel did not send them.
    pub fn foreign_messages(&self) -> u64 {
        self.socket.foreign_messages()
    }

    /// Sends a question and reads until `take` has the complete answer.
    fn ask(
        &mut self,
        request: Request,
        doing: &'static str,
        mut take: impl FnMut(&Message<'_>) -> Answer,
    ) -> Result<()> {
        if self.unfinished {
            // The kernel begins no dump before the last one is read.
            self.asked.store(0, Ordering::Relaxed);
            self.socket.discard()?;
        }
        self.unfinished = true;
        let sequence = self.socket.send_auto(request.0, doing)?;
        self.asked.store(sequence, Ordering::Relaxed);
        let mut complete = false;
        while !complete {
            let kinds = [CallbackKind::Valid, CallbackKind::Finish];
            let received = self
                .socket
                .recv_scoped(&kinds, |message| match take(message) {
                    Answer::Complete => {
                        complete = true;
                        Action::Stop
                    }
                    Answer::Partial => Action::Ok,
                });
            if let Err(error) = received {
                // An error that the kernel answers with is an answer.
                self.unfinished = !complete && error.kind() != ErrorKind::NotFound;
                return Err(error);
            }
        }
        self.unfinished = false;
        Ok(())
    }
}

/// What has come of an answer.
enum Answer {
    Partial,
    Complete,
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
