//! A family, as the controller describes it.

use bitflags::bitflags;
use libnl3_sys as sys;

use crate::Result;
use crate::nl::{Attributes, Group, MessageBuilder, escape};

bitflags! {
    /// What an operation does and needs (`GENL_*`, `linux/genetlink.h`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct OperationFlags: u32 {
        /// It needs CAP_NET_ADMIN in the initial user namespace.
        const ADMIN = 0x01;
        /// It can be asked for one object.
        const DO = 0x02;
        /// It can be asked for a list.
        const DUMP = 0x04;
        /// There is a policy for its attributes.
        const POLICY = 0x08;
        /// It needs CAP_NET_ADMIN in the user namespace of the network
        /// namespace.
        const NAMESPACE_ADMIN = 0x10;
        const _ = !0;
    }
}

/// One command of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The command's number.
    pub command: u32,
    /// What it does and needs.
    pub flags: OperationFlags,
}

/// A generic netlink family (`CTRL_CMD_NEWFAMILY`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    id: u16,
    name: String,
    version: u32,
    header_size: u32,
    max_attribute: u32,
    groups: Vec<(String, Group)>,
    operations: Vec<Operation>,
}

impl Family {
    /// `None` without a number or a name.
    pub(super) fn parse(attributes: &Attributes<'_>) -> Option<Family> {
        const ID: u16 = sys::CTRL_ATTR_FAMILY_ID as u16;
        const NAME: u16 = sys::CTRL_ATTR_FAMILY_NAME as u16;
        const VERSION: u16 = sys::CTRL_ATTR_VERSION as u16;
        const HEADER_SIZE: u16 = sys::CTRL_ATTR_HDRSIZE as u16;
        const MAX_ATTRIBUTE: u16 = sys::CTRL_ATTR_MAXATTR as u16;
        const OPERATIONS: u16 = sys::CTRL_ATTR_OPS as u16;
        const GROUPS: u16 = sys::CTRL_ATTR_MCAST_GROUPS as u16;

        let mut family = Family {
            id: 0,
            name: String::new(),
            version: 0,
            header_size: 0,
            max_attribute: 0,
            groups: Vec::new(),
            operations: Vec::new(),
        };
        for attribute in attributes.clone() {
            match attribute.kind() {
                ID => family.id = attribute.u16()?,
                NAME => family.name = escape(attribute.string()).to_string(),
                VERSION => family.version = attribute.u32().unwrap_or(0),
                HEADER_SIZE => family.header_size = attribute.u32().unwrap_or(0),
                MAX_ATTRIBUTE => family.max_attribute = attribute.u32().unwrap_or(0),
                OPERATIONS => {
                    let nested = attribute.nested();
                    let operations = nested.filter_map(|one| operation(&one.nested()));
                    family.operations = operations.collect();
                }
                GROUPS => {
                    let nested = attribute.nested();
                    family.groups = nested.filter_map(|one| group(&one.nested())).collect();
                }
                _ => {}
            }
        }
        (family.id != 0 && !family.name.is_empty()).then_some(family)
    }

    /// The number: the type of its messages.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// The name: `nlctrl`, `ethtool`, `nl80211`, …
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of its interface.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The length of its own header in bytes, 0 for nearly all.
    pub fn header_size(&self) -> u32 {
        self.header_size
    }

    /// The highest attribute that it knows; 0 where that depends on the
    /// command.
    pub fn max_attribute(&self) -> u32 {
        self.max_attribute
    }

    /// Its multicast groups.
    pub fn groups(&self) -> &[(String, Group)] {
        &self.groups
    }

    /// The multicast group of this name.
    pub fn group(&self, name: &str) -> Option<Group> {
        self.groups
            .iter()
            .find(|(group, _)| group == name)
            .map(|&(_, group)| group)
    }

    /// Its commands. Those that only the kernel sends are not among them.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// An empty request for this family.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`](crate::ErrorKind::OutOfMemory).
    pub fn request(&self, command: u8, flags: u16) -> Result<MessageBuilder> {
        let version = u8::try_from(self.version).unwrap_or(1);
        MessageBuilder::generic(self.id, flags, command, version)
    }
}

fn operation(attributes: &Attributes<'_>) -> Option<Operation> {
    let find = |kind| attributes.clone().find(kind)?.u32();
    Some(Operation {
        command: find(sys::CTRL_ATTR_OP_ID as u16)?,
        flags: OperationFlags::from_bits_retain(find(sys::CTRL_ATTR_OP_FLAGS as u16)?),
    })
}

fn group(attributes: &Attributes<'_>) -> Option<(String, Group)> {
    let find = |kind| attributes.clone().find(kind);
    let name = find(sys::CTRL_ATTR_MCAST_GRP_NAME as u16)?;
    let number = find(sys::CTRL_ATTR_MCAST_GRP_ID as u16)?.u32()?;
    Some((escape(name.string()).to_string(), Group(number)))
}
