//! Receiving in place of libnl's `nl_recv`: several datagrams with one system
//! call, none of them looked at twice.
//!
//! `nl_recv` asks for the length of each datagram first (MSG_PEEK), which
//! makes two system calls of one. Here each datagram has its place in a mapping
//! that is far longer than most of them; memory is only taken for what is
//! really written. As dumps come in portions as long as the place that is
//! offered, up to 32 KiB (`netlink_recvmsg`, `net/netlink/af_netlink.c`), they
//! take fewer of them too.

use std::cell::Cell;
use std::ffi::{c_int, c_uchar, c_uint};
use std::fmt;
use std::mem;
use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};
use std::slice;

use libnl3_sys as sys;
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::{Messages, RawMessage, Sender};
use crate::{Error, Result};

/// The place for each datagram where they are read one by one.
const SINGLE: usize = 1 << 20;
/// The place for each in a batch. Announcements of links, which come without
/// virtual functions, are some 1.5 KiB long. (Not a power of two, or the
/// beginnings of all places would share the same few lines of the cache.)
const IN_BATCH: usize = (1 << 16) + 1536;
/// No datagram is longer: the kernel allocates each in one piece.
const LONGEST: usize = 1 << 24;

/// Reads the datagrams of one socket.
pub(super) struct Reader {
    memory: Memory,
    headers: Vec<libc::mmsghdr>,
    /// What the headers point to.
    _parts: Vec<libc::iovec>,
    senders: Vec<libc::sockaddr_nl>,
    /// Which datagram of the last batch was the first that was not dropped.
    first: usize,
    /// Whether datagrams of other senders than the kernel are dropped.
    pub(super) kernel_only: bool,
    /// How many were.
    pub(super) foreign: u64,
    /// True if the last read found the end of the queue.
    pub(super) emptied: bool,
    /// The length of the longest datagram that was lost since
    /// [`take_loss`](Self::take_loss), because its place was too short.
    truncated: Option<usize>,
}

