//! Which interfaces are managed: netplugd's configuration files.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result};
use linkwatch::Pattern;
use linkwatch::nl::escape;

use super::Options;

/// All patterns: those of the files, in order, and those of the command line.
///
/// A file that is not there is told of, as is a pattern that no name can match;
/// neither ends anything, as with the original.
pub(super) fn patterns(options: &Options) -> Result<Vec<Pattern>> {
    let mut patterns = Vec::new();
    for path in &options.configs {
        add_file(path, &mut patterns)?;
    }
    for pattern in &options.patterns {
        add(pattern.as_bytes(), &"-i", &mut patterns);
    }
    Ok(patterns)
}

fn add_file(path: &Path, patterns: &mut Vec<Pattern>) -> Result<()> {
    let mut text = Vec::new();
    let name = match path.as_os_str() == "-" {
        true => {
            let read = io::stdin().read_to_end(&mut text);
            read.context("reading standard input")?;
            "standard input".to_owned()
        }
        false => {
            let name = escape(path.as_os_str().as_bytes()).to_string();
            let mut file = match File::open(path) {
                Ok(file) => file,
                Err(error) => {
                    log::error!("{name}: {error}");
                    return Ok(());
                }
            };
            let read = file.read_to_end(&mut text);
            read.with_context(|| format!("reading {name}"))?;
            name
        }
    };
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let place = format_args!("{name}, line {}", index + 1).to_string();
        add(word(line), &place, patterns);
    }
    Ok(())
}

/// The first word of a line, up to a `#` in it.
fn word(line: &[u8]) -> &[u8] {
    let mut words = line
        .split(|byte| byte.is_ascii_whitespace() || *byte == 0x0b)
        .filter(|word| !word.is_empty());
    let word = words.next().unwrap_or_default();
    word.split(|&byte| byte == b'#').next().unwrap_or_default()
}

fn add(pattern: &[u8], place: &dyn std::fmt::Display, patterns: &mut Vec<Pattern>) {
    if pattern.is_empty() {
        return;
    }
    match Pattern::new(pattern) {
        Ok(pattern) => patterns.push(pattern),
        Err(error) => log::warn!("{place}: {error}: no interface matches it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_first_word_of_a_line_counts() {
        for (line, expected) in [
            ("eth*", "eth*"),
            ("  eth0 eth1 # two", "eth0"),
            ("\twlan[0-9]\r", "wlan[0-9]"),
            ("# eth0", ""),
            ("eth0#1", "eth0"),
            ("", ""),
            ("   ", ""),
        ] {
            assert_eq!(word(line.as_bytes()), expected.as_bytes(), "{line:?}");
        }
    }

    #[test]
    fn files_come_before_options_and_wrong_patterns_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("netplugd.conf");
        fs::write(&path, "# ours\neth*\n\nwl[0-9] # wireless\nbroken[\na/b\n").unwrap();
        let options = Options {
            configs: vec![folder.path().join("none"), path],
            patterns: vec!["usb?".into(), "".into()],
            ..Options::default()
        };
        let patterns = patterns(&options).unwrap();
        let names: Vec<&[u8]> = patterns.iter().map(Pattern::as_bytes).collect();
        assert_eq!(names, [b"eth*".as_slice(), b"wl[0-9]", b"usb?"]);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            configs: vec![folder.path().into()],
            ..Options::default()
        };
        assert!(patterns(&options).is_err());
    }
}
