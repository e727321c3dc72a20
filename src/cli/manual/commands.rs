//! Commands and options, as clap knows them.

use clap::{Arg, ArgAction, Command};

use super::roff::{bold, escape, italic, prose, sentence};

/// A line for each command.
pub(super) fn synopsis(command: &Command) -> String {
    let mut text = String::new();
    for sub in shown_subcommands(command) {
        if !text.is_empty() {
            text += ".br\n";
        }
        text += &usage(sub);
    }
    text
}

/// `linkwatch status [OPTIONS] [PATTERN]...`
fn usage(command: &Command) -> String {
    let mut line = bold(&full_name(command)) + " [" + &italic("OPTIONS") + "]";
    for positional in command.get_positionals().filter(|arg| !arg.is_hide_set()) {
        line.push(' ');
        line += &match positional.is_required_set() {
            true => value(positional),
            false => format!("[{}]", value(positional)),
        };
        if is_repeated(positional) {
            line += "...";
        }
    }
    line + "\n"
}

fn full_name(command: &Command) -> String {
    command
        .get_bin_name()
        .unwrap_or(command.get_name())
        .to_owned()
}

fn shown_subcommands(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

/// The options that every command takes.
pub(super) fn global_options(command: &Command) -> String {
    command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && !arg.is_positional())
        .map(option)
        .collect()
}

/// A section for each command.
pub(super) fn sections(command: &Command) -> String {
    shown_subcommands(command).map(section).collect()
}

fn section(command: &Command) -> String {
    let mut text = format!(".SS \"{}\"\n", escape(&full_name(command)));
    text += &usage(command);
    let about = command.get_long_about().or(command.get_about());
    for paragraph in paragraphs(&about.map(ToString::to_string).unwrap_or_default()) {
        text += &format!(".PP\n{}\n", sentence(paragraph));
    }
    let is_own = |arg: &&Arg| {
        let is_of_all = arg.is_global_set() || matches!(arg.get_id().as_str(), "help" | "version");
        !arg.is_hide_set() && !is_of_all
    };
    let args: Vec<&Arg> = command.get_arguments().filter(is_own).collect();
    // What it works on comes first.
    let (positionals, options): (Vec<&Arg>, Vec<&Arg>) =
        args.into_iter().partition(|arg| arg.is_positional());
    text.extend(positionals.into_iter().chain(options).map(option));
    let after = command.get_after_long_help().or(command.get_after_help());
    for paragraph in paragraphs(&after.map(ToString::to_string).unwrap_or_default()) {
        text += &format!(".PP\n{}\n", sentence(paragraph));
    }
    text
}

/// An option and what it does.
fn option(arg: &Arg) -> String {
    let mut text = format!(".TP\n{}\n", heading(arg));
    let help = arg.get_long_help().or(arg.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    for (number, paragraph) in paragraphs(&help).into_iter().enumerate() {
        if number > 0 {
            text += ".IP\n";
        }
        text += &format!("{}\n", sentence(paragraph));
    }
    let values: Vec<_> = arg
        .get_possible_values()
        .into_iter()
        .filter(|value| !value.is_hide_set())
        .collect();
    if takes_value(arg) && !arg.is_hide_possible_values_set() && !values.is_empty() {
        text += ".RS\n";
        for value in values {
            text += &format!(".TP\n{}\n", bold(value.get_name()));
            let help = value.get_help().map(ToString::to_string);
            text += &format!(
                "{}\n",
                help.map_or("\\&".to_owned(), |help| sentence(&help))
            );
        }
        text += ".RE\n.IP\n";
    }
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if takes_value(arg) && !arg.is_hide_default_value_set() && !defaults.is_empty() {
        text += &format!("Default: {}.\n", bold(&defaults.join(",")));
    }
    text.strip_suffix(".IP\n").unwrap_or(&text).to_owned()
}

/// `-v, --verbose`, `--events LIST`, `[PATTERN]...`
fn heading(arg: &Arg) -> String {
    if arg.is_positional() {
        let dots = if is_repeated(arg) { "..." } else { "" };
        return match arg.is_required_set() {
            true => value(arg) + dots,
            false => format!("[{}]{dots}", value(arg)),
        };
    }
    let short = arg.get_short_and_visible_aliases().unwrap_or_default();
    let long = arg.get_long_and_visible_aliases().unwrap_or_default();
    let names: Vec<String> = short
        .iter()
        .map(|name| bold(&format!("-{name}")))
        .chain(long.iter().map(|name| bold(&format!("--{name}"))))
        .collect();
    let names = names.join(", ");
    let is_optional = arg
        .get_num_args()
        .is_some_and(|range| range.min_values() == 0);
    match takes_value(arg) {
        false => names,
        true if is_optional => format!("{names} [{}]", value(arg)),
        true => format!("{names} {}", value(arg)),
    }
}

fn takes_value(arg: &Arg) -> bool {
    arg.is_positional() || matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

fn is_repeated(arg: &Arg) -> bool {
    arg.get_num_args()
        .is_some_and(|range| range.max_values() > 1)
}

/// What stands for its value.
fn value(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let names: Vec<String> = names.iter().map(|name| italic(name)).collect();
    names.join(" ")
}

fn paragraphs(text: &str) -> Vec<&str> {
    text.split("\n\n")
        .filter(|text| !text.trim().is_empty())
        .collect()
}

#[test]
fn an_option_is_told_with_its_values() {
    let arg = Arg::new("x")
        .short('x')
        .long("ex")
        .value_name("WAY")
        .default_value("on")
        .value_parser(["on", "off"])
        .help("Which way");
    let command = Command::new("it").arg(arg);
    let mut built = command;
    built.build();
    let text = option(built.get_arguments().next().expect("one"));
    assert_eq!(
        text,
        ".TP\n\\fB\\-x\\fP, \\fB\\-\\-ex\\fP \\fIWAY\\fP\nWhich way.\n.RS\n\
         .TP\n\\fBon\\fP\n\\&\n.TP\n\\fBoff\\fP\n\\&\n.RE\n.IP\nDefault: \\fBon\\fP.\n"
    );
    assert_eq!(prose(""), "");
}
