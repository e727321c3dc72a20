//! The numbers of `linux/nl80211.h` that are used here. Part of the kernel's
//! interface, they never change; the header that is installed may lack the
//! newer ones.

pub const FAMILY: &str = "nl80211";
pub const GROUP_MLME: &str = "mlme";

/// `enum nl80211_commands`.
pub mod command {
    pub const GET_INTERFACE: u8 = 5;
    pub const NEW_INTERFACE: u8 = 7;
    pub const GET_STATION: u8 = 17;
    pub const NEW_STATION: u8 = 19;
    pub const GET_SCAN: u8 = 32;
    pub const NEW_SCAN_RESULTS: u8 = 34;
    pub const AUTHENTICATE: u8 = 37;
    pub const ASSOCIATE: u8 = 38;
    pub const DEAUTHENTICATE: u8 = 39;
    pub const DISASSOCIATE: u8 = 40;
    pub const CONNECT: u8 = 46;
    pub const ROAM: u8 = 47;
    pub const DISCONNECT: u8 = 48;
}

/// `enum nl80211_attrs`.
pub mod attr {
    pub const WIPHY: u16 = 1;
    pub const IFINDEX: u16 = 3;
    pub const IFTYPE: u16 = 5;
    pub const MAC: u16 = 6;
    pub const STA_INFO: u16 = 21;
    pub const WIPHY_FREQ: u16 = 38;
    pub const BSS: u16 = 47;
    pub const FRAME: u16 = 51;
    pub const SSID: u16 = 52;
    pub const REASON_CODE: u16 = 54;
    pub const TIMED_OUT: u16 = 65;
    pub const DISCONNECTED_BY_AP: u16 = 71;
    pub const STATUS_CODE: u16 = 72;
}

/// `enum nl80211_bss`.
pub mod bss {
    pub const BSSID: u16 = 1;
    pub const FREQUENCY: u16 = 2;
    pub const INFORMATION_ELEMENTS: u16 = 6;
    pub const SIGNAL_MBM: u16 = 7;
    pub const STATUS: u16 = 9;
    pub const BEACON_IES: u16 = 11;
    /// Since Linux 6.0.
    pub const MLO_LINK_ID: u16 = 21;
    /// Since Linux 6.0.
    pub const MLD_ADDR: u16 = 22;

    /// Of `enum nl80211_bss_status`.
    pub const STATUS_ASSOCIATED: u32 = 1;
}

/// `enum nl80211_sta_info`.
pub mod station {
    pub const SIGNAL: u16 = 7;
}
