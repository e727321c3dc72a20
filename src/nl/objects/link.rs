//! libnl's own link objects (`struct rtnl_link`), for those who want all that
//! libnl knows of a link. [`LinkMessage`](crate::nl::LinkMessage) is eight
//! times as fast and tells absent from zero.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;

use libnl3_sys as sys;

use super::kinds::kind;
use super::{Object, ObjectRef, parsers, text};
use crate::Result;
use crate::nl::{LinkFlags, Message, Name, OperState};

kind! {
    /// An owned `rtnl_link`.
    ///
    /// ```no_run
    /// use linkwatch::nl::{Action, Group, Protocol, Socket};
    ///
    /// let mut socket = Socket::connect(Protocol::Route)?;
    /// socket.join(Group::LINK)?;
    /// let mut kept = Vec::new();
    /// socket.recv_with(|message| {
    ///     if let Ok(link) = message.to_link() {
    ///         kept.push(link);
    ///     }
    ///     Action::Ok
    /// })?;
    /// for link in &kept {
    ///     println!("{:?}: {:?}", link.name(), link.flags());
    /// }
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    Link,
    /// A borrowed `rtnl_link`.
    ///
    /// libnl's getters cannot tell an attribute that is absent from one that is
    /// zero. Where that matters, take a [`LinkMessage`](crate::nl::LinkMessage),
    /// or look it up among the [`attributes`](crate::nl::ObjectRef::attributes).
    ///
    /// It cannot outlive what it is borrowed from:
    ///
    /// ```compile_fail,E0521
    /// use linkwatch::nl::{Action, LinkRef, Protocol, Socket};
    ///
    /// let mut kept: Option<&LinkRef<'_>> = None;
    /// let mut socket = Socket::connect(Protocol::Route).unwrap();
    /// socket.recv_with(|message| {
    ///     message.with_link(|link| kept = Some(link));
    ///     Action::Ok
    /// });
    /// ```
    LinkRef,
    rtnl_link, "route/link", RTM_NEWLINK
}

impl LinkRef<'_> {
    /// The interface index (`rtnl_link_get_ifindex`), 0 if it is absent.
    pub fn ifindex(&self) -> u32 {
        // SAFETY: the link is live for as long as `self`; a plain getter.
        let index = unsafe { sys::rtnl_link_get_ifindex(self.as_ptr()) };
        u32::try_from(index).unwrap_or(0)
    }

    /// The address family (`rtnl_link_get_family`): `AF_UNSPEC`, `AF_INET6`, or
    /// `AF_BRIDGE`, which libnl also puts in place of a bridge master's
    /// `AF_UNSPEC`.
    pub fn family(&self) -> u8 {
        // SAFETY: as above; a plain getter.
        let family = unsafe { sys::rtnl_link_get_family(self.as_ptr()) };
        u8::try_from(family).unwrap_or(0)
    }

    /// The name (`rtnl_link_get_name`).
    pub fn name(&self) -> Option<&CStr> {
        // SAFETY: as above; the string lives in the object.
        unsafe { text(sys::rtnl_link_get_name(self.as_ptr())) }
    }

    /// The kind (`rtnl_link_get_type`): `veth`, `bridge`, …
    pub fn kind(&self) -> Option<&CStr> {
        // SAFETY: as above; the string lives in the object.
        unsafe { text(sys::rtnl_link_get_type(self.as_ptr())) }
    }

    /// The flags (`rtnl_link_get_flags`).
    pub fn flags(&self) -> LinkFlags {
        // SAFETY: as above; a plain getter.
        LinkFlags::from_bits_retain(unsafe { sys::rtnl_link_get_flags(self.as_ptr()) })
    }

    /// Carrier (`rtnl_link_get_carrier`); false also where it is absent.
    pub fn carrier(&self) -> bool {
        // SAFETY: as above; a plain getter.
        unsafe { sys::rtnl_link_get_carrier(self.as_ptr()) != 0 }
    }

    /// IFLA_CARRIER_CHANGES (`rtnl_link_get_carrier_changes`).
    pub fn carrier_changes(&self) -> Option<u32> {
        let mut changes = 0;
        // SAFETY: as above; the result goes into a local variable.
        let result = unsafe { sys::rtnl_link_get_carrier_changes(self.as_ptr(), &raw mut changes) };
        (result >= 0).then_some(changes)
    }

    /// The operational state (`rtnl_link_get_operstate`); `Unknown` also where
    /// it is absent.
    pub fn operstate(&self) -> OperState {
        // SAFETY: as above; a plain getter.
        OperState::from_raw(unsafe { sys::rtnl_link_get_operstate(self.as_ptr()) })
    }

    /// The MTU in bytes (`rtnl_link_get_mtu`), 0 if it is absent.
    pub fn mtu(&self) -> u32 {
        // SAFETY: as above; a plain getter.
        unsafe { sys::rtnl_link_get_mtu(self.as_ptr()) }
    }

    /// The index of the master (`rtnl_link_get_master`).
    pub fn master(&self) -> Option<u32> {
        // SAFETY: as above; a plain getter.
        let master = unsafe { sys::rtnl_link_get_master(self.as_ptr()) };
        u32::try_from(master).ok().filter(|&index| index != 0)
    }

    /// The hardware address (`rtnl_link_get_addr`).
    pub fn hardware_address(&self) -> Option<&[u8]> {
        // SAFETY: as above; NULL or an address that lives in the object.
        unsafe { super::net_address::bytes(sys::rtnl_link_get_addr(self.as_ptr())) }
    }
}

