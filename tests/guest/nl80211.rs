//! What the library itself reads of nl80211, compared with iw.

use std::fs;
use std::process::Command;

use linkwatch::ErrorKind;
use linkwatch::nl::nl80211::{Bssid, InterfaceMode, MlmeKind, MlmeMessage, Ssid, Wireless};
use linkwatch::nl::{Namespace, Protocol, Socket, genl};

use crate::access_point::{AccessPoint, OPEN, STATION, WPA2, radios};
use crate::in_guest;
use crate::process::run;
use crate::station::{Supplicant, hear, join, leave};
use crate::support::{eventually, ip, link_json};
use crate::witness::{association, mac, operstate};

/// 802.11 reason codes.
const LEAVING: u16 = 3;
const INACTIVE: u16 = 4;

#[track_caller]
fn wireless() -> Wireless {
    let wireless = Wireless::connect_in(&Namespace::current()).expect("a socket");
    wireless.expect("nl80211")
}

#[track_caller]
fn ifindex(name: &str) -> u32 {
    let number = link_json(name)["ifindex"].as_u64().expect("a number");
    u32::try_from(number).expect("an index")
}

fn address(text: &str) -> Bssid {
    let bytes: Vec<u8> = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal"))
        .collect();
    Bssid::new(&bytes).expect("six bytes")
}

fn wifi_modules() -> Vec<String> {
    let modules = fs::read_to_string("/proc/modules").expect("the modules");
    let names = modules.lines().filter_map(|line| line.split(' ').next());
    let of_wifi = names.filter(|name| name.contains("80211"));
    of_wifi.map(str::to_owned).collect()
}

/// What `iw dev NAME info` says behind a word.
#[track_caller]
fn info(name: &str, word: &str) -> Option<String> {
    let text = run("iw", &["dev", name, "info"]);
    let mut lines = text.lines().map(str::trim);
    let line = lines.find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    Some(line?.to_owned())
}

/// The interface is as iw says.
#[track_caller]
fn assert_interface(wireless: &mut Wireless, name: &str) {
    let ours = wireless.interface(ifindex(name)).expect("an answer");
    let ours = ours.expect("a wireless interface");
    let listed = wireless.interfaces().expect("a list");
    assert!(listed.contains(&ours), "{ours:?}: {listed:?}");
    assert_eq!(Some(ours.ifindex.to_string()), info(name, "ifindex"));
    assert_eq!(Some(ours.wiphy.to_string()), info(name, "wiphy"));
    let mode = match info(name, "type").expect("a type").as_str() {
        "managed" => InterfaceMode::Station,
        "AP" => InterfaceMode::AccessPoint,
        "monitor" => InterfaceMode::Monitor,
        other => panic!("{other:?}"),
    };
    assert_eq!(ours.mode, mode);
    assert_eq!(ours.ssid.map(|ssid| ssid.to_string()), info(name, "ssid"));
    // "1 (2412 MHz), width: 20 MHz (no HT), center1: 2412 MHz"
    let channel = info(name, "channel");
    let frequency = channel.as_deref().and_then(|channel| {
        let (_, rest) = channel.split_once('(')?;
        rest.split_once(" MHz")?.0.parse().ok()
    });
    assert_eq!(ours.frequency, frequency, "{channel:?}");
}

/// The association is as `iw dev NAME link` and `iw dev NAME station dump` say.
#[track_caller]
fn assert_association(wireless: &mut Wireless, name: &str) {
    let ours = wireless.association(ifindex(name)).expect("an answer");
    let ours = ours.expect("an association");
    let by_iw = association(name).expect("iw to know of it");
    assert_eq!(ours.bssid.to_string(), by_iw.bssid);
    let ssid = ours.ssid.expect("a name");
    assert_eq!(ssid.to_string(), by_iw.ssid);
    assert_eq!(ours.frequency.map(u64::from), Some(by_iw.frequency));
    assert_eq!(ours.signal.map(i64::from), Some(by_iw.signal));
    let stations = run("iw", &["dev", name, "station", "dump"]);
    assert!(
        stations.contains(&format!("Station {} ", ours.bssid)),
        "{stations}"
    );
}

/// What the group "mlme" tells of the station.
struct Mlme {
    socket: Socket,
    family: u16,
    ifindex: u32,
    told: Vec<MlmeKind>,
}

