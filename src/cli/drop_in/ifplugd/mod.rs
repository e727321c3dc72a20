//! `linkwatch ifplugd`.

use std::process::ExitCode;

use clap::{ArgAction, Args};

pub(super) const NAME: &str = "ifplugd";
/// Of wrong options.
pub(super) const USAGE_ERROR: u8 = 1;
pub(in crate::cli) const AFTER_HELP: &str = "";

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// Print the version
    // By this id it takes the place of the option -v that all of linkwatch has.
    #[arg(id = "verbose", short = 'v', long = "version", action = ArgAction::Count)]
    version: u8,
}

pub(in crate::cli) fn run(_options: Options) -> ExitCode {
    ExitCode::FAILURE
}
