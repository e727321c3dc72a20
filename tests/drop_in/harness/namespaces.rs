//! The namespaces of one side of a scenario: user, network, mount, process.
//! With the last process of the test all others go, also daemons.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::Side;

const SIDE: &str = "LINKWATCH_TEST_SIDE";
const FOLDER: &str = "LINKWATCH_TEST_FOLDER";
/// Longer than any scenario takes.
pub const LIMIT: Duration = Duration::from_secs(120);
/// Its first process waits for every orphan, as on a machine: a daemon that
/// has gone is to be gone, and not a zombie.
const INIT: [&str; 4] = ["sh", "-c", "\"$@\"; exit $?", "sh"];

/// What the programs need of the machine's /etc.
const FILES: [&str; 7] = [
    "passwd",
    "group",
    "nsswitch.conf",
    "ld.so.cache",
    "ld.so.conf",
    "localtime",
    "hosts",
];
const DEVICES: [&str; 7] = [
    "null", "zero", "full", "random", "urandom", "tty", "net/tun",
];

/// The side and the folder of this process, if it was started to play.
pub fn inside() -> Option<(Side, PathBuf)> {
    let side = std::env::var(SIDE).ok()?;
    let side = Side::ALL.into_iter().find(|known| known.name() == side)?;
    let folder = std::env::var_os(FOLDER).expect("its folder");
    heed_signals();
    prepare();
    Some((side, folder.into()))
}

/// The way to new namespaces that is open here.
pub fn unshare() -> Option<&'static [&'static str]> {
    static WAY: OnceLock<Option<&[&str]>> = OnceLock::new();
    *WAY.get_or_init(|| {
        let ways: [&[&str]; 2] = [
            &[
                "--user",
                "--map-root-user",
                "--net",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "--",
            ],
            &[
                "--net",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "--",
            ],
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

/// Starts the test `name` anew, to play one side.
pub fn start(unshare: &[&str], name: &str, side: Side, folder: &Path) -> Child {
    Command::new("unshare")
        .args(unshare)
        .args(INIT)
        .arg(std::env::current_exe().expect("the test's own path"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(SIDE, side.name())
        .env(FOLDER, folder)
        .env_remove("RUST_LOG")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare")
}

/// Takes back what was ignored by who started the tests: a shell's `command &`
/// ignores SIGINT, and the programs here would too.
fn heed_signals() {
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP] {
        // SAFETY: SIG_DFL is no function of ours that could be called.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Gives this process folders of its own where the programs read and write,
/// and a sysfs that shows its namespace.
fn prepare() {
    for (kind, place) in [("sysfs", "/sys"), ("tmpfs", "/run")] {
        mount(&["-t", kind, kind, place]);
    }
    let is_linked = fs::canonicalize("/var/run").is_ok_and(|path| path == Path::new("/run"));
    if !is_linked {
        mount(&["--rbind", "/run", "/var/run"]);
    }
    // Not below /run itself, which is looked into.
    mount(&["-t", "tmpfs", "tmpfs", "/mnt"]);
    private_etc();
    private_dev();
    // It would be busy with each link that comes up.
    for which in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6");
        let _ = fs::write(path, "1");
    }
}

/// A /etc with nothing but what is needed.
fn private_etc() {
    fs::create_dir("/mnt/etc").expect("/mnt/etc");
    for name in FILES {
        // Not every system has each.
        let _ = fs::copy(format!("/etc/{name}"), format!("/mnt/etc/{name}"));
    }
    mount(&["--bind", "/mnt/etc", "/etc"]);
}

/// A /dev without a console to beep on, and with room for a syslog.
fn private_dev() {
    fs::create_dir_all("/mnt/dev/net").expect("/mnt/dev");
    for name in DEVICES {
        let (device, place) = (format!("/dev/{name}"), format!("/mnt/dev/{name}"));
        if Path::new(&device).exists() {
            fs::write(&place, "").expect("a place for a device");
            mount(&["--bind", &device, &place]);
        }
    }
    std::os::unix::fs::symlink("/proc/self/fd", "/mnt/dev/fd").expect("/dev/fd");
    mount(&["--rbind", "/mnt/dev", "/dev"]);
}

fn mount(arguments: &[&str]) {
    let status = Command::new("mount").args(arguments).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "mount {arguments:?}"
    );
}
