//! What an ordinary user can do, and what names that somebody else chose can
//! do to them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use linkwatch::ErrorKind;
use linkwatch::nl::{MessageBuilder, Protocol, Socket};
use serde_json::Value;

use crate::support::{
    Counters, Tap, Watch, eventually, has, in_namespace, ip, link_json, linkwatch, skip, sum,
};

const RTM_NEWLINK: u16 = 16;
const RTM_NEWLINKPROP: u16 = 108;
const IFLA_IFNAME: u16 = 3;
const IFLA_PROP_LIST: u16 = 52;
const IFLA_ALT_IFNAME: u16 = 53;

/// The program with no capability at all.
fn unprivileged(args: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"])
        .arg(env!("CARGO_BIN_EXE_linkwatch"))
        .args(args)
        .env_remove("RUST_LOG");
    command
}

/// A request about `cable0`.
fn about_cable(kind: u16) -> MessageBuilder {
    let index = link_json("cable0")["ifindex"].as_u64().unwrap() as i32;
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    let mut request = MessageBuilder::new(kind, 0).unwrap();
    request.append(&header).unwrap();
    request
}

in_namespace! {
    fn no_command_needs_a_privilege() {
        if !has("setpriv") {
            return skip("setpriv is not installed");
        }
        let cable = Tap::up("cable0");
        let status = unprivileged(&["status", "--json", "--addresses", "cable0"]).output().unwrap();
        assert!(status.status.success(), "{status:?}");
        let wait = unprivileged(&["wait", "cable0", "--timeout", "10s"]).output().unwrap();
        assert!(wait.status.success(), "{wait:?}");

        let mut watch = Watch::of(unprivileged(&["watch", "--json", "--events", "all", "cable0"]));
        watch.expect("initial", "cable0");
        let of_it = fs::read_to_string(format!("/proc/{}/status", watch.id())).unwrap();
        let capabilities = of_it.lines().find(|line| line.starts_with("CapEff:")).unwrap();
        assert_eq!(capabilities.split_whitespace().nth(1), Some("0000000000000000"));
        let before = Counters::of("cable0").sum();
        cable.flap(20);
        cable.pull();
        watch.until("all is accounted for", |events| {
            sum(events) == Counters::of("cable0").sum() - before
                && events.last().is_some_and(|event| event["connected"] == false)
        });
        watch.stop();
    }

    fn a_namespace_that_may_not_be_entered_is_an_error() {
        if !has("setpriv") {
            return skip("setpriv is not installed");
        }
        ip(&["netns", "add", "blue"]);
        let output = unprivileged(&["status", "--netns", "blue"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("Operation not permitted"), "{told}");
    }

    fn hostile_names_are_escaped_wherever_they_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("link.log");
        let cable = Tap::new("cable0");
        let mut text = linkwatch(&["watch", "*", "--log-file"])
            .arg(&log)
            .stdout(fs::File::create(folder.path().join("text")).unwrap())
            .stderr(fs::File::create(folder.path().join("told")).unwrap())
            .env("RUST_LOG", "trace")
            .spawn()
            .unwrap();
        let mut json = Watch::start(&["*"]);
        json.expect("initial", "cable0");
        let written = |file: &str| fs::read(folder.path().join(file)).unwrap();
        eventually("it watches", || written("text").ends_with(b"(initial)\n") && !written("link.log").is_empty());

        let names = [&b"x\x1b[31my"[..], b"x\x1b]0;owned\x07", b"x\xff\xfe\xc0", b"\xc2\x9b2Jx\xe2\x80\xa8", b"x\"\\,y"];
        let mut last = b"cable0".to_vec();
        for name in names {
            let renamed = Command::new("ip")
                .args(["link", "set"])
                .arg(OsStr::from_bytes(&last))
                .arg("name")
                .arg(OsStr::from_bytes(name))
                .status()
                .unwrap();
            assert!(renamed.success(), "{name:?}");
            last = name.to_vec();
            let event = json.next("renamed");
            assert_eq!(event["event"], "renamed");
            if let Ok(name) = std::str::from_utf8(name) {
                assert_eq!(event["name"], name);
            }
        }
        drop(cable);
        json.until("its end", |events| events.last().is_some_and(|event| event["event"] == "removed"));
        eventually("its end is written", || {
            String::from_utf8(written("text")).expect("UTF-8").contains("Status: removed")
        });
        assert!(Command::new("kill").arg(text.id().to_string()).status().unwrap().success());
        text.wait().unwrap();

        for file in ["text", "link.log", "told"] {
            let written = String::from_utf8(written(file)).expect("UTF-8");
            let harmful = |c: char| c.is_control() && c != '\n' || c == '\u{2028}';
            assert!(!written.contains(harmful), "{file}: {written:?}");
            assert!(written.contains(r"x\x1b[31my"), "{file}: {written:?}");
            assert!(written.contains(r"x\xff\xfe\xc0"), "{file}: {written:?}");
        }
        for line in String::from_utf8(written("link.log")).unwrap().lines() {
            assert!(line.starts_with("20") && line.contains(" - "), "forged: {line}");
        }
    }

    fn a_line_feed_gets_no_further_than_the_kernel_lets_it() {
        let _cable = Tap::new("cable0");
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        // An interface's name cannot hold white space (`dev_valid_name`).
        let mut rename = about_cable(RTM_NEWLINK);
        rename.put_string(IFLA_IFNAME, b"x\ny").unwrap();
        let refused = socket.request(&mut rename).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
        // An alternative name can.
        let forged = b"x\n2026-01-01 00:00:00 - Interface: eth0 - Status: connected";
        let mut request = about_cable(RTM_NEWLINKPROP);
        request
            .nest(IFLA_PROP_LIST, |list| list.put_string(IFLA_ALT_IFNAME, forged).map(drop))
            .unwrap();
        if let Err(error) = socket.request(&mut request) {
            return skip(&format!("this kernel refuses it: {error}"));
        }
        let output = linkwatch(&["status", "--json", "cable0"]).output().unwrap();
        assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let links: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(links[0]["altnames"][0].as_str().unwrap().as_bytes(), forged);
        let output = linkwatch(&["status", "x*"]).output().unwrap();
        assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), 2);
    }
}
