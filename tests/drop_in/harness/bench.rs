//! What a scenario is played with.

use std::cell::OnceCell;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nix::sys::stat::{Mode, umask};

use super::daemon::{Daemon, append, signal_to};
use super::syslog::Syslog;
use super::{Side, originals, read_record};
use crate::support::eventually;

/// The record's name in the folder of a side.
pub const RECORD: &str = "record";
const SCRIPT: &str = "script";

/// One side of a scenario: its programs, its script, its record.
pub struct Bench {
    pub side: Side,
    folder: PathBuf,
    syslog: OnceCell<Syslog>,
}

impl Bench {
    pub fn new(side: Side, folder: &Path) -> Bench {
        let bench = Bench {
            side,
            folder: folder.to_owned(),
            syslog: OnceCell::new(),
        };
        bench.write_script(&bench.script());
        if side == Side::Linkwatch {
            for name in ["ifplugd", "netplugd"] {
                symlink(env!("CARGO_BIN_EXE_linkwatch"), folder.join(name)).expect("a link");
            }
        }
        bench
    }

    /// A file of this side's own, which only its scenario looks at.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    // ------------------------------------------------------------ the programs --

    /// The program that is called by this name: the original, or linkwatch
    /// through a symbolic link.
    pub fn program(&self, name: &str) -> Command {
        match self.side {
            Side::Original => {
                let (program, libraries) = originals::program(name);
                let mut command = Command::new(program);
                command.env("LD_LIBRARY_PATH", libraries);
                command
            }
            Side::Linkwatch => Command::new(self.folder.join(name)),
        }
    }

    /// Starts it in the foreground.
    #[track_caller]
    pub fn start(&self, name: &str, arguments: &[&str]) -> Daemon {
        let mut command = self.program(name);
        command.args(arguments);
        self.start_command(command)
    }

    #[track_caller]
    pub fn start_command(&self, command: Command) -> Daemon {
        Daemon::start(command, self.record_path())
    }

    /// Runs it until its end, or until it has gone into the background, and
    /// records how it has ended: `ifplugd -c: exit 255`. What it leaves in the
    /// background must not hold its output.
    #[track_caller]
    pub fn run(&self, name: &str, arguments: &[&str]) -> Output {
        let mut command = self.program(name);
        command.args(arguments);
        let shown = arguments.join(" ");
        self.run_command(command, format!("{name} {shown}").trim_end())
    }

