//! The report for a terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::account::Account;
use super::figures::{self, Times, counted, duration, grouped, shown};
use super::link::{Link, Outage};
use super::timeline::{self, State};

/// As wide as a timeline is at least, and at most.
const NARROWEST: usize = 20;
const WIDEST: usize = 200;

pub(super) fn print(account: &Account, width: usize, out: &mut impl Write) -> io::Result<()> {
    let times = Times::new();
    print_heading(account, &times, out)?;
    if account.links.is_empty() {
        return writeln!(out, "\nno link is in the log");
    }
    writeln!(out)?;
    print_table(account, &times, out)?;
    writeln!(out)?;
    print_timelines(account, &times, width, out)
}

fn print_heading(account: &Account, times: &Times, out: &mut impl Write) -> io::Result<()> {
    let (start, end) = (account.start_time(), account.end_time());
    let full = |time| times.full(account.clock_time(time));
    let length = u64::try_from(end.saturating_sub(start)).unwrap_or(0);
    let bold = Style::new().bold();
    writeln!(
        out,
        "{bold}{} to {}{bold:#} ({})",
        full(start),
        full(end),
        duration(length)
    )?;
    for remark in remarks(account) {
        writeln!(out, "{remark}")?;
    }
    Ok(())
}

/// What is to be said of the log as a whole.
pub(super) fn remarks(account: &Account) -> Vec<String> {
    let mut remarks = Vec::new();
    if account.unwatched > 0 {
        let starts = account.starts;
        remarks.push(format!(
            "not watched for {} ({} of the watch)",
            duration(account.unwatched),
            counted(starts, "start"),
        ));
    }
    if account.resyncs > 0 {
        remarks.push(format!(
            "{} after {}: the links were listed anew and nothing was lost",
            counted(account.resyncs, "resync"),
            counted(account.overruns, "overrun"),
        ));
    }
    let missing: u64 = account.links.iter().map(|link| link.missing).sum();
    if missing > 0 {
        remarks.push(format!(
            "lines are missing in the log in {}; the time until the next line is not counted",
            counted(missing, "place")
        ));
    }
    if account.left_out > 0 {
        remarks.push(format!(
            "{} that have gone are left out",
            counted(account.left_out, "link")
        ));
    }
    remarks
}

type Figure = fn(&Link) -> u64;

/// A cell of the table.
struct Cell {
    text: String,
    style: Style,
}

fn print_table(account: &Account, times: &Times, out: &mut impl Write) -> io::Result<()> {
    let any = |figure: Figure| account.links.iter().any(|link| figure(link) > 0);
    // What never happened needs no column.
    let figures: [(&str, Figure); 5] = [
        ("FLAPS", |link| link.flaps),
        ("TRANSITIONS", |link| link.transitions),
        ("UNSEEN", |link| link.unseen),
        ("ROAMS", |link| link.roams),
        ("REMOVED", |link| link.removals),
    ];
    let figures: Vec<_> = figures
        .into_iter()
        .filter(|(_, figure)| any(*figure))
        .collect();
    let mut headings = vec!["NAME", "CONNECTED", "OUTAGES", "DOWN"];
    headings.extend(figures.iter().map(|(heading, _)| *heading));
    headings.push("LONGEST OUTAGE");

    let rows: Vec<Vec<Cell>> = account
        .links
        .iter()
        .map(|link| {
            let plain = |text: String| Cell {
                text,
                style: Style::new(),
            };
            let number = |number: u64| plain(grouped(number));
            let down = link.times.of(State::Disconnected);
            let mut row = vec![
                plain(account.title(link)),
                Cell {
                    text: connected(link).unwrap_or_else(|| "-".to_owned()),
                    style: style(link),
                },
                number(link.outages),
                plain(match down {
                    0 => "-".to_owned(),
                    down => duration(down),
                }),
            ];
            row.extend(figures.iter().map(|(_, figure)| number(figure(link))));
            row.push(plain(match link.longest.first() {
                None => "-".to_owned(),
                Some(outage) => described(outage, account, times),
            }));
            row
        })
        .collect();

    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.len()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(&cell.text));
        }
    }
    let bold = Style::new().bold();
    let headings = headings.into_iter().map(|heading| Cell {
        text: heading.to_owned(),
        style: bold,
    });
    write_row(out, &headings.collect::<Vec<_>>(), &widths)?;
    for row in &rows {
        write_row(out, row, &widths)?;
    }
    Ok(())
}

