//! What the kernel says of its links, by way of iproute2: the truth that the
//! watch is judged by.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// A link, as `ip -j -s -s link` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub name: String,
    /// Up, with carrier (IFF_UP, IFF_LOWER_UP).
    pub connected: bool,
    /// Up, with carrier and running.
    pub running: bool,
    /// Its carrier transitions, up and down.
    pub transitions: u64,
}

/// The links of this namespace but loopback, by index.
pub type Links = BTreeMap<u32, Link>;

pub fn links() -> Links {
    let output = Command::new("ip")
        .args(["-j", "-s", "-s", "link"])
        .output()
        .expect("ip");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let links: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON from ip");
    links
        .iter()
        .map(link)
        .filter(|(index, _)| *index != 1)
        .collect()
}

fn link(link: &Value) -> (u32, Link) {
    let has = |flag: &str| {
        let flags = link["flags"].as_array().expect("flags");
        flags.iter().any(|is| is == flag)
    };
    let connected = has("UP") && has("LOWER_UP");
    // iproute2 tells RUNNING by its absence: NO-CARRIER, where it is up.
    let running = connected && !has("NO-CARRIER");
    let index = link["ifindex"].as_u64().expect("an index");
    let changes = &link["stats64"]["tx"]["carrier_changes"];
    let link = Link {
        name: link["ifname"].as_str().expect("a name").to_owned(),
        connected,
        running,
        transitions: changes.as_u64().expect("carrier changes (ip -s -s)"),
    };
    (index.try_into().expect("an index"), link)
}

/// The carrier transitions that the kernel has counted since.
pub fn since(before: &Links, now: &Links) -> u64 {
    now.iter()
        .map(|(index, link)| {
            let known = before.get(index).map_or(0, |link| link.transitions);
            link.transitions.saturating_sub(known)
        })
        .sum()
}
