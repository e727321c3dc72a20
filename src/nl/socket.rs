//! Netlink sockets.

use std::ffi::c_int;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr::{self, NonNull};
use std::time::Duration;

use libnl3_sys as sys;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::callback::{self, Action, CallbackKind, Doorkeeper, ErrorClosure, MessageClosure, Slot};
use super::filter;
use super::reader::{self, Reader};
use super::{
    Datagram, Group, KernelError, LinkFilter, Message, MessageBuilder, Namespace, RawMessage,
    allocated, check,
};
use crate::{Error, ErrorKind, Result};

/// Errors come with the kernel's own words (`linux/netlink.h`).
const NETLINK_EXT_ACK: c_int = 11;
/// Errors come without the payload of the request.
const NETLINK_CAP_ACK: c_int = 10;

/// A netlink protocol (`NETLINK_*`, `linux/netlink.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Links, addresses, routes (`NETLINK_ROUTE`).
    Route,
    /// Generic netlink (`NETLINK_GENERIC`).
    Generic,
    /// Any other, by number.
    Other(i32),
}

impl Protocol {
    fn to_raw(self) -> c_int {
        match self {
            Protocol::Route => libc::NETLINK_ROUTE,
            Protocol::Generic => libc::NETLINK_GENERIC,
            Protocol::Other(number) => number,
        }
    }
}

/// A netlink socket (`struct nl_sock`) with its callbacks.
///
/// Messages that the kernel did not send are dropped and counted
/// ([`foreign_messages`](Self::foreign_messages)), for anyone with
/// CAP_NET_ADMIN can send to any socket, and libnl does not look. A protocol
/// between processes turns that off: [`accept_foreign`](Self::accept_foreign).
///
/// Methods that may call closures take `&mut self`, so a closure cannot reach
/// the socket that is calling it:
///
/// ```compile_fail,E0499
/// use linkwatch::nl::{Action, Protocol, Socket};
///
/// let mut socket = Socket::connect(Protocol::Route).unwrap();
/// socket.recv_with(|_| {
///     socket.recv();
///     Action::Ok
/// });
/// ```
///
/// A socket and its closures may move to another thread, but not be shared:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<linkwatch::nl::Socket>();
/// ```
#[derive(Debug)]
pub struct Socket {
    raw: NonNull<sys::nl_sock>,
    /// The socket's callbacks; one reference is ours.
    callbacks: NonNull<sys::nl_cb>,
    /// What the callbacks point to. Each comes from `Box::into_raw` and is
    /// freed after the socket, by `Drop`.
    doorkeeper: NonNull<Doorkeeper>,
    reader: Reader,
    slots: [Option<NonNull<Slot<MessageClosure>>>; CallbackKind::COUNT],
}

// SAFETY: the socket and its callback set are referred to from here alone
// (their reference counts are plain integers), the slots are owned, and the
// closures in them are bounded by `Send`.
unsafe impl Send for Socket {}

