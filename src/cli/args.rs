//! The arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use linkwatch::{EventKind, Pattern};

use super::deferred::Deferred;

/// Tells the moment a network cable is pulled or a Wi-Fi access point is lost,
/// and accounts for every carrier transition that the kernel counted.
#[derive(Parser)]
#[command(name = "linkwatch", version = linkwatch::VERSION)]
pub(super) struct Args {
    /// Tell more on stderr (-vv, -vvv: still more); the variable RUST_LOG, where set, decides
    // Behind a subcommand's own options, and before --help.
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 900)]
    pub(super) verbose: u8,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show which interfaces are connected
    #[command(after_help = "Exit status: 0 every matched interface is connected, \
        1 runtime error, 2 usage, 3 a matched interface is not connected, \
        4 no interface matches, or one that was named does not exist.")]
    Status(Deferred<StatusArgs>),

    /// Report each change as it happens, until interrupted
    #[command(
        after_help = "SIGINT and SIGTERM end the watch. SIGHUP reopens the log files; with \
        --config it reads the configuration anew, and goes on with the old one if the new one \
        is wrong.\n\n\
        Exit status: 0 ended as asked (interrupted, --count reached, output closed), \
        1 runtime error, or something was lost (stderr says what), 2 usage, or a wrong \
        configuration."
    )]
    Watch(Deferred<WatchArgs>),

    /// Wait until interfaces are connected, or as --for says
    #[command(
        after_help = "Without --any, it is waited for all: each PATTERN has to match an \
        interface, and each that matches has to be connected. An interface that does not \
        exist is not connected.\n\n\
        Exit status: 0 it is so, 1 runtime error, 2 usage, 5 timed out."
    )]
    Wait(Deferred<WaitArgs>),

    /// Tell how well links did: from logs of 'watch --json', as text or as a page
    #[command(
        after_help = "Times are local. What is known ends with the log's last line; while nobody \
        watched, links were neither connected nor disconnected. Lines that cannot be read are \
        counted and told on stderr.\n\n\
        Exit status: 0 reported, 1 runtime error, or no line could be read, 2 usage."
    )]
    Report(Deferred<super::report::ReportArgs>),
    /// Check a configuration file
    #[command(
        after_help = "Exit status: 0 it can be used, 1 the file cannot be read, a program that it \
        names may not be run, or a namespace or folder that it names does not exist, 2 it is \
        wrong."
    )]
    CheckConfig(Deferred<CheckConfigArgs>),

    /// Stand in for netplugd: run its script when links come and go
    #[command(
        args_override_self = true,
        after_help = super::drop_in::netplugd::AFTER_HELP,
    )]
    Netplugd(Deferred<super::drop_in::netplugd::Options>),

    /// Stand in for ifplugd: configure a link once it is plugged in
    #[command(
        args_override_self = true,
        infer_long_args = true,
        after_help = super::drop_in::ifplugd::AFTER_HELP,
    )]
    Ifplugd(Deferred<super::drop_in::ifplugd::Options>),
}

impl Command {
    /// Whether it stands in for another program, and does as that one does.
    pub(super) fn is_drop_in(&self) -> bool {
        matches!(self, Command::Netplugd(_) | Command::Ifplugd(_))
    }
}

#[derive(ClapArgs)]
pub(super) struct Selection {
    /// Shell globs for interface names or alternative names, as 'eth*';
    /// without any, every interface but loopback
    #[arg(value_name = "PATTERN")]
    pub(super) patterns: Vec<Pattern>,

    /// When an interface counts as connected
    #[arg(long, value_enum, default_value_t, value_name = "CRITERION")]
    pub(super) criterion: Criterion,

    /// Look into this network namespace (see: ip netns list)
    #[arg(long, value_name = "NAME")]
    pub(super) netns: Option<String>,
}

