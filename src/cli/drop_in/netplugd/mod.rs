//! `linkwatch netplugd`.

use std::process::ExitCode;

use clap::Args;

pub(super) const NAME: &str = "netplugd";
/// Of wrong options.
pub(super) const USAGE_ERROR: u8 = 1;
pub(in crate::cli) const AFTER_HELP: &str = "";

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {}

pub(in crate::cli) fn run(_options: Options) -> ExitCode {
    ExitCode::FAILURE
}
