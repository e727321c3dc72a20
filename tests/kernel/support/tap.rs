//! A TAP device: a cable that a test, or the demonstration, can pull.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::process::Command;

/// `_IOW('T', 202, int)` and `_IOW('T', 226, int)`, `linux/if_tun.h`.
const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
const TUNSETCARRIER: libc::c_ulong = 0x4004_54e2;

/// A virtual cable. The interface goes when it is dropped.
pub struct Tap {
    file: File,
}

impl Tap {
    /// Makes the interface `name` and takes it up.
    pub fn up(name: &str) -> Tap {
        let tap = Tap::new(name);
        let status = Command::new("ip")
            .args(["link", "set", name, "up"])
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "ip link set {name} up"
        );
        tap
    }

    /// Makes the interface `name`.
    pub fn new(name: &str) -> Tap {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/net/tun")
            .expect("/dev/net/tun");
        // struct ifreq: the name, then the flags.
        let mut request = [0u8; 40];
        request[..name.len()].copy_from_slice(name.as_bytes());
        let flags = (libc::IFF_TAP | libc::IFF_NO_PI) as i16;
        request[16..18].copy_from_slice(&flags.to_ne_bytes());
        // SAFETY: TUNSETIFF reads and writes a struct ifreq, which this is.
        let result = unsafe { libc::ioctl(file.as_raw_fd(), TUNSETIFF, request.as_mut_ptr()) };
        assert_eq!(result, 0, "TUNSETIFF: {}", io::Error::last_os_error());
        Tap { file }
    }

    /// Pulls the cable.
    pub fn pull(&self) {
        self.set_carrier(false);
    }

    /// Plugs the cable in.
    pub fn plug(&self) {
        self.set_carrier(true);
    }

    /// Pulls and plugs as fast as it goes.
    pub fn flap(&self, times: u32) {
        for _ in 0..times {
            self.pull();
            self.plug();
        }
    }

    fn set_carrier(&self, carrier: bool) {
        let carrier = libc::c_int::from(carrier);
        // SAFETY: TUNSETCARRIER reads an int.
        let result =
            unsafe { libc::ioctl(self.file.as_raw_fd(), TUNSETCARRIER, &raw const carrier) };
        assert_eq!(result, 0, "TUNSETCARRIER: {}", io::Error::last_os_error());
    }
}