#[derive(ClapArgs)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    pub(super) selection: Selection,

    /// Print an array of JSON objects
    #[arg(long)]
    pub(super) json: bool,

    /// Show the IP addresses too
    #[arg(long)]
    pub(super) addresses: bool,

    /// Let the PHY test the cable of this interface, and tell of each pair how
    /// it is and how far away a fault is. The link goes down for some seconds.
    /// Needs CAP_NET_ADMIN and a driver that can do it; exit status 0 if it was
    /// done, whatever it found
    #[cfg(feature = "genl")]
    #[arg(
        long,
        value_name = "IFACE",
        value_parser = super::cable_test::parse_interface,
        conflicts_with_all = ["patterns", "criterion", "addresses"]
    )]
    pub(super) cable_test: Option<Pattern>,
}

#[derive(ClapArgs)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    pub(super) selection: Selection,

    /// Print a JSON object a line
    #[arg(long)]
    pub(super) json: bool,

    /// Also append to this file, with time stamps
    #[arg(long, value_name = "PATH")]
    pub(super) log_file: Option<PathBuf>,

    /// Report only these events, comma-separated: initial, added, connected,
    /// disconnected, flapped, renamed, removed, resync, roamed, notice; or all.
    /// By default all but notice
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_events)]
    pub(super) events: Option<Vec<Events>>,

    /// Report that an interface is connected only once it has been so for
    /// this long, as 250ms, 2s or 1m
    #[arg(long, value_name = "DUR", value_parser = parse_duration, default_value = "0ms")]
    pub(super) settle_up: Duration,

    /// Report that an interface is disconnected only once it has been so for
    /// this long. What has not lasted when the watch ends is reported then, and
    /// runs no hook
    #[arg(long, value_name = "DUR", value_parser = parse_duration, default_value = "0ms")]
    pub(super) settle_down: Duration,

    /// Run this program at each connected and disconnected, and at the start
    /// for each interface that is connected: PROGRAM IFACE EVENT, with the
    /// event's fields as LINKWATCH_* and its JSON on standard input. With
    /// --events, at those. Nobody but root and the user may be able to write it
    #[arg(long, value_name = "PROGRAM")]
    pub(super) exec: Option<PathBuf>,

    /// How long the program may run before it is terminated
    #[arg(long, value_name = "DUR", value_parser = parse_timeout, default_value = "1m")]
    pub(super) exec_timeout: Duration,

    /// Write metrics to this file, in the text format of Prometheus: for
    /// node_exporter's textfile collector
    #[arg(long, value_name = "PATH")]
    pub(super) metrics: Option<PathBuf>,

    /// Read what to watch and to do from this file instead; see
    /// linkwatch.toml(5) for its keys. Beside it only --json, --count and -v are
    /// accepted
    #[arg(long, value_name = "PATH", conflicts_with_all = [
        "patterns", "criterion", "netns", "log_file", "events", "settle_up", "settle_down",
        "exec", "exec_timeout", "buffer_size", "metrics", "no_kernel_filter",
    ])]
    pub(super) config: Option<PathBuf>,

    /// End after this many reported events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,

    /// Ask the kernel for a receive buffer of this size, as 512K or 4M; what
    /// is granted is told with -vv
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "4M")]
    pub(super) buffer_size: usize,

    /// Look at every message here, instead of having the kernel drop those
    /// that cannot matter; what is reported is the same
    #[arg(long)]
    pub(super) no_kernel_filter: bool,
}

#[derive(ClapArgs)]
pub(super) struct CheckConfigArgs {
    /// The file
    #[arg(value_name = "PATH", default_value = "/etc/linkwatch.toml")]
    pub(super) path: PathBuf,
}

#[derive(ClapArgs)]
pub(super) struct WaitArgs {
    #[command(flatten)]
    pub(super) selection: Selection,

    /// What to wait for
    #[arg(long = "for", value_enum, default_value_t, value_name = "STATE")]
    pub(super) goal: Goal,

    /// Wait until it is so of one interface, instead of all
    #[arg(long)]
    pub(super) any: bool,

    /// Give up after this long, as 250ms, 2s or 1m
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub(super) timeout: Option<Duration>,
}

/// What `wait` waits for.
#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Goal {
    /// They are connected
    #[default]
    Connected,
    /// They are not connected
    Disconnected,
    /// They exist
    Present,
    /// They do not exist
    Absent,
}

