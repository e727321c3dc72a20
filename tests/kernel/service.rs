//! linkwatch under a service manager: what it tells it, and the journal.

use std::fs;
use std::io::Read;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Tap, Watch, eventually, has, in_namespace, linkwatch, skip};

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Manager {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Manager { socket, folder }
    }

    fn start(&self, args: &[&str]) -> Watch {
        let mut command = linkwatch(&["watch", "--json"]);
        command
            .args(args)
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        Watch::of(command)
    }

    /// The next message that is not for the watchdog.
    #[track_caller]
    fn next(&self) -> String {
        loop {
            let mut bytes = [0; 4096];
            let length = self.socket.recv(&mut bytes).expect("a message");
            let message = String::from_utf8(bytes[..length].to_vec()).unwrap();
            if message != "WATCHDOG=1" {
                return message;
            }
        }
    }

    /// The next status, which is to be this one, perhaps after others.
    #[track_caller]
    fn wait_for_status(&self, status: &str) {
        let start = Instant::now();
        loop {
            let message = self.next();
            assert!(message.starts_with("STATUS="), "{message}");
            if message == format!("STATUS={status}") {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{message}");
        }
    }
}

/// The unit, for the program that is tested.
fn unit() -> String {
    let unit = include_str!("../../packaging/linkwatch.service.in")
        .replace("@BINDIR@/linkwatch", env!("CARGO_BIN_EXE_linkwatch"))
        .replace("@URL@", "https://example.org/");
    assert!(!unit.contains("@BINDIR"), "{unit}");
    unit
}

/// The values of a setting in a section of a unit.
fn settings<'a>(unit: &'a str, section: &str, setting: &str) -> Vec<&'a str> {
    let mut current = "";
    let mut values = Vec::new();
    for line in unit.lines() {
        if let Some(name) = line.strip_prefix('[') {
            current = name.trim_end_matches(']');
        } else if let Some((name, value)) = line.split_once('=')
            && (current, name) == (section, setting)
        {
            values.push(value);
        }
    }
    values
}

fn monotonic_usec() -> u128 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
    Duration::from(now).as_micros()
}

