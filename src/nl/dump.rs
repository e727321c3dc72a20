//! Listing all there is of something: links, addresses, routes, neighbours,
//! rules, or whatever else the kernel lists.

use std::thread;
use std::time::Duration;

use super::{Dumpable, Message, MessageBuilder, Namespace, Protocol, Query, Socket};
use crate::{Error, ErrorKind, Result};

/// How often a dump is asked for before an interrupted one is made do with.
const ATTEMPTS: u32 = 6;
/// The pause before the second attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// What the kernel lists of something.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing<T> {
    /// All that was listed.
    pub items: Vec<T>,
    /// False if things came or went during each attempt: those listed exist,
    /// yet others may be missing (NLM_F_DUMP_INTR).
    pub complete: bool,
    /// How many messages could not be read, whose things are missing: those
    /// that libnl has no parser for, or that a newer kernel has changed.
    pub unreadable: usize,
}

/// Lists all links, addresses, routes, neighbours or rules of the calling
/// thread's network namespace, in all address families.
///
/// ```
/// use linkwatch::nl::{self, Link};
///
/// let links = nl::dump::<Link>()?;
/// assert!(links.items.iter().any(|link| link.ifindex() == 1));
/// for link in &links.items {
///     println!("{link}"); // as libnl prints it
/// }
/// # Ok::<(), linkwatch::Error>(())
/// ```
///
/// # Errors
///
/// As [`Query::list`], and those of opening a socket.
pub fn dump<T: Dumpable>() -> Result<Listing<T>> {
    dump_in(&Namespace::current())
}

/// As [`dump`], in another network namespace.
///
/// # Errors
///
/// As [`dump`].
pub fn dump_in<T: Dumpable>(namespace: &Namespace) -> Result<Listing<T>> {
    Query::new(namespace, Protocol::Route)?.list(0)
}

