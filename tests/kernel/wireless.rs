//! Wi-Fi where there is none. Where there is: tests/guest.

use std::fs;
use std::path::Path;

use linkwatch::nl::Namespace;
use linkwatch::nl::nl80211::Wireless;

use crate::support::{Tap, in_namespace, skip};

/// The modules of Wi-Fi that are loaded: other tests may load others.
fn wifi_modules() -> Vec<String> {
    // Not there in a kernel that has no modules.
    let modules = fs::read_to_string("/proc/modules").unwrap_or_default();
    let names = modules.lines().filter_map(|line| line.split(' ').next());
    let of_wifi = names.filter(|name| name.contains("80211"));
    of_wifi.map(str::to_owned).collect()
}

/// cfg80211 makes this class when it is loaded, or built in.
fn has_wifi() -> bool {
    Path::new("/sys/class/ieee80211").exists()
}

in_namespace! {
    fn asking_for_wifi_does_not_load_it() {
        if has_wifi() {
            return skip("this kernel has nl80211 already");
        }
        let before = wifi_modules();
        for _ in 0..2 {
            let wireless = Wireless::connect_in(&Namespace::current()).unwrap();
            assert!(wireless.is_none(), "{wireless:?}");
        }
        assert_eq!(wifi_modules(), before);
        assert!(!has_wifi());
    }

    fn a_namespace_without_radios_has_no_wifi() {
        let Some(mut wireless) = Wireless::connect_in(&Namespace::current()).unwrap() else {
            return skip("this kernel has no nl80211");
        };
        assert!(has_wifi());
        assert!(wireless.mlme_group().is_some());
        let _cable = Tap::up("cable0");
        assert_eq!(wireless.interfaces().unwrap(), []);
        for ifindex in [0, 1, 2, 4711, u32::MAX] {
            assert_eq!(wireless.interface(ifindex).unwrap(), None, "{ifindex}");
            assert_eq!(wireless.association(ifindex).unwrap(), None, "{ifindex}");
        }
    }
}
