//! libnl's own link objects (`struct rtnl_link`), for those who want all that
//! libnl knows of a link. [`LinkMessage`](super::LinkMessage) is eight times
//! as fast and tells absent from zero.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use libnl3_sys as sys;

use super::{LinkFlags, Message, Name, OperState, check};
use crate::{Error, ErrorKind, Result};

/// `nl_msg_parse` counts the users of a table that all threads share, without
/// a lock of its own (`nl_cache_ops_put`, lib/cache_mngt.c).
static PARSING: Mutex<()> = Mutex::new(());

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
#[derive(Debug)]
pub struct Link {
    link: LinkRef<'static>,
}

// SAFETY: a `Link` holds the only reference to its object: `to_link` takes
// over the one that the parser drops, and there is no `Clone`. So the plain
// reference count is touched by one thread at a time.
unsafe impl Send for Link {}

impl Drop for Link {
    fn drop(&mut self) {
        // SAFETY: the reference is ours (`to_link`) and not used again.
        unsafe { sys::rtnl_link_put(self.link.raw.as_ptr()) }
    }
}

impl Deref for Link {
    type Target = LinkRef<'static>;

    fn deref(&self) -> &LinkRef<'static> {
        &self.link
    }
}

/// A borrowed `rtnl_link`.
///
/// libnl's getters cannot tell an attribute that is absent from one that is
/// zero; where that matters, take a [`LinkMessage`](super::LinkMessage).
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
#[derive(Debug)]
pub struct LinkRef<'a> {
    raw: NonNull<sys::rtnl_link>,
    lifetime: PhantomData<&'a sys::rtnl_link>,
}

impl LinkRef<'_> {
    /// The interface index (`rtnl_link_get_ifindex`), 0 if it is absent.
    pub fn ifindex(&self) -> u32 {
        // SAFETY: the link is live for as long as `self`; a plain getter.
        let index = unsafe { sys::rtnl_link_get_ifindex(self.raw.as_ptr()) };
        u32::try_from(index).unwrap_or(0)
    }

    /// The name (`rtnl_link_get_name`).
    pub fn name(&self) -> Option<&CStr> {
        // SAFETY: as above; the string lives in the object.
        unsafe { text(sys::rtnl_link_get_name(self.raw.as_ptr())) }
    }

    /// The kind (`rtnl_link_get_type`): `veth`, `bridge`, …
    pub fn kind(&self) -> Option<&CStr> {
        // SAFETY: as above; the string lives in the object.
        unsafe { text(sys::rtnl_link_get_type(self.raw.as_ptr())) }
    }

    /// The flags (`rtnl_link_get_flags`).
    pub fn flags(&self) -> LinkFlags {
        // SAFETY: as above; a plain getter.
        LinkFlags::from_bits_retain(unsafe { sys::rtnl_link_get_flags(self.raw.as_ptr()) })
    }

    /// Carrier (`rtnl_link_get_carrier`); false also where it is absent.
    pub fn carrier(&self) -> bool {
        // SAFETY: as above; a plain getter.
        unsafe { sys::rtnl_link_get_carrier(self.raw.as_ptr()) != 0 }
    }

    /// IFLA_CARRIER_CHANGES (`rtnl_link_get_carrier_changes`).
    pub fn carrier_changes(&self) -> Option<u32> {
        let mut changes = 0;
        // SAFETY: as above; the result goes into a local variable.
        let result =
            unsafe { sys::rtnl_link_get_carrier_changes(self.raw.as_ptr(), &raw mut changes) };
        (result >= 0).then_some(changes)
    }

    /// The operational state (`rtnl_link_get_operstate`); `Unknown` also where
    /// it is absent.
    pub fn operstate(&self) -> OperState {
        // SAFETY: as above; a plain getter.
        OperState::from_raw(unsafe { sys::rtnl_link_get_operstate(self.raw.as_ptr()) })
    }

    /// The MTU in bytes (`rtnl_link_get_mtu`), 0 if it is absent.
    pub fn mtu(&self) -> u32 {
        // SAFETY: as above; a plain getter.
        unsafe { sys::rtnl_link_get_mtu(self.raw.as_ptr()) }
    }

    /// The index of the master (`rtnl_link_get_master`).
    pub fn master(&self) -> Option<u32> {
        // SAFETY: as above; a plain getter.
        let master = unsafe { sys::rtnl_link_get_master(self.raw.as_ptr()) };
        u32::try_from(master).ok().filter(|&index| index != 0)
    }

    /// The raw link, for functions of libnl that are not wrapped. It is valid
    /// as long as this borrow.
    pub fn as_ptr(&self) -> *mut sys::rtnl_link {
        self.raw.as_ptr()
    }
}

/// # Safety
///
/// `text` is NULL or a string that lives for `'a`.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: promised by the caller, NULL aside.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

impl Message<'_> {
    /// Builds libnl's link object from an RTM_NEWLINK or RTM_DELLINK message
    /// and lends it to `f` (`nl_msg_parse`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for messages that are not about links,
    /// [`ErrorKind::Malformed`] for what libnl cannot parse.
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
    /// As [`with_link`](Self::with_link).
    pub fn to_link(&self) -> Result<Link> {
        const DOING: &str = "parsing a link message";
        let kind = u32::from(self.header().kind);
        if kind != sys::RTM_NEWLINK && kind != sys::RTM_DELLINK {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{DOING}: message type {kind} is not about links"),
            ));
        }
        let mut object: *mut sys::nl_object = std::ptr::null_mut();
        let result = {
            let _serial = PARSING.lock().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: the message is live; `take` only writes to `object`,
            // which outlives the call.
            unsafe { sys::nl_msg_parse(self.as_ptr(), Some(take), (&raw mut object).cast()) }
        };
        let object = NonNull::new(object).map(|object| Link {
            link: LinkRef {
                raw: object.cast(),
                lifetime: PhantomData,
            },
        });
        // An object that came with an error is dropped here, not leaked.
        check(result, DOING)?;
        object.ok_or_else(|| Error::new(ErrorKind::Malformed, format!("{DOING}: it holds no link")))
    }
}

/// Takes a reference to the object that libnl's parser is about to drop.
unsafe extern "C" fn take(object: *mut sys::nl_object, argument: *mut c_void) {
    // SAFETY: `argument` is the variable that `to_link` passed.
    let slot = unsafe { &mut *argument.cast::<*mut sys::nl_object>() };
    if slot.is_null() && is_link(object) {
        // SAFETY: the object is live for the time of this call; the reference
        // taken here is dropped by `Link`.
        unsafe { sys::nl_object_get(object) };
        *slot = object;
    }
}

/// True for objects of the link cache: only they are `rtnl_link`.
fn is_link(object: *mut sys::nl_object) -> bool {
    const RTM_NEWLINK: c_int = sys::RTM_NEWLINK as c_int;
    const RTM_DELLINK: c_int = sys::RTM_DELLINK as c_int;
    // SAFETY: called by `take` alone, with the live object that libnl passed.
    let kind = unsafe { sys::nl_object_get_msgtype(object) };
    matches!(kind, RTM_NEWLINK | RTM_DELLINK)
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
