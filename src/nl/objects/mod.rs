//! libnl's own objects (`struct nl_object`): what its parsers make of a
//! message, with libnl's getters and its printed form.

mod address;
mod kinds;
mod link;
mod neighbour;
mod net_address;
mod route;
mod rule;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt;
use std::hint::black_box;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use libnl3_sys as sys;

use super::{Escaped, Message, check, version_numbers};
use crate::{Error, ErrorKind, Result};

pub use address::{Address, AddressRef};
pub use kinds::Dumpable;
pub(super) use kinds::sealed::Kind;
use link::Printable;
pub(crate) use link::hardware_type_name;
pub use link::{Link, LinkRef};
pub use neighbour::{Neighbour, NeighbourFlags, NeighbourRef, NeighbourState};
pub(super) use net_address::ip_from_bytes;
pub use net_address::{IpPrefix, Scope};
pub use route::{NextHop, Route, RouteRef};
pub use rule::{Rule, RuleRef};

/// Taken around every call of libnl that looks up its parsers: it counts
/// their users in a table that all threads share, without a lock of its own
/// (`nl_cache_ops_put`, lib/cache_mngt.c). Parsing does so, and so do printing
/// (`nl_cache_mngt_require`) and, before libnl 3.7, freeing a link
/// (`rtnl_link_info_ops_put`, lib/route/link/api.c).
static PARSERS: Mutex<()> = Mutex::new(());

