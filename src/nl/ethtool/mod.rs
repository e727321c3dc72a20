//! What drivers of Ethernet devices tell: speed, duplex, why a link is down,
//! and tests of the cable (the generic netlink family `ethtool`).
//!
//! ```
//! use linkwatch::nl::{Namespace, ethtool::Ethtool};
//!
//! if let Some(mut ethtool) = Ethtool::connect_in(&Namespace::current())? {
//!     let loopback = ethtool.link(1)?;
//!     assert_eq!(loopback.speed, None); // it has none to tell
//! }
//! # Ok::<(), linkwatch::Error>(())
//! ```

mod cable;
mod extended;

use std::fmt;
use std::time::Duration;

use super::{Attribute, Attributes, MessageBuilder, Namespace, genl};
use crate::{Error, ErrorKind, Result};

pub use cable::{CableMethod, CablePair, CableResult, Pair};
pub use extended::ExtendedState;

// linux/ethtool_netlink.h: requests, and the answers to them, which are
// numbered on their own.
const LINKINFO_GET: u8 = 2;
const LINKINFO_GET_REPLY: u8 = 2;
const LINKMODES_GET: u8 = 4;
const LINKMODES_GET_REPLY: u8 = 4;
const LINKSTATE_GET: u8 = 6;
const LINKSTATE_GET_REPLY: u8 = 6;

/// The nested header of each request and answer (ETHTOOL_A_*_HEADER).
const HEADER: u16 = 1;
const HEADER_DEV_INDEX: u16 = 1;

const LINKINFO_PORT: u16 = 2;

const LINKMODES_AUTONEG: u16 = 2;
const LINKMODES_SPEED: u16 = 5;
const LINKMODES_DUPLEX: u16 = 6;

const LINKSTATE_LINK: u16 = 2;
const LINKSTATE_SQI: u16 = 3;
const LINKSTATE_SQI_MAX: u16 = 4;
const LINKSTATE_EXT_STATE: u16 = 5;
const LINKSTATE_EXT_SUBSTATE: u16 = 6;

/// A connection to the family `ethtool`, which is there since Linux 5.6.
///
/// The kernel answers by asking the driver, under the lock that all changes of
/// links take: a question can last as long as the driver needs to reach its
/// hardware, milliseconds often, and no timeout ends it earlier. It is not for
/// a path that must not wait.
#[derive(Debug)]
pub struct Ethtool {
    socket: genl::Socket,
    family: genl::Family,
    namespace: Namespace,
}

impl Ethtool {
    /// Connects in a network namespace. `None` where the kernel has no such
    /// family: before Linux 5.6, or built without it.
    ///
    /// # Errors
    ///
    /// As [`genl::Socket::connect_in`], and the kernel's.
    pub fn connect_in(namespace: &Namespace) -> Result<Option<Ethtool>> {
        let mut socket = genl::Socket::connect_in(namespace)?;
        let family = socket.family("ethtool")?;
        Ok(family.map(|family| Ethtool {
            socket,
            family,
            namespace: namespace.clone(),
        }))
    }

    /// All that is told of a link. What its driver cannot tell, or not now, is
    /// `None`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound) if there is no such interface, or its
    /// device is suspended;
    /// [`WouldBlock`](ErrorKind::WouldBlock) if the kernel does not answer.
    pub fn link(&mut self, ifindex: u32) -> Result<EthernetLink> {
        let mut link = EthernetLink::default();
        let asked = self.ask(ifindex, LINKINFO_GET, |command, attributes| {
            if command == LINKINFO_GET_REPLY {
                link.port = port(attributes);
            }
        });
        unless_refused(asked)?;
        let asked = self.ask(ifindex, LINKMODES_GET, |command, attributes| {
            if command == LINKMODES_GET_REPLY {
                link.take_modes(attributes);
            }
        });
        unless_refused(asked)?;
        link.state = unless_refused(self.link_state(ifindex))?;
        Ok(link)
    }

    /// Whether the link is up, how good it is, and why it is down: what may
    /// change at any time.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound) as in [`link`](Self::link). Drivers
    /// may refuse with an error of their own.
    pub fn link_state(&mut self, ifindex: u32) -> Result<EthernetState> {
        let mut state = EthernetState::default();
        self.ask(ifindex, LINKSTATE_GET, |command, attributes| {
            if command == LINKSTATE_GET_REPLY {
                state = EthernetState::parse(attributes);
            }
        })?;
        Ok(state)
    }

