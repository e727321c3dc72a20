//! Frames of 802.11, as messages of nl80211 carry them.

use super::Bssid;

/// A management frame of 802.11 (`struct ieee80211_mgmt`,
/// `linux/ieee80211.h`), in the byte order of the air.
#[derive(Debug)]
pub struct Frame<'a> {
    /// What it is among the management frames.
    pub subtype: u8,
    /// Who sent it.
    pub source: Bssid,
    /// The access point.
    pub bssid: Bssid,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// IEEE80211_STYPE_REASSOC_RESP.
    pub const REASSOC_RESP: u8 = 3;

    /// `None` for what is shorter than the header, and for frames that are no
    /// management frames.
    pub fn parse(bytes: &'a [u8]) -> Option<Frame<'a>> {
        // Frame control, duration, destination, source, BSSID, sequence.
        let (header, body) = bytes.split_first_chunk::<24>()?;
        let [control, ..] = *header;
        (control & 0x0f == 0).then_some(())?;
        Some(Frame {
            subtype: control >> 4,
            source: Bssid::new(&header[10..16])?,
            bssid: Bssid::new(&header[16..22])?,
            body,
        })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.body.get(at..)?.first_chunk()?;
        Some(u16::from_le_bytes(*bytes))
    }

    /// Of a deauthentication or a disassociation.
    pub fn reason(&self) -> Option<u16> {
        self.u16(0)
    }

    /// Of an answer to an association: the capabilities come first.
    pub fn association_status(&self) -> Option<u16> {
        self.u16(2)
    }

    /// Of an authentication: algorithm, transaction, status. Some answers of
    /// SAE only ask for another try, and the kernel goes on waiting
    /// (`ieee80211_rx_mgmt_auth`, net/mac80211/mlme.c).
    pub fn refuses_authentication(&self) -> Option<bool> {
        /// WLAN_AUTH_SAE.
        const SAE: u16 = 3;
        /// WLAN_STATUS_ANTI_CLOG_REQUIRED.
        const WITH_TOKEN: u16 = 76;
        /// WLAN_STATUS_SAE_HASH_TO_ELEMENT and WLAN_STATUS_SAE_PK.
        const OTHERWISE: [u16; 2] = [126, 127];
        let (algorithm, transaction, status) = (self.u16(0)?, self.u16(2)?, self.u16(4)?);
        let again = status == WITH_TOKEN || transaction == 1 && OTHERWISE.contains(&status);
        Some(status != 0 && !(algorithm == SAE && again))
    }
}
