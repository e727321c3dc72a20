//! Which interfaces are managed: netplugd's configuration files.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;

use linkwatch::Pattern;
use linkwatch::nl::escape;

use super::Options;

/// All patterns: those of the files, in order, and those of the command line.
///
/// A file that cannot be read is told of, as is a pattern that no name can
/// match; neither ends anything, as with the original.
pub(super) fn patterns(options: &Options) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for path in &options.configs {
        let (name, text) = match path.as_os_str() == "-" {
            true => ("standard input".to_owned(), read_to_end(io::stdin())),
            false => {
                let name = escape(path.as_os_str().as_bytes()).to_string();
                (name, File::open(path).and_then(read_to_end))
            }
        };
        match text {
            Ok(text) => add_lines(&text, &name, &mut patterns),
            Err(error) => log::error!("{name}: {error}"),
        }
    }
    for pattern in &options.patterns {
        add(pattern.as_bytes(), "-i", &mut patterns);
    }
    patterns
}

fn read_to_end(mut source: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    source.read_to_end(&mut text)?;
    Ok(text)
}

fn add_lines(text: &[u8], name: &str, patterns: &mut Vec<Pattern>) {
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        add(word(line), &format!("{name}, line {}", index + 1), patterns);
    }
}

/// The first word of a line, up to a `#` in it.
fn word(line: &[u8]) -> &[u8] {
    let mut words = line
        .split(|byte| byte.is_ascii_whitespace() || *byte == 0x0b)
        .filter(|word| !word.is_empty());
    let word = words.next().unwrap_or_default();
    word.split(|&byte| byte == b'#').next().unwrap_or_default()
}

fn add(pattern: &[u8], place: &str, patterns: &mut Vec<Pattern>) {
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
            configs: vec![folder.path().join("none"), folder.path().into(), path],
            patterns: vec!["usb?".into(), "".into()],
            ..Options::default()
        };
        let patterns = patterns(&options);
        let names: Vec<&[u8]> = patterns.iter().map(Pattern::as_bytes).collect();
        assert_eq!(names, [b"eth*".as_slice(), b"wl[0-9]", b"usb?"]);
    }
}
