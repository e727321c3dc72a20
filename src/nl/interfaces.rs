//! Interfaces with their addresses, as getifaddrs(3) has them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use libnl3_sys as sys;

use super::dump::until_complete;
use super::{
    AddressFlags, AddressMessage, LinkFlags, Listing, Message, MessageBuilder, Name, Namespace,
    Protocol, Query, Scope,
};
use crate::Result;

/// The lengths of `struct ifinfomsg` and of `struct ifaddrmsg`.
const IFINFOMSG: usize = 16;
const IFADDRMSG: usize = 8;

/// A network interface and its addresses.
///
/// ```
/// use linkwatch::nl;
///
/// for interface in nl::interfaces()?.items {
///     println!("{}: {:?}", interface.name(), interface.flags());
///     for address in interface.addresses() {
///         println!("    {}/{}", address.ip(), address.prefix_length());
///     }
/// }
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    ifindex: u32,
    name: Name,
    flags: LinkFlags,
    hardware_type: u16,
    hardware_address: Vec<u8>,
    hardware_broadcast: Vec<u8>,
    addresses: Vec<InterfaceAddress>,
}

/// An IPv4 or IPv6 address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAddress {
    ifindex: u32,
    ip: IpAddr,
    prefix_length: u8,
    peer: Option<IpAddr>,
    broadcast: Option<IpAddr>,
    scope: Scope,
    flags: AddressFlags,
    label: Option<Name>,
    valid_lifetime: Option<Duration>,
    preferred_lifetime: Option<Duration>,
}

/// The interfaces of the calling thread's network namespace with their
/// addresses, in the order of their indices.
///
/// The kernel lists links and addresses apart, and both may change in between.
/// So links are listed first: an address whose link is not among them shows
/// that one came later, and both are listed again, as they are where the
/// kernel says that a list was interrupted. That is tried at most six times
/// within some 30 ms; then the list is [incomplete](Listing::complete), and the
/// addresses of unknown links are left out. A link that goes in between is
/// listed without addresses.
///
/// Addresses of other families than IPv4 and IPv6 are left out.
///
/// # Errors
///
/// The kernel's, and those of opening a socket.
pub fn interfaces() -> Result<Listing<Interface>> {
    interfaces_in(&Namespace::current())
}

/// As [`interfaces`], in another network namespace.
///
/// # Errors
///
/// As [`interfaces`].
pub fn interfaces_in(namespace: &Namespace) -> Result<Listing<Interface>> {
    let mut query = Query::new(namespace, Protocol::Route)?;
    let (items, complete) = until_complete("interfaces", || list(&mut query))?;
    Ok(Listing {
        items,
        complete,
        unreadable: 0,
    })
}

/// Lists both once.
fn list(query: &mut Query) -> Result<(Vec<Interface>, bool)> {
    let mut request = MessageBuilder::new(sys::RTM_GETLINK as u16, 0)?;
    request
        .append(&[0; IFINFOMSG])?
        .put_u32(sys::IFLA_EXT_MASK as u16, sys::RTEXT_FILTER_SKIP_STATS)?;
    let (links, all_links) = query.list_kind(request, "listing links", Interface::read)?;

    let mut request = MessageBuilder::new(sys::RTM_GETADDR as u16, 0)?;
    request.append(&[0; IFADDRMSG])?;
    let (addresses, all_addresses) = query.list_kind(request, "listing addresses", |message| {
        Ok(message
            .address()?
            .and_then(|address| InterfaceAddress::new(&address)))
    })?;

    let (interfaces, joined) = join(links, addresses);
    Ok((interfaces, all_links && all_addresses && joined))
}

