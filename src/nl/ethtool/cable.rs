//! Tests of the cable.

use std::fmt;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Ethtool, HEADER, HEADER_DEV_INDEX};
use crate::nl::{Action, Attributes, Protocol, Socket, genl};
use crate::{Error, ErrorKind, Result};

// linux/ethtool_netlink.h
const MONITOR: &str = "monitor";
const CABLE_TEST_ACT: u8 = 26;
const CABLE_TEST_NTF: u8 = 27;

const NTF_STATUS: u16 = 2;
const NTF_NEST: u16 = 3;
const STARTED: u8 = 1;
const COMPLETED: u8 = 2;

const NEST_RESULT: u16 = 1;
const NEST_FAULT_LENGTH: u16 = 2;

const RESULT_PAIR: u16 = 1;
const RESULT_CODE: u16 = 2;
const RESULT_SRC: u16 = 3;

const FAULT_LENGTH_PAIR: u16 = 1;
const FAULT_LENGTH_CM: u16 = 2;
const FAULT_LENGTH_SRC: u16 = 3;

/// What a test found out about one pair of a cable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CablePair {
    /// Which pair.
    pub pair: Pair,
    /// How it is.
    pub result: CableResult,
    /// How far away the fault is, in centimetres. Some drivers also tell the
    /// length of a pair without fault.
    pub distance: Option<u32>,
    /// How it was measured, where the driver tells (since Linux 6.12). A pair
    /// that was measured in two ways comes twice.
    pub method: Option<CableMethod>,
}

/// A pair of a cable, numbered from 0; shown as `A` to `D`, and any further one
/// as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair(pub u8);

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.pad("A"),
            1 => f.pad("B"),
            2 => f.pad("C"),
            3 => f.pad("D"),
            number => f.pad(&number.to_string()),
        }
    }
}

/// How a pair is (`ETHTOOL_A_CABLE_RESULT_CODE_*`); shown in the words of these
/// constants: `ok`, `same-short`, `unknown-17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CableResult {
    /// The test could not tell.
    Unspecified,
    /// Without fault.
    Ok,
    /// It is open, or there is nothing at the other end.
    Open,
    /// Its two wires touch.
    SameShort,
    /// It touches another pair.
    CrossShort,
    /// A part of it differs in impedance.
    ImpedanceMismatch,
    /// There was too much noise.
    Noise,
    /// The fault is out of reach.
    ResolutionNotPossible,
    /// A number that this library does not know.
    Unknown(u8),
}

impl CableResult {
    fn from_raw(number: u8) -> CableResult {
        match number {
            0 => CableResult::Unspecified,
            1 => CableResult::Ok,
            2 => CableResult::Open,
            3 => CableResult::SameShort,
            4 => CableResult::CrossShort,
            5 => CableResult::ImpedanceMismatch,
            6 => CableResult::Noise,
            7 => CableResult::ResolutionNotPossible,
            number => CableResult::Unknown(number),
        }
    }
}

impl fmt::Display for CableResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            CableResult::Unspecified => "unspecified",
            CableResult::Ok => "ok",
            CableResult::Open => "open",
            CableResult::SameShort => "same-short",
            CableResult::CrossShort => "cross-short",
            CableResult::ImpedanceMismatch => "impedance-mismatch",
            CableResult::Noise => "noise",
            CableResult::ResolutionNotPossible => "resolution-not-possible",
            CableResult::Unknown(number) => return f.pad(&format!("unknown-{number}")),
        })
    }
}

/// How a pair was measured (`ETHTOOL_A_CABLE_INF_SRC_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CableMethod {
    /// By the echo of a pulse: time-domain reflectometry.
    Tdr,
    /// While the link was up: active link cable diagnostic.
    Alcd,
    /// A number that this library does not know.
    Unknown(u32),
}

impl CableMethod {
    fn from_raw(number: u32) -> Option<CableMethod> {
        match number {
            0 => None,
            1 => Some(CableMethod::Tdr),
            2 => Some(CableMethod::Alcd),
            number => Some(CableMethod::Unknown(number)),
        }
    }
}

impl fmt::Display for CableMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CableMethod::Tdr => f.pad("tdr"),
            CableMethod::Alcd => f.pad("alcd"),
            CableMethod::Unknown(number) => f.pad(&format!("unknown-{number}")),
        }
    }
}

