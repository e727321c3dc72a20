//! `linkwatch status`.

use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::support::{
    Counters, Tap, eventually, in_namespace, ip, ip_batch, link_json, links_json, linkwatch, skip,
};

fn status(args: &[&str]) -> Output {
    let mut all = vec!["status"];
    all.extend(args);
    linkwatch(&all).output().expect("linkwatch")
}

#[track_caller]
fn objects(args: &[&str]) -> Vec<Value> {
    let output = status(&[args, &["--json"]].concat());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Also where a test fails, what waits for it ends.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

in_namespace! {
    fn exit_codes_tell_what_is_connected() {
        let cable = Tap::up("cable0");
        assert_eq!(status(&["cable0"]).status.code(), Some(0));
        assert_eq!(status(&[]).status.code(), Some(0));
        cable.pull();
        let output = status(&["cable0"]);
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(stderr(&output), "");
        let _other = Tap::up("cable1");
        assert_eq!(status(&["cable1"]).status.code(), Some(0));
        assert_eq!(status(&["cable*"]).status.code(), Some(3), "one of them is not");
        assert_eq!(status(&["*"]).status.code(), Some(3), "lo is down");

        let output = status(&["nosuch0"]);
        assert_eq!(output.status.code(), Some(4));
        assert_eq!(stderr(&output), "linkwatch: no interface matches 'nosuch0'\n");
        assert_eq!(output.stdout, b"");
        let output = status(&["cable1", "nosuch0"]);
        assert_eq!(output.status.code(), Some(4), "a name that was asked for is missing");
        let output = status(&["cable1", "nosuch*"]);
        assert_eq!(output.status.code(), Some(0), "what matched is connected");
        assert!(stderr(&output).contains("'nosuch*'"));

        for wrong in [&["eth[0"][..], &["--jason"], &[""], &["a/b"]] {
            let output = status(wrong);
            assert_eq!(output.status.code(), Some(2), "{wrong:?}");
            assert!(stderr(&output).contains("error:"), "{wrong:?}");
        }
    }

    fn without_interfaces_it_says_so() {
        if links_json().len() > 1 {
            return skip("this kernel gives each new namespace more than loopback");
        }
        let output = status(&[]);
        assert_eq!(output.status.code(), Some(4));
        assert_eq!(stderr(&output), "linkwatch: there is no interface but loopback\n");
        assert_eq!(status(&["--json"]).stdout, b"[]\n");
        // Asked for by name, loopback is an interface like any other.
        ip(&["link", "set", "lo", "up"]);
        assert_eq!(status(&["lo"]).status.code(), Some(0));
    }

    fn json_agrees_with_iproute2() {
        let cable = Tap::up("cable0");
        cable.flap(3);
        cable.pull();
        ip(&["link", "property", "add", "dev", "cable0", "altname", "first-alternative-name"]);
        ip(&["link", "property", "add", "dev", "cable0", "altname", "second"]);
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["link", "add", "br0", "type", "bridge"]);
        ip(&["link", "set", "v0", "master", "br0", "mtu", "1400", "up"]);
        ip(&["link", "set", "v1", "up"]);
        ip(&["link", "set", "br0", "up"]);
        eventually("all is settled", || {
            link_json("br0")["operstate"] == "UP" && link_json("cable0")["operstate"] == "DOWN"
        });

        let ours = objects(&["*"]);
        // Older kernels list by hash.
        let mut theirs = links_json();
        theirs.sort_by_key(|link| link["ifindex"].as_u64());
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let name = theirs["ifname"].as_str().unwrap();
            assert_eq!(ours["name"], name);
            for (field, their_field) in [("ifindex", "ifindex"), ("mac", "address"), ("mtu", "mtu")] {
                assert_eq!(ours[field], theirs[their_field], "{name} {field}");
            }
            let operstate = theirs["operstate"].as_str().unwrap().to_lowercase();
            assert_eq!(ours["operstate"], operstate, "{name}");
            assert_eq!(ours["master"], theirs.get("master").cloned().unwrap_or(Value::Null));
            let alt_names = theirs.get("altnames").cloned().unwrap_or(Value::Array(vec![]));
            assert_eq!(ours["altnames"], alt_names, "{name}");
            let flags: Vec<&str> = theirs["flags"].as_array().unwrap().iter()
                .map(|flag| flag.as_str().unwrap()).collect();
            assert_eq!(ours["admin_up"], flags.contains(&"UP"), "{name}");
            // LOWER_UP is carrier, but only of a link that is up.
            if flags.contains(&"UP") {
                assert_eq!(ours["carrier"], flags.contains(&"LOWER_UP"), "{name}");
                assert_eq!(ours["connected"], flags.contains(&"LOWER_UP"), "{name}");
            }
            let kind = theirs["linkinfo"]["info_kind"].as_str();
            assert_eq!(ours["kind"], kind.unwrap_or("loopback"), "{name}");
            let counters = Counters::of(name);
            assert_eq!(ours["carrier_up_count"], counters.up, "{name}");
            assert_eq!(ours["carrier_down_count"], counters.down, "{name}");
        }
        assert_eq!(objects(&["second"])[0]["name"], "cable0", "by its alternative name");
    }

    fn the_table_is_plain_where_it_is_piped() {
        let cable = Tap::up("cable0");
        cable.pull();
        eventually("down", || link_json("cable0")["operstate"] == "DOWN");
        let text = String::from_utf8(status(&["cable0"]).stdout).unwrap();
        assert!(!text.contains('\x1b'), "{text:?}");
        let mut lines = text.lines();
        assert_eq!(
            lines.next().unwrap().split_whitespace().collect::<Vec<_>>(),
            ["NAME", "STATUS", "KIND", "OPERSTATE", "CHANGES", "MAC", "MASTER"]
        );
        let mac = link_json("cable0")["address"].as_str().unwrap().to_owned();
        assert_eq!(
            lines.next().unwrap().split_whitespace().collect::<Vec<_>>(),
            ["cable0", "disconnected", "(no-carrier)", "tun", "down", "1", mac.as_str(), "-"]
        );
        assert_eq!(lines.next(), None);
    }

    fn a_closed_pipe_is_no_error() {
        // More than a writer keeps to itself.
        ip_batch((0..60).map(|i| format!("link add b{i} type bridge")));
        for args in [&["status"][..], &["status", "--json"]] {
            let mut child = linkwatch(args)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            drop(child.stdout.take());
            let output = child.wait_with_output().unwrap();
            assert_eq!(stderr(&output), "", "{args:?}");
            // It may be that all was written before the pipe was closed.
            assert!(matches!(output.status.code(), Some(0 | 3)), "{args:?}");
        }
    }

    fn a_stderr_that_is_full_changes_no_exit_code() {
        for (args, code) in [
            (&["status", "nosuch0"][..], 4),
            (&["status", "--netns", "nosuch"], 1),
            (&["watch", "--netns", "nosuch"], 1),
        ] {
            let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let status = linkwatch(args).stderr(full).status().unwrap();
            assert_eq!(status.code(), Some(code), "{args:?}");
        }
    }

    fn output_that_cannot_be_written_is_an_error() {
        for format in [&["lo"][..], &["lo", "--json"]] {
            let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let output = linkwatch(&[&["status"], format].concat()).stdout(full).output().unwrap();
            assert_eq!(output.status.code(), Some(1));
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(told.contains("writing to standard output: No space left"), "{told}");
        }
    }

    fn running_is_another_criterion() {
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["link", "set", "v1", "up"]);
        ip(&["link", "set", "v0", "up"]);
        eventually("v0 is up", || link_json("v0")["operstate"] == "UP");
        ip(&["link", "set", "v0", "mode", "dormant"]);
        ip(&["link", "set", "v0", "state", "dormant"]);
        assert_eq!(status(&["v0"]).status.code(), Some(0));
        assert_eq!(status(&["v0", "--criterion", "running"]).status.code(), Some(3));
    }

    fn links_are_listed_while_others_come_and_go() {
        // So many that no list is made between two changes.
        ip_batch((0..1500).map(|n| format!("link add a{n} type veth peer name b{n}")));
        let over = AtomicBool::new(false);
        std::thread::scope(|threads| {
            let _end = SetOnDrop(&over);
            for group in 7..9 {
                let over = &over;
                threads.spawn(move || while !over.load(Ordering::Relaxed) {
                    ip_batch((0..20).map(|n| {
                        format!("link add x{n}y{group} group {group} type veth peer name z{n}y{group}")
                    }));
                    ip(&["link", "delete", "group", &group.to_string()]);
                });
            }
            for _ in 0..5 {
                let output = status(&["[ab]*", "--json"]);
                assert_eq!(stderr(&output), "");
                let links: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!(links.len(), 3000);
            }
        });
    }

    fn another_namespace_can_be_looked_into() {
        ip(&["netns", "add", "blue"]);
        ip(&["-n", "blue", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        assert_eq!(objects(&["--netns", "blue", "v0", "v1"]).len(), 2);
        assert_eq!(objects(&["v0", "v1"]).len(), 0);
        let output = status(&["--netns", "../../proc/self/ns/net"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("not the name of a network namespace"));
    }

    fn names_cannot_harm_the_terminal() {
        let name = "x\x1b[31my";
        let _cable = Tap::new(name);
        let text = String::from_utf8(status(&["x*"]).stdout).unwrap();
        assert!(!text.contains('\x1b'), "{text:?}");
        assert!(text.contains(r"x\x1b[31my"), "{text:?}");
        assert_eq!(objects(&["x*"])[0]["name"], name, "JSON keeps it, escaped in its own way");
    }
}
