//! Wi-Fi, as the kernel's nl80211 family tells of it.
//!
//! Nothing here needs a privilege, and nothing makes a radio send: the answers
//! are what the kernel knows already. Without the feature `genl` there are the
//! names and words only.

#[cfg(feature = "genl")]
mod association;
#[cfg(feature = "genl")]
mod elements;
#[cfg(feature = "genl")]
mod frame;
#[cfg(feature = "genl")]
mod interface;
#[cfg(feature = "genl")]
mod mlme;
#[cfg(feature = "genl")]
mod numbers;
mod reason;
#[cfg(feature = "genl")]
mod wireless;

pub use super::ssid::{Bssid, Ssid};
#[cfg(feature = "genl")]
pub use association::Association;
#[cfg(feature = "genl")]
pub use interface::{InterfaceMode, WirelessInterface};
#[cfg(feature = "genl")]
pub use mlme::{MlmeKind, MlmeMessage};
pub use reason::reason_name;
#[cfg(feature = "genl")]
pub use wireless::Wireless;
