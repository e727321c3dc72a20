//! What the kernel tells of connections as they come and go.

use super::Bssid;
use super::frame::Frame;
use super::numbers::{attr, command};
use crate::nl::{Attributes, RawMessage, genl};

/// What a message of the group "mlme" tells of one interface.
///
/// With Linux 6.1 and a driver of mac80211, a new connection gives
/// `NewStation`, `Authenticate`, `Associate` and `Connect`, each 1 to 20 ms
/// after the other; an end gives `Deauthenticate` and `Disconnect`. Link
/// messages come before or after these, by up to a second: the two are not
/// ordered.
///
/// ```
/// use linkwatch::nl::nl80211::{MlmeKind, MlmeMessage};
/// use linkwatch::nl::{MessageBuilder, RawMessage};
///
/// let mut message = MessageBuilder::new(0x1c, 0)?; // the family's number
/// message
///     .append(&[48, 1, 0, 0])? // NL80211_CMD_DISCONNECT
///     .put_u32(3, 7)? // NL80211_ATTR_IFINDEX
///     .put_u16(54, 3)?; // NL80211_ATTR_REASON_CODE
/// let told = MlmeMessage::parse(&message.as_message(), 0x1c).unwrap();
/// assert_eq!(told.ifindex, 7);
/// assert_eq!(told.kind, MlmeKind::Disconnect { reason: Some(3), by_ap: false });
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MlmeMessage {
    /// The interface's index.
    pub ifindex: u32,
    /// What happened.
    pub kind: MlmeKind,
}

/// What happened to a connection.
///
/// Where a station has several links to its access point (MLO, since Linux
/// 6.0), `NewStation`, `Connect` and `Roam` have the address that stands for
/// all of them; the frames behind the others may have that of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MlmeKind {
    /// NL80211_CMD_NEW_STATION. On a station's interface it is the first sign
    /// of an access point that is being connected to; on that of an access
    /// point it is a client.
    NewStation {
        /// The other end.
        address: Bssid,
    },
    /// NL80211_CMD_AUTHENTICATE: an answer, or none in time. A network with
    /// WPA3 (SAE) gives two or more.
    Authenticate {
        /// Who answered, or did not.
        bssid: Option<Bssid>,
        /// It was refused, or timed out.
        failed: bool,
    },
    /// NL80211_CMD_ASSOCIATE: an answer, or none in time.
    Associate {
        /// Who answered, or did not.
        bssid: Option<Bssid>,
        /// It was refused, or timed out.
        failed: bool,
        /// It is a reassociation: the station comes from another access point
        /// of the network.
        again: bool,
    },
    /// NL80211_CMD_CONNECT: the end of an attempt to connect.
    Connect {
        /// The access point; it may be missing from a failure.
        bssid: Option<Bssid>,
        /// The 802.11 status code: 0 is success. `None` after a time-out.
        status: Option<u16>,
    },
    /// NL80211_CMD_ROAM: the driver or the kernel went on to another access
    /// point. Drivers of mac80211 do not send this under wpa_supplicant: they
    /// disconnect and connect.
    Roam {
        /// The new access point.
        bssid: Option<Bssid>,
    },
    /// NL80211_CMD_DEAUTHENTICATE: a frame that was sent or received.
    Deauthenticate {
        /// The 802.11 reason code: [`reason_name`](super::reason_name).
        reason: Option<u16>,
        /// Who sent it: the interface's own address, or the access point's.
        from: Option<Bssid>,
        /// The access point.
        bssid: Option<Bssid>,
    },
    /// NL80211_CMD_DISASSOCIATE: a frame that was sent or received.
    Disassociate {
        /// The 802.11 reason code: [`reason_name`](super::reason_name).
        reason: Option<u16>,
        /// Who sent it: the interface's own address, or the access point's.
        from: Option<Bssid>,
        /// The access point.
        bssid: Option<Bssid>,
    },
    /// NL80211_CMD_DISCONNECT: the connection has ended.
    Disconnect {
        /// The 802.11 reason code: [`reason_name`](super::reason_name).
        /// `None` where the kernel has none.
        reason: Option<u16>,
        /// The access point ended it.
        by_ap: bool,
    },
}

impl MlmeMessage {
    /// Reads a message; `None` if it is about something else than
    /// [`MlmeKind`] has, is not of the family of this number
    /// ([`Wireless::family_id`](super::Wireless::family_id)), or lacks what
    /// it would tell.
    pub fn parse(message: &RawMessage<'_>, family_id: u16) -> Option<MlmeMessage> {
        if message.header().kind != family_id {
            return None;
        }
        let message = genl::Message::new(message, 0)?;
        // Most messages of the group are of no interest, those of scans are
        // large: the command comes first.
        if !is_known(message.command()) {
            return None;
        }
        let told = Told::read(message.attributes());
        Some(MlmeMessage {
            ifindex: told.ifindex?,
            kind: told.kind(message.command())?,
        })
    }
}

