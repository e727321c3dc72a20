//! `linkwatch watch`: report each change as it happens.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context, Result};
use linkwatch::{Event, EventKind, Monitor, Pattern};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{SFlag, fstat};

use super::args::WatchArgs;
use super::log_file::LogFile;
use super::signals::{Request, Signals};
use super::text;

/// How many events are reported before signals are looked at again.
const BATCH: usize = 64;

pub(super) fn run(args: WatchArgs) -> Result<ExitCode> {
    let namespace = super::namespace(args.selection.netns.as_deref())?;
    let mut log_file = args.log_file.as_deref().map(LogFile::open).transpose()?;
    let mut signals = Signals::take(log_file.is_some())?;

    let mut monitor = Monitor::builder()
        .patterns(args.selection.patterns.iter().cloned())
        .criterion(args.selection.criterion.into())
        .buffer_size(args.buffer_size)
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
        events: args.events,
        left: args.count,
        log_file,
    };
    let result = watch(&mut monitor, &mut signals, &mut report);
    if let Some(log_file) = &mut report.log_file {
        log_file.write(SystemTime::now(), "Network monitoring stopped");
    }
    log::info!("{:?}", monitor.statistics());
    result.map(|()| ExitCode::SUCCESS)
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
        for _ in 0..BATCH {
            let Some(event) = monitor.try_next()? else {
                more = false;
                break;
            };
            report.event(&event)?;
            if report.is_complete() {
                return Ok(());
            }
        }
        let timeout = if more {
            PollTimeout::ZERO
        } else {
            PollTimeout::NONE
        };
        if !wait(monitor, signals, timeout)? {
            return Ok(());
        }
        while let Some(request) = signals.next()? {
            match request {
                Request::End => return Ok(()),
                Request::Reopen => report.reopen(),
            }
        }
    }
}

/// Waits for something to do; false once nobody reads our output any more.
fn wait(monitor: &Monitor, signals: &Signals, timeout: PollTimeout) -> Result<bool> {
    let stdout = io::stdout();
    let mut descriptors = vec![
        PollFd::new(monitor.as_fd(), PollFlags::POLLIN),
        PollFd::new(signals.as_fd(), PollFlags::POLLIN),
    ];
    if is_pipe(stdout.as_fd()) {
        // POLLERR, which is always reported, says that the reader is gone.
        descriptors.push(PollFd::new(stdout.as_fd(), PollFlags::empty()));
    }
    match poll(&mut descriptors, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno).context("waiting for events"),
    }
    let closed = descriptors
        .get(2)
        .and_then(PollFd::revents)
        .is_some_and(|happened| happened.contains(PollFlags::POLLERR));
    Ok(!closed)
}

fn is_pipe(descriptor: BorrowedFd<'_>) -> bool {
    fstat(descriptor).is_ok_and(|stat| {
        let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        kind == SFlag::S_IFIFO || kind == SFlag::S_IFSOCK
    })
}

/// Where and how events are reported.
struct Report {
    json: bool,
    events: Option<Vec<EventKind>>,
    left: Option<u64>,
    log_file: Option<LogFile>,
}

impl Report {
    fn event(&mut self, event: &Event) -> Result<()> {
        if let Some(events) = &self.events
            && !events.contains(&event.kind())
        {
            return Ok(());
        }
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
        let text = text::line(event);
        // The log first: it is to have the event also if stdout fails.
        if let Some(log_file) = &mut self.log_file {
            log_file.write(event.time(), &text);
        }
        let mut line = if self.json { event.to_json() } else { text };
        line.push('\n');
        let mut stdout = io::stdout().lock();
        stdout.write_all(line.as_bytes())?;
        stdout.flush()?;
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.left == Some(0)
    }

    fn reopen(&mut self) {
        if let Some(log_file) = &mut self.log_file {
            log_file.reopen();
        }
    }
}
