//! The watchers, each a process of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::kernel;
use crate::process::{self, LinkSocket};

const PATIENCE: Duration = Duration::from_secs(60);
const NOBODY: u32 = 65534;

/// What a watcher writes to standard output, which is a file in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// `ready`, and at SIGTERM a report (`c/watcher.h`).
    Report,
    /// Events of `linkwatch watch --json`.
    Json,
    /// Lines of `ip monitor link`.
    Ip,
}

/// A kind of watcher.
pub struct Contender {
    pub id: &'static str,
    pub label: &'static str,
    /// A program in the folder of programs, or in PATH.
    program: &'static str,
    arguments: &'static [&'static str],
    pub output: Output,
}

const fn contender(
    id: &'static str,
    label: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    output: Output,
) -> Contender {
    Contender {
        id,
        label,
        program,
        arguments,
        output,
    }
}

pub const FLOOR: &str = "recv";
pub const LIBRARY: &str = "linkwatch";
pub const C_LIBRARY: &str = "liblinkwatch";
pub const CLI: &str = "cli";
pub const IP: &str = "ip";
pub const PARSE: &str = "nl_msg_parse";
pub const RTNETLINK: &str = "rtnetlink";

pub const CONTENDERS: [Contender; 12] = {
    use Output::{Ip, Json, Report};
    [
        contender(FLOOR, "C recv + scan (the floor)", "c-recv", &[], Report),
        contender(
            "recvmmsg",
            "C recvmmsg + scan (the limit)",
            "c-recvmmsg",
            &[],
            Report,
        ),
        contender(
            LIBRARY,
            "linkwatch, Rust library",
            "watch-linkwatch",
            &[],
            Report,
        ),
        contender(
            C_LIBRARY,
            "linkwatch, C library",
            "c-liblinkwatch",
            &[],
            Report,
        ),
        contender(
            CLI,
            "linkwatch watch --json",
            "linkwatch",
            &["watch", "--json"],
            Json,
        ),
        contender(IP, "ip monitor link", "ip", &["monitor", "link"], Ip),
        contender(
            "nlmsg_find_attr",
            "C libnl, nlmsg_find_attr",
            "c-nlmsg_find_attr",
            &[],
            Report,
        ),
        contender(
            PARSE,
            "C libnl, nl_msg_parse",
            "c-nl_msg_parse",
            &[],
            Report,
        ),
        contender(
            "nl_cache_mngr",
            "C libnl, nl_cache_mngr",
            "c-nl_cache_mngr",
            &[],
            Report,
        ),
        contender("neli", "neli", "watch-neli", &[], Report),
        contender(RTNETLINK, "rtnetlink", "watch-rtnetlink", &[], Report),
        contender("pyroute2", "pyroute2", "pyroute2", &[], Report),
    ]
};

/// The contender of this name.
pub fn by_id(id: &str) -> &'static Contender {
    let found = CONTENDERS.iter().find(|contender| contender.id == id);
    found.unwrap_or_else(|| panic!("no watcher {id}"))
}

/// Where the programs are.
pub struct Programs {
    pub folder: PathBuf,
    /// The Python that has pyroute2, if there is one.
    pub python: Option<PathBuf>,
}

impl Programs {
    pub fn has(&self, contender: &Contender) -> bool {
        contender.program != "pyroute2" || self.python.is_some()
    }

    fn command(&self, contender: &Contender) -> Command {
        let inside = self.folder.join(contender.program);
        let mut command = match &self.python {
            Some(python) if contender.program == "pyroute2" => {
                let mut command = Command::new(python);
                let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
                command.arg(folder.join("watchers/watch_pyroute2.py"));
                command
            }
            _ if inside.exists() => Command::new(inside),
            _ => Command::new(contender.program),
        };
        command.args(contender.arguments);
        command
    }
}

