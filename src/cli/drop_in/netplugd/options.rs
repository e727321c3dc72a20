//! netplugd's options.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

const DEFAULT_CONFIG: &str = "/etc/netplug/netplugd.conf";
const DEFAULT_SCRIPT: &str = "/etc/netplug/netplug";

pub(in crate::cli) const AFTER_HELP: &str = "\
A configuration file has a shell glob a line, as 'eth*'; its first word counts, and what \
follows a '#' does not. The script is called with the interface's name and 'in' when it has \
carrier, 'out' when it has lost it, 'probe' when it is down and is to be taken up. It has the \
daemon's environment. If 'in' fails, nothing is done for that interface until it has been \
down.\n\n\
SIGHUP, SIGINT and SIGTERM end it; a script that runs then runs on. A copy of linkwatch that is \
called 'netplugd' does all this by that name. With a link instead, service scripts that stop \
whatever runs the file 'netplugd' would stop every linkwatch.\n\n\
Exit status: 0 it has gone into the background, 1 anything else, the signals too.";

/// netplugd's options.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct Options {
    /// Tell more
    #[arg(short = 'D')]
    pub(super) debug: bool,

    /// Stay in the foreground, and tell on stderr instead of the system's log
    #[arg(short = 'F')]
    pub(super) foreground: bool,

    /// Do not call the script for 'probe' at the start
    #[arg(short = 'P')]
    pub(super) no_probe: bool,

    /// Read patterns from this file, '-' for standard input; may be repeated
    #[arg(
        short = 'c',
        value_name = "FILE",
        default_value = DEFAULT_CONFIG,
        allow_hyphen_values = true
    )]
    pub(super) configs: Vec<PathBuf>,

    /// Manage the interfaces that match this shell glob, too; may be repeated
    #[arg(short = 'i', value_name = "PATTERN", allow_hyphen_values = true)]
    pub(super) patterns: Vec<OsString>,

    /// Keep the daemon's process id in this file; in the foreground it is not
    /// written
    #[arg(short = 'p', value_name = "FILE", allow_hyphen_values = true)]
    pub(super) pid_file: Option<PathBuf>,

    /// Call this script
    #[arg(
        short = 's',
        value_name = "SCRIPT",
        default_value = DEFAULT_SCRIPT,
        allow_hyphen_values = true
    )]
    pub(super) script: PathBuf,

    /// Not looked at, as in the original
    #[arg(hide = true)]
    pub(super) rest: Vec<OsString>,
}
