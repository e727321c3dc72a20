//! The log file of `watch`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use jiff::{Timestamp, tz::TimeZone};

/// Appends lines with local time stamps, and survives the file's rotation.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// Lines that could not be written since the last that could.
    lost: u64,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> Result<LogFile> {
        Ok(LogFile {
            path: path.to_owned(),
            file: open(path).with_context(|| format!("opening the log file {}", path.display()))?,
            lost: 0,
        })
    }

    /// Opens the path anew, as after logrotate has moved the file away. If
    /// that fails, the old file stays in use.
    pub(super) fn reopen(&mut self) {
        match open(&self.path) {
            Ok(file) => {
                self.file = file;
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
        // One write(2) a line: several programs may append to one file.
        match self.file.write_all(line.as_bytes()) {
            Ok(()) if self.lost == 0 => {}
            Ok(()) => {
                log::warn!(
                    "writing to {} again; lines lost: {}",
                    self.path.display(),
                    self.lost
                );
                self.lost = 0;
            }
            Err(error) => {
                if self.lost == 0 {
                    log::error!("writing to the log file {}: {error}", self.path.display());
                }
                self.lost += 1;
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// `2026-11-22 10:00:00`, local time.
fn local(time: SystemTime) -> impl std::fmt::Display {
    let time = Timestamp::try_from(time).unwrap_or_default();
    time.to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}
