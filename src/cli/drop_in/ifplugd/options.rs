//! The options of ifplugd 0.28, as Debian has it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};
use linkwatch::{Criterion, Pattern};

use super::plan::Delays;

/// The longest name that a link can have: an alternative one.
const LONGEST_NAME: usize = 127;

pub(in crate::cli) const AFTER_HELP: &str = "\
The program has the daemon's environment, and IFPLUGD_PREVIOUS and IFPLUGD_CURRENT: up, down \
or disabled. What it writes is logged. A state that does not last for its delay is not acted \
upon. A flag that is given twice is not set.\n\n\
SIGINT (which -k sends) and SIGTERM end the daemon, having run the program for 'down' if need \
be; SIGQUIT ends it at once. SIGHUP, SIGUSR1 and SIGUSR2 do as -z, -S and -R. A copy of \
linkwatch that is called 'ifplugd' does all this by that name.\n\n\
Exit status: 0 done; in the foreground, also if the program or the interface has failed; \
1 wrong options, or a runtime error; 2 not root, or no such mode; 3 it cannot go into the \
background; 4 a daemon runs for this interface already; 6 no daemon to control, or none that \
obeys; with -w 2 connected, 3 not connected, 255 failed; with -c 255 no daemon runs.";

/// Every flag that is given twice is not set.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// Watch this interface, under this very name
    #[arg(short, long, value_name = "IFACE", default_value = "eth0", value_parser = parse_interface)]
    iface: Interface,

    /// Run this program: PROGRAM IFACE up|down [EXTRA]
    #[arg(
        short,
        long,
        value_name = "PROGRAM",
        default_value = "/etc/ifplugd/ifplugd.action"
    )]
    run: PathBuf,

    /// Give the program one more argument
    #[arg(short = 'x', long, value_name = "EXTRA")]
    extra_arg: Option<OsString>,

    /// Go on if the program fails, instead of ending
    #[arg(short = 'I', long, action = ArgAction::Count)]
    ignore_retval: u8,

    /// Run the program for a connection once it has lasted for so many
    /// seconds; fractions are fine
    #[arg(short = 'u', long, value_name = "SECS", default_value = "0", value_parser = parse_seconds)]
    delay_up: Duration,

    /// Run the program for the loss of a connection once it has lasted for so
    /// many seconds
    #[arg(short = 'd', long, value_name = "SECS", default_value = "5", value_parser = parse_seconds)]
    delay_down: Duration,

    /// Do not run the program at the start
    #[arg(short = 'p', long, action = ArgAction::Count)]
    no_startup: u8,

    /// Run the program at the start also if there is no connection
    #[arg(short = 'l', long, action = ArgAction::Count)]
    initial_down: u8,

    /// Do not run the program at the end
    #[arg(short = 'q', long, action = ArgAction::Count)]
    no_shutdown: u8,

    /// Do not set the interface up: it is somebody else's to do
    #[arg(short = 'a', long, action = ArgAction::Count)]
    no_auto: u8,

    /// Wait for the interface where there is none, and take one that goes for
    /// a connection that is lost. Without it, and without -f and -F, that is
    /// the end
    #[arg(short = 'M', long, action = ArgAction::Count)]
    monitor: u8,

    /// Take an interface that there is none of for one without a connection
    #[arg(short = 'f', long, action = ArgAction::Count)]
    ignore_fail: u8,

    /// Take an interface that there is none of for one with a connection
    #[arg(short = 'F', long, action = ArgAction::Count)]
    ignore_fail_positive: u8,

    /// Stay in the foreground, and log to standard error
    #[arg(short = 'n', long, action = ArgAction::Count)]
    no_daemon: u8,

    /// Do not log to the system's log
    #[arg(short = 's', long, action = ArgAction::Count)]
    no_syslog: u8,

    /// Go into the background once the program has been run for the state at
    /// the start, and tell the state: exit status 2 connected, 3 not
    #[arg(short = 'w', long, action = ArgAction::Count)]
    wait_on_fork: u8,

    /// How a connection is looked for: i(ff) by whether the interface is
    /// running, a(uto), e(thtool), m(ii), p(riv) and w(lan) by its carrier,
    /// whatever it is
    #[arg(short = 'm', long, value_name = "MODE", default_value = "auto")]
    api_mode: String,

    /// Accepted, without effect: nothing is polled
    #[arg(short = 't', long, value_name = "SECS", value_parser = parse_seconds)]
    poll_time: Option<Duration>,

    /// Accepted, without effect
    #[arg(short = 'T', long, value_name = "USECS", value_parser = parse_seconds)]
    poll_utime: Option<Duration>,

    /// Accepted, without effect: nothing beeps
    #[arg(short = 'b', long, action = ArgAction::Count)]
    no_beep: u8,

    /// Accepted, without effect
    #[arg(short = 'U', long, action = ArgAction::Count)]
    no_beep_up: u8,

    /// Accepted, without effect
    #[arg(short = 'D', long, action = ArgAction::Count)]
    no_beep_down: u8,

    /// End the daemon of this interface
    #[arg(short, long, action = ArgAction::Count)]
    kill: u8,

    /// With -k, wait until it has ended, for 5 seconds at most
    #[arg(short = 'W', long, action = ArgAction::Count)]
    wait_on_kill: u8,

    /// Tell whether a daemon runs for this interface: exit status 0 if so, 255
    /// if not
    #[arg(short, long, action = ArgAction::Count)]
    check_running: u8,

    /// Have the daemon of this interface take no notice of it, until as many
    /// -R as -S have come
    #[arg(short = 'S', long, alias = "supend", action = ArgAction::Count)]
    suspend: u8,

    /// Have the daemon of this interface go on
    #[arg(short = 'R', long, action = ArgAction::Count)]
    resume: u8,

    /// Have the daemon of this interface log how it is
    #[arg(short = 'z', long, action = ArgAction::Count)]
    info: u8,

    /// Print the version
    // By this id it takes the place of the option -v that all of linkwatch has.
    #[arg(id = "verbose", short = 'v', long = "version", action = ArgAction::Count)]
    version: u8,

    /// Ignored, as ifplugd does
    #[arg(hide = true)]
    rest: Vec<OsString>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Daemon,
    Version,
    CheckRunning,
    Kill { wait: bool },
    Suspend,
    Resume,
    Info,
}

