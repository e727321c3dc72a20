//! Definitions of arguments that are only made where they are needed.

use std::ops::Deref;

use clap::{ArgMatches, Args, Command, FromArgMatches};

/// The arguments of a subcommand, which are defined once it is called. Those of
/// the others would be made at each start, to be looked at by nobody.
///
/// What is said of the command as a whole stands at the subcommand, not at `T`.
#[derive(Debug)]
pub(super) struct Deferred<T>(pub(super) T);

impl<T> Deref for Deferred<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Args> Args for Deferred<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(|command| define(command, T::augment_args(Command::default())))
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(|command| define(command, T::augment_args_for_update(Command::default())))
    }
}

/// Gives a command the arguments of another. They take the place of those of the
/// same id that it has from the program as a whole.
fn define(mut command: Command, definitions: Command) -> Command {
    for argument in definitions.get_arguments() {
        let id = argument.get_id();
        let has = command.get_arguments().any(|known| known.get_id() == id);
        command = match has {
            true => command.mut_arg(id, |_| argument.clone()),
            false => command.arg(argument),
        };
    }
    command.groups(definitions.get_groups())
}

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Deferred)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches_mut(matches).map(Deferred)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}
