//! What the tests share.

mod example;
mod ip;
mod namespace;
mod tap;
mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use example::example;
pub use ip::{Counters, ip, ip_batch, link_json, links_json, rename_up};
pub use namespace::{awk, finish, has, inside, inside_with, is_inside, share_namespaces, skip};
pub use tap::Tap;
pub use watch::{Watch, assert_alternating, linkwatch, sum};

/// How long a condition may take to come true. The machines are shared: this
/// is for failures, no test waits for it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "timed out: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sets a flag at the end of a scope, however it ends: a thread that goes on until it
/// is set would keep a failed test from ending.
#[allow(dead_code)] // not every test binary has such threads
pub struct StopOnDrop<'a>(pub &'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Defines tests that run in a network namespace of their own.
#[allow(unused_macros)] // not every test binary has such tests
macro_rules! in_namespace {
    ($($(#[$meta:meta])* fn $name:ident() $body:block)*) => {
        $(
            #[test]
            $(#[$meta])*
            fn $name() {
                $crate::support::inside(concat!(module_path!(), "::", stringify!($name)), || $body);
            }
        )*
    };
}
pub(crate) use in_namespace;
