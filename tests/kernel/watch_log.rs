//! `linkwatch watch --log-file`: the lines of the source program, and what
//! happens to the file.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::{Tap, Watch, eventually, has, in_namespace, ip, linkwatch, rename_up, skip};

/// The lines without their time stamps, whose form is checked.
#[track_caller]
fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| {
            let (time, rest) = line.split_once(" - ").expect("a time stamp");
            let form: String = time
                .chars()
                .map(|c| if c.is_ascii_digit() { '9' } else { c })
                .collect();
            assert_eq!(form, "9999-99-99 99:99:99", "{line}");
            rest.to_owned()
        })
        .collect()
}

#[track_caller]
fn wait_for_line(path: &Path, wanted: &str) {
    eventually(wanted, || lines(path).iter().any(|line| line == wanted));
}

in_namespace! {
    fn the_log_has_the_lines_of_the_source_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.log");
        let cable = Tap::up("cable0");
        let watch = Watch::start(&["--events", "initial,connected,disconnected,renamed,removed",
            "--log-file", path.to_str().unwrap(), "cable*"]);
        cable.pull();
        wait_for_line(&path, "Interface: cable0 - Status: disconnected");
        cable.plug();
        wait_for_line(&path, "Interface: cable0 - Status: connected");
        if !rename_up("cable0", "cable1") {
            return;
        }
        ip(&["link", "del", "cable1"]);
        wait_for_line(&path, "Interface: cable1 - Status: removed");
        watch.stop();
        assert_eq!(lines(&path), [
            "Network monitoring started",
            "Interface: lo - Status: disconnected (initial)",
            "Interface: cable0 - Status: connected (initial)",
            "Interface: cable0 - Status: disconnected",
            "Interface: cable0 - Status: connected",
            "Interface: cable1 - Status: renamed from cable0",
            "Interface: cable1 - Status: disconnected (removed)",
            "Interface: cable1 - Status: removed",
            "Network monitoring stopped",
        ]);
    }

    fn transitions_that_were_not_seen_are_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.log");
        let cable = Tap::up("cable0");
        let mut watch = Watch::start(&["--log-file", path.to_str().unwrap(), "cable0"]);
        watch.expect("initial", "cable0");
        // Stopped, so that the flaps end in whatever few messages there are.
        watch.until("a flap", |events| {
            cable.flap(50);
            events.iter().any(|event| event["event"] == "flapped")
        });
        let flapped = watch.events.iter().find(|event| event["event"] == "flapped").unwrap().clone();
        let unseen = flapped["unseen"].as_u64().unwrap();
        let state = if flapped["connected"] == true { "connected" } else { "disconnected" };
        wait_for_line(&path, &format!(
            "Interface: cable0 - Status: flapped ({unseen} transitions unseen, still {state})"
        ));
        watch.stop();
    }

    fn the_log_is_local_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.log");
        let stamp = |zone: &str| {
            let _ = fs::remove_file(&path);
            let status = linkwatch(&["watch", "--count", "1", "lo", "--log-file", path.to_str().unwrap()])
                .env("TZ", zone)
                .stdout(std::process::Stdio::null())
                .status()
                .unwrap();
            assert!(status.success());
            let text = fs::read_to_string(&path).unwrap();
            text[..13].to_owned()
        };
        // Fourteen hours apart, so they differ whatever the time of day.
        assert_ne!(stamp("UTC0"), stamp("XXX-14"));
    }

    fn a_hangup_reopens_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.log");
        let old = folder.path().join("link.log.1");
        let cable = Tap::up("cable0");
        let mut watch = Watch::start(&["--log-file", path.to_str().unwrap(), "cable0"]);
        watch.expect("initial", "cable0");
        fs::rename(&path, &old).unwrap();
        cable.pull();
        wait_for_line(&old, "Interface: cable0 - Status: disconnected");
        watch.signal("HUP");
        eventually("the file is made anew", || path.exists());
        cable.plug();
        wait_for_line(&path, "Interface: cable0 - Status: connected");
        watch.stop();
        assert_eq!(lines(&path), [
            "Interface: cable0 - Status: connected",
            "Network monitoring stopped",
        ]);
        assert_eq!(lines(&old).last().unwrap(), "Interface: cable0 - Status: disconnected");
    }

    fn logrotate_loses_no_line() {
        if !has("logrotate") {
            return skip("logrotate is not installed");
        }
        let folder = tempfile::tempdir().unwrap();
        // logrotate refuses folders that others may write.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().join("link.log");
        let cable = Tap::up("cable0");
        let mut watch = Watch::start(&["--log-file", path.to_str().unwrap(), "cable0"]);
        watch.expect("initial", "cable0");
        let configuration = folder.path().join("rotate.conf");
        fs::write(&configuration, format!(
            "{} {{\n  rotate 9\n  nocreate\n  postrotate\n    kill -HUP {}\n  endscript\n}}\n",
            path.display(), watch.id(),
        )).unwrap();
        for _ in 0..3 {
            cable.pull();
            watch.expect("disconnected", "cable0");
            let output = Command::new("logrotate")
                .args(["--force", "--state"])
                .arg(folder.path().join("state"))
                .arg(&configuration)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            eventually("the file is made anew", || path.exists());
            cable.plug();
            watch.expect("connected", "cable0");
        }
        watch.stop();
        let mut all = Vec::new();
        for file in ["link.log.3", "link.log.2", "link.log.1", "link.log"] {
            all.extend(lines(&folder.path().join(file)));
        }
        let mut expected = vec![
            "Network monitoring started".to_owned(),
            "Interface: lo - Status: disconnected (initial)".to_owned(),
            "Interface: cable0 - Status: connected (initial)".to_owned(),
        ];
        for _ in 0..3 {
            expected.push("Interface: cable0 - Status: disconnected".to_owned());
            expected.push("Interface: cable0 - Status: connected".to_owned());
        }
        expected.push("Network monitoring stopped".to_owned());
        assert_eq!(all, expected);
    }

    fn a_log_that_cannot_be_written_is_told_before_anything_is_watched() {
        let output = linkwatch(&["watch", "lo", "--log-file", "/no/such/folder/link.log"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, b"", "nothing was watched");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("opening the log file /no/such/folder/link.log: No such file"), "{error}");
    }

    fn a_full_disk_does_not_end_the_watch() {
        let cable = Tap::up("cable0");
        let mut child = linkwatch(&["watch", "--count", "3", "--log-file", "/dev/full", "cable0"])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        stdout.next().unwrap().unwrap();
        cable.pull();
        assert_eq!(stdout.next().unwrap().unwrap(), "Interface: cable0 - Status: disconnected");
        cable.plug();
        assert_eq!(stdout.next().unwrap().unwrap(), "Interface: cable0 - Status: connected");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(told.matches("No space left on device").count(), 1, "once: {told}");
        assert!(told.contains("5 lines were not written to /dev/full"), "{told}");
    }
}
