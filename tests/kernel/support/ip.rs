//! iproute2 and the kernel's counters, the witnesses.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs `ip` and expects it to succeed.
#[track_caller]
pub fn ip(args: &[&str]) {
    let output = Command::new("ip").args(args).output().expect("ip");
    assert!(
        output.status.success(),
        "ip {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Renames an interface that is up. False, told loudly, where the kernel
/// renames only what is down: it does so before Linux 6.2.
#[track_caller]
pub fn rename_up(from: &str, to: &str) -> bool {
    let output = Command::new("ip")
        .args(["link", "set", from, "name", to])
        .output()
        .expect("ip");
    let error = String::from_utf8_lossy(&output.stderr);
    if error.contains("busy") {
        super::skip("this kernel renames no interface that is up");
        return false;
    }
    assert!(output.status.success(), "{error}");
    true
}

/// Runs many commands in one `ip -batch`.
#[track_caller]
pub fn ip_batch(commands: impl IntoIterator<Item = String>) {
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("ip");
    let mut stdin = child.stdin.take().expect("its input");
    for command in commands {
        writeln!(stdin, "{command}").expect("writing to ip");
    }
    drop(stdin);
    assert!(child.wait().expect("ip").success());
}

/// What `ip -j -d link` says of all links.
pub fn links_json() -> Vec<Value> {
    let output = Command::new("ip")
        .args(["-j", "-d", "link"])
        .output()
        .expect("ip");
    serde_json::from_slice(&output.stdout).expect("JSON from ip")
}

/// What `ip -j -d link` says of one link.
#[track_caller]
pub fn link_json(name: &str) -> Value {
    links_json()
        .into_iter()
        .find(|link| link["ifname"] == name)
        .unwrap_or_else(|| panic!("ip knows no {name}"))
}

/// The kernel's own carrier counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    pub up: u64,
    pub down: u64,
}

impl Counters {
    /// Reads them from the sysfs of this namespace.
    #[track_caller]
    pub fn of(name: &str) -> Counters {
        let read = |which: &str| -> u64 {
            let path = format!("/sys/class/net/{name}/carrier_{which}_count");
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
            text.trim().parse().expect("a number")
        };
        Counters {
            up: read("up"),
            down: read("down"),
        }
    }

    pub fn sum(self) -> u64 {
        self.up + self.down
    }
}
