//! Dummy interfaces, whose operational state is unknown.

use crate::in_guest;
use crate::process::Module;
use crate::support::{ip, link_json};
use crate::watches::Watches;
use crate::witness::status;

in_guest! {
    fn a_dummy_of_unknown_state_is_connected() {
        let _module = Module::load("dummy", &["numdummies=0"]);
        ip(&["link", "add", "dummy0", "type", "dummy"]);
        ip(&["link", "set", "dummy0", "up"]);
        assert_eq!(link_json("dummy0")["operstate"], "UNKNOWN");
        let link = status("dummy0");
        assert_eq!((&link["connected"], &link["kind"]), (&true.into(), &"dummy".into()));

        let mut watches = Watches::start("dummy0");
        ip(&["link", "set", "dummy0", "carrier", "off"]);
        for event in watches.expect("disconnected") {
            assert_eq!((&event["reason"], &event["operstate"]), (&"no-carrier".into(), &"down".into()));
        }
        ip(&["link", "set", "dummy0", "carrier", "on"]);
        for event in watches.expect("connected") {
            assert_eq!(event["operstate"], "up");
        }

        // Dormant, as Wi-Fi is during the handshake.
        ip(&["link", "set", "dummy0", "mode", "dormant", "state", "dormant"]);
        assert_eq!(watches.running.expect("disconnected")["reason"], "not-running");
        ip(&["link", "set", "dummy0", "state", "up"]);
        watches.running.expect("connected");
        watches.finish();
        ip(&["link", "del", "dummy0"]);
    }
}
