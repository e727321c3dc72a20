//! A running `linkwatch watch`, whose output goes to a file, so that nothing
//! but itself slows it down.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::sandbox::{die_with_parent, is_privileged};
use crate::support::PATIENCE;

/// `nobody`.
const NOBODY: u32 = 65534;
/// What an ordinary user is granted where nothing was tuned:
/// `net.core.rmem_max` up to Linux 6.15.
pub const ORDINARY_BUFFER: &str = "212992";

/// Who watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    Root,
    /// Without any capability, where the sandbox has another user.
    Nobody,
}

/// An event, as far as it is judged.
#[derive(Debug, Clone)]
pub struct Event {
    pub kind: String,
    pub index: u32,
    pub name: String,
    pub connected: bool,
    pub transitions: u64,
    pub unseen: u64,
    pub overruns: u64,
    pub previous_name: Option<String>,
}

impl Event {
    fn parse(line: &[u8]) -> Event {
        let value: Value = serde_json::from_slice(line)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(line)));
        let text = |field: &str| value[field].as_str().map(str::to_owned);
        let number = |field: &str| value[field].as_u64();
        Event {
            kind: text("event").expect("an event"),
            index: number("ifindex").unwrap_or(0) as u32,
            name: text("name").unwrap_or_default(),
            connected: value["connected"].as_bool().unwrap_or(false),
            transitions: number("transitions").expect("transitions"),
            unseen: number("unseen").expect("unseen"),
            overruns: number("overruns").unwrap_or(0),
            previous_name: text("previous_name"),
        }
    }
}

/// What the watch tells at its end (`-v`).
#[derive(Debug, Clone, Copy, Default)]
pub struct Statistics {
    pub messages: u64,
    pub overruns: u64,
    pub resyncs: u64,
}

impl Statistics {
    fn parse(told: &str) -> Option<Statistics> {
        // `messages 120, stale 0, …`
        let line = told.lines().rfind(|line| line.contains("resyncs "))?;
        let number = |field: &str| -> Option<u64> {
            let (_, rest) = line.split_once(&format!("{field} "))?;
            rest.split(',').next()?.parse().ok()
        };
        Some(Statistics {
            messages: number("messages")?,
            overruns: number("overruns")?,
            resyncs: number("resyncs")?,
        })
    }
}

/// What a watch has come to.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    pub events: Vec<Event>,
    pub statistics: Statistics,
    /// The most memory that it ever had resident, in KiB (VmHWM).
    pub peak: u64,
}

/// A running watch.
pub struct Watcher {
    child: Child,
    output: File,
    errors: PathBuf,
    /// What was read of the output's last line.
    rest: Vec<u8>,
    pub events: Vec<Event>,
}

impl Watcher {
    /// Starts it and waits until it has told the initial states.
    pub fn start(user: User, args: &[&str]) -> Watcher {
        let mut watcher = Watcher::spawn(user, args);
        // Loopback has the first index; the others follow at once.
        watcher.until("its start", |events| !events.is_empty());
        watcher
    }

    /// Starts it. It also watches `lo`, whose `initial` event is its first.
    pub fn spawn(user: User, args: &[&str]) -> Watcher {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = PathBuf::from(format!("/run/watch.{number}"));
        let errors = path.with_extension(format!("{number}.errors"));
        let mut command = Command::new(program());
        command.args(["-v", "watch", "--json"]).args(args);
        as_user(&mut command, user);
        let child = die_with_parent(&mut command)
            .stdin(Stdio::null())
            .stdout(File::create(&path).expect("a file"))
            .stderr(File::create(&errors).expect("a file"))
            .spawn()
            .expect("linkwatch");
        Watcher {
            child,
            output: File::open(&path).expect("its output"),
            errors,
            rest: Vec::new(),
            events: Vec::new(),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: libc::c_int) {
        send(self.id(), signal);
    }

    /// Takes the events that it has written since.
    pub fn read(&mut self) {
        self.output.read_to_end(&mut self.rest).expect("its output");
        let end = self
            .rest
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let lines = self.rest[..end].split(|&byte| byte == b'\n');
        self.events
            .extend(lines.filter(|line| !line.is_empty()).map(Event::parse));
        self.rest.drain(..end);
    }

    /// How much it has written.
    pub fn written(&mut self) -> u64 {
        let here = self.output.stream_position().expect("a position");
        let end = self.output.seek(SeekFrom::End(0)).expect("its end");
        self.output.seek(SeekFrom::Start(here)).expect("its place");
        end
    }

    /// Takes events until `done` holds of them. False if it never did.
    pub fn wait(&mut self, patience: Duration, mut done: impl FnMut(&[Event]) -> bool) -> bool {
        let start = Instant::now();
        loop {
            self.read();
            if done(&self.events) {
                return true;
            }
            if start.elapsed() > patience || self.has_ended() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn until(&mut self, what: &str, done: impl FnMut(&[Event]) -> bool) {
        assert!(self.wait(PATIENCE, done), "{what}: {}", self.errors());
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_some()
    }

    fn errors(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }

    /// A figure of `/proc/PID/status`, in KiB.
    pub fn memory(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.id());
        let status = fs::read_to_string(path).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let number =
            line.and_then(|line| line.trim_matches([':', '\t', ' ', 'k', 'B']).parse().ok());
        number.unwrap_or_else(|| panic!("no {field}: {status}"))
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        let folder = fs::read_dir(format!("/proc/{}/fd", self.id())).expect("its descriptors");
        folder.count()
    }

    /// Ends it with SIGTERM.
    pub fn stop(mut self) -> Ended {
        let peak = self.memory("VmHWM");
        self.signal(libc::SIGTERM);
        let start = Instant::now();
        while !self.has_ended() {
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.read();
        let errors = self.errors();
        let status = self.child.try_wait().expect("its state");
        assert!(
            status.is_some_and(|status| status.success()),
            "{status:?}: {errors}"
        );
        Ended {
            events: std::mem::take(&mut self.events),
            statistics: Statistics::parse(&errors)
                .unwrap_or_else(|| panic!("no statistics: {errors}")),
            peak,
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a program that this one has started.
pub fn send(process: u32, signal: libc::c_int) {
    // SAFETY: kill(2) takes two numbers.
    unsafe { libc::kill(process as libc::pid_t, signal) };
}

pub fn as_user(command: &mut Command, user: User) {
    if user == User::Nobody && is_privileged() {
        command.uid(NOBODY).gid(NOBODY);
    }
}

/// The program under test, where any user may run it.
pub fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let copy = PathBuf::from("/run/linkwatch");
        fs::copy(env!("CARGO_BIN_EXE_linkwatch"), &copy).expect("a copy of linkwatch");
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("its mode");
        copy
    })
}
