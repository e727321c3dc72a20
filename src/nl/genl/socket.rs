//! Questions to a family.

use std::ffi::{CString, c_int};

use libnl3_sys as sys;

use super::{Family, FamilyCache};
use crate::nl::message_builder::CAPACITY;
use crate::nl::{self, Attributes, MessageBuilder, Namespace, Protocol, Query, check};
use crate::{Error, Result};

/// The length of `struct genlmsghdr`.
const HEADER: usize = 4;

/// A message of a family: a command, and attributes.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    raw: nl::RawMessage<'a>,
    command: u8,
    version: u8,
    family_header: usize,
}

impl<'a> Message<'a> {
    /// Reads the header of a family's message (`genlmsg_hdr`). `family_header`
    /// is the length in bytes of the family's own header behind it; it is 0
    /// for nearly all ([`Family::header_size`]).
    ///
    /// `None` if the message is too short for the headers.
    pub fn new(message: &nl::RawMessage<'a>, family_header: usize) -> Option<Message<'a>> {
        let payload = message.payload();
        let &[command, version, ..] = payload.first_chunk::<HEADER>()?;
        (payload.len() - HEADER >= family_header).then_some(Message {
            raw: *message,
            command,
            version,
            family_header,
        })
    }

    /// The command, for example `CTRL_CMD_NEWFAMILY`.
    pub fn command(&self) -> u8 {
        self.command
    }

    /// The version of the family's interface.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The attributes (`genlmsg_attrdata`).
    pub fn attributes(&self) -> Attributes<'a> {
        self.raw.attributes(HEADER + self.family_header)
    }

    /// The message with its netlink header, whose type is the family's number.
    pub fn raw(&self) -> nl::RawMessage<'a> {
        self.raw
    }
}

/// A socket for questions to generic netlink families.
///
/// To follow a family's multicast groups, take a [`nl::Socket`] of
/// [`Protocol::Generic`] and join what [`Family::group`] tells:
///
/// ```
/// use linkwatch::nl::{self, Protocol, genl};
///
/// let nlctrl = genl::Socket::connect()?.family("nlctrl")?.expect("it is always there");
/// let mut socket = nl::Socket::connect(Protocol::Generic)?;
/// socket.join(nlctrl.group("notify").expect("the controller's only group"))?;
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug)]
pub struct Socket {
    query: Query,
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace
    /// (`genl_connect`).
    ///
    /// # Errors
    ///
    /// As [`nl::Socket::connect`].
    pub fn connect() -> Result<Socket> {
        Socket::connect_in(&Namespace::current())
    }

    /// Opens a socket in another network namespace. It stays in it.
    ///
    /// # Errors
    ///
    /// As [`nl::Socket::connect_in`].
    pub fn connect_in(namespace: &Namespace) -> Result<Socket> {
        Ok(Socket {
            query: Query::new(namespace, Protocol::Generic)?,
        })
    }