    /// Lets the PHY test the cable (ETHTOOL_MSG_CABLE_TEST_ACT, since Linux
    /// 5.8), and waits up to `timeout` for the result: some seconds. **The link
    /// goes down meanwhile.** The pairs come in the order of their letters; how
    /// many there are depends on the medium.
    ///
    /// The result is announced in the namespace that was given to
    /// [`connect_in`](Self::connect_in); if that was
    /// [`Namespace::current`], call this in the same namespace.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound) if there is no such interface,
    /// [`Unsupported`](ErrorKind::Unsupported) if its device has no PHY that
    /// the kernel drives, or one that tests no cables,
    /// [`PermissionDenied`](ErrorKind::PermissionDenied) without CAP_NET_ADMIN
    /// in the namespace, [`WouldBlock`](ErrorKind::WouldBlock) if there is no
    /// result in time, [`Other`](ErrorKind::Other) (EBUSY) if the interface is
    /// not up, or is under test already.
    pub fn cable_test(&mut self, ifindex: u32, timeout: Duration) -> Result<Vec<CablePair>> {
        cable::test(self, ifindex, timeout)
    }

    fn request(&self, ifindex: u32, command: u8) -> Result<MessageBuilder> {
        let mut request = self.family.request(command, 0)?;
        request.nest(HEADER, |header| {
            header.put_u32(HEADER_DEV_INDEX, ifindex).map(drop)
        })?;
        Ok(request)
    }

    fn ask(
        &mut self,
        ifindex: u32,
        command: u8,
        mut take: impl FnMut(u8, Attributes<'_>),
    ) -> Result<()> {
        let request = self.request(ifindex, command)?;
        self.socket
            .ask(request, "asking a driver about its link", |message| {
                take(message.command(), message.attributes());
            })
    }
}

/// Drivers that cannot tell, or not while the interface is down, answer with
/// EOPNOTSUPP, and with EINVAL, EBUSY, EIO, ENETDOWN, and others.
fn unless_refused<T: Default>(asked: Result<T>) -> Result<T> {
    let refused = |error: &Error| {
        error.os_error().is_some()
            && matches!(
                error.kind(),
                ErrorKind::Unsupported | ErrorKind::InvalidInput | ErrorKind::Other
            )
    };
    match asked {
        Err(error) if refused(&error) => {
            log::debug!("{error}");
            Ok(T::default())
        }
        asked => asked,
    }
}

/// What is told of an Ethernet link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EthernetLink {
    /// The speed in Mb/s. Where the link is down, drivers tell none, or that
    /// of the last link.
    pub speed: Option<u32>,
    /// Whether both ends may send at once.
    pub duplex: Option<Duplex>,
    /// The connector.
    pub port: Option<Port>,
    /// Whether speed and duplex are negotiated with the other end.
    pub autonegotiation: Option<bool>,
    /// What may change at any time.
    pub state: EthernetState,
}

impl EthernetLink {
    fn take_modes(&mut self, attributes: Attributes<'_>) {
        for attribute in attributes {
            match attribute.kind() {
                LINKMODES_AUTONEG => self.autonegotiation = boolean(&attribute),
                LINKMODES_SPEED => self.speed = attribute.u32().and_then(speed),
                LINKMODES_DUPLEX => self.duplex = attribute.u8().and_then(Duplex::from_raw),
                _ => {}
            }
        }
    }
}

/// The state of an Ethernet link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EthernetState {
    /// Whether the device has a link; the carrier, for most drivers.
    pub link: Option<bool>,
    /// The signal quality index, from 0 to [`sqi_max`](Self::sqi_max); PHYs for
    /// one pair (100BASE-T1 and the like) have it while the link is up.
    pub sqi: Option<u32>,
    /// The best signal quality index.
    pub sqi_max: Option<u32>,
    /// Why there is no link (since Linux 5.9, by some drivers).
    pub extended: Option<ExtendedState>,
}

