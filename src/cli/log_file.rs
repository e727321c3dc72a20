//! The log file of `watch`.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::local_zone::local_zone;
use super::sink::Sink;

/// Appends lines with local time stamps, and survives the file's rotation.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    sink: Sink,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> Result<LogFile> {
        Ok(LogFile {
            path: path.to_owned(),
            file: open(path).with_context(|| format!("opening the log file {}", path.display()))?,
            sink: Sink::default(),
        })
    }

    /// Opens the path anew, as after logrotate has moved the file away. If
    /// that fails, the old file stays in use.
    pub(super) fn reopen(&mut self) {
        match open(&self.path) {
            Ok(file) => {
                self.file = file;
                self.sink.begin_anew();
                log::info!("reopened the log file {}", self.path.display());
            }
            Err(error) => log::error!(
                "reopening the log file {}: {error}; going on with the old one",
                self.path.display()
            ),
        }
    }

    /// Writes one line. A failure is told once and ends nothing.
    pub(super) fn write(&mut self, time: SystemTime, text: &str) {
        let line = format!("{} - {text}\n", local(time));
        // Nobody closes the other end of a file.
        let _ = self.sink.write(&mut self.file, &line, self.path.display());
    }

    /// How many lines could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.sink.lost()
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// `2026-11-22 10:00:00`, local time.
fn local(time: SystemTime) -> impl std::fmt::Display {
    let time = Timestamp::try_from(time).unwrap_or_default();
    time.to_zoned(local_zone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}