/// Gives each interface its addresses; false if some belong to none.
fn join(
    mut interfaces: Vec<Interface>,
    addresses: Vec<InterfaceAddress>,
) -> (Vec<Interface>, bool) {
    // Older kernels list by hash.
    interfaces.sort_by_key(Interface::ifindex);
    let places: HashMap<u32, usize> = interfaces
        .iter()
        .enumerate()
        .map(|(place, interface)| (interface.ifindex, place))
        .collect();
    let mut joined = true;
    for address in addresses {
        match places.get(&address.ifindex) {
            Some(&place) => interfaces[place].addresses.push(address),
            None => joined = false,
        }
    }
    (interfaces, joined)
}

impl Interface {
    fn read(message: &Message<'_>) -> Result<Option<Interface>> {
        let Some(link) = message.link()?.filter(|link| link.family() == 0) else {
            return Ok(None);
        };
        let broadcast = message
            .attributes(IFINFOMSG)
            .find(sys::IFLA_BROADCAST as u16);
        Ok(Some(Interface {
            ifindex: link.ifindex(),
            name: Name::truncated(link.name().unwrap_or_default()),
            flags: link.flags(),
            hardware_type: link.hardware_type(),
            hardware_address: link.address().unwrap_or_default().to_vec(),
            hardware_broadcast: broadcast.map_or(&[][..], |found| found.payload()).to_vec(),
            addresses: Vec::new(),
        }))
    }

    /// The interface index.
    pub fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// The name.
    pub fn name(&self) -> Name {
        self.name
    }

    /// The flags (`IFF_*`).
    pub fn flags(&self) -> LinkFlags {
        self.flags
    }

    /// The hardware type, `ARPHRD_*` (`linux/if_arp.h`).
    pub fn hardware_type(&self) -> u16 {
        self.hardware_type
    }

    /// The hardware address, usually of six bytes.
    pub fn hardware_address(&self) -> Option<&[u8]> {
        Some(&self.hardware_address[..]).filter(|address| !address.is_empty())
    }

    /// The hardware's broadcast address; of a tunnel, the address of its other
    /// end (IFLA_BROADCAST).
    pub fn hardware_broadcast(&self) -> Option<&[u8]> {
        Some(&self.hardware_broadcast[..]).filter(|address| !address.is_empty())
    }

    /// The IP addresses, in the kernel's order: IPv4 first.
    pub fn addresses(&self) -> &[InterfaceAddress] {
        &self.addresses
    }
}

impl InterfaceAddress {
    /// `None` if it is no IP address.
    pub(crate) fn new(message: &AddressMessage<'_>) -> Option<InterfaceAddress> {
        Some(InterfaceAddress {
            ifindex: message.ifindex(),
            ip: message.ip()?,
            prefix_length: message.prefix_length(),
            peer: message.peer(),
            broadcast: message.broadcast(),
            scope: message.scope(),
            flags: message.flags(),
            label: message.label().map(Name::truncated),
            valid_lifetime: message.valid_lifetime(),
            preferred_lifetime: message.preferred_lifetime(),
        })
    }

    /// The interface's own address: IFA_LOCAL, or else IFA_ADDRESS.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The length of the network part in bits: of the own address, or, where
    /// there is one, of the [peer](Self::peer)'s.
    pub fn prefix_length(&self) -> u8 {
        self.prefix_length
    }

    /// The network part as a mask: `255.255.255.0` for a
    /// [prefix](Self::prefix_length) of 24.
    pub fn netmask(&self) -> IpAddr {
        let length = u32::from(self.prefix_length);
        match self.ip {
            IpAddr::V4(_) => {
                let mask = u32::MAX.checked_shl(32 - length.min(32)).unwrap_or(0);
                Ipv4Addr::from(mask).into()
            }
            IpAddr::V6(_) => {
                let mask = u128::MAX.checked_shl(128 - length.min(128)).unwrap_or(0);
                Ipv6Addr::from(mask).into()
            }
        }
    }

    /// The address of the other end of a point-to-point link: IFA_ADDRESS,
    /// where it is not the same as the own address.
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The broadcast address, of IPv4, where one is set.
    pub fn broadcast(&self) -> Option<IpAddr> {
        self.broadcast
    }