/// Starts a test and waits for what comes of it.
pub(super) fn test(
    ethtool: &mut Ethtool,
    ifindex: u32,
    timeout: Duration,
) -> Result<Vec<CablePair>> {
    const DOING: &str = "testing a cable";
    let Some(group) = ethtool.family.group(MONITOR) else {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "this kernel does not announce what comes of testing a cable",
        ));
    };
    // Joined before the test begins, or its end might be missed.
    let mut socket = Socket::connect_in(&ethtool.namespace, Protocol::Generic)?;
    socket.set_nonblocking(true)?;
    socket.join(group)?;
    let deadline = Instant::now().checked_add(timeout);
    let request = ethtool.request(ifindex, CABLE_TEST_ACT)?;
    ethtool.socket.ask(request, DOING, |_| {})?;

    let mut outcome = Outcome::new(ethtool.family.id(), ifindex);
    loop {
        // All that is queued, for the end of an earlier test may stand before
        // the beginning of ours.
        match socket.recv_with(|message| {
            outcome.take(message);
            Action::Ok
        }) {
            Ok(_) => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // What was dropped may have been of other devices.
            Err(error) if error.kind() == ErrorKind::Overrun => continue,
            Err(error) => return Err(error.while_doing(DOING)),
        }
        if let Some(pairs) = outcome.pairs.take() {
            return Ok(pairs);
        }
        if !wait(&socket, deadline)? {
            return Err(Error::new(
                ErrorKind::WouldBlock,
                format!("{DOING}: no result within {timeout:?}"),
            ));
        }
    }
}

/// Waits for something to read; false if the time is up.
fn wait(socket: &Socket, deadline: Option<Instant>) -> Result<bool> {
    let timeout = match deadline {
        None => PollTimeout::NONE,
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            // Rounded up, so as not to wake just before the time is up.
            let milliseconds = left.as_nanos().div_ceil(1_000_000);
            i32::try_from(milliseconds)
                .ok()
                .and_then(|milliseconds| PollTimeout::try_from(milliseconds).ok())
                .unwrap_or(PollTimeout::MAX)
        }
    };
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(true),
        Err(error) => Err(Error::from_nix(error, "waiting for a cable test")),
    }
}

/// What the announcements say of the test of one interface.
struct Outcome {
    family: u16,
    ifindex: u32,
    pairs: Option<Vec<CablePair>>,
}

impl Outcome {
    fn new(family: u16, ifindex: u32) -> Outcome {
        Outcome {
            family,
            ifindex,
            pairs: None,
        }
    }

    fn take(&mut self, message: &crate::nl::RawMessage<'_>) {
        if message.header().kind != self.family {
            return;
        }
        let Some(message) = genl::Message::new(message, 0) else {
            return;
        };
        if message.command() != CABLE_TEST_NTF {
            return;
        }
        let find = |kind| message.attributes().find(kind);
        let index = find(HEADER).and_then(|header| header.nested().find(HEADER_DEV_INDEX)?.u32());
        if index != Some(self.ifindex) {
            return;
        }
        match find(NTF_STATUS).and_then(|status| status.u8()) {
            Some(STARTED) => self.pairs = None,
            Some(COMPLETED) => {
                let nest = find(NTF_NEST).map(|nest| pairs(nest.nested()));
                self.pairs = Some(nest.unwrap_or_default());
            }
            _ => {}
        }
    }
}

