//! What the kernel knows of a process: CPU time, memory, sockets.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// A socket in `/proc/net/netlink` that hears of links.
#[derive(Debug, Clone, Copy)]
pub struct LinkSocket {
    pub inode: u64,
    /// Bytes of its receive buffer that are taken.
    pub queued: u64,
    /// Messages that the kernel could not give to it.
    pub drops: u64,
}

/// All of this namespace.
pub fn link_sockets() -> Vec<LinkSocket> {
    let text = fs::read_to_string("/proc/net/netlink").unwrap_or_default();
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let groups = u32::from_str_radix(fields.get(3)?, 16).ok()?;
        let is_link = fields.get(1) == Some(&"0") && groups & 1 == 1;
        is_link.then_some(LinkSocket {
            inode: fields.get(9)?.parse().ok()?,
            queued: fields.get(4)?.parse().ok()?,
            drops: fields.get(8)?.parse().ok()?,
        })
    };
    text.lines().skip(1).filter_map(socket).collect()
}

/// The descriptor and the socket by which a process hears of links.
pub fn link_socket_of(process: u32) -> Option<(i32, LinkSocket)> {
    let sockets = link_sockets();
    for entry in fs::read_dir(format!("/proc/{process}/fd")).ok()? {
        let entry = entry.ok()?;
        let Ok(target) = fs::read_link(entry.path()) else {
            continue;
        };
        let target = target.to_string_lossy().into_owned();
        let inode = target
            .strip_prefix("socket:[")
            .and_then(|t| t.strip_suffix(']'));
        let inode = inode.and_then(|inode| inode.parse::<u64>().ok());
        if let Some(socket) = sockets.iter().find(|s| Some(s.inode) == inode) {
            return Some((entry.file_name().to_str()?.parse().ok()?, *socket));
        }
    }
    None
}

/// A descriptor of another process, as one of this.
pub fn borrow_descriptor(process: u32, fd: i32) -> io::Result<OwnedFd> {
    // SAFETY: the calls take numbers; what they return is new and ours.
    unsafe {
        let pidfd = libc::syscall(libc::SYS_pidfd_open, process, 0) as i32;
        if pidfd < 0 {
            return Err(io::Error::last_os_error());
        }
        let pidfd = OwnedFd::from_raw_fd(pidfd);
        let raw = std::os::fd::AsRawFd::as_raw_fd(&pidfd);
        let fd = libc::syscall(libc::SYS_pidfd_getfd, raw, fd, 0) as i32;
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// CPU time of all threads, those that have ended too, in nanoseconds: what
/// schedstat tells of each, in one call. 0 if there is no such process.
pub fn cpu_time(process: u32) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut clock = 0;
    // SAFETY: both calls write into variables that are there.
    unsafe {
        if libc::clock_getcpuclockid(process as libc::pid_t, &mut clock) != 0
            || libc::clock_gettime(clock, &mut time) != 0
        {
            return 0;
        }
    }
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn status(path: &str) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let number = value.split_whitespace().next()?.parse().ok()?;
        Some((name.to_owned(), number))
    };
    text.lines().filter_map(field).collect()
}

/// A figure of `/proc/PID/status` in KiB: `VmHWM`, the peak of the resident
/// memory; `VmRSS`, what it is now.
pub fn memory(process: u32, field: &str) -> u64 {
    let status = status(&format!("/proc/{process}/status"));
    status.get(field).copied().unwrap_or_default()
}

/// True if a thread of it runs, or would if there were a CPU for it.
pub fn is_running(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let mut threads = threads.into_iter().flatten().flatten();
    threads.any(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The name, in parentheses, may hold anything.
        let state = stat.rsplit_once(") ").map(|(_, rest)| &rest[..1]);
        matches!(state, Some("R" | "D"))
    })
}

/// Lets all threads of a process run on one CPU only; on any, where there is no such
/// CPU or the kernel refuses. What one CPU has allocated takes longer to free on
/// another, and which one a watcher wakes up on is chance.
pub fn keep_on(process: u32, cpu: usize) {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    for thread in threads.into_iter().flatten().flatten() {
        if let Some(thread) = thread.file_name().to_str().and_then(|id| id.parse().ok()) {
            set_affinity(thread, &only(cpu));
        }
    }
}

/// Keeps the calling thread, and what it starts, on one CPU until it is dropped.
pub struct Kept {
    before: libc::cpu_set_t,
}

impl Kept {
    pub fn on(cpu: usize) -> Kept {
        // SAFETY: a CPU set is plain data, for which zeros mean no CPU; the call
        // writes it.
        let before = unsafe {
            let mut before: libc::cpu_set_t = std::mem::zeroed();
            libc::sched_getaffinity(0, size_of_val(&before), &mut before);
            before
        };
        set_affinity(0, &only(cpu));
        Kept { before }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        set_affinity(0, &self.before);
    }
}

fn only(cpu: usize) -> libc::cpu_set_t {
    // SAFETY: as above; a number that does not fit into the set is left out.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        set
    }
}

fn set_affinity(thread: libc::pid_t, set: &libc::cpu_set_t) {
    // SAFETY: the call reads the set, which is as long as it is said to be.
    unsafe { libc::sched_setaffinity(thread, size_of_val(set), set) };
}

/// How often the scheduler has switched to one of its threads.
pub fn wakeups(process: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let sum = |path: std::path::PathBuf| {
        let status = status(&path.join("status").to_string_lossy());
        let count = |name| status.get(name).copied().unwrap_or_default();
        count("voluntary_ctxt_switches") + count("nonvoluntary_ctxt_switches")
    };
    threads.map(|thread| sum(thread.path())).sum()
}
