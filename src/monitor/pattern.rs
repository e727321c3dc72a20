//! Which interfaces are watched.

use std::ffi::CString;
use std::fmt;
use std::str::FromStr;

use super::LinkState;
use crate::nl::{self, LinkFlags};
use crate::{Error, Result};

/// The longest pattern: as long as the longest alternative name (ALTIFNAMSIZ of
/// `linux/if.h` without its NUL).
const MAX_LENGTH: usize = 127;

/// A shell glob for interface names, as fnmatch(3) defines it: `eth0`,
/// `wlan*`, `en[op]*`, `[!l]*`.
///
/// Names may be alternative names (`ip link property add … altname …`) too.
///
/// ```
/// let pattern = linkwatch::Pattern::new("enp*s0")?;
/// assert!(pattern.matches(b"enp3s0"));
/// assert!(!pattern.matches(b"enp3s0f1"));
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    glob: CString,
}

impl Pattern {
    /// Takes a glob.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for one that is empty or
    /// longer than 127 bytes, which is the longest (alternative) name, has a `[`
    /// that is not closed or a backslash at its end, or holds a character that no
    /// interface name has (`/`, NUL).
    pub fn new(glob: impl AsRef<[u8]>) -> Result<Pattern> {
        let glob = glob.as_ref();
        let shown = || nl::Escaped(glob).to_string();
        if glob.is_empty() {
            return Err(Error::invalid("a pattern must not be empty"));
        }
        if glob.len() > MAX_LENGTH {
            return Err(Error::invalid(format!(
                "the pattern '{}…' is {} bytes long, and no interface name is longer than \
                 {MAX_LENGTH}: use a shorter one, with '*' for the rest of the name",
                nl::Escaped(&glob[..16]),
                glob.len()
            )));
        }
        if glob.contains(&b'/') {
            return Err(Error::invalid(format!(
                "the pattern '{}' has a '/', which no interface name has",
                shown()
            )));
        }
        if let Err(why) = check_brackets(glob) {
            return Err(Error::invalid(format!("the pattern '{}' {why}", shown())));
        }
        let Ok(glob) = CString::new(glob) else {
            return Err(Error::invalid(format!(
                "the pattern '{}' holds a NUL byte",
                shown()
            )));
        };
        Ok(Pattern { glob })
    }

    /// True if the pattern matches this name.
    pub fn matches(&self, name: &[u8]) -> bool {
        // The kernel's names end with NUL, so they hold none.
        let Ok(name) = CString::new(name) else {
            return false;
        };
        nl::fnmatch(&self.glob, &name)
    }

    /// True if the pattern is a plain name: without `*`, `?`, `[` and `\`.
    ///
    /// ```
    /// assert!(linkwatch::Pattern::new("eth0")?.is_plain());
    /// assert!(!linkwatch::Pattern::new("eth*")?.is_plain());
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    pub fn is_plain(&self) -> bool {
        !self.as_bytes().iter().any(|byte| b"*?[\\".contains(byte))
    }

    /// The glob as it was given.
    pub fn as_bytes(&self) -> &[u8] {
        self.glob.as_bytes()
    }

    /// True if the pattern matches the link's name or one of its alternative
    /// names.
    pub fn matches_link(&self, link: &LinkState) -> bool {
        self.matches(link.name().as_bytes()) || link.alt_names().any(|name| self.matches(name))
    }
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(glob: &str) -> Result<Pattern> {
        Pattern::new(glob)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        nl::Escaped(self.as_bytes()).fmt(f)
    }
}

/// fnmatch(3) takes a `[` that is never closed for a plain character, which is
/// never what was meant.
fn check_brackets(glob: &[u8]) -> Result<(), &'static str> {
    let mut rest = glob;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'\\' => match after.split_first() {
                Some((_, after)) => after,
                None => return Err("ends with a backslash"),
            },
            b'[' => after_bracket(after).ok_or("has a '[' without its ']'")?,
            _ => after,
        };
    }
    Ok(())
}

/// What follows the bracket expression whose `[` was just read.
fn after_bracket(mut rest: &[u8]) -> Option<&[u8]> {
    if let [b'!' | b'^', after @ ..] = rest {
        rest = after;
    }
    // A `]` at the beginning is a character like any other.
    if let [b']', after @ ..] = rest {
        rest = after;
    }
    loop {
        match rest {
            [] => return None,
            [b']', after @ ..] => return Some(after),
            [b'\\', _, after @ ..] => rest = after,
            // [:class:], [.symbol.] and [=equivalent=]
            [b'[', mark @ (b':' | b'.' | b'='), after @ ..] => {
                let end = after.windows(2).position(|pair| pair == [*mark, b']'])?;
                rest = &after[end + 2..];
            }
            [_, after @ ..] => rest = after,
        }
    }
}

/// All patterns together: what is in scope.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub(crate) patterns: Vec<Pattern>,
}

impl Scope {
    /// Without patterns: every interface but loopback.
    pub(crate) fn contains(&self, link: &LinkState) -> bool {
        if self.patterns.is_empty() {
            return !link.flags().contains(LinkFlags::LOOPBACK);
        }
        self.patterns
            .iter()
            .any(|pattern| pattern.matches_link(link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn bad_patterns_are_refused_with_the_reason() {
        for (glob, why) in [
            ("", "must not be empty"),
            ("a/b", "has a '/'"),
            ("eth[0", "has a '[' without its ']'"),
            ("[", "has a '['"),
            ("[!]", "has a '['"),
            ("[]", "has a '['"),
            ("[[:digit:]", "has a '['"),
            ("[[:digit", "has a '['"),
            ("eth\\", "ends with a backslash"),
            ("eth\0", "holds a NUL byte"),
        ] {
            let error = Pattern::new(glob).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{glob:?}");
            assert!(error.to_string().contains(why), "{glob:?}: {error}");
        }
    }

    #[test]
    fn a_pattern_is_as_long_as_the_longest_name() {
        let longest = "n".repeat(127);
        assert!(Pattern::new(&longest).unwrap().matches(longest.as_bytes()));
        for length in [128, 508, 509, 5000] {
            let error = Pattern::new("n".repeat(length)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let text = error.to_string();
            let expected = format!("the pattern 'nnnnnnnnnnnnnnnn…' is {length} bytes long");
            assert!(text.starts_with(&expected), "{text}");
            assert!(
                text.contains("127") && text.contains("use a shorter one"),
                "{text}"
            );
        }
    }

    #[test]
    fn good_patterns_match_as_the_shell_does() {
        for (glob, name, matches) in [
            ("eth0", "eth0", true),
            ("eth0", "eth01", false),
            ("*", "lo", true),
            ("eth[0-3]", "eth2", true),
            ("eth[!0-3]", "eth2", false),
            ("eth[]x]", "eth]", true),
            ("en[[:alpha:]]*", "enp3s0", true),
            ("eth\\*", "eth*", true),
            ("eth\\*", "eth0", false),
            ("a]", "a]", true),
        ] {
            let pattern = Pattern::new(glob).unwrap();
            assert_eq!(pattern.matches(name.as_bytes()), matches, "{glob} {name}");
        }
        assert!(Pattern::new(b"e\xff*").unwrap().matches(b"e\xffx"));
    }
}
