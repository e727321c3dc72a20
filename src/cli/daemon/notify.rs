//! What the service manager is told: sd_notify(3).

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// A service manager that takes nothing for so long is not told.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells the service manager, if there is one that wants to know.
pub(super) struct Notifier {
    manager: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Watchdog>,
    status: String,
}

struct Watchdog {
    interval: Duration,
    due: Instant,
}

impl Notifier {
    /// As NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID say.
    pub(super) fn from_environment() -> Notifier {
        let manager = std::env::var_os("NOTIFY_SOCKET").and_then(|name| {
            connect(&name)
                .inspect_err(|error| {
                    log::warn!("NOTIFY_SOCKET={}: {error}", name.to_string_lossy());
                })
                .ok()
        });
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let is_for_us = match std::env::var_os("WATCHDOG_PID") {
            Some(_) => number("WATCHDOG_PID") == Some(std::process::id().into()),
            None => true,
        };
        let watchdog = number("WATCHDOG_USEC").filter(|&time| is_for_us && time > 0);
        Notifier {
            watchdog: watchdog.filter(|_| manager.is_some()).map(|time| Watchdog {
                interval: Duration::from_micros(time) / 2,
                due: Instant::now(),
            }),
            manager,
            status: String::new(),
        }
    }

    pub(super) fn ready(&mut self) {
        self.send("READY=1");
    }

    pub(super) fn reloading(&mut self) {
        // By this the manager tells this reload from another.
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.as_micros()));
    }

    pub(super) fn stopping(&mut self) {
        self.send("STOPPING=1");
    }

    /// A line for `systemctl status`; told if it has changed.
    pub(super) fn status(&mut self, status: String) {
        if self.status != status {
            self.send(&format!("STATUS={}", status.replace('\n', " ")));
            self.status = status;
        }
    }

    /// True if there is anyone to tell.
    pub(super) fn is_heard(&self) -> bool {
        self.manager.is_some()
    }

    /// Called from the loop, and from nowhere else: says that it turns.
    pub(super) fn turn(&mut self) {
        let now = Instant::now();
        let Some(watchdog) = &mut self.watchdog else {
            return;
        };
        if watchdog.due <= now {
            watchdog.due = now + watchdog.interval;
            self.send("WATCHDOG=1");
        }
    }

    /// When the loop has to turn at the latest.
    pub(super) fn due(&self) -> Option<Instant> {
        self.watchdog.as_ref().map(|watchdog| watchdog.due)
    }

    fn send(&mut self, message: &str) {
        let Some((socket, manager)) = &self.manager else {
            return;
        };
        while let Err(error) = socket.send_to_addr(message.as_bytes(), manager) {
            // With a timeout, it is not resumed after a signal.
            if error.kind() != io::ErrorKind::Interrupted {
                log::warn!("telling the service manager: {error}");
                break;
            }
        }
    }
}

/// A path, or `@` and a name in the abstract namespace.
fn connect(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => return Err(io::Error::other("no address of a Unix socket")),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok((socket, address))
}
