//! Multicast groups.

use libnl3_sys as sys;

/// A multicast group, by number as `RTNLGRP_*` (`linux/rtnetlink.h`), not as
/// the old bit masks `RTMGRP_*`.
///
/// The groups of the route protocol have names here; any other group, of
/// generic netlink for example, is `Group(number)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(pub u32);

macro_rules! groups {
    ($($(#[$doc:meta])* $name:ident = $value:ident;)*) => {
        impl Group {
            $($(#[$doc])* pub const $name: Group = Group(sys::$value);)*
        }
    };
}

groups! {
    /// Links: RTM_NEWLINK and RTM_DELLINK.
    LINK = RTNLGRP_LINK;
    /// Neighbours (ARP, NDP).
    NEIGH = RTNLGRP_NEIGH;
    /// IPv4 addresses.
    IPV4_IFADDR = RTNLGRP_IPV4_IFADDR;
    /// IPv4 routes.
    IPV4_ROUTE = RTNLGRP_IPV4_ROUTE;
    /// IPv4 rules.
    IPV4_RULE = RTNLGRP_IPV4_RULE;
    /// IPv6 addresses.
    IPV6_IFADDR = RTNLGRP_IPV6_IFADDR;
    /// IPv6 routes.
    IPV6_ROUTE = RTNLGRP_IPV6_ROUTE;
    /// IPv6 rules.
    IPV6_RULE = RTNLGRP_IPV6_RULE;
}