/// What a link is taken for that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// That ends the daemon.
    Failure,
    Down,
    Up,
}

/// A link, by its name or an alternative one.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    /// As it was given, and as scripts are told.
    pub(super) name: String,
    /// Matches this name alone.
    pub(super) pattern: Pattern,
}

/// How the daemon is to be.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) interface: Interface,
    pub(super) criterion: Criterion,
    pub(super) program: PathBuf,
    pub(super) extra: Option<OsString>,
    pub(super) delays: Delays,
    pub(super) ignores_failure: bool,
    /// Whether the script is called at the start if there is a connection.
    pub(super) begins_with_up: bool,
    /// … if there is none.
    pub(super) begins_with_down: bool,
    /// Whether it is called at the end.
    pub(super) ends_with_down: bool,
    pub(super) sets_up: bool,
    pub(super) absence: Absence,
    pub(super) in_background: bool,
    pub(super) uses_system_log: bool,
    pub(super) reports_state: bool,
    /// What was asked for and means nothing here.
    pub(super) meaningless: Vec<&'static str>,
}

/// There is no such mode.
#[derive(Debug)]
pub(super) struct UnknownMode(pub(super) String);

impl Options {
    pub(super) fn interface(&self) -> &Interface {
        &self.iface
    }

    /// The first of these in ifplugd's order of precedence.
    pub(super) fn command(&self) -> Command {
        let wait = is_set(self.wait_on_kill);
        let commands = [
            (self.kill, Command::Kill { wait }),
            (self.suspend, Command::Suspend),
            (self.resume, Command::Resume),
            (self.info, Command::Info),
            (self.check_running, Command::CheckRunning),
            (self.version, Command::Version),
        ];
        // Given twice, these are still asked for.
        let asked_for = commands.into_iter().find(|(count, _)| *count > 0);
        asked_for.map_or(Command::Daemon, |(_, command)| command)
    }

    pub(super) fn settings(self) -> Result<Settings, UnknownMode> {
        let mode = self.api_mode.chars().next().map(|c| c.to_ascii_lowercase());
        let criterion = match mode {
            Some('i') => Criterion::Running,
            Some('a' | 'e' | 'm' | 'p' | 'w') => Criterion::Carrier,
            _ => return Err(UnknownMode(self.api_mode)),
        };
        let meaningless = [
            (matches!(mode, Some('m' | 'p')), "--api-mode"),
            (self.poll_time.is_some(), "--poll-time"),
            (self.poll_utime.is_some(), "--poll-utime"),
            (self.no_beep > 0, "--no-beep"),
            (self.no_beep_up > 0, "--no-beep-up"),
            (self.no_beep_down > 0, "--no-beep-down"),
        ];
        let absence = match () {
            () if is_set(self.monitor) || is_set(self.ignore_fail) => Absence::Down,
            () if is_set(self.ignore_fail_positive) => Absence::Up,
            () => Absence::Failure,
        };
        Ok(Settings {
            interface: self.iface,
            criterion,
            // In the background it would be looked for in the root directory.
            program: std::path::absolute(&self.run).unwrap_or(self.run),
            extra: self.extra_arg,
            delays: Delays {
                up: self.delay_up,
                down: self.delay_down,
            },
            ignores_failure: is_set(self.ignore_retval),
            begins_with_up: is_set(self.initial_down) || !is_set(self.no_startup),
            begins_with_down: is_set(self.initial_down),
            ends_with_down: !is_set(self.no_shutdown),
            sets_up: !is_set(self.no_auto),
            absence,
            in_background: !is_set(self.no_daemon),
            uses_system_log: !is_set(self.no_syslog),
            reports_state: is_set(self.wait_on_fork),
            meaningless: meaningless
                .into_iter()
                .filter_map(|(is_given, name)| is_given.then_some(name))
                .collect(),
        })
    }
}

fn is_set(count: u8) -> bool {
    count % 2 == 1
}

/// A name that a link can have, and that can be part of a file's name.
fn parse_interface(name: &str) -> Result<Interface, String> {
    if name.is_empty() || name == "." || name == ".." {
        return Err("that is no name".to_owned());
    }
    if name.len() > LONGEST_NAME {
        return Err(format!("a name has {LONGEST_NAME} characters at most"));
    }
    let is_wrong = |c: &char| *c == '/' || c.is_whitespace() || c.is_control();
    if let Some(character) = name.chars().find(is_wrong) {
        return Err(format!("no name has {character:?} in it"));
    }
    let mut glob = String::new();
    for character in name.chars() {
        if "*?[]\\".contains(character) {
            glob.push('\\');
        }
        glob.push(character);
    }
    Ok(Interface {
        name: name.to_owned(),
        pattern: Pattern::new(glob).map_err(|error| error.to_string())?,
    })
}

/// `5`, `0.25`.
fn parse_seconds(text: &str) -> Result<Duration, String> {
    let is_plain = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let seconds: f64 = text
        .parse()
        .ok()
        .filter(|_| is_plain)
        .ok_or_else(|| "expected a number of seconds, as in 5 or 0.25".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "that is too long".to_owned())
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
