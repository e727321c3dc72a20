//! The scene: links that are made, flipped and removed, and sockets that hear
//! of it.

use std::ffi::CString;
use std::fs;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use crate::process::link_sockets;

/// What every socket gets where it may be had.
pub const LARGE_BUFFER: libc::c_int = 64 << 20;
const CREATE: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
/// `linux/veth.h`, `linux/if_link.h`.
const VETH_INFO_PEER: u16 = 1;
const IFLA_GROUP: u16 = 27;
const IFLA_NUM_TX_QUEUES: u16 = 31;
const IFLA_NUM_RX_QUEUES: u16 = 32;
/// All links of the scene, so that they can be removed at once.
const GROUP: u32 = 77;

fn cvt(result: libc::c_int) -> io::Result<libc::c_int> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

/// An rtnetlink socket that is in these groups.
fn rtnetlink(groups: u32) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor that socket(2) returns is new and ours; the
    // address is plain data, for which zeros are valid, and bind(2) reads it.
    unsafe {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        let fd = cvt(libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE))?;
        let fd = OwnedFd::from_raw_fd(fd);
        let mut address: libc::sockaddr_nl = mem::zeroed();
        address.nl_family = libc::AF_NETLINK as u16;
        address.nl_groups = groups;
        let size = size_of_val(&address) as u32;
        cvt(libc::bind(
            fd.as_raw_fd(),
            (&raw const address).cast(),
            size,
        ))?;
        Ok(fd)
    }
}

/// Gives a socket the large buffer, or what an ordinary user may have. Returns
/// what it got, in the kernel's measure (twice what was asked for).
pub fn enlarge(socket: &impl AsRawFd) -> usize {
    let fd = socket.as_raw_fd();
    let wanted = LARGE_BUFFER;
    let mut got: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as u32;
    // SAFETY: both calls get pointers to integers that live and their size.
    unsafe {
        for option in [libc::SO_RCVBUFFORCE, libc::SO_RCVBUF] {
            let value = (&raw const wanted).cast();
            if libc::setsockopt(fd, libc::SOL_SOCKET, option, value, size) == 0 {
                break;
            }
        }
        let value = (&raw mut got).cast();
        libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, value, &mut size);
    }
    got as usize
}

/// A subscriber of the harness's own. One that does not read keeps the messages
/// in memory, so that no watcher has to pay for their release.
pub struct Listener {
    fd: OwnedFd,
    pub room: usize,
    heard: u64,
}

impl Listener {
    pub fn new() -> io::Result<Listener> {
        let fd = rtnetlink(libc::RTMGRP_LINK as u32)?;
        let room = enlarge(&fd);
        Ok(Listener { fd, room, heard: 0 })
    }

    /// Reads what there is. Returns how many messages it has heard in all.
    pub fn hear(&mut self) -> io::Result<u64> {
        let mut byte = 0u8;
        loop {
            let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
            // SAFETY: it writes one byte at most, into one that is there.
            let length =
                unsafe { libc::recv(self.fd.as_raw_fd(), (&raw mut byte).cast(), 1, flags) };
            if length < 0 {
                let error = io::Error::last_os_error();
                return match error.kind() {
                    io::ErrorKind::WouldBlock => Ok(self.heard),
                    io::ErrorKind::Interrupted => continue,
                    _ => Err(error),
                };
            }
            self.heard += 1;
        }
    }

    /// How many bytes of its room are taken.
    pub fn queued(&self) -> u64 {
        let name = fs::read_link(format!("/proc/self/fd/{}", self.fd.as_raw_fd()));
        let name = name.unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let inode = name.trim_matches(|c: char| !c.is_ascii_digit());
        let sockets = link_sockets();
        let own = sockets.iter().find(|s| s.inode.to_string() == inode);
        own.map_or(0, |s| s.queued)
    }
}

/// Waits until no more messages come at once.
pub fn await_silence(counter: &mut Listener) -> io::Result<u64> {
    await_quiet(counter, Duration::from_millis(150))
}

/// Waits until no more messages come at all: the kernel's link watch announces
/// some changes up to a second later.
pub fn await_link_watch(counter: &mut Listener) -> io::Result<u64> {
    await_quiet(counter, Duration::from_millis(1300))
}

fn await_quiet(counter: &mut Listener, time: Duration) -> io::Result<u64> {
    let mut heard = counter.hear()?;
    let mut since = Instant::now();
    while since.elapsed() < time {
        std::thread::sleep(Duration::from_millis(10));
        let now = counter.hear()?;
        if now != heard {
            heard = now;
            since = Instant::now();
        }
    }
    Ok(heard)
}

/// Requests to the kernel.
pub struct Kernel {
    requests: OwnedFd,
    ioctls: OwnedFd,
}

impl Kernel {
    pub fn new() -> io::Result<Kernel> {
        // SAFETY: the descriptor is new and ours.
        let ioctls = unsafe {
            let fd = cvt(libc::socket(
                libc::AF_INET,
                libc::SOCK_DGRAM | libc::SOCK_CLOEXEC,
                0,
            ))?;
            OwnedFd::from_raw_fd(fd)
        };
        Ok(Kernel {
            requests: rtnetlink(0)?,
            ioctls,
        })
    }

    /// Makes pairs `v0`–`p0`, `v1`–`p1`, …
    pub fn make_pairs(&self, count: usize) -> io::Result<()> {
        let numbers: Vec<usize> = (0..count).collect();
        for some in numbers.chunks(32) {
            let pair = |i: &usize| (format!("v{i}"), format!("p{i}"));
            self.make(some.iter().map(pair))?;
        }
        Ok(())
    }