/// Takes [`PARSERS`]. Nothing that runs under it calls back into this crate's
/// users, so it is never taken twice by one thread.
pub(super) fn parsers() -> MutexGuard<'static, ()> {
    // The parsers are in libnl-route, and register themselves when it is
    // loaded. A program that calls nothing of it would be linked without it
    // (`--as-needed`); so something of it is referred to here.
    let one_of_its_functions: unsafe extern "C" fn(*mut sys::rtnl_link) = sys::rtnl_link_put;
    black_box(one_of_its_functions);
    PARSERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much of an object is printed (`enum nl_dump_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Detail {
    /// One line (`NL_DUMP_LINE`).
    #[default]
    Line,
    /// All attributes (`NL_DUMP_DETAILS`).
    Details,
    /// All attributes, with statistics (`NL_DUMP_STATS`).
    Statistics,
}

impl Detail {
    fn to_raw(self) -> sys::nl_dump_type {
        match self {
            Detail::Line => sys::NL_DUMP_LINE,
            Detail::Details => sys::NL_DUMP_DETAILS,
            Detail::Statistics => sys::NL_DUMP_STATS,
        }
    }
}

/// A borrowed object of any kind (`struct nl_object`).
///
/// `Display` is libnl's printed form, in one line; the alternate form (`{:#}`)
/// has all attributes. What in it comes from elsewhere, an interface's name
/// for example, is escaped as by [`escape`](super::escape).
pub struct ObjectRef<'a> {
    raw: NonNull<sys::nl_object>,
    lifetime: PhantomData<&'a sys::nl_object>,
}

impl<'a> ObjectRef<'a> {
    /// # Safety
    ///
    /// The object is live for `'a`, and changed by nobody.
    pub(super) unsafe fn from_raw(raw: NonNull<sys::nl_object>) -> ObjectRef<'a> {
        ObjectRef {
            raw,
            lifetime: PhantomData,
        }
    }

    /// A second view of the same object.
    pub(super) fn again(&self) -> ObjectRef<'a> {
        ObjectRef {
            raw: self.raw,
            lifetime: PhantomData,
        }
    }

    /// libnl's name for what it is: `route/link`, `route/qdisc`, …
    /// (`nl_object_get_type`).
    pub fn type_name(&self) -> &'static str {
        // SAFETY: the object is live for as long as `self`. Each kind has a
        // name, a constant of the library that is never unloaded.
        let name: &'static CStr = unsafe { CStr::from_ptr(sys::nl_object_get_type(self.as_ptr())) };
        name.to_str().unwrap_or_default()
    }

    /// The type of the message that it was made from: `RTM_NEWLINK`,
    /// `RTM_DELLINK`, … (`nl_object_get_msgtype`); 0 where it was made from
    /// none.
    pub fn message_type(&self) -> u16 {
        // SAFETY: the object is live for as long as `self`; a plain getter.
        let kind = unsafe { sys::nl_object_get_msgtype(self.as_ptr()) };
        u16::try_from(kind).unwrap_or(0)
    }

    /// libnl's names for the attributes that the object has
    /// (`nl_object_attr_list`): `ifindex`, `mtu`, … They tell absent from
    /// zero where a getter of libnl does not. Of links it names the older 32
    /// alone; it is empty for kinds of objects that libnl has no such names for.
    pub fn attributes(&self) -> Vec<String> {
        // 32 names of at most some 20 bytes.
        let mut buffer = [0 as c_char; 1024];
        // SAFETY: the object is live; libnl writes at most the given length,
        // NUL included (`__flags2str`, lib/utils.c), into a buffer that
        // outlives the call and is zeroed.
        let names = unsafe {
            sys::nl_object_attr_list(self.as_ptr(), buffer.as_mut_ptr(), buffer.len());
            CStr::from_ptr(buffer.as_ptr())
        };
        let names = names.to_string_lossy();
        let names = names.split(',').filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }

    /// libnl's printed form (`nl_object_dump`), each line ended by a newline;
    /// empty for the few kinds that libnl does not print.
    ///
    /// Interfaces are shown by their index, for libnl knows their names only
    /// where a link cache is provided to it. Of kinds whose details libnl has
    /// not been seen to print without harm (filters, actions, what is newer
    /// than libnl 3.7) there is a line only; and the details of a `veth` lack
    /// its peer, which is where libnl itself crashes.
    pub fn printed(&self, detail: Detail) -> String {
        const WITH_DETAILS: [&str; 10] = [
            "route/link",
            "route/addr",
            "route/route",
            "route/neigh",
            "route/rule",
            "route/neightbl",
            "route/netconf",
            "route/mdb",
            "route/qdisc",
            "route/class",
        ];
        let name = self.type_name();
        if detail == Detail::Line || !WITH_DETAILS.contains(&name) {
            return self.print(Detail::Line);
        }
        if name == Link::NAME {
            return match link::printable(self) {
                Printable::AsItIs => self.print(detail),
                Printable::Copy(copy) => copy.print(detail),
                Printable::LineOnly => self.print(Detail::Line),
            };
        }
        match self.print(detail) {
            // Some kinds have details, but no statistics.
            text if text.is_empty() => self.print(Detail::Details),
            text => text,
        }
    }

    /// Prints it; whether libnl can is up to the caller.
    fn print(&self, detail: Detail) -> String {
        let mut text = String::new();
        // SAFETY: of integers, pointers and nullable functions: zero is valid.
        let mut parameters: sys::nl_dump_params = unsafe { std::mem::zeroed() };
        parameters.dp_type = detail.to_raw();
        parameters.dp_cb = Some(append);
        parameters.dp_data = (&raw mut text).cast();
        {
            let _serial = parsers();
            // SAFETY: the object is live; `append` finds the string in
            // `dp_data`, which outlives the call.
            unsafe { sys::nl_object_dump(self.as_ptr(), &raw mut parameters) };
        }
        // The last line of some is of spaces.
        text.truncate(text.trim_end().len());
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    /// True if both are the same thing to libnl (`nl_object_identical`): the
    /// same kind, and the same in what identifies it, for links the index and
    /// the family.
    pub fn is_identical(&self, other: &ObjectRef<'_>) -> bool {
        // SAFETY: both are live for the time of the call, which only reads.
        unsafe { sys::nl_object_identical(self.as_ptr(), other.as_ptr()) != 0 }
    }

    /// The raw object, for functions of libnl that are not wrapped. It is
    /// valid as long as this borrow.
    pub fn as_ptr(&self) -> *mut sys::nl_object {
        self.raw.as_ptr()
    }
}

impl fmt::Display for ObjectRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = if f.alternate() {
            Detail::Details
        } else {
            Detail::Line
        };
        f.pad(self.printed(detail).trim_end())
    }
}

impl fmt::Debug for ObjectRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {{ {self} }}", self.type_name())
    }
}

/// Takes what libnl prints, piece by piece.
unsafe extern "C" fn append(parameters: *mut sys::nl_dump_params, piece: *mut c_char) {
    // SAFETY: libnl passes the parameters that `printed` gave it, and a string.
    let (text, piece) = unsafe {
        let text = (*parameters).dp_data.cast::<String>();
        (&mut *text, CStr::from_ptr(piece).to_bytes())
    };
    // libnl ends its lines at the end of a piece; a newline elsewhere is
    // somebody's attempt to forge one.
    let (line, end) = match piece.split_last() {
        Some((b'\n', line)) => (line, "\n"),
        _ => (piece, ""),
    };
    // Writing to a string does not fail.
    let _ = fmt::write(text, format_args!("{}{end}", Escaped(line)));
}

