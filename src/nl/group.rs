//! Multicast groups.

use std::fmt;
use std::str::FromStr;

use crate::{Error, ErrorKind, Result};

/// A multicast group, by number as `RTNLGRP_*` (`linux/rtnetlink.h`), not as
/// the old bit masks `RTMGRP_*`.
///
/// The groups of the route protocol have names here; any other group, of
/// generic netlink for example, is `Group(number)`.
///
/// A group is read from, and shown as, its kernel name in lower case:
///
/// ```
/// use linkwatch::nl::Group;
///
/// let group: Group = "ipv4-ifaddr".parse()?;
/// assert_eq!(group, Group::IPV4_IFADDR);
/// assert_eq!(group.to_string(), "ipv4-ifaddr");
/// assert_eq!("RTNLGRP_LINK".parse::<Group>()?, Group::LINK);
/// assert_eq!("4711".parse::<Group>()?.to_string(), "4711");
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(pub u32);

macro_rules! groups {
    ($($(#[$doc:meta])* $constant:ident = $number:literal $name:literal;)*) => {
        impl Group {
            $($(#[$doc])* pub const $constant: Group = Group($number);)*

            /// Every group of the route protocol, in the order of the numbers.
            /// An older kernel has fewer.
            pub const ALL: &[Group] = &[$(Group::$constant),*];

            /// The kernel's name for a group of the route protocol, in lower
            /// case with hyphens, as libnl's `nl-monitor` takes it.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Group::$constant => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

// The numbers are part of the kernel's interface. They stand here because the
// headers that are installed may not have the newer ones.
groups! {
    /// Links: RTM_NEWLINK and RTM_DELLINK.
    LINK = 1 "link";
    /// General notifications.
    NOTIFY = 2 "notify";
    /// Neighbours (ARP, NDP) and bridge forwarding entries.
    NEIGH = 3 "neigh";
    /// Queueing disciplines, classes, filters and actions.
    TC = 4 "tc";
    /// IPv4 addresses.
    IPV4_IFADDR = 5 "ipv4-ifaddr";
    /// IPv4 multicast routes.
    IPV4_MROUTE = 6 "ipv4-mroute";
    /// IPv4 routes.
    IPV4_ROUTE = 7 "ipv4-route";
    /// IPv4 rules.
    IPV4_RULE = 8 "ipv4-rule";
    /// IPv6 addresses.
    IPV6_IFADDR = 9 "ipv6-ifaddr";
    /// IPv6 multicast routes.
    IPV6_MROUTE = 10 "ipv6-mroute";
    /// IPv6 routes.
    IPV6_ROUTE = 11 "ipv6-route";
    /// The IPv6 side of links: RTM_NEWLINK of family AF_INET6.
    IPV6_IFINFO = 12 "ipv6-ifinfo";
    /// DECnet addresses, up to Linux 6.0.
    DECNET_IFADDR = 13 "decnet-ifaddr";
    /// Never used.
    NOP2 = 14 "nop2";
    /// DECnet routes, up to Linux 6.0.
    DECNET_ROUTE = 15 "decnet-route";
    /// DECnet rules, up to Linux 6.0.
    DECNET_RULE = 16 "decnet-rule";
    /// Never used.
    NOP4 = 17 "nop4";
    /// Prefixes from IPv6 router advertisements.
    IPV6_PREFIX = 18 "ipv6-prefix";
    /// IPv6 rules.
    IPV6_RULE = 19 "ipv6-rule";
    /// Options of router advertisements for user space (RDNSS, DNSSL).
    ND_USEROPT = 20 "nd-useropt";
    /// Phonet addresses.
    PHONET_IFADDR = 21 "phonet-ifaddr";
    /// Phonet routes.
    PHONET_ROUTE = 22 "phonet-route";
    /// Data centre bridging.
    DCB = 23 "dcb";
    /// IPv4 settings of interfaces.
    IPV4_NETCONF = 24 "ipv4-netconf";
    /// IPv6 settings of interfaces.
    IPV6_NETCONF = 25 "ipv6-netconf";
    /// Multicast entries of bridges.
    MDB = 26 "mdb";
    /// MPLS routes.
    MPLS_ROUTE = 27 "mpls-route";
    /// Identifiers of network namespaces.
    NSID = 28 "nsid";
    /// MPLS settings of interfaces.
    MPLS_NETCONF = 29 "mpls-netconf";
    /// IPv4 multicast reports for routing daemons; privileged.
    IPV4_MROUTE_R = 30 "ipv4-mroute-r";
    /// IPv6 multicast reports for routing daemons; privileged.
    IPV6_MROUTE_R = 31 "ipv6-mroute-r";
    /// Nexthop objects, since Linux 5.3.
    NEXTHOP = 32 "nexthop";
    /// VLANs of bridges, since Linux 5.6.
    BRVLAN = 33 "brvlan";
    /// MCTP addresses, since Linux 5.17.
    MCTP_IFADDR = 34 "mctp-ifaddr";
    /// VXLAN tunnels and their VNI filters, since Linux 5.18.
    TUNNEL = 35 "tunnel";
    /// Offloaded statistics, since Linux 5.18.
    STATS = 36 "stats";
    /// IPv4 multicast addresses, since Linux 6.14.
    IPV4_MCADDR = 37 "ipv4-mcaddr";
    /// IPv6 multicast addresses, since Linux 6.14.
    IPV6_MCADDR = 38 "ipv6-mcaddr";
    /// IPv6 anycast addresses, since Linux 6.14.
    IPV6_ACADDR = 39 "ipv6-acaddr";
}

impl Group {
    /// What went wrong with a group, in words: the kernel says only EINVAL for
    /// one that it does not have.
    pub(super) fn explain(self, doing: &str, error: Error) -> Error {
        let doing = format!("{doing} multicast group {self}");
        match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::NotFound => Error::new(
                ErrorKind::NotFound,
                format!("{doing}: this kernel does not have it"),
            ),
            _ => error.while_doing(doing),
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

/// Takes `ipv4-ifaddr`, `IPV4_IFADDR`, `RTNLGRP_IPV4_IFADDR` and a number from
/// 1 on.
impl FromStr for Group {
    type Err = Error;

    fn from_str(text: &str) -> Result<Group> {
        let name = text.to_ascii_lowercase().replace('_', "-");
        let name = name.strip_prefix("rtnlgrp-").unwrap_or(&name);
        let named = Group::ALL.iter().find(|group| group.name() == Some(name));
        let numbered = || name.parse().ok().filter(|&number| number > 0).map(Group);
        named.copied().or_else(numbered).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("there is no multicast group of the name {text:?}"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_kernel_s() {
        use libnl3_sys as sys;
        for (group, number) in [
            (Group::LINK, sys::RTNLGRP_LINK),
            (Group::NEIGH, sys::RTNLGRP_NEIGH),
            (Group::IPV4_IFADDR, sys::RTNLGRP_IPV4_IFADDR),
            (Group::DECNET_RULE, sys::RTNLGRP_DECnet_RULE),
            (Group::IPV6_RULE, sys::RTNLGRP_IPV6_RULE),
            (Group::MPLS_NETCONF, sys::RTNLGRP_MPLS_NETCONF),
        ] {
            assert_eq!(group.0, number);
        }
        assert!(Group::ALL.iter().map(|group| group.0).eq(1..=39));
    }

    #[test]
    fn names_lead_there_and_back() {
        for &group in Group::ALL {
            let name = group.name().unwrap();
            assert_eq!(name.parse::<Group>().unwrap(), group);
            assert_eq!(format!("RTNLGRP_{name}").parse::<Group>().unwrap(), group);
            assert_eq!(group.to_string(), name);
        }
        assert_eq!(Group(40).name(), None);
        assert_eq!("40".parse::<Group>().unwrap(), Group(40));
        for wrong in ["", "0", "-1", "links", "rtnlgrp-", "link ", "4294967296"] {
            let error = wrong.parse::<Group>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{wrong:?}");
            assert!(error.to_string().contains(&format!("{wrong:?}")), "{error}");
        }
    }
}