impl Socket {
    /// Opens a socket in the calling thread's network namespace
    /// (`nl_connect`).
    ///
    /// # Errors
    ///
    /// Where the kernel has no such protocol, or descriptors have run out.
    pub fn connect(protocol: Protocol) -> Result<Socket> {
        let reader = Reader::new()?;
        // Each callback is set explicitly: the variable NLCB in the
        // environment would make libnl's own defaults print.
        // SAFETY: takes no pointer; NULL means that memory was refused.
        let callbacks = allocated(
            unsafe { sys::nl_cb_alloc(sys::NL_CB_DEFAULT) },
            "netlink callbacks",
        )?;
        // SAFETY: `callbacks` is live; the socket takes a reference of its own.
        let raw = unsafe { sys::nl_socket_alloc_cb(callbacks.as_ptr()) };
        let raw = match allocated(raw, "a netlink socket") {
            Ok(raw) => raw,
            Err(error) => {
                // SAFETY: gives back the only reference.
                unsafe { sys::nl_cb_put(callbacks.as_ptr()) };
                return Err(error);
            }
        };
        let doorkeeper = leak(Doorkeeper::new());
        // From here on, `Drop` cleans up.
        let mut socket = Socket {
            raw,
            callbacks,
            doorkeeper,
            reader,
            slots: [None; CallbackKind::COUNT],
        };
        // SAFETY: the callbacks are live; the function can be called with any
        // socket that is.
        unsafe { sys::nl_cb_overwrite_recv(callbacks.as_ptr(), Some(reader::receive)) };
        socket.set(
            CallbackKind::MessageIn,
            Some(callback::on_message_in),
            doorkeeper.as_ptr().cast(),
        )?;
        Errno::clear();
        // SAFETY: the socket is live and not connected yet.
        let result = unsafe { sys::nl_connect(raw.as_ptr(), protocol.to_raw()) };
        let errno = Errno::last();
        let doing = format!("opening a netlink socket ({protocol:?})");
        // libnl has no word for EMFILE and the like.
        if result == -(sys::NLE_FAILURE as c_int) && errno != Errno::UnknownErrno {
            return Err(Error::from_nix(errno, doing));
        }
        check(result, doing)?;
        // Since Linux 4.12 and 4.3; before, errors come without words.
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
            socket.enable(option);
        }
        Ok(socket)
    }

    /// Opens a socket in another network namespace. It stays in it.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and
    /// [`PermissionDenied`](ErrorKind::PermissionDenied) without
    /// CAP_SYS_ADMIN in both user namespaces (setns(2)).
    pub fn connect_in(namespace: &Namespace, protocol: Protocol) -> Result<Socket> {
        namespace.run(|| Socket::connect(protocol))?
    }

    /// Installs a closure (`nl_socket_modify_cb`), in place of the one that
    /// was there. It stays until it is replaced or the socket is dropped.
    ///
    /// If it panics, parsing stops, and the panic goes on in the caller of the
    /// method that received.
    ///
    /// # Errors
    ///
    /// None with the kinds that there are; the result is libnl's.
    pub fn modify_cb<F>(&mut self, kind: CallbackKind, closure: F) -> Result<()>
    where
        F: FnMut(&Message<'_>) -> Action + Send + 'static,
    {
        let closure: MessageClosure = Box::new(closure);
        if kind == CallbackKind::MessageIn {
            // SAFETY: the doorkeeper is ours, and no libnl call is under way.
            unsafe { self.doorkeeper.as_mut() }.slot = Some(Slot::new(closure));
            return Ok(());
        }
        let slot = leak(Slot::new(closure));
        let old = self.slots[kind.to_raw() as usize].replace(slot);
        let result = self.install(kind);
        if let Some(old) = old {
            // SAFETY: the new slot has taken its place, and it is not used again.
            drop(unsafe { Box::from_raw(old.as_ptr()) });
        }
        result
    }

    /// Installs a closure for errors that the kernel answers requests with
    /// (`nl_cb_err`). [`Action::Stop`] makes the receiving method return the
    /// error, [`Action::Skip`] goes on.
    ///
    /// # Errors
    ///
    /// None; the result is libnl's.
    pub fn on_error<F>(&mut self, closure: F) -> Result<()>
    where
        F: FnMut(&KernelError) -> Action + Send + 'static,
    {
        let closure: ErrorClosure = Box::new(closure);
        // SAFETY: the doorkeeper is ours, and no libnl call is under way.
        unsafe { self.doorkeeper.as_mut() }.error_slot = Some(Slot::new(closure));
        // SAFETY: the callback set is live; the doorkeeper is owned by this
        // socket and freed after it.
        let result = unsafe {
            sys::nl_cb_err(
                self.callbacks.as_ptr(),
                sys::NL_CB_CUSTOM,
                Some(callback::on_error),
                self.doorkeeper.as_ptr().cast(),
            )
        };
        check(result, "installing an error callback").map(drop)
    }

    /// Joins a multicast group, and turns the sequence check off: a
    /// notification's number answers no request, and libnl would end with
    /// `NLE_SEQ_MISMATCH`. Send requests through another socket.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound) for a group that this kernel lacks,
    /// [`InvalidInput`](ErrorKind::InvalidInput) for what is no group at all,
    /// [`PermissionDenied`](ErrorKind::PermissionDenied) for one that is
    /// privileged.
    pub fn join(&mut self, group: Group) -> Result<()> {
        self.disable_seq_check();
        let number = group_number(group)?;
        // SAFETY: the socket is live; any number is a setsockopt(2) argument.
        let result = unsafe { sys::nl_socket_add_membership(self.raw.as_ptr(), number) };
        check(result, "").map_err(|error| group.explain("joining", error))?;
        Ok(())
    }

    /// Leaves a multicast group.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn leave(&mut self, group: Group) -> Result<()> {
        let number = group_number(group)?;
        // SAFETY: as in `join`.
        let result = unsafe { sys::nl_socket_drop_membership(self.raw.as_ptr(), number) };
        check(result, "").map_err(|error| group.explain("leaving", error))?;
        Ok(())
    }

    /// Accepts any sequence number, as multicast needs. A closure for
    /// [`CallbackKind::SequenceCheck`] stays in its place.
    pub fn disable_seq_check(&mut self) {
        if self.slots[CallbackKind::SequenceCheck.to_raw() as usize].is_none() {
            // SAFETY: the socket is live; the function sets a callback of
            // libnl's own in the callback set, which is never exchanged.
            unsafe { sys::nl_socket_disable_seq_check(self.raw.as_ptr()) }
        }
    }

    /// Requests are sent without NLM_F_ACK from now on.
    pub fn disable_auto_ack(&mut self) {
        // SAFETY: the socket is live; sets a flag.
        unsafe { sys::nl_socket_disable_auto_ack(self.raw.as_ptr()) }
    }

    /// Also lets messages through that other processes sent.
    pub fn accept_foreign(&mut self) {
        // SAFETY: the doorkeeper is ours, and no libnl call is under way.
        unsafe { self.doorkeeper.as_mut() }.kernel_only = false;
        self.reader.kernel_only = false;
    }

    /// How many messages were dropped because the kernel did not send them.
    pub fn foreign_messages(&self) -> u64 {
        // SAFETY: the doorkeeper is ours, and no libnl call is under way.
        self.reader.foreign + unsafe { self.doorkeeper.as_ref() }.foreign
    }

    /// Makes reading return [`WouldBlock`](ErrorKind::WouldBlock) where there
    /// is nothing to read.
    ///
    /// # Errors
    ///
    /// fcntl(2)'s.
    pub fn set_nonblocking(&mut self, nonblocking: bool) -> Result<()> {
        let doing = "setting a netlink socket's blocking mode";
        let flags =
            fcntl(self.as_fd(), FcntlArg::F_GETFL).map_err(|e| Error::from_nix(e, doing))?;
        let mut flags = OFlag::from_bits_retain(flags);
        flags.set(OFlag::O_NONBLOCK, nonblocking);
        fcntl(self.as_fd(), FcntlArg::F_SETFL(flags))
            .map(drop)
            .map_err(|e| Error::from_nix(e, doing))
    }

    /// Makes [`recv`](Self::recv) and its like read up to so many datagrams with
    /// one system call (recvmmsg(2)), at most 1024, if they are queued already;
    /// by default it is one.
    ///
    /// [`Action::Stop`], and an error or a panic of a closure, throw away what
    /// is left of the whole batch. Where foreign messages are
    /// [accepted](Self::accept_foreign), datagrams are read one by one.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`](ErrorKind::OutOfMemory): each datagram of a batch takes
    /// 64 KiB of address space, though of memory only what is written to it.
    pub fn set_batch(&mut self, datagrams: NonZeroUsize) -> Result<()> {
        self.reader.set_batch(datagrams)
    }

    /// True if the last read left nothing to be read at that time.
    pub(crate) fn was_emptied(&self) -> bool {
        self.reader.emptied
    }

    /// Asks for a receive buffer of `bytes` and returns what was really got,
    /// in the kernel's own measure: it doubles what is asked for, to account
    /// for its own overhead, and a link message takes about three times its
    /// length (socket(7)).
    ///
    /// A process with CAP_NET_ADMIN in the initial user namespace gets any
    /// size (SO_RCVBUFFORCE), others at most twice `net.core.rmem_max`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) above 1 GiB.
    pub fn set_receive_buffer(&mut self, bytes: usize) -> Result<usize> {
        let Some(size) = c_int::try_from(bytes).ok().filter(|&size| size <= 1 << 30) else {
            return Err(Error::invalid(format!(
                "a receive buffer of {bytes} bytes is too large: at most 1 GiB"
            )));
        };
        if setsockopt(&self.as_fd(), sockopt::RcvBufForce, &bytes).is_err() {
            // SAFETY: the socket is live. A transmit size of 0 means 32 KiB,
            // which is what it had.
            let result = unsafe { sys::nl_socket_set_buffer_size(self.raw.as_ptr(), size, 0) };
            check(result, "setting the receive buffer's size")?;
        }
        self.receive_buffer()
    }

    /// The size of the receive buffer in the kernel's own measure, see
    /// [`set_receive_buffer`](Self::set_receive_buffer).
    ///
    /// # Errors
    ///
    /// getsockopt(2)'s.
    pub fn receive_buffer(&self) -> Result<usize> {
        getsockopt(&self.as_fd(), sockopt::RcvBuf)
            .map_err(|e| Error::from_nix(e, "reading the receive buffer's size"))
    }

    /// Has the kernel drop link messages that the filter does not let through.
    pub(crate) fn filter_links(&mut self, filter: &LinkFilter<'_>) -> Result<()> {
        filter.attach(self.as_raw_fd())
    }

    /// Takes the filter off, if there is one.
    pub(crate) fn unfilter(&mut self) {
        filter::detach(self.as_raw_fd());
    }

    /// The port that the kernel knows this socket by (`nl_socket_get_local_port`).
    pub fn local_port(&self) -> u32 {
        // SAFETY: the socket is live and connected; a plain getter.
        unsafe { sys::nl_socket_get_local_port(self.raw.as_ptr()) }
    }

    /// Receives and calls the installed closures (`nl_recvmsgs_report`):
    /// one datagram, or a whole multi-part answer. Returns the number of
    /// messages.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](ErrorKind::WouldBlock) if there is nothing to read,
    /// [`Overrun`](ErrorKind::Overrun) if the kernel had to drop messages, the
    /// kernel's error if it answered a request with one.
    ///
    /// # Panics
    ///
    /// Goes on with the panic of a closure.
    pub fn recv(&mut self) -> Result<usize> {
        self.take_refusal();
        Errno::clear();
        let (raw, callbacks) = (self.raw, self.callbacks);
        // SAFETY: socket and callbacks are live, and `&mut self` keeps this
        // call the only one that uses them, the reader, and the slots behind
        // them.
        let result = unsafe {
            reader::reading(raw, &raw mut self.reader, || {
                sys::nl_recvmsgs_report(raw.as_ptr(), callbacks.as_ptr())
            })
        };
        let errno = Errno::last();
        self.resume_panics();
        if let Some(error) = self.reader.take_loss() {
            return Err(error);
        }
        if (result < 0 || self.list_failed())
            && let Some(refusal) = self.take_refusal()
        {
            return Err(refusal.into_error("the kernel refused a request"));
        }
        match check(result, "receiving from netlink") {
            Ok(messages) => Ok(usize::try_from(messages).unwrap_or(0)),
            // libnl tells ENOBUFS and a refused malloc alike. Where errno does
            // not say that it was the latter, messages may be lost.
            Err(error) if error.kind() == ErrorKind::OutOfMemory && errno != Errno::ENOMEM => {
                Err(error.with_kind(ErrorKind::Overrun))
            }
            Err(error) => Err(error),
        }
    }

    /// Receives like [`recv`](Self::recv), with `closure` in the place of
    /// [`CallbackKind::Valid`]. It may borrow, for it is gone when the method
    /// returns.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    ///
    /// Goes on with a panic of `closure` or of another closure.
    pub fn recv_with<F>(&mut self, closure: F) -> Result<usize>
    where
        F: FnMut(&Message<'_>) -> Action,
    {
        self.recv_scoped(&[CallbackKind::Valid], closure)
    }

    /// Receives what is queued, up to a [batch](Self::set_batch), and calls
    /// `take` with each message, whatever it is, where it was received to:
    /// without libnl's loop (`nl_recvmsgs`), which makes an `nl_msg` of each
    /// and copies it there, and calls the closures that are installed. Returns
    /// the number of messages.
    ///
    /// Foreign messages are dropped and counted here too; where they are
    /// [accepted](Self::accept_foreign), nothing tells who sent one. What an
    /// answer or a list ends with is left to `take`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), but for those that the kernel answers with.
    pub fn recv_messages(&mut self, take: impl FnMut(&RawMessage<'_>)) -> Result<usize> {
        let fd = self.as_raw_fd();
        let read = self.reader.read_messages(fd, take);
        if let Some(error) = self.reader.take_loss() {
            return Err(error);
        }
        read.map_err(|errno| Error::from_nix(errno, "receiving from netlink"))
    }

    /// Receives with `closure` in the place of several kinds of callbacks.
    pub(super) fn recv_scoped<F>(&mut self, kinds: &[CallbackKind], closure: F) -> Result<usize>
    where
        F: FnMut(&Message<'_>) -> Action,
    {
        /// Puts the installed closures back, also while a panic goes on.
        struct Restore<'a>(&'a mut Socket, &'a [CallbackKind]);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                for &kind in self.1 {
                    // It can only fail for kinds that do not exist.
                    let _ = self.0.install(kind);
                }
            }
        }

        let mut slot = Slot::new(closure);
        let argument: *mut Slot<F> = &raw mut slot;
        let restore = Restore(self, kinds);
        for &kind in kinds {
            let function = Some(callback::on_message::<F> as callback::OnMessage);
            restore.0.set(kind, function, argument.cast())?;
        }
        let result = restore.0.recv();
        drop(restore);
        slot.resume();
        result
    }

    /// Sends a message as it is (`nl_send`), with the port, the sequence number
    /// and the flags that it has. Few want this; see
    /// [`send_auto`](Self::send_auto).
    ///
    /// # Errors
    ///
    /// sendmsg(2)'s. That the kernel refuses it is told when receiving.
    pub fn send(&mut self, message: &mut MessageBuilder) -> Result<()> {
        // SAFETY: both are live; the message stays the builder's.
        let result = unsafe { sys::nl_send(self.raw.as_ptr(), message.as_ptr()) };
        self.resume_panics();
        check(result, "sending a netlink message").map(drop)
    }

    /// Sends a message after completing it (`nl_send_auto`): with the socket's
    /// port and next sequence number, NLM_F_REQUEST, and, unless
    /// [turned off](Self::disable_auto_ack), NLM_F_ACK. Returns the sequence
    /// number. The same message may be sent again, and gets a new one.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_auto(&mut self, message: &mut MessageBuilder) -> Result<u32> {
        // libnl completes only what is 0, and it may have been sent before.
        message.forget_sender();
        // SAFETY: both are live; the message stays the builder's.
        let result = unsafe { sys::nl_send_auto(self.raw.as_ptr(), message.as_ptr()) };
        self.resume_panics();
        check(result, "sending a netlink message")?;
        Ok(message.as_message().header().sequence)
    }

    /// Sends a message that consists of a header and `payload`
    /// (`nl_send_simple`), completed as by [`send_auto`](Self::send_auto).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_simple(&mut self, kind: u16, flags: u16, payload: &[u8]) -> Result<()> {
        // SAFETY: the socket is live; the payload is copied, not written to.
        let result = unsafe {
            sys::nl_send_simple(
                self.raw.as_ptr(),
                c_int::from(kind),
                c_int::from(flags),
                payload.as_ptr().cast_mut().cast(),
                payload.len(),
            )
        };
        self.resume_panics();
        check(result, "sending a netlink message").map(drop)
    }

    /// Receives until an acknowledgement comes; the installed closures are
    /// called as in [`recv`](Self::recv), but that for [`CallbackKind::Ack`].
    /// An error that the closure for errors [skips](Action::Skip) is an answer
    /// too.
    ///
    /// libnl's `nl_wait_for_ack` reads one datagram only (`lib/nl.c`), and takes
    /// a notification, or what another process has sent, for the answer.
    ///
    /// # Errors
    ///
    /// What the kernel refused the request with, in its own words where it has
    /// some ([`Error::kernel_text`]), and those of [`recv`](Self::recv).
    ///
    /// # Panics
    ///
    /// Goes on with the panic of a closure.
    pub fn wait_for_ack(&mut self) -> Result<()> {
        let mut answered = false;
        while !answered {
            self.recv_scoped(&[CallbackKind::Ack], |_| {
                answered = true;
                Action::Stop
            })?;
            answered |= self.take_refusal().is_some();
        }
        Ok(())
    }

    /// Sends a request and waits until the kernel has acknowledged it.
    ///
    /// ```no_run
    /// use linkwatch::nl::{MessageBuilder, Protocol, Socket};
    ///
    /// const RTM_NEWLINK: u16 = 16;
    /// const IFLA_IFNAME: u16 = 3;
    ///
    /// let mut request = MessageBuilder::new(RTM_NEWLINK, 0)?;
    /// request.append(&[0; 16])?.put_string(IFLA_IFNAME, b"eth0")?;
    /// if let Err(error) = Socket::connect(Protocol::Route)?.request(&mut request) {
    ///     println!("{error}"); // with the kernel's own words, where it has some
    /// }
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send) and [`wait_for_ack`](Self::wait_for_ack).
    pub fn request(&mut self, message: &mut MessageBuilder) -> Result<()> {
        message.add_flags(libc::NLM_F_ACK);
        self.send_auto(message)?;
        self.wait_for_ack()
    }

    /// Receives one datagram without looking into it (`nl_recv`): no closure
    /// is called, and no message of it interpreted. Datagrams of other senders
    /// than the kernel are dropped and counted here too.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_datagram(&mut self) -> Result<Datagram> {
        loop {
            let datagram = Datagram::receive(self.raw)?;
            // SAFETY: the doorkeeper is ours, and no libnl call is under way.
            let doorkeeper = unsafe { self.doorkeeper.as_mut() };
            if !doorkeeper.kernel_only || datagram.sender().is_kernel() {
                return Ok(datagram);
            }
            doorkeeper.foreign = doorkeeper.foreign.saturating_add(1);
        }
    }

    /// Reads and drops what is queued.
    pub(super) fn discard(&mut self) -> Result<()> {
        /// More than any queue holds.
        const MOST: u32 = 1 << 16;
        self.set_nonblocking(true)?;
        let kinds = [CallbackKind::Valid, CallbackKind::Finish];
        for _ in 0..MOST {
            let received = self.recv_scoped(&kinds, |_| Action::Skip);
            if received.is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
                break;
            }
        }
        self.set_nonblocking(false)
    }

    /// Reading returns [`WouldBlock`](ErrorKind::WouldBlock) after this time
    /// without a message.
    pub(super) fn set_receive_timeout(&mut self, timeout: Duration) -> Result<()> {
        let timeout = TimeVal::microseconds(i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX));
        setsockopt(&self.as_fd(), sockopt::ReceiveTimeout, &timeout)
            .map_err(|e| Error::from_nix(e, "setting the receive timeout"))
    }

    /// The raw socket, for functions of libnl that are not wrapped. It is
    /// valid as long as this borrow.
    ///
    /// Its callbacks point into this object: do not exchange them
    /// (`nl_socket_set_cb`, `nl_socket_modify_cb`) nor free the socket, and use
    /// no copy of them (`nl_socket_get_cb`, `nl_cb_clone`) once this object is
    /// dropped or while one of its methods runs. No safe function makes a copy
    /// that lasts.
    pub fn as_ptr(&self) -> *mut sys::nl_sock {
        self.raw.as_ptr()
    }

    /// Points libnl to the closure of this kind, or to nothing.
    fn install(&mut self, kind: CallbackKind) -> Result<()> {
        match self.slots[kind.to_raw() as usize] {
            Some(slot) => self.set(
                kind,
                Some(callback::on_message::<MessageClosure>),
                slot.as_ptr().cast(),
            ),
            None => self.set(kind, None, ptr::null_mut()),
        }
    }

    fn set(
        &mut self,
        kind: CallbackKind,
        function: sys::nl_recvmsg_msg_cb_t,
        argument: *mut std::ffi::c_void,
    ) -> Result<()> {
        // SAFETY: the callback set is live. Each caller passes a function
        // together with the argument that it expects, and keeps that alive
        // until another takes its place.
        let result = unsafe {
            sys::nl_cb_set(
                self.callbacks.as_ptr(),
                kind.to_raw(),
                sys::NL_CB_CUSTOM,
                function,
                argument,
            )
        };
        check(result, "installing a callback").map(drop)
    }

    /// Whether a list has just ended with an error, which libnl does not look
    /// at (`recvmsgs`, lib/nl.c). It repeats no request, as other errors do.
    fn list_failed(&self) -> bool {
        // SAFETY: the doorkeeper is ours, and no libnl call is under way.
        let refused = unsafe { &self.doorkeeper.as_ref().refused };
        refused
            .as_ref()
            .is_some_and(|error| error.request().is_none())
    }

    /// What the kernel refused the last request with, if libnl has just met it.
    fn take_refusal(&mut self) -> Option<KernelError> {
        // SAFETY: the doorkeeper is ours, and no libnl call is under way.
        unsafe { self.doorkeeper.as_mut() }.refused.take()
    }

    /// Turns a socket option of netlink on, if the kernel has it.
    pub(super) fn enable(&mut self, option: c_int) {
        let on: c_int = 1;
        // SAFETY: the descriptor is open, and the value as long as is said.
        unsafe {
            libc::setsockopt(
                self.as_raw_fd(),
                libc::SOL_NETLINK,
                option,
                (&raw const on).cast(),
                size_of::<c_int>() as libc::socklen_t,
            )
        };
    }

    fn resume_panics(&mut self) {
        // SAFETY: the slots are ours, and the libnl call has returned.
        unsafe {
            let doorkeeper = self.doorkeeper.as_mut();
            if let Some(slot) = &mut doorkeeper.slot {
                slot.resume();
            }
            if let Some(slot) = &mut doorkeeper.error_slot {
                slot.resume();
            }
            for slot in self.slots.iter().flatten() {
                (*slot.as_ptr()).resume();
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: a connected socket has a descriptor, which is closed by
        // `Drop` alone.
        unsafe { BorrowedFd::borrow_raw(sys::nl_socket_get_fd(self.raw.as_ptr())) }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: socket and callbacks are freed once and first, so that
        // nothing points to the slots any more when they are freed. The slots
        // come from `leak` and are freed once.
        unsafe {
            sys::nl_socket_free(self.raw.as_ptr());
            sys::nl_cb_put(self.callbacks.as_ptr());
            drop(Box::from_raw(self.doorkeeper.as_ptr()));
            for slot in self.slots.iter().flatten() {
                drop(Box::from_raw(slot.as_ptr()));
            }
        }
    }
}

/// Moves a value to the heap for C to point to.
fn leak<T>(value: T) -> NonNull<T> {
    NonNull::from(Box::leak(Box::new(value)))
}

fn group_number(group: Group) -> Result<c_int> {
    c_int::try_from(group.0)
        .ok()
        .filter(|&number| number > 0)
        .ok_or_else(|| Error::invalid(format!("there is no multicast group {}", group.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_send<T: Send>() {}

    #[test]
    fn sockets_may_move_between_threads() {
        assert_send::<Socket>();
    }

    #[test]
    fn the_buffer_that_was_got_is_known() {
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        let got = socket.set_receive_buffer(1 << 20).unwrap();
        assert!(got >= 200_000, "{got}");
        assert_eq!(socket.receive_buffer().unwrap(), got);
        let error = socket.set_receive_buffer(usize::MAX).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn nothing_to_read_is_no_overrun() {
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        socket.set_nonblocking(true).unwrap();
        assert_eq!(socket.recv().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn groups_that_do_not_exist_are_refused() {
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        assert_eq!(
            socket.join(Group(0)).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        let error = socket.join(Group(4711)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("joining multicast group 4711: "),
            "{error}"
        );
        socket.join(Group::LINK).unwrap();
        socket.leave(Group::LINK).unwrap();
    }

    #[test]
    fn unknown_protocols_are_an_error() {
        assert!(Socket::connect(Protocol::Other(31)).is_err());
    }
}
