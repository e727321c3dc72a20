//! Making, changing and removing links fast: requests on a socket that is kept.

use std::fs::File;
use std::os::fd::AsRawFd;

use linkwatch::Result;
use linkwatch::nl::{MessageBuilder, Namespace, Protocol, Socket};

/// `linux/veth.h`.
const VETH_INFO_PEER: u16 = 1;
/// `linux/if_link.h`.
const IFLA_GROUP: u16 = 27;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_NUM_TX_QUEUES: u16 = 31;
const IFLA_NUM_RX_QUEUES: u16 = 32;
const CREATE: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;

/// What a new link is to be. Index 0 leaves the choice to the kernel.
#[derive(Debug, Clone, Default)]
pub struct New<'a> {
    pub name: &'a str,
    pub index: u32,
    pub address: Option<[u8; 6]>,
    pub group: u32,
}

/// Requests about links.
pub struct Kernel {
    socket: Socket,
}

impl Kernel {
    pub fn new() -> Kernel {
        Kernel {
            socket: Socket::connect(Protocol::Route).expect("a socket"),
        }
    }

    /// In another namespace.
    pub fn within(namespace: &Namespace) -> Kernel {
        Kernel {
            socket: Socket::connect_in(namespace, Protocol::Route).expect("a socket"),
        }
    }

    /// Makes a link of a kind that has no other end (`ifb`, `bridge`, …).
    pub fn create(&mut self, kind: &str, new: &New<'_>) -> Result<()> {
        let mut message = request(libc::RTM_NEWLINK, CREATE, new.index, 0, 0)?;
        describe(&mut message, new)?;
        message.nest(libc::IFLA_LINKINFO, |info| {
            info.put_string(libc::IFLA_INFO_KIND, kind.as_bytes())?;
            Ok(())
        })?;
        self.socket.request(&mut message)
    }

    /// Makes a pair.
    pub fn create_pair(&mut self, one: &New<'_>, other: &New<'_>) -> Result<()> {
        let mut message = request(libc::RTM_NEWLINK, CREATE, one.index, 0, 0)?;
        describe(&mut message, one)?;
        message.nest(libc::IFLA_LINKINFO, |info| {
            info.put_string(libc::IFLA_INFO_KIND, b"veth")?;
            info.nest(libc::IFLA_INFO_DATA, |data| {
                data.nest(VETH_INFO_PEER, |peer| {
                    peer.append(&ifinfomsg(other.index, 0, 0))?;
                    describe(peer, other)
                })?;
                Ok(())
            })?;
            Ok(())
        })?;
        self.socket.request(&mut message)
    }

    pub fn delete(&mut self, index: u32) -> Result<()> {
        self.socket
            .request(&mut request(libc::RTM_DELLINK, 0, index, 0, 0)?)
    }

    /// All links of a group at once, which takes as long as one.
    pub fn delete_group(&mut self, group: u32) -> Result<()> {
        let mut message = request(libc::RTM_DELLINK, 0, 0, 0, 0)?;
        message.put_u32(IFLA_GROUP, group)?;
        self.socket.request(&mut message)
    }

    pub fn set_up(&mut self, index: u32, up: bool) -> Result<()> {
        let flag = libc::IFF_UP as u32;
        let flags = if up { flag } else { 0 };
        self.socket
            .request(&mut request(libc::RTM_NEWLINK, 0, index, flags, flag)?)
    }

    pub fn rename(&mut self, index: u32, name: &str) -> Result<()> {
        let mut message = request(libc::RTM_NEWLINK, 0, index, 0, 0)?;
        message.put_string(libc::IFLA_IFNAME, name.as_bytes())?;
        self.socket.request(&mut message)
    }

    /// Makes it a port of a bridge; 0 releases it.
    pub fn set_master(&mut self, index: u32, master: u32) -> Result<()> {
        let mut message = request(libc::RTM_NEWLINK, 0, index, 0, 0)?;
        message.put_u32(libc::IFLA_MASTER, master)?;
        self.socket.request(&mut message)
    }

    pub fn move_to(&mut self, index: u32, namespace: &File) -> Result<()> {
        let mut message = request(libc::RTM_NEWLINK, 0, index, 0, 0)?;
        message.put_u32(IFLA_NET_NS_FD, namespace.as_raw_fd() as u32)?;
        self.socket.request(&mut message)
    }
}

/// struct ifinfomsg.
fn ifinfomsg(index: u32, flags: u32, change: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[4..8].copy_from_slice(&index.to_ne_bytes());
    bytes[8..12].copy_from_slice(&flags.to_ne_bytes());
    bytes[12..].copy_from_slice(&change.to_ne_bytes());
    bytes
}

fn request(kind: u16, more: u16, index: u32, flags: u32, change: u32) -> Result<MessageBuilder> {
    let mut message = MessageBuilder::with_capacity(kind, more, 512)?;
    message.append(&ifinfomsg(index, flags, change))?;
    Ok(message)
}

fn describe(message: &mut MessageBuilder, new: &New<'_>) -> Result<()> {
    message
        .put_string(libc::IFLA_IFNAME, new.name.as_bytes())?
        .put_u32(IFLA_GROUP, new.group)?
        .put_u32(IFLA_NUM_TX_QUEUES, 1)?
        .put_u32(IFLA_NUM_RX_QUEUES, 1)?;
    if let Some(address) = new.address {
        message.put(libc::IFLA_ADDRESS, &address)?;
    }
    Ok(())
}
