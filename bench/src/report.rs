//! What watchers tell at their end, and what the kernel says.

use std::collections::BTreeMap;
use std::process::Command;

use crate::contender::Output;

/// What a watcher tells at its end.
#[derive(Default)]
pub struct Report {
    /// `None`: it does not count them.
    pub messages: Option<u64>,
    pub overruns: Option<u64>,
    /// Index → connected.
    pub links: BTreeMap<u32, bool>,
    /// Events after the start.
    pub events: u64,
    /// When, which link, connected.
    pub times: Vec<(u64, u32, bool)>,
}

impl Report {
    pub fn parse(output: Output, text: &str) -> Report {
        match output {
            Output::Report => parse_report(text),
            Output::Json => parse_json(text),
            Output::Ip => parse_ip(text),
        }
    }
}

fn parse_report(text: &str) -> Report {
    let mut report = Report::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |i: usize| words.get(i).and_then(|word| word.parse::<u64>().ok());
        match words[0] {
            "messages" => report.messages = number(1),
            "overruns" => report.overruns = number(1),
            "link" => {
                if let (Some(index), Some(connected)) = (number(1), number(2)) {
                    report.links.insert(index as u32, connected != 0);
                }
            }
            "time" => {
                if let (Some(when), Some(index), Some(connected)) =
                    (number(1), number(2), number(3))
                {
                    report.times.push((when, index as u32, connected != 0));
                    report.events += 1;
                }
            }
            _ => {}
        }
    }
    report
}

fn parse_json(text: &str) -> Report {
    let mut report = Report {
        overruns: Some(0),
        ..Report::default()
    };
    for line in text.lines() {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        if let Some(overruns) = event["overruns"].as_u64() {
            *report.overruns.get_or_insert(0) += overruns;
        }
        let kind = event["event"].as_str();
        report.events += u64::from(matches!(kind, Some("connected" | "disconnected")));
        if let (Some(index), Some(connected)) =
            (event["ifindex"].as_u64(), event["connected"].as_bool())
        {
            if kind == Some("removed") {
                report.links.remove(&(index as u32));
            } else {
                report.links.insert(index as u32, connected);
            }
        }
    }
    report
}

/// `7: v3@p3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 …`
fn parse_ip(text: &str) -> Report {
    let mut report = Report::default();
    let mut messages = 0;
    for line in text.lines() {
        let deleted = line.starts_with("Deleted ");
        let line = line.trim_start_matches("Deleted ");
        let index = line
            .split_once(": ")
            .and_then(|(index, _)| index.parse().ok());
        let flags = line
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'));
        let (Some(index), Some((flags, _))) = (index, flags) else {
            continue;
        };
        messages += 1;
        let flag = |name| flags.split(',').any(|flag| flag == name);
        if deleted {
            report.links.remove(&index);
        } else {
            report.links.insert(index, flag("UP") && flag("LOWER_UP"));
        }
    }
    report.messages = Some(messages);
    report
}

/// The kernel's own word for all links, by `ip -j link`: index → connected.
pub fn truth() -> BTreeMap<u32, bool> {
    let output = Command::new("ip")
        .args(["-j", "link"])
        .output()
        .expect("ip -j link");
    let links: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let state = |link: &serde_json::Value| {
        let flags = link["flags"].as_array()?;
        let flag = |name: &str| flags.iter().any(|flag| flag == name);
        Some((
            link["ifindex"].as_u64()? as u32,
            flag("UP") && flag("LOWER_UP"),
        ))
    };
    links.iter().filter_map(state).collect()
}
