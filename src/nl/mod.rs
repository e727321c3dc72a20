//! A safe wrapper of libnl 3: sockets, callbacks as closures, messages, dumps.
//!
//! Every line that calls libnl stands in this module. It does not hide libnl:
//! names and meanings are libnl's own, and [`Socket::as_ptr`] and
//! [`Message::as_ptr`] lead to what is not wrapped.
//!
//! ```no_run
//! use linkwatch::nl::{Action, Group, Protocol, Socket};
//!
//! let mut socket = Socket::connect(Protocol::Route)?;
//! socket.join(Group::LINK)?;
//! loop {
//!     socket.recv_with(|message| {
//!         if let Ok(Some(link)) = message.link() {
//!             println!("link {} has carrier {:?}", link.ifindex(), link.carrier());
//!         }
//!         Action::Ok
//!     })?;
//! }
//! # #[allow(unreachable_code)] Ok::<(), linkwatch::Error>(())
//! ```
//!
//! # Threads
//!
//! libnl's reference counts are plain integers: nothing here is `Sync`. A
//! [`Socket`] may move to another thread, for its closures must be `Send`.
//! libnl's own objects ([`Message::object`], [`Message::to_link`], [`Cache`])
//! are made by `nl_msg_parse` and the like, which touch a counter that all
//! threads share (`nl_cache_ops_put`, `lib/cache_mngt.c`); this crate
//! serialises its own calls with a lock.
//!
//! # Fork
//!
//! Sockets are opened with `SOCK_CLOEXEC`: a program that is started does not
//! inherit them.

mod address_message;
mod attribute;
mod cache;
mod callback;
mod datagram;
mod dump;
#[cfg(feature = "genl")]
pub mod ethtool;
mod filter;
mod fnmatch;
#[cfg(feature = "genl")]
pub mod genl;
mod group;
mod interfaces;
mod kernel_error;
mod link_layout;
mod link_message;
mod link_query;
mod message;
mod message_builder;
mod name;
mod namespace;
pub mod nl80211;
mod notice;
mod objects;
mod query;
mod reader;
mod socket;
mod ssid;

use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

use libnl3_sys as sys;

use crate::{Error, ErrorKind, Result};

pub use address_message::{AddressFlags, AddressMessage};
#[cfg(test)]
pub(crate) use attribute::encode;
pub use attribute::{Attribute, Attributes};
pub use cache::{Cache, CacheIter, Cacheable};
pub use callback::{Action, CallbackKind};
pub use datagram::Datagram;
pub use dump::{Listing, dump, dump_in};
pub(crate) use filter::{LinkFilter, LinkSelection, NameFilter};
pub(crate) use fnmatch::fnmatch;
pub use group::Group;
pub use interfaces::{Interface, InterfaceAddress, interfaces, interfaces_in};
pub use kernel_error::KernelError;
pub(crate) use link_layout::LinkLayouts;
pub use link_message::{LinkChange, LinkFlags, LinkMessage, OperState};
pub use link_query::{LinkQuery, Snapshot};
pub use message::{Header, Message, Messages, RawMessage, Sender};
pub use message_builder::MessageBuilder;
pub(crate) use name::Escaped;
pub use name::{Name, escape};
pub use namespace::Namespace;
pub use notice::Notice;
pub(crate) use objects::hardware_type_name;
pub use objects::{
    Address, AddressRef, Detail, Dumpable, IpPrefix, Link, LinkRef, Neighbour, NeighbourFlags,
    NeighbourRef, NeighbourState, NextHop, Object, ObjectRef, Route, RouteRef, Rule, RuleRef,
    Scope,
};
pub use query::Query;
pub use socket::{Protocol, Socket};
pub use ssid::{Bssid, Ssid};

/// Turns libnl's result into ours. libnl returns negated `NLE_*`; it is
/// negated back here and nowhere else.
fn check(result: c_int, doing: impl Into<Cow<'static, str>>) -> Result<c_int> {
    if result < 0 {
        Err(Error::from_libnl(result.saturating_neg(), doing))
    } else {
        Ok(result)
    }
}

/// Turns a pointer that libnl allocated into an owned one; NULL means that
/// memory was refused.
fn allocated<T>(pointer: *mut T, what: &'static str) -> Result<NonNull<T>> {
    NonNull::new(pointer).ok_or_else(|| {
        Error::from_libnl(sys::NLE_NOMEM as i32, format!("allocating {what}"))
            .with_kind(ErrorKind::OutOfMemory)
    })
}

/// libnl's text for one of its codes.
pub(crate) fn error_text(code: i32) -> Cow<'static, str> {
    // It takes the absolute value, which the smallest int does not have.
    let code = if code < 0 {
        sys::NLE_FAILURE as c_int
    } else {
        code
    };
    // SAFETY: for codes beyond its table nl_geterror answers as for
    // NLE_FAILURE, and the string is of static lifetime (`lib/error.c`).
    let text: &'static CStr = unsafe { CStr::from_ptr(sys::nl_geterror(code)) };
    crate::error::static_text(text)
}

/// The release of the libnl that is loaded, for example `"3.7.0"`.
///
/// ```
/// let version = linkwatch::nl::version();
/// assert!(version.starts_with("3."));
/// ```
pub fn version() -> String {
    let (major, minor, micro) = version_numbers();
    format!("{major}.{minor}.{micro}")
}

/// Of the library that is loaded, which need not be the one built against.
fn version_numbers() -> (c_int, c_int, c_int) {
    // SAFETY: these are constants that the library exports and never writes.
    unsafe { (sys::nl_ver_maj, sys::nl_ver_min, sys::nl_ver_mic) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_negated_once() {
        assert_eq!(check(3, "x").unwrap(), 3);
        let error = check(-(sys::NLE_PERM as c_int), "joining").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(error.libnl_code(), Some(28));
        assert!(check(c_int::MIN, "x").is_err());
    }
}