    /// Makes the pair of these names.
    pub fn make_pair(&self, one: &str, other: &str) -> io::Result<()> {
        self.make([(one.to_owned(), other.to_owned())].into_iter())
    }

    fn make(&self, pairs: impl Iterator<Item = (String, String)>) -> io::Result<()> {
        let mut batch = Vec::new();
        let mut count = 0;
        for (one, other) in pairs {
            let peer = [&[0; 16][..], &described(&other)].concat();
            let data = attribute(VETH_INFO_PEER, &peer);
            let info = [
                attribute(libc::IFLA_INFO_KIND, b"veth"),
                attribute(libc::IFLA_INFO_DATA, &data),
            ];
            let info = attribute(libc::IFLA_LINKINFO, &info.concat());
            let body = [&described(&one)[..], &info].concat();
            batch.extend(request(libc::RTM_NEWLINK, CREATE, &body));
            count += 1;
        }
        self.ask(&batch, count)
    }

    /// Removes all links that were made.
    pub fn clear(&self) -> io::Result<()> {
        let body = attribute(IFLA_GROUP, &GROUP.to_ne_bytes());
        match self.ask(&request(libc::RTM_DELLINK, 0, &body), 1) {
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(()),
            result => result,
        }
    }

    fn ask(&self, batch: &[u8], mut answers: usize) -> io::Result<()> {
        let fd = self.requests.as_raw_fd();
        let mut buffer = [0u8; 16384];
        // SAFETY: send reads the batch, recv writes into the buffer, each
        // within the length that it is told.
        unsafe {
            let length = libc::send(fd, batch.as_ptr().cast(), batch.len(), 0);
            cvt(length as libc::c_int)?;
            while answers > 0 {
                let length = libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), 0);
                let length = cvt(length as libc::c_int)? as usize;
                let mut at = 0;
                while at + 20 <= length {
                    let number = |at: usize| {
                        i32::from_ne_bytes(buffer[at..at + 4].try_into().expect("four bytes"))
                    };
                    if number(at + 16) != 0 {
                        return Err(io::Error::from_raw_os_error(-number(at + 16)));
                    }
                    at += (number(at) as usize).next_multiple_of(4).max(16);
                    answers -= 1;
                }
            }
        }
        Ok(())
    }

    /// `ip link set NAME up|down`, by ioctl.
    pub fn set_up(&self, name: &Name, up: bool) -> io::Result<()> {
        let up = if up { libc::IFF_UP } else { 0 };
        let mut request = name.request;
        request.ifr_ifru.ifru_flags = (libc::IFF_MULTICAST | up) as i16;
        // SAFETY: SIOCSIFFLAGS reads the struct, which is whole.
        unsafe {
            cvt(libc::ioctl(
                self.ioctls.as_raw_fd(),
                libc::SIOCSIFFLAGS,
                &request,
            ))
        }?;
        Ok(())
    }
}

/// A name as ioctls take it.
#[derive(Clone, Copy)]
pub struct Name {
    request: libc::ifreq,
}

impl Name {
    pub fn new(name: &str) -> Name {
        // SAFETY: ifreq is plain data, for which zeros are valid.
        let mut request: libc::ifreq = unsafe { mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(15)) {
            *to = from as libc::c_char;
        }
        Name { request }
    }
}

/// Pairs whose second ends go down and up in turn.
pub struct Storm {
    kernel: Kernel,
    ends: Vec<Name>,
    next: usize,
}

impl Storm {
    /// Makes the pairs and takes them up.
    pub fn new(pairs: usize) -> io::Result<Storm> {
        let kernel = Kernel::new()?;
        kernel.clear()?;
        kernel.make_pairs(pairs)?;
        let name = |prefix: &str, i: usize| Name::new(&format!("{prefix}{i}"));
        for i in 0..pairs {
            kernel.set_up(&name("v", i), true)?;
            kernel.set_up(&name("p", i), true)?;
        }
        let ends = (0..pairs).map(|i| name("p", i)).collect();
        Ok(Storm {
            kernel,
            ends,
            next: 0,
        })
    }

    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Takes the next end down, or, in every second round, up.
    pub fn flip(&mut self) -> io::Result<()> {
        let (round, which) = (self.next / self.ends.len(), self.next % self.ends.len());
        self.next += 1;
        self.kernel.set_up(&self.ends[which], round % 2 == 1)
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        let _ = self.kernel.clear();
    }
}

/// The interface index.
pub fn index_of(name: &str) -> u32 {
    let name = CString::new(name).expect("no NUL");
    // SAFETY: the string ends with NUL.
    unsafe { libc::if_nametoindex(name.as_ptr()) }
}

fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = (4 + payload.len()) as u16;
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn described(name: &str) -> Vec<u8> {
    let name = [name.as_bytes(), b"\0"].concat();
    [
        attribute(libc::IFLA_IFNAME, &name),
        attribute(IFLA_GROUP, &GROUP.to_ne_bytes()),
        attribute(IFLA_NUM_TX_QUEUES, &1u32.to_ne_bytes()),
        attribute(IFLA_NUM_RX_QUEUES, &1u32.to_ne_bytes()),
    ]
    .concat()
}

/// A request about a link, `attributes` behind an empty `struct ifinfomsg`.
fn request(kind: u16, more: u16, attributes: &[u8]) -> Vec<u8> {
    let length = (32 + attributes.len()) as u32;
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16 | more;
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 24]);
    bytes.extend(attributes);
    bytes
}
