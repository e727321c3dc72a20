//! What is probed at the start: interfaces need not be there, a probe may load
//! their driver.

use linkwatch::Pattern;
use linkwatch::nl::escape;

/// Of a pattern, that many numbers are tried.
const NUMBERS: u32 = 16;

/// The names to probe. The pattern that was given last comes first, as with the
/// original.
pub(super) fn names(patterns: &[Pattern]) -> Vec<Vec<u8>> {
    patterns.iter().rev().flat_map(names_of).collect()
}

/// A name as it is; of a pattern, those that are its beginning and a number.
fn names_of(pattern: &Pattern) -> Vec<Vec<u8>> {
    let glob = pattern.as_bytes();
    let Some(length) = glob.iter().position(|byte| b"[]*?".contains(byte)) else {
        return vec![glob.to_vec()];
    };
    let beginning = &glob[..length];
    if beginning.is_empty() {
        log::warn!("{}: which interfaces to probe is not known", escape(glob));
        return Vec::new();
    }
    (0..NUMBERS)
        .map(|number| [beginning, number.to_string().as_bytes()].concat())
        .filter(|name| pattern.matches(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<Pattern> = patterns
            .iter()
            .map(|glob| Pattern::new(glob).unwrap())
            .collect();
        let names = names(&patterns).into_iter();
        names.map(|name| String::from_utf8(name).unwrap()).collect()
    }

    #[test]
    fn names_and_numbers() {
        assert_eq!(names_of(&["eth0", "wlan7"]), ["wlan7", "eth0"]);
        assert_eq!(names_of(&["eth[13]"]), ["eth1", "eth3"]);
        assert_eq!(names_of(&["eth?2"]), ["eth12"]);
        assert_eq!(names_of(&["eth*"]).len(), 16);
        assert_eq!(names_of(&["enp?s0", "*", "[e]th0"]), Vec::<String>::new());
    }
}
