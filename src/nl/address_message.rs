//! RTM_NEWADDR and RTM_DELADDR, read in one pass without building an
//! `rtnl_addr`.

use std::net::IpAddr;
use std::time::Duration;

use bitflags::bitflags;
use libnl3_sys as sys;

use super::objects::ip_from_bytes;
use super::{Attributes, RawMessage, Scope};
use crate::{Error, ErrorKind, Result};

/// The length of `struct ifaddrmsg` (`linux/if_addr.h`).
const IFADDRMSG: usize = 8;

/// `IFA_*`, `linux/if_addr.h`.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_BROADCAST: u16 = 4;
const IFA_ANYCAST: u16 = 5;
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;

bitflags! {
    /// The flags of an address (`IFA_F_*`, `linux/if_addr.h`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct AddressFlags: u32 {
        /// IPv4: not the first of its network. IPv6: temporary, for privacy.
        const SECONDARY = 0x01;
        /// Duplicates were not looked for.
        const NODAD = 0x02;
        /// In use before duplicates were ruled out.
        const OPTIMISTIC = 0x04;
        /// Somebody else has it too.
        const DADFAILED = 0x08;
        /// A home address of Mobile IPv6.
        const HOMEADDRESS = 0x10;
        /// Not for new connections any more.
        const DEPRECATED = 0x20;
        /// Duplicates are being looked for.
        const TENTATIVE = 0x40;
        /// Without end; others are `dynamic`.
        const PERMANENT = 0x80;
        /// Temporary addresses are made from it.
        const MANAGETEMPADDR = 0x100;
        /// It came without a route to its network.
        const NOPREFIXROUTE = 0x200;
        /// Multicast groups are joined for it.
        const MCAUTOJOIN = 0x400;
        /// Stable and not made from the hardware address (RFC 7217).
        const STABLE_PRIVACY = 0x800;
        /// Flags that are newer than these names are kept.
        const _ = !0;
    }
}

/// A borrowed view of an RTM_NEWADDR or RTM_DELADDR message.
///
/// Absent is told from zero: getters of attributes return `Option`. An
/// attribute of the wrong length counts as absent.
///
/// ```
/// use linkwatch::nl::AddressMessage;
///
/// # let mut bytes = Vec::new();
/// # bytes.extend(32u32.to_ne_bytes()); bytes.extend(20u16.to_ne_bytes()); bytes.extend([0; 10]);
/// # bytes.extend([2, 8, 0x80, 254]); bytes.extend(1u32.to_ne_bytes());
/// # bytes.extend(8u16.to_ne_bytes()); bytes.extend(2u16.to_ne_bytes()); bytes.extend([127, 0, 0, 1]);
/// # bytes[0..4].copy_from_slice(&32u32.to_ne_bytes());
/// // `bytes`: 127.0.0.1/8 on interface 1, and nothing else
/// let address = AddressMessage::parse(&bytes)?.expect("an address message");
/// assert_eq!(address.ifindex(), 1);
/// assert_eq!(address.ip(), Some("127.0.0.1".parse().unwrap()));
/// assert_eq!(address.broadcast(), None);
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressMessage<'a> {
    removed: bool,
    family: u8,
    prefix_length: u8,
    scope: u8,
    ifindex: u32,
    flags: AddressFlags,
    address: Option<&'a [u8]>,
    local: Option<&'a [u8]>,
    broadcast: Option<&'a [u8]>,
    anycast: Option<&'a [u8]>,
    label: Option<&'a [u8]>,
    times: Option<Times>,
}

/// `struct ifa_cacheinfo` (`linux/if_addr.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Times {
    preferred: u32,
    valid: u32,
    created: u32,
    updated: u32,
}