/// How a watcher is started.
#[derive(Default, Clone)]
pub struct Options {
    pub arguments: Vec<String>,
    /// Without privilege.
    pub nobody: bool,
    /// Its receive buffer stays as it makes it.
    pub own_buffer: bool,
}

/// What a watcher tells at its end.
#[derive(Default)]
pub struct Report {
    /// `None`: it does not count them.
    pub messages: Option<u64>,
    pub overruns: Option<u64>,
    /// Index → connected.
    pub links: BTreeMap<u32, bool>,
    /// When, which link, connected.
    pub times: Vec<(u64, u32, bool)>,
}

/// A running watcher.
pub struct Watcher {
    pub contender: &'static Contender,
    child: Child,
    output: File,
    errors: File,
    /// The kernel's measure of its receive buffer.
    pub buffer: usize,
}

fn memory_file() -> io::Result<File> {
    // SAFETY: the name ends with NUL; the descriptor is new and ours.
    unsafe {
        match libc::memfd_create(c"output".as_ptr(), libc::MFD_CLOEXEC) {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(File::from_raw_fd(fd)),
        }
    }
}

/// All of it, whatever the position is: that is the writer's too.
fn contents(file: &File) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Watcher {
    /// Starts it and waits until it follows the links.
    pub fn start(
        programs: &Programs,
        contender: &'static Contender,
        options: &Options,
    ) -> Result<Watcher, String> {
        let mut command = programs.command(contender);
        command.args(&options.arguments);
        // A program that is opened here can be run where its folder is closed
        // to the user.
        let program = File::open(command.get_program());
        if options.nobody
            && crate::sandbox::is_privileged()
            && let Ok(program) = &program
        {
            let fd = program.as_raw_fd();
            let mut other = Command::new(format!("/proc/self/fd/{fd}"));
            other.args(command.get_args()).uid(NOBODY).gid(NOBODY);
            // SAFETY: fcntl(2) may be called between fork and exec.
            unsafe {
                other.pre_exec(move || {
                    libc::fcntl(fd, libc::F_SETFD, 0);
                    Ok(())
                });
            }
            command = other;
        }
        // SAFETY: prctl(2) may be called between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let failed = |e: io::Error| format!("{}: {e}", contender.label);
        let (output, errors) = (
            memory_file().map_err(failed)?,
            memory_file().map_err(failed)?,
        );
        let child = command
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(errors.try_clone().map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        let mut watcher = Watcher {
            contender,
            child,
            output,
            errors,
            buffer: 0,
        };
        watcher.await_start()?;
        if !options.own_buffer
            && let Some((fd, _)) = process::link_socket_of(watcher.id())
            && let Ok(socket) = process::borrow_descriptor(watcher.id(), fd)
        {
            watcher.buffer = kernel::enlarge(&socket);
        }
        Ok(watcher)
    }

    fn await_start(&mut self) -> Result<(), String> {
        let begin = Instant::now();
        let mut idle = (0, Instant::now());
        while begin.elapsed() < PATIENCE {
            if self.has_ended() {
                return Err(format!(
                    "{} ended: {}",
                    self.contender.label,
                    self.complaint()
                ));
            }
            let is_ready = match self.contender.output {
                Output::Report => self.output.metadata().is_ok_and(|file| file.len() > 0),
                // It follows, and has nothing more to do.
                _ => {
                    let cpu = process::cpu_time(self.id());
                    if cpu != idle.0 {
                        idle = (cpu, Instant::now());
                    }
                    idle.1.elapsed() > Duration::from_millis(100)
                        && process::link_socket_of(self.id()).is_some()
                }
            };
            if is_ready {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(format!("{} does not start", self.contender.label))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn cpu_time(&self) -> u64 {
        process::cpu_time(self.id())
    }

    pub fn socket(&self) -> Option<LinkSocket> {
        process::link_socket_of(self.id()).map(|(_, socket)| socket)
    }

    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: kill(2) takes two numbers; the child is not reaped yet.
        unsafe { libc::kill(self.id() as libc::pid_t, signal) };
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The last line that it wrote to standard error.
    pub fn complaint(&self) -> String {
        let text = contents(&self.errors);
        let line = text.lines().rfind(|line| !line.trim().is_empty());
        line.unwrap_or("(it says nothing)").to_owned()
    }

    /// Waits until it has read all that is queued for it. False if it ends.
    pub fn await_idle(&mut self) -> bool {
        let begin = Instant::now();
        let mut cpu = self.cpu_time();
        let mut quiet = 0;
        while quiet < 3 && begin.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
            if self.has_ended() {
                return false;
            }
            let now = self.cpu_time();
            let queued = self.socket().map_or(0, |socket| socket.queued);
            quiet = if now == cpu && queued == 0 {
                quiet + 1
            } else {
                0
            };
            cpu = now;
        }
        true
    }

    /// Ends it and takes its report.
    pub fn finish(mut self) -> Report {
        let begin = Instant::now();
        while !self.has_ended() {
            self.signal(libc::SIGTERM);
            if begin.elapsed() > Duration::from_secs(5) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let text = contents(&self.output);
        match self.contender.output {
            Output::Report => parse_report(&text),
            Output::Json => parse_json(&text),
            Output::Ip => parse_ip(&text),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse_report(text: &str) -> Report {
    let mut report = Report::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |i: usize| words.get(i).and_then(|word| word.parse::<u64>().ok());
        match words[0] {
            "messages" => report.messages = number(1),
            "overruns" => report.overruns = number(1),
            "link" => {
                if let (Some(index), Some(connected)) = (number(1), number(2)) {
                    report.links.insert(index as u32, connected != 0);
                }
            }
            "time" => {
                if let (Some(when), Some(index), Some(connected)) =
                    (number(1), number(2), number(3))
                {
                    report.times.push((when, index as u32, connected != 0));
                }
            }
            _ => {}
        }
    }
    report
}

fn parse_json(text: &str) -> Report {
    let mut report = Report {
        overruns: Some(0),
        ..Report::default()
    };
    for line in text.lines() {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        if let Some(overruns) = event["overruns"].as_u64() {
            *report.overruns.get_or_insert(0) += overruns;
        }
        if let (Some(index), Some(connected)) =
            (event["ifindex"].as_u64(), event["connected"].as_bool())
        {
            if event["event"] == "removed" {
                report.links.remove(&(index as u32));
            } else {
                report.links.insert(index as u32, connected);
            }
        }
    }
    report
}

/// `7: v3@p3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 …`
fn parse_ip(text: &str) -> Report {
    let mut report = Report::default();
    let mut messages = 0;
    for line in text.lines() {
        let deleted = line.starts_with("Deleted ");
        let line = line.trim_start_matches("Deleted ");
        let index = line
            .split_once(": ")
            .and_then(|(index, _)| index.parse().ok());
        let flags = line
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'));
        let (Some(index), Some((flags, _))) = (index, flags) else {
            continue;
        };
        messages += 1;
        let flag = |name| flags.split(',').any(|flag| flag == name);
        if deleted {
            report.links.remove(&index);
        } else {
            report.links.insert(index, flag("UP") && flag("LOWER_UP"));
        }
    }
    report.messages = Some(messages);
    report
}

/// The kernel's own word for all links, by `ip -j link`: index → connected.
pub fn truth() -> BTreeMap<u32, bool> {
    let output = Command::new("ip")
        .args(["-j", "link"])
        .output()
        .expect("ip -j link");
    let links: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let state = |link: &serde_json::Value| {
        let flags = link["flags"].as_array()?;
        let flag = |name: &str| flags.iter().any(|flag| flag == name);
        Some((
            link["ifindex"].as_u64()? as u32,
            flag("UP") && flag("LOWER_UP"),
        ))
    };
    links.iter().filter_map(state).collect()
}