// SAFETY: the headers point into memory that the reader owns.
unsafe impl Send for Reader {}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("places", &self.headers.len())
            .field("length", &self.memory.length)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads one datagram at a time.
    pub(super) fn new() -> Result<Reader> {
        Reader::with_places(1, SINGLE)
    }

    /// Reads up to so many datagrams at a time.
    pub(super) fn set_batch(&mut self, datagrams: NonZeroUsize) -> Result<()> {
        let datagrams = datagrams.get().min(1024);
        let length = if datagrams == 1 { SINGLE } else { IN_BATCH };
        self.exchange(datagrams, length)
    }

    fn with_places(number: usize, length: usize) -> Result<Reader> {
        let memory = Memory::new(number, length)?;
        // SAFETY: all-zero values of these structures are valid.
        let (header, sender): (libc::mmsghdr, libc::sockaddr_nl) =
            unsafe { (mem::zeroed(), mem::zeroed()) };
        let mut senders = vec![sender; number];
        let mut parts: Vec<libc::iovec> = (0..number)
            .map(|index| libc::iovec {
                iov_base: memory.start(index).as_ptr().cast(),
                iov_len: length,
            })
            .collect();
        let mut headers = vec![header; number];
        for ((header, part), sender) in headers.iter_mut().zip(&mut parts).zip(&mut senders) {
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = ptr::from_mut(sender).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
        }
        Ok(Reader {
            memory,
            headers,
            _parts: parts,
            senders,
            first: 0,
            kernel_only: true,
            foreign: 0,
            emptied: false,
            truncated: None,
        })
    }

    fn exchange(&mut self, number: usize, length: usize) -> Result<()> {
        *self = Reader {
            kernel_only: self.kernel_only,
            foreign: self.foreign,
            ..Reader::with_places(number, length)?
        };
        Ok(())
    }

    /// If a datagram was lost for its length: makes room for the next one of
    /// its kind, and returns the error to report.
    pub(super) fn take_loss(&mut self) -> Option<Error> {
        let length = self.truncated.take()?;
        let wanted = length.next_power_of_two().min(LONGEST);
        if wanted > self.memory.length
            && let Err(error) = self.exchange(self.headers.len(), wanted)
        {
            log::debug!("{error}");
        }
        Some(Error::from_errno(
            libc::ENOBUFS,
            format!("a netlink datagram of {length} bytes was too long for its place"),
        ))
    }

    /// Reads what there is, and calls `f` with each message, where it is.
    /// Returns how many there were.
    pub(super) fn read_messages(
        &mut self,
        fd: c_int,
        mut f: impl FnMut(&RawMessage<'_>),
    ) -> Result<usize, Errno> {
        let number = self.fill(fd, self.headers.len())?;
        let mut messages = 0;
        for index in 0..number {
            let length = self.accept(index);
            for message in Messages::new(self.datagram(index, length)) {
                f(&message);
                messages += 1;
            }
        }
        Ok(messages)
    }

    /// Reads what there is, and returns it as one piece of memory from
    /// malloc(3) and its length, 0 and NULL where nothing is left of it.
    fn read(&mut self, fd: c_int) -> Result<(*mut u8, usize), Errno> {
        // The whole batch has one sender for libnl.
        let most = match self.kernel_only {
            true => self.headers.len(),
            false => 1,
        };
        let number = self.fill(fd, most)?;
        let mut length = 0;
        for index in 0..number {
            let taken = self.take(index).next_multiple_of(4);
            if length == 0 && taken > 0 {
                self.first = index;
            }
            length += taken;
        }
        if length == 0 {
            return Ok((ptr::null_mut(), 0));
        }
        // SAFETY: takes no pointer.
        let buffer: *mut u8 = unsafe { libc::malloc(length) }.cast();
        if buffer.is_null() {
            return Err(Errno::ENOMEM);
        }
        let mut at = 0;
        for header in &self.headers[..number] {
            let taken = header.msg_len as usize;
            let padding = taken.next_multiple_of(4) - taken;
            // SAFETY: `take` has left lengths within each datagram's place,
            // whose padded sum the buffer is long.
            unsafe {
                let place = (*header.msg_hdr.msg_iov).iov_base.cast::<u8>();
                ptr::copy_nonoverlapping(place, buffer.add(at), taken);
                ptr::write_bytes(buffer.add(at + taken), 0, padding);
            }
            at += taken + padding;
        }
        Ok((buffer, length))
    }

    /// Reads up to `most` datagrams into their places, and notes whether that
    /// were all.
    fn fill(&mut self, fd: c_int, most: usize) -> Result<usize, Errno> {
        let received = self.receive(fd, most);
        self.emptied = match received {
            Ok(number) => number < most,
            Err(errno) => errno == Errno::EAGAIN,
        };
        received
    }

    /// What was written to a place, of which `length` is no more than was.
    fn datagram(&self, index: usize, length: usize) -> &[u8] {
        let length = length.min(self.memory.length);
        // SAFETY: within the mapping, which is all zero where nothing was
        // written, and which nothing writes to while this borrow lasts.
        unsafe { slice::from_raw_parts(self.memory.start(index).as_ptr(), length) }
    }

    /// Reads up to `most` datagrams into their places; at least one, which a
    /// socket that blocks is waited for.
    fn receive(&mut self, fd: c_int, most: usize) -> Result<usize, Errno> {
        let flags = libc::MSG_TRUNC;
        loop {
            // SAFETY: the headers point to places of the lengths they say, and
            // to room for an address each; `most` is at most their number.
            let result = unsafe {
                if most == 1 {
                    let header = &raw mut self.headers[0];
                    let received = libc::recvmsg(fd, &raw mut (*header).msg_hdr, flags);
                    // It has 32 bits there too.
                    (*header).msg_len = c_uint::try_from(received).unwrap_or(0);
                    received.min(1)
                } else {
                    let flags = flags | libc::MSG_WAITFORONE;
                    let headers = self.headers.as_mut_ptr();
                    libc::recvmmsg(fd, headers, most as c_uint, flags as _, ptr::null_mut())
                        as isize
                }
            };
            match usize::try_from(result) {
                // An empty datagram is one too.
                Ok(number) => return Ok(number.max(1)),
                Err(_) if Errno::last() == Errno::EINTR => {}
                Err(_) => return Err(Errno::last()),
            }
        }
    }

    /// Looks at a datagram that was read: sets its length to that of the
    /// messages in it, 0 if it is dropped, and returns it.
    fn take(&mut self, index: usize) -> usize {
        let length = self.accept(index);
        // What cannot be a message would keep libnl from those of the next
        // datagram.
        let mut messages = Messages::new(self.datagram(index, length));
        messages.by_ref().for_each(drop);
        let whole = length - messages.rest().len();
        self.headers[index].msg_len = whole as c_uint;
        whole
    }

    /// The length of a datagram that was read, 0 if it is dropped. Makes its
    /// header ready for the next one.
    fn accept(&mut self, index: usize) -> usize {
        let header = &mut self.headers[index];
        let length = header.msg_len as usize;
        let is_whole = length <= self.memory.length;
        // The kernel tells no sender with an empty datagram of its own.
        let has_sender = header.msg_hdr.msg_namelen as usize == size_of::<libc::sockaddr_nl>();
        header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
        let is_kernel = has_sender && Sender::from_raw(&self.senders[index]).is_kernel();
        if self.kernel_only && !is_kernel {
            let foreign = Messages::new(self.datagram(index, length)).count();
            self.foreign = self.foreign.saturating_add(foreign as u64);
            0
        } else if !is_whole {
            // `None` is the least.
            self.truncated = self.truncated.max(Some(length));
            0
        } else {
            length
        }
    }
}