impl EthernetState {
    fn parse(attributes: Attributes<'_>) -> EthernetState {
        let mut state = EthernetState::default();
        let (mut extended, mut substate) = (None, None);
        for attribute in attributes {
            match attribute.kind() {
                LINKSTATE_LINK => state.link = boolean(&attribute),
                LINKSTATE_SQI => state.sqi = attribute.u32(),
                LINKSTATE_SQI_MAX => state.sqi_max = attribute.u32(),
                LINKSTATE_EXT_STATE => extended = attribute.u8(),
                LINKSTATE_EXT_SUBSTATE => substate = attribute.u8(),
                _ => {}
            }
        }
        state.extended = extended.map(|state| ExtendedState::new(state, substate));
        state
    }
}

/// Whether both ends may send at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Duplex {
    /// One at a time.
    Half,
    /// Both.
    Full,
}

impl Duplex {
    /// `DUPLEX_*`, `linux/ethtool.h`; 0xff is "unknown".
    fn from_raw(number: u8) -> Option<Duplex> {
        match number {
            0 => Some(Duplex::Half),
            1 => Some(Duplex::Full),
            _ => None,
        }
    }
}

impl fmt::Display for Duplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Duplex::Half => "half",
            Duplex::Full => "full",
        })
    }
}

/// A connector (`PORT_*`, `linux/ethtool.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Port {
    /// Twisted pair.
    Tp,
    /// Attachment unit interface.
    Aui,
    /// Media-independent interface.
    Mii,
    /// Fibre.
    Fibre,
    /// Coaxial cable.
    Bnc,
    /// Direct attach copper.
    Da,
    /// None.
    None,
    /// Something else.
    Other,
}

impl Port {
    fn from_raw(number: u8) -> Option<Port> {
        match number {
            0 => Some(Port::Tp),
            1 => Some(Port::Aui),
            2 => Some(Port::Mii),
            3 => Some(Port::Fibre),
            4 => Some(Port::Bnc),
            5 => Some(Port::Da),
            0xef => Some(Port::None),
            0xff => Some(Port::Other),
            _ => None,
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Port::Tp => "tp",
            Port::Aui => "aui",
            Port::Mii => "mii",
            Port::Fibre => "fibre",
            Port::Bnc => "bnc",
            Port::Da => "da",
            Port::None => "none",
            Port::Other => "other",
        })
    }
}

fn port(attributes: Attributes<'_>) -> Option<Port> {
    Port::from_raw(attributes.find(LINKINFO_PORT)?.u8()?)
}

/// SPEED_UNKNOWN is -1; drivers also mean it by 0, and by -1 in the 16 bits
/// that the speed once had.
fn speed(number: u32) -> Option<u32> {
    (!matches!(number, 0 | 0xffff | u32::MAX)).then_some(number)
}

