//! What `status` tells beside a link's state: speed, why there is no carrier,
//! the access point.

use linkwatch::LinkState;
use linkwatch::nl::Namespace;
use serde::Serialize;

/// What is known of one link; the fields that are not are left out.
#[derive(Serialize, Default)]
pub(super) struct Details {
    /// In Mb/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    autonegotiation: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqi: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqi_max: Option<u32>,
    /// Why there is no carrier, in the words of the driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssid: Option<String>,
    /// The same, with what could harm a terminal escaped.
    #[serde(skip)]
    shown_ssid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bssid: Option<String>,
    /// In MHz.
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency: Option<u32>,
    /// In dBm.
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
}

impl Details {
    /// `1000 Mb/s full tp`, `"home" 2412 MHz -40 dBm`, `no-cable`; nothing where
    /// nothing is known.
    pub(super) fn cell(&self) -> String {
        let speed = self.speed.map(|speed| format!("{speed} Mb/s"));
        let sqi = match (self.sqi, self.sqi_max) {
            (Some(sqi), Some(max)) => Some(format!("SQI {sqi}/{max}")),
            (sqi, _) => sqi.map(|sqi| format!("SQI {sqi}")),
        };
        let ssid = self.shown_ssid.as_ref();
        let ssid = ssid.map(|ssid| format!("\"{ssid}\""));
        let frequency = self.frequency.map(|frequency| format!("{frequency} MHz"));
        let signal = self.signal.map(|signal| format!("{signal} dBm"));
        // Without a speed, the others tell of no link.
        let (duplex, port) = match speed {
            Some(_) => (self.duplex.clone(), self.port.clone()),
            None => (None, None),
        };
        let detail = self.detail.clone();
        let parts = [detail, speed, duplex, port, sqi, ssid, frequency, signal];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// What is known of each of the links; most have nothing to tell.
pub(super) type AllDetails = Vec<Option<Box<Details>>>;

/// Asks about each of the links.
#[cfg(feature = "genl")]
pub(super) fn ask(links: &[&LinkState], namespace: &Namespace) -> AllDetails {
    use std::time::Duration;

    use linkwatch::monitor::DetailQuery;

    /// A driver may have to ask its hardware.
    const PATIENCE: Duration = Duration::from_secs(1);

    let mut query = DetailQuery::new(namespace);
    let known = links.iter().map(|link| {
        let answer = query.ask(link, PATIENCE)?;
        let mut details = Box::<Details>::default();
        if let Some(ethernet) = answer.ethernet {
            details.speed = ethernet.speed;
            details.duplex = ethernet.duplex.map(|duplex| duplex.to_string());
            details.port = ethernet.port.map(|port| port.to_string());
            details.autonegotiation = ethernet.autonegotiation;
            details.sqi = ethernet.state.sqi;
            details.sqi_max = ethernet.state.sqi_max;
            // While there is a link, a driver may tell of the last trouble.
            let extended = ethernet.state.extended.filter(|_| !link.has_carrier());
            details.detail = extended.map(|state| state.to_string());
        }
        if let Some(association) = answer.wifi {
            let ssid = association.ssid;
            details.shown_ssid = ssid.map(|ssid| ssid.to_string());
            details.ssid = ssid.map(|ssid| super::status_json::text(ssid.as_bytes()).into_owned());
            details.bssid = Some(association.bssid.to_string());
            details.frequency = association.frequency;
            details.signal = association.signal;
        }
        Some(details)
    });
    known.collect()
}

#[cfg(not(feature = "genl"))]
pub(super) fn ask(links: &[&LinkState], _: &Namespace) -> AllDetails {
    links.iter().map(|_| None).collect()
}