/// An owned object of any kind (`struct nl_object`), also of those that have
/// no type of their own here.
///
/// ```no_run
/// use linkwatch::nl::{Action, Group, Protocol, Socket};
///
/// let mut socket = Socket::connect(Protocol::Route)?;
/// socket.join(Group::TC)?;
/// socket.recv_with(|message| {
///     match message.object() {
///         Ok(object) => println!("{}: {object}", object.type_name()),
///         Err(error) => eprintln!("{error}"),
///     }
///     Action::Ok
/// })?;
/// # Ok::<(), linkwatch::Error>(())
/// ```
pub struct Object {
    object: ObjectRef<'static>,
}

impl Object {
    /// # Safety
    ///
    /// The object is live, and the reference to it, the only one, is given
    /// away.
    unsafe fn from_raw(raw: NonNull<sys::nl_object>) -> Object {
        Object {
            // SAFETY: promised by the caller.
            object: unsafe { ObjectRef::from_raw(raw) },
        }
    }
}

// SAFETY: an `Object` holds the only reference to its object: the parser
// dropped its own, and there is no `Clone`. So the plain reference count is
// touched by one thread at a time. (An address refers to a link where somebody
// provided libnl with a link cache, `nl_cache_mngt_provide`; nothing here does.)
unsafe impl Send for Object {}

impl Drop for Object {
    fn drop(&mut self) {
        let _serial = parsers();
        // SAFETY: the reference is ours (`take`) and not used again.
        unsafe { sys::nl_object_put(self.object.as_ptr()) }
    }
}

impl std::ops::Deref for Object {
    type Target = ObjectRef<'static>;

    fn deref(&self) -> &ObjectRef<'static> {
        &self.object
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.object, f)
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.object, f)
    }
}

impl Message<'_> {
    /// Builds libnl's object from the message (`nl_msg_parse`), whatever it is
    /// about.
    ///
    /// Only messages that the kernel sent: libnl's parsers trust lengths that
    /// they should check.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) for what libnl has no parser
    /// for or would crash on (a blackhole qdisc; with libnl 3.6, a route with
    /// several next hops), [`InvalidInput`](ErrorKind::InvalidInput) for a message
    /// that did not come from the kernel, [`Malformed`](ErrorKind::Malformed) and
    /// others for what libnl cannot parse.
    pub fn object(&self) -> Result<Object> {
        let kind = self.header().kind;
        let doing = || format!("parsing a message of type {kind}");
        check_origin(self)?;
        if let Some(why) = why_refused(self, version_numbers()) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{}: {why}", doing()),
            ));
        }
        let mut object: *mut sys::nl_object = std::ptr::null_mut();
        let result = {
            let _serial = parsers();
            // SAFETY: the message is live, and the kernel's; `take` only
            // writes to `object`, which outlives the call.
            unsafe { sys::nl_msg_parse(self.as_ptr(), Some(take), (&raw mut object).cast()) }
        };
        // SAFETY: `take` took a reference, which is ours from here on.
        let object = NonNull::new(object).map(|raw| unsafe { Object::from_raw(raw) });
        // An object that came with an error is dropped here, not leaked.
        check(result, doing())?;
        object.ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                format!("{}: it holds nothing", doing()),
            )
        })
    }

    /// Builds libnl's object of this kind from the message.
    ///
    /// # Errors
    ///
    /// As [`object`](Self::object); and
    /// [`Unsupported`](ErrorKind::Unsupported) for a message about something
    /// else.
    pub fn parse<T: Dumpable>(&self) -> Result<T> {
        let kind = self.header().kind;
        if ![T::NEW, T::NEW + 1].contains(&kind) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "parsing {}: a message of type {kind} is about something else",
                    T::NAME
                ),
            ));
        }
        let object = self.object()?;
        if object.type_name() != T::NAME {
            return Err(Error::new(
                ErrorKind::Malformed,
                format!("parsing {}: libnl made {object:?} of it", T::NAME),
            ));
        }
        Ok(T::build(object, self))
    }
}

