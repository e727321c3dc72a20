//! libnl's cache of the controller's families.

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use libnl3_sys as sys;

use crate::Result;
use crate::nl::{self, allocated, check};

/// The families that were registered when it was filled
/// (`genl_ctrl_alloc_cache`). libnl keeps neither their commands nor lists
/// their groups; [`Socket::families`](super::Socket::families) does.
///
/// ```
/// use linkwatch::nl::genl;
///
/// let cache = genl::Socket::connect()?.family_cache()?;
/// let controller = cache.find("nlctrl").expect("it is always there");
/// assert_eq!(controller.id(), 16); // GENL_ID_CTRL
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug)]
pub struct FamilyCache {
    raw: NonNull<sys::nl_cache>,
}

impl FamilyCache {
    pub(super) fn fill(socket: &mut nl::Socket) -> Result<FamilyCache> {
        let mut cache = ptr::null_mut();
        // SAFETY: the socket is live and connected; the cache comes back in a
        // local variable, and is ours.
        let result = unsafe { sys::genl_ctrl_alloc_cache(socket.as_ptr(), &raw mut cache) };
        check(result, "filling the cache of generic netlink families")?;
        let raw = allocated(cache, "the cache of generic netlink families")?;
        Ok(FamilyCache { raw })
    }

    /// The family of this name (`genl_ctrl_search_by_name`).
    pub fn find(&self, name: &str) -> Option<CachedFamily<'_>> {
        let name = CString::new(name).ok()?;
        // SAFETY: the cache is live, the name only read. What comes back is a
        // reference of our own.
        let family = unsafe { sys::genl_ctrl_search_by_name(self.raw.as_ptr(), name.as_ptr()) };
        Some(CachedFamily {
            raw: NonNull::new(family)?,
            cache: PhantomData,
        })
    }

    /// The families in the order of the cache.
    pub fn iter(&self) -> impl Iterator<Item = CachedFamily<'_>> {
        // SAFETY: the cache is live and not changed while it is borrowed; its
        // objects are families (`genl_ctrl_ops`, lib/genl/ctrl.c).
        let first = unsafe { sys::nl_cache_get_first(self.raw.as_ptr()) };
        std::iter::successors(NonNull::new(first), |object| {
            // SAFETY: as above; the object is one of the cache.
            NonNull::new(unsafe { sys::nl_cache_get_next(object.as_ptr()) })
        })
        .map(|object| {
            // SAFETY: the object is live; the reference is given back by the
            // family's `Drop`.
            unsafe { sys::nl_object_get(object.as_ptr()) };
            CachedFamily {
                raw: object.cast(),
                cache: PhantomData,
            }
        })
    }
}

impl Drop for FamilyCache {
    fn drop(&mut self) {
        // SAFETY: the cache is ours; no family borrows from it any more.
        unsafe { sys::nl_cache_free(self.raw.as_ptr()) }
    }
}

/// A family in libnl's cache (`struct genl_family`).
#[derive(Debug)]
pub struct CachedFamily<'a> {
    raw: NonNull<sys::genl_family>,
    cache: PhantomData<&'a FamilyCache>,
}

impl CachedFamily<'_> {
    /// The number (`genl_family_get_id`).
    pub fn id(&self) -> u32 {
        // SAFETY: the family is live for as long as `self`; a plain getter.
        unsafe { sys::genl_family_get_id(self.raw.as_ptr()) }
    }

    /// The name (`genl_family_get_name`).
    pub fn name(&self) -> &CStr {
        // SAFETY: as above; the name is part of the family, and never NULL.
        unsafe { CStr::from_ptr(sys::genl_family_get_name(self.raw.as_ptr())) }
    }

    /// The version (`genl_family_get_version`); libnl keeps eight bits of it.
    pub fn version(&self) -> u8 {
        // SAFETY: as above; a plain getter.
        unsafe { sys::genl_family_get_version(self.raw.as_ptr()) }
    }

    /// The length of its own header (`genl_family_get_hdrsize`).
    pub fn header_size(&self) -> u32 {
        // SAFETY: as above; a plain getter.
        unsafe { sys::genl_family_get_hdrsize(self.raw.as_ptr()) }
    }

    /// The highest attribute (`genl_family_get_maxattr`).
    pub fn max_attribute(&self) -> u32 {
        // SAFETY: as above; a plain getter.
        unsafe { sys::genl_family_get_maxattr(self.raw.as_ptr()) }
    }
}

impl Drop for CachedFamily<'_> {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and not used again.
        unsafe { sys::genl_family_put(self.raw.as_ptr()) }
    }
}
