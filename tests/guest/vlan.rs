//! A vlan, whose state is that of the link below it.

use crate::in_guest;
use crate::process::Module;
use crate::support::{eventually, ip, link_json};
use crate::watches::Watches;
use crate::witness::{operstate, status};

in_guest! {
    fn a_vlan_goes_down_and_up_with_the_link_below() {
        let _veth = Module::load("veth", &[]);
        let _vlan = Module::load("8021q", &[]);
        ip(&["link", "add", "near", "type", "veth", "peer", "name", "far"]);
        ip(&["link", "add", "link", "near", "name", "near.7", "type", "vlan", "id", "7"]);
        for name in ["near", "near.7", "far"] {
            ip(&["link", "set", name, "up"]);
        }
        let mut both = ["near", "near.7"].map(|name| {
            eventually("the link", || operstate(name) == "up");
            assert_eq!(status(name)["kind"], link_json(name)["linkinfo"]["info_kind"]);
            Watches::start(name)
        });

        ip(&["link", "set", "far", "down"]);
        for watches in &mut both {
            for event in watches.expect("disconnected") {
                assert_eq!(event["reason"], "no-carrier");
                assert_eq!(event["operstate"], "lowerlayerdown");
            }
        }
        ip(&["link", "set", "far", "up"]);
        for watches in &mut both {
            watches.expect("connected");
        }
        for watches in both {
            watches.finish();
        }
        ip(&["link", "del", "near"]);
    }
}
