//! libnl's caches (`struct nl_cache`), for those who want them.

use std::ffi::{CString, c_int};
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::ptr::NonNull;

use libnl3_sys as sys;

use super::dump::until_complete;
use super::objects::{Kind, parsers};
use super::{Address, AddressRef, Dumpable, Link, LinkRef, Message, ObjectRef, Query, check};
use super::{allocated, objects};
use crate::{ErrorKind, Result};

/// What libnl's caches are wrapped for: [`Link`] and [`Address`].
pub trait Cacheable: Dumpable {}

impl Cacheable for Link {}
impl Cacheable for Address {}

/// All links or all addresses, as they were when the cache was filled
/// (`struct nl_cache`).
///
/// ```
/// use linkwatch::nl::{Cache, Link, Namespace, Protocol, Query};
///
/// let mut query = Query::new(&Namespace::current(), Protocol::Route)?;
/// let mut links = Cache::<Link>::fill(&mut query)?;
/// let loopback = links.find(b"lo").expect("there is one in each namespace");
/// assert_eq!(loopback.ifindex(), 1);
/// for link in &links {
///     println!("{link}");
/// }
/// links.refill(&mut query)?;
/// # Ok::<(), linkwatch::Error>(())
/// ```
///
/// What is in it is borrowed, and cannot outlive it or see it change:
///
/// ```compile_fail,E0502
/// # use linkwatch::nl::{Cache, Link, Namespace, Protocol, Query};
/// # let mut query = Query::new(&Namespace::current(), Protocol::Route)?;
/// let mut links = Cache::<Link>::fill(&mut query)?;
/// let loopback = links.get(1);
/// links.refill(&mut query)?;
/// println!("{loopback:?}");
/// # Ok::<(), linkwatch::Error>(())
/// ```
///
/// ```compile_fail,E0597
/// # use linkwatch::nl::{Cache, Link, Namespace, Protocol, Query};
/// # let mut query = Query::new(&Namespace::current(), Protocol::Route)?;
/// let loopback = {
///     let links = Cache::<Link>::fill(&mut query)?;
///     links.get(1)
/// };
/// println!("{loopback:?}");
/// # Ok::<(), linkwatch::Error>(())
/// ```
///
/// # What it does not do
///
/// * It does not follow changes. What does that in libnl, `nl_cache_mngr`, is
///   not wrapped: it ends when the kernel had to drop messages (ENOBUFS)
///   without listing anew, and for it a link whose carrier alone has changed is
///   the same as before (`link_compare`, `lib/route/link.c`).
///   [`Monitor`](crate::Monitor) accounts for every change of carrier.
/// * It is not for many lookups: [`get`](Self::get) and [`find`](Self::find)
///   go through all objects. [`Listing`](super::Listing) into a map is quicker.
/// * It has what libnl's parsers know of; absent often reads as zero there, see
///   [`LinkRef`]. [`interfaces`](super::interfaces) has links and addresses
///   joined.
///
/// It is not filled by libnl's `nl_cache_refill`, which parses a notification
/// that comes in between as if it were listed, lists again without end and
/// without forgetting what it has while links come and go, and takes messages
/// from anybody. Here [`Query::dump`] lists, and libnl parses and keeps what
/// it is given (`nl_cache_parse_and_add`).
pub struct Cache<T: Cacheable> {
    raw: RawCache,
    complete: bool,
    unreadable: usize,
    kind: PhantomData<T>,
}

/// Owns one reference to a cache, the only one.
struct RawCache(NonNull<sys::nl_cache>);

// SAFETY: nothing else refers to the cache or to what is in it; so the plain
// reference counts are touched by one thread at a time.
unsafe impl Send for RawCache {}

impl RawCache {
    /// An empty cache of this kind (`nl_cache_alloc_name`).
    fn new<T: Cacheable>() -> Result<RawCache> {
        let name = CString::new(T::NAME).unwrap_or_default();
        let mut raw = std::ptr::null_mut();
        let result = {
            let _serial = parsers();
            // SAFETY: the name is a C string; the result goes into a local
            // variable.
            unsafe { sys::nl_cache_alloc_name(name.as_ptr(), &raw mut raw) }
        };
        check(result, format!("allocating a cache ({})", T::NAME))?;
        Ok(RawCache(allocated(raw, "a cache")?))
    }

    /// Parses a message and adds what it tells of (`nl_cache_parse_and_add`).
    fn add(&mut self, message: &Message<'_>) -> Result<()> {
        const NLE_EXIST: c_int = sys::NLE_EXIST as c_int;
        objects::check_origin(message)?;
        let result = {
            let _serial = parsers();
            // SAFETY: both are live, and the message is the kernel's, as the
            // parser expects.
            unsafe { sys::nl_cache_parse_and_add(self.0.as_ptr(), message.as_ptr()) }
        };
        match result {
            // It is in it already.
            result if result == -NLE_EXIST => Ok(()),
            result => check(result, "adding to a cache").map(drop),
        }
    }
}

impl Drop for RawCache {
    fn drop(&mut self) {
        let _serial = parsers();
        // SAFETY: the reference is ours and not used again. It is the last:
        // with the cache go the objects in it.
        unsafe { sys::nl_cache_free(self.0.as_ptr()) }
    }
}

impl<T: Cacheable> Cache<T> {
    /// Lists all there is, and keeps it. The query is to be one of
    /// [`Protocol::Route`](super::Protocol::Route).
    ///
    /// A dump that things came or went in is repeated as by
    /// [`Query::list`]; then the last one is [incomplete](Self::is_complete).
    ///
    /// # Errors
    ///
    /// The kernel's, and [`OutOfMemory`](ErrorKind::OutOfMemory).
    pub fn fill(query: &mut Query) -> Result<Cache<T>> {
        until_complete(T::NAME, || Self::fill_once(query)).map(|(cache, _)| cache)
    }

