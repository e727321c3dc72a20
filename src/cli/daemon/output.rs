//! Standard output, whose reader may be slow, or go.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{SFlag, fstat};

use crate::cli::sink::Sink;

/// What waits for a slow reader; beyond it no events are read, and the kernel
/// keeps account of them.
const MOST_BYTES: usize = 256 << 10;
const CLOSED: PollFlags = PollFlags::POLLERR
    .union(PollFlags::POLLHUP)
    .union(PollFlags::POLLNVAL);

/// Lines for standard output. A line fits into what a writable pipe takes at
/// once, PIPE_BUF.
pub(super) struct Output {
    /// Without a buffer, so that it is known what was written.
    stdout: File,
    /// A pipe or a socket, of which it is noticed that the reader is gone.
    is_stream: bool,
    sink: Sink,
    waiting: VecDeque<String>,
    bytes: usize,
}

impl Output {
    pub(super) fn new() -> Result<Output> {
        let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let is_stream = fstat(&stdout).is_ok_and(|stat| {
            let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
            kind == SFlag::S_IFIFO || kind == SFlag::S_IFSOCK
        });
        Ok(Output {
            stdout,
            is_stream,
            sink: Sink::default(),
            waiting: VecDeque::new(),
            bytes: 0,
        })
    }

    /// Writes a line when the reader takes it. Breaks if there is no reader any
    /// more.
    pub(super) fn print(&mut self, mut line: String) -> Result<ControlFlow<()>> {
        line.push('\n');
        self.bytes += line.len();
        self.waiting.push_back(line);
        self.flush()
    }

    /// Writes what the reader takes now.
    pub(super) fn flush(&mut self) -> Result<ControlFlow<()>> {
        while let Some(line) = self.waiting.front() {
            let mut descriptor = [PollFd::new(self.stdout.as_fd(), PollFlags::POLLOUT)];
            match poll(&mut descriptor, PollTimeout::ZERO) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).context("waiting for standard output"),
            }
            let happened = descriptor[0].revents().unwrap_or(PollFlags::empty());
            if self.is_closed(happened) {
                return Ok(ControlFlow::Break(()));
            }
            if !happened.contains(PollFlags::POLLOUT) {
                break;
            }
            let result = self.sink.write(&mut self.stdout, line, "standard output");
            self.bytes -= line.len();
            self.waiting.pop_front();
            if result.is_break() {
                return Ok(result);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// True if the reader keeps up, more or less.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < MOST_BYTES
    }

    /// How many lines the reader has not taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What to poll for, if there is anything.
    pub(super) fn source(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let interest = match self.waiting.is_empty() {
            true => PollFlags::empty(),
            false => PollFlags::POLLOUT,
        };
        (self.is_stream || !interest.is_empty()).then(|| (self.stdout.as_fd(), interest))
    }

    /// Whether that happened which says that the reader is gone.
    pub(super) fn is_closed(&self, happened: PollFlags) -> bool {
        self.is_stream && happened.intersects(CLOSED)
    }

    /// How many lines could not be written, for an error.
    pub(super) fn lost(&self) -> u64 {
        self.sink.lost()
    }
}