    #[track_caller]
    pub fn run_command(&self, mut command: Command, shown: &str) -> Output {
        // Files, not pipes: what goes into the background may keep them open.
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| self.file(name));
        let create = |path: &Path| fs::File::create(path).expect("a file");
        let status = command
            .stdin(Stdio::null())
            .stdout(create(&stdout))
            .stderr(create(&stderr))
            .status()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        match status.code() {
            Some(code) => self.note(&format!("{shown}: exit {code}")),
            None => self.note(&format!("{shown}: {status}")),
        }
        let read = |path: &Path| fs::read(path).expect("its output");
        Output {
            status,
            stdout: read(&stdout),
            stderr: read(&stderr),
        }
    }

    // -------------------------------------------------------------- the script --

    /// The script to be called. It adds to the record what it is called with:
    /// its arguments, `previous=` and `current=` where ifplugd's variables are
    /// set, `umask=` unless it is 0022, `input=` if there is something on its
    /// standard input.
    pub fn script(&self) -> PathBuf {
        self.folder.join(SCRIPT)
    }

    /// The same as text, for arguments.
    pub fn script_path(&self) -> String {
        self.script().display().to_string()
    }

    /// Puts a script that does the same in another place.
    pub fn write_script(&self, path: &Path) {
        let folder = self.folder.display();
        let text = format!(
            r#"#!/bin/sh
folder='{folder}'
line=$*
[ -z "${{IFPLUGD_PREVIOUS+set}}" ] || line="$line previous=$IFPLUGD_PREVIOUS"
[ -z "${{IFPLUGD_CURRENT+set}}" ] || line="$line current=$IFPLUGD_CURRENT"
umask=$(umask)
[ "$umask" = 0022 ] || line="$line umask=$umask"
input=$(cat)
[ -z "$input" ] || line="$line input=$input"
note() {{ printf '%s\n' "$*" >>"$folder/{RECORD}"; }}
# Until the scenario takes this file away.
held_by() {{ while [ -e "$folder/$1" ]; do sleep 0.02; done; }}
note "$line"
[ ! -e "$folder/then.$2" ] || . "$folder/then.$2"
"#
        );
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("the script's folder");
        }
        fs::write(path, text).expect("the script");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the script's mode");
    }

    /// A script that adds to the record what signals it has blocked. Not for a
    /// shell: some unblock them all. Returns its path.
    pub fn mask_script(&self, awk: &Path) -> String {
        let path = self.file("mask");
        let record = self.record_path().display().to_string();
        let text = format!(
            "#!{} -f\nBEGIN {{\n\
             while ((getline line <\"/proc/self/status\") > 0)\n\
             if (sub(/^SigBlk:\\t/, \"blocked \", line)) print line >>\"{record}\"\n}}\n",
            awk.display()
        );
        fs::write(&path, text).expect("the script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the script's mode");
        path.display().to_string()
    }

    /// Shell commands that the script goes on with when it is called for
    /// `action`, its second argument: `exit 3`, `echo text`, `note "more"`, or
    /// `held_by gate` with [`Bench::hold`].
    pub fn then(&self, action: &str, commands: &str) {
        // Renamed, so that no call reads half of it.
        let path = self.file(&format!("then.{action}"));
        let new = self.file("then.new");
        fs::write(&new, format!("{commands}\n")).expect("the script's end");
        fs::rename(new, path).expect("the script's end");
    }

    /// Lets a script with `held_by gate` wait there.
    pub fn hold(&self, gate: &str) {
        fs::write(self.file(gate), "").expect("the gate");
    }

    /// Lets it go on.
    pub fn release(&self, gate: &str) {
        fs::remove_file(self.file(gate)).expect("the gate");
    }

    // -------------------------------------------------------------- the record --

    fn record_path(&self) -> PathBuf {
        self.folder.join(RECORD)
    }

    /// All lines so far.
    pub fn record(&self) -> Vec<String> {
        read_record(&self.folder)
    }

    /// Adds a line.
    pub fn note(&self, line: &str) {
        append(&self.record_path(), line);
    }

    /// Waits until the record has as many lines.
    #[track_caller]
    pub fn until_lines(&self, number: usize) {
        eventually(&format!("{number} lines: {:#?}", self.record()), || {
            self.record().len() >= number
        });
    }

    /// Waits until the record has this line, `times` times.
    #[track_caller]
    pub fn until_line(&self, line: &str, times: usize) {
        let count = || self.record().iter().filter(|known| *known == line).count();
        eventually(line, || count() >= times);
    }

    /// Waits until the program has written a line with a text, which each side
    /// words in its own way.
    #[track_caller]
    pub fn until_says(&self, daemon: &Daemon, original: &str, linkwatch: &str) {
        let text = self.either(original, linkwatch);
        eventually(&format!("'{text}'"), || daemon.says(text));
    }

    /// The same, where it is not the first time.
    #[track_caller]
    pub fn until_says_times(&self, daemon: &Daemon, texts: [&str; 2], times: usize) {
        let text = self.either(texts[0], texts[1]);
        eventually(&format!("'{text}', {times} times"), || {
            daemon.says_times(text, times)
        });
    }

    /// What is so on this side.
    pub fn either<'a>(&self, original: &'a str, linkwatch: &'a str) -> &'a str {
        match self.side {
            Side::Original => original,
            Side::Linkwatch => linkwatch,
        }
    }

    // -------------------------------------------------------- its surroundings --

    /// The lines that were sent to the syslog, which is there from the first
    /// call on.
    pub fn syslog(&self) -> Vec<String> {
        self.syslog.get_or_init(Syslog::start).lines()
    }

    /// Waits until a line of the syslog contains this side's text.
    #[track_caller]
    pub fn until_logged(&self, original: &str, linkwatch: &str) {
        let text = self.either(original, linkwatch);
        eventually(&format!("'{text}' in the syslog"), || {
            self.syslog().iter().any(|line| line.contains(text))
        });
    }

    /// What programs are started with from now on: by default the machine's.
    pub fn set_umask(&self, mask: u32) {
        umask(Mode::from_bits_truncate(mask));
    }

    /// The process that a PID file in /var/run names, once it does.
    #[track_caller]
    pub fn pid_of(&self, file: &str) -> u32 {
        let path = Path::new("/var/run").join(file);
        let mut id = None;
        eventually(&format!("{} with a number", path.display()), || {
            id = fs::read_to_string(&path)
                .ok()
                .and_then(|text| text.trim().parse().ok());
            id.is_some()
        });
        id.expect("a number")
    }

    /// Sends a signal to a process in the background.
    pub fn signal(&self, id: u32, signal: &str) {
        signal_to(id, signal);
    }

    /// Waits until there is no such process any more.
    #[track_caller]
    pub fn until_gone(&self, id: u32) {
        let path = format!("/proc/{id}");
        eventually("the process's end", || !Path::new(&path).exists());
    }
}