in_namespace! {
    fn the_service_manager_is_told_of_the_start_the_state_and_the_end() {
        let manager = Manager::new();
        let cables = ["cable0", "cable1"].map(Tap::up);
        let watch = manager.start(&["cable*"]);
        // With everything subscribed and listed: nothing is missed from here on.
        assert_eq!(manager.next(), "READY=1");
        manager.wait_for_status("2 of 2 interfaces connected");
        cables[0].pull();
        manager.wait_for_status("1 of 2 interfaces connected");
        watch.stop();
        assert_eq!(manager.next(), "STOPPING=1");
    }

    fn a_reload_is_told_with_its_time() {
        let manager = Manager::new();
        let config = manager.folder.path().join("linkwatch.toml");
        let good = "[[watch]]\npatterns = ['cable*']\n";
        fs::write(&config, good).unwrap();
        let _cable = Tap::up("cable0");
        let watch = manager.start(&["--config", config.to_str().unwrap()]);
        assert_eq!(manager.next(), "READY=1");
        manager.wait_for_status("1 of 1 interfaces connected");
        for (text, status) in [
            ("[[watch]\n", Some("1 of 1 interfaces connected; the new configuration was refused: ")),
            (good, Some("1 of 1 interfaces connected")),
            (good, None),
        ] {
            fs::write(&config, text).unwrap();
            let before = monotonic_usec();
            watch.signal("HUP");
            let message = manager.next();
            let (reloading, time) = message.split_once('\n').expect("two lines");
            assert_eq!(reloading, "RELOADING=1");
            let time: u128 = time.strip_prefix("MONOTONIC_USEC=").unwrap().parse().unwrap();
            assert!(before <= time && time <= monotonic_usec());
            if let Some(status) = status {
                let message = manager.next();
                assert!(message.starts_with(&format!("STATUS={status}")), "{message}");
            }
            assert_eq!(manager.next(), "READY=1");
        }
        watch.stop();
        assert_eq!(manager.next(), "STOPPING=1");
    }

    fn the_watchdog_is_fed_while_the_loop_turns() {
        let manager = Manager::new();
        let watch = |pid: Option<&str>| {
            let mut command = linkwatch(&["watch", "--json", "lo"]);
            command
                .env("NOTIFY_SOCKET", manager.folder.path().join("notify"))
                .env("WATCHDOG_USEC", "200000");
            if let Some(pid) = pid {
                command.env("WATCHDOG_PID", pid);
            }
            Watch::of(command)
        };
        let next = || {
            let mut bytes = [0; 4096];
            let length = manager.socket.recv(&mut bytes);
            length.map(|length| String::from_utf8_lossy(&bytes[..length]).into_owned())
        };
        let mut fed = watch(None);
        fed.expect("initial", "lo");
        let feeds = |number: usize| {
            let mut count = 0;
            while count < number {
                count += usize::from(next().unwrap() == "WATCHDOG=1");
            }
        };
        let begin = Instant::now();
        feeds(10);
        assert!(begin.elapsed() >= Duration::from_millis(800), "at half the time, no faster");
        // A loop that does not turn feeds nothing.
        fed.signal("STOP");
        let pid = fed.id();
        eventually("it is stopped", || {
            fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") T ")
        });
        manager.socket.set_nonblocking(true).unwrap();
        while next().is_ok() {}
        manager.socket.set_nonblocking(false).unwrap();
        manager.socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        assert!(next().is_err(), "nothing comes");
        manager.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        fed.signal("CONT");
        feeds(2);
        fed.stop();

        // Meant for another process.
        // It has ended, so all that it has said is there.
        manager.socket.set_nonblocking(true).unwrap();
        let last: Vec<String> = std::iter::from_fn(|| next().ok()).collect();
        assert!(last.iter().any(|message| message == "STOPPING=1"), "{last:?}");
        manager.socket.set_nonblocking(false).unwrap();
        let other = watch(Some("1"));
        assert_eq!(next().unwrap(), "READY=1");
        manager.socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        while let Ok(message) = next() {
            assert_ne!(message, "WATCHDOG=1");
        }
        other.stop();
    }

    fn the_manager_may_listen_in_the_abstract_namespace_or_not_at_all() {
        let name = format!("linkwatch-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = linkwatch(&["watch", "--json", "lo"]);
        command.env("NOTIFY_SOCKET", format!("@{name}"));
        let watch = Watch::of(command);
        let mut bytes = [0; 100];
        let length = socket.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"READY=1");
        watch.stop();

        for nobody in ["/no/such/socket", "@", "vsock:2:1", ""] {
            let output = linkwatch(&["watch", "--count", "1", "lo"])
                .env("NOTIFY_SOCKET", nobody)
                .output()
                .unwrap();
            assert!(output.status.success(), "{nobody}");
        }
    }

    fn the_journal_gets_priorities_instead_of_time_stamps() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &std::path::Path, stream: Option<String>, args: &[&str]| {
            let mut command = linkwatch(args);
            if let Some(stream) = stream {
                command.env("JOURNAL_STREAM", stream);
            }
            let errors = fs::File::create(path).unwrap();
            let _ = command.stdout(Stdio::null()).stderr(errors).status().unwrap();
            fs::read_to_string(path).unwrap()
        };
        let path = folder.path().join("errors");
        fs::write(&path, "").unwrap();
        let metadata = fs::metadata(&path).unwrap();
        let journal = format!("{}:{}", metadata.dev(), metadata.ino());
        let args = ["watch", "--count", "1", "-v", "lo", "none0"];
        let text = told(&path, Some(journal.clone()), &args);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("<4>no interface matches 'none0' yet; watching for one"));
        assert!(lines.next().unwrap().starts_with("<6>messages 0, "), "{text}");

        let wrong = ["watch", "--config", "/no/such/file"];
        let text = told(&path, Some(journal), &wrong);
        assert!(text.starts_with("<3>error: reading the configuration /no/such/file: "), "{text}");
        assert_eq!(text.lines().count(), 1);

        // A variable that was inherited, while stderr is something else.
        let text = told(&path, Some("1:1".to_owned()), &args);
        assert!(text.contains("WARN") && text.starts_with('['), "{text}");
    }

    /// What `systemctl reload` does with the unit: one command after the other, until
    /// one fails.
    fn the_units_reload_succeeds_with_a_good_configuration_only() {
        let manager = Manager::new();
        let config = manager.folder.path().join("linkwatch.toml");
        let config = config.to_str().unwrap();
        let unit = unit().replace("/etc/linkwatch.toml", config);
        let [start] = settings(&unit, "Service", "ExecStart")[..] else { panic!("{unit}") };
        let start = start.strip_prefix(env!("CARGO_BIN_EXE_linkwatch")).expect(start);
        let args: Vec<&str> = start.split_whitespace().collect();
        assert_eq!(args, ["watch", "--config", config]);

        fs::write(config, "[[watch]]\npatterns = ['cable*']\n").unwrap();
        let watch = manager.start(&args[1..]);
        assert_eq!(manager.next(), "READY=1");
        manager.wait_for_status("0 of 0 interfaces connected");
        let id = watch.id().to_string();
        let reload = |text: &str| {
            fs::write(config, text).unwrap();
            let commands = settings(&unit, "Service", "ExecReload");
            assert!(!commands.is_empty(), "{unit}");
            commands.iter().all(|command| {
                let mut shell = Command::new("sh");
                shell.args(["-c", command]).env("MAINPID", &id).stderr(Stdio::null());
                shell.stdout(Stdio::null()).status().unwrap().success()
            })
        };
        assert!(reload("[[watch]]\npatterns = ['lo']\n"));
        assert!(manager.next().starts_with("RELOADING=1\n"));
        while manager.next() != "READY=1" {}

        assert!(!reload("[[watch]]\npattern = ['lo']\n"), "a wrong key");
        assert!(!reload("[[watch]]\nexec = '/no/such/hook'\n"));
        watch.stop();
        // No reload came before the end.
        loop {
            let message = manager.next();
            if message == "STOPPING=1" {
                break;
            }
            assert!(message.starts_with("STATUS=") && !message.contains("refused"), "{message}");
        }
    }

    fn the_unit_is_never_given_up_but_for_a_wrong_configuration() {
        let unit = unit();
        for (section, setting, values) in [
            // Known to every systemd; "notify-reload" is not.
            ("Service", "Type", &["notify"]),
            ("Service", "Restart", &["always"]),
            ("Unit", "StartLimitIntervalSec", &["0"]),
            // What a wrong configuration ends with, see below.
            ("Service", "RestartPreventExitStatus", &["2"]),
        ] {
            assert_eq!(settings(&unit, section, setting), values, "{setting}");
        }
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("linkwatch.toml");
        for (text, code) in [
            ("[[watch]\n", 2),
            ("[[watch]]\nexec = '/no/such/hook'\n", 1),
            ("[[watch]]\nnetns = 'no-such-namespace'\n", 1),
        ] {
            fs::write(&config, text).unwrap();
            let output = linkwatch(&["watch", "--config", config.to_str().unwrap()]).output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{text}: {output:?}");
        }
    }

    fn the_unit_is_one_that_systemd_accepts() {
        if !has("systemd-analyze") {
            return skip("systemd-analyze is not installed");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("linkwatch.service");
        fs::write(&path, unit()).unwrap();
        let unit = path;
        let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let complaints: Vec<&str> = told
            .lines()
            .filter(|line| line.contains("linkwatch.service"))
            .collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
        let mut security = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager"])
            .arg(&unit)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut text = String::new();
        security.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        security.wait().unwrap();
        let Some(score) = text.lines().find(|line| line.contains("Overall exposure")) else {
            return skip("this systemd-analyze tells no score");
        };
        // With --nocapture, people see it.
        println!("{}", score.trim());
        let number = score.rsplit(": ").next().unwrap().split(' ').next().unwrap();
        assert!(number.parse::<f64>().expect("a number") < 4.0, "{text}");
    }
}
