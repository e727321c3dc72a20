//! `linkwatch watch --config`, `check-config`, and reloading.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::hooks::Hook;
use crate::support::{
    Counters, StopOnDrop, Tap, Watch, assert_alternating, eventually, in_namespace, ip_batch,
    linkwatch, sum,
};

/// A hook, a configuration beside it, and a watch by it.
struct Service {
    hook: Hook,
    config: PathBuf,
}

impl Service {
    fn new(script: &str) -> Service {
        let hook = Hook::new(script);
        let config = hook.file("linkwatch.toml");
        Service { hook, config }
    }

    /// Writes the configuration; `HOOK` and `FOLDER` stand for the paths.
    fn configure(&self, text: &str) {
        let hook = self.hook.path();
        let folder = hook.parent().unwrap().to_str().unwrap();
        let text = text
            .replace("HOOK", hook.to_str().unwrap())
            .replace("FOLDER", folder);
        fs::write(&self.config, text).unwrap();
        fs::set_permissions(&self.config, Permissions::from_mode(0o644)).unwrap();
    }

    fn start(&self) -> Watch {
        let errors = fs::File::create(self.hook.file("errors")).unwrap();
        let mut command = linkwatch(&["watch", "--json", "-v", "--config"]);
        command.arg(&self.config).stderr(errors);
        Watch::of(command)
    }

    fn told(&self, words: &str) -> bool {
        self.hook
            .lines("errors")
            .iter()
            .any(|line| line.contains(words))
    }

    #[track_caller]
    fn wait_until_told(&self, words: &str) {
        eventually(words, || self.told(words));
    }
}

fn check(path: &Path) -> Output {
    linkwatch(&["check-config"]).arg(path).output().unwrap()
}

