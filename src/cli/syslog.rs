//! Lines for syslog(3)'s daemon, as RFC 3164 has them.

use std::fmt::Write as _;
use std::io;
use std::os::unix::net::UnixDatagram;

use jiff::Timestamp;

use super::local_zone::local_zone;

const SOCKET: &str = "/dev/log";
/// LOG_DAEMON.
const FACILITY: u8 = 3;
/// Of a line, in bytes; the rest is cut off.
const LONGEST: usize = 1024;

/// A connection to the system's log. Where nobody listens there, lines are lost
/// until somebody does.
#[derive(Debug)]
pub(super) struct Syslog {
    name: String,
    socket: Option<UnixDatagram>,
}

impl Syslog {
    pub(super) fn new(name: &str) -> Syslog {
        let socket = connect().ok();
        let name = name.to_owned();
        Syslog { name, socket }
    }

    /// Writes a line of a priority from 0 (emergency) to 7 (debugging).
    pub(super) fn write(&mut self, priority: u8, text: &str) {
        let line = line(priority, &timestamp(), &self.name, text);
        let is_sent = |socket: &UnixDatagram| match socket.send(&line) {
            // It does not keep up: waiting for it is worse than a lost line.
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            Ok(_) => true,
        };
        if !self.socket.as_ref().is_some_and(is_sent) {
            // It may have been started anew.
            self.socket = connect().ok();
            let _ = self.socket.as_ref().is_some_and(is_sent);
        }
    }
}

fn connect() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(SOCKET)?;
    Ok(socket)
}

/// `Nov  2 10:00:00`, local time.
fn timestamp() -> String {
    let now = Timestamp::now().to_zoned(local_zone());
    now.strftime("%b %e %H:%M:%S").to_string()
}

/// Control characters in it could forge lines.
fn line(priority: u8, timestamp: &str, name: &str, text: &str) -> Vec<u8> {
    let number = FACILITY * 8 + priority.min(7);
    let mut line = format!("<{number}>{timestamp} {name}[{}]: ", std::process::id());
    for character in text.chars() {
        if line.len() >= LONGEST {
            break;
        }
        match character {
            '\t' => line.push(' '),
            _ if character.is_control() => {
                let _ = write!(line, "\\x{:02x}", u32::from(character));
            }
            _ => line.push(character),
        }
    }
    line.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        let pid = std::process::id();
        let line =
            |text: &str| String::from_utf8(line(4, "Nov  2 10:00:00", "netplugd", text)).unwrap();
        assert_eq!(
            line("eth0: up\n<8>Nov  2 forged\x1b[2J"),
            format!("<28>Nov  2 10:00:00 netplugd[{pid}]: eth0: up\\x0a<8>Nov  2 forged\\x1b[2J")
        );
        assert!(line(&"ä".repeat(5000)).len() <= LONGEST + 4);
    }

    #[test]
    fn the_time_stamp_has_fifteen_characters() {
        assert_eq!(timestamp().len(), 15, "{}", timestamp());
    }
}