impl<'a> AddressMessage<'a> {
    /// Reads a whole netlink message with its header; `None` if it is neither
    /// RTM_NEWADDR nor RTM_DELADDR.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] if a length does not fit or the interface
    /// index is not positive.
    pub fn parse(message: &'a [u8]) -> Result<Option<AddressMessage<'a>>> {
        let Some(message) = RawMessage::new(message) else {
            return Err(malformed("its length is not that of its header"));
        };
        let removed = match u32::from(message.header().kind) {
            sys::RTM_NEWADDR => false,
            sys::RTM_DELADDR => true,
            _ => return Ok(None),
        };
        let Some((info, attributes)) = message.payload().split_first_chunk::<IFADDRMSG>() else {
            return Err(malformed("it is too short for an address"));
        };
        let ifindex = u32::from_ne_bytes([info[4], info[5], info[6], info[7]]);
        if ifindex == 0 || i32::try_from(ifindex).is_err() {
            return Err(malformed("its interface index is not positive"));
        }
        let mut address = AddressMessage {
            removed,
            family: info[0],
            prefix_length: info[1],
            scope: info[3],
            ifindex,
            flags: AddressFlags::from_bits_retain(u32::from(info[2])),
            address: None,
            local: None,
            broadcast: None,
            anycast: None,
            label: None,
            times: None,
        };
        let mut attributes = Attributes::new(attributes);
        for attribute in attributes.by_ref() {
            let payload = attribute.payload();
            match attribute.kind() {
                IFA_ADDRESS => address.address = Some(payload),
                IFA_LOCAL => address.local = Some(payload),
                IFA_LABEL => address.label = Some(attribute.string()),
                IFA_BROADCAST => address.broadcast = Some(payload),
                IFA_ANYCAST => address.anycast = Some(payload),
                IFA_CACHEINFO => address.times = Times::parse(payload),
                // All of them; the header has room for the first eight.
                IFA_FLAGS => {
                    let flags = attribute.u32().map(AddressFlags::from_bits_retain);
                    address.flags = flags.unwrap_or(address.flags);
                }
                _ => {}
            }
        }
        if attributes.is_malformed() {
            return Err(malformed("an attribute's length does not fit"));
        }
        Ok(Some(address))
    }

    /// True for RTM_DELADDR: the address is gone. RTM_NEWADDR tells of new
    /// ones, and of changes.
    pub fn is_removed(&self) -> bool {
        self.removed
    }

    /// `ifa_family`: `AF_INET`, `AF_INET6` or another.
    pub fn family(&self) -> u8 {
        self.family
    }

    /// `ifa_index`: the index of the interface, positive.
    pub fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// `ifa_prefixlen`: the length of the network part in bits.
    pub fn prefix_length(&self) -> u8 {
        self.prefix_length
    }

    /// `ifa_scope`.
    pub fn scope(&self) -> Scope {
        Scope::from_raw(self.scope)
    }

    /// IFA_FLAGS, or `ifa_flags` where that is absent (before Linux 3.14).
    pub fn flags(&self) -> AddressFlags {
        self.flags
    }

    /// IFA_LOCAL, which IPv6 sends only along with a peer.
    pub fn local(&self) -> Option<IpAddr> {
        self.ip_address(self.local)
    }

    /// IFA_ADDRESS: the peer's address where IFA_LOCAL is another; otherwise
    /// the interface's own.
    pub fn address(&self) -> Option<IpAddr> {
        self.ip_address(self.address)
    }

    /// The interface's own address; `None` if it is no IP address.
    ///
    /// IFA_LOCAL or else IFA_ADDRESS. IPv4 leaves an address of zeros out
    /// (`inet_fill_ifaddr`, `net/ipv4/devinet.c`).
    pub fn ip(&self) -> Option<IpAddr> {
        match i32::from(self.family) {
            libc::AF_INET => self.local().or_else(|| self.zeros(self.local)),
            _ => self.local().or_else(|| self.address()),
        }
    }

    /// The address of the other end of a point-to-point link, if it is not the
    /// same as the interface's own.
    pub fn peer(&self) -> Option<IpAddr> {
        let address = match i32::from(self.family) {
            libc::AF_INET => self.address().or_else(|| self.zeros(self.address)),
            _ => self.address(),
        };
        address.filter(|&address| Some(address) != self.ip())
    }

    /// IFA_BROADCAST, of IPv4.
    pub fn broadcast(&self) -> Option<IpAddr> {
        self.ip_address(self.broadcast)
    }

    /// IFA_ANYCAST, of IPv6.
    pub fn anycast(&self) -> Option<IpAddr> {
        self.ip_address(self.anycast)
    }

    /// IFA_LABEL, of IPv4: usually the interface's name, without its NUL.
    pub fn label(&self) -> Option<&'a [u8]> {
        self.label
    }

