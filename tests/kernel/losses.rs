//! Lines that could not be written are in the exit status, and said.

use std::fs::{self, File};
use std::io::{PipeReader, Read, pipe};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::fcntl::{FcntlArg, fcntl};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, Tap, eventually, finish, in_namespace, ip_batch, linkwatch};

/// A watch whose output is not read until it has ended.
struct Unread {
    child: Child,
    output: PipeReader,
    folder: TempDir,
    _guard: Guard,
}

impl Unread {
    fn start(args: &[&str]) -> Unread {
        let folder = tempfile::tempdir().unwrap();
        let (output, stdout) = pipe().unwrap();
        fcntl(&output, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
        let child = linkwatch(&["watch", "--json", "cable0", "--log-file"])
            .arg(folder.path().join("log"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(File::create(folder.path().join("errors")).unwrap())
            .spawn()
            .unwrap();
        let guard = Guard::of(&child);
        let watch = Unread {
            child,
            output,
            folder,
            _guard: guard,
        };
        watch.until_logged("connected (initial)");
        watch
    }

    fn log(&self) -> Vec<String> {
        lines(&self.folder.path().join("log"))
    }

    #[track_caller]
    fn until_logged(&self, words: &str) {
        eventually(words, || {
            self.log().iter().any(|line| line.ends_with(words))
        });
    }

    /// Far more than the pipe takes.
    fn flood(&self, cable: &Tap) {
        let [down, up] = ["down", "up"].map(|way| format!("link set cable0 {way}"));
        ip_batch((0..100).flat_map(|_| [down.clone(), up.clone()]));
        cable.pull();
        self.until_logged("Status: disconnected");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &id])
            .status();
        assert!(status.unwrap().success());
    }
}

/// Ends a process where the test fails before it has done so.
struct Guard(u32);

impl Guard {
    fn of(child: &Child) -> Guard {
        Guard(child.id())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let id = self.0.to_string();
            let _ = Command::new("kill").args(["-KILL", &id]).status();
        }
    }
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

in_namespace! {
    fn lines_that_nobody_has_read_are_counted_at_the_end() {
        let cable = Tap::up("cable0");
        let mut watch = Unread::start(&[]);
        watch.flood(&cable);
        watch.signal("TERM");
        let status = watch.child.wait().unwrap();
        assert_eq!(status.code(), Some(1));
        let mut output = String::new();
        watch.output.read_to_string(&mut output).unwrap();
        // Whole lines.
        let read: Result<Vec<Value>, _> = output.lines().map(serde_json::from_str).collect();
        let read = read.unwrap().len();
        // But for the first and the last line, the log has the same.
        let lost = watch.log().len() - 2 - read;
        assert!(lost > 50, "{lost}");
        let errors = lines(&watch.folder.path().join("errors"));
        let said = format!("linkwatch: error: {lost} lines were lost: standard output was not read in time");
        assert_eq!(errors.last(), Some(&said), "{errors:?}");
    }

    fn nobody_misses_lines_where_the_reader_is_gone() {
        let cable = Tap::up("cable0");
        let Unread { mut child, output, folder, _guard } = {
            let watch = Unread::start(&[]);
            watch.flood(&cable);
            watch
        };
        drop(output);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert_eq!(lines(&folder.path().join("errors")), Vec::<String>::new());
    }

    fn lines_that_a_full_disk_has_cost_are_counted_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk");
        fs::create_dir(&disk).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16k", "none"])
            .arg(&disk)
            .status();
        assert!(mounted.unwrap().success());
        let log = disk.join("log");
        let filler = disk.join("filler");
        // It is full until it is taken away.
        let fill = || fs::write(&filler, [0; 1 << 20]).unwrap_err();
        let cable = Tap::up("cable0");
        for is_written_again in [true, false] {
            let _ = fs::remove_file(&log);
            let errors = folder.path().join("errors");
            let child = linkwatch(&["watch", "cable0", "--log-file"])
                .arg(&log)
                .stdin(Stdio::null())
                .stdout(File::create(folder.path().join("out")).unwrap())
                .stderr(File::create(&errors).unwrap())
                .spawn()
                .unwrap();
            let _guard = Guard::of(&child);
            let out = folder.path().join("out");
            let shown = |words: &str| {
                eventually(words, || lines(&out).last().is_some_and(|line| line.ends_with(words)));
            };
            shown("connected (initial)");
            fill();
            // More than there is room for in the log's own page.
            let [down, up] = ["down", "up"].map(|way| format!("link set cable0 {way}"));
            ip_batch((0..60).flat_map(|_| [down.clone(), up.clone()]));
            cable.pull();
            shown("Status: disconnected");
            if is_written_again {
                fs::remove_file(&filler).unwrap();
            }
            cable.plug();
            shown("Status: connected");
            let id = child.id().to_string();
            assert!(Command::new("kill").arg(&id).status().unwrap().success());
            let output = finish(child, PATIENCE);
            assert_eq!(output.status.code(), Some(1));
            // A torn line is ended by the next one, or not at all.
            let whole = fs::read_to_string(&log).unwrap();
            let whole = whole.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            let is_whole = |line: &&str| {
                let ends = ["connected", "(initial)", "(admin-down)", "unseen)", "started", "stopped"];
                ends.iter().any(|end| line.ends_with(end))
            };
            let written = whole.filter(is_whole).count();
            // And the first and the last line.
            let lost = lines(&out).len() + 2 - written;
            let lost = match lost {
                1 => "1 line was".to_owned(),
                lost => format!("{lost} lines were"),
            };
            let errors = lines(&errors);
            let said = format!("linkwatch: error: {lost} not written to {}", log.display());
            assert_eq!(errors.last(), Some(&said), "{errors:?}");
            let _ = fs::remove_file(&filler);
        }
    }

    fn metrics_that_are_not_the_last_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("place");
        fs::create_dir(&place).unwrap();
        let metrics = place.join("linkwatch.prom");
        let config = folder.path().join("config");
        fs::write(&config, format!(
            "[service]\nmetrics = '{}'\n[[watch]]\npatterns = ['lo']\n", metrics.display()
        )).unwrap();
        let child = linkwatch(&["watch", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _guard = Guard::of(&child);
        eventually("metrics", || metrics.exists());
        fs::remove_dir_all(&place).unwrap();
        let id = child.id().to_string();
        assert!(Command::new("kill").arg(&id).status().unwrap().success());
        let output = finish(child, PATIENCE);
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8(output.stderr).unwrap();
        let said = format!("linkwatch: error: the last metrics were not written to {}", metrics.display());
        assert_eq!(errors.lines().last(), Some(&*said));
    }

    fn what_is_asked_for_and_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, concat!(
            r#"{"time":"2026-07-01T12:00:00Z","event":"initial","ifindex":2,"name":"e","kind":"x","connected":true}"#, "\n",
        )).unwrap();
        let config = folder.path().join("config");
        fs::write(&config, "[[watch]]\n").unwrap();
        let [log, config] = [&log, &config].map(|path| path.to_str().unwrap());
        for args in [
            &["status", "lo"][..], &["status", "lo", "--json"], &["report", log], &["report", log, "--json"],
            &["report", log, "--html", "/dev/full"], &["check-config", config], &["--help"], &["--version"],
            &["watch", "--help"], &["netplugd", "-h"], &["ifplugd", "-h"], &["ifplugd", "-V"],
            &["watch", "lo", "--count", "1"],
        ] {
            let full = || File::options().write(true).open("/dev/full").unwrap();
            let output = linkwatch(args).stdout(full()).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{args:?}");
        }
    }
}
