//! A network namespace for each scenario: the suite starts itself anew under
//! unshare(1). As root no user namespace is made, so that the watcher can be
//! privileged, and another user, as far as the kernel is concerned.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::support::skip;

const SCENARIO: &str = "LINKWATCH_TORTURE_SCENARIO";
/// What a scenario's last line begins with.
pub const ROW: &str = "ROW ";

/// The scenario that this process is to play, if it was started for one.
pub fn scenario() -> Option<String> {
    std::env::var(SCENARIO).ok()
}

/// Plays a scenario in namespaces of its own; returns its row of the table.
/// What else it prints is passed on.
pub fn play(name: &str, seed: u64, limit: Duration) -> Result<Option<String>, String> {
    let Some(unshare) = unshare() else {
        skip("unshare(1) may not make a network namespace here");
        return Ok(None);
    };
    let mut child = Command::new("unshare")
        .args(unshare)
        .arg(std::env::current_exe().map_err(|e| e.to_string())?)
        .env(SCENARIO, name)
        .env("SEED", seed.to_string())
        .env("RUST_BACKTRACE", "0")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("unshare: {e}"))?;
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let reader = std::thread::spawn(move || {
        let mut row = None;
        for line in lines.map_while(Result::ok) {
            match line.strip_prefix(ROW) {
                Some(told) => row = Some(told.to_owned()),
                None => println!("  {line}"),
            }
        }
        row
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            break status;
        }
        if start.elapsed() > limit {
            // Its children die with it: `die_with_parent`.
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("it took longer than {limit:?}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let row = reader.join().map_err(|_| "reading its output".to_owned())?;
    match row {
        Some(row) if status.success() => Ok(Some(row)),
        _ => Err(format!("it ended with {status}")),
    }
}

/// The way to new namespaces that is open here.
fn unshare() -> Option<&'static [&'static str]> {
    static WAY: OnceLock<Option<&[&str]>> = OnceLock::new();
    *WAY.get_or_init(|| {
        let ways: [&[&str]; 2] = [
            &["--net", "--mount", "--"],
            &["--user", "--map-root-user", "--net", "--mount", "--"],
        ];
        ways.into_iter().find(|way| {
            Command::new("unshare")
                .args(*way)
                .args(["mount", "-t", "tmpfs", "tmpfs", "/run"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
    })
}

/// Inside: a sysfs that shows this namespace, a place for `ip netns` and for
/// files, and no IPv6, which would be busy with each link that comes up.
pub fn prepare() {
    for (kind, place) in [("sysfs", "/sys"), ("tmpfs", "/run")] {
        let status = Command::new("mount")
            .args(["-t", kind, kind, place])
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "mounting {place}"
        );
    }
    for which in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6");
        let _ = std::fs::write(path, "1");
    }
}

/// True if this process is root outside of its namespaces too.
pub fn is_privileged() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let mut fields = map.split_whitespace();
    fields.next() == Some("0") && fields.next() == Some("0") && fields.next() == Some("4294967295")
}

/// Lets a program end when this one does, however it ends.
pub fn die_with_parent(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt;
    // SAFETY: prctl(2) may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        })
    }
}
