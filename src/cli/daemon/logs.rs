//! The log files of all watches; two watches may have one in common.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;

use crate::cli::config::WatchSettings;
use crate::cli::log_file::LogFile;

#[derive(Default)]
pub(super) struct Logs {
    files: BTreeMap<PathBuf, LogFile>,
    /// Lines that those which were closed have lost.
    lost: BTreeMap<PathBuf, u64>,
}

impl Logs {
    /// Opens those of `watches` that are not open yet, or none.
    pub(super) fn open<'a>(
        &self,
        watches: impl IntoIterator<Item = &'a WatchSettings>,
    ) -> Result<Logs> {
        let mut opened = Logs::default();
        for path in watches
            .into_iter()
            .filter_map(|watch| watch.log_file.as_ref())
        {
            if !self.files.contains_key(path) && !opened.files.contains_key(path) {
                opened.files.insert(path.clone(), LogFile::open(path)?);
            }
        }
        Ok(opened)
    }

    /// Adds what was opened.
    pub(super) fn start(&mut self, mut opened: Logs) {
        opened.write_all("Network monitoring started");
        self.files.append(&mut opened.files);
    }

    /// Closes those that no watch has any more.
    pub(super) fn close_unused<'a>(&mut self, watches: impl Iterator<Item = &'a WatchSettings>) {
        let used: Vec<&Path> = watches
            .filter_map(|watch| watch.log_file.as_deref())
            .collect();
        self.files.retain(|path, file| {
            let is_used = used.contains(&path.as_path());
            if !is_used {
                file.write(SystemTime::now(), "Network monitoring stopped");
                *self.lost.entry(path.clone()).or_default() += file.lost();
            }
            is_used
        });
    }

    pub(super) fn write(&mut self, path: &Path, time: SystemTime, line: &str) {
        if let Some(file) = self.files.get_mut(path) {
            file.write(time, line);
        }
    }

    pub(super) fn stop(&mut self) {
        self.write_all("Network monitoring stopped");
    }

    pub(super) fn reopen(&mut self) {
        for file in self.files.values_mut() {
            file.reopen();
        }
    }

    /// How many lines of which file could not be written.
    pub(super) fn lost(&self) -> impl Iterator<Item = (&Path, u64)> {
        let mut lost: BTreeMap<&Path, u64> = BTreeMap::new();
        for (path, &lines) in &self.lost {
            *lost.entry(path).or_default() += lines;
        }
        for (path, file) in &self.files {
            *lost.entry(path).or_default() += file.lost();
        }
        lost.into_iter().filter(|&(_, lines)| lines > 0)
    }

    fn write_all(&mut self, line: &str) {
        for file in self.files.values_mut() {
            file.write(SystemTime::now(), line);
        }
    }
}
