//! Completions for the shells, as clap makes them; and where an interface is
//! meant, which clap does not know, the names of those that there are.

use std::io::{self, Write};

use clap::{Arg, Command};
use clap_complete::Shell;

pub(super) fn script(shell: Shell, command: &Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command.clone(), "linkwatch", &mut script);
    let script = String::from_utf8(script).expect("UTF-8");
    match shell {
        Shell::Bash => in_bash(&script, command),
        Shell::Zsh => in_zsh(&script),
        Shell::Fish => script + &for_fish(command),
        _ => script,
    }
}

/// Whether the name of an interface stands there.
fn is_interface(arg: &&Arg) -> bool {
    let names = arg.get_value_names().unwrap_or_default();
    names
        .iter()
        .any(|name| name == "PATTERN" || name == "IFACE")
}

fn in_bash(script: &str, command: &Command) -> String {
    const NAMES: &str = "$(command ls /sys/class/net 2>/dev/null)";
    let files = "COMPREPLY=($(compgen -f \"${cur}\"))";
    let names = format!("COMPREPLY=($(compgen -W \"{NAMES}\" -- \"${{cur}}\"))");
    let mut changed = String::new();
    let mut of_command: Option<&Command> = None;
    let mut is_of_option = false;
    for line in script.lines() {
        let trimmed = line.trim();
        let label = trimmed.strip_suffix(')');
        if let Some(label) = label.filter(|label| !label.contains('(')) {
            if let Some(name) = label.strip_prefix("linkwatch__subcmd__") {
                let name = name.replace("__subcmd__", "-");
                of_command = command.get_subcommands().find(|sub| sub.get_name() == name);
            }
            is_of_option = of_command.is_some_and(|sub| {
                let mut args = sub.get_arguments().filter(is_interface);
                args.any(|arg| {
                    let long = arg.get_long().map(|long| format!("--{long}"));
                    let short = arg.get_short().map(|short| format!("-{short}"));
                    [long, short].contains(&Some(label.to_owned()))
                })
            });
        }
        let is_positional =
            of_command.is_some_and(|sub| sub.get_positionals().any(|arg| is_interface(&arg)));
        changed += &match trimmed.strip_prefix("opts=\"") {
            Some(_) if is_positional => {
                format!("{} {NAMES}\"", line.trim_end_matches('"'))
            }
            _ if is_of_option => line.replace(files, &names),
            _ => line.to_owned(),
        };
        changed.push('\n');
    }
    changed
}

fn in_zsh(script: &str) -> String {
    let mut changed = String::new();
    for line in script.lines() {
        let is_interface = [":IFACE:_default'", ":PATTERN:_default'"]
            .iter()
            .any(|end| line.contains(end))
            || line.starts_with("'*::patterns ");
        changed += &match is_interface {
            true => line.replace(":_default'", ":_net_interfaces'"),
            false => line.to_owned(),
        };
        changed.push('\n');
    }
    changed
}

fn for_fish(command: &Command) -> String {
    let mut lines = String::new();
    for sub in command.get_subcommands() {
        for arg in sub.get_arguments().filter(is_interface) {
            let mut option = String::new();
            if let Some(short) = arg.get_short() {
                option += &format!(" -s {short}");
            }
            if let Some(long) = arg.get_long() {
                option += &format!(" -l {long}");
            }
            let after = if arg.is_positional() { "" } else { " -r" };
            lines += &format!(
                "complete -c linkwatch -n \"__fish_linkwatch_using_subcommand {}\"{option}{after} -f -a \
                 \"(__fish_print_interfaces)\"\n",
                sub.get_name()
            );
        }
    }
    lines
}

/// What bash offers after these words.
fn offered_by_bash(words: &[&str]) -> Option<Vec<String>> {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/packaging/completions/linkwatch.bash"
    );
    let [.., before, last] = words else {
        return None;
    };
    let output = std::process::Command::new("bash")
        .args([
            "-c",
            "source \"$0\"; COMP_WORDS=(\"${@:3}\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); \
            _linkwatch linkwatch \"$2\" \"$1\"; printf '%s\\n' \"${COMPREPLY[@]}\"",
        ])
        .args([script, before, last])
        .args(words)
        .output()
        .ok()?;
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    Some(text.lines().map(str::to_owned).collect())
}

#[test]
fn bash_completes_commands_options_and_interfaces() {
    let Some(commands) = offered_by_bash(&["linkwatch", "w"]) else {
        // Past the test harness, which would swallow it.
        let _ = writeln!(io::stderr(), "SKIPPED: there is no bash");
        return;
    };
    assert_eq!(commands, ["watch", "wait"]);
    let offered = |words: &[&str]| offered_by_bash(words).expect("bash");
    assert_eq!(offered(&["linkwatch", "status", "--addr"]), ["--addresses"]);
    assert_eq!(offered(&["linkwatch", "wait", "--for", "pre"]), ["present"]);
    // Each machine has this one.
    let is_lo = |name: &String| name == "lo";
    for words in [
        ["linkwatch", "watch", "--json", "lo"],
        ["linkwatch", "status", "--cable-test", "lo"],
    ] {
        assert!(offered(&words).iter().any(is_lo), "{words:?}");
    }
}
