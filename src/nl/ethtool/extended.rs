//! Why a link is down.

use std::fmt;

/// Why a link is down, as its driver told: a state, and for some states what
/// exactly (`enum ethtool_link_ext_state`, `linux/ethtool.h`).
///
/// Its words are those of the kernel's constants: `no-cable`,
/// `autoneg: no-partner-detected`; numbers newer than this library are
/// `unknown-17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExtendedState {
    state: u8,
    substate: Option<u8>,
}

impl ExtendedState {
    pub(super) fn new(state: u8, substate: Option<u8>) -> ExtendedState {
        ExtendedState { state, substate }
    }

    /// The state (`ETHTOOL_LINK_EXT_STATE_*`).
    pub fn state(&self) -> u8 {
        self.state
    }

    /// What exactly (`ETHTOOL_LINK_EXT_SUBSTATE_*`, numbered anew for each
    /// state).
    pub fn substate(&self) -> Option<u8> {
        self.substate
    }
}

impl fmt::Display for ExtendedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = STATES.get(usize::from(self.state));
        match known {
            Some((state, _)) => f.write_str(state)?,
            None => write!(f, "unknown-{}", self.state)?,
        }
        let Some(substate) = self.substate else {
            return Ok(());
        };
        // They begin with 1; the kernel sends no 0.
        let word = known.and_then(|(_, substates)| {
            let index = usize::from(substate).checked_sub(1)?;
            substates.get(index)
        });
        match word {
            Some(word) => write!(f, ": {word}"),
            None => write!(f, ": unknown-{substate}"),
        }
    }
}

/// The states from 0 on, each with its substates from 1 on (Linux 6.18).
const STATES: [(&str, &[&str]); 13] = [
    (
        "autoneg",
        &[
            "no-partner-detected",
            "ack-not-received",
            "next-page-exchange-failed",
            "no-partner-detected-force-mode",
            "fec-mismatch-during-override",
            "no-hcd",
        ],
    ),
    (
        "link-training-failure",
        &[
            "kr-frame-lock-not-acquired",
            "kr-link-inhibit-timeout",
            "kr-link-partner-did-not-set-receiver-ready",
            "remote-fault",
        ],
    ),
    (
        "link-logical-mismatch",
        &[
            "pcs-did-not-acquire-block-lock",
            "pcs-did-not-acquire-am-lock",
            "pcs-did-not-get-align-status",
            "fc-fec-is-not-locked",
            "rs-fec-is-not-locked",
        ],
    ),
    (
        "bad-signal-integrity",
        &[
            "large-number-of-physical-errors",
            "unsupported-rate",
            "serdes-reference-clock-lost",
            "serdes-alos",
        ],
    ),
    ("no-cable", &[]),
    ("cable-issue", &["unsupported-cable", "cable-test-failure"]),
    ("eeprom-issue", &[]),
    ("calibration-failure", &[]),
    ("power-budget-exceeded", &[]),
    ("overheat", &[]),
    ("module", &["cmis-not-ready"]),
    ("otp-speed-violation", &[]),
    ("bmc-request-down", &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn word(state: u8, substate: Option<u8>) -> String {
        ExtendedState::new(state, substate).to_string()
    }

    #[test]
    fn the_words_stand_at_the_kernel_s_numbers() {
        // The last of each list, counted in linux/ethtool.h.
        assert_eq!(word(0, Some(6)), "autoneg: no-hcd");
        assert_eq!(word(1, Some(4)), "link-training-failure: remote-fault");
        assert_eq!(
            word(2, Some(5)),
            "link-logical-mismatch: rs-fec-is-not-locked"
        );
        assert_eq!(word(3, Some(4)), "bad-signal-integrity: serdes-alos");
        assert_eq!(word(4, None), "no-cable");
        assert_eq!(word(5, Some(2)), "cable-issue: cable-test-failure");
        assert_eq!(word(9, None), "overheat");
        assert_eq!(word(10, Some(1)), "module: cmis-not-ready");
        assert_eq!(word(12, None), "bmc-request-down");
    }

    #[test]
    fn unknown_numbers_are_told_as_such() {
        assert_eq!(word(13, None), "unknown-13");
        assert_eq!(word(255, Some(255)), "unknown-255: unknown-255");
        assert_eq!(word(0, Some(0)), "autoneg: unknown-0");
        assert_eq!(word(4, Some(1)), "no-cable: unknown-1");
    }
}
