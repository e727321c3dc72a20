//! Tests against the real kernel, each in a network namespace of its own, with
//! TAP devices as cables, iproute2 and the kernel's counters as witnesses.

mod caches;
mod config;
mod datagrams;
mod edges;
#[cfg(feature = "genl")]
mod ethtool;
mod examples;
mod faults;
mod feed;
mod filter;
#[cfg(feature = "genl")]
mod genl;
mod hooks;
mod interfaces;
mod kernel_events;
mod leaks;
mod local_time;
mod losses;
mod metrics;
mod monitor;
mod nl;
mod objects;
mod privileges;
mod report;
mod requests;
mod service;
mod status;
#[allow(dead_code, unused_imports)] // shared, each test binary uses a part
mod support;
mod wait;
mod watch;
mod watch_log;
#[cfg(feature = "genl")]
mod wireless;
