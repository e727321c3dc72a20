//! Carrier logic: which links there are, what changes, and what is reported.
//!
//! [`Monitor`] is what most programs need. [`Feed`] is for those that read a
//! socket of their own, [`Table`] the logic of both without the kernel.
//!
//! # What is promised
//!
//! 1. The carrier counters of a link give an order. A message with lower ones
//!    than are known changes nothing.
//! 2. Every event tells the [`transitions`](Event::transitions) that it
//!    accounts for. Their sum over the events of a link is the kernel's own
//!    count, also where the kernel announced one of a hundred, or had to drop
//!    messages.
//! 3. `connected` and `disconnected` alternate for each link, starting from
//!    `initial` or `added`.
//! 4. A link is followed by its index. `removed` comes after `disconnected`,
//!    `added` before `connected`; a new link that has taken the place of
//!    another under the same index is `removed` and `added`.
//! 5. The loss of messages is made up for: all links are listed and compared.
//! 6. Messages that the kernel did not send are dropped and counted.
//! 7. No message ends the watch.
//!
//! # Wi-Fi
//!
//! A Wi-Fi link that changes its access point loses its carrier for some
//! milliseconds, and nothing in the link messages tells this from an outage.
//! nl80211 does, a little later, so [`Monitor`] holds such a loss back until it
//! has: for some milliseconds as a rule, 0.3 s where nl80211 says nothing, 3 s
//! at most where a new association is under way. A roam is then told as
//! [`Roamed`](EventKind::Roamed), which accounts for the transitions; that the
//! access point has ended the association is told at once. [`Feed`], which
//! reads no socket, tells a roam as `disconnected` and `connected`. The feature
//! `genl` does this.

mod builder;
#[cfg(feature = "genl")]
mod detail;
mod driver;
mod event;
mod feed;
mod follower;
mod json;
mod link_state;
mod pace;
mod pattern;
mod rules;
mod settle;
mod sieve;
mod table;
#[cfg(test)]
mod test_kernel;
#[cfg(test)]
pub(crate) mod test_messages;
mod wakeup;
#[cfg(feature = "genl")]
mod wifi;
#[cfg(not(feature = "genl"))]
#[path = "wifi/absent.rs"]
mod wifi;

pub use builder::MonitorBuilder;
#[cfg(feature = "genl")]
pub use detail::{DetailQuery, LinkDetails};
pub use driver::{Monitor, Statistics};
pub use event::{Event, EventKind, Reason, WifiDetails};
pub use feed::Feed;
pub use link_state::{Criterion, HardwareAddress, LinkKind, LinkState};
pub use pattern::Pattern;
pub use table::{Table, Verdict};
pub use wakeup::StopHandle;
