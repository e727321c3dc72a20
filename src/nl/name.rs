//! Names as the kernel gives them: bytes, usually text.

use std::fmt;

/// The longest name of an interface: IFNAMSIZ without its NUL.
const MAX: usize = 15;

/// A name of at most 15 bytes, kept without an allocation: an interface's
/// name, or the kernel's word for its kind.
///
/// The kernel allows any byte in an interface name but NUL, `/`, `:` and white
/// space (`dev_valid_name`, `net/core/dev.c`); it need not be UTF-8. `Display`
/// escapes what could harm a terminal or forge a line of a log:
///
/// ```
/// use linkwatch::nl::Name;
///
/// let name = Name::new(b"eth\x1b[2J").unwrap();
/// assert_eq!(name.to_string(), r"eth\x1b[2J");
/// assert_eq!(name.as_bytes(), b"eth\x1b[2J");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Name {
    bytes: [u8; MAX],
    length: u8,
}

impl Name {
    /// `None` if it is longer than 15 bytes.
    pub fn new(name: &[u8]) -> Option<Name> {
        let mut bytes = [0; MAX];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Name {
            bytes,
            length: name.len() as u8,
        })
    }

    /// The first 15 bytes of `name`.
    pub(crate) fn truncated(name: &[u8]) -> Name {
        Name::new(&name[..name.len().min(MAX)]).unwrap_or_default()
    }

    /// The bytes as the kernel has them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The name as text, if it is UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(self.as_bytes()).fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

/// Bytes from the kernel, safe to print: control characters, backslashes and
/// what is not UTF-8 are written as `\xNN`.
///
/// ```
/// assert_eq!(linkwatch::nl::escape(b"a\nb\xff").to_string(), r"a\x0ab\xff");
/// ```
pub fn escape(bytes: &[u8]) -> impl fmt::Display {
    Escaped(bytes)
}

/// Bytes from the kernel, safe to print: see [`write_escaped`].
pub(crate) struct Escaped<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Tables align names: pad like a string.
        if f.width().is_some() {
            let mut text = String::new();
            write_escaped(&mut text, self.0)?;
            return f.pad(&text);
        }
        write_escaped(f, self.0)
    }
}

/// Writes text as it is; control characters, a backslash, and bytes that are
/// not UTF-8 as `\xNN` (of the character's UTF-8 bytes).
fn write_escaped(out: &mut impl fmt::Write, bytes: &[u8]) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || character == '\\' || is_invisible(character) {
                let mut buffer = [0; 4];
                for byte in character.encode_utf8(&mut buffer).bytes() {
                    write!(out, "\\x{byte:02x}")?;
                }
            } else {
                out.write_char(character)?;
            }
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

/// Characters that reorder or break lines though they are no control
/// characters: U+2028, U+2029 and the bidirectional overrides.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        Escaped(bytes).to_string()
    }

    #[test]
    fn plain_names_are_shown_as_they_are() {
        assert_eq!(shown(b"eth0"), "eth0");
        assert_eq!(shown("線路0".as_bytes()), "線路0");
    }

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        assert_eq!(shown(b"a\nb"), r"a\x0ab");
        assert_eq!(shown(b"\x1b]0;x\x07"), r"\x1b]0;x\x07");
        assert_eq!(shown(b"\xff\xfe"), r"\xff\xfe");
        assert_eq!(shown("\u{9b}".as_bytes()), r"\xc2\x9b", "C1 controls too");
        assert_eq!(shown("\u{202e}".as_bytes()), r"\xe2\x80\xae");
        assert_eq!(shown(br"\x1b"), r"\x5cx1b", "an escape cannot be forged");
    }

    #[test]
    fn names_are_bounded_and_padded() {
        assert!(Name::new(&[b'a'; 15]).is_some());
        assert!(Name::new(&[b'a'; 16]).is_none());
        assert_eq!(format!("{:6}|", Name::new(b"lo").unwrap()), "lo    |");
    }
}
