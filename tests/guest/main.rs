//! Tests that need what the running kernel may lack: Wi-Fi, bonds, vlans and a
//! NIC with a cable. They run in a guest of their own, which
//! `scripts/test-guest` boots; iproute2, iw, ethtool and the kernel's counters
//! are the witnesses.

mod access_point;
mod bond;
mod dummy;
mod machine;
mod nic;
mod nl80211;
mod process;
mod roaming;
mod station;
#[allow(dead_code, unused_imports)] // shared, each test binary uses a part
#[path = "../kernel/support/mod.rs"]
mod support;
mod vlan;
mod watches;
mod wifi;
mod witness;

/// Says that this system was booted for these tests.
const MARKER: &str = "linkwatch.guest";

/// Fails anywhere but in the guest: the tests load modules and take interfaces
/// down.
#[track_caller]
fn refuse_elsewhere() {
    let command_line = std::fs::read_to_string("/proc/cmdline").unwrap_or_default();
    assert!(
        command_line.split_whitespace().any(|word| word == MARKER),
        "this test changes real interfaces and runs in a guest only: scripts/test-guest"
    );
}

/// Defines tests that run in the guest.
macro_rules! in_guest {
    ($($(#[$meta:meta])* fn $name:ident() $body:block)*) => {
        $(
            #[test]
            $(#[$meta])*
            fn $name() {
                $crate::refuse_elsewhere();
                $body
            }
        )*
    };
}
use in_guest;
