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
    /// Writes one line, which ends with a line feed. A failure is told once,
    /// and so is its end. Breaks if nobody reads it any more.
    pub(super) fn write(
        &mut self,
        out: &mut impl Write,
        line: &str,
        name: impl Display,
    ) -> ControlFlow<()> {
        match self.try_write(out, line) {
            Ok(()) if self.lost_now == 0 => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ControlFlow::Break(());
            }
            Ok(()) => {
                log::warn!("writing to {name} again; lines lost: {}", self.lost_now);
                self.lost_now = 0;
            }
            Err(error) => {
                if self.lost_now == 0 {
                    log::error!("writing to {name}: {error}; going on without");
                }
                self.lost_now += 1;
                self.lost += 1;
            }
        }
        ControlFlow::Continue(())
    }

    fn try_write(&mut self, out: &mut impl Write, line: &str) -> io::Result<()> {
        let end: &[u8] = if self.torn { b"\n" } else { b"" };
        // One write(2) a line: several programs may append to one file.
        let whole = [end, line.as_bytes()].concat();
        let mut rest = &whole[..];
        while !rest.is_empty() {
            match out.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    rest = &rest[written..];
                    self.torn = !rest.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        out.flush()
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
}