    fn fill_once(query: &mut Query) -> Result<(Cache<T>, bool)> {
        let mut raw = RawCache::new::<T>()?;
        let mut unreadable = 0;
        let mut failed = None;
        let complete = query.dump_kind(T::NEW + 2, 0, |message| {
            if message.header().kind != T::NEW {
                return;
            }
            match raw.add(message) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::OutOfMemory => failed = Some(error),
                Err(error) => {
                    log::debug!("left out of a cache: {error}");
                    unreadable += 1;
                }
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let cache = Cache {
            raw,
            complete,
            unreadable,
            kind: PhantomData,
        };
        Ok((cache, complete))
    }

    /// Lists all there is again, and keeps that in place of what was kept. If
    /// it fails, the cache is as it was.
    ///
    /// # Errors
    ///
    /// As [`fill`](Self::fill).
    pub fn refill(&mut self, query: &mut Query) -> Result<()> {
        *self = Self::fill(query)?;
        Ok(())
    }

    /// False if things came or went each time that they were listed: those in
    /// the cache exist, yet others may be missing.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many messages libnl could not read, whose things are missing.
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// How many there are (`nl_cache_nitems`).
    pub fn len(&self) -> usize {
        // SAFETY: the cache is live; a plain getter.
        let number = unsafe { sys::nl_cache_nitems(self.as_ptr()) };
        usize::try_from(number).unwrap_or(0)
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in the kernel's order (`nl_cache_get_first`,
    /// `nl_cache_get_next`).
    pub fn iter(&self) -> CacheIter<'_, T> {
        CacheIter {
            // SAFETY: the cache is live; the object, if there is one, lives in it.
            next: NonNull::new(unsafe { sys::nl_cache_get_first(self.as_ptr()) }),
            rest: self.len(),
            cache: PhantomData,
        }
    }

    /// The raw cache, for functions of libnl that are not wrapped. It is valid
    /// as long as this borrow.
    pub fn as_ptr(&self) -> *mut sys::nl_cache {
        self.raw.0.as_ptr()
    }
}

impl Cache<Link> {
    /// The link of this index (`rtnl_link_get`).
    pub fn get(&self, ifindex: u32) -> Option<LinkRef<'_>> {
        let ifindex = c_int::try_from(ifindex).ok()?;
        // SAFETY: the cache is live and one of links.
        self.lend(unsafe { sys::rtnl_link_get(self.as_ptr(), ifindex) })
    }

    /// The link of this name (`rtnl_link_get_by_name`). libnl does not know
    /// alternative names.
    pub fn find(&self, name: &[u8]) -> Option<LinkRef<'_>> {
        let name = CString::new(name).ok()?;
        // SAFETY: as above; the name is a C string.
        self.lend(unsafe { sys::rtnl_link_get_by_name(self.as_ptr(), name.as_ptr()) })
    }

    /// Lends a link that libnl has found in this cache.
    fn lend(&self, link: *mut sys::rtnl_link) -> Option<LinkRef<'_>> {
        let raw = NonNull::new(link)?;
        // SAFETY: the reference that libnl took for us is given back; the
        // cache has its own, and keeps the link for as long as it is borrowed.
        let object = unsafe {
            sys::rtnl_link_put(raw.as_ptr());
            ObjectRef::from_raw(raw.cast())
        };
        Some(Link::view(object))
    }
}

impl Cache<Address> {
    /// The addresses of the interface of this index.
    pub fn of_interface(&self, ifindex: u32) -> impl Iterator<Item = AddressRef<'_>> {
        self.iter()
            .filter(move |address| address.ifindex() == ifindex)
    }

    /// The first address that is this one of an interface's own, whatever its
    /// prefix. (libnl's `rtnl_addr_get` asks for the prefix too.)
    pub fn find(&self, ip: IpAddr) -> Option<AddressRef<'_>> {
        self.iter().find(|address| address.local() == Some(ip))
    }
}

impl<T: Cacheable> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("kind", &T::NAME)
            .field("len", &self.len())
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}

impl<'a, T: Cacheable> IntoIterator for &'a Cache<T> {
    type Item = T::Ref<'a>;
    type IntoIter = CacheIter<'a, T>;

    fn into_iter(self) -> CacheIter<'a, T> {
        self.iter()
    }
}

/// Iterates over a [`Cache`].
pub struct CacheIter<'a, T: Cacheable> {
    next: Option<NonNull<sys::nl_object>>,
    rest: usize,
    cache: PhantomData<&'a Cache<T>>,
}

impl<'a, T: Cacheable> Iterator for CacheIter<'a, T> {
    type Item = T::Ref<'a>;

    fn next(&mut self) -> Option<T::Ref<'a>> {
        let object = self.next?;
        // SAFETY: the object is in the cache, which is borrowed and thus
        // unchanged for 'a; so is the one after it.
        let object = unsafe {
            self.next = NonNull::new(sys::nl_cache_get_next(object.as_ptr()));
            ObjectRef::from_raw(object)
        };
        self.rest = self.rest.saturating_sub(1);
        Some(T::view(object))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rest, Some(self.rest))
    }
}

impl<T: Cacheable> fmt::Debug for CacheIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheIter({}, {} left)", T::NAME, self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_send<T: Send>() {}

    #[test]
    fn caches_may_move_between_threads() {
        assert_send::<Cache<Link>>();
        assert_send::<Cache<Address>>();
    }
}
