//! Tests against the real kernel, each in a network namespace of its own, with
//! TAP devices as cables, iproute2 and the kernel's counters as witnesses.

#[cfg(feature = "genl")]
mod genl;
mod kernel_events;
mod leaks;
mod monitor;
mod nl;
mod requests;
mod status;
#[allow(dead_code, unused_imports)] // shared, each test binary uses a part
mod support;
mod watch;
mod watch_log;
#[cfg(feature = "genl")]
mod wireless;
