//! `linkwatch report`: what the logs of a watch say of each link.

mod account;
mod clock;
mod figures;
mod html;
mod json;
mod line;
mod link;
mod page_file;
mod scale;
mod source;
mod text;
mod timeline;
mod watches;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args as ClapArgs;

use account::Account;
use clock::WasSet;
use source::Broken;

#[derive(ClapArgs)]
pub(super) struct ReportArgs {
    /// What 'linkwatch watch --json' has printed: one file or several, in any
    /// order, plain or compressed (gzip, zstd); - is standard input
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Write a page for the browser to this file instead; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
}

/// As wide as what is printed is, if it is not known how wide it may be.
const WIDTH: usize = 80;

pub(super) fn run(args: &ReportArgs) -> Result<ExitCode> {
    let (account, broken) = read(&args.logs)?;
    match &args.html {
        Some(path) => {
            let page = html::page(&account);
            if path.as_os_str() == "-" {
                print(page.as_bytes())?;
            } else {
                page_file::write(path, page.as_bytes())
                    .with_context(|| format!("writing {}", path.display()))?;
            }
        }
        None if args.json => {
            let mut object =
                serde_json::to_string(&json::ReportObject::new(&account, broken.number))?;
            object.push('\n');
            print(object.as_bytes())?;
        }
        None => {
            let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
            let mut out = anstream::stdout().lock();
            text::print(&account, width.unwrap_or(WIDTH), &mut out)?;
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(())
}

/// Reads all logs, and tells what was wrong with them.
fn read(logs: &[PathBuf]) -> Result<(Account, Broken)> {
    let mut broken = Broken::default();
    let mut settings = Settings::default();
    let mut account = Account::default();
    for source in source::in_order(logs, &mut broken)? {
        let mut reader = source.read()?;
        while let Some(line) = reader.next(&mut broken) {
            if let Some(WasSet(by)) = account.apply(&line) {
                settings.add(by, || reader.place());
            }
        }
    }
    if account.lines == 0 {
        bail!("{}", nothing(logs, &broken));
    }
    if let (1.., Some(first)) = (broken.number, &broken.first) {
        super::tell(format_args!(
            "lines that are none of 'watch --json' and were left out: {}; the first is {first}",
            broken.number
        ));
    }
    settings.tell();
    Ok((account.finish(), broken))
}

/// Why there is nothing to report.
fn nothing(logs: &[PathBuf], broken: &Broken) -> String {
    let names: Vec<String> = logs.iter().map(|log| name(log)).collect();
    let names = names.join(", ");
    match (&broken.first, broken.is_text) {
        (None, _) => format!("there is no line in {names}"),
        (Some(first), true) => format!(
            "no line in {names} can be read, from {first} on: this is the text for people; \
             a report needs what 'linkwatch watch --json' prints"
        ),
        (Some(first), false) => format!(
            "no line in {names} can be read, from {first} on: \
             a report needs what 'linkwatch watch --json' prints"
        ),
    }
}

fn name(log: &Path) -> String {
    match log.as_os_str() == "-" {
        true => "standard input".to_owned(),
        false => log.display().to_string(),
    }
}

/// How the clock was set.
#[derive(Default)]
struct Settings {
    number: u64,
    first: Option<(String, i64)>,
}

impl Settings {
    fn add(&mut self, by: i64, place: impl FnOnce() -> String) {
        self.number += 1;
        if self.first.is_none() {
            self.first = Some((place(), by));
        }
    }

    /// Once for all.
    fn tell(&self) {
        let Some((place, by)) = &self.first else {
            return;
        };
        let direction = if *by < 0 { "back" } else { "forward" };
        let more = match self.number {
            1 => String::new(),
            number => format!(" (the first of {number} times)"),
        };
        super::tell(format_args!(
            "the clock was set {direction} by {} before {place}{more}: earlier times are shown as \
             though it had been right (logs of two watches at one time need a report each)",
            figures::duration(by.unsigned_abs())
        ));
    }
}
