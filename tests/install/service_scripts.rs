//! linkwatch in the place of another program, beside service scripts that know a
//! daemon by its program file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{self, eventually, inside};

/// A daemon that ends with its test.
struct Daemon(Child);

impl Daemon {
    /// Starts it, and waits until its process has this name.
    fn start(program: &Path, args: &[&str], name: &str) -> Daemon {
        let mut command = Command::new(program);
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let daemon = Daemon(command.stderr(Stdio::null()).spawn().expect(name));
        let comm = format!("/proc/{}/comm", daemon.0.id());
        eventually("the daemon has its name", || {
            fs::read_to_string(&comm).is_ok_and(|comm| comm.trim_end() == name)
        });
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The processes that a service script would stop that knows its daemon by
/// `program`.
fn stopped_by(program: &Path) -> Vec<u32> {
    let output = Command::new("start-stop-daemon")
        .args(["--stop", "--test", "--oknodo", "--exec"])
        .arg(program)
        .output()
        .expect("start-stop-daemon");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let last_word = |line: &str| line.trim_end_matches('.').rsplit(' ').next()?.parse().ok();
    let mut processes: Vec<u32> = text.lines().filter_map(last_word).collect();
    processes.sort_unstable();
    processes
}

/// Why the manual advises a copy: by /proc/PID/exe, a link is the program that it
/// leads to.
#[test]
fn a_copy_is_stopped_alone_and_a_link_with_every_linkwatch() {
    if !support::has("start-stop-daemon") {
        return support::skip("there is no start-stop-daemon");
    }
    inside(
        "install::service_scripts::a_copy_is_stopped_alone_and_a_link_with_every_linkwatch",
        || {
            let folder = tempfile::tempdir().expect("a folder");
            // A file of its own: other tests run linkwatch, too.
            let linkwatch = folder.path().join("linkwatch");
            fs::copy(env!("CARGO_BIN_EXE_linkwatch"), &linkwatch).expect("a copy");
            let watching = Daemon::start(&linkwatch, &["watch", "lo"], "linkwatch");
            let watch = watching.0.id();

            let netplugd = folder.path().join("netplugd");
            let args = [
                "-F",
                "-P",
                "-c",
                "/dev/null",
                "-i",
                "none0",
                "-s",
                "/bin/true",
            ];
            let start = || Daemon::start(&netplugd, &args, "netplugd");

            symlink(&linkwatch, &netplugd).expect("a symbolic link");
            let daemon = start();
            let mut both = [watch, daemon.0.id()];
            both.sort_unstable();
            assert_eq!(stopped_by(&netplugd), both);
            drop(daemon);

            fs::remove_file(&netplugd).expect("the symbolic link");
            fs::hard_link(&linkwatch, &netplugd).expect("a hard link");
            assert_eq!(stopped_by(&netplugd), [watch]);

            fs::remove_file(&netplugd).expect("the hard link");
            fs::copy(&linkwatch, &netplugd).expect("a copy");
            assert!(stopped_by(&netplugd).is_empty());
            let daemon = start();
            assert_eq!(stopped_by(&netplugd), [daemon.0.id()]);
            assert_eq!(stopped_by(&linkwatch), [watch]);
        },
    );
}
