//! `linkwatch watch --exec`: hooks of all manners, on cables that are pulled.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    Counters, Tap, Watch, awk, eventually, in_namespace, ip, ip_batch, link_json, linkwatch,
    rename_up, skip, sum,
};

/// A folder with a hook in it, and what the hook writes there.
pub struct Hook {
    folder: TempDir,
}

impl Hook {
    /// A shell script, which finds the folder in `$folder`.
    pub fn new(script: &str) -> Hook {
        let folder = tempfile::tempdir().unwrap();
        // Elsewhere umask may let the group write.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let hook = Hook { folder };
        hook.write(script);
        hook
    }

    pub fn write(&self, script: &str) {
        let folder = self.folder.path().display();
        // Renamed into place: a script that is being written cannot be run.
        let new = self.file("new");
        fs::write(&new, format!("#!/bin/sh\nfolder={folder}\n{script}\n")).unwrap();
        fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, self.path()).unwrap();
    }

    pub fn path(&self) -> PathBuf {
        self.file("hook")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.file(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Starts a watch that runs the hook.
    fn watch(&self, args: &[&str]) -> Watch {
        let path = self.path();
        let mut all = vec!["--exec", path.to_str().unwrap()];
        all.extend(args);
        Watch::start(&all)
    }
}

/// The processes that `pid` is the parent of, with their states.
fn children(pid: u32) -> Vec<(u32, char)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let state = fields.next().and_then(|state| state.chars().next());
        let parent: Option<u32> = fields.next().and_then(|parent| parent.parse().ok());
        let child = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let (Some(child), Some(state), true) = (child, state, parent == Some(pid)) {
            found.push((child, state));
        }
    }
    found
}

fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Waits until nothing is left of any hook.
#[track_caller]
fn assert_nothing_left(pid: u32, descriptors_before: usize) {
    eventually("no child, no zombie, no descriptor", || {
        children(pid).is_empty() && descriptors(pid) == descriptors_before
    });
}

/// The mask of signals in this line of `/proc/PID/status`.
fn signals(status: &str, name: &str) -> u64 {
    let mut masks = status.lines().filter_map(|line| line.strip_prefix(name));
    u64::from_str_radix(masks.next().expect(name).trim(), 16).unwrap()
}

/// Those that linkwatch takes, or its runtime ignores: HUP, INT, PIPE, TERM.
const TAKEN: u64 = 0b101_0000_0000_0011;