    /// How far the address is valid.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The interface index for a link-local IPv6 address, which needs it to be
    /// told from those on other links (`sin6_scope_id`); 0 for all others.
    pub fn scope_id(&self) -> u32 {
        match self.ip {
            IpAddr::V6(ip) if ip.is_unicast_link_local() => self.ifindex,
            _ => 0,
        }
    }

    /// Address, port and [scope](Self::scope_id), to bind a socket to.
    pub fn socket_address(&self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, self.scope_id()).into(),
            ip => SocketAddr::new(ip, port),
        }
    }

    /// The flags: `PERMANENT`, `TENTATIVE`, `DEPRECATED`, …
    pub fn flags(&self) -> AddressFlags {
        self.flags
    }

    /// The label of an IPv4 address, usually the interface's name.
    pub fn label(&self) -> Option<Name> {
        self.label
    }

    /// How long the address stays valid; `None`: for ever.
    pub fn valid_lifetime(&self) -> Option<Duration> {
        self.valid_lifetime
    }

    /// How long the address is preferred to others; `None`: for ever.
    pub fn preferred_lifetime(&self) -> Option<Duration> {
        self.preferred_lifetime
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(ifindex: u32) -> Interface {
        Interface {
            ifindex,
            name: Name::default(),
            flags: LinkFlags::UP,
            hardware_type: 1,
            hardware_address: Vec::new(),
            hardware_broadcast: Vec::new(),
            addresses: Vec::new(),
        }
    }

    fn address(ifindex: u32, ip: &str, prefix_length: u8) -> InterfaceAddress {
        InterfaceAddress {
            ifindex,
            ip: ip.parse().unwrap(),
            prefix_length,
            peer: None,
            broadcast: None,
            scope: Scope::Global,
            flags: AddressFlags::empty(),
            label: None,
            valid_lifetime: None,
            preferred_lifetime: None,
        }
    }

    #[test]
    fn addresses_go_to_their_interfaces() {
        let [one, two, stray] = [(3, "10.0.0.1"), (3, "fe80::1"), (9, "10.0.0.2")]
            .map(|(ifindex, ip)| address(ifindex, ip, 24));
        let addresses = vec![two.clone(), one.clone()];
        let (joined, all) = join(vec![interface(3), interface(1)], addresses);
        assert!(all);
        assert_eq!(
            joined.iter().map(Interface::ifindex).collect::<Vec<_>>(),
            [1, 3]
        );
        assert_eq!(joined[1].addresses(), [two, one.clone()]);
        assert_eq!(joined[0].addresses(), []);

        let (joined, all) = join(vec![interface(3)], vec![stray, one]);
        assert!(!all, "there is an interface more by now");
        assert_eq!(joined[0].addresses().len(), 1);
    }

    #[test]
    fn masks_follow_from_prefixes() {
        for (ip, length, mask) in [
            ("10.0.0.1", 0, "0.0.0.0"),
            ("10.0.0.1", 24, "255.255.255.0"),
            ("10.0.0.1", 32, "255.255.255.255"),
            ("10.0.0.1", 255, "255.255.255.255"),
            ("::1", 0, "::"),
            ("::1", 63, "ffff:ffff:ffff:fffe::"),
            ("::1", 128, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::1", 200, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            let netmask = address(1, ip, length).netmask();
            assert_eq!(netmask.to_string(), mask, "{ip}/{length}");
        }
    }

    #[test]
    fn link_local_addresses_have_a_scope() {
        let local = address(7, "fe80::1", 64);
        assert_eq!(local.scope_id(), 7);
        assert_eq!(local.socket_address(80).to_string(), "[fe80::1%7]:80");
        for ip in ["2001:db8::1", "::1", "169.254.0.1"] {
            assert_eq!(address(7, ip, 64).scope_id(), 0, "{ip}");
        }
        let v4 = address(7, "192.0.2.1", 24);
        assert_eq!(v4.socket_address(80).to_string(), "192.0.2.1:80");
    }
}
