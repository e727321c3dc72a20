//! Radios that exist in the kernel only, and access points on them.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use crate::process::{Module, Process};
use crate::support::{eventually, ip};
use crate::witness::{mac, operstate};

/// The interface of the station in all tests. Access points get the others.
pub const STATION: &str = "wlan1";

/// A Wi-Fi network.
#[derive(Clone, Copy)]
pub struct Network {
    pub ssid: &'static [u8],
    /// The WPA2 passphrase; none: an open network.
    pub key: Option<&'static str>,
}

pub const OPEN: Network = Network {
    ssid: b"open-net",
    key: None,
};

pub const WPA2: Network = Network {
    ssid: b"wpa-net",
    key: Some("correct-horse"),
};

impl Network {
    /// The SSID as hostapd and wpa_supplicant read any bytes.
    pub fn ssid_in_hex(&self) -> String {
        self.ssid.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// Makes the radios `wlan0`, `wlan1`, …, which hear one another.
#[track_caller]
pub fn radios(count: usize) -> Module {
    let radios = Module::load("mac80211_hwsim", &[&format!("radios={count}")]);
    eventually("the radios", || {
        (0..count).all(|index| fs::exists(format!("/sys/class/net/wlan{index}")).unwrap_or(false))
    });
    radios
}

/// An access point: a running hostapd.
pub struct AccessPoint {
    interface: String,
    hostapd: Process,
}

impl AccessPoint {
    /// Starts one, and waits until it is on the air. Channels 1 to 11.
    #[track_caller]
    pub fn start(interface: &str, network: Network, channel: u32) -> AccessPoint {
        let mut settings = format!(
            "interface={interface}\ndriver=nl80211\nssid2={}\nhw_mode=g\nchannel={channel}\n",
            network.ssid_in_hex()
        );
        if let Some(key) = network.key {
            settings += "wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\n";
            let _ = writeln!(settings, "wpa_passphrase={key}");
        }
        let file = format!("/run/hostapd.{interface}.conf");
        fs::write(&file, settings).expect("its settings");
        let mut hostapd = Process::start(
            &format!("hostapd.{interface}"),
            Command::new("hostapd").arg(&file),
        );
        eventually("an access point", || {
            hostapd.assert_running();
            operstate(interface) == "up"
        });
        AccessPoint {
            interface: interface.to_owned(),
            hostapd,
        }
    }

    /// Its address on the air.
    pub fn bssid(&self) -> String {
        mac(&self.interface)
    }

    /// Ends it properly: it tells its stations.
    #[track_caller]
    pub fn say_goodbye(self) {
        self.hostapd.end("TERM");
    }

    /// Ends it without a word, as one whose power fails.
    #[track_caller]
    pub fn vanish(self) {
        self.hostapd.end("KILL");
        // The kernel would go on without hostapd.
        ip(&["link", "set", &self.interface, "down"]);
    }
}
