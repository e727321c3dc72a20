//! Words for 802.11 reason codes.

/// A short word for a reason code of 802.11 (`enum ieee80211_reasoncode`,
/// `linux/ieee80211.h`; the table 9-45 of IEEE 802.11-2016): why a station or
/// an access point ended a connection.
///
/// Nothing keeps the other end from giving a reason that is not so.
///
/// ```
/// use linkwatch::nl::nl80211::reason_name;
///
/// assert_eq!(reason_name(3), Some("leaving"));
/// assert_eq!(reason_name(15), Some("4-way-handshake-timeout"));
/// assert_eq!(reason_name(0), None);
/// ```
pub fn reason_name(code: u16) -> Option<&'static str> {
    Some(match code {
        1 => "unspecified",
        2 => "authentication-no-longer-valid",
        3 => "leaving",
        4 => "inactivity",
        5 => "ap-busy",
        6 => "not-authenticated",
        7 => "not-associated",
        8 => "station-has-left",
        9 => "association-without-authentication",
        10 => "power-capability-not-valid",
        11 => "supported-channels-not-valid",
        12 => "bss-transition",
        13 => "invalid-element",
        14 => "mic-failure",
        15 => "4-way-handshake-timeout",
        16 => "group-key-handshake-timeout",
        17 => "handshake-element-mismatch",
        18 => "invalid-group-cipher",
        19 => "invalid-pairwise-cipher",
        20 => "invalid-akmp",
        21 => "unsupported-rsn-version",
        22 => "invalid-rsn-capabilities",
        23 => "802.1x-authentication-failed",
        24 => "cipher-suite-rejected",
        25 => "tdls-peer-unreachable",
        26 => "tdls-teardown",
        27 => "service-provider-request",
        28 => "no-roaming-agreement",
        29 => "cipher-or-akm-not-allowed",
        30 => "not-authorized-here",
        31 => "service-change",
        32 => "unspecified-qos",
        33 => "not-enough-bandwidth",
        34 => "low-ack",
        35 => "exceeded-txop",
        36 => "leaving-qos-bss",
        37 => "qos-mechanism-not-used",
        38 => "qos-setup-required",
        39 => "qos-timeout",
        45 => "cipher-not-supported",
        46 => "access-limit-reached",
        47 => "external-service-requirements",
        48 => "invalid-ft-action-frame-count",
        49 => "invalid-pmkid",
        50 => "invalid-mobility-domain",
        51 => "invalid-fast-transition",
        52 => "mesh-peering-cancelled",
        53 => "mesh-max-peers",
        54 => "mesh-configuration-mismatch",
        55 => "mesh-close",
        56 => "mesh-max-retries",
        57 => "mesh-confirm-timeout",
        58 => "mesh-invalid-group-key",
        59 => "mesh-inconsistent-parameters",
        60 => "mesh-invalid-security",
        61 => "mesh-path-no-proxy",
        62 => "mesh-path-no-forwarding",
        63 => "mesh-destination-unreachable",
        64 => "mac-exists-in-mesh",
        65 => "mesh-channel-switch-regulatory",
        66 => "mesh-channel-switch",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_its_own_and_short() {
        let words: Vec<_> = (0..=u16::MAX).filter_map(reason_name).collect();
        for word in &words {
            assert!(word.len() <= 36, "{word}");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            assert!(word.chars().all(plain), "{word}");
        }
        let mut sorted = words.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), words.len());
    }

    #[test]
    fn reserved_codes_have_none() {
        for code in [0, 40, 44, 67, 68, 255, u16::MAX] {
            assert_eq!(reason_name(code), None, "{code}");
        }
    }
}
