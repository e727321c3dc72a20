//! Messages as Linux 6.18 sent them when the other end of a veth went down and
//! up (`flip.bin`: two RTM_NEWLINK of 1492 bytes).

use linkwatch::nl::Messages;

const FLIP: &[u8] = include_bytes!("flip.bin");

const HEADERS: usize = 32;
const IFLA_CARRIER_UP_COUNT: u16 = 47;
const IFLA_CARRIER_DOWN_COUNT: u16 = 48;

/// The message that takes the link down, and the one that takes it up.
pub fn flip() -> [Vec<u8>; 2] {
    let mut messages = Messages::new(FLIP).map(|message| message.as_bytes().to_vec());
    [messages.next().expect("down"), messages.next().expect("up")]
}

/// As many messages of so many links, one after the other, each with counters
/// one step higher than the last of its link.
pub fn storm(messages: usize, links: usize) -> Vec<u8> {
    let flip = flip();
    let mut storm = Vec::new();
    for i in 0..messages {
        let (round, link) = ((i / links) as u32, (i % links) as u32);
        let mut message = flip[round as usize % 2].clone();
        message[20..24].copy_from_slice(&(7 + link).to_ne_bytes());
        set(&mut message, IFLA_CARRIER_DOWN_COUNT, 2 + round / 2);
        set(&mut message, IFLA_CARRIER_UP_COUNT, 1 + round.div_ceil(2));
        storm.extend(message);
    }
    storm
}

fn set(message: &mut [u8], kind: u16, value: u32) {
    let mut at = HEADERS;
    while at + 8 <= message.len() {
        let number = |at: usize| u16::from_ne_bytes([message[at], message[at + 1]]);
        if number(at + 2) == kind {
            message[at + 4..at + 8].copy_from_slice(&value.to_ne_bytes());
            return;
        }
        at += usize::from(number(at)).next_multiple_of(4).max(4);
    }
    panic!("no attribute {kind}");
}
