//! `linkwatch status`: which interfaces are connected now.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use linkwatch::nl::{self, InterfaceAddress, Name, Namespace};
use linkwatch::{Criterion, LinkState, Monitor, Pattern};
use serde::Serializer;

use super::args::StatusArgs;
use super::details::{self, Details};
use super::exit;
use super::status_json::LinkObject;

/// The addresses of each interface, by its index.
type Addresses = HashMap<u32, Vec<InterfaceAddress>>;

pub(super) fn run(args: &StatusArgs) -> Result<ExitCode> {
    let patterns = &args.selection.patterns;
    let criterion = args.selection.criterion.into();
    let namespace = super::namespace(args.selection.netns.as_deref())?;
    #[cfg(feature = "genl")]
    if let Some(name) = &args.cable_test {
        return super::cable_test::run(name, &namespace, args.json);
    }
    // All of them, for masters are named too.
    let all = Monitor::builder()
        .pattern("*")?
        .namespace(namespace.clone())
        .links()?;
    let selection = Monitor::builder().patterns(patterns.iter().cloned());
    let matched: Vec<&LinkState> = all.iter().filter(|link| selection.selects(link)).collect();
    let addresses = match args.addresses {
        true => Some(addresses(&namespace)?),
        false => None,
    };
    let details = details::ask(&matched, &namespace);

    if args.json {
        let objects = matched.iter().zip(&details).map(|(link, details)| {
            let addresses = addresses.as_ref().map(|addresses| of(link, addresses));
            let details = details.as_deref();
            LinkObject::new(link, criterion, master_of(link, &all), details, addresses)
        });
        print_array(objects).context("writing to standard output")?;
    } else if !matched.is_empty() {
        print_table(&matched, &all, &details, addresses.as_ref(), criterion)
            .context("writing to standard output")?;
    }

    let missing = tell_what_is_missing(&matched, patterns);
    let code = if missing || matched.is_empty() {
        exit::NO_INTERFACE
    } else if matched.iter().all(|link| link.is_connected(criterion)) {
        0
    } else {
        exit::NOT_CONNECTED
    };
    Ok(ExitCode::from(code))
}

/// One by one, for there may be ten thousand.
fn print_array<'a>(objects: impl Iterator<Item = LinkObject<'a>>) -> io::Result<()> {
    let mut stdout = BufWriter::with_capacity(1 << 15, io::stdout().lock());
    serde_json::Serializer::new(&mut stdout).collect_seq(objects)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Says which patterns nothing matches. True if a plain name is among them:
/// that interface does not exist, whatever the others are.
fn tell_what_is_missing(matched: &[&LinkState], patterns: &[Pattern]) -> bool {
    let mut missing = false;
    for pattern in patterns {
        if !matched.iter().any(|link| pattern.matches_link(link)) {
            super::tell(format_args!("no interface matches '{pattern}'"));
            missing |= pattern.is_plain();
        }
    }
    if patterns.is_empty() && matched.is_empty() {
        super::tell(format_args!("there is no interface but loopback"));
    }
    missing
}

fn master_of(link: &LinkState, all: &[LinkState]) -> Option<Name> {
    let master = link.master()?;
    // They are in the order of their indices.
    let at = all.binary_search_by_key(&master, LinkState::ifindex);
    at.ok().map(|at| all[at].name())
}

/// Lists the addresses of all interfaces.
fn addresses(namespace: &Namespace) -> Result<Addresses> {
    let interfaces = nl::interfaces_in(namespace)?;
    if !interfaces.complete {
        log::warn!("interfaces came and went while addresses were listed: some may be missing");
    }
    let interfaces = interfaces.items.into_iter();
    Ok(interfaces
        .map(|interface| (interface.ifindex(), interface.addresses().to_vec()))
        .collect())
}

/// The addresses of one of them. They were listed after the links: one that
/// has gone since has none.
fn of<'a>(link: &LinkState, addresses: &'a Addresses) -> &'a [InterfaceAddress] {
    addresses.get(&link.ifindex()).map_or(&[], Vec::as_slice)
}

const HEADINGS: [&str; 7] = [
    "NAME",
    "STATUS",
    "KIND",
    "OPERSTATE",
    "CHANGES",
    "MAC",
    "MASTER",
];

/// A table with its columns aligned. `anstream` leaves out colours where the
/// output is no terminal or NO_COLOR is set.
fn print_table(
    matched: &[&LinkState],
    all: &[LinkState],
    details: &[Option<Box<Details>>],
    addresses: Option<&Addresses>,
    criterion: Criterion,
) -> Result<()> {
    let mut headings = HEADINGS.map(str::to_owned).to_vec();
    let has_details = details
        .iter()
        .flatten()
        .any(|details| !details.cell().is_empty());
    headings.extend(has_details.then(|| "DETAILS".to_owned()));
    headings.extend(addresses.map(|_| "ADDRESSES".to_owned()));
    let rows: Vec<Vec<String>> = matched
        .iter()
        .zip(details)
        .map(|(link, details)| {
            let mut row = row(link, all, criterion);
            row.extend(
                has_details.then(|| or_dash(details.as_ref().map(|details| details.cell()))),
            );
            row.extend(addresses.map(|addresses| address_cell(of(link, addresses))));
            row
        })
        .collect();
    let mut widths: Vec<usize> = headings.iter().map(String::len).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }

    let mut out = anstream::stdout().lock();
    let heading = Style::new().bold();
    write_row(&mut out, &headings, &widths, heading, heading)?;
    for (link, row) in matched.iter().zip(&rows) {
        let color = match link.why_disconnected(criterion) {
            None => AnsiColor::Green,
            Some(linkwatch::Reason::AdminDown) => AnsiColor::Yellow,
            Some(_) => AnsiColor::Red,
        };
        let status = Style::new().fg_color(Some(color.into()));
        write_row(&mut out, row, &widths, Style::new(), status)?;
    }
    Ok(())
}

fn row(link: &LinkState, all: &[LinkState], criterion: Criterion) -> Vec<String> {
    vec![
        link.name().to_string(),
        match link.why_disconnected(criterion) {
            None => "connected".to_owned(),
            Some(reason) => format!("disconnected ({reason})"),
        },
        link.kind().to_string(),
        link.operstate().to_string(),
        or_dash(link.transitions().map(|count| count.to_string())),
        or_dash(link.address().map(|address| address.to_string())),
        or_dash(master_of(link, all).map(|name| name.to_string())),
    ]
}

/// As `ip -brief address` has it: `192.0.2.1/24 fe80::1/64`, and
/// `10.0.0.1 peer 10.0.0.2/32`.
fn address_cell(addresses: &[InterfaceAddress]) -> String {
    let cells: Vec<String> = addresses
        .iter()
        .map(|address| {
            let length = address.prefix_length();
            match address.peer() {
                Some(peer) => format!("{} peer {peer}/{length}", address.ip()),
                None => format!("{}/{length}", address.ip()),
            }
        })
        .collect();
    or_dash(Some(cells.join(" ")))
}

fn or_dash(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty())
        .unwrap_or_else(|| "-".to_owned())
}

fn write_row(
    out: &mut impl Write,
    cells: &[String],
    widths: &[usize],
    style: Style,
    status: Style,
) -> Result<()> {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let style = if column == 1 { status } else { style };
        // The last column needs no padding.
        let padding = if column + 1 == cells.len() {
            0
        } else {
            width + 2 - cell.chars().count()
        };
        write!(out, "{style}{cell}{style:#}{:padding$}", "")?;
    }
    writeln!(out)?;
    Ok(())
}
