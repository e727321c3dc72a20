//! `linkwatch watch`: report each change as it happens.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use linkwatch::{Event, EventKind, Monitor, Pattern};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{SFlag, fstat};

use super::args::{Events, WatchArgs};
use super::log_file::LogFile;
use super::signals::{Request, Signals};
use super::sink::Sink;
use super::text;

/// How many events are reported before signals are looked at again.
const BATCH: usize = 64;
const LONGEST_BATCH: Duration = Duration::from_millis(100);

pub(super) fn run(args: WatchArgs) -> Result<ExitCode> {
    let namespace = super::namespace(args.selection.netns.as_deref())?;
    let mut log_file = args.log_file.as_deref().map(LogFile::open).transpose()?;
    let mut signals = Signals::take(log_file.is_some())?;

    let events = Events::chosen(args.events.as_deref());
    let mut monitor = Monitor::builder()
        .notices(events.contains(&EventKind::Notice))
        .details(true)
        .patterns(args.selection.patterns.iter().cloned())
        .criterion(args.selection.criterion.into())
        .buffer_size(args.buffer_size)
        .kernel_filter(!args.no_kernel_filter)
        .settle_up(args.settle_up)
        .settle_down(args.settle_down)
        .namespace(namespace)
        .build()?;
    tell_what_is_missing(&monitor, &args.selection.patterns);

    if let Some(log_file) = &mut log_file {
        log_file.write(SystemTime::now(), "Network monitoring started");
    }
    let mut report = Report {
        json: args.json,
        events,
        left: args.count,
        stdout: File::from(io::stdout().as_fd().try_clone_to_owned()?),
        output: Sink::default(),
        log_file,
    };
    let result = watch(&mut monitor, &mut signals, &mut report);
    if let Some(log_file) = &mut report.log_file {
        log_file.write(SystemTime::now(), "Network monitoring stopped");
    }
    log::info!("{:?}", monitor.statistics());
    result?;
    match report.output.lost() {
        0 => Ok(ExitCode::SUCCESS),
        lost => bail!("events that could not be written to standard output: {lost}"),
    }
}

/// A name that does not exist is watched for; it may also be a slip.
fn tell_what_is_missing(monitor: &Monitor, patterns: &[Pattern]) {
    let links = monitor.links();
    for pattern in patterns {
        if !links.iter().any(|link| pattern.matches_link(link)) {
            log::warn!("no interface matches '{pattern}' yet; watching for one");
        }
    }
    if patterns.is_empty() && links.is_empty() {
        log::warn!("there is no interface but loopback yet; watching for one");
    }
}

/// Reports until there is a reason to end.
fn watch(monitor: &mut Monitor, signals: &mut Signals, report: &mut Report) -> Result<()> {
    loop {
        let mut more = true;
        let begin = Instant::now();
        for _ in 0..BATCH {
            // A driver that is asked for details may take its time.
            if begin.elapsed() > LONGEST_BATCH {
                break;
            }
            let Some(event) = monitor.try_next()? else {
                more = false;
                break;
            };
            if report.event(&event, signals)?.is_break() {
                return Ok(());
            }
        }
        let timeout = if more {
            PollTimeout::ZERO
        } else {
            PollTimeout::NONE
        };
        if wait(
            &[monitor.as_fd(), signals.as_fd()],
            PollFlags::empty(),
            timeout,
        )? == Output::Closed
            || report.obey(signals)?.is_break()
        {
            return Ok(());
        }
    }
}

#[derive(PartialEq, Eq)]
enum Output {
    /// It can be written without waiting.
    Writable,
    /// Nothing is known of it.
    Open,
    /// Nobody reads it any more.
    Closed,
}

/// Waits until one of `others` is readable, or standard output is as `interest`
/// says. That its reader is gone is noticed in any case, if it is a pipe or a
/// socket.
fn wait(others: &[BorrowedFd<'_>], interest: PollFlags, timeout: PollTimeout) -> Result<Output> {
    let stdout = io::stdout();
    let mut descriptors: Vec<PollFd<'_>> = others
        .iter()
        .map(|&other| PollFd::new(other, PollFlags::POLLIN))
        .collect();
    let is_stream = is_stream(stdout.as_fd());
    if is_stream || !interest.is_empty() {
        descriptors.push(PollFd::new(stdout.as_fd(), interest));
    }
    match poll(&mut descriptors, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno).context("waiting for events"),
    }
    let happened = descriptors
        .get(others.len())
        .and_then(PollFd::revents)
        .unwrap_or(PollFlags::empty());
    let closed = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
    Ok(if is_stream && happened.intersects(closed) {
        Output::Closed
    } else if happened.contains(PollFlags::POLLOUT) {
        Output::Writable
    } else {
        Output::Open
    })
}

fn is_stream(descriptor: BorrowedFd<'_>) -> bool {
    fstat(descriptor).is_ok_and(|stat| {
        let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        kind == SFlag::S_IFIFO || kind == SFlag::S_IFSOCK
    })
}

/// Where and how events are reported.
struct Report {
    json: bool,
    events: Vec<EventKind>,
    left: Option<u64>,
    /// Without a buffer, so that it is known what was written.
    stdout: File,
    output: Sink,
    log_file: Option<LogFile>,
}

impl Report {
    fn event(&mut self, event: &Event, signals: &mut Signals) -> Result<ControlFlow<()>> {
        if !self.events.contains(&event.kind()) {
            return Ok(ControlFlow::Continue(()));
        }
        let text = text::line(event);
        // The log first: it is to have the event also if stdout fails.
        if let Some(log_file) = &mut self.log_file {
            log_file.write(event.time(), &text);
        }
        let mut line = if self.json { event.to_json() } else { text };
        line.push('\n');
        if self.print(&line, signals)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(match self.left {
            Some(0) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
    }

    /// Writes to standard output. While its reader takes nothing, signals are
    /// obeyed. (A line fits into what a writable pipe takes at once, PIPE_BUF.)
    fn print(&mut self, line: &str, signals: &mut Signals) -> Result<ControlFlow<()>> {
        loop {
            match wait(&[signals.as_fd()], PollFlags::POLLOUT, PollTimeout::NONE)? {
                Output::Closed => return Ok(ControlFlow::Break(())),
                Output::Writable => break,
                Output::Open if self.obey(signals)?.is_break() => {
                    return Ok(ControlFlow::Break(()));
                }
                Output::Open => {}
            }
        }
        Ok(self.output.write(&mut self.stdout, line, "standard output"))
    }

    /// Does what signals have asked for.
    fn obey(&mut self, signals: &mut Signals) -> Result<ControlFlow<()>> {
        while let Some(request) = signals.next()? {
            match (request, &mut self.log_file) {
                (Request::End, _) => return Ok(ControlFlow::Break(())),
                (Request::Reopen, Some(log_file)) => log_file.reopen(),
                (Request::Reopen, None) => {}
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
