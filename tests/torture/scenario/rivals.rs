//! Others in the same storm: `ip monitor link`, and the netlink loop that
//! programs come with.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::sandbox::die_with_parent;
use crate::support::{PATIENCE, eventually, skip};
use crate::watcher::{User, as_user};
use crate::witness::{self, Links};

pub struct Rival {
    name: &'static str,
    child: Child,
    read: fn(&str) -> Option<(u32, bool)>,
}

impl Rival {
    pub fn ip_monitor() -> Option<Rival> {
        let mut command = Command::new("ip");
        command.args(["monitor", "link"]);
        Rival::start("ip monitor link", command, read_ip)
    }

    pub fn libnl_loop() -> Option<Rival> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture/plain.c");
        let flags = Command::new("pkg-config")
            .args(["--cflags", "--libs", "libnl-route-3.0"])
            .output();
        let flags = flags.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let compiled = Command::new("cc")
            .args(["-Wall", "-Wextra", "-Werror", "-O2", "-o", "/run/plain"])
            .arg(source)
            .args(flags.unwrap_or_default().split_whitespace())
            .status();
        if !compiled.is_ok_and(|status| status.success()) {
            skip("a C compiler is missing, for a plain libnl loop to compare with");
            return None;
        }
        Rival::start("plain libnl loop", Command::new("/run/plain"), read_plain)
    }

    fn start(
        name: &'static str,
        mut command: Command,
        read: fn(&str) -> Option<(u32, bool)>,
    ) -> Option<Rival> {
        let file = |what| File::create(path(name, what)).expect("a file");
        as_user(&mut command, User::Nobody);
        let child = die_with_parent(&mut command)
            .stdin(Stdio::null())
            .stdout(file("output"))
            .stderr(file("errors"))
            .spawn();
        match child {
            Ok(child) => {
                // The kernel's and libnl's choice of a port: the process's
                // number, and in the bits above whatever libnl likes.
                let mask = (1 << 22) - 1;
                let number = child.id() & mask;
                eventually("it listens", || {
                    let sockets = fs::read_to_string("/proc/net/netlink").unwrap_or_default();
                    let ports = sockets.lines().filter_map(|line| {
                        let port: u32 = line.split_whitespace().nth(2)?.parse().ok()?;
                        let groups = line.split_whitespace().nth(3)?;
                        (groups != "00000000").then_some(port)
                    });
                    ports.into_iter().any(|port| port & mask == number)
                });
                Some(Rival { name, child, read })
            }
            Err(error) => {
                skip(&format!("{name}: {error}"));
                None
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn output(&self) -> String {
        fs::read_to_string(path(self.name, "output")).unwrap_or_default()
    }

    /// Ends it when it has nothing more to say; tells how it fared.
    pub fn end(mut self, before: &Links, now: &Links) -> String {
        let mut length = usize::MAX;
        let start = std::time::Instant::now();
        loop {
            let more = self.output().len();
            if std::mem::replace(&mut length, more) == more || start.elapsed() > PATIENCE {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        let ended = self.child.try_wait().ok().flatten().is_some();
        let _ = self.child.kill();
        let _ = self.child.wait();
        let output = self.output();
        let errors = fs::read_to_string(path(self.name, "errors")).unwrap_or_default();

        let mut states: BTreeMap<u32, bool> = before
            .iter()
            .map(|(&index, link)| (index, link.connected))
            .collect();
        let (mut messages, mut changes) = (0_u64, 0_u64);
        for (index, connected) in output.lines().filter_map(self.read) {
            messages += 1;
            if states
                .insert(index, connected)
                .is_some_and(|was| was != connected)
            {
                changes += 1;
            }
        }
        let wrong = now
            .iter()
            .filter(|(index, link)| states.get(index) != Some(&link.connected))
            .count();
        let losses = errors
            .lines()
            .filter(|line| line.contains("No buffer space"))
            .count();
        let how = match (
            ended,
            output
                .lines()
                .last()
                .and_then(|line| line.strip_prefix("ended: ")),
        ) {
            (true, Some(why)) => format!("ended by itself: {why}"),
            (true, None) => "ended by itself".to_owned(),
            (false, _) => format!("told of {losses} losses and went on without making up for them"),
        };
        format!(
            "{}: saw {messages} messages, which show {changes} of {} transitions; {wrong} final \
             states wrong of {}; {how}",
            self.name,
            witness::since(before, now),
            now.len(),
        )
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn path(name: &str, what: &str) -> String {
    format!("/run/{}.{what}", name.replace(' ', "-"))
}

/// `7: a3@b3: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500 …`
fn read_ip(line: &str) -> Option<(u32, bool)> {
    let (index, rest) = line.split_once(": ")?;
    let (_, flags) = rest.split_once(": <")?;
    let (flags, _) = flags.split_once('>')?;
    let has = |flag| flags.split(',').any(|is| is == flag);
    Some((index.parse().ok()?, has("UP") && has("LOWER_UP")))
}

/// `new 7 a3 1`
fn read_plain(line: &str) -> Option<(u32, bool)> {
    let mut words = line.split(' ');
    let index = words.nth(1)?.parse().ok()?;
    Some((index, words.nth(1)? == "1"))
}
