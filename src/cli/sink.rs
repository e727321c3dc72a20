//! Where lines are written: what cannot be written ends nothing.

use std::fmt::Display;
use std::io::{self, Write};
use std::ops::ControlFlow;

/// Writes lines, and keeps account of those that are lost because the disk is
/// full, or for another reason that may pass.
#[derive(Default)]
pub(super) struct Sink {
    /// Lines that could not be written since the last that could.
    lost_now: u64,
    /// All of them.
    lost: u64,
    /// The last line was written in part.
    torn: bool,
}

impl Sink {
    /// Writes lines, each of which ends with a line feed. A failure is told
    /// once, and so is its end. Breaks if nobody reads them any more.
    pub(super) fn write(
        &mut self,
        out: &mut impl Write,
        lines: &str,
        name: impl Display,
    ) -> ControlFlow<()> {
        match self.try_write(out, lines) {
            Ok(()) if self.lost_now == 0 => {}
            Err(Unwritten { error, .. }) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ControlFlow::Break(());
            }
            Ok(()) => {
                log::warn!("writing to {name} again; lines lost: {}", self.lost_now);
                self.lost_now = 0;
            }
            Err(Unwritten { error, lines }) => {
                if self.lost_now == 0 {
                    log::error!("writing to {name}: {error}; going on without");
                }
                self.lost_now += lines;
                self.lost += lines;
            }
        }
        ControlFlow::Continue(())
    }

    fn try_write(&mut self, out: &mut impl Write, lines: &str) -> Result<(), Unwritten> {
        let end: &[u8] = if self.torn { b"\n" } else { b"" };
        // One write(2): several programs may append to one file.
        let whole = [end, lines.as_bytes()].concat();
        let mut rest = &whole[..];
        let mut write = || {
            while !rest.is_empty() {
                match out.write(rest) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(written) => {
                        rest = &rest[written..];
                        // In the middle of a line?
                        let last = whole[..whole.len() - rest.len()].last();
                        self.torn = last.is_some_and(|&byte| byte != b'\n');
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            out.flush()
        };
        write().map_err(|error| Unwritten {
            error,
            // The line feed that ends a torn line is no line of its own.
            lines: match rest.len() == whole.len() {
                true => count(lines.as_bytes()),
                false => count(rest),
            },
        })
    }

    /// It goes on in another file.
    pub(super) fn begin_anew(&mut self) {
        self.torn = false;
    }

    /// How many lines could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}

/// Lines that could not be written, the torn one too.
struct Unwritten {
    error: io::Error,
    lines: u64,
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has room for some bytes, then for none.
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= taken;
            self.bytes.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_was_torn_does_not_spoil_the_next() {
        let mut disk = Disk {
            bytes: Vec::new(),
            room: 10,
        };
        let mut sink = Sink::default();
        for line in ["first\n", "second\n", "third\n"] {
            assert!(sink.write(&mut disk, line, "disk").is_continue());
        }
        assert_eq!(sink.lost(), 2);
        disk.room = 100;
        assert!(sink.write(&mut disk, "fourth\n", "disk").is_continue());
        assert_eq!(disk.bytes, b"first\nseco\nfourth\n");
        assert_eq!(sink.lost(), 2);
        assert!(sink.write(&mut disk, "fifth\n", "disk").is_continue());
        assert!(disk.bytes.ends_with(b"fourth\nfifth\n"));
    }

    #[test]
    fn of_lines_that_are_written_together_those_that_are_lost_are_counted() {
        let mut disk = Disk {
            bytes: Vec::new(),
            room: 10,
        };
        let mut sink = Sink::default();
        let _ = sink.write(&mut disk, "first\nsecond\nthird\n", "disk");
        assert_eq!(sink.lost(), 2);
        let _ = sink.write(&mut disk, "fourth\nfifth\n", "disk");
        assert_eq!(sink.lost(), 4);
        disk.room = 13;
        let _ = sink.write(&mut disk, "sixth\nseventh\n", "disk");
        assert_eq!(disk.bytes, b"first\nseco\nsixth\nsevent");
        assert_eq!(sink.lost(), 5);
    }
}