/// Any number but 0 means true (`ethtool-netlink.rst`).
fn boolean(attribute: &Attribute<'_>) -> Option<bool> {
    attribute.u8().map(|number| number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with these attributes.
    fn answer(fill: impl FnOnce(&mut MessageBuilder) -> Result<()>) -> MessageBuilder {
        let mut message = MessageBuilder::new(0x15, 0).unwrap();
        message.append(&[LINKSTATE_GET_REPLY, 1, 0, 0]).unwrap();
        fill(&mut message).unwrap();
        message
    }

    fn attributes(message: &MessageBuilder) -> Attributes<'_> {
        let message = message.as_message();
        genl::Message::new(&message, 0).unwrap().attributes()
    }

    #[test]
    fn the_state_of_a_link() {
        let message = answer(|m| {
            m.put_u8(LINKSTATE_LINK, 2)?
                .put_u32(LINKSTATE_SQI, 5)?
                .put_u32(LINKSTATE_SQI_MAX, 7)?;
            Ok(())
        });
        let state = EthernetState::parse(attributes(&message));
        assert_eq!(state.link, Some(true));
        assert_eq!((state.sqi, state.sqi_max), (Some(5), Some(7)));
        assert_eq!(state.extended, None);
    }

    #[test]
    fn why_a_link_is_down() {
        let told = |state: u8, substate: Option<u8>| {
            let message = answer(|m| {
                m.put_u8(LINKSTATE_LINK, 0)?;
                if let Some(substate) = substate {
                    m.put_u8(LINKSTATE_EXT_SUBSTATE, substate)?;
                }
                m.put_u8(LINKSTATE_EXT_STATE, state)?;
                Ok(())
            });
            let state = EthernetState::parse(attributes(&message));
            assert_eq!(state.link, Some(false));
            state.extended.unwrap().to_string()
        };
        assert_eq!(told(4, None), "no-cable");
        assert_eq!(told(0, Some(1)), "autoneg: no-partner-detected");
        assert_eq!(told(17, None), "unknown-17");
        assert_eq!(told(10, Some(99)), "module: unknown-99");
    }

    #[test]
    fn a_substate_alone_says_nothing() {
        let message = answer(|m| m.put_u8(LINKSTATE_EXT_SUBSTATE, 1).map(drop));
        assert_eq!(
            EthernetState::parse(attributes(&message)),
            EthernetState::default()
        );
    }

    #[test]
    fn modes() {
        let modes = |number: u32, duplex: u8, autoneg: u8| {
            let message = answer(|m| {
                m.put_u32(LINKMODES_SPEED, number)?
                    .put_u8(LINKMODES_DUPLEX, duplex)?
                    .put_u8(LINKMODES_AUTONEG, autoneg)?;
                Ok(())
            });
            let mut link = EthernetLink::default();
            link.take_modes(attributes(&message));
            link
        };
        let link = modes(400_000, 1, 1);
        assert_eq!(link.speed, Some(400_000));
        assert_eq!(link.duplex, Some(Duplex::Full));
        assert_eq!(link.autonegotiation, Some(true));
        let link = modes(10, 0, 0);
        assert_eq!((link.speed, link.duplex), (Some(10), Some(Duplex::Half)));
        assert_eq!(link.autonegotiation, Some(false));
        for unknown in [0, 0xffff, u32::MAX] {
            let link = modes(unknown, 0xff, 0);
            assert_eq!((link.speed, link.duplex), (None, None), "{unknown}");
        }
    }

    #[test]
    fn attributes_of_a_wrong_size_are_absent() {
        let message = answer(|m| {
            m.put_u32(LINKSTATE_LINK, 1)?
                .put_u8(LINKSTATE_SQI, 1)?
                .put_flag(LINKSTATE_EXT_STATE)?;
            Ok(())
        });
        assert_eq!(
            EthernetState::parse(attributes(&message)),
            EthernetState::default()
        );
        let mut link = EthernetLink::default();
        let message = answer(|m| {
            m.put_u8(LINKMODES_SPEED, 1)?
                .put_u32(LINKMODES_DUPLEX, 1)?
                .put_u64(LINKMODES_AUTONEG, 1)?;
            Ok(())
        });
        link.take_modes(attributes(&message));
        assert_eq!(link, EthernetLink::default());
        let message = answer(|m| m.put_u16(LINKINFO_PORT, 0).map(drop));
        assert_eq!(port(attributes(&message)), None);
    }

    #[test]
    fn words() {
        let ports: Vec<String> = [0, 1, 2, 3, 4, 5, 0xef, 0xff]
            .map(|number| Port::from_raw(number).unwrap().to_string())
            .into();
        assert_eq!(
            ports,
            ["tp", "aui", "mii", "fibre", "bnc", "da", "none", "other"]
        );
        assert_eq!(Port::from_raw(6), None);
        assert_eq!(format!("{:>6}{}", Duplex::Half, Duplex::Full), "  halffull");
    }

    #[test]
    fn what_a_driver_refuses_is_unknown() {
        for errno in [libc::EOPNOTSUPP, libc::EINVAL, libc::EBUSY, libc::ENETDOWN] {
            let error = Error::from_errno(errno, "x");
            assert_eq!(unless_refused::<u8>(Err(error)).unwrap(), 0);
        }
        for errno in [libc::ENODEV, libc::EPERM, libc::ENOMEM, libc::EAGAIN] {
            let error = Error::from_errno(errno, "x");
            assert!(unless_refused::<u8>(Err(error)).is_err(), "{errno}");
        }
        assert!(unless_refused::<u8>(Err(Error::invalid("ours"))).is_err());
    }
}
