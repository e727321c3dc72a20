//! The keys of a configuration, for the manual and as an example.

use super::roff::{bold, escape, prose};
use crate::cli::config::Table;

/// The example's lines are no longer than this.
const WIDTH: usize = 82;

/// A section for each table.
pub(super) fn sections(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        text += &format!(".SS \"{}\"\n", escape(table.heading));
        for (number, paragraph) in table.paragraphs().iter().enumerate() {
            let break_ = if number > 0 { ".PP\n" } else { "" };
            text += &format!("{break_}{}\n", prose(paragraph));
        }
        for key in table.keys {
            text += &format!(
                ".TP\n{} = \\fI{}\\fP\n",
                bold(&key.name()),
                escape(key.form)
            );
            for (number, paragraph) in key.paragraphs().iter().enumerate() {
                let break_ = if number > 0 { ".IP\n" } else { "" };
                text += &format!("{break_}{}\n", prose(paragraph));
            }
            if !key.default.is_empty() {
                text += &format!("Default: {}.\n", bold(key.default));
            }
            if key.example != key.default {
                text += &format!(
                    ".IP\nFor example: {}\n",
                    bold(&format!("{} = {}", key.name(), key.example))
                );
            }
        }
    }
    text
}

const BEGINNING: &str = "\
# What linkwatch.service watches and does; see linkwatch.toml(5). After a change:
#   systemctl reload linkwatch
# which refuses a file that is wrong (as 'linkwatch check-config' does, which says why).
";

/// A configuration that shows all keys and sets none.
pub(super) fn example(tables: &[Table]) -> String {
    let mut text = String::from(BEGINNING);
    for table in tables {
        text.push('\n');
        for paragraph in table.paragraphs() {
            text += &comment(&paragraph);
        }
        // A file needs a watch, and nothing else.
        let mark = if table.heading == "[[watch]]" {
            ""
        } else {
            "# "
        };
        text += &format!("{mark}{}\n", table.heading);
        for (number, key) in table.keys.iter().enumerate() {
            if number > 0 {
                text.push('\n');
            }
            text += &comment(&key.paragraphs()[0]);
            text += &format!("# {} = {}\n", key.name(), key.example);
        }
    }
    text
}

/// Words in lines that begin with `#`.
fn comment(paragraph: &str) -> String {
    let mut text = String::new();
    let mut line = String::from("#");
    for word in paragraph.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text += &line;
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line += word;
    }
    text + &line + "\n"
}
