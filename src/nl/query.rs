//! Asking the kernel: a request, and the messages that answer it.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Action, CallbackKind, Message, MessageBuilder, Namespace, Protocol, Socket};
use crate::{ErrorKind, Result};

/// Room for the kernel to answer in large portions.
const RECEIVE_BUFFER: usize = 1 << 20;
/// The kernel answers before it has taken the whole question. Where it could
/// not queue its answer, this is the end of the wait.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Newer than the headers of libnl 3.5 (`linux/netlink.h`).
const NETLINK_GET_STRICT_CHK: c_int = 12;

/// In the place of a sequence number: no message is the answer, or each is.
const NOTHING: u64 = u64::MAX;
const ANYTHING: u64 = u64::MAX - 1;

/// A socket for questions.
///
/// It is kept from one question to the next, so that a question needs no new
/// descriptor and stays in the namespace where the first was asked. What does
/// not answer the question at hand is dropped: messages that the kernel did
/// not send, and what an earlier question left behind.
///
/// ```
/// use linkwatch::nl::{MessageBuilder, Namespace, Protocol, Query};
///
/// const RTM_GETLINK: u16 = 18;
///
/// let mut query = Query::new(&Namespace::current(), Protocol::Route)?;
/// let mut request = MessageBuilder::new(RTM_GETLINK, 0)?;
/// request.append(&[0; 16])?; // struct ifinfomsg
/// let mut links = 0;
/// query.dump(request, "listing links", |_| links += 1)?;
/// assert!(links > 0); // there is a loopback interface at least
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug)]
pub struct Query {
    socket: Socket,
    /// The sequence number of the question at hand.
    asked: Arc<AtomicU64>,
    /// Something may be left of an earlier answer.
    unfinished: bool,
}

/// What has come of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Partial,
    Complete,
}

impl Query {
    /// Asks in this namespace.
    ///
    /// # Errors
    ///
    /// Those of [`Socket::connect_in`].
    pub fn new(namespace: &Namespace, protocol: Protocol) -> Result<Query> {
        let mut socket = Socket::connect_in(namespace, protocol)?;
        socket.set_receive_buffer(RECEIVE_BUFFER)?;
        socket.set_receive_timeout(TIMEOUT)?;
        socket.disable_auto_ack();
        let asked = Arc::new(AtomicU64::new(NOTHING));
        // libnl checks the sequence only of sockets with automatic
        // acknowledgements, and fails where it should skip.
        let expected = Arc::clone(&asked);
        socket.modify_cb(CallbackKind::MessageIn, move |message| {
            let sequence = u64::from(message.header().sequence);
            match expected.load(Ordering::Relaxed) {
                asked if asked == sequence || asked == ANYTHING => Action::Ok,
                _ => Action::Skip,
            }
        })?;
        Ok(Query {
            socket,
            asked,
            unfinished: false,
        })
    }

    /// Sends a request, and calls `take` with each message that answers it, up
    /// to the kernel's acknowledgement. `doing` tells in errors what it was
    /// for: "asking for a link".
    ///
    /// # Errors
    ///
    /// The kernel's, with its own words where it has some
    /// ([`Error::kernel_text`](crate::Error::kernel_text)); [`WouldBlock`](ErrorKind::WouldBlock) if there
    /// is no answer within five seconds.
    pub fn ask(
        &mut self,
        mut request: MessageBuilder,
        doing: &'static str,
        mut take: impl FnMut(&Message<'_>),
    ) -> Result<()> {
        request.add_flags(libc::NLM_F_ACK);
        self.exchange(request, doing, |message| {
            if message.is_ack() {
                return Answer::Complete;
            }
            take(message);
            Answer::Partial
        })
    }

    /// Sends a request for a list (NLM_F_DUMP), and calls `take` with each
    /// message of it. Returns false if the list changed meanwhile: those in it
    /// exist, yet others may be missing (NLM_F_DUMP_INTR).
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn dump(
        &mut self,
        mut request: MessageBuilder,
        doing: &'static str,
        mut take: impl FnMut(&Message<'_>),
    ) -> Result<bool> {
        request.add_flags(libc::NLM_F_DUMP);
        // libnl tells of an interrupted dump only at its end, and not always
        // (`recvmsgs`, lib/nl.c).
        let mut interrupted = false;
        let exchanged = self.exchange(request, doing, |message| {
            let header = message.header();
            interrupted |= c_int::from(header.flags) & libc::NLM_F_DUMP_INTR != 0;
            if c_int::from(header.kind) == libc::NLMSG_DONE {
                return Answer::Complete;
            }
            take(message);
            Answer::Partial
        });
        match exchanged {
            Ok(()) => Ok(!interrupted),
            // libnl's own word for it comes after the end.
            Err(error) if error.kind() == ErrorKind::DumpInterrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Has the kernel refuse what it does not understand of a dump request,
    /// instead of leaving it out (since Linux 4.20).
    pub(super) fn check_strictly(&mut self) {
        self.socket.enable(NETLINK_GET_STRICT_CHK);
    }

    /// How many messages were dropped because the kernel did not send them.
    pub fn foreign_messages(&self) -> u64 {
        self.socket.foreign_messages()
    }

    /// Lends the socket for functions of libnl that ask on their own, with
    /// sequence numbers that are not known here.
    #[cfg(feature = "genl")]
    pub(super) fn with_socket<R>(&mut self, f: impl FnOnce(&mut Socket) -> Result<R>) -> Result<R> {
        self.forget()?;
        self.unfinished = true;
        self.asked.store(ANYTHING, Ordering::Relaxed);
        let result = f(&mut self.socket);
        self.asked.store(NOTHING, Ordering::Relaxed);
        result
    }

    /// Sends a request and reads until `take` has the complete answer.
    pub(super) fn exchange(
        &mut self,
        mut request: MessageBuilder,
        doing: &'static str,
        mut take: impl FnMut(&Message<'_>) -> Answer,
    ) -> Result<()> {
        self.forget()?;
        self.unfinished = true;
        let sequence = self
            .socket
            .send_auto(&mut request)
            .map_err(|error| error.while_doing(doing))?;
        self.asked.store(sequence.into(), Ordering::Relaxed);
        let mut complete = false;
        while !complete {
            let kinds = [CallbackKind::Valid, CallbackKind::Finish, CallbackKind::Ack];
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
                // An error that the kernel answers with is an answer, and
                // nothing comes after it.
                self.unfinished = !complete && error.os_error().is_none();
                return Err(error.while_doing(doing));
            }
        }
        self.unfinished = false;
        Ok(())
    }

    /// Drops what is left of an earlier answer.
    fn forget(&mut self) -> Result<()> {
        if self.unfinished {
            // The kernel begins no dump before the last one is read.
            self.asked.store(NOTHING, Ordering::Relaxed);
            self.socket.discard()?;
            self.unfinished = false;
        }
        Ok(())
    }
}