fn is_known(command: u8) -> bool {
    matches!(
        command,
        command::NEW_STATION
            | command::AUTHENTICATE
            | command::ASSOCIATE
            | command::DEAUTHENTICATE
            | command::DISASSOCIATE
            | command::CONNECT
            | command::ROAM
            | command::DISCONNECT
    )
}

/// The attributes that these messages have.
#[derive(Debug, Default)]
struct Told<'a> {
    ifindex: Option<u32>,
    address: Option<Bssid>,
    frame: Option<Frame<'a>>,
    reason: Option<u16>,
    status: Option<u16>,
    timed_out: bool,
    by_ap: bool,
}

impl<'a> Told<'a> {
    fn read(attributes: Attributes<'a>) -> Told<'a> {
        let mut told = Told::default();
        for attribute in attributes {
            match attribute.kind() {
                attr::IFINDEX => told.ifindex = attribute.u32(),
                attr::MAC => told.address = Bssid::new(attribute.payload()),
                attr::FRAME => told.frame = Frame::parse(attribute.payload()),
                attr::REASON_CODE => told.reason = attribute.u16(),
                attr::STATUS_CODE => told.status = attribute.u16(),
                attr::TIMED_OUT => told.timed_out = true,
                attr::DISCONNECTED_BY_AP => told.by_ap = true,
                _ => {}
            }
        }
        told
    }

    fn kind(&self, command: u8) -> Option<MlmeKind> {
        let frame = self.frame.as_ref();
        Some(match command {
            command::NEW_STATION => MlmeKind::NewStation {
                address: self.address?,
            },
            command::AUTHENTICATE => MlmeKind::Authenticate {
                bssid: self.answering(),
                failed: self.timed_out || frame?.refuses_authentication()?,
            },
            command::ASSOCIATE => MlmeKind::Associate {
                bssid: self.answering(),
                failed: self.timed_out || frame?.association_status()? != 0,
                again: frame.is_some_and(|frame| frame.subtype == Frame::REASSOC_RESP),
            },
            command::DEAUTHENTICATE => MlmeKind::Deauthenticate {
                reason: frame.and_then(Frame::reason),
                from: frame.map(|frame| frame.source),
                bssid: frame.map(|frame| frame.bssid),
            },
            command::DISASSOCIATE => MlmeKind::Disassociate {
                reason: frame.and_then(Frame::reason),
                from: frame.map(|frame| frame.source),
                bssid: frame.map(|frame| frame.bssid),
            },
            // The kernel puts a status of 1 beside the time-out
            // (`nl80211_send_connect_result`, net/wireless/nl80211.c).
            command::CONNECT => MlmeKind::Connect {
                bssid: self.address,
                status: self.status.filter(|_| !self.timed_out),
            },
            command::ROAM => MlmeKind::Roam {
                bssid: self.address,
            },
            command::DISCONNECT => MlmeKind::Disconnect {
                reason: self.reason,
                by_ap: self.by_ap,
            },
            _ => return None,
        })
    }

    /// Who answered, as the frame has it; of a time-out there is only the
    /// address.
    fn answering(&self) -> Option<Bssid> {
        self.frame
            .as_ref()
            .map_or(self.address, |frame| Some(frame.bssid))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::nl::MessageBuilder;

    const FAMILY: u16 = 0x1c;
    const ME: [u8; 6] = [2, 0, 0, 0, 1, 0];
    const AP: [u8; 6] = [2, 0, 0, 0, 2, 0];
    const EVERYONE: [u8; 6] = [0xff; 6];

    /// A message with the attributes that all but station messages begin with.
    fn message(command: u8) -> MessageBuilder {
        let mut message = MessageBuilder::new(FAMILY, 0).unwrap();
        message
            .append(&[command, 1, 0, 0])
            .unwrap()
            .put_u32(attr::WIPHY, 3)
            .unwrap()
            .put_u32(attr::IFINDEX, 7)
            .unwrap();
        message
    }

    fn frame(control: u8, to: [u8; 6], from: [u8; 6], bssid: [u8; 6], body: &[u8]) -> Vec<u8> {
        let mut frame = vec![control, 0, 0x3a, 1];
        for address in [to, from, bssid] {
            frame.extend(address);
        }
        frame.extend([0x10, 0]);
        frame.extend(body);
        frame
    }

    fn with_frame(command: u8, frame: &[u8]) -> MessageBuilder {
        let mut message = message(command);
        message.put(attr::FRAME, frame).unwrap();
        message
    }

    fn kind(message: &MessageBuilder) -> Option<MlmeKind> {
        let told = MlmeMessage::parse(&message.as_message(), FAMILY)?;
        assert_eq!(told.ifindex, 7);
        Some(told.kind)
    }

    #[test]
    fn a_roam_as_linux_6_1_tells_it() {
        let old = Some(Bssid::from([2, 0, 0, 0, 0, 0]));
        let new = Some(Bssid::from(AP));
        // As captured: reason 1, "from me".
        let captured = [
            0xc0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0,
        ];
        assert_eq!(
            kind(&with_frame(39, &captured)),
            Some(MlmeKind::Deauthenticate {
                reason: Some(1),
                from: Some(ME.into()),
                bssid: old
            })
        );
        let mut end = message(48);
        end.put_u16(attr::REASON_CODE, 1).unwrap();
        let expected = MlmeKind::Disconnect {
            reason: Some(1),
            by_ap: false,
        };
        assert_eq!(kind(&end), Some(expected));

        // Station messages have no WIPHY.
        let mut station = MessageBuilder::new(FAMILY, 0).unwrap();
        station.append(&[19, 1, 0, 0]).unwrap();
        station.put_u32(attr::IFINDEX, 7).unwrap();
        station.put(attr::MAC, &AP).unwrap();
        station.put_u32(46, 5).unwrap();
        station.nest(attr::STA_INFO, |_| Ok(())).unwrap();
        let expected = MlmeKind::NewStation { address: AP.into() };
        assert_eq!(kind(&station), Some(expected));

        let answer = frame(0xb0, ME, AP, AP, &[0, 0, 2, 0, 0, 0]);
        let expected = MlmeKind::Authenticate {
            bssid: new,
            failed: false,
        };
        assert_eq!(kind(&with_frame(37, &answer)), Some(expected));

        for (control, again) in [(0x30, true), (0x10, false)] {
            let answer = frame(control, ME, AP, AP, &[0x31, 4, 0, 0, 1, 0xc0, 1, 1, 0x82]);
            let mut message = with_frame(38, &answer);
            message.put(77, b"\x00\x04home").unwrap();
            message.nest(129, |wme| wme.put_u8(1, 0).map(drop)).unwrap();
            let expected = MlmeKind::Associate {
                bssid: new,
                failed: false,
                again,
            };
            assert_eq!(kind(&message), Some(expected));
        }

        let mut connect = message(46);
        connect.put(attr::MAC, &AP).unwrap();
        connect.put_u16(attr::STATUS_CODE, 0).unwrap();
        connect.put(77, b"\x00\x04home").unwrap();
        connect.put(78, b"\x01\x01\x82").unwrap();
        let expected = MlmeKind::Connect {
            bssid: new,
            status: Some(0),
        };
        assert_eq!(kind(&connect), Some(expected));

        let mut roam = message(47);
        roam.put(attr::MAC, &AP).unwrap();
        assert_eq!(kind(&roam), Some(MlmeKind::Roam { bssid: new }));
    }

    #[test]
    fn a_goodbye_is_the_access_point_s() {
        let goodbye = frame(0xc0, EVERYONE, AP, AP, &[3, 0]);
        let from_ap = Some(AP.into());
        assert_eq!(
            kind(&with_frame(39, &goodbye)),
            Some(MlmeKind::Deauthenticate {
                reason: Some(3),
                from: from_ap,
                bssid: from_ap
            })
        );
        let leave = frame(0xa0, ME, AP, AP, &[8, 0]);
        assert_eq!(
            kind(&with_frame(40, &leave)),
            Some(MlmeKind::Disassociate {
                reason: Some(8),
                from: from_ap,
                bssid: from_ap
            })
        );
        let mut end = message(48);
        end.put_u16(attr::REASON_CODE, 3).unwrap();
        end.put_flag(attr::DISCONNECTED_BY_AP).unwrap();
        let expected = MlmeKind::Disconnect {
            reason: Some(3),
            by_ap: true,
        };
        assert_eq!(kind(&end), Some(expected));
        // The kernel leaves out a reason of 0.
        let expected = MlmeKind::Disconnect {
            reason: None,
            by_ap: false,
        };
        assert_eq!(kind(&message(48)), Some(expected));
    }

    #[test]
    fn failures() {
        let bssid = Some(AP.into());
        for command in [37, 38, 46] {
            let mut late = message(command);
            late.put_flag(attr::TIMED_OUT).unwrap();
            late.put(attr::MAC, &AP).unwrap();
            late.put_u16(attr::STATUS_CODE, 1).unwrap();
            let expected = match command {
                37 => MlmeKind::Authenticate {
                    bssid,
                    failed: true,
                },
                38 => MlmeKind::Associate {
                    bssid,
                    failed: true,
                    again: false,
                },
                _ => MlmeKind::Connect {
                    bssid,
                    status: None,
                },
            };
            assert_eq!(kind(&late), Some(expected));
        }
        let refused = frame(0x30, ME, AP, AP, &[0x31, 4, 17, 0, 0, 0]);
        let expected = MlmeKind::Associate {
            bssid,
            failed: true,
            again: true,
        };
        assert_eq!(kind(&with_frame(38, &refused)), Some(expected));
        for (algorithm, transaction, status, failed) in [
            (0, 2, 13, true),
            (0, 2, 76, true),
            (3, 1, 1, true),
            (3, 1, 76, false),
            (3, 1, 126, false),
            (3, 2, 126, true),
        ] {
            let body = [algorithm, 0, transaction, 0, status, 0];
            let answer = frame(0xb0, ME, AP, AP, &body);
            let expected = MlmeKind::Authenticate { bssid, failed };
            assert_eq!(kind(&with_frame(37, &answer)), Some(expected), "{body:?}");
        }
    }

    #[test]
    fn what_is_cut_off_tells_less() {
        let goodbye = frame(0xc0, ME, AP, AP, &[3, 0]);
        let nothing = MlmeKind::Deauthenticate {
            reason: None,
            from: None,
            bssid: None,
        };
        for length in 0..24 {
            assert_eq!(kind(&with_frame(39, &goodbye[..length])), Some(nothing));
        }
        assert_eq!(
            kind(&with_frame(39, &goodbye[..25])),
            Some(MlmeKind::Deauthenticate {
                reason: None,
                from: Some(AP.into()),
                bssid: Some(AP.into())
            })
        );
        assert_eq!(kind(&message(39)), Some(nothing));
        // A data frame has its addresses elsewhere.
        let data = frame(0x08, ME, AP, AP, &[3, 0]);
        assert_eq!(kind(&with_frame(39, &data)), Some(nothing));
        // An answer whose status is not there says nothing.
        for (command, control) in [(37, 0xb0), (38, 0x10)] {
            let answer = frame(control, ME, AP, AP, &[0, 0, 1]);
            assert_eq!(kind(&with_frame(command, &answer)), None);
            assert_eq!(kind(&message(command)), None);
        }
        let mut odd = message(46);
        odd.put(attr::MAC, &AP[..5]).unwrap();
        odd.put_u8(attr::STATUS_CODE, 0).unwrap();
        let expected = MlmeKind::Connect {
            bssid: None,
            status: None,
        };
        assert_eq!(kind(&odd), Some(expected));
        assert_eq!(kind(&message(19)), None, "a station without an address");
    }

    #[test]
    fn others_are_none() {
        for command in (0..=u8::MAX).filter(|&command| !is_known(command)) {
            let mut other = message(command);
            other.put(attr::MAC, &AP).unwrap();
            assert_eq!(kind(&other), None, "{command}");
        }
        let end = message(48);
        assert_eq!(MlmeMessage::parse(&end.as_message(), FAMILY + 1), None);
        let mut nowhere = MessageBuilder::new(FAMILY, 0).unwrap();
        assert_eq!(MlmeMessage::parse(&nowhere.as_message(), FAMILY), None);
        nowhere.append(&[48, 1, 0, 0]).unwrap();
        assert_eq!(MlmeMessage::parse(&nowhere.as_message(), FAMILY), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(command in 0..=80u8, tail in prop::collection::vec(any::<u8>(), 0..96)) {
            let mut bytes = message(command).as_message().as_bytes().to_vec();
            bytes.extend(tail);
            let length = bytes.len() as u32;
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            let message = RawMessage::new(&bytes).unwrap();
            let _ = MlmeMessage::parse(&message, FAMILY);
            let _ = super::super::association::Bss::parse(message.attributes(4), 7);
            let _ = super::super::association::station_signal(message.attributes(4));
            let _ = super::super::WirelessInterface::parse(message.attributes(4));
        }

        #[test]
        fn no_frame_panics(command in 37..=40u8, bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = kind(&with_frame(command, &bytes));
            let _ = super::super::Ssid::in_elements(&bytes);
        }

        #[test]
        fn messages_cut_anywhere_are_no_trouble(length in 0..80usize) {
            let answer = with_frame(38, &frame(0x30, ME, AP, AP, &[0x31, 4, 0, 0, 1, 0xc0]));
            let mut bytes = answer.as_message().as_bytes().to_vec();
            bytes.truncate(length);
            if let Some(start) = bytes.first_chunk_mut::<4>() {
                *start = (length as u32).to_ne_bytes();
            }
            if let Some(message) = RawMessage::new(&bytes) {
                let _ = MlmeMessage::parse(&message, FAMILY);
            }
        }
    }
}
