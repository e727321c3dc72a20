//! One child process under supervision: nothing about it blocks, and all that
//! it may do next is a descriptor to poll or an instant to wake up at.
//!
//! Whoever runs one polls [`Process::sources`] until [`Process::due`], and calls
//! [`Process::advance`] whenever either has come, or just more often.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use linkwatch::nl::escape;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::PollFlags;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};

/// What every child has in its environment, beside what it is given.
pub(super) const ENVIRONMENT: [(&str, &str); 2] = [
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("LANG", "C.UTF-8"),
];
/// By this, linkwatch knows itself when it has started itself anew, in the
/// background. No child is to take it for its own.
pub(super) const IN_BACKGROUND: &str = "LINKWATCH_IN_BACKGROUND";
/// Between SIGTERM and SIGKILL.
pub(super) const GRACE: Duration = Duration::from_secs(1);
/// What is longer is cut.
const LONGEST_LINE: usize = 1024;
/// Of one child; what it writes beyond is read and dropped.
const MOST_LINES: u32 = 1000;
/// Read from a pipe before others have their turn: what a pipe holds.
const MOST_BYTES: usize = 64 << 10;
/// How often a child is looked at where the kernel has no pidfd (before Linux
/// 5.3, or behind a filter of system calls).
const LOOK: Duration = Duration::from_millis(50);

/// Whether a start has failed for want of something that the system may have
/// soon: descriptors, processes, memory; or because the program is just being
/// written. The program itself may well be sound.
pub(super) fn is_passing(error: &io::Error) -> bool {
    let errors = [
        libc::EMFILE,
        libc::ENFILE,
        libc::EAGAIN,
        libc::ENOMEM,
        libc::ETXTBSY,
    ];
    error
        .raw_os_error()
        .is_some_and(|errno| errors.contains(&errno))
}

/// What is to be run. There is no shell in between.
#[derive(Debug, Default)]
pub(super) struct Launch {
    /// A path; it is not searched for.
    pub(super) program: PathBuf,
    /// What it is told that it is called; by default `program`.
    pub(super) name: Option<OsString>,
    pub(super) arguments: Vec<OsString>,
    /// Whether it has this program's own environment, as the children of most
    /// daemons do, instead of [`ENVIRONMENT`].
    pub(super) inherits_environment: bool,
    /// Beside that.
    pub(super) environment: Vec<(OsString, OsString)>,
    /// For its standard input, which ends after it.
    pub(super) input: Vec<u8>,
    pub(super) output: Output,
    /// How long it may run before it is terminated.
    pub(super) timeout: Option<Duration>,
}

impl Launch {
    /// Adds a variable. What cannot be in an environment (NUL) is dropped.
    pub(super) fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        let entry = (name.as_ref().to_owned(), value.as_ref().to_owned());
        if !entry.0.as_encoded_bytes().contains(&0) && !entry.1.as_encoded_bytes().contains(&0) {
            self.environment.push(entry);
        }
    }
}

/// Where what it writes goes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Output {
    /// To whoever runs it, by lines. What it leaves running cannot write any
    /// more once it has ended.
    #[default]
    Told,
    /// To where this program's goes.
    Inherited,
}

impl Output {
    fn stdio(self) -> Stdio {
        match self {
            Output::Told => Stdio::piped(),
            Output::Inherited => Stdio::inherit(),
        }
    }
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Output,
    Error,
}

/// How a child has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// `None` where the system did not tell, because this program was started
    /// with SIGCHLD ignored.
    pub(super) status: Option<ExitStatus>,
    /// It had to be terminated, because its time was over.
    pub(super) timed_out: bool,
    /// From its start.
    pub(super) duration: Duration,
    /// Lines that it wrote beyond those that were told.
    pub(super) dropped_lines: u32,
}

impl End {
    /// It has done what it was called for, as far as is known: where the system
    /// did not tell, it counts as a success, unless its time was over.
    pub(super) fn is_success(&self) -> bool {
        !self.timed_out && self.status.is_none_or(|status| status.success())
    }
}

/// `exit status 3`, `killed by signal 9`, `timed out after 2.0 s`.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.timed_out {
            return write!(f, "timed out after {:.1} s", self.duration.as_secs_f64());
        }
        match self.status {
            None => f.write_str("ended in an unknown way"),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "exit status {code}"),
                (None, Some(signal)) => write!(f, "killed by signal {signal}"),
                (None, None) => write!(f, "{status}"),
            },
        }
    }
}

/// A running child, in a process group of its own.
///
/// Dropped, it is killed, and the rest of its group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pid: Pid,
    /// Readable once it has ended.
    pidfd: Option<OwnedFd>,
    input: Option<Input>,
    output: [Lines; 2],
    /// Its output is, by which the end of its group is known.
    is_told: bool,
    begin: Instant,
    timeout: Option<Instant>,
    timed_out: bool,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// SIGTERM was sent; SIGKILL follows at this instant.
    Terminating(Instant),
    Killed,
    /// There is no process any more.
    Ended,
}

