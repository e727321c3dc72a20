//! The machine that the guest runs on: qemu's own monitor, at a port of the
//! guest.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::run;
use crate::support::{PATIENCE, eventually};

/// The port's name, as it was given to qemu.
const PORT: &str = "monitor";

/// The monitor (QMP), ready for commands.
pub struct Machine {
    port: File,
    received: Vec<u8>,
    asked: u64,
}

impl Machine {
    #[track_caller]
    pub fn connect() -> Machine {
        run("modprobe", &["-a", "virtio_pci", "virtio_console"]);
        let mut port = None;
        eventually("the monitor's port", || {
            port = find_port().and_then(|path| {
                let mut how = OpenOptions::new();
                how.read(true).write(true).custom_flags(libc::O_NONBLOCK);
                how.open(path).ok()
            });
            port.is_some()
        });
        let mut machine = Machine {
            port: port.expect("a port"),
            received: Vec::new(),
            asked: 0,
        };
        // Refused from the second time on, for all of these are one session.
        machine.ask("qmp_capabilities", &json!({}));
        machine
    }

    /// Pulls the cable of a NIC, or plugs it in.
    #[track_caller]
    pub fn set_link(&mut self, nic: &str, up: bool) {
        let answer = self.ask("set_link", &json!({"name": nic, "up": up}));
        assert!(answer.get("return").is_some(), "{answer}");
    }

    /// Has the NICs say where they are, as after the machine was moved to
    /// another host.
    #[track_caller]
    pub fn announce(&mut self) {
        let times = json!({"initial": 50, "max": 50, "rounds": 1, "step": 0});
        let answer = self.ask("announce-self", &times);
        assert!(answer.get("return").is_some(), "{answer}");
    }

    #[track_caller]
    fn ask(&mut self, command: &str, arguments: &Value) -> Value {
        // Unlike any of another connection.
        self.asked += 1;
        let id = format!("{:?} {}", Instant::now(), self.asked);
        let request = json!({"execute": command, "arguments": arguments, "id": id});
        writeln!(self.port, "{request}").expect("writing to the monitor");
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let mut some = [0; 512];
            let count = match self.port.read(&mut some) {
                Ok(count) => count,
                Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
                Err(e) => panic!("reading from the monitor: {e}"),
            };
            if count == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            self.received.extend_from_slice(&some[..count]);
            while let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                match serde_json::from_slice::<Value>(&line) {
                    Ok(answer) if answer["id"] == id.as_str() => return answer,
                    _ => {} // the greeting, an event, or a rest of either
                }
            }
        }
        let received = String::from_utf8_lossy(&self.received);
        panic!("the monitor does not answer to {request}: {received:?}");
    }
}

/// The device of the port.
fn find_port() -> Option<PathBuf> {
    let ports = fs::read_dir("/sys/class/virtio-ports").ok()?;
    let found = ports.flatten().find(|port| {
        let name = fs::read_to_string(port.path().join("name"));
        name.is_ok_and(|name| name.trim() == PORT)
    })?;
    Some(PathBuf::from("/dev").join(found.file_name()))
}