/// How the details of a link can be printed.
pub(super) enum Printable {
    AsItIs,
    Copy(Object),
    LineOnly,
}

/// What libnl can print the details of without harm: not of a `veth`, whose
/// peer the kernel does not tell and libnl takes for granted
/// (`veth_dump_details`, lib/route/link/veth.c); and not of a tunnel in a cache,
/// where it keeps a reference to the link below (`link_lookup`,
/// lib/route/link.c).
pub(super) fn printable(object: &ObjectRef<'_>) -> Printable {
    let link: *mut sys::rtnl_link = object.as_ptr().cast();
    // SAFETY: the object is a link, and live for the time of this function.
    let (veth, cached) = unsafe {
        (
            text(sys::rtnl_link_get_type(link)) == Some(c"veth"),
            !sys::nl_object_get_cache(object.as_ptr()).is_null(),
        )
    };
    if !veth && !cached {
        return Printable::AsItIs;
    }
    let _serial = parsers();
    // SAFETY: the object is live; the copy is ours.
    let Some(copy) = NonNull::new(unsafe { sys::nl_object_clone(object.as_ptr()) }) else {
        return Printable::LineOnly;
    };
    if veth {
        // SAFETY: the copy is a link, and nobody else's. `dummy` is a kind
        // that has nothing to print.
        let result = unsafe { sys::rtnl_link_set_type(copy.as_ptr().cast(), c"dummy".as_ptr()) };
        if result < 0 {
            // Out of memory. libnl has freed the old kind and still points to
            // it, so the copy cannot be freed.
            return Printable::LineOnly;
        }
    }
    // SAFETY: as above.
    Printable::Copy(unsafe { Object::from_raw(copy) })
}

impl Message<'_> {
    /// Builds libnl's link object from an RTM_NEWLINK or RTM_DELLINK message
    /// and lends it to `f` (`nl_msg_parse`).
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn with_link<R>(&self, f: impl FnOnce(&LinkRef<'_>) -> R) -> Result<R> {
        // The object is taken out of the parser before `f` sees it: `f` may
        // then parse again, and may panic.
        let link = self.to_link()?;
        Ok(f(&link))
    }

    /// Builds libnl's link object from an RTM_NEWLINK or RTM_DELLINK message
    /// (`nl_msg_parse`).
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn to_link(&self) -> Result<Link> {
        self.parse()
    }
}

/// libnl's name for a hardware type (`ARPHRD_*`): `infiniband`, `can`, …
pub(crate) fn hardware_type_name(hardware_type: u16) -> Name {
    let mut buffer = [0 as c_char; 32];
    // SAFETY: writes at most the given length, NUL included, and returns
    // the buffer.
    let text = unsafe {
        sys::nl_llproto2str(
            c_int::from(hardware_type),
            buffer.as_mut_ptr(),
            buffer.len(),
        );
        CStr::from_ptr(buffer.as_ptr())
    };
    Name::truncated(text.to_bytes())
}