fn write_row(out: &mut impl Write, cells: &[Cell], widths: &[usize]) -> io::Result<()> {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let padding = width.saturating_sub(columns(&cell.text));
        let Cell { text, style } = cell;
        // Words to the left, numbers to the right.
        match column {
            0 => write!(out, "{style}{text}{style:#}{:padding$}", "")?,
            last if last + 1 == cells.len() => write!(out, "  {style}{text}{style:#}")?,
            _ => write!(out, "  {:padding$}{style}{text}{style:#}", "")?,
        }
    }
    writeln!(out)
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

/// The share of the time.
pub(super) fn connected(link: &Link) -> Option<String> {
    figures::share(
        link.times.of(State::Connected),
        link.times.of(State::Disconnected),
    )
}

fn style(link: &Link) -> Style {
    let color = match link.times.share() {
        None => return Style::new(),
        Some(share) if share >= 1.0 => AnsiColor::Green,
        Some(share) if share >= 0.99 => AnsiColor::Yellow,
        Some(_) => AnsiColor::Red,
    };
    Style::new().fg_color(Some(color.into()))
}

/// `3 min 12 s from 2026-11-12 08:14:07 (admin-down)`.
pub(super) fn described(outage: &Outage, account: &Account, times: &Times) -> String {
    let start = times.full(account.clock_time(outage.start));
    let mut text = match outage.start_known {
        true => format!("{} from {start}", duration(outage.length())),
        false => format!("{} from before {start}", duration(outage.length())),
    };
    if !outage.end_known {
        text.push_str(", and longer");
    }
    if let Some(reason) = reason(outage) {
        text.push_str(&format!(" ({reason})"));
    }
    text
}

/// Why, where it is more than that there was no carrier.
pub(super) fn reason(outage: &Outage) -> Option<String> {
    let reason = outage.reason.as_deref().filter(|&why| why != "no-carrier");
    let words: Vec<String> = [reason, outage.detail.as_deref()]
        .into_iter()
        .flatten()
        .map(shown)
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn print_timelines(
    account: &Account,
    times: &Times,
    width: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let names: Vec<String> = account
        .links
        .iter()
        .map(|link| account.title(link))
        .collect();
    let names_width = names.iter().map(|name| columns(name)).max().unwrap_or(0);
    let (start, end) = (account.start_time(), account.end_time());
    let room = width.saturating_sub(names_width + 3);
    let cells = room.clamp(NARROWEST, WIDEST);
    let faint = Style::new().dimmed();
    for (link, name) in account.links.iter().zip(&names) {
        let padding = names_width - columns(name);
        write!(out, "{name}{:padding$}  ", "")?;
        let mut last = Style::new();
        for cell in link.timeline.cells(start, end, cells) {
            let (symbol, style) = block(&cell);
            if style != last {
                write!(out, "{last:#}{style}")?;
                last = style;
            }
            write!(out, "{symbol}")?;
        }
        writeln!(out, "{last:#}")?;
    }
    let form = scale_form(start, end);
    let label = |time| times.format(account.clock_time(time), form);
    let (left, right) = (label(start), label(end));
    let gap = cells
        .saturating_sub(columns(&left) + columns(&right))
        .max(1);
    writeln!(
        out,
        "{:names_width$}  {faint}{left}{:gap$}{right}{faint:#}",
        "", ""
    )?;
    writeln!(
        out,
        "{:names_width$}  {faint}█ connected  ▇…▂ partly  ▁ disconnected  · not known  (blank) not there{faint:#}",
        ""
    )
}

/// How a part of a timeline is shown: full only if it was connected all the
/// time that is known.
fn block(cell: &timeline::Times) -> (char, Style) {
    let colored = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match cell.share() {
        None if cell.of(State::Unknown) > 0 => ('·', Style::new().dimmed()),
        None => (' ', Style::new()),
        Some(share) if share >= 1.0 => ('█', colored(AnsiColor::Green)),
        Some(share) if share <= 0.0 => ('▁', colored(AnsiColor::Red)),
        Some(share) => {
            const PARTLY: [char; 6] = ['▂', '▃', '▄', '▅', '▆', '▇'];
            let height = (share * PARTLY.len() as f64) as usize;
            let color = match height {
                5 => AnsiColor::Yellow,
                _ => AnsiColor::Red,
            };
            (PARTLY[height.min(PARTLY.len() - 1)], colored(color))
        }
    }
}

/// How the ends of a scale are written: with seconds only if it is short.
pub(super) fn scale_form(start: i64, end: i64) -> &'static str {
    const HOUR: i64 = 3_600_000_000;
    match end.saturating_sub(start) {
        short if short < HOUR => "%H:%M:%S",
        day if day < 48 * HOUR => "%m-%d %H:%M",
        _ => "%Y-%m-%d",
    }
}
