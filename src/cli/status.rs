//! `linkwatch status`: which interfaces are connected now.

use std::io::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use linkwatch::nl::Name;
use linkwatch::{Criterion, LinkState, Monitor, Pattern};

use super::args::StatusArgs;
use super::exit;
use super::status_json::LinkObject;

pub(super) fn run(args: &StatusArgs) -> Result<ExitCode> {
    let patterns = &args.selection.patterns;
    let criterion = args.selection.criterion.into();
    // All of them, for masters are named too.
    let all = Monitor::builder()
        .pattern("*")?
        .namespace(super::namespace(args.selection.netns.as_deref())?)
        .links()?;
    let selection = Monitor::builder().patterns(patterns.iter().cloned());
    let matched: Vec<&LinkState> = all.iter().filter(|link| selection.selects(link)).collect();

    if args.json {
        let objects: Vec<LinkObject> = matched
            .iter()
            .map(|link| LinkObject::new(link, criterion, master_of(link, &all)))
            .collect();
        // Whole, for an error in writing is then one of writing.
        let mut array = serde_json::to_string(&objects)?;
        array.push('\n');
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(array.as_bytes())?;
        stdout.flush()?;
    } else if !matched.is_empty() {
        print_table(&matched, &all, criterion)?;
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
    all.iter()
        .find(|link| link.ifindex() == master)
        .map(LinkState::name)
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
fn print_table(matched: &[&LinkState], all: &[LinkState], criterion: Criterion) -> Result<()> {
    let rows: Vec<[String; 7]> = matched
        .iter()
        .map(|link| row(link, all, criterion))
        .collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }

    let mut out = anstream::stdout().lock();
    let heading = Style::new().bold();
    write_row(&mut out, &HEADINGS, widths, heading, heading)?;
    for (link, row) in matched.iter().zip(&rows) {
        let color = match link.why_disconnected(criterion) {
            None => AnsiColor::Green,
            Some(linkwatch::Reason::AdminDown) => AnsiColor::Yellow,
            Some(_) => AnsiColor::Red,
        };
        let status = Style::new().fg_color(Some(color.into()));
        write_row(&mut out, row, widths, Style::new(), status)?;
    }
    Ok(())
}

fn row(link: &LinkState, all: &[LinkState], criterion: Criterion) -> [String; 7] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
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

fn write_row(
    out: &mut impl Write,
    cells: &[impl AsRef<str>; 7],
    widths: [usize; 7],
    style: Style,
    status: Style,
) -> Result<()> {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let style = if column == 1 { status } else { style };
        let cell = cell.as_ref();
        // The last column needs no padding.
        let padding = if column == 6 {
            0
        } else {
            width + 2 - cell.chars().count()
        };
        write!(out, "{style}{cell}{style:#}{:padding$}", "")?;
    }
    writeln!(out)?;
    Ok(())
}