/// Listing needs a query of [`Protocol::Route`].
impl Query {
    /// Lists all links, addresses, routes, neighbours or rules of an address
    /// family (`AF_INET`, `AF_INET6`, …), 0 for all.
    ///
    /// A dump that things came or went in is repeated, at most five times
    /// within some 30 ms; then the last one is returned as
    /// [incomplete](Listing::complete).
    ///
    /// ```
    /// use linkwatch::nl::{Namespace, Protocol, Query, Route};
    ///
    /// const AF_INET: u8 = 2;
    ///
    /// let mut query = Query::new(&Namespace::current(), Protocol::Route)?;
    /// let routes = query.list::<Route>(AF_INET)?;
    /// assert!(routes.items.iter().all(|route| route.family() == AF_INET));
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) for a family that the kernel
    /// does not know: it lists those of all families then
    /// (`rtnetlink_rcv_msg`, `net/core/rtnetlink.c`). Else the kernel's.
    pub fn list<T: Dumpable>(&mut self, family: u8) -> Result<Listing<T>> {
        until_complete(T::NAME, || self.list_once(family)).map(|(listing, complete)| Listing {
            complete,
            ..listing
        })
    }

    fn list_once<T: Dumpable>(&mut self, family: u8) -> Result<(Listing<T>, bool)> {
        let mut items = Vec::new();
        let mut unreadable = 0;
        let mut others = 0;
        let complete = self.dump_kind(T::NEW + 2, family, |message| {
            // Each header of the route protocol begins with the family.
            if family != 0 && message.payload().first() != Some(&family) {
                others += 1;
                return;
            }
            match message.parse() {
                Ok(item) => items.push(item),
                Err(error) => {
                    log::debug!("left out of a list: {error}");
                    unreadable += 1;
                }
            }
        })?;
        if others > 0 && items.is_empty() && unreadable == 0 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "listing {}: this kernel has none of address family {family}",
                    T::NAME
                ),
            ));
        }
        let listing = Listing {
            items,
            complete,
            unreadable,
        };
        Ok((listing, complete))
    }

    /// Asks once for a list of any kind, and calls `take` with each message of
    /// it. `kind` is the type of the request, `RTM_GET…`; `family` an address
    /// family, 0 for all. Returns false if things came or went meanwhile.
    ///
    /// It is for what can be asked for without more than the family; for
    /// anything else, build the request yourself ([`dump`](Self::dump)).
    ///
    /// ```
    /// use linkwatch::nl::{Namespace, Protocol, Query};
    ///
    /// const RTM_GETNEXTHOP: u16 = 106;
    ///
    /// let mut query = Query::new(&Namespace::current(), Protocol::Route)?;
    /// query.dump_kind(RTM_GETNEXTHOP, 0, |message| {
    ///     println!("{:?}", message.header());
    /// })?;
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a type that does not ask
    /// for something, [`Unsupported`](ErrorKind::Unsupported) for one that the
    /// kernel does not know, and the kernel's others.
    pub fn dump_kind(
        &mut self,
        kind: u16,
        family: u8,
        take: impl FnMut(&Message<'_>),
    ) -> Result<bool> {
        let mut request = MessageBuilder::new(kind, 0)?;
        request.append(&family_header(kind, family)?)?;
        self.dump(request, "listing", take)
            .map_err(|error| error.while_doing(format!("listing (request {kind})")))
    }

    /// Lists what the messages of a request make for a type of its own, as
    /// [`list`](Self::list) does.
    pub(super) fn list_kind<T>(
        &mut self,
        request: MessageBuilder,
        doing: &'static str,
        mut make: impl FnMut(&Message<'_>) -> Result<Option<T>>,
    ) -> Result<(Vec<T>, bool)> {
        let mut items = Vec::new();
        let mut malformed = None;
        let complete = self.dump(request, doing, |message| match make(message) {
            Ok(item) => items.extend(item),
            Err(error) => malformed = Some(error),
        })?;
        match malformed {
            Some(error) => Err(error),
            None => Ok((items, complete)),
        }
    }
}

impl Socket {
    /// Sends a request for a list, as [`Query::dump_kind`] does, and does not
    /// wait: what is listed comes to the closures of this socket, mixed with
    /// the notifications of the groups that it has [joined](Self::join), and
    /// [`CallbackKind::Finish`](super::CallbackKind::Finish) tells the end.
    ///
    /// This is for a program that keeps one socket for both. The kernel lists
    /// one thing at a time: a second request before the end of the first is
    /// refused (EBUSY). [`Query`] and [`dump`] spare a program all this.
    ///
    /// ```
    /// use linkwatch::nl::{Action, CallbackKind, Protocol, Socket};
    ///
    /// const RTM_GETADDR: u16 = 22;
    ///
    /// let mut socket = Socket::connect(Protocol::Route)?;
    /// socket.dump(RTM_GETADDR, 0)?;
    /// socket.recv_with(|message| {
    ///     println!("{:?}", message.address());
    ///     Action::Ok
    /// })?;
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a type that does not ask
    /// for something, and those of sending. The kernel's come when receiving.
    pub fn dump(&mut self, kind: u16, family: u8) -> Result<()> {
        let header = family_header(kind, family)?;
        self.send_simple(kind, libc::NLM_F_DUMP as u16, &header)
    }
}

/// Tries again what was interrupted, ever more slowly.
pub(super) fn until_complete<T>(
    what: &str,
    mut attempt: impl FnMut() -> Result<(T, bool)>,
) -> Result<(T, bool)> {
    let mut pause = FIRST_PAUSE;
    for number in 1..ATTEMPTS {
        let (made, complete) = attempt()?;
        if complete {
            return Ok((made, true));
        }
        log::debug!("dump ({what}) interrupted, attempt {number} of {ATTEMPTS}");
        thread::sleep(pause);
        pause *= 2;
    }
    attempt()
}

/// The header that a request of this type has, of zeros but for the family.
fn family_header(kind: u16, family: u8) -> Result<Vec<u8>> {
    // From 16 on, the types come in fours: NEW, DEL, GET, SET. With the flags
    // of a dump, the others would change something.
    if kind < 16 || kind % 4 != 2 {
        return Err(Error::invalid(format!(
            "message type {kind} does not ask for a list: that is RTM_GET…"
        )));
    }
    let length = match kind {
        // ifaddrmsg, multicast and anycast addresses, br_port_msg, nhmsg (next
        // hops and their buckets), br_vlan_msg, tunnel_msg
        22 | 58 | 62 | 86 | 106 | 114 | 118 | 122 => 8,
        // rtmsg, ndmsg, fib_rule_hdr, ifaddrlblmsg, if_stats_msg
        26 | 30 | 34 | 74 | 94 => 12,
        // ifinfomsg
        18 | 110 => 16,
        // tcmsg: qdiscs, classes, filters, chains
        38 | 42 | 46 | 102 => 20,
        // rtgenmsg and what is as short
        _ => 4,
    };
    let mut header = vec![0; length];
    header[0] = family;
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_for_a_list_are_sent() {
        for kind in [0, 2, 14, 16, 17, 19, 20, u16::MAX] {
            let error = family_header(kind, 0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{kind}");
        }
        assert_eq!(family_header(18, 10).unwrap().len(), 16);
        assert_eq!(family_header(22, 10).unwrap()[0], 10);
        assert_eq!(family_header(4710, 0).unwrap(), [0; 4]);
    }

    #[test]
    fn an_interrupted_attempt_is_repeated_a_few_times() {
        let mut attempts = 0;
        let mut attempt = |complete_at| {
            attempts += 1;
            Ok((attempts, attempts == complete_at))
        };
        assert_eq!(until_complete("x", || attempt(3)).unwrap(), (3, true));
        assert_eq!(until_complete("x", || attempt(0)).unwrap(), (9, false));
        assert!(until_complete::<()>("x", || Err(Error::invalid("no"))).is_err());
    }
}
