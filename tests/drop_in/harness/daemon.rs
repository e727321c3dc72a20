//! A program that was started, and what it has written.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::support::{PATIENCE, eventually};

/// In the foreground, its standard output and standard error read as one.
///
/// Dropped, it is killed.
pub struct Daemon {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    record: PathBuf,
}

impl Daemon {
    pub fn start(mut command: Command, record: PathBuf) -> Daemon {
        let (output, input) = std::io::pipe().expect("a pipe");
        command
            .stdin(Stdio::null())
            .stdout(input.try_clone().expect("the pipe"))
            .stderr(input);
        let child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        // It holds the pipe's other end.
        drop(command);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                written.lock().expect("the lines").push(line);
            }
        });
        Daemon {
            child,
            lines,
            reader: Some(reader),
            record,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The lines that it has written so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("the lines").clone()
    }

    /// True if a line that it has written contains `text`.
    pub fn says(&self, text: &str) -> bool {
        self.says_times(text, 1)
    }

    /// True if so many of its lines contain `text`.
    pub fn says_times(&self, text: &str, times: usize) -> bool {
        let lines = self.lines.lock().expect("the lines");
        lines.iter().filter(|line| line.contains(text)).count() >= times
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, signal: &str) {
        signal_to(self.id(), signal);
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    /// Waits for its end, and records it: `exit 0`, `killed by 15`.
    #[track_caller]
    pub fn ended(&mut self) {
        use std::os::unix::process::ExitStatusExt;
        let start = Instant::now();
        while self.is_running() {
            assert!(
                start.elapsed() < PATIENCE,
                "it does not end: {:#?}",
                self.lines()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let status = self.child.wait().expect("its end");
        let line = match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("killed by {signal}"),
            (None, None) => status.to_string(),
        };
        append(&self.record, &line);
    }

    /// All that it has written, once it and its children have closed their
    /// output.
    #[track_caller]
    pub fn all_lines(&mut self) -> Vec<String> {
        let reader = self.reader.take();
        if let Some(reader) = reader {
            eventually("the end of its output", || reader.is_finished());
        }
        self.lines()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("what the program wrote: {:#?}", self.lines());
        }
    }
}

/// Adds a line to the record, as the script does.
pub fn append(record: &std::path::Path, line: &str) {
    let file = OpenOptions::new().append(true).open(record);
    let line = format!("{line}\n");
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .expect("writing to the record");
}

/// Sends a signal, by its name, to a process.
pub fn signal_to(id: u32, signal: &str) {
    let status = Command::new("kill")
        .args([&format!("-{signal}"), &id.to_string()])
        .status()
        .expect("kill");
    assert!(status.success(), "kill -{signal} {id}");
}