in_namespace! {
    fn a_hook_is_told_of_each_change() {
        let hook = Hook::new(r#"echo "$# $1 $2" >>$folder/calls"#);
        let cable = Tap::up("cable0");
        let _dead = Tap::new("cable1");
        let mut watch = hook.watch(&["cable*"]);
        watch.expect("initial", "cable0");
        watch.expect("initial", "cable1");
        // Only that which is connected; the other did not go down.
        eventually("the start", || hook.lines("calls") == ["2 cable0 initial"]);
        cable.pull();
        eventually("out", || hook.lines("calls").last().unwrap() == "2 cable0 disconnected");
        cable.plug();
        eventually("in", || hook.lines("calls").last().unwrap() == "2 cable0 connected");
        ip(&["link", "set", "cable0", "alias", "nothing"]);
        drop(cable);
        eventually("gone", || hook.lines("calls").len() == 4);
        watch.expect("disconnected", "cable0");
        watch.expect("connected", "cable0");
        watch.expect("disconnected", "cable0");
        watch.expect("removed", "cable0");
        watch.stop();
        assert_eq!(hook.lines("calls"), [
            "2 cable0 initial", "2 cable0 disconnected", "2 cable0 connected", "2 cable0 disconnected",
        ]);
    }

    fn chosen_events_are_those_that_a_hook_sees() {
        let hook = Hook::new(r#"echo "$1 $2 $LINKWATCH_PREVIOUS_NAME" >>$folder/calls"#);
        let cable = Tap::up("cable0");
        let mut watch = hook.watch(&["cable*", "--events", "initial,renamed,removed"]);
        watch.expect("initial", "cable0");
        cable.pull();
        eventually("the start", || hook.lines("calls").len() == 2);
        // Of lo too, which is not connected: it was chosen.
        let mut calls = hook.lines("calls");
        calls.sort();
        assert_eq!(calls, ["cable0 initial ", "lo initial "]);
        if rename_up("cable0", "cable1") {
            eventually("renamed", || hook.lines("calls").last().unwrap() == "cable1 renamed cable0");
        }
        drop(cable);
        eventually("removed", || hook.lines("calls").last().unwrap().ends_with(" removed "));
        watch.stop();
    }

    fn the_environment_and_the_input_say_the_same() {
        let hook = Hook::new("env -0 >$folder/env.$2; cat >$folder/json.$2; pwd >$folder/pwd.$2");
        let cable = Tap::up("cable0");
        let index = link_json("cable0")["ifindex"].to_string();
        let mut watch = hook.watch(&["cable0"]);
        watch.expect("initial", "cable0");
        cable.pull();
        let told = watch.expect("disconnected", "cable0");
        eventually("the hook", || !hook.lines("pwd.disconnected").is_empty());
        watch.stop();

        let json = fs::read_to_string(hook.file("json.disconnected")).unwrap();
        assert_eq!(json.matches('\n').count(), 1);
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), told);
        assert_eq!(hook.lines("pwd.disconnected"), ["/"]);

        let environment = fs::read_to_string(hook.file("env.disconnected")).unwrap();
        let mut environment: BTreeMap<&str, &str> = environment
            .split_terminator('\0')
            .map(|variable| variable.split_once('=').unwrap())
            .collect();
        for of_the_shell in ["PWD", "OLDPWD", "SHLVL", "_"] {
            environment.remove(of_the_shell);
        }
        let time = told["time"].as_str().unwrap();
        assert_eq!(environment, BTreeMap::from([
            ("LANG", "C.UTF-8"),
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("LINKWATCH_WATCH", "1"),
            ("LINKWATCH_TIME", time),
            ("LINKWATCH_EVENT", "disconnected"),
            ("LINKWATCH_IFINDEX", &index),
            ("LINKWATCH_NAME", "cable0"),
            ("LINKWATCH_KIND", "tun"),
            ("LINKWATCH_CONNECTED", "false"),
            ("LINKWATCH_CARRIER", "false"),
            ("LINKWATCH_RUNNING", "false"),
            ("LINKWATCH_OPERSTATE", "down"),
            ("LINKWATCH_TRANSITIONS", "1"),
            ("LINKWATCH_UNSEEN", "0"),
            ("LINKWATCH_REASON", "no-carrier"),
        ]));
    }

    fn a_name_is_an_argument_whatever_it_holds() {
        let hook = Hook::new(r#"printf '%s|%s|%s\n' "$1" "$2" "$LINKWATCH_NAME" >>$folder/calls"#);
        let _cables = ["-rf", "$(reboot)", "a;b`c`"].map(Tap::up);
        let watch = hook.watch(&["*"]);
        eventually("all", || hook.lines("calls").len() == 3);
        let mut calls = hook.lines("calls");
        calls.sort();
        assert_eq!(calls, [
            "$(reboot)|initial|$(reboot)", "-rf|initial|-rf", "a;b`c`|initial|a;b`c`",
        ]);
        watch.stop();
    }

    fn a_thousand_changes_while_a_hook_runs_are_one_more_run() {
        let hook = Hook::new(
            "cat >>$folder/json\n\
             while [ -e $folder/wait ]; do sleep 0.02; done",
        );
        fs::write(hook.file("wait"), "").unwrap();
        let cable = Tap::up("cable0");
        let before = Counters::of("cable0").sum();
        let mut watch = hook.watch(&["cable0", "--exec-timeout", "10m"]);
        watch.expect("initial", "cable0");
        eventually("it runs", || hook.lines("json").len() == 1);
        // The kernel tells of these at once, and of the flaps as it likes.
        for _ in 0..5 {
            cable.flap(50);
            let (down, up) = ("link set cable0 down", "link set cable0 up");
            ip_batch((0..100).flat_map(|_| [down.to_owned(), up.to_owned()]));
        }
        cable.pull();
        let counted = Counters::of("cable0").sum() - before;
        assert!(counted > 500);
        watch.until("the last", |events| {
            sum(events) == counted && events.last().unwrap()["event"] == "disconnected"
        });
        let later = watch.events.len() - 1;
        assert!(later > 1000, "{later}");
        assert_eq!(hook.lines("json").len(), 1, "not while it runs");
        assert_eq!(children(watch.id()).len(), 1);
        fs::remove_file(hook.file("wait")).unwrap();
        eventually("the last state", || hook.lines("json").len() == 2);
        let last: Value = serde_json::from_str(&hook.lines("json")[1]).unwrap();
        assert_eq!(last["event"], "disconnected");
        assert_eq!(last["collapsed"], later - 1);
        assert_eq!(last["transitions"], counted);
        assert_eq!(last["unseen"], counted - 1, "the step that this is about is told");
        eventually("all have ended", || children(watch.id()).is_empty());
        watch.stop();
        assert_eq!(hook.lines("json").len(), 2);
    }

    fn flaps_that_run_no_hook_are_in_the_account_of_the_next() {
        let hook = Hook::new("cat >>$folder/json");
        let cable = Tap::up("cable0");
        let mut watch = hook.watch(&["cable0"]);
        watch.expect("initial", "cable0");
        eventually("the start", || hook.lines("json").len() == 1);
        let before = Counters::of("cable0").sum();
        watch.until("a flap", |events| {
            cable.flap(50);
            events.iter().any(|event| event["event"] == "flapped")
        });
        cable.pull();
        let counted = Counters::of("cable0").sum() - before;
        watch.until("all", |events| sum(events) == counted);
        let told = || -> Vec<Value> {
            let lines = hook.lines("json");
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        eventually("all told", || sum(&told()) == counted);
        assert!(told().iter().all(|event| event["event"] != "flapped"));
        watch.stop();
    }

    fn a_flap_within_the_settle_time_runs_no_hook() {
        let hook = Hook::new("cat >>$folder/json");
        let cable = Tap::up("cable0");
        let before = Counters::of("cable0").sum();
        let mut watch = hook.watch(&["cable0", "--settle-down", "3s", "--settle-up", "50ms"]);
        watch.expect("initial", "cable0");
        eventually("the start", || hook.lines("json").len() == 1);
        cable.pull();
        // The kernel has announced it.
        eventually("out", || link_json("cable0")["operstate"] == "DOWN");
        cable.plug();
        let counted = || Counters::of("cable0").sum() - before;
        watch.until("a flap", |events| sum(events) == counted());
        assert_eq!(watch.events.last().unwrap()["event"], "flapped");
        assert_eq!(hook.lines("json").len(), 1);
        cable.pull();
        let begin = std::time::Instant::now();
        watch.until("out", |events| events.last().unwrap()["event"] == "disconnected");
        assert!(begin.elapsed().as_millis() >= 3000, "it has lasted");
        eventually("the hook", || hook.lines("json").len() == 2);
        let last: Value = serde_json::from_str(&hook.lines("json")[1]).unwrap();
        assert_eq!(last["event"], "disconnected");
        assert_eq!(last["transitions"], counted(), "with those of the flap");
        watch.stop();
    }

    fn a_hook_gets_no_descriptor_of_ours() {
        let hook = Hook::new("for f in /proc/$$/fd/*; do echo ${f##*/} $(readlink $f); done >>$folder/fds");
        let log = hook.file("log");
        let config = hook.file("linkwatch.toml");
        fs::write(&config, format!(
            "[[watch]]\npatterns = ['cable0']\nexec = '{}'\nlog-file = '{}'\n[[watch]]\n",
            hook.path().display(), log.display(),
        )).unwrap();
        fs::set_permissions(&config, Permissions::from_mode(0o644)).unwrap();
        let _cable = Tap::up("cable0");
        let mut command = linkwatch(&["watch", "--json", "--config"]);
        command.arg(&config);
        let watch = Watch::of(command);
        eventually("it runs", || hook.lines("fds").len() >= 3);
        watch.stop();
        // What linkwatch itself inherited, from this test, is not looked at.
        let ours = ["socket:", "anon_inode:", log.to_str().unwrap()];
        let lines = hook.lines("fds");
        let foreign: Vec<&String> = lines
            .iter()
            .filter(|line| ours.iter().any(|ours| line.split_once(' ').unwrap().1.starts_with(ours)))
            .collect();
        assert!(foreign.is_empty(), "{foreign:?}");
    }

    fn what_happens_to_the_successor_of_a_link_waits_for_the_link_s_hook() {
        let hook = Hook::new(
            "echo begin $1 $2 >>$folder/calls\n\
             [ $2 != disconnected ] || while [ ! -e $folder/go ] && [ -d $folder ]; do sleep 0.01; done\n\
             echo end $1 $2 >>$folder/calls",
        );
        let cable = Tap::up("cable0");
        let mut watch = hook.watch(&["cable*"]);
        watch.expect("initial", "cable0");
        eventually("the start", || hook.lines("calls").len() == 2);
        drop(cable);
        let last = || hook.lines("calls").last().unwrap().clone();
        eventually("the end", || last() == "begin cable0 disconnected");
        let _successor = Tap::up("cable0");
        // It is called otherwise then, which does not let it overtake itself.
        ip(&["link", "set", "cable0", "down"]);
        ip(&["link", "set", "cable0", "name", "cable1"]);
        ip(&["link", "set", "cable1", "up"]);
        watch.until("the successor", |events| {
            let last = events.last().unwrap();
            last["event"] == "connected" && last["name"] == "cable1"
        });
        // Time for a hook that does not wait.
        let _other = Tap::up("other");
        ip(&["link", "set", "other", "down"]);
        assert_eq!(last(), "begin cable0 disconnected");
        fs::write(hook.file("go"), "").unwrap();
        eventually("all", || last() == "end cable1 connected");
        let calls = hook.lines("calls");
        assert_eq!(calls[2..], [
            "begin cable0 disconnected", "end cable0 disconnected",
            "begin cable0 disconnected", "end cable0 disconnected",
            "begin cable1 connected", "end cable1 connected",
        ]);
        watch.stop();
    }

    fn a_slow_hook_delays_no_other_link() {
        let hook = Hook::new(
            "echo $1 $2 >>$folder/calls\n\
             while [ $1 = cable0 ] && [ -e $folder/wait ]; do sleep 0.02; done",
        );
        fs::write(hook.file("wait"), "").unwrap();
        let _slow = Tap::up("cable0");
        let quick = Tap::up("cable1");
        let watch = hook.watch(&["cable*"]);
        eventually("both", || hook.lines("calls").len() == 2);
        for _ in 0..5 {
            let before = hook.lines("calls").len();
            quick.pull();
            eventually("out", || hook.lines("calls").len() == before + 1);
            quick.plug();
            eventually("in", || hook.lines("calls").len() == before + 2);
        }
        eventually("only the slow one still runs", || children(watch.id()).len() == 1);
        assert_eq!(hook.lines("calls").iter().filter(|call| call.contains("cable0")).count(), 1);
        fs::remove_file(hook.file("wait")).unwrap();
        watch.stop();
    }

    fn a_reader_that_reads_nothing_delays_no_hook() {
        let hook = Hook::new("echo $2 $LINKWATCH_REASON >>$folder/calls");
        let cable = Tap::up("cable0");
        let mut child = linkwatch(&["watch", "--json", "cable0", "--exec"])
            .arg(hook.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        eventually("the start", || hook.lines("calls") == ["initial"]);
        // More than a pipe holds.
        let (down, up) = ("link set cable0 down", "link set cable0 up");
        ip_batch((0..250).flat_map(|_| [down.to_owned(), up.to_owned()]));
        cable.pull();
        eventually("the last state", || hook.lines("calls").last().unwrap() == "disconnected no-carrier");
        // And it can be ended. What was not read is lost.
        let status = Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(status.success());
        eventually("its end", || child.try_wait().unwrap().is_some());
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }

    fn no_more_than_sixteen_hooks_run_and_all_have_their_turn() {
        let hook = Hook::new(
            "echo $1 >>$folder/calls\n\
             while [ -e $folder/wait ]; do sleep 0.02; done",
        );
        fs::write(hook.file("wait"), "").unwrap();
        let names: Vec<String> = (10..50).map(|number| format!("cable{number}")).collect();
        let _cables: Vec<Tap> = names.iter().map(|name| Tap::up(name)).collect();
        let mut watch = hook.watch(&["cable*"]);
        watch.until("all", |events| events.len() == names.len());
        eventually("sixteen", || hook.lines("calls").len() == 16);
        assert_eq!(children(watch.id()).len(), 16);
        assert_eq!(hook.lines("calls").len(), 16);
        fs::remove_file(hook.file("wait")).unwrap();
        eventually("all have run", || hook.lines("calls").len() == names.len());
        let mut calls = hook.lines("calls");
        calls.sort();
        assert_eq!(calls, names);
        watch.stop();
    }

    fn whatever_hooks_do_nothing_of_them_is_left() {
        let hook = Hook::new(
            "echo $1 $2 >>$folder/calls\n\
             case $1 in\n\
             hangs) sleep 300 ;;\n\
             deaf) trap '' TERM; while :; do sleep 0.05; done ;;\n\
             fails) echo words of a failure >&2; exit 3 ;;\n\
             forks) sleep 300 & echo $! >>$folder/left ;;\n\
             floods) i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done ;;\n\
             esac",
        );
        let names = ["hangs", "deaf", "fails", "forks", "floods"];
        let cables = names.map(Tap::up);
        let errors = fs::File::create(hook.file("errors")).unwrap();
        let mut command = linkwatch(&["watch", "--json", "--exec-timeout", "300ms", "--exec"]);
        command.arg(hook.path()).args(names).arg("lo").stderr(errors);
        let mut watch = Watch::of(command);
        watch.until("all", |events| events.len() == names.len() + 1);
        let id = watch.id();
        eventually("all have run", || hook.lines("calls").len() == names.len());
        eventually("all have ended", || children(id).is_empty());
        let before = descriptors(id);
        let every_last_is = |events: &[Value], kind: &str| {
            names.iter().all(|name| {
                let of_it = |event: &&Value| event["name"] == *name;
                events.iter().rfind(of_it).is_some_and(|event| event["event"] == kind)
            })
        };
        for _ in 0..3 {
            for cable in &cables {
                cable.pull();
            }
            watch.until("all are pulled", |events| every_last_is(events, "disconnected"));
            for cable in &cables {
                cable.plug();
            }
            watch.until("all are plugged", |events| every_last_is(events, "connected"));
        }
        let last_of = |name: &str| {
            let calls = hook.lines("calls");
            calls.into_iter().rfind(|call| call.split(' ').next() == Some(name))
        };
        for name in names {
            eventually(name, || last_of(name) == Some(format!("{name} connected")));
        }
        assert_nothing_left(id, before);
        watch.stop();
        let told = fs::read_to_string(hook.file("errors")).unwrap();
        for words in [
            "hook[hangs]: initial: timed out after ",
            "hook[deaf]: initial: timed out after ",
            "hook[fails]: words of a failure",
            "hook[fails]: connected: exit status 3",
            "hook[floods]: line 999",
            "hook[floods]: lines left out here: 2000",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        // They may live on, and are not our business.
        let left = hook.lines("left");
        assert!(left.len() >= 2, "{left:?}");
        let status = Command::new("kill").args(left).status().unwrap();
        assert!(status.success(), "they lived on");
    }

    fn a_hook_that_others_may_write_is_not_run() {
        let hook = Hook::new("echo $2 >>$folder/calls");
        let set = |path: &Path, mode: u32| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        let refused = |why: &str| {
            let output = linkwatch(&["watch", "lo", "--exec"]).arg(hook.path()).output().unwrap();
            assert_eq!(output.status.code(), Some(1));
            assert_eq!(output.stdout, b"", "nothing was watched");
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(error.contains("refusing the hook") && error.contains(why), "{error}");
        };
        set(&hook.path(), 0o775);
        refused("others may write to it (mode 0775)");
        set(&hook.path(), 0o757);
        refused("chmod go-w");
        set(&hook.path(), 0o755);
        set(hook.folder.path(), 0o777);
        refused("others may write to the folder");
        set(hook.folder.path(), 0o755);

        // It is checked before each run too, and the watch goes on.
        let cable = Tap::up("cable0");
        let errors = fs::File::create(hook.file("errors")).unwrap();
        let mut command = linkwatch(&["watch", "--json", "cable0", "--exec"]);
        command.arg(hook.path()).stderr(errors);
        let mut watch = Watch::of(command);
        let told = |words: &str| {
            eventually(words, || hook.lines("errors").iter().any(|line| line.contains(words)));
        };
        eventually("it runs", || hook.lines("calls") == ["initial"]);
        watch.expect("initial", "cable0");
        fs::write(hook.path(), "echo no first line\n").unwrap();
        cable.pull();
        watch.expect("disconnected", "cable0");
        told("hook[cable0]: disconnected: cannot be started: it is neither a program nor a script");
        cable.plug();
        watch.expect("connected", "cable0");
        set(&hook.path(), 0o777);
        cable.pull();
        watch.expect("disconnected", "cable0");
        told("hook[cable0]: disconnected: refusing the hook");
        fs::remove_file(hook.path()).unwrap();
        cable.plug();
        watch.expect("connected", "cable0");
        told("hook: No such file");
        hook.write("echo $2 mended >>$folder/calls");
        cable.pull();
        watch.expect("disconnected", "cable0");
        eventually("it runs again", || hook.lines("calls").last().unwrap().contains("mended"));
        watch.stop();
        assert_eq!(hook.lines("calls"), ["initial", "disconnected mended"]);
    }

    fn at_the_end_a_hook_is_waited_for_but_not_for_ever() {
        // What was counted has its hook done.
        let hook = Hook::new("sleep 0.3; echo $2 >>$folder/calls");
        let _cable = Tap::up("cable0");
        let status = linkwatch(&["watch", "--count", "1", "cable0", "--exec"])
            .arg(hook.path())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        assert_eq!(hook.lines("calls"), ["initial"]);

        // Of two signals the second has no patience.
        hook.write("trap 'echo ended >>$folder/calls; exit' TERM; echo begun >>$folder/calls; while :; do sleep 0.02; done");
        let mut watch = hook.watch(&["cable0"]);
        eventually("it runs", || hook.lines("calls").last().unwrap() == "begun");
        watch.signal("TERM");
        watch.signal("INT");
        assert!(watch.ended().success());
        assert_eq!(hook.lines("calls").last().unwrap(), "ended");
    }

    fn a_hook_starts_with_no_signal_blocked() {
        let Some(awk) = awk() else {
            return skip("there is no awk");
        };
        // Unlike dash, awk leaves the mask that it is started with.
        let hook = Hook::new("");
        let program = format!(
            "#!{1} -f\nBEGIN {{\n\
             while ((getline line <\"/proc/self/status\") > 0)\n\
             if (line ~ /^Sig(Blk|Ign)/) print line >\"{0}/mask\"\n\
             close(\"{0}/mask\")\n\
             print \"done\" >\"{0}/done\"; close(\"{0}/done\")\n\
             getline <\"{0}/fifo\"\n}}\n",
            hook.folder.path().display(),
            awk.display()
        );
        fs::write(hook.path(), program).unwrap();
        let made = Command::new("mkfifo").arg(hook.file("fifo")).status().unwrap();
        assert!(made.success());
        let _cable = Tap::up("cable0");
        let errors = fs::File::create(hook.file("errors")).unwrap();
        // Also where linkwatch itself was started with signals blocked or ignored.
        let mut command = Command::new("env");
        command
            .args(["--block-signal", "--ignore-signal=TERM,PIPE"])
            .args([env!("CARGO_BIN_EXE_linkwatch"), "watch", "--json", "cable0"])
            .args(["--log-file", "/dev/null", "--exec"])
            .arg(hook.path())
            .stderr(errors);
        let mut watch = Watch::of(command);
        watch.expect("initial", "cable0");
        eventually("it runs", || !hook.lines("done").is_empty());
        // What a shell has this test ignore (SIGQUIT, in the background) is none of ours.
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let ignored_here = signals(&status, "SigIgn:") & !TAKEN;
        for (name, allowed) in [("SigBlk:", 0), ("SigIgn:", ignored_here)] {
            // Those above belong to the C library, or to nobody.
            let signals = signals(&hook.lines("mask").join("\n"), name) & 0x7fff_ffff;
            assert_eq!(signals & !allowed, 0, "{name} {signals:x}, allowed {allowed:x}");
        }
        assert_eq!(hook.lines("mask").len(), 2);
        // It sees the SIGTERM that it is promised, and needs no SIGKILL.
        watch.signal("TERM");
        watch.signal("INT");
        assert!(watch.ended().success());
        let errors = fs::read_to_string(hook.file("errors")).unwrap();
        assert!(errors.contains("hook[cable0]: initial: killed by signal 15"), "{errors}");
    }
}
