//! What is installed beside the program and made of its own definitions: the
//! manual pages, the shells' completions, the example of a configuration.
//!
//! They are committed in packaging/. The test compares; `make man` writes them
//! anew. The program itself holds nothing of this.

mod commands;
mod completions;
mod keys;
mod roff;

use std::collections::{BTreeMap, BTreeSet};
#[cfg(feature = "genl")]
use std::{fs, path::Path};

use clap::CommandFactory;
use clap_complete::{Generator, Shell};

use super::args::Args;
use super::config::TABLES;
use linkwatch::EventKind;

/// The committed files, by their paths below packaging/.
fn generate() -> BTreeMap<String, String> {
    let mut command = Args::command();
    // Gives each subcommand its options of the whole, and its name.
    command.build();
    let page = |template: &str| {
        let mut page = String::from(roff::NOTICE);
        for line in template.lines() {
            match line {
                "@synopsis@" => page += &commands::synopsis(&command),
                "@options@" => page += &commands::global_options(&command),
                "@commands@" => page += &commands::sections(&command),
                "@keys@" => page += &keys::sections(&TABLES),
                line => {
                    page += &line.replace("@version@", env!("CARGO_PKG_VERSION"));
                    page.push('\n');
                }
            }
        }
        page
    };
    let mut files = BTreeMap::from([
        ("linkwatch.toml".to_owned(), keys::example(&TABLES)),
        (
            "man/linkwatch.1".to_owned(),
            page(include_str!("../../../packaging/man/linkwatch.1.in")),
        ),
        (
            "man/linkwatch.toml.5".to_owned(),
            page(include_str!("../../../packaging/man/linkwatch.toml.5.in")),
        ),
    ]);
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let path = format!("completions/{}", shell.file_name("linkwatch"));
        files.insert(path, completions::script(shell, &command));
    }
    files
}

// Without generic netlink there are fewer options.
#[cfg(feature = "genl")]
#[test]
fn what_is_generated_is_up_to_date() {
    let write = std::env::var_os("LINKWATCH_WRITE_MANUAL").is_some();
    for (name, generated) in generate() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("packaging")
            .join(&name);
        if write {
            fs::write(&path, &generated).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == generated,
            "packaging/{name} is not what the program's definitions say: run `make man`"
        );
    }
}

/// What the templates say by hand is complete.
#[test]
fn the_manual_knows_every_word() {
    let page = generate().remove("man/linkwatch.1").expect("it is made");
    let plain = roff::plain(&page);
    for kind in EventKind::ALL {
        assert!(plain.contains(&format!("\n{kind}\n")), "the event {kind}");
    }
    for reason in [
        linkwatch::Reason::NoCarrier,
        linkwatch::Reason::AdminDown,
        linkwatch::Reason::Removed,
        linkwatch::Reason::NotRunning,
        linkwatch::Reason::Renamed,
    ] {
        assert!(plain.contains(reason.as_str()), "the reason {reason}");
    }
    for command in Args::command().get_subcommands() {
        let heading = format!("\nlinkwatch {}\n", command.get_name());
        assert_eq!(
            plain.contains(&heading),
            !command.is_hide_set(),
            "{heading}: {plain}"
        );
    }
}

/// The fields of the JSON, read off the sources: none is missing in the manual.
#[test]
fn the_manual_knows_every_field() {
    let page = roff::plain(&generate()["man/linkwatch.1"]);
    let words: BTreeSet<&str> = page
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    let mut fields = Vec::new();
    for source in [
        include_str!("../status_json.rs"),
        include_str!("../details.rs"),
        include_str!("../report/json.rs"),
    ] {
        // Of structures that are serialized, until `impl`.
        let structures = source.split("#[derive(Serialize").skip(1);
        for structure in structures.filter_map(|rest| rest.split("\n}").next()) {
            let lines: Vec<&str> = structure.lines().map(str::trim).collect();
            for pair in lines
                .windows(2)
                .filter(|pair| !pair[0].contains("(skip)") && !pair[0].contains("(flatten)"))
            {
                let name = pair[1].trim_start_matches("pub(super) ").split_once(": ");
                fields.extend(name.map(|(name, _)| name.to_owned()));
            }
        }
    }
    let is_field = |text: &&str| !text.is_empty() && text.chars().all(is_of_field);
    let lines = [
        include_str!("../../monitor/json.rs"),
        include_str!("../event_line.rs"),
    ];
    for text in lines.iter().flat_map(|source| source.split(",\"")) {
        let field = text.split_once("\":").map(|(field, _)| field);
        fields.extend(field.filter(is_field).map(str::to_owned));
    }
    assert!(fields.len() > 80, "{fields:?}");
    for field in fields {
        assert!(words.contains(field.as_str()), "the field {field}");
    }
}

fn is_of_field(c: char) -> bool {
    c.is_ascii_lowercase() || c == '_'
}