/// The results and the distances, which come one by one, put together.
fn pairs(nest: Attributes<'_>) -> Vec<CablePair> {
    let mut pairs: Vec<CablePair> = Vec::new();
    for entry in nest {
        let find = |kind| entry.nested().find(kind);
        let (pair, method) = match entry.kind() {
            NEST_RESULT => (find(RESULT_PAIR), find(RESULT_SRC)),
            NEST_FAULT_LENGTH => (find(FAULT_LENGTH_PAIR), find(FAULT_LENGTH_SRC)),
            _ => continue,
        };
        let Some(number) = pair.and_then(|pair| pair.u8()) else {
            continue;
        };
        let pair = Pair(number);
        let method = method.and_then(|method| CableMethod::from_raw(method.u32()?));
        let known = pairs
            .iter()
            .position(|known| known.pair == pair && known.method == method);
        let index = known.unwrap_or_else(|| {
            pairs.push(CablePair {
                pair,
                result: CableResult::Unspecified,
                distance: None,
                method,
            });
            pairs.len() - 1
        });
        if entry.kind() == NEST_RESULT {
            if let Some(code) = find(RESULT_CODE).and_then(|code| code.u8()) {
                pairs[index].result = CableResult::from_raw(code);
            }
        } else if let Some(length) = find(FAULT_LENGTH_CM).and_then(|length| length.u32()) {
            pairs[index].distance = Some(length);
        }
    }
    pairs.sort_by_key(|pair| pair.pair);
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::{MessageBuilder, encode};

    const FAMILY: u16 = 0x15;

    fn announcement(
        command: u8,
        ifindex: u32,
        status: u8,
        fill: impl FnOnce(&mut MessageBuilder) -> Result<()>,
    ) -> MessageBuilder {
        let mut message = MessageBuilder::new(FAMILY, 0).unwrap();
        message.append(&[command, 1, 0, 0]).unwrap();
        message
            .nest(HEADER, |header| {
                header.put_u32(HEADER_DEV_INDEX, ifindex)?;
                header.put_string(2, b"eth0")?;
                Ok(())
            })
            .unwrap();
        message.put_u8(NTF_STATUS, status).unwrap();
        message.nest(NTF_NEST, fill).unwrap();
        message
    }

    fn result(message: &mut MessageBuilder, pair: u8, code: u8) -> Result<()> {
        message.nest(NEST_RESULT, |nest| {
            nest.put_u8(RESULT_PAIR, pair)?.put_u8(RESULT_CODE, code)?;
            Ok(())
        })?;
        Ok(())
    }

    fn length(message: &mut MessageBuilder, pair: u8, centimetres: u32) -> Result<()> {
        message.nest(NEST_FAULT_LENGTH, |nest| {
            nest.put_u8(FAULT_LENGTH_PAIR, pair)?
                .put_u32(FAULT_LENGTH_CM, centimetres)?;
            Ok(())
        })?;
        Ok(())
    }

    fn outcome_of(messages: &[&MessageBuilder]) -> Option<Vec<CablePair>> {
        let mut outcome = Outcome::new(FAMILY, 7);
        for message in messages {
            outcome.take(&message.as_message());
        }
        outcome.pairs
    }

    fn told(message: &MessageBuilder) -> Vec<(String, String, Option<u32>)> {
        let pairs = outcome_of(&[message]).unwrap();
        let tell = |p: &CablePair| (p.pair.to_string(), p.result.to_string(), p.distance);
        pairs.iter().map(tell).collect()
    }

    #[test]
    fn results_and_distances_are_put_together() {
        let message = announcement(CABLE_TEST_NTF, 7, COMPLETED, |m| {
            result(m, 3, 2)?;
            result(m, 0, 1)?;
            length(m, 3, 1234)?;
            // A length may come first, or alone.
            length(m, 1, 80)?;
            result(m, 1, 4)?;
            length(m, 2, u32::MAX)?;
            Ok(())
        });
        let expected = [
            ("A", "ok", None),
            ("B", "cross-short", Some(80)),
            ("C", "unspecified", Some(u32::MAX)),
            ("D", "open", Some(1234)),
        ];
        let told = told(&message);
        let told: Vec<_> = told.iter().map(|(p, r, d)| (&**p, &**r, *d)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_pair_measured_in_two_ways_comes_twice() {
        let message = announcement(CABLE_TEST_NTF, 7, COMPLETED, |m| {
            for (source, code) in [(2, 1), (1, 2)] {
                m.nest(NEST_RESULT, |nest| {
                    nest.put_u8(RESULT_PAIR, 0)?
                        .put_u8(RESULT_CODE, code)?
                        .put_u32(RESULT_SRC, source)?;
                    Ok(())
                })?;
            }
            m.nest(NEST_FAULT_LENGTH, |nest| {
                nest.put_u8(FAULT_LENGTH_PAIR, 0)?
                    .put_u32(FAULT_LENGTH_CM, 500)?
                    .put_u32(FAULT_LENGTH_SRC, 1)?;
                Ok(())
            })?;
            Ok(())
        });
        let pairs = outcome_of(&[&message]).unwrap();
        assert_eq!(pairs.len(), 2);
        assert_eq!(pairs[0].method, Some(CableMethod::Alcd));
        assert_eq!(pairs[0].distance, None);
        assert_eq!(pairs[1].method, Some(CableMethod::Tdr));
        assert_eq!(pairs[1].result, CableResult::Open);
        assert_eq!(pairs[1].distance, Some(500));
    }

    #[test]
    fn only_the_end_of_the_interface_s_own_test_counts() {
        let nothing = |_: &mut MessageBuilder| Ok(());
        let fault = |m: &mut MessageBuilder| result(m, 0, 2);
        let started = announcement(CABLE_TEST_NTF, 7, STARTED, nothing);
        let earlier = announcement(CABLE_TEST_NTF, 7, COMPLETED, fault);
        let other = announcement(CABLE_TEST_NTF, 8, COMPLETED, fault);
        let tdr = announcement(28, 7, COMPLETED, fault);
        let strange = announcement(CABLE_TEST_NTF, 7, 9, fault);
        assert_eq!(outcome_of(&[&started, &other, &tdr, &strange]), None);
        assert_eq!(outcome_of(&[&earlier, &started]), None);
        let empty = announcement(CABLE_TEST_NTF, 7, COMPLETED, nothing);
        assert_eq!(outcome_of(&[&earlier, &started, &empty]), Some(vec![]));
        // Of another family, or too short for its header.
        let mut outcome = Outcome::new(FAMILY + 1, 7);
        outcome.take(&earlier.as_message());
        assert!(outcome.pairs.is_none());
        let short = MessageBuilder::new(FAMILY, 0).unwrap();
        assert_eq!(outcome_of(&[&short]), None);
    }

    #[test]
    fn malformed_nests_are_left_out() {
        let message = announcement(CABLE_TEST_NTF, 7, COMPLETED, |m| {
            // Without a pair; of a wrong size; of a kind that is unknown.
            m.nest(NEST_RESULT, |n| n.put_u8(RESULT_CODE, 1).map(drop))?;
            m.nest(NEST_RESULT, |n| {
                n.put_u32(RESULT_PAIR, 0)?.put_u8(RESULT_CODE, 1)?;
                Ok(())
            })?;
            m.nest(9, |n| n.put_u8(RESULT_PAIR, 0).map(drop))?;
            // No nest at all.
            m.put(NEST_RESULT, &[1])?;
            m.put(NEST_RESULT, &encode::header(u16::MAX, 1))?;
            m.put(NEST_FAULT_LENGTH, &encode::header(3, 1))?;
            // A pair whose rest is missing or of a wrong size.
            m.nest(NEST_FAULT_LENGTH, |n| {
                n.put_u8(FAULT_LENGTH_PAIR, 9)?
                    .put_u64(FAULT_LENGTH_CM, 1)?;
                Ok(())
            })?;
            result(m, 1, 200)?;
            Ok(())
        });
        let expected = [
            ("B".to_owned(), "unknown-200".to_owned(), None),
            ("9".to_owned(), "unspecified".to_owned(), None),
        ];
        assert_eq!(told(&message), expected);
    }

    #[test]
    fn a_nest_cut_short_anywhere_is_harmless() {
        let message = announcement(CABLE_TEST_NTF, 7, COMPLETED, |m| {
            for pair in 0..4 {
                result(m, pair, 3)?;
                length(m, pair, 100)?;
            }
            Ok(())
        });
        let message = message.as_message();
        let bytes = message.as_bytes();
        for length in 16..=bytes.len() {
            let mut cut = bytes[..length].to_vec();
            cut[..4].copy_from_slice(&(length as u32).to_ne_bytes());
            let mut outcome = Outcome::new(FAMILY, 7);
            outcome.take(&crate::nl::RawMessage::new(&cut).unwrap());
            assert!(outcome.pairs.is_none_or(|pairs| pairs.len() <= 4));
        }
    }

    #[test]
    fn words() {
        let words: Vec<String> = (0..9)
            .map(|number| CableResult::from_raw(number).to_string())
            .collect();
        assert_eq!(
            words,
            [
                "unspecified",
                "ok",
                "open",
                "same-short",
                "cross-short",
                "impedance-mismatch",
                "noise",
                "resolution-not-possible",
                "unknown-8"
            ]
        );
        assert_eq!(format!("{:3}|", Pair(2)), "C  |");
        assert_eq!(CableMethod::Tdr.to_string(), "tdr");
        assert_eq!(CableMethod::from_raw(7).unwrap().to_string(), "unknown-7");
    }

    #[test]
    fn waiting_ends() {
        let socket = Socket::connect(Protocol::Generic).unwrap();
        let now = Instant::now();
        assert!(!wait(&socket, Some(now)).unwrap());
        let deadline = now + Duration::from_millis(20);
        while wait(&socket, Some(deadline)).unwrap() {}
        assert!(Instant::now() >= deadline);
    }
}