impl Mlme {
    #[track_caller]
    fn follow() -> Mlme {
        let wireless = wireless();
        let mut socket = Socket::connect(Protocol::Generic).expect("a socket");
        let group = wireless.mlme_group().expect("the group");
        socket.join(group).expect("joining");
        socket.set_nonblocking(true).expect("not blocking");
        Mlme {
            socket,
            family: wireless.family_id(),
            ifindex: ifindex(STATION),
            told: Vec::new(),
        }
    }

    /// Takes all that is told up to what ends it.
    #[track_caller]
    fn until(&mut self, what: &str, end: impl Fn(&MlmeKind) -> bool) -> Vec<MlmeKind> {
        let mut length = None;
        eventually(what, || {
            self.receive();
            length = self.told.iter().position(&end);
            length.is_some()
        });
        self.told.drain(..=length.expect("its place")).collect()
    }

    #[track_caller]
    fn receive(&mut self) {
        loop {
            let datagram = match self.socket.recv_datagram() {
                Ok(datagram) => datagram,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            };
            let told = datagram
                .messages()
                .filter_map(|message| MlmeMessage::parse(&message, self.family))
                .filter(|message| message.ifindex == self.ifindex);
            self.told.extend(told.map(|message| message.kind));
        }
    }

    /// The station connects to this access point.
    #[track_caller]
    fn assert_connects(&mut self, access_point: Bssid, again: bool) {
        let bssid = Some(access_point);
        let is_end = |kind: &MlmeKind| matches!(kind, MlmeKind::Connect { .. });
        let told = self.until("a connection", is_end);
        let expected = [
            MlmeKind::NewStation {
                address: access_point,
            },
            MlmeKind::Authenticate {
                bssid,
                failed: false,
            },
            MlmeKind::Associate {
                bssid,
                failed: false,
                again,
            },
            MlmeKind::Connect {
                bssid,
                status: Some(0),
            },
        ];
        // Before it may be what ended the last one, and attempts that failed.
        assert!(told.ends_with(&expected), "{told:#?}");
    }

    /// The connection ends, by a deauthentication.
    #[track_caller]
    fn assert_ends(&mut self, access_point: Bssid, because: impl Fn(u16) -> bool, by_ap: bool) {
        let told = self.until("an end", |kind| matches!(kind, MlmeKind::Disconnect { .. }));
        let [
            ..,
            MlmeKind::Deauthenticate {
                reason: Some(reason),
                from: Some(from),
                bssid: Some(bssid),
            },
            MlmeKind::Disconnect {
                reason: Some(why),
                by_ap: by,
            },
        ] = told[..]
        else {
            panic!("{told:#?}");
        };
        let me = address(&mac(STATION));
        assert_eq!(from, if by_ap { access_point } else { me }, "{told:#?}");
        assert_eq!((bssid, by), (access_point, by_ap), "{told:#?}");
        assert!(because(reason) && reason == why, "{told:#?}");
    }
}

