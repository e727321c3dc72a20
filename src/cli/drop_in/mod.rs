//! In the place of other programs: `linkwatch netplugd …`, `linkwatch ifplugd …`,
//! and the same where linkwatch is called by these names, as a copy (or a link, which
//! the manual advises against).
//!
//! Each takes the original's options, runs its scripts in the same order, and
//! ends with its exit codes.

pub(super) mod background;
pub(super) mod ifplugd;
pub(super) mod netplugd;
pub(super) mod pid_file;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use super::args::Args;

/// A program that linkwatch stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Original {
    Netplugd,
    Ifplugd,
}

impl Original {
    fn of(name: &OsStr) -> Option<Original> {
        match name.to_str()? {
            netplugd::NAME => Some(Original::Netplugd),
            ifplugd::NAME => Some(Original::Ifplugd),
            _ => None,
        }
    }
}

/// What the arguments of this process call for: one of the originals, by which
/// name to users, and with which arguments (the first is a name again).
fn called(arguments: &[OsString]) -> Option<(Original, String, &[OsString])> {
    let own_name = Path::new(arguments.first()?).file_name()?;
    if let Some(original) = Original::of(own_name) {
        return Some((original, own_name.to_str()?.to_owned(), arguments));
    }
    // It has a log of its own, which -v does not change.
    let verbosity = arguments.iter().skip(1).take_while(|word| is_verbose(word));
    let rest = arguments.get(1 + verbosity.count()..)?;
    let subcommand = rest.first()?;
    let original = Original::of(subcommand)?;
    let name = format!("{} {}", own_name.display(), subcommand.display());
    Some((original, name, rest))
}

/// `-v`, `-vv`, `--verbose`.
fn is_verbose(word: &OsStr) -> bool {
    let flags = word.as_encoded_bytes().strip_prefix(b"-");
    word == "--verbose" || flags.is_some_and(|v| !v.is_empty() && v.iter().all(|&v| v == b'v'))
}

/// Does what one of the originals would do, if it is one of them that was
/// called for. Their exit codes for wrong options are not clap's.
pub(super) fn run_if_called(arguments: &[OsString]) -> Option<ExitCode> {
    let (original, name, arguments) = called(arguments)?;
    Some(match original {
        Original::Netplugd => match parse(netplugd::NAME, &name, arguments) {
            Ok(options) => netplugd::run(options),
            Err(error) => refuse(&error, netplugd::USAGE_ERROR),
        },
        Original::Ifplugd => match parse(ifplugd::NAME, &name, arguments) {
            Ok(options) => ifplugd::run(options),
            Err(error) => refuse(&error, ifplugd::USAGE_ERROR),
        },
    })
}

/// Reads the options of the subcommand `subcommand`, which users have called as
/// `name`.
fn parse<T: FromArgMatches>(
    subcommand: &'static str,
    name: &str,
    arguments: &[OsString],
) -> Result<T, clap::Error> {
    let mut linkwatch = Args::command();
    // Of its own: without the options that all of linkwatch has.
    let command = match linkwatch.find_subcommand_mut(subcommand) {
        Some(command) => std::mem::take(command),
        None => clap::Command::new(subcommand),
    };
    let mut command = command.bin_name(name.to_owned());
    let matches = command.try_get_matches_from_mut(arguments)?;
    T::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Prints a help text, and ends well, or why the options are wrong.
fn refuse(error: &clap::Error, usage_error: u8) -> ExitCode {
    let printed = error.print().and_then(|()| io::stdout().flush());
    match (error.use_stderr(), printed) {
        (true, _) => ExitCode::from(usage_error),
        (false, Err(failure)) if failure.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        (false, _) => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called_by(arguments: &[&str]) -> Option<(Original, String, usize)> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        called(&arguments).map(|(original, name, rest)| (original, name, rest.len()))
    }

    #[test]
    fn it_is_called_by_name_or_as_a_subcommand() {
        assert_eq!(
            called_by(&["/sbin/netplugd", "-F", "-P"]),
            Some((Original::Netplugd, "netplugd".into(), 3))
        );
        assert_eq!(
            called_by(&["ifplugd", "netplugd"]),
            Some((Original::Ifplugd, "ifplugd".into(), 2))
        );
        assert_eq!(
            called_by(&["/usr/bin/linkwatch", "ifplugd", "-n"]),
            Some((Original::Ifplugd, "linkwatch ifplugd".into(), 2))
        );
        assert_eq!(
            called_by(&["linkwatch", "-vv", "--verbose", "ifplugd", "-v"]),
            Some((Original::Ifplugd, "linkwatch ifplugd".into(), 2))
        );
        for other in [
            &["linkwatch", "watch", "netplugd"][..],
            &["linkwatch", "-v", "watch", "netplugd"],
            &["linkwatch", "-", "netplugd"],
            &["linkwatch", "-v"],
            &["linkwatch"],
            &[],
        ] {
            assert_eq!(called_by(other), None, "{other:?}");
        }
    }
}
