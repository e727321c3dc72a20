//! netplugd's script: `SCRIPT IFACE in|out|probe`.

use std::ffi::OsStr;
use std::fmt;
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
        let process = Process::start(Launch {
            program: self.path.clone(),
            arguments: vec![
                OsStr::from_bytes(interface).to_owned(),
                task.as_str().into(),
            ],
            inherits_environment: true,
            output: Output::Inherited,
            ..Launch::default()
        })?;
        let (interface, task) = (escape(interface), task.as_str());
        log::info!("{self} {interface} {task} -> pid {}", process.id());
        Ok(process)
    }
}

/// Its path, safe to print.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", escape(self.path.as_os_str().as_bytes()))
    }
}
