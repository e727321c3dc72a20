//! Programs in the background, and those that are run to their end.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::support::eventually;

/// A program in the background. It ends with this value, and tells what it had
/// to say if the test failed.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it prints goes to a file that is called `name`.
    #[track_caller]
    pub fn start(name: &str, command: &mut Command) -> Process {
        let log = PathBuf::from(format!("/run/{name}.log"));
        let output = File::create(&log).expect("the log");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the log"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        Process { child, log }
    }

    /// What it has printed.
    pub fn printed(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal, by its name, and waits for its end.
    #[track_caller]
    pub fn end(mut self, signal: &str) {
        run(
            "kill",
            &[&format!("-{signal}"), &self.child.id().to_string()],
        );
        eventually("the end of a process", || {
            self.child.try_wait().expect("its state").is_some()
        });
    }

    /// Fails if it has ended.
    #[track_caller]
    pub fn assert_running(&mut self) {
        let state = self.child.try_wait().expect("its state");
        assert!(state.is_none(), "it ended: {}", self.printed());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}:\n{}", self.log.display(), self.printed());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program, which is to succeed, and returns what it printed.
#[track_caller]
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{printed}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

/// A kernel module, unloaded with this value.
pub struct Module(&'static str);

impl Module {
    /// Loads it. Parameters are like `radios=2`.
    #[track_caller]
    pub fn load(name: &'static str, parameters: &[&str]) -> Module {
        run("modprobe", &[&[name], parameters].concat());
        Module(name)
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let unloaded = Command::new("rmmod").arg(self.0).status();
        let unloaded = unloaded.is_ok_and(|status| status.success());
        // What failed first is to be told, not what followed from it.
        assert!(unloaded || std::thread::panicking(), "rmmod {}", self.0);
    }
}
