//! libnl's address objects (`struct rtnl_addr`).

use std::ffi::CStr;
use std::net::IpAddr;
use std::time::Duration;

use libnl3_sys as sys;

use super::kinds::kind;
use super::net_address::ip;
use super::{Scope, text};
use crate::nl::AddressFlags;
use crate::nl::address_message::lifetime;

kind! {
    /// An owned `rtnl_addr`: an address of an interface.
    ///
    /// [`AddressMessage`](crate::nl::AddressMessage) tells the same without
    /// libnl's parser, and [`interfaces`](crate::nl::interfaces) has the
    /// addresses with their interfaces.
    ///
    /// ```
    /// use linkwatch::nl::{self, Address};
    ///
    /// for address in nl::dump::<Address>()?.items {
    ///     println!("{:?} on interface {}", address.local(), address.ifindex());
    /// }
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    Address,
    /// A borrowed `rtnl_addr`.
    AddressRef,
    rtnl_addr, "route/addr", RTM_NEWADDR
}

impl AddressRef<'_> {
    /// The index of the interface (`rtnl_addr_get_ifindex`).
    pub fn ifindex(&self) -> u32 {
        // SAFETY: the object is live for as long as `self`, as in all getters
        // here; a plain getter.
        let index = unsafe { sys::rtnl_addr_get_ifindex(self.as_ptr()) };
        u32::try_from(index).unwrap_or(0)
    }

    /// `AF_INET`, `AF_INET6` or another (`rtnl_addr_get_family`).
    pub fn family(&self) -> u8 {
        // SAFETY: a plain getter.
        let family = unsafe { sys::rtnl_addr_get_family(self.as_ptr()) };
        u8::try_from(family).unwrap_or(0)
    }

    /// The interface's own address (`rtnl_addr_get_local`); `None` if it is no
    /// IP address. What IPv6 sends as IFA_ADDRESS alone libnl takes for the
    /// local address too.
    pub fn local(&self) -> Option<IpAddr> {
        // SAFETY: the getter returns NULL or an address that lives in the object.
        unsafe { ip(sys::rtnl_addr_get_local(self.as_ptr())) }
    }

    /// The other end's address, if it is not the same as the local one
    /// (`rtnl_addr_get_peer`).
    pub fn peer(&self) -> Option<IpAddr> {
        // SAFETY: as in `local`.
        unsafe { ip(sys::rtnl_addr_get_peer(self.as_ptr())) }
    }

    /// IFA_BROADCAST (`rtnl_addr_get_broadcast`).
    pub fn broadcast(&self) -> Option<IpAddr> {
        // SAFETY: as in `local`.
        unsafe { ip(sys::rtnl_addr_get_broadcast(self.as_ptr())) }
    }

    /// IFA_MULTICAST (`rtnl_addr_get_multicast`).
    pub fn multicast(&self) -> Option<IpAddr> {
        // SAFETY: as in `local`.
        unsafe { ip(sys::rtnl_addr_get_multicast(self.as_ptr())) }
    }

    /// IFA_ANYCAST (`rtnl_addr_get_anycast`).
    pub fn anycast(&self) -> Option<IpAddr> {
        // SAFETY: as in `local`.
        unsafe { ip(sys::rtnl_addr_get_anycast(self.as_ptr())) }
    }

    /// The length of the network part in bits, of the [peer](Self::peer)'s
    /// address where there is one (`rtnl_addr_get_prefixlen`).
    pub fn prefix_length(&self) -> u8 {
        // SAFETY: a plain getter.
        let length = unsafe { sys::rtnl_addr_get_prefixlen(self.as_ptr()) };
        u8::try_from(length).unwrap_or(0)
    }

    /// How far the address is valid (`rtnl_addr_get_scope`).
    pub fn scope(&self) -> Scope {
        // SAFETY: a plain getter.
        let scope = unsafe { sys::rtnl_addr_get_scope(self.as_ptr()) };
        Scope::from_raw(u8::try_from(scope).unwrap_or(libc::RT_SCOPE_NOWHERE))
    }

    /// The flags (`rtnl_addr_get_flags`).
    pub fn flags(&self) -> AddressFlags {
        // SAFETY: a plain getter.
        AddressFlags::from_bits_retain(unsafe { sys::rtnl_addr_get_flags(self.as_ptr()) })
    }

    /// IFA_LABEL: the label of an IPv4 address, usually the interface's name
    /// (`rtnl_addr_get_label`).
    pub fn label(&self) -> Option<&CStr> {
        // SAFETY: NULL, or a string that lives in the object.
        unsafe { text(sys::rtnl_addr_get_label(self.as_ptr())) }
    }

    /// How long the address stays valid (`rtnl_addr_get_valid_lifetime`);
    /// `None`: for ever, or not told, which libnl does not distinguish.
    pub fn valid_lifetime(&self) -> Option<Duration> {
        // SAFETY: a plain getter.
        lifetime(unsafe { sys::rtnl_addr_get_valid_lifetime(self.as_ptr()) })
    }

    /// How long the address is preferred to others
    /// (`rtnl_addr_get_preferred_lifetime`), as
    /// [`valid_lifetime`](Self::valid_lifetime).
    pub fn preferred_lifetime(&self) -> Option<Duration> {
        // SAFETY: a plain getter.
        lifetime(unsafe { sys::rtnl_addr_get_preferred_lifetime(self.as_ptr()) })
    }
}
