//! Standard output, whose reader may be slow, or go.

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

/// Lines that are written together. A writable pipe takes that much at once
/// (PIPE_BUF, pipe(7)), and no line is longer.
const AT_ONCE: usize = 4096;

/// Lines for standard output.
pub(super) struct Output {
    /// Without a buffer, so that it is known what was written.
    stdout: File,
    /// A pipe or a socket, of which it is noticed that the reader is gone.
    is_stream: bool,
    sink: Sink,
    /// Whole lines, those from `written` on.
    waiting: String,
    written: usize,
    /// There is no reader any more: nobody misses what waits.
    is_gone: bool,
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
            waiting: String::new(),
            written: 0,
            is_gone: false,
        })
    }

    /// Takes a line, to be written at the next [`flush`](Self::flush).
    pub(super) fn print(&mut self, line: &str) {
        self.waiting.push_str(line);
        self.waiting.push('\n');
    }

    /// Writes what the reader takes now. Breaks if there is no reader any more.
    pub(super) fn flush(&mut self) -> Result<ControlFlow<()>> {
        while !self.is_empty() {
            let mut descriptor = [PollFd::new(self.stdout.as_fd(), PollFlags::POLLOUT)];
            match poll(&mut descriptor, PollTimeout::ZERO) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).context("waiting for standard output"),
            }
            let happened = descriptor[0].revents().unwrap_or(PollFlags::empty());
            if self.is_closed(happened) {
                self.is_gone = true;
                return Ok(ControlFlow::Break(()));
            }
            if !happened.contains(PollFlags::POLLOUT) {
                break;
            }
            let lines = first_lines(&self.waiting[self.written..]);
            self.written += lines.len();
            let result = self.sink.write(&mut self.stdout, lines, "standard output");
            if result.is_break() {
                self.is_gone = true;
                return Ok(result);
            }
        }
        if self.is_empty() {
            self.waiting.clear();
            self.waiting.shrink_to(MOST_BYTES);
            self.written = 0;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// True if the reader keeps up, more or less.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < MOST_BYTES
    }

    fn is_empty(&self) -> bool {
        self.written == self.waiting.len()
    }

    /// The reader is gone.
    pub(super) fn close(&mut self) {
        self.is_gone = true;
    }

    /// How many lines the reader has not taken yet.
    pub(super) fn waiting(&self) -> usize {
        let unwritten = self.waiting[self.written..].bytes();
        unwritten.filter(|&byte| byte == b'\n').count()
    }

    /// What to poll for, if there is anything.
    pub(super) fn source(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let interest = match self.is_empty() {
            true => PollFlags::empty(),
            false => PollFlags::POLLOUT,
        };
        (self.is_stream || !interest.is_empty()).then(|| (self.stdout.as_fd(), interest))
    }

    /// Whether that happened which says that the reader is gone.
    pub(super) fn is_closed(&self, happened: PollFlags) -> bool {
        self.is_stream && happened.intersects(CLOSED)
    }

    /// The same for those that a reader would miss.
    pub(super) fn unread(&self) -> u64 {
        match self.is_gone {
            true => 0,
            false => self.waiting() as u64,
        }
    }

    /// How many lines could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.sink.lost()
    }
}

/// As many lines as are written at once, but one at least.
fn first_lines(lines: &str) -> &str {
    let is_end = |&byte: &u8| byte == b'\n';
    let most = &lines.as_bytes()[..lines.len().min(AT_ONCE)];
    match most.iter().rposition(is_end) {
        Some(at) => &lines[..=at],
        None => lines.split_inclusive('\n').next().unwrap_or(lines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_together_and_whole() {
        assert_eq!(first_lines("one\ntwo\n"), "one\ntwo\n");
        let line = "é".repeat(900) + "\n";
        let lines = line.repeat(5);
        assert_eq!(first_lines(&lines), line.repeat(2));
        let long = "x".repeat(5000) + "\n";
        assert_eq!(first_lines(&(long.clone() + "y\n")), long);
    }
}