/// Memory for datagrams, one place after the other.
struct Memory {
    start: NonNull<u8>,
    number: usize,
    length: usize,
}

impl Memory {
    fn new(number: usize, length: usize) -> Result<Memory> {
        let doing = "getting memory for netlink datagrams";
        let all = number.checked_mul(length).and_then(NonZeroUsize::new);
        let all = all.ok_or_else(|| Error::from_errno(libc::ENOMEM, doing))?;
        // What is not written to takes no memory.
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses where; nothing else is touched.
        let start = unsafe { mmap_anonymous(None, all, access, flags) }
            .map_err(|errno| Error::from_nix(errno, doing))?;
        Ok(Memory {
            start: start.cast(),
            number,
            length,
        })
    }

    fn start(&self, index: usize) -> NonNull<u8> {
        debug_assert!(index < self.number);
        // SAFETY: within the mapping.
        unsafe { self.start.add(index * self.length) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and is not used again.
        // munmap(2) fails for ranges that were never mapped only.
        let _ = unsafe { munmap(self.start.cast(), self.number * self.length) };
    }
}

thread_local! {
    /// Who reads for the socket that libnl is receiving from on this thread.
    static READING: Cell<(*mut sys::nl_sock, *mut Reader)> =
        const { Cell::new((ptr::null_mut(), ptr::null_mut())) };
}

/// Calls `f` while `reader` reads for `socket`, if libnl has [`receive`] as its
/// function for it.
///
/// # Safety
///
/// Until it returns, nothing else uses the reader.
pub(super) unsafe fn reading<R>(
    socket: NonNull<sys::nl_sock>,
    reader: *mut Reader,
    f: impl FnOnce() -> R,
) -> R {
    // A closure that libnl calls may receive from another socket meanwhile.
    let _restore = Restore(READING.replace((socket.as_ptr(), reader)));
    f()
}

/// Puts back who was reading before, also where a closure's panic is resumed.
struct Restore((*mut sys::nl_sock, *mut Reader));

impl Drop for Restore {
    fn drop(&mut self) {
        READING.set(self.0);
    }
}

/// What libnl reads by, in the place of `nl_recv` (`nl_cb_overwrite_recv`).
///
/// # Safety
///
/// As of `nl_recv`: the socket is live and connected, and the pointers have room
/// for the results.
pub(super) unsafe extern "C" fn receive(
    socket: *mut sys::nl_sock,
    sender: *mut libc::sockaddr_nl,
    buffer: *mut *mut c_uchar,
    credentials: *mut *mut libc::ucred,
) -> c_int {
    let (reads_for, reader) = READING.get();
    // libnl receives on its own in some of its functions.
    if reads_for != socket {
        // SAFETY: the caller's promise.
        return unsafe { sys::nl_recv(socket, sender, buffer, credentials) };
    }
    // SAFETY: whoever set it promises that it is used by nobody else until it
    // is set back. The socket is connected.
    let (reader, fd) = unsafe { (&mut *reader, sys::nl_socket_get_fd(socket)) };
    match reader.read(fd) {
        // SAFETY: the caller's promise; libnl frees the buffer, which comes
        // from malloc (`recvmsgs`, lib/nl.c), where the length is not 0.
        Ok((datagrams, length)) => unsafe {
            if length > 0 {
                *buffer = datagrams;
                // Where there are more, the kernel has sent all of them.
                *sender = reader.senders[reader.first];
            }
            c_int::try_from(length).unwrap_or(c_int::MAX)
        },
        Err(errno) => {
            errno.set();
            // SAFETY: a table of numbers.
            -unsafe { sys::nl_syserr2nlerr(errno as c_int) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;
    use crate::nl::{MessageBuilder, Protocol, Socket};

    const USERSOCK: i32 = 2;

    /// A socket that receives without waiting, and one that sends to it.
    fn pair() -> (Socket, Socket) {
        let mut here = Socket::connect(Protocol::Other(USERSOCK)).unwrap();
        let there = Socket::connect(Protocol::Other(USERSOCK)).unwrap();
        here.set_nonblocking(true).unwrap();
        (here, there)
    }

    /// Sends one datagram.
    fn send(there: &Socket, here: &Socket, bytes: &[u8]) {
        // SAFETY: an all-zero address is a valid value.
        let mut to: libc::sockaddr_nl = unsafe { mem::zeroed() };
        to.nl_family = libc::AF_NETLINK as u16;
        to.nl_pid = here.local_port();
        // SAFETY: bytes and address are as long as they are said to be.
        let sent = unsafe {
            libc::sendto(
                there.as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                0,
                (&raw const to).cast(),
                size_of_val(&to) as libc::socklen_t,
            )
        };
        assert_eq!(sent, bytes.len() as isize);
    }

    /// Sends a message with so many bytes of payload in a datagram of its own;
    /// returns its length.
    fn send_long(there: &Socket, here: &Socket, payload: usize) -> usize {
        let mut message = MessageBuilder::new(100, 0).unwrap();
        message.append(&vec![0; payload]).unwrap();
        let message = message.as_message();
        send(there, here, message.as_bytes());
        message.as_bytes().len()
    }

    /// The lengths of the messages that are queued.
    fn lengths(reader: &mut Reader, here: &Socket) -> Vec<usize> {
        let mut lengths = Vec::new();
        let fd = here.as_raw_fd();
        while let Ok(number) =
            reader.read_messages(fd, |message| lengths.push(message.as_bytes().len()))
        {
            assert!(number > 0 || reader.truncated.is_some());
        }
        assert!(reader.emptied);
        lengths
    }

    #[test]
    fn the_longest_truncated_datagram_decides_the_room() {
        for batch in [1, 4] {
            let (here, there) = pair();
            let mut reader = Reader::with_places(batch, 256).unwrap();
            reader.kernel_only = false;
            let payloads = [300, 3900, 20, 2000];
            let sent = payloads.map(|payload| send_long(&there, &here, payload));
            assert_eq!(lengths(&mut reader, &here), [sent[2]]);
            let error = reader.take_loss().unwrap();
            assert_eq!(error.kind(), crate::ErrorKind::Overrun);
            let words = format!("of {} bytes was too long", sent[1]);
            assert!(error.to_string().contains(&words), "{error}");
            assert_eq!(reader.headers.len(), batch);

            let sent = payloads.map(|payload| send_long(&there, &here, payload));
            assert_eq!(lengths(&mut reader, &here), sent, "{batch}");
            assert!(reader.take_loss().is_none());
        }
    }

    #[test]
    fn other_senders_are_dropped_one_by_one_and_what_is_no_message_too() {
        let (here, there) = pair();
        let send = |bytes: &[u8]| send(&there, &here, bytes);
        let message = MessageBuilder::new(100, 0).unwrap();
        let two = message.as_message().as_bytes().repeat(2);
        let torn = [&two[..], &[17, 0, 0, 0, 1]].concat();

        let mut reader = Reader::with_places(8, 4096).unwrap();
        send(&two);
        send(&torn);
        let fd = here.as_raw_fd();
        let read = reader.read_messages(fd, |_| panic!("it is foreign"));
        assert_eq!((read, reader.foreign), (Ok(0), 4));

        reader.kernel_only = false;
        send(&torn);
        send(&two);
        let mut kinds = Vec::new();
        let read = reader.read_messages(fd, |message| kinds.push(message.header().kind));
        assert_eq!((read, kinds), (Ok(4), vec![100; 4]));
        assert!(reader.emptied);
        let nothing = reader.read_messages(fd, |_| panic!("there is nothing"));
        assert_eq!(nothing, Err(Errno::EAGAIN));
    }

    #[test]
    fn nobody_reads_any_more_after_a_panic() {
        let socket = NonNull::dangling();
        let panicked = std::panic::catch_unwind(|| {
            // SAFETY: neither is used before it returns, or panics.
            unsafe { reading(socket, ptr::null_mut(), || panic!("in a closure")) }
        });
        assert!(panicked.is_err());
        assert!(READING.get().0.is_null());
    }

    #[test]
    fn impossible_room_is_an_error() {
        let error = Reader::with_places(usize::MAX, 2).err().unwrap();
        assert_eq!(error.kind(), crate::ErrorKind::OutOfMemory);
    }
}
