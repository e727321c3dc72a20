//! A /dev/log that keeps what is sent to it.

use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};

/// What was sent so far: `<30>Nov 22 10:00:00 ifplugd(lw0)[7]: text`.
#[derive(Clone)]
pub struct Syslog {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Syslog {
    /// Begins to listen.
    pub fn start() -> Syslog {
        let socket = UnixDatagram::bind("/dev/log").expect("/dev/log");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let syslog = Syslog {
            lines: Arc::clone(&lines),
        };
        std::thread::spawn(move || {
            let mut bytes = [0; 8192];
            while let Ok(length) = socket.recv(&mut bytes) {
                let line = String::from_utf8_lossy(&bytes[..length]);
                let line = line.trim_end_matches(['\0', '\n']).to_owned();
                lines.lock().expect("the lines").push(line);
            }
        });
        syslog
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("the lines").clone()
    }
}
