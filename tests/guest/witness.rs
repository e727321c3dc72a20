//! What the kernel, ip, iw and ethtool say.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::Value;

use crate::process::run;
use crate::support::{eventually, ip, link_json, linkwatch};

/// The operational state, as sysfs spells it.
pub fn operstate(name: &str) -> String {
    sysfs(name, "operstate")
}

/// The hardware address.
pub fn mac(name: &str) -> String {
    sysfs(name, "address")
}

fn sysfs(name: &str, file: &str) -> String {
    let text = fs::read_to_string(format!("/sys/class/net/{name}/{file}"));
    text.unwrap_or_default().trim().to_owned()
}

/// What `linkwatch status --json` says of one link, which may be connected or
/// not, once `ip` says the same where both speak of it.
#[track_caller]
pub fn status(name: &str) -> Value {
    let mut link = Value::Null;
    eventually("linkwatch and ip to agree", || {
        let output = linkwatch(&["status", "--json", name]).output();
        let output = output.expect("linkwatch").stdout;
        let links: Vec<Value> = serde_json::from_slice(&output).expect("JSON");
        assert_eq!(links.len(), 1, "{links:?}");
        link = links[0].clone();
        let by_ip = link_json(name);
        let operstate = by_ip["operstate"].as_str().expect("a state").to_lowercase();
        link["ifindex"] == by_ip["ifindex"]
            && link["mac"] == by_ip["address"]
            && link["mtu"] == by_ip["mtu"]
            && link["operstate"] == operstate
    });
    link
}

/// What `iw dev NAME link` says of an association.
#[derive(Debug, PartialEq)]
pub struct Association {
    pub bssid: String,
    pub ssid: String,
    pub frequency: u64,
    pub signal: i64,
}

impl Association {
    /// An event, or a status, tells the same.
    #[track_caller]
    pub fn assert_told_by(&self, told: &Value) {
        assert_eq!(told["bssid"], self.bssid, "{told:#}");
        assert_eq!(told["ssid"], self.ssid, "{told:#}");
        assert_eq!(told["frequency"], self.frequency, "{told:#}");
        assert_eq!(told["signal"], self.signal, "{told:#}");
    }
}

/// The association, if there is one.
#[track_caller]
pub fn association(name: &str) -> Option<Association> {
    let text = run("iw", &["dev", name, "link"]);
    let bssid = text.strip_prefix("Connected to ")?;
    let field = |field: &str| -> Option<&str> {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix(field));
        Some(line?.trim())
    };
    let number = |text: &str| text.split_whitespace().next()?.parse::<i64>().ok();
    Some(Association {
        bssid: bssid.split_whitespace().next()?.to_owned(),
        ssid: field("SSID:")?.to_owned(),
        frequency: number(field("freq:")?)?.unsigned_abs(),
        signal: number(field("signal:")?)?,
    })
}

/// A line of `ethtool NAME`, as of `Speed:`; none where it is unknown.
#[track_caller]
pub fn ethtool(name: &str, field: &str) -> Option<String> {
    let text = run("ethtool", &[name]);
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(field));
    let value = line?.strip_prefix(':')?.trim().to_lowercase();
    (!value.contains("unknown")).then_some(value)
}

/// A running `ip monitor link`: when the kernel's messages came.
pub struct IpMonitor {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl IpMonitor {
    /// Starts it, and waits until it hears the kernel.
    #[track_caller]
    pub fn start() -> IpMonitor {
        let mut child = Command::new("ip")
            .args(["-ts", "-o", "monitor", "link"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("ip");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let filled = lines.clone();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                filled.lock().expect("the lines").push(line);
            }
        });
        let monitor = IpMonitor { child, lines };
        let mut poked = 0;
        eventually("ip to hear the kernel", || {
            poked += 1;
            ip(&["link", "set", "lo", "alias", &format!("poked {poked}")]);
            monitor.with_lines(|lines| !lines.is_empty())
        });
        monitor
    }

    /// When the kernel first told, since `since`, that a link which is up has
    /// lost its carrier.
    #[track_caller]
    pub fn lost_carrier(&self, name: &str, since: Timestamp) -> Timestamp {
        let mut found = None;
        eventually("ip to see a loss of carrier", || {
            found = self.with_lines(|lines| {
                lines.iter().find_map(|line| {
                    let (time, line) = line.strip_prefix('[')?.split_once("] ")?;
                    let time = format!("{time}Z").parse::<Timestamp>().ok()?;
                    // "state" is missing from messages of wireless events,
                    // which do not tell of the carrier.
                    let lost = line.contains(&format!(": {name}: <"))
                        && line.contains(" state ")
                        && !line.contains("LOWER_UP");
                    (lost && time >= since).then_some(time)
                })
            });
            found.is_some()
        });
        found.expect("a time")
    }

    fn with_lines<T>(&self, look: impl FnOnce(&[String]) -> T) -> T {
        look(&self.lines.lock().expect("the lines"))
    }
}

impl Drop for IpMonitor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.with_lines(|lines| eprintln!("ip monitor:\n{}", lines.join("\n")));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
