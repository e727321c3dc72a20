//! A network namespace for each test: the test starts itself anew under
//! unshare(1), so no root is needed and nothing of the machine is touched.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const INSIDE: &str = "LINKWATCH_TEST_INSIDE";
/// The value where the namespaces are prepared already.
const PREPARED: &str = "prepared";
/// Longer than any test takes, also under valgrind.
const LIMIT: Duration = Duration::from_secs(180);

/// Runs `body` in namespaces (user, network, mount) of its own. `name` is the
/// test's path in this crate.
pub fn inside(name: &str, body: impl FnOnce()) {
    inside_with(name, |_| {}, body);
}

/// The same, where `tell` may first give the test that starts itself anew
/// something in its environment.
pub fn inside_with(name: &str, tell: impl FnOnce(&mut Command), body: impl FnOnce()) {
    if let Some(how) = std::env::var_os(INSIDE) {
        if how != PREPARED {
            prepare();
        }
        return body();
    }
    let Some(unshare) = unshare() else {
        return skip("unshare(1) may not make a network namespace here");
    };
    let (_, name) = name.split_once("::").expect("a path in this crate");
    let mut command = Command::new("unshare");
    command
        .args(unshare)
        .arg(std::env::current_exe().expect("the test's own path"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1");
    tell(&mut command);
    let output = run(command);
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "in its namespace:\n{printed}");
    assert!(
        printed.contains("1 passed"),
        "no test of this name:\n{printed}"
    );
    for line in printed.lines().filter(|line| line.starts_with("SKIPPED")) {
        say(line);
    }
}

/// True in the namespaces of a test: what is made once for all tests was made
/// before.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Lets a test of this binary that `command` starts run in the namespaces that
/// this one runs in.
pub fn share_namespaces(command: &mut Command) -> &mut Command {
    command.env(INSIDE, PREPARED)
}

/// Says loudly that a test did not run. Not by `println`, which the test
/// harness would swallow.
pub fn skip(why: &str) {
    say(&format!("SKIPPED: {why}"));
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// True if a program can be started.
pub fn has(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// An awk, by its own path: the link in /etc/alternatives is not in the namespaces
/// of all tests.
pub fn awk() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    ["mawk", "gawk", "original-awk", "awk"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find_map(|path| path.canonicalize().ok())
}

/// The way to new namespaces that is open here.
fn unshare() -> Option<&'static [&'static str]> {
    static WAY: OnceLock<Option<&[&str]>> = OnceLock::new();
    *WAY.get_or_init(|| {
        let ways: [&[&str]; 2] = [
            &["--user", "--map-root-user", "--net", "--mount", "--"],
            &["--net", "--mount", "--"],
        ];
        ways.into_iter().find(|way| {
            Command::new("unshare")
                .args(*way)
                .arg("true")
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
    })
}

/// A sysfs that shows this namespace, and a place for `ip netns`.
fn prepare() {
    for (kind, place) in [("sysfs", "/sys"), ("tmpfs", "/run")] {
        let status = Command::new("mount")
            .args(["-t", kind, kind, place])
            .status()
            .expect("mount");
        assert!(status.success(), "mounting {place}");
    }
}

fn run(mut command: Command) -> Output {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare");
    finish(child, LIMIT)
}

/// Waits for its end, and ends it where it takes longer than `limit`.
pub fn finish(child: Child, limit: Duration) -> Output {
    let id = child.id();
    let start = Instant::now();
    let waiting = std::thread::spawn(move || child.wait_with_output());
    while !waiting.is_finished() {
        if start.elapsed() > limit {
            let _ = Command::new("kill")
                .args(["-KILL", &id.to_string()])
                .status();
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    waiting.join().expect("the thread").expect("the output")
}