    /// All families that are registered, by number.
    ///
    /// Unlike [`resolve`](Self::resolve), this loads no kernel module.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn families(&mut self) -> Result<Vec<Family>> {
        let mut families = Vec::new();
        let request = MessageBuilder::generic(
            sys::GENL_ID_CTRL as u16,
            0,
            sys::CTRL_CMD_GETFAMILY as u8,
            1,
        )?;
        self.dump(request, "listing generic netlink families", |message| {
            families.extend(Family::parse(&message.attributes()));
        })?;
        families.sort_unstable_by_key(Family::id);
        Ok(families)
    }

    /// The family of this name, if it is registered.
    ///
    /// Unlike [`resolve`](Self::resolve), this loads no kernel module: a watch
    /// that asks for `nl80211` must not bring Wi-Fi's modules into a kernel
    /// that has no use for them.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn family(&mut self, name: &str) -> Result<Option<Family>> {
        let families = self.families()?;
        Ok(families.into_iter().find(|family| family.name() == name))
    }

    /// The number of a family (`genl_ctrl_resolve`). Where it is not
    /// registered, the kernel tries to load a module for it
    /// (`ctrl_getfamily`, `net/netlink/genetlink.c`).
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound): libnl turns every failure
    /// into this one.
    pub fn resolve(&mut self, name: &str) -> Result<u16> {
        let doing = format!("resolving the generic netlink family '{name}'");
        let name = c_string(name, &doing)?;
        let id = self.query.with_socket(|socket| {
            // SAFETY: the socket is live and connected; the name is only read.
            let id = unsafe { sys::genl_ctrl_resolve(socket.as_ptr(), name.as_ptr()) };
            check(id, doing)
        })?;
        Ok(u16::try_from(id).unwrap_or(0))
    }

    /// The number of a family's multicast group (`genl_ctrl_resolve_grp`), as
    /// [`resolve`](Self::resolve) finds that of the family.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    pub fn resolve_group(&mut self, family: &str, group: &str) -> Result<nl::Group> {
        let doing = format!("resolving the group '{group}' of the family '{family}'");
        let family = c_string(family, &doing)?;
        let group = c_string(group, &doing)?;
        let id = self.query.with_socket(|socket| {
            // SAFETY: the socket is live and connected; the names are only read.
            let id = unsafe {
                sys::genl_ctrl_resolve_grp(socket.as_ptr(), family.as_ptr(), group.as_ptr())
            };
            check(id, doing)
        })?;
        Ok(nl::Group(u32::try_from(id).unwrap_or(0)))
    }

    /// libnl's own cache of the controller's families
    /// (`genl_ctrl_alloc_cache`).
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn family_cache(&mut self) -> Result<FamilyCache> {
        self.query.with_socket(FamilyCache::fill)
    }

    /// Sends a request, and calls `take` with each message that answers it, as
    /// [`Query::ask`].
    ///
    /// # Errors
    ///
    /// As [`Query::ask`].
    pub fn ask(
        &mut self,
        request: MessageBuilder,
        doing: &'static str,
        mut take: impl FnMut(&Message<'_>),
    ) -> Result<()> {
        self.query.ask(request, doing, |message| {
            if let Some(message) = Message::new(message, 0) {
                take(&message);
            }
        })
    }

    /// Sends a request for a list, and calls `take` with each message of it, as
    /// [`Query::dump`]. Returns false if the list changed meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Query::dump`].
    pub fn dump(
        &mut self,
        request: MessageBuilder,
        doing: &'static str,
        mut take: impl FnMut(&Message<'_>),
    ) -> Result<bool> {
        self.query.dump(request, doing, |message| {
            if let Some(message) = Message::new(message, 0) {
                take(&message);
            }
        })
    }
}

fn c_string(text: &str, doing: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid(format!("{doing}: there is a NUL in the name")))
}

impl MessageBuilder {
    /// A message of a generic netlink family (`genlmsg_put`).
    pub(super) fn generic(
        family: u16,
        flags: u16,
        command: u8,
        version: u8,
    ) -> Result<MessageBuilder> {
        let builder = MessageBuilder::without_header(CAPACITY)?;
        // SAFETY: the message is live and empty; NULL means that the headers
        // do not fit. Port and sequence number are set when it is sent.
        let header = unsafe {
            sys::genlmsg_put(
                builder.as_ptr(),
                0,
                0,
                c_int::from(family),
                0,
                c_int::from(flags),
                command,
                version,
            )
        };
        nl::allocated(header.cast::<u8>(), "a generic netlink message's headers")?;
        Ok(builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_are_read_as_they_were_put() {
        let mut message = MessageBuilder::generic(0x1c, 0, 7, 2).unwrap();
        message.put_u16(1, 9).unwrap();
        let view = message.as_message();
        assert_eq!(view.header().kind, 0x1c);
        let view = Message::new(&view, 0).unwrap();
        assert_eq!((view.command(), view.version()), (7, 2));
        assert_eq!(view.attributes().find(1).unwrap().u16(), Some(9));
    }

    #[test]
    fn messages_without_room_for_the_headers_are_none() {
        let short = MessageBuilder::new(0x1c, 0).unwrap();
        assert!(Message::new(&short.as_message(), 0).is_none());
        let bare = MessageBuilder::generic(0x1c, 0, 1, 1).unwrap();
        assert!(Message::new(&bare.as_message(), 0).is_some());
        assert!(Message::new(&bare.as_message(), 4).is_none());
    }
}