impl Process {
    /// Starts it, in the root directory, with no signal blocked and SIGPIPE not
    /// ignored. Returns once the program has been loaded.
    pub(super) fn start(launch: Launch) -> io::Result<Process> {
        let begin = Instant::now();
        let mut command = Command::new(&launch.program);
        if let Some(name) = &launch.name {
            command.arg0(name);
        }
        command.args(&launch.arguments);
        if launch.inherits_environment {
            command.env_remove(IN_BACKGROUND);
        } else {
            command.env_clear().envs(ENVIRONMENT);
        }
        command
            .envs(launch.environment)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(launch.output.stdio())
            .stderr(launch.output.stdio());
        let is_told = launch.output == Output::Told;
        let mut child = command.spawn()?;
        match Process::supervise(&mut child, launch.input) {
            Ok((pid, input, output)) => Ok(Process {
                pid,
                pidfd: pidfd_open(pid, PidfdFlags::empty()).ok(),
                child,
                input,
                output,
                is_told,
                begin,
                // A time beyond the clock's range never comes.
                timeout: launch
                    .timeout
                    .and_then(|timeout| begin.checked_add(timeout)),
                timed_out: false,
                phase: Phase::Running,
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    fn supervise(
        child: &mut Child,
        input: Vec<u8>,
    ) -> io::Result<(Pid, Option<Input>, [Lines; 2])> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(pid), (Some(stdin), stdout, stderr)) = (pid, streams) else {
            return Err(io::Error::other("a child without streams"));
        };
        let input = Input::new(stdin.into(), input)?;
        let output = [
            Lines::new(stdout.map(OwnedFd::from))?,
            Lines::new(stderr.map(OwnedFd::from))?,
        ];
        Ok((pid, input, output))
    }

    /// Its process id, which is that of its group too.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What to poll for.
    pub(super) fn sources(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let input = self.input.as_ref().map(|input| {
            let pipe = input.pipe.as_fd();
            (pipe, PollFlags::POLLOUT)
        });
        let output = self.output.iter().filter_map(|lines| lines.pipe.as_ref());
        let readable = output.map(AsFd::as_fd).chain(self.watched_pidfd());
        input
            .into_iter()
            .chain(readable.map(|descriptor| (descriptor, PollFlags::POLLIN)))
    }

    /// The pidfd, unless it would only tell what is known: that the child is
    /// gone, while the rest of its group has a moment to end.
    fn watched_pidfd(&self) -> Option<BorrowedFd<'_>> {
        let pidfd = self.pidfd.as_ref()?;
        let is_lingering = matches!(self.phase, Phase::Terminating(_)) && self.has_exited();
        (!is_lingering).then(|| pidfd.as_fd())
    }

    /// When to wake up at the latest.
    pub(super) fn due(&self) -> Option<Instant> {
        let due = match self.phase {
            Phase::Running => self.timeout,
            Phase::Terminating(until) => Some(until),
            Phase::Killed => None,
            Phase::Ended => return Some(Instant::now()),
        };
        let look = self
            .pidfd
            .is_none()
            .then(|| Instant::now().checked_add(LOOK))
            .flatten();
        [due, look].into_iter().flatten().min()
    }

    /// Does what can be done without waiting: feeds it, calls `line` with each
    /// line that it has written (safe to print, without its line feed), sees
    /// that it keeps its time. Tells once how it has ended; then it has to be
    /// dropped.
    ///
    /// A child that has ended is not waited for by what it left running: what is
    /// in the pipes is read, and then they are closed.
    pub(super) fn advance(&mut self, mut line: impl FnMut(Stream, &str)) -> Option<End> {
        let now = Instant::now();
        if let Some(input) = &mut self.input
            && input.feed().is_break()
        {
            self.input = None;
        }
        // Looked at before its last words are read.
        let has_exited = self.has_exited();
        for (lines, stream) in self.output.iter_mut().zip([Stream::Output, Stream::Error]) {
            lines.read(|text| line(stream, text));
        }
        match self.phase {
            Phase::Running if has_exited => return Some(self.end(line)),
            Phase::Running if self.timeout.is_some_and(|timeout| timeout <= now) => {
                self.timed_out = true;
                self.terminate();
            }
            // Others of its group may be about to end in order: they have the
            // grace too, or until they have closed its streams.
            Phase::Terminating(until) => {
                let is_silent =
                    self.is_told && self.output.iter().all(|lines| lines.pipe.is_none());
                if until <= now || (has_exited && is_silent) {
                    self.signal(Signal::KILL);
                    self.phase = Phase::Killed;
                    if has_exited {
                        return Some(self.end(line));
                    }
                }
            }
            Phase::Killed if has_exited => return Some(self.end(line)),
            Phase::Running | Phase::Killed | Phase::Ended => {}
        }
        None
    }

    /// Sends SIGTERM to its group, and SIGKILL after [`GRACE`].
    pub(super) fn terminate(&mut self) {
        if self.phase == Phase::Running {
            self.signal(Signal::TERM);
            self.phase = Phase::Terminating(Instant::now() + GRACE);
        }
    }

    /// Lets it run on by itself. Where its output was [told](Output::Told), nobody
    /// reads it from now on.
    pub(super) fn leave(mut self) {
        self.phase = Phase::Ended;
    }

    fn signal(&self, signal: Signal) {
        // It has not been waited for, so the number is still its own.
        if self.phase != Phase::Ended
            && let Err(error) = kill_process_group(self.pid, signal)
        {
            log::debug!("sending {signal:?} to process group {}: {error}", self.id());
        }
    }

    /// True if it has ended, waited for or not.
    fn has_exited(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.pid), look) {
            Ok(status) => status.is_some(),
            // ECHILD: SIGCHLD is ignored, and the kernel has waited for it.
            Err(error) => error == rustix::io::Errno::CHILD,
        }
    }

    fn end(&mut self, mut line: impl FnMut(Stream, &str)) -> End {
        self.phase = Phase::Ended;
        let status = self.child.wait().ok();
        let duration = self.begin.elapsed();
        for (lines, stream) in self.output.iter_mut().zip([Stream::Output, Stream::Error]) {
            lines.close(|text| line(stream, text));
        }
        End {
            status,
            timed_out: self.timed_out,
            duration,
            dropped_lines: self.output.iter().map(|lines| lines.dropped).sum(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.phase != Phase::Ended {
            self.signal(Signal::KILL);
            // SIGKILL is not put off, except by a driver in trouble.
            let _ = self.child.wait();
        }
    }
}

/// What a child still has to be fed.
#[derive(Debug)]
struct Input {
    pipe: File,
    rest: Vec<u8>,
}

impl Input {
    /// `None` if there is nothing: its input is at its end.
    fn new(pipe: OwnedFd, rest: Vec<u8>) -> io::Result<Option<Input>> {
        if rest.is_empty() {
            return Ok(None);
        }
        Ok(Some(Input {
            pipe: nonblocking(pipe)?,
            rest,
        }))
    }

    /// Breaks when it is done, or the child does not want it.
    fn feed(&mut self) -> std::ops::ControlFlow<()> {
        use std::ops::ControlFlow::{Break, Continue};
        loop {
            match self.pipe.write(&self.rest) {
                Ok(written) => {
                    self.rest.drain(..written);
                    if self.rest.is_empty() {
                        return Break(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Continue(()),
                // It has closed it: many read no input.
                Err(_) => return Break(()),
            }
        }
    }
}

/// Lines from a pipe.
#[derive(Debug)]
struct Lines {
    /// Until its end.
    pipe: Option<File>,
    /// The line so far.
    line: Vec<u8>,
    /// It was longer than a line may be.
    is_cut: bool,
    told: u32,
    dropped: u32,
}

impl Lines {
    fn new(pipe: Option<OwnedFd>) -> io::Result<Lines> {
        Ok(Lines {
            pipe: pipe.map(nonblocking).transpose()?,
            line: Vec::new(),
            is_cut: false,
            told: 0,
            dropped: 0,
        })
    }

    /// Reads what is there, within bounds.
    fn read(&mut self, mut line: impl FnMut(&str)) {
        let mut bytes = [0; 4096];
        let mut left = MOST_BYTES;
        while let Some(pipe) = &mut self.pipe
            && left > 0
        {
            match pipe.read(&mut bytes) {
                Ok(0) => self.pipe = None,
                Ok(length) => {
                    left = left.saturating_sub(length);
                    self.take(&bytes[..length], &mut line);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.pipe = None,
            }
        }
        if self.pipe.is_none() {
            self.finish_line(&mut line);
        }
    }

    /// Reads what is still there, and waits for no more.
    fn close(&mut self, mut line: impl FnMut(&str)) {
        self.read(&mut line);
        self.pipe = None;
        self.finish_line(&mut line);
    }

    fn take(&mut self, bytes: &[u8], line: &mut impl FnMut(&str)) {
        let mut pieces = bytes.split(|&byte| byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let room = LONGEST_LINE.saturating_sub(self.line.len());
            self.is_cut |= piece.len() > room;
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            if pieces.peek().is_some() {
                self.finish_line(line);
            }
        }
    }

    /// Tells the line so far, unless it is empty.
    fn finish_line(&mut self, line: &mut impl FnMut(&str)) {
        let mut bytes = std::mem::take(&mut self.line);
        let is_cut = std::mem::take(&mut self.is_cut);
        let end = bytes.trim_ascii_end().len();
        bytes.truncate(end);
        if bytes.is_empty() {
            return;
        }
        if self.told == MOST_LINES {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.told += 1;
        for byte in &mut bytes {
            if *byte == b'\t' {
                *byte = b' ';
            }
        }
        let cut = if is_cut { " … (cut)" } else { "" };
        line(&format!("{}{cut}", escape(&bytes)));
    }
}

/// Of a pipe's end that nobody else has.
fn nonblocking(pipe: OwnedFd) -> io::Result<File> {
    let flags = OFlag::from_bits_retain(fcntl(&pipe, FcntlArg::F_GETFL)?);
    fcntl(&pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(pipe.into())
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