in_namespace! {
    fn several_watches_each_do_their_own() {
        let service = Service::new("echo $1 $2 >>$folder/calls");
        service.configure(
            "[[watch]]\n\
             patterns = ['cable0']\n\
             exec = 'HOOK'\n\
             log-file = 'FOLDER/cable0.log'\n\
             [[watch]]\n\
             patterns = ['cable1']\n\
             events = ['disconnected']\n\
             settle-down = '1ms'\n\
             log-file = 'FOLDER/cable1.log'\n",
        );
        let cables = ["cable0", "cable1"].map(Tap::up);
        let mut watch = service.start();
        watch.expect("initial", "cable0");
        for cable in &cables {
            cable.pull();
        }
        watch.until("both", |events| events.len() == 3);
        eventually("the hook", || service.hook.lines("calls").len() == 2);
        watch.stop();
        assert_eq!(service.hook.lines("calls"), ["cable0 initial", "cable0 disconnected"]);
        let log = |name: &str| -> Vec<String> {
            let lines = service.hook.lines(name);
            lines.iter().map(|line| line.split_once(" - ").unwrap().1.to_owned()).collect()
        };
        assert_eq!(log("cable0.log"), [
            "Network monitoring started",
            "Interface: cable0 - Status: connected (initial)",
            "Interface: cable0 - Status: disconnected",
            "Network monitoring stopped",
        ]);
        assert_eq!(log("cable1.log"), [
            "Network monitoring started",
            "Interface: cable1 - Status: disconnected",
            "Network monitoring stopped",
        ]);
    }

    fn each_line_tells_which_watch_it_is_from() {
        let service = Service::new("true");
        service.configure(
            "[[watch]]\nname = 'all \"b\"'\npatterns = ['cable*']\n\
             [[watch]]\npatterns = ['cable0']\nevents = ['disconnected']\n",
        );
        let cable = Tap::up("cable0");
        let mut watch = service.start();
        assert_eq!(watch.expect("initial", "cable0")["watch"], "all \"b\"");
        cable.pull();
        watch.until("both", |events| events.len() == 3);
        let mut watches: Vec<_> = watch.events[1..].iter().map(|e| e["watch"].clone()).collect();
        watches.sort_by_key(|name| name.to_string());
        assert_eq!(watches, ["2", "all \"b\""]);
        watch.stop();
    }

    fn the_link_of_two_watches_never_has_two_hooks_at_once() {
        let service = Service::new(
            "mkdir $folder/lock || echo two >>$folder/calls\n\
             sleep 0.1; rmdir $folder/lock; echo $1 $2 >>$folder/calls",
        );
        service.configure(
            "[[watch]]\npatterns = ['cable*']\nexec = 'HOOK'\n\
             [[watch]]\npatterns = ['*0']\nexec = 'HOOK'\n",
        );
        let _cable = Tap::up("cable0");
        let watch = service.start();
        eventually("both", || service.hook.lines("calls").len() >= 2);
        assert_eq!(service.hook.lines("calls"), ["cable0 initial", "cable0 initial"]);
        watch.stop();
    }

    fn a_wrong_configuration_is_told_and_nothing_is_watched() {
        let service = Service::new("true");
        service.configure("[[watch]]\npatern = ['eth*']\n");
        let error = format!(
            "linkwatch: error: {}:2:1: there is no key 'patern' here; did you mean 'patterns'?\n",
            service.config.display()
        );
        for args in [&["watch", "--config"][..], &["check-config"]] {
            let output = linkwatch(args).arg(&service.config).output().unwrap();
            assert_eq!(output.status.code(), Some(2));
            assert_eq!(String::from_utf8_lossy(&output.stderr), error);
            assert_eq!(output.stdout, b"");
        }
        let output = check(Path::new("/no/such/file"));
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("reading the configuration /no/such/file: No such file"), "{error}");
        assert_eq!(check(Path::new("/dev/zero")).status.code(), Some(2), "without end");
        fs::write(&service.config, b"[[watch]]\nname = \"\xff\"\n").unwrap();
        let output = check(&service.config);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("linkwatch.toml:2:9: this is not UTF-8"), "{error}");
    }

    fn a_right_configuration_is_told_so() {
        let service = Service::new("true");
        service.configure("[[watch]]\nexec = 'HOOK'\n[[watch]]\n");
        let output = check(&service.config);
        assert!(output.status.success(), "{output:?}");
        let told = format!("{}: 2 watches, nothing wrong\n", service.config.display());
        assert_eq!(String::from_utf8_lossy(&output.stdout), told);
        // Programs that may not be run, or that anybody could exchange.
        let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        set(&service.config, 0o666);
        let output = check(&service.config);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("refusing the hooks that"), "{error}");
        set(&service.config, 0o644);
        set(&service.hook.path(), 0o777);
        let output = check(&service.config);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("refusing the hook "), "{error}");
    }

    fn what_a_configuration_names_has_to_be_there() {
        let service = Service::new("true");
        for (line, why) in [
            ("netns = 'nope'", "netns of the watch 'lan': "),
            ("log-file = '/no/such/log'", "log-file of the watch 'lan': there is no folder /no/such"),
            ("[service]\nmetrics = '/no/such/file'", "metrics: there is no folder /no/such"),
        ] {
            service.configure(&format!("[[watch]]\nname = 'lan'\n{line}\n"));
            let output = check(&service.config);
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{error}");
            assert!(error.contains(why), "{error}");
        }
        service.configure("[[watch]]\nlog-file = 'FOLDER/log'\n");
        assert!(check(&service.config).status.success());
    }

    fn options_that_the_file_decides_are_refused_beside_it() {
        for option in [
            &["eth0"][..], &["--settle-up", "1s"], &["--exec", "/bin/true"], &["--netns", "x"],
            &["--log-file", "/tmp/x"], &["--events", "all"], &["--criterion", "running"],
        ] {
            let output = linkwatch(&["watch", "--config", "/etc/linkwatch.toml"])
                .args(option)
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(2), "{option:?}");
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(error.contains("cannot be used with"), "{error}");
        }
    }

    fn a_reload_keeps_what_is_the_same() {
        let service = Service::new("true");
        service.configure(
            "[[watch]]\nname = 'same'\npatterns = ['cable0']\n[[watch]]\npatterns = ['cable1']\n",
        );
        let cables = ["cable0", "cable1"].map(Tap::up);
        let before = Counters::of("cable0").sum();
        let mut watch = service.start();
        watch.until("the start", |events| events.len() == 2);
        for (number, name) in [(1, "one"), (2, "two"), (3, "three")] {
            // The second is another one each time, the first has another place.
            service.configure(&format!(
                "[[watch]]\nname = '{name}'\npatterns = ['cable1', '{name}']\n\
                 [[watch]]\nname = 'same'\npatterns = ['cable0']\n",
            ));
            cables[0].flap(number);
            watch.signal("HUP");
            watch.until("another initial of cable1", |events| {
                let again = events.iter().filter(|e| e["event"] == "initial" && e["name"] == "cable1");
                again.count() == number as usize + 1
            });
        }
        cables[0].pull();
        let counted = Counters::of("cable0").sum() - before;
        let of_the_same = |events: &[Value]| -> Vec<Value> {
            events.iter().filter(|event| event["name"] == "cable0").cloned().collect()
        };
        watch.until("all", |events| sum(&of_the_same(events)) == counted);
        let initial = of_the_same(&watch.events);
        let initial = initial.iter().filter(|event| event["event"] == "initial");
        assert_eq!(initial.count(), 1, "it went on");
        watch.stop();
    }

    fn a_broken_configuration_is_refused_and_the_old_one_goes_on() {
        let service = Service::new("echo $1 $2 >>$folder/calls");
        let good = "[[watch]]\npatterns = ['cable0']\nexec = 'HOOK'\n";
        service.configure(good);
        let cable = Tap::up("cable0");
        let mut watch = service.start();
        watch.expect("initial", "cable0");
        for (bad, why) in [
            ("[[watch]]\nsettle-upp = '2s'\n", "2:1: there is no key 'settle-upp' here; did you mean 'settle-up'?"),
            ("[[watch]\n", "linkwatch.toml:1:9: "),
            ("", "there is nothing to watch"),
            // One is right, the other cannot be started.
            ("[[watch]]\n[[watch]]\nexec = '/no/such/hook'\n", "refusing the hook /no/such/hook"),
            ("[[watch]]\n[[watch]]\nnetns = 'none'\n", "netns of the watch '2': "),
            ("[[watch]]\n[[watch]]\nlog-file = '/no/such/log'\n", "opening the log file /no/such/log"),
        ] {
            service.configure(bad);
            watch.signal("HUP");
            service.wait_until_told(why);
            let refusals = service.hook.lines("errors");
            assert!(refusals.last().unwrap().ends_with("; going on with the old configuration"), "{refusals:?}");
            cable.pull();
            watch.expect("disconnected", "cable0");
            cable.plug();
            watch.expect("connected", "cable0");
        }
        eventually("the hook goes on", || service.hook.lines("calls").last().unwrap() == "cable0 connected");
        service.configure(good);
        watch.signal("HUP");
        service.wait_until_told("reloaded ");
        watch.stop();
    }

    fn no_more_events_are_reported_than_are_counted_even_at_a_reload() {
        const COUNT: usize = 500;
        let service = Service::new("true");
        let configure = |settle: u32| {
            let watch = |number| format!("[[watch]]\nname = '{number}'\npatterns = ['cable*']\nsettle-up = '{settle}ms'\n");
            service.configure(&[1, 2, 3].map(watch).concat());
        };
        configure(0);
        let cable = Tap::up("cable0");
        let output = service.hook.file("output");
        let mut child = linkwatch(&["watch", "--json", "--count", &COUNT.to_string(), "--config"])
            .arg(&service.config)
            .stdout(fs::File::create(&output).unwrap())
            .spawn()
            .unwrap();
        let signal = |signal: &str| {
            let id = child.id().to_string();
            assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        };
        eventually("they began", || service.hook.lines("output").len() == 3);
        // Both are there when it looks: a reload, and more than it reads at a time.
        signal("STOP");
        ip_batch((0..COUNT).map(|number| format!("link set cable{} name cable{}", number % 2, (number + 1) % 2)));
        configure(1);
        signal("HUP");
        signal("CONT");
        eventually("its end", || child.try_wait().unwrap().is_some());
        assert!(child.wait().unwrap().success());
        assert_eq!(service.hook.lines("output").len(), COUNT);
        drop(cable);
    }

    fn a_reload_counts_no_transition_twice_and_loses_none() {
        let service = Service::new("true");
        let configure = |number: u64, more: &str| service.configure(&format!(
            "[[watch]]\nname = 'uplink'\npatterns = ['cable*']\nsettle-up = '{number}ms'\n{more}"
        ));
        configure(0, "");
        let cable = Tap::up("cable0");
        let before = Counters::of("cable0").sum();
        let mut watch = service.start();
        watch.expect("initial", "cable0");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let stop = StopOnDrop(&is_over);
            let flapping = scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    cable.flap(1);
                    std::thread::sleep(Duration::from_micros(300));
                }
            });
            for number in 1..=10 {
                // One that cannot be started ends nothing.
                configure(number, "[[watch]]\nnetns = 'none'\n");
                watch.signal("HUP");
                eventually("it is refused", || {
                    let errors = service.hook.lines("errors");
                    let refused = errors.iter().filter(|line| line.contains("going on with the old"));
                    refused.count() as u64 == number
                });
                configure(number, "");
                watch.signal("HUP");
                watch.until("another initial", |events| {
                    let again = events.iter().filter(|event| event["event"] == "initial");
                    again.count() as u64 == number + 1
                });
            }
            drop(stop);
            flapping.join().unwrap();
        });
        let counted = Counters::of("cable0").sum() - before;
        let events = watch.stop();
        assert_eq!(sum(&events), counted);
        let starts = events.iter().enumerate().filter(|(_, event)| event["event"] == "initial");
        let starts: Vec<usize> = starts.map(|(at, _)| at).collect();
        for (&from, &to) in starts.iter().zip(&starts[1..]) {
            assert_alternating(&events[from..to]);
            let [last, first] = [to - 1, to].map(|at| &events[at]);
            let time = |event: &Value| event["time"].as_str().unwrap().to_owned();
            assert!(time(last) <= time(first), "{last} {first}");
            assert_eq!(last["connected"], first["connected"], "it begins where the other ends");
        }
        assert_alternating(&events[*starts.last().unwrap()..]);
    }

    fn a_reload_changes_what_is_done_from_then_on() {
        let service = Service::new("echo $1 $2 old >>$folder/calls");
        service.configure("[[watch]]\npatterns = ['cable0']\nexec = 'HOOK'\nlog-file = 'FOLDER/old.log'\n");
        let cable = Tap::up("cable0");
        let mut watch = service.start();
        watch.expect("initial", "cable0");
        eventually("the hook", || service.hook.lines("calls").len() == 1);
        service.configure("[[watch]]\npatterns = ['cable0']\nlog-file = 'FOLDER/new.log'\n");
        watch.signal("HUP");
        watch.expect("initial", "cable0");
        cable.pull();
        watch.expect("disconnected", "cable0");
        watch.stop();
        assert_eq!(service.hook.lines("calls").len(), 1);
        assert!(service.hook.lines("old.log").last().unwrap().ends_with("monitoring stopped"));
        assert_eq!(service.hook.lines("new.log").len(), 4);
    }

    fn what_a_replaced_watch_holds_back_is_told_and_runs_its_hook() {
        let service = Service::new("echo $1 $2 >>$folder/calls");
        let before = "[[watch]]\npatterns = ['cable0']\nexec = 'HOOK'\nsettle-down = '60m'\n";
        service.configure(before);
        let cable = Tap::up("cable0");
        let mut watch = service.start();
        watch.expect("initial", "cable0");
        let counted = Counters::of("cable0").sum();
        eventually("the hook", || service.hook.lines("calls").len() == 1);
        cable.flap(3);
        cable.pull();
        // The kernel may have announced one of them, or none.
        service.configure("[[watch]]\npatterns = ['cable0']\n");
        watch.signal("HUP");
        service.wait_until_told("reloaded ");
        let counted = Counters::of("cable0").sum() - counted;
        watch.until("all of it", |events| sum(events) == counted);
        assert_eq!(watch.events.last().unwrap()["event"], "disconnected");
        assert_eq!(watch.expect("initial", "cable0")["connected"], false);
        // The new watch begins with an outage, of which it tells its hooks nothing.
        eventually("the hook", || service.hook.lines("calls").len() == 2);
        watch.stop();
        assert_eq!(service.hook.lines("calls"), ["cable0 initial", "cable0 disconnected"]);
    }

    fn a_watch_of_another_name_is_another_one() {
        let service = Service::new("true");
        service.configure("[[watch]]\npatterns = ['cable0']\n");
        let _cable = Tap::up("cable0");
        let mut watch = service.start();
        assert_eq!(watch.expect("initial", "cable0")["watch"], "1");
        service.configure("[[watch]]\nname = 'uplink'\npatterns = ['cable0']\n");
        watch.signal("HUP");
        assert_eq!(watch.expect("initial", "cable0")["watch"], "uplink");
        watch.stop();
    }
}
