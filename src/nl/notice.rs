//! Why a link message was sent, where the kernel says so.

use std::fmt;

/// The kernel's word on why it sent a link message (IFLA_EVENT, `IFLA_EVENT_*`
/// in `linux/if_link.h`), since Linux 4.13.
///
/// Most messages have none: the kernel gives it where the message's other
/// contents may be the same as before (`rtnl_get_event`,
/// `net/core/rtnetlink.c`). `docs/kernel-events.md` tells what causes each.
///
/// ```
/// use linkwatch::nl::Notice;
///
/// assert_eq!(Notice::BondingFailover.to_string(), "bonding-failover");
/// assert_eq!(Notice::Other(99).to_string(), "unknown-99");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Notice {
    /// The interface was reset inside (NETDEV_REBOOT).
    Reboot,
    /// Its offload features changed (NETDEV_FEAT_CHANGE).
    Features,
    /// A bond has another active port (NETDEV_BONDING_FAILOVER).
    BondingFailover,
    /// The peers were told anew where the interface is, by gratuitous ARP and
    /// unsolicited neighbour advertisements (NETDEV_NOTIFY_PEERS).
    NotifyPeers,
    /// Memberships of multicast groups were reported anew (NETDEV_RESEND_IGMP).
    IgmpResend,
    /// The options of a bond changed (NETDEV_CHANGEINFODATA).
    BondingOptions,
    /// A number that these names do not cover.
    Other(u32),
}

impl Notice {
    /// `None` for IFLA_EVENT_NONE.
    pub(crate) fn from_raw(raw: u32) -> Option<Notice> {
        Some(match raw {
            0 => return None,
            1 => Notice::Reboot,
            2 => Notice::Features,
            3 => Notice::BondingFailover,
            4 => Notice::NotifyPeers,
            5 => Notice::IgmpResend,
            6 => Notice::BondingOptions,
            other => Notice::Other(other),
        })
    }
}

/// In small letters with hyphens; a number without a name as `unknown-N`.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Notice::Reboot => "reboot",
            Notice::Features => "features",
            Notice::BondingFailover => "bonding-failover",
            Notice::NotifyPeers => "notify-peers",
            Notice::IgmpResend => "igmp-resend",
            Notice::BondingOptions => "bonding-options",
            Notice::Other(raw) => return f.pad(&format!("unknown-{raw}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use libnl3_sys as sys;

    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_header() {
        let table = [
            (sys::IFLA_EVENT_NONE, None),
            (sys::IFLA_EVENT_REBOOT, Some(Notice::Reboot)),
            (sys::IFLA_EVENT_FEATURES, Some(Notice::Features)),
            (
                sys::IFLA_EVENT_BONDING_FAILOVER,
                Some(Notice::BondingFailover),
            ),
            (sys::IFLA_EVENT_NOTIFY_PEERS, Some(Notice::NotifyPeers)),
            (sys::IFLA_EVENT_IGMP_RESEND, Some(Notice::IgmpResend)),
            (
                sys::IFLA_EVENT_BONDING_OPTIONS,
                Some(Notice::BondingOptions),
            ),
            (7, Some(Notice::Other(7))),
            (u32::MAX, Some(Notice::Other(u32::MAX))),
        ];
        for (raw, notice) in table {
            assert_eq!(Notice::from_raw(raw), notice, "{raw}");
        }
    }

    #[test]
    fn every_word_is_its_own() {
        let mut words: Vec<String> = (1..=9)
            .filter_map(Notice::from_raw)
            .map(|notice| notice.to_string())
            .collect();
        assert_eq!(words.last().map(String::as_str), Some("unknown-9"));
        words.sort();
        words.dedup();
        assert_eq!(words.len(), 9);
        assert_eq!(format!("{:>12}", Notice::Other(7)), "   unknown-7");
    }
}