    /// How long the address stays valid, in whole seconds; `None`: for ever.
    pub fn valid_lifetime(&self) -> Option<Duration> {
        lifetime(self.times?.valid)
    }

    /// How long the address is preferred to others, in whole seconds; `None`:
    /// for ever.
    pub fn preferred_lifetime(&self) -> Option<Duration> {
        lifetime(self.times?.preferred)
    }

    /// When the address was made, as the time since the machine started.
    pub fn created(&self) -> Option<Duration> {
        Some(hundredths(self.times?.created))
    }

    /// When the address was last changed, as the time since the machine
    /// started.
    pub fn updated(&self) -> Option<Duration> {
        Some(hundredths(self.times?.updated))
    }

    fn ip_address(&self, bytes: Option<&[u8]>) -> Option<IpAddr> {
        ip_from_bytes(i32::from(self.family), bytes?)
    }

    /// An IPv4 address that was left out.
    fn zeros(&self, bytes: Option<&[u8]>) -> Option<IpAddr> {
        bytes
            .is_none()
            .then_some(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
    }
}

impl<'a> RawMessage<'a> {
    /// The view of an address message; `None` if it is about something else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] if the lengths in it contradict each other.
    pub fn address(&self) -> Result<Option<AddressMessage<'a>>> {
        AddressMessage::parse(self.as_bytes())
    }
}

impl Times {
    fn parse(payload: &[u8]) -> Option<Times> {
        let bytes: &[u8; 16] = payload.first_chunk()?;
        let u32_at = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Some(Times {
            preferred: u32_at(0),
            valid: u32_at(4),
            created: u32_at(8),
            updated: u32_at(12),
        })
    }
}

/// Seconds, all ones meaning for ever (`INFINITY_LIFE_TIME`, `net/addrconf.h`).
pub(super) fn lifetime(seconds: u32) -> Option<Duration> {
    (seconds != u32::MAX).then(|| Duration::from_secs(u64::from(seconds)))
}

/// Hundredths of seconds (`cstamp_delta`, `net/ipv6/addrconf.c`).
fn hundredths(count: u32) -> Duration {
    Duration::from_millis(u64::from(count) * 10)
}

