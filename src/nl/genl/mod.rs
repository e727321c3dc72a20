//! Generic netlink: families, their groups, and questions to them
//! (libnl-genl; feature `genl`).
//!
//! ```
//! use linkwatch::nl::genl;
//!
//! let mut socket = genl::Socket::connect()?;
//! for family in socket.families()? {
//!     println!("{:#06x} {} version {}", family.id(), family.name(), family.version());
//! }
//! # Ok::<(), linkwatch::Error>(())
//! ```

mod cache;
mod family;
mod socket;

pub use cache::{CachedFamily, FamilyCache};
pub use family::{Family, Operation, OperationFlags};
pub use socket::{Message, Socket};