/// Why this release of libnl must not parse the message, if it must not.
fn why_refused(message: &Message<'_>, version: (c_int, c_int, c_int)) -> Option<&'static str> {
    if is_blackhole(message) {
        return Some("libnl aborts on a blackhole qdisc");
    }
    if matches!(version, (3, 6, _)) && is_multipath(message) {
        return Some(
            "libnl 3.6 uses freed memory for a route with several next hops; 3.7 does not",
        );
    }
    None
}

/// libnl's entry for this kind lacks a size (lib/route/qdisc/blackhole.c), and
/// printing the object ends the process (`rtnl_tc_data`, lib/route/tc.c).
fn is_blackhole(message: &Message<'_>) -> bool {
    /// The header and the attribute of `linux/rtnetlink.h`.
    const TCMSG: usize = 20;
    const TCA_KIND: u16 = 1;
    let kind = u32::from(message.header().kind);
    matches!(kind, sys::RTM_NEWQDISC | sys::RTM_DELQDISC)
        && (message.attributes(TCMSG).find(TCA_KIND))
            .is_some_and(|kind| kind.string() == b"blackhole")
}

/// libnl 3.6 frees each next hop that it has added to the route
/// (`parse_multipath`, lib/route/route_obj.c).
fn is_multipath(message: &Message<'_>) -> bool {
    /// The header and the attribute of `linux/rtnetlink.h`.
    const RTMSG: usize = 12;
    const RTA_MULTIPATH: u16 = 9;
    let kind = u32::from(message.header().kind);
    matches!(kind, sys::RTM_NEWROUTE | sys::RTM_DELROUTE)
        && message.attributes(RTMSG).find(RTA_MULTIPATH).is_some()
}

/// libnl's parsers trust lengths that they should check, so they are given
/// only what was received, and from the kernel.
pub(super) fn check_origin(message: &Message<'_>) -> Result<()> {
    // SAFETY: the message is live; the getter returns a pointer into it.
    let source = unsafe { &*sys::nlmsg_get_src(message.as_ptr()) };
    // A message that was built here has a source of zeros.
    if c_int::from(source.nl_family) == libc::AF_NETLINK && source.nl_pid == 0 {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "a message of type {} is not parsed: the kernel did not send it",
        message.header().kind
    )))
}

/// Takes a reference to the object that libnl's parser is about to drop.
unsafe extern "C" fn take(object: *mut sys::nl_object, argument: *mut c_void) {
    // SAFETY: `argument` is the variable that `object` passed.
    let slot = unsafe { &mut *argument.cast::<*mut sys::nl_object>() };
    if slot.is_null() {
        // SAFETY: the object is live for the time of this call; the reference
        // taken here is dropped by `Object`.
        unsafe { sys::nl_object_get(object) };
        *slot = object;
    }
}

/// # Safety
///
/// `text` is NULL or a string that lives for `'a`.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: promised by the caller, NULL aside.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

/// What one of libnl's functions that turn a number into a name makes of it.
///
/// # Safety
///
/// The function writes at most the given length, NUL included, and returns
/// the buffer.
unsafe fn name_of(
    number: c_int,
    function: unsafe extern "C" fn(c_int, *mut c_char, usize) -> *mut c_char,
) -> String {
    let mut buffer = [0 as c_char; 64];
    // SAFETY: promised by the caller; the buffer is zeroed and outlives the call.
    let text = unsafe {
        function(number, buffer.as_mut_ptr(), buffer.len());
        CStr::from_ptr(buffer.as_ptr())
    };
    Escaped(text.to_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::MessageBuilder;

    fn assert_send<T: Send>() {}

    #[test]
    fn owned_objects_may_move_between_threads() {
        assert_send::<Object>();
        assert_send::<Link>();
        assert_send::<Address>();
        assert_send::<Route>();
        assert_send::<Neighbour>();
        assert_send::<Rule>();
    }

    #[test]
    fn libnl_3_6_gets_no_route_with_several_next_hops() {
        let mut route = MessageBuilder::new(sys::RTM_NEWROUTE as u16, 0).unwrap();
        route
            .append(&[0; 12])
            .unwrap()
            .put(1, &[10, 0, 0, 0])
            .unwrap();
        assert_eq!(why_refused(&route.as_message(), (3, 6, 0)), None);
        route.put(9, &[8, 0, 0, 0, 1, 0, 0, 0]).unwrap();
        for (version, refused) in [
            ((3, 5, 0), false),
            ((3, 6, 0), true),
            ((3, 6, 1), true),
            ((3, 7, 0), false),
            ((3, 12, 0), false),
        ] {
            let why = why_refused(&route.as_message(), version);
            assert_eq!(why.is_some(), refused, "{version:?}");
        }
    }

    #[test]
    fn a_line_cannot_be_forged_by_what_is_printed() {
        let mut text = String::new();
        // SAFETY: as in `printed`.
        let mut parameters: sys::nl_dump_params = unsafe { std::mem::zeroed() };
        parameters.dp_data = (&raw mut text).cast();
        for piece in [c"dev ", c"x\x1b[2J\nforged", c" up\n", c"", c"\n"] {
            // SAFETY: as libnl calls it; the piece is only read.
            unsafe { append(&raw mut parameters, piece.as_ptr().cast_mut()) };
        }
        assert_eq!(text, "dev x\\x1b[2J\\x0aforged up\n\n");
    }
}