fn malformed(why: &str) -> Error {
    Error::new(
        ErrorKind::Malformed,
        format!("an address message cannot be read: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole message: header, `ifaddrmsg`, attributes.
    fn message(family: u8, kind: u32, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; 16];
        bytes[4..6].copy_from_slice(&(kind as u16).to_ne_bytes());
        bytes.extend([family, 24, 0x80, 0]);
        bytes.extend(7u32.to_ne_bytes());
        for (kind, payload) in attributes {
            bytes.extend((4 + payload.len() as u16).to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(*payload);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let length = bytes.len() as u32;
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        bytes
    }

    const IPV4: u8 = libc::AF_INET as u8;
    const IPV6: u8 = libc::AF_INET6 as u8;

    #[test]
    fn all_that_is_there_is_read() {
        let mut times = Vec::new();
        for number in [u32::MAX, 3600, 12345, 12399u32] {
            times.extend(number.to_ne_bytes());
        }
        let bytes = message(
            IPV4,
            sys::RTM_NEWADDR,
            &[
                (IFA_ADDRESS, &[192, 0, 2, 2]),
                (IFA_LOCAL, &[192, 0, 2, 1]),
                (IFA_BROADCAST, &[192, 0, 2, 255]),
                (IFA_LABEL, b"eth0:1\0"),
                (IFA_FLAGS, &0x280u32.to_ne_bytes()),
                (IFA_CACHEINFO, &times),
                (99, &[1, 2, 3]),
            ],
        );
        let address = AddressMessage::parse(&bytes).unwrap().unwrap();
        assert!(!address.is_removed());
        assert_eq!((address.family(), address.ifindex()), (IPV4, 7));
        assert_eq!(address.prefix_length(), 24);
        assert_eq!(address.scope(), Scope::Global);
        assert_eq!(address.ip().unwrap().to_string(), "192.0.2.1");
        assert_eq!(address.peer().unwrap().to_string(), "192.0.2.2");
        assert_eq!(address.broadcast().unwrap().to_string(), "192.0.2.255");
        assert_eq!(address.label(), Some(&b"eth0:1"[..]));
        let flags = AddressFlags::PERMANENT | AddressFlags::NOPREFIXROUTE;
        assert_eq!(address.flags(), flags);
        assert_eq!(address.preferred_lifetime(), None);
        assert_eq!(address.valid_lifetime(), Some(Duration::from_secs(3600)));
        assert_eq!(address.created(), Some(Duration::from_millis(123_450)));
        assert_eq!(address.updated(), Some(Duration::from_millis(123_990)));
    }

    #[test]
    fn own_and_peer_addresses_are_told_apart() {
        let read = |bytes: &[u8]| {
            let address = AddressMessage::parse(bytes).unwrap().unwrap();
            (address.ip(), address.peer())
        };
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let zero: IpAddr = "0.0.0.0".parse().unwrap();
        let bytes: &[u8] = &[192, 0, 2, 1];
        let both = [(IFA_ADDRESS, bytes), (IFA_LOCAL, bytes)];
        assert_eq!(
            read(&message(IPV4, sys::RTM_NEWADDR, &both)),
            (Some(one), None)
        );
        assert_eq!(
            read(&message(IPV4, sys::RTM_NEWADDR, &[])),
            (Some(zero), None)
        );
        assert_eq!(
            read(&message(IPV4, sys::RTM_NEWADDR, &both[..1])),
            (Some(zero), Some(one))
        );
        assert_eq!(
            read(&message(IPV4, sys::RTM_NEWADDR, &both[1..])),
            (Some(one), Some(zero))
        );

        let [own, peer] = [[0xfe; 16], [0xfd; 16]];
        let alone = message(IPV6, sys::RTM_NEWADDR, &[(IFA_ADDRESS, &own)]);
        assert_eq!(read(&alone), (Some(own.into()), None));
        let both = [(IFA_ADDRESS, &peer[..]), (IFA_LOCAL, &own[..])];
        let both = message(IPV6, sys::RTM_NEWADDR, &both);
        assert_eq!(read(&both), (Some(own.into()), Some(peer.into())));

        let phonet = message(35, sys::RTM_NEWADDR, &[(IFA_LOCAL, &[16])]);
        assert_eq!(read(&phonet), (None, None));
    }

    #[test]
    fn wrong_lengths_are_absent_and_impossible_ones_an_error() {
        let short = [
            (IFA_LOCAL, &[1, 2, 3][..]),
            (IFA_CACHEINFO, &[0; 15]),
            (IFA_FLAGS, &[0; 3]),
        ];
        let bytes = message(IPV4, sys::RTM_DELADDR, &short);
        let address = AddressMessage::parse(&bytes).unwrap().unwrap();
        assert!(address.is_removed());
        assert_eq!((address.local(), address.ip()), (None, None));
        assert_eq!((address.valid_lifetime(), address.created()), (None, None));
        assert_eq!(address.flags(), AddressFlags::PERMANENT, "the header's");

        let whole = message(IPV4, sys::RTM_NEWADDR, &[(IFA_LOCAL, &[1, 2, 3, 4])]);
        for length in 0..whole.len() {
            assert!(AddressMessage::parse(&whole[..length]).is_err(), "{length}");
        }
        let mut wrong = whole.clone();
        wrong[24] = 200;
        assert!(
            AddressMessage::parse(&wrong).is_err(),
            "an attribute too long"
        );
        let mut wrong = whole.clone();
        wrong[20..24].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert!(AddressMessage::parse(&wrong).is_err(), "a negative index");
        let other = message(IPV4, sys::RTM_NEWROUTE, &[]);
        assert_eq!(AddressMessage::parse(&other).unwrap(), None);
    }
}
