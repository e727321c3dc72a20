//! A running `linkwatch watch --json`, or another program that prints events
//! as JSON.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::PATIENCE;

/// The program under test.
pub fn linkwatch(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linkwatch"));
    command.args(args).env_remove("RUST_LOG");
    command
}

/// The transitions that events account for.
pub fn sum(events: &[Value]) -> u64 {
    events
        .iter()
        .map(|event| event["transitions"].as_u64().expect("transitions"))
        .sum()
}

/// `connected` and `disconnected` alternate, starting from the first event.
#[track_caller]
pub fn assert_alternating(events: &[Value]) {
    let mut connected = None;
    for event in events {
        let now = match event["event"].as_str() {
            Some("initial") => event["connected"].as_bool(),
            Some("added") => Some(false),
            Some("connected") => Some(true),
            Some("disconnected") => Some(false),
            _ => continue,
        };
        if matches!(event["event"].as_str(), Some("connected" | "disconnected")) {
            assert_ne!(connected, now, "twice the same: {events:#?}");
        }
        connected = now;
    }
}

/// A running watch.
pub struct Watch {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
    /// All events so far, in order.
    pub events: Vec<Value>,
}

impl Watch {
    /// Starts `linkwatch` and waits until it has reported the initial states.
    /// It also watches `lo`, whose `initial` event says that it has begun; that
    /// event is not kept.
    pub fn start(args: &[&str]) -> Watch {
        let mut command = linkwatch(&["watch", "--json", "lo"]);
        command.args(args);
        let mut watch = Watch::of(command);
        // Index 1, so it comes first; the other initial events follow at once.
        let first = watch.next("the initial event of lo");
        assert_eq!(
            (&first["event"], &first["name"]),
            (&"initial".into(), &"lo".into())
        );
        watch.events.clear();
        watch
    }

    /// Starts a program.
    pub fn of(mut command: Command) -> Watch {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let line = line.expect("a line");
                let event = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        Watch {
            child,
            stdin,
            lines,
            events: Vec::new(),
        }
    }

    /// Sends a line to its input.
    #[track_caller]
    pub fn send(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its input");
        writeln!(stdin, "{line}").expect("writing to it");
    }

    /// Ends its input, and waits for its end; returns all events since the
    /// start.
    #[track_caller]
    pub fn close(mut self) -> Vec<Value> {
        self.stdin = None;
        self.finish()
    }

    /// The process, to send signals to.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &self.id().to_string()])
            .status()
            .expect("kill");
        assert!(status.success());
    }

    /// The next event.
    #[track_caller]
    pub fn next(&mut self, what: &str) -> Value {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(event) => {
                self.events.push(event.clone());
                event
            }
            Err(e) => panic!("{what}: {e}; so far: {:#?}", self.events),
        }
    }

    /// The next event, which is to be of this kind and about this link.
    #[track_caller]
    pub fn expect(&mut self, kind: &str, name: &str) -> Value {
        let event = self.next(&format!("{kind} {name}"));
        assert_eq!(
            (event["event"].as_str(), event["name"].as_str()),
            (Some(kind), Some(name)),
            "{event:#}"
        );
        event
    }

    /// Takes events until `done` holds of all so far.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&[Value]) -> bool) {
        let start = Instant::now();
        while !done(&self.events) {
            match self.lines.recv_timeout(Duration::from_millis(20)) {
                Ok(event) => self.events.push(event),
                Err(RecvTimeoutError::Timeout) if start.elapsed() < PATIENCE => {}
                Err(e) => panic!("{what}: {e}; so far: {:#?}", self.events),
            }
        }
    }

    /// Ends it with SIGTERM; returns all events since the start.
    #[track_caller]
    pub fn stop(mut self) -> Vec<Value> {
        self.signal("TERM");
        self.finish()
    }

    #[track_caller]
    fn finish(&mut self) -> Vec<Value> {
        let status = self.ended();
        assert!(status.success(), "{status}");
        self.events.extend(self.lines.iter());
        std::mem::take(&mut self.events)
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Also where a test fails, nothing is left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