in_guest! {
    fn asking_for_nl80211_does_not_load_it() {
        for module in ["mac80211", "cfg80211"] {
            // It may not be loaded.
            let _ = Command::new("rmmod").arg(module).output();
        }
        assert_eq!(wifi_modules(), [""; 0]);
        let none = Wireless::connect_in(&Namespace::current()).unwrap();
        assert!(none.is_none(), "{none:?}");
        assert_eq!(wifi_modules(), [""; 0]);
        // Which would be otherwise by the way of most programs.
        genl::Socket::connect().unwrap().resolve("nl80211").unwrap();
        assert_eq!(wifi_modules(), ["cfg80211"]);
        assert_eq!(wireless().interfaces().unwrap(), []);
    }

    fn interfaces_are_as_iw_says() {
        let _radios = radios(3);
        let mut wireless = wireless();
        assert_interface(&mut wireless, STATION);
        let access_point = AccessPoint::start("wlan0", OPEN, 6);
        assert_interface(&mut wireless, "wlan0");
        run("iw", &["dev", "wlan2", "interface", "add", "mon0", "type", "monitor"]);
        assert_interface(&mut wireless, "mon0");
        assert_eq!(wireless.interfaces().unwrap().len(), 4);
        // The kernel itself connects, so it knows the name.
        access_point.say_goodbye();
        let _access_point = AccessPoint::start("wlan0", OPEN, 1);
        ip(&["link", "set", STATION, "up"]);
        join(OPEN);
        assert_interface(&mut wireless, STATION);
        let station = wireless.interface(ifindex(STATION)).unwrap().unwrap();
        assert_eq!(station.ssid, Ssid::new(OPEN.ssid));

        for ifindex in [0, ifindex("lo"), 4711, u32::MAX] {
            assert_eq!(wireless.interface(ifindex).unwrap(), None);
            assert_eq!(wireless.association(ifindex).unwrap(), None);
        }
        for name in ["wlan0", "wlan2", "mon0"] {
            assert_eq!(wireless.association(ifindex(name)).unwrap(), None, "{name}");
        }
    }

    fn associations_are_as_iw_says() {
        let radios = radios(2);
        let mut wireless = wireless();
        let station = ifindex(STATION);
        assert_eq!(wireless.association(station).unwrap(), None, "down");
        ip(&["link", "set", STATION, "up"]);
        assert_eq!(wireless.association(station).unwrap(), None, "alone");

        let access_point = AccessPoint::start("wlan0", OPEN, 1);
        join(OPEN);
        assert_association(&mut wireless, STATION);
        leave();
        // The access point is still among the scan results.
        assert_eq!(association(STATION), None);
        assert_eq!(wireless.association(station).unwrap(), None, "left");
        // The carrier goes later than the association, by up to a second.
        eventually("the end", || operstate(STATION) != "up");
        access_point.say_goodbye();

        let access_point = AccessPoint::start("wlan0", WPA2, 1);
        let supplicant = Supplicant::start(WPA2);
        eventually("the handshake", || operstate(STATION) == "up");
        assert_association(&mut wireless, STATION);
        // wpa_supplicant connects, so the interface does not know the name.
        assert_interface(&mut wireless, STATION);
        supplicant.end();
        assert_eq!(wireless.association(station).unwrap(), None, "ended");

        access_point.say_goodbye();
        drop(radios);
        assert_eq!(wireless.interface(station).unwrap(), None, "gone");
        assert_eq!(wireless.association(station).unwrap(), None, "gone");
        assert_eq!(wireless.interfaces().unwrap(), []);
    }

    fn the_group_mlme_tells_of_connections_and_their_ends() {
        let _radios = radios(2);
        ip(&["link", "set", STATION, "up"]);
        let mut mlme = Mlme::follow();
        let access_point = AccessPoint::start("wlan0", OPEN, 1);
        let bssid = address(&access_point.bssid());
        join(OPEN);
        mlme.assert_connects(bssid, false);
        leave();
        mlme.assert_ends(bssid, |reason| reason == LEAVING, false);

        join(OPEN);
        mlme.assert_connects(bssid, false);
        access_point.say_goodbye();
        mlme.assert_ends(bssid, |reason| reason == LEAVING, true);

        let access_point = AccessPoint::start("wlan0", OPEN, 1);
        join(OPEN);
        mlme.assert_connects(bssid, false);
        access_point.vanish();
        mlme.assert_ends(bssid, |reason| reason == INACTIVE, false);
    }

    fn the_group_mlme_tells_of_a_roam() {
        let _radios = radios(3);
        let one = AccessPoint::start("wlan0", WPA2, 1);
        let other = AccessPoint::start("wlan2", WPA2, 1);
        hear(&[&one, &other]);
        let mut mlme = Mlme::follow();
        let supplicant = Supplicant::start(WPA2);
        eventually("the handshake", || operstate(STATION) == "up");
        let first = association(STATION).expect("an association").bssid;
        let [from, to] = if first == one.bssid() { [&one, &other] } else { [&other, &one] };
        let [from, to] = [from, to].map(|access_point| address(&access_point.bssid()));
        mlme.assert_connects(from, false);

        supplicant.roam(&to.to_string());
        // A roam's reason is 1, or 2 where it authenticates anew.
        mlme.assert_ends(from, |reason| reason == 1 || reason == 2, false);
        mlme.assert_connects(to, true);
        eventually("the handshake", || operstate(STATION) == "up");
        assert_association(&mut wireless(), STATION);
    }
}
