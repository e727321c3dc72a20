//! Tells the moment a network cable is pulled or a Wi-Fi access point is lost,
//! and accounts for every carrier transition that the Linux kernel counted,
//! also those that it never announced.
//!
//! ```no_run
//! use linkwatch::Monitor;
//!
//! for event in Monitor::builder().pattern("eth*")?.build()? {
//!     let event = event?;
//!     println!(
//!         "{}: {} ({} transitions, {} of them unseen)",
//!         event.name().unwrap_or_default(),
//!         event.kind(),
//!         event.transitions(),
//!         event.unseen(),
//!     );
//! }
//! # Ok::<(), linkwatch::Error>(())
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`monitor`] | the watch: [`Monitor`], its [`Event`]s, and the logic behind |
//! | [`nl`] | a safe wrapper of libnl 3, for what else a program needs of it |
//!
//! It needs libnl 3.5 or newer and a kernel with IFLA_CARRIER (3.9); the
//! carrier counters are there since Linux 3.15, told apart since 4.16. No
//! privilege is needed.
//!
//! # Features
//!
//! * `cli` (default): the `linkwatch` program. Programs that use the library
//!   alone turn the default features off.
//! * `genl` (default): generic netlink, by libnl-genl. Without it there are no
//!   details of links, Wi-Fi is told as Ethernet, and a roam as an outage.
//! * `capi`: the C interface, of which `make install` makes `liblinkwatch`.

#![deny(unsafe_code)]

/// The README's examples are tested too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "capi")]
#[allow(unsafe_code)]
mod capi;
mod error;
pub mod monitor;
#[allow(unsafe_code)]
pub mod nl;

pub use error::{Error, ErrorKind, Result};
pub use monitor::{
    Criterion, Event, EventKind, HardwareAddress, LinkKind, LinkState, Monitor, MonitorBuilder,
    Pattern, Reason, Statistics, StopHandle, WifiDetails,
};

/// The version, and the release of libnl that it was built with, as
/// `linkwatch --version` prints them: `0.1.0 (built with libnl 3.7.0)`. That of the
/// libnl which is loaded is [`nl::version`].
pub const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (built with libnl ",
    env!("LIBNL_VERSION"),
    ")"
);
