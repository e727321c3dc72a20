//! netplugd's script: `SCRIPT IFACE in|out|probe`.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use linkwatch::nl::escape;

use super::machine::Task;
use crate::cli::process::{Launch, Output, Process};

#[derive(Debug)]
pub(super) struct Script {
    /// Absolute: it is called from the root directory.
    path: PathBuf,
}

impl Script {
    pub(super) fn new(path: &std::path::Path) -> io::Result<Script> {
        Ok(Script {
            path: std::path::absolute(path)?,
        })
    }

    /// Calls it. It has this program's environment, and its output goes where
    /// this program's would.
    pub(super) fn start(&self, interface: &[u8], task: Task) -> io::Result<Process> {
        let script = escape(self.path.as_os_str().as_bytes());
        let (shown, task) = (escape(interface), task.as_str());
        let started = Process::start(Launch {
            program: self.path.clone(),
            arguments: vec![OsStr::from_bytes(interface).to_owned(), task.into()],
            inherits_environment: true,
            output: Output::Inherited,
            ..Launch::default()
        });
        match &started {
            Ok(process) => log::info!("{script} {shown} {task} -> pid {}", process.id()),
            Err(error) => log::error!("{script} {shown} {task}: {error}"),
        }
        started
    }
}
