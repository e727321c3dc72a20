//! The one that joins a network: iw for open ones, wpa_supplicant for all.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::access_point::{AccessPoint, Network, STATION};
use crate::process::{Process, run};
use crate::support::{eventually, ip};

/// Joins an open network without a supplicant, on channel 1. The interface is
/// up.
#[track_caller]
pub fn join(network: Network) {
    join_by(&[], network);
}

/// The same, where iw is to be started by other programs.
#[track_caller]
pub fn join_by(programs: &[&str], network: Network) {
    let iw = || {
        let mut words = [programs, &["iw", "dev", STATION]].concat().into_iter();
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words);
        command
    };
    // Not with -w: iw would wait for ever for an answer that it has missed.
    let mut tried: Option<Instant> = None;
    eventually("an association", || {
        if tried.is_none_or(|at| at.elapsed() > Duration::from_secs(5)) {
            tried = Some(Instant::now());
            let ssid = OsStr::from_bytes(network.ssid);
            // Refused while an attempt goes on.
            iw().arg("connect")
                .arg(ssid)
                .arg("2412")
                .status()
                .expect("iw");
        }
        let output = iw().arg("link").output().expect("iw");
        output.stdout.starts_with(b"Connected to")
    });
}

/// Leaves it.
#[track_caller]
pub fn leave() {
    run("iw", &["dev", STATION, "disconnect"]);
}

/// Takes the interface up and scans until it has heard these access points, on
/// channels 1 and 6. A busy machine may miss one; a supplicant looks once, and
/// looks on only while it is not connected.
#[track_caller]
pub fn hear(access_points: &[&AccessPoint]) {
    ip(&["link", "set", STATION, "up"]);
    // Not by "scan" alone: iw would wait for ever for a result that it missed.
    let mut started: Option<Instant> = None;
    eventually("a scan that finds the access points", || {
        if started.is_none_or(|at| at.elapsed() > Duration::from_secs(2)) {
            started = Some(Instant::now());
            let mut command = Command::new("iw");
            command.args(["dev", STATION, "scan", "trigger", "freq", "2412", "2437"]);
            command.status().expect("iw");
        }
        let found = run("iw", &["dev", STATION, "scan", "dump"]);
        let mut wanted = access_points
            .iter()
            .map(|access_point| access_point.bssid());
        wanted.all(|bssid| found.contains(&bssid))
    });
}

/// A running wpa_supplicant.
pub struct Supplicant(Process);

impl Supplicant {
    /// Starts it, for a network on channel 1 or 6. It takes the interface up
    /// and goes on trying.
    #[track_caller]
    pub fn start(network: Network) -> Supplicant {
        let key = match network.key {
            Some(key) => format!("psk=\"{key}\""),
            None => "key_mgmt=NONE".to_owned(),
        };
        let file = "/run/supplicant.conf";
        let settings = format!(
            "ctrl_interface=/run/supplicant\np2p_disabled=1\n\
             network={{\n ssid={}\n {key}\n scan_freq=2412 2437\n}}\n",
            network.ssid_in_hex(),
        );
        fs::write(file, settings).expect("its settings");
        let mut command = Command::new("wpa_supplicant");
        command.args(["-i", STATION, "-D", "nl80211", "-c", file]);
        Supplicant(Process::start("wpa_supplicant", &mut command))
    }

    /// Goes over to another access point of the network, which it has heard.
    #[track_caller]
    pub fn roam(&self, bssid: &str) {
        assert_eq!(self.tell(&["roam", bssid]).trim(), "OK");
    }

    /// What it has said of a wrong key.
    pub fn found_the_key_wrong(&self) -> bool {
        self.0.printed().contains("reason=WRONG_KEY")
    }

    /// Ends it: it leaves the network and takes the interface down.
    #[track_caller]
    pub fn end(self) {
        self.0.end("TERM");
    }

    #[track_caller]
    fn tell(&self, command: &[&str]) -> String {
        let to_it: &[&str] = &["-p", "/run/supplicant", "-i", STATION];
        run("wpa_cli", &[to_it, command].concat())
    }
}
