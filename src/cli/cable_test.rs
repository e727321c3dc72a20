//! `linkwatch status --cable-test IFACE`: what the PHY finds out about the
//! cable.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use linkwatch::nl::ethtool::{CablePair, Ethtool};
use linkwatch::nl::{Name, Namespace};
use linkwatch::{Error, ErrorKind, Monitor, Pattern};
use serde::Serialize;

use super::exit;

/// PHYs need a second or so for each pair.
const PATIENCE: Duration = Duration::from_secs(30);

/// Parses the name of one interface.
pub(super) fn parse_interface(name: &str) -> Result<Pattern, String> {
    let pattern = Pattern::new(name).map_err(|error| error.to_string())?;
    if pattern.is_plain() {
        Ok(pattern)
    } else {
        Err("expected the name of one interface, for its link goes down".to_owned())
    }
}

pub(super) fn run(pattern: &Pattern, namespace: &Namespace, json: bool) -> Result<ExitCode> {
    let links = Monitor::builder()
        .patterns([pattern.clone()])
        .namespace(namespace.clone())
        .links()?;
    let [link] = &links[..] else {
        return Ok(missing(pattern));
    };
    let name = link.name();
    let Some(mut ethtool) = Ethtool::connect_in(namespace)? else {
        anyhow::bail!(
            "cannot test the cable of {name}: this kernel lacks the generic netlink family \
             'ethtool'; Linux 5.8 or newer is needed"
        );
    };
    let pairs = match ethtool.cable_test(link.ifindex(), PATIENCE) {
        Ok(pairs) => pairs,
        // It has gone since it was looked up.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(missing(pattern)),
        Err(error) => {
            anyhow::bail!("cannot test the cable of {name}: {}", advice(&error, name))
        }
    };

    let results: Vec<PairObject> = pairs.iter().map(PairObject::new).collect();
    let mut text = if json {
        serde_json::to_string(&results)?
    } else {
        table(&results)
    };
    text.push('\n');
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn missing(pattern: &Pattern) -> ExitCode {
    super::tell(format_args!("no interface matches '{pattern}'"));
    ExitCode::from(exit::NO_INTERFACE)
}

/// Why there was no test, and what to do.
fn advice(error: &Error, name: Name) -> String {
    // The kernel's own words say more, where it has some.
    let kernel = match error.kernel_text() {
        Some(text) => format!(" (the kernel says: {text})"),
        None => String::new(),
    };
    match (error.kind(), error.os_error()) {
        (ErrorKind::Unsupported, _) => format!(
            "its driver has no cable test{kernel}; try a wired port of another driver \
             (see: ethtool -i {name})"
        ),
        (ErrorKind::PermissionDenied, _) => {
            format!("it needs the capability CAP_NET_ADMIN{kernel}; run this as root")
        }
        (ErrorKind::WouldBlock, _) => format!(
            "the driver told no result within {} seconds; see that the interface stays up, and \
             try again",
            PATIENCE.as_secs()
        ),
        (_, Some(libc::EBUSY | libc::ENETDOWN)) => format!(
            "it is down, or is being tested already{kernel}; take it up \
             (ip link set {name} up), or wait"
        ),
        _ => error.to_string(),
    }
}

/// What is told of a pair.
#[derive(Serialize)]
struct PairObject {
    pair: String,
    result: String,
    /// In metres.
    distance: Option<f64>,
    method: Option<String>,
}

impl PairObject {
    fn new(pair: &CablePair) -> PairObject {
        PairObject {
            pair: pair.pair.to_string(),
            result: pair.result.to_string(),
            distance: pair
                .distance
                .map(|centimetres| f64::from(centimetres) / 100.0),
            method: pair.method.map(|method| method.to_string()),
        }
    }
}

/// A line for each pair: its letter, how it is, and how far away the fault is.
fn table(results: &[PairObject]) -> String {
    if results.is_empty() {
        return "the driver told of no pair".to_owned();
    }
    let mut lines = vec![["PAIR", "RESULT", "DISTANCE"].map(str::to_owned)];
    lines.extend(results.iter().map(|result| {
        let how = match &result.method {
            Some(method) => format!("{} ({method})", result.result),
            None => result.result.clone(),
        };
        let distance = result.distance.map(|metres| format!("{metres:.2} m"));
        [
            result.pair.clone(),
            how,
            distance.unwrap_or_else(|| "-".to_owned()),
        ]
    }));
    let width = lines.iter().map(|[_, how, _]| how.len()).max().unwrap_or(0);
    let lines: Vec<String> = lines
        .iter()
        .map(|[pair, how, distance]| format!("{pair:<4}  {how:<width$}  {distance}"))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_interface_is_named() {
        assert!(parse_interface("eth0").is_ok());
        for wrong in ["", "eth*", "eth[0-9]", "a/b"] {
            assert!(parse_interface(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_table_is_aligned() {
        let result = |pair: &str, result: &str, distance, method: Option<&str>| PairObject {
            pair: pair.to_owned(),
            result: result.to_owned(),
            distance,
            method: method.map(str::to_owned),
        };
        let results = [
            result("A", "ok", None, None),
            result("B", "cross-short", Some(12.3), Some("tdr")),
            result("C", "open", Some(0.0), None),
        ];
        assert_eq!(
            table(&results),
            "PAIR  RESULT             DISTANCE\n\
             A     ok                 -\n\
             B     cross-short (tdr)  12.30 m\n\
             C     open               0.00 m"
        );
        assert_eq!(table(&[]), "the driver told of no pair");
        assert_eq!(
            serde_json::to_string(&results[1..2]).unwrap(),
            r#"[{"pair":"B","result":"cross-short","distance":12.3,"method":"tdr"}]"#
        );
    }
}
