//! libnl's abstract addresses (`struct nl_addr`) as the standard library's.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::slice;

use libnl3_sys as sys;

/// Multicast routes have families of their own, with the addresses of IPv4
/// and IPv6 (`RTNL_FAMILY_IPMR`, `RTNL_FAMILY_IP6MR`, `linux/rtnetlink.h`).
const IPV4_MULTICAST: i32 = 128;
const IPV6_MULTICAST: i32 = 129;

/// An IP address with the length of its network part in bits, as
/// `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpPrefix {
    /// The address. The bits behind the prefix need not be zero.
    pub address: IpAddr,
    /// The length in bits: 0 to 32 or 128.
    pub length: u8,
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// How far an address or a route reaches (`RT_SCOPE_*`, `linux/rtnetlink.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Everywhere (`RT_SCOPE_UNIVERSE`).
    Global,
    /// Within the site.
    Site,
    /// On the link.
    Link,
    /// Within this machine.
    Host,
    /// Nowhere: the destination does not exist.
    Nowhere,
    /// A value that these names do not cover.
    Other(u8),
}

impl Scope {
    pub(in crate::nl) fn from_raw(raw: u8) -> Scope {
        match raw {
            libc::RT_SCOPE_UNIVERSE => Scope::Global,
            libc::RT_SCOPE_SITE => Scope::Site,
            libc::RT_SCOPE_LINK => Scope::Link,
            libc::RT_SCOPE_HOST => Scope::Host,
            libc::RT_SCOPE_NOWHERE => Scope::Nowhere,
            other => Scope::Other(other),
        }
    }
}

/// As iproute2 has it: `global`, `link`, …
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Scope::Global => "global",
            Scope::Site => "site",
            Scope::Link => "link",
            Scope::Host => "host",
            Scope::Nowhere => "nowhere",
            Scope::Other(raw) => return write!(f, "{raw}"),
        })
    }
}

/// The bytes as an IP address, if there are as many as the family has.
pub(in crate::nl) fn ip_from_bytes(family: i32, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        libc::AF_INET | IPV4_MULTICAST => {
            let octets: [u8; 4] = bytes.try_into().ok()?;
            Some(Ipv4Addr::from(octets).into())
        }
        libc::AF_INET6 | IPV6_MULTICAST => {
            let octets: [u8; 16] = bytes.try_into().ok()?;
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

/// The bytes of an abstract address.
///
/// # Safety
///
/// `address` is NULL or an address that lives unchanged for `'a`.
pub(super) unsafe fn bytes<'a>(address: *const sys::nl_addr) -> Option<&'a [u8]> {
    if address.is_null() {
        return None;
    }
    // SAFETY: promised by the caller: the getter returns a pointer to that
    // many bytes within the address.
    let bytes = unsafe {
        let length = sys::nl_addr_get_len(address) as usize;
        slice::from_raw_parts(sys::nl_addr_get_binary_addr(address).cast::<u8>(), length)
    };
    Some(bytes)
}

/// An abstract address as an IP address; `None` if it is absent or something
/// else.
///
/// # Safety
///
/// `address` is NULL or a live address.
pub(super) unsafe fn ip(address: *const sys::nl_addr) -> Option<IpAddr> {
    // SAFETY: promised by the caller.
    let bytes = unsafe { bytes(address) }?;
    // SAFETY: as above, and not NULL; a plain getter.
    let family = unsafe { sys::nl_addr_get_family(address) };
    ip_from_bytes(family, bytes)
}

/// As [`ip`], with the length of the prefix; `None` for the network of all
/// addresses too. For a default route's destination libnl has an address
/// without bytes, and from 3.8 on one of zeros (`rtnl_route_parse`,
/// lib/route/route_obj.c).
///
/// # Safety
///
/// As for [`ip`].
pub(super) unsafe fn network(address: *const sys::nl_addr) -> Option<IpPrefix> {
    // SAFETY: promised by the caller.
    let ip = unsafe { ip(address) }?;
    // SAFETY: as above, and not NULL; a plain getter.
    let length = unsafe { sys::nl_addr_get_prefixlen(address) };
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    let length = u8::try_from(length).unwrap_or(longest).min(longest);
    (length > 0).then_some(IpPrefix {
        address: ip,
        length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_ip_address_are_none() {
        assert_eq!(
            ip_from_bytes(libc::AF_INET, &[10, 0, 0, 1]).unwrap(),
            Ipv4Addr::new(10, 0, 0, 1)
        );
        assert_eq!(
            ip_from_bytes(libc::AF_INET6, &Ipv6Addr::LOCALHOST.octets()).unwrap(),
            Ipv6Addr::LOCALHOST
        );
        assert_eq!(ip_from_bytes(libc::AF_INET, &[10, 0, 0]), None);
        assert_eq!(ip_from_bytes(libc::AF_INET6, &[0; 4]), None);
        assert_eq!(ip_from_bytes(28, &[0; 4]), None, "an MPLS label");
    }

    #[test]
    fn the_network_of_all_addresses_is_none_whatever_libnl_has_for_it() {
        let of = |family: i32, bytes: &[u8], length: i32| {
            // SAFETY: the bytes are copied; the address is freed once, after
            // its last use.
            unsafe {
                let address = sys::nl_addr_build(family, bytes.as_ptr().cast(), bytes.len());
                sys::nl_addr_set_prefixlen(address, length);
                let network = network(address);
                sys::nl_addr_put(address);
                network.map(|network| network.to_string())
            }
        };
        assert_eq!(of(libc::AF_INET, &[0; 4], 0), None);
        assert_eq!(of(libc::AF_INET6, &[0; 16], 0), None);
        assert_eq!(of(libc::AF_INET, &[], 0), None);
        let zero = Some("0.0.0.0/8".to_owned());
        assert_eq!(of(libc::AF_INET, &[0; 4], 8), zero);
        let half = Some("::/1".to_owned());
        assert_eq!(of(libc::AF_INET6, &[0; 16], 1), half);
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { network(std::ptr::null()) }, None);
    }

    #[test]
    fn shown_as_iproute2_does() {
        let prefix = IpPrefix {
            address: Ipv4Addr::new(192, 0, 2, 0).into(),
            length: 24,
        };
        assert_eq!(prefix.to_string(), "192.0.2.0/24");
        assert_eq!(Scope::from_raw(254).to_string(), "host");
        assert_eq!(Scope::from_raw(7).to_string(), "7");
        assert_eq!(format!("{:7}|", Scope::Link), "link   |");
    }
}