/// The library's criterion, as clap wants it.
#[derive(Clone, Copy, Default, ValueEnum)]
pub(super) enum Criterion {
    /// It is up and has carrier
    #[default]
    Carrier,
    /// It is operational too: WPA or 802.1X handshake done, not dormant
    Running,
}

impl From<Criterion> for linkwatch::Criterion {
    fn from(criterion: Criterion) -> Self {
        match criterion {
            Criterion::Carrier => linkwatch::Criterion::Carrier,
            Criterion::Running => linkwatch::Criterion::Running,
        }
    }
}

/// One of the words of `--events`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Events {
    All,
    Only(EventKind),
}

impl Events {
    /// The kinds of events that a list stands for.
    pub(super) fn chosen(list: &[Events]) -> Vec<EventKind> {
        let is_chosen = |kind: &EventKind| {
            list.iter().any(|events| match events {
                Events::All => true,
                Events::Only(only) => only == kind,
            })
        };
        EventKind::ALL.into_iter().filter(is_chosen).collect()
    }
}

pub(super) fn parse_events(word: &str) -> Result<Events, String> {
    match word {
        "all" => Ok(Events::All),
        word => word
            .parse()
            .map(Events::Only)
            .map_err(|error| format!("{error}; or all")),
    }
}

/// A whole number of milliseconds, seconds or minutes: `250ms`, `2s`, `1m`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "" => return Err("a unit is missing: ms, s or m".to_owned()),
        _ => return Err(format!("'{unit}' is no unit; there are ms, s and m")),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "expected a whole number, as in 250ms, 2s or 1m".to_owned())?;
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .ok_or_else(|| "that is too long".to_owned())
}

/// The same, but not nothing.
pub(super) fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("there has to be some time".to_owned()),
        duration => Ok(duration),
    }
}

/// The digits at the beginning, and what follows.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// A number of bytes, with K, M or G for 1024, 1024² or 1024³.
pub(super) fn parse_size(text: &str) -> Result<usize, String> {
    const LARGEST: usize = 1 << 30;
    let (number, unit) = split_unit(text);
    let shift = match unit {
        "" => 0,
        "k" | "K" | "KiB" => 10,
        "m" | "M" | "MiB" => 20,
        "g" | "G" | "GiB" => 30,
        _ => return Err(format!("'{unit}' is no unit; there are K, M and G")),
    };
    let number: usize = number
        .parse()
        .map_err(|_| "expected a number, as in 512K or 4M".to_owned())?;
    number
        .checked_mul(1 << shift)
        .filter(|&size| (1..=LARGEST).contains(&size))
        .ok_or_else(|| "expected a size from 1 byte to 1G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_list_chooses_events() {
        let chosen = |words: &[&str]| {
            let list: Vec<Events> = words
                .iter()
                .map(|word| parse_events(word).unwrap())
                .collect();
            Events::chosen(&list)
        };
        assert_eq!(chosen(&["all"]), EventKind::ALL);
        assert_eq!(chosen(&["notice"]), [EventKind::Notice]);
        assert_eq!(
            chosen(&["removed", "added", "added"]),
            [EventKind::Added, EventKind::Removed]
        );
        let error = parse_events("everything").unwrap_err();
        assert!(error.ends_with("notice; or all"), "{error}");
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_duration("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("0ms"), Ok(Duration::ZERO));
        for wrong in [
            "",
            "2",
            "ms",
            "2h",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "18446744073709551615m",
        ] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_have_units_and_bounds() {
        assert_eq!(parse_size("4M"), Ok(4 << 20));
        assert_eq!(parse_size("512k"), Ok(512 << 10));
        assert_eq!(parse_size("1GiB"), Ok(1 << 30));
        assert_eq!(parse_size("4096"), Ok(4096));
        for wrong in [
            "",
            "M",
            "4X",
            "-1",
            "0",
            "2G",
            "99999999999999999999",
            "4 M",
            "1.5M",
        ] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
