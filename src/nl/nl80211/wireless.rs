//! Questions to nl80211.

use super::association::{Association, Bss, station_signal};
use super::numbers::{self, attr, command};
use super::{Bssid, WirelessInterface};
use crate::nl::genl::{self, Family};
use crate::nl::{Group, Namespace};
use crate::{Error, ErrorKind, Result};

/// How often a list is asked for that changes meanwhile.
const ATTEMPTS: u32 = 5;

/// Questions about the wireless interfaces of a namespace.
///
/// ```
/// use linkwatch::nl::Namespace;
/// use linkwatch::nl::nl80211::Wireless;
///
/// if let Some(mut wireless) = Wireless::connect_in(&Namespace::current())? {
///     for interface in wireless.interfaces()? {
///         println!("{}: {}", interface.ifindex, interface.mode);
///         if let Some(association) = wireless.association(interface.ifindex)? {
///             println!("  connected to {}", association.bssid);
///         }
///     }
/// }
/// # Ok::<(), linkwatch::Error>(())
/// ```
///
/// The family's number holds until its module (cfg80211) is unloaded; then
/// there are no wireless interfaces, and when it is loaded anew, a new
/// connection is needed.
#[derive(Debug)]
pub struct Wireless {
    socket: genl::Socket,
    family: Family,
}

impl Wireless {
    /// Asks in this namespace; `None` if this kernel has no nl80211 at the
    /// time. No module is loaded for it.
    ///
    /// # Errors
    ///
    /// Those of [`genl::Socket::connect_in`] and [`genl::Socket::family`].
    pub fn connect_in(namespace: &Namespace) -> Result<Option<Wireless>> {
        let mut socket = genl::Socket::connect_in(namespace)?;
        let family = socket.family(numbers::FAMILY)?;
        Ok(family.map(|family| Wireless { socket, family }))
    }

    /// The wireless interfaces of the namespace, of all radios
    /// (NL80211_CMD_GET_INTERFACE). Devices without a network interface, as
    /// wpa_supplicant makes for P2P, are left out.
    ///
    /// # Errors
    ///
    /// The kernel's, and
    /// [`DumpInterrupted`](crate::ErrorKind::DumpInterrupted) if the list
    /// changed during each of five attempts.
    pub fn interfaces(&mut self) -> Result<Vec<WirelessInterface>> {
        const DOING: &str = "listing wireless interfaces";
        for _ in 0..ATTEMPTS {
            let mut interfaces = Vec::new();
            let request = self.family.request(command::GET_INTERFACE, 0)?;
            let complete = self.socket.dump(request, DOING, |message| {
                interfaces.extend(interface_of(message));
            });
            match complete {
                Ok(true) => return Ok(interfaces),
                Ok(false) => {}
                // The module is gone.
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
        Err(interrupted(DOING))
    }

    /// One wireless interface; `None` if there is no interface of this index,
    /// or if it is not wireless.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn interface(&mut self, ifindex: u32) -> Result<Option<WirelessInterface>> {
        let mut found = None;
        let mut request = self.family.request(command::GET_INTERFACE, 0)?;
        request.put_u32(attr::IFINDEX, ifindex)?;
        let asked = self
            .socket
            .ask(request, "asking for a wireless interface", |message| {
                found = interface_of(message).filter(|found| found.ifindex == ifindex);
            });
        found_or_none(asked.map(|()| found))
    }

    /// The access point that a station is associated with; `None` if there is
    /// none, or no such interface.
    ///
    /// It is the one among the scan results that the kernel calls associated
    /// (NL80211_CMD_GET_SCAN, which does not make it scan). The signal is that
    /// of the station's last frames (NL80211_CMD_GET_STATION), or where there
    /// is none, that of the scan result.
    ///
    /// # Errors
    ///
    /// The kernel's, and
    /// [`DumpInterrupted`](crate::ErrorKind::DumpInterrupted) if the scan
    /// results changed during each of five attempts and no associated one was
    /// among them.
    pub fn association(&mut self, ifindex: u32) -> Result<Option<Association>> {
        let Some(mut association) = self.scan_result(ifindex)? else {
            return Ok(None);
        };
        if let Some(signal) = self.signal(ifindex, association.bssid)? {
            association.signal = Some(signal);
        }
        Ok(Some(association))
    }

    /// The multicast group that [`MlmeMessage`](super::MlmeMessage)s come through.
    pub fn mlme_group(&self) -> Option<Group> {
        self.family.group(numbers::GROUP_MLME)
    }

    /// The family's number: the type of its messages.
    pub fn family_id(&self) -> u16 {
        self.family.id()
    }

    fn scan_result(&mut self, ifindex: u32) -> Result<Option<Association>> {
        const DOING: &str = "asking for the access point";
        for _ in 0..ATTEMPTS {
            let mut found: Option<Bss> = None;
            let mut request = self.family.request(command::GET_SCAN, 0)?;
            request.put_u32(attr::IFINDEX, ifindex)?;
            let complete = self.socket.dump(request, DOING, |message| {
                if message.command() != command::NEW_SCAN_RESULTS {
                    return;
                }
                if let Some(bss) = Bss::parse(message.attributes(), ifindex) {
                    found = Some(bss.first(found));
                }
            });
            match (complete, found) {
                (Err(error), _) => return found_or_none(Err(error)),
                (Ok(_), Some(bss)) => return Ok(Some(bss.association)),
                (Ok(true), None) => return Ok(None),
                (Ok(false), None) => {}
            }
        }
        Err(interrupted(DOING))
    }

    fn signal(&mut self, ifindex: u32, bssid: Bssid) -> Result<Option<i32>> {
        let mut signal = None;
        let mut request = self.family.request(command::GET_STATION, 0)?;
        request
            .put_u32(attr::IFINDEX, ifindex)?
            .put(attr::MAC, bssid.as_bytes())?;
        let asked = self
            .socket
            .ask(request, "asking for the signal", |message| {
                if message.command() == command::NEW_STATION {
                    signal = station_signal(message.attributes());
                }
            });
        match asked {
            Ok(()) => Ok(signal),
            // The station has gone meanwhile, or the driver cannot tell.
            Err(error) if error.os_error().is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn interface_of(message: &genl::Message<'_>) -> Option<WirelessInterface> {
    (message.command() == command::NEW_INTERFACE).then_some(())?;
    WirelessInterface::parse(message.attributes())
}

/// The kernel answers ENODEV to questions about an interface that is not
/// there or not wireless (`__cfg80211_wdev_from_attrs`), and ENOENT where the
/// family is gone.
fn found_or_none<T>(found: Result<Option<T>>) -> Result<Option<T>> {
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => found,
    }
}

fn interrupted(doing: &'static str) -> Error {
    Error::new(
        ErrorKind::DumpInterrupted,
        format!("{doing}: the list changed during each of {ATTEMPTS} attempts"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_may_move_to_another_thread() {
        fn is_send<T: Send>() {}
        is_send::<Wireless>();
        is_send::<crate::nl::nl80211::MlmeMessage>();
    }

    #[test]
    fn what_is_not_there_is_none() {
        let gone = |errno| found_or_none::<()>(Err(Error::from_errno(errno, "asking")));
        assert!(gone(libc::ENODEV).unwrap().is_none());
        assert!(gone(libc::ENOENT).unwrap().is_none());
        assert!(gone(libc::EPERM).is_err());
        assert_eq!(found_or_none(Ok(Some(1))).unwrap(), Some(1));
    }
}
