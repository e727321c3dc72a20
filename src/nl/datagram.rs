//! What one `recvmsg` of libnl brings.

use std::mem;
use std::ptr::{self, NonNull};
use std::slice;

use libnl3_sys as sys;
use nix::errno::Errno;

use super::{Messages, Sender, check};
use crate::{Error, ErrorKind, Result};

/// A datagram as it was received (`nl_recv`): messages, not looked into.
///
/// ```no_run
/// use linkwatch::nl::{Group, Protocol, Socket};
///
/// let mut socket = Socket::connect(Protocol::Route)?;
/// socket.join(Group::LINK)?;
/// let datagram = socket.recv_datagram()?;
/// for message in datagram.messages() {
///     println!("type {}, {} bytes", message.header().kind, message.as_bytes().len());
/// }
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug)]
pub struct Datagram {
    /// From malloc(3), ours to free.
    buffer: NonNull<u8>,
    length: usize,
    sender: Sender,
}

// SAFETY: the buffer is plain memory that nothing else refers to.
unsafe impl Send for Datagram {}
// SAFETY: it is never written to.
unsafe impl Sync for Datagram {}

impl Datagram {
    /// Receives one from a live and connected socket.
    pub(super) fn receive(socket: NonNull<sys::nl_sock>) -> Result<Datagram> {
        const DOING: &str = "receiving a netlink datagram";
        // SAFETY: an all-zero sockaddr_nl is a valid value.
        let mut sender: libc::sockaddr_nl = unsafe { mem::zeroed() };
        let mut buffer: *mut u8 = ptr::null_mut();
        Errno::clear();
        // SAFETY: the socket is live; the results go into local variables, and
        // credentials are not asked for. On success the buffer is from malloc
        // and ours (`nl_recv`, lib/nl.c); otherwise it stays NULL.
        let received = unsafe {
            sys::nl_recv(
                socket.as_ptr(),
                &raw mut sender,
                &raw mut buffer,
                ptr::null_mut(),
            )
        };
        let errno = Errno::last();
        let length = match check(received, DOING) {
            Ok(length) => usize::try_from(length).unwrap_or(0),
            Err(error) if error.kind() == ErrorKind::OutOfMemory && errno != Errno::ENOMEM => {
                return Err(error.with_kind(ErrorKind::Overrun));
            }
            Err(error) => return Err(error),
        };
        // 0 is libnl's word for EAGAIN on a socket with a timeout, and for an
        // empty datagram; a buffer comes with neither.
        let Some(buffer) = NonNull::new(buffer).filter(|_| length > 0) else {
            return Err(Error::new(
                ErrorKind::WouldBlock,
                "receiving a netlink datagram: there is none",
            ));
        };
        Ok(Datagram {
            buffer,
            length,
            sender: Sender::from_raw(&sender),
        })
    }

    /// The datagram's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: that many bytes were received into it, and it lives until
        // `Drop`.
        unsafe { slice::from_raw_parts(self.buffer.as_ptr(), self.length) }
    }

    /// The messages in it.
    pub fn messages(&self) -> Messages<'_> {
        Messages::new(self.as_bytes())
    }

    /// Who sent it.
    pub fn sender(&self) -> Sender {
        self.sender
    }
}

impl Drop for Datagram {
    fn drop(&mut self) {
        // SAFETY: libnl got it from malloc, and it is not used again.
        unsafe { libc::free(self.buffer.as_ptr().cast()) }
    }
}
