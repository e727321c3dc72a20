//! Asking the kernel about links: the dump, and one link by its index.

use libnl3_sys as sys;

use super::dump::until_complete;
use super::query::{Answer, Query};
use super::{LinkLayouts, LinkMessage, MessageBuilder, Namespace, Protocol};
use crate::{Error, ErrorKind, Result};

/// The answer to a dump of all links.
#[derive(Debug, Clone)]
pub struct Snapshot<T> {
    /// What was made of each link.
    pub links: Vec<T>,
    /// False if links came or went during each attempt: those listed exist,
    /// yet others may be missing (NLM_F_DUMP_INTR).
    pub complete: bool,
}

impl<T> Snapshot<Option<T>> {
    /// Leaves out the links that nothing was made of.
    pub fn flatten(self) -> Snapshot<T> {
        Snapshot {
            links: self.links.into_iter().flatten().collect(),
            complete: self.complete,
        }
    }
}

/// Asks the kernel about links, on a socket of its own ([`Query`]).
///
/// ```
/// use linkwatch::nl::{LinkQuery, Namespace};
///
/// let mut query = LinkQuery::new(&Namespace::current())?;
/// let snapshot = query.dump(|link| link.ifindex())?;
/// assert!(snapshot.links.contains(&1)); // the loopback interface
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug)]
pub struct LinkQuery {
    query: Query,
    layouts: LinkLayouts,
}

impl LinkQuery {
    /// Asks in this namespace.
    ///
    /// # Errors
    ///
    /// Those of [`Socket::connect_in`](super::Socket::connect_in).
    pub fn new(namespace: &Namespace) -> Result<LinkQuery> {
        let mut query = Query::new(namespace, Protocol::Route)?;
        query.check_strictly();
        Ok(LinkQuery {
            query,
            layouts: LinkLayouts::default(),
        })
    }

    /// Lists all links of the namespace, and makes something of each.
    ///
    /// A dump that links came or went in is repeated, at most five times
    /// within some 30 ms; then the last one is returned as
    /// [incomplete](Snapshot::complete).
    ///
    /// # Errors
    ///
    /// The kernel's, or those of opening a socket.
    pub fn dump<T>(&mut self, mut make: impl FnMut(&LinkMessage<'_>) -> T) -> Result<Snapshot<T>> {
        let (links, complete) = until_complete("links", || {
            let snapshot = self.dump_once(&mut make)?;
            Ok((snapshot.links, snapshot.complete))
        })?;
        Ok(Snapshot { links, complete })
    }

    /// Lists all links of the namespace once, and makes something of each.
    /// The list is [incomplete](Snapshot::complete) if links came or went
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// As [`dump`](Self::dump).
    pub fn dump_once<T>(
        &mut self,
        mut make: impl FnMut(&LinkMessage<'_>) -> T,
    ) -> Result<Snapshot<T>> {
        let mut links = Vec::new();
        let mut malformed = None;
        let complete =
            self.query
                .dump(request(None)?, "listing all links", |message| match message
                    .link_by(&mut self.layouts)
                {
                    Ok(Some(link)) => links.push(make(&link)),
                    Ok(None) => {}
                    Err(error) => malformed = Some(error),
                })?;
        match malformed {
            Some(error) => Err(error),
            None => Ok(Snapshot { links, complete }),
        }
    }

    /// Asks about one link, and makes something of it; `None` if there is no
    /// link of this index.
    ///
    /// The kernel answers when it is done with the link changes under way
    /// (it takes its RTNL lock for this): a link that is being removed is gone
    /// when the answer comes.
    ///
    /// # Errors
    ///
    /// The kernel's, or those of opening a socket.
    pub fn get<T>(
        &mut self,
        ifindex: u32,
        mut make: impl FnMut(&LinkMessage<'_>) -> T,
    ) -> Result<Option<T>> {
        const DOING: &str = "asking for a link";
        let mut answer = None;
        let mut malformed = None;
        let request = request(Some(ifindex))?;
        let asked = self.query.exchange(request, DOING, |message| {
            match message.link() {
                Ok(Some(link)) if link.ifindex() == ifindex => answer = Some(make(&link)),
                Ok(_) => {
                    malformed = Some(Error::new(
                        ErrorKind::Malformed,
                        format!("{DOING}: the answer is about another"),
                    ))
                }
                Err(error) => malformed = Some(error),
            }
            Answer::Complete
        });
        match (asked, malformed) {
            (Err(error), _) if error.kind() == ErrorKind::NotFound => Ok(None),
            (Err(error), _) | (Ok(()), Some(error)) => Err(error),
            (Ok(()), None) => Ok(answer),
        }
    }

    /// How many messages were dropped because the kernel did not send them.
    pub fn foreign_messages(&self) -> u64 {
        self.query.foreign_messages()
    }
}

/// RTM_GETLINK for one link, or for all.
fn request(ifindex: Option<u32>) -> Result<MessageBuilder> {
    let ifindex = i32::try_from(ifindex.unwrap_or(0))
        .map_err(|_| Error::invalid("there is no such interface index"))?;
    // struct ifinfomsg: family AF_UNSPEC, type, index, flags, change.
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&ifindex.to_ne_bytes());
    let mut request = MessageBuilder::new(sys::RTM_GETLINK as u16, 0)?;
    // Statistics are of no interest here, and make up half of the answer.
    request
        .append(&header)?
        .put_u32(sys::IFLA_EXT_MASK as u16, sys::RTEXT_FILTER_SKIP_STATS)?;
    Ok(request)
}
