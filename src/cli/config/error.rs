//! What is wrong with a configuration, where, and what may have been meant.

use std::fmt;
use std::path::Path;

/// How alike a known word has to be, to be suggested (Jaro-Winkler: 1 is equal).
const ALIKE: f64 = 0.8;

/// The configuration is wrong, as arguments may be wrong.
#[derive(Debug)]
pub(in crate::cli) struct Invalid(String);

impl Invalid {
    // Always as an error of the program.
    #[allow(clippy::new_ret_no_self)]
    pub(super) fn new(what: String) -> anyhow::Error {
        anyhow::Error::new(Invalid(what))
    }

    pub(super) fn of_toml(path: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
        let offset = error.span().map_or(0, |span| span.start);
        let message = explain(error.message(), text.get(offset..).unwrap_or_default());
        Invalid::new(format!("{}: {message}", at(path, text, offset)))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

/// `file:line:column`, each from 1, the column in characters.
pub(super) fn at(path: &Path, text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    format!("{}:{line}:{column}", path.display())
}

/// serde's words in ours, on one line.
fn explain(message: &str, there: &str) -> String {
    let unknown = ["unknown field `", "unknown variant `"]
        .into_iter()
        .find_map(|begin| message.strip_prefix(begin).map(|rest| (begin, rest)));
    if let Some((begin, rest)) = unknown
        && let Some((word, expected)) = rest.split_once('`')
    {
        // Every second piece is between backquotes.
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let noun = if begin.contains("field") { "key " } else { "" };
        let advice = match nearest(word, &known) {
            Some(nearest) => format!("did you mean '{nearest}'?"),
            None => format!("there are {}", known.join(", ")),
        };
        return format!("there is no {noun}'{word}' here; {advice}");
    }
    if message.starts_with("invalid type: map, expected a sequence") && there.starts_with("[watch")
    {
        return "there may be several watches: write [[watch]] instead of [watch]".to_owned();
    }
    message.replace('\n', "; ")
}

fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|&known| (strsim::jaro_winkler(word, known), known))
        .filter(|&(likeness, _)| likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
