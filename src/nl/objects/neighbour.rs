//! libnl's neighbour objects (`struct rtnl_neigh`).

use std::net::IpAddr;

use bitflags::bitflags;
use libnl3_sys as sys;

use super::kinds::kind;
use super::net_address::{bytes, ip};

bitflags! {
    /// What is known of a neighbour (`NUD_*`, `linux/neighbour.h`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct NeighbourState: u16 {
        /// It is being asked for.
        const INCOMPLETE = 0x01;
        /// It has answered lately.
        const REACHABLE = 0x02;
        /// It answered once; it is asked again when it is needed.
        const STALE = 0x04;
        /// It is about to be asked again.
        const DELAY = 0x08;
        /// It is being asked again.
        const PROBE = 0x10;
        /// It did not answer.
        const FAILED = 0x20;
        /// It need not be asked for.
        const NOARP = 0x40;
        /// It was set by hand.
        const PERMANENT = 0x80;
        /// States that are newer than these names are kept.
        const _ = !0;
    }
}

bitflags! {
    /// The flags of a neighbour (`NTF_*`, `linux/neighbour.h`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct NeighbourFlags: u32 {
        /// It is being used.
        const USE = 0x01;
        /// A forwarding entry of the device itself.
        const SELF = 0x02;
        /// A forwarding entry of the device's bridge.
        const MASTER = 0x04;
        /// Questions for it are answered on its behalf.
        const PROXY = 0x08;
        /// Learnt by somebody else than the kernel.
        const EXT_LEARNED = 0x10;
        /// Known to the hardware.
        const OFFLOADED = 0x20;
        /// It does not move to another port.
        const STICKY = 0x40;
        /// It is a router.
        const ROUTER = 0x80;
        /// Flags that are newer than these names are kept.
        const _ = !0;
    }
}

kind! {
    /// An owned `rtnl_neigh`: a neighbour (ARP, NDP), or, of family
    /// `AF_BRIDGE`, a bridge's forwarding entry.
    ///
    /// ```
    /// use linkwatch::nl::{self, Neighbour};
    ///
    /// for neighbour in nl::dump::<Neighbour>()?.items {
    ///     println!("{:?}: {:?}", neighbour.destination(), neighbour.state());
    /// }
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    Neighbour,
    /// A borrowed `rtnl_neigh`.
    NeighbourRef,
    rtnl_neigh, "route/neigh", RTM_NEWNEIGH
}

impl NeighbourRef<'_> {
    /// The index of the interface it is reached through
    /// (`rtnl_neigh_get_ifindex`).
    pub fn ifindex(&self) -> u32 {
        // SAFETY: the object is live for as long as `self`, as in all getters
        // here; a plain getter.
        let index = unsafe { sys::rtnl_neigh_get_ifindex(self.as_ptr()) };
        u32::try_from(index).unwrap_or(0)
    }

    /// `AF_INET`, `AF_INET6`, `AF_BRIDGE` or another (`rtnl_neigh_get_family`).
    pub fn family(&self) -> u8 {
        // SAFETY: a plain getter.
        let family = unsafe { sys::rtnl_neigh_get_family(self.as_ptr()) };
        u8::try_from(family).unwrap_or(0)
    }

    /// Its IP address (`rtnl_neigh_get_dst`); a bridge's entry may have none.
    pub fn destination(&self) -> Option<IpAddr> {
        // SAFETY: the getter returns NULL or an address that lives in the object.
        unsafe { ip(sys::rtnl_neigh_get_dst(self.as_ptr())) }
    }

    /// Its hardware address, if it is known (`rtnl_neigh_get_lladdr`).
    pub fn hardware_address(&self) -> Option<&[u8]> {
        // SAFETY: as in `destination`; it lives as long as `self`.
        unsafe { bytes(sys::rtnl_neigh_get_lladdr(self.as_ptr())) }
    }

    /// What is known of it (`rtnl_neigh_get_state`).
    pub fn state(&self) -> NeighbourState {
        // SAFETY: a plain getter.
        let state = unsafe { sys::rtnl_neigh_get_state(self.as_ptr()) };
        NeighbourState::from_bits_retain(u16::try_from(state).unwrap_or(0))
    }

    /// The flags (`rtnl_neigh_get_flags`).
    pub fn flags(&self) -> NeighbourFlags {
        // SAFETY: a plain getter.
        NeighbourFlags::from_bits_retain(unsafe { sys::rtnl_neigh_get_flags(self.as_ptr()) })
    }

    /// NDA_VLAN: the VLAN of a bridge's entry (`rtnl_neigh_get_vlan`).
    pub fn vlan(&self) -> Option<u16> {
        // SAFETY: a plain getter; negative where it is absent.
        u16::try_from(unsafe { sys::rtnl_neigh_get_vlan(self.as_ptr()) }).ok()
    }

    /// NDA_MASTER: the index of the bridge of a bridge's entry
    /// (`rtnl_neigh_get_master`).
    pub fn master(&self) -> Option<u32> {
        // SAFETY: a plain getter; 0 where it is absent.
        let master = unsafe { sys::rtnl_neigh_get_master(self.as_ptr()) };
        u32::try_from(master).ok().filter(|&index| index != 0)
    }
}
