//! A watcher that runs, as a process of its own.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::contender::{Entrant, Output, Programs};
use crate::kernel;
use crate::process::{self, LinkSocket};
use crate::report::Report;

const PATIENCE: Duration = Duration::from_secs(60);
const NOBODY: u32 = 65534;

/// A running watcher.
pub struct Watcher {
    pub entrant: Entrant,
    child: Child,
    output: File,
    errors: File,
    /// The kernel's measure of its receive buffer.
    pub buffer: usize,
    pub start: Start,
}

/// What it took until it followed the links.
#[derive(Default)]
pub struct Start {
    /// Not known of those that do not say when.
    pub time: Option<Duration>,
    /// CPU time in nanoseconds.
    pub cpu: u64,
    /// Peak of the memory in KiB.
    pub peak: u64,
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
    pub fn start(programs: &Programs, entrant: &Entrant) -> Result<Watcher, String> {
        let contender = entrant.contender;
        let mut command = programs.command(contender);
        command.args(&entrant.arguments);
        // A program that is opened here can be run where its folder is closed
        // to the user.
        let program = File::open(command.get_program());
        if entrant.nobody
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
        let begin = Instant::now();
        let child = command
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(errors.try_clone().map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        let mut watcher = Watcher {
            entrant: entrant.clone(),
            child,
            output,
            errors,
            buffer: 0,
            start: Start::default(),
        };
        watcher.await_start(begin)?;
        if !entrant.own_buffer
            && let Some((fd, _)) = process::link_socket_of(watcher.id())
            && let Ok(socket) = process::borrow_descriptor(watcher.id(), fd)
        {
            watcher.buffer = kernel::enlarge(&socket);
        }
        Ok(watcher)
    }

    fn await_start(&mut self, begin: Instant) -> Result<(), String> {
        let mut idle = (0, Instant::now());
        let tells = self.entrant.contender.output == Output::Report;
        while begin.elapsed() < PATIENCE {
            if self.has_ended() {
                return Err(format!(
                    "{} ended: {}",
                    self.entrant.contender.label,
                    self.complaint()
                ));
            }
            let is_ready = match self.entrant.contender.output {
                Output::Report => self.output.metadata().is_ok_and(|file| file.len() > 0),
                // It follows, and has nothing more to do.
                _ => {
                    let cpu = process::cpu_time(self.id());
                    if cpu != idle.0 {
                        idle = (cpu, Instant::now());
                    }
                    idle.1.elapsed() > Duration::from_millis(100)
                        && !process::is_running(self.id())
                        && process::link_socket_of(self.id()).is_some()
                }
            };
            if is_ready {
                self.start = Start {
                    time: tells.then(|| begin.elapsed()),
                    cpu: self.cpu_time(),
                    peak: process::memory(self.id(), "VmHWM"),
                };
                return Ok(());
            }
            std::thread::sleep(Duration::from_micros(if tells { 200 } else { 5000 }));
        }
        Err(format!("{} does not start", self.entrant.contender.label))
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
            let is_idle = now == cpu && queued == 0 && !process::is_running(self.id());
            quiet = if is_idle { quiet + 1 } else { 0 };
            cpu = now;
        }
        true
    }

    /// Ends it and takes its report.
    pub fn finish(mut self) -> Report {
        // Not soon again, for the next one may interrupt the report.
        for wait in 0..20_000 {
            if self.has_ended() {
                break;
            }
            if wait % 2000 == 0 {
                self.signal(libc::SIGTERM);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let text = contents(&self.output);
        Report::parse(self.entrant.contender.output, &text)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
