//! Questions whose answers are arbitrary: links, addresses, families, drivers,
//! Wi-Fi.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use linkwatch::nl::ethtool::Ethtool;
use linkwatch::nl::nl80211::Wireless;
use linkwatch::nl::{
    LinkQuery, MessageBuilder, Messages, Namespace, Protocol, Query, genl, interfaces,
};
use linkwatch::{LinkState, Monitor};
use linkwatch_fuzz::input::Input;
use linkwatch_fuzz::kernel::Kernel;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let what = input.u8();
    let kernel = Kernel::begin(u64::from(what) * 0x0101_0101_0101_0101);
    let here = Namespace::current();
    // The families are those that are there in earnest, for most questions.
    let ethtool = (what & 15 <= 3).then(|| Ethtool::connect_in(&here).unwrap().unwrap());
    let wireless = (4..=6).contains(&(what & 15));
    let wireless = wireless.then(|| Wireless::connect_in(&here).unwrap().unwrap());
    let links = if what & 15 >= 9 { input.block() } else { &[] };
    kernel.set_links(links, u32::from(what >> 4));
    while !input.is_empty() {
        kernel.answer(input.block());
    }
    match (what & 15, ethtool, wireless) {
        (0, Some(mut ethtool), _) => show(ethtool.link(7)),
        (1, Some(mut ethtool), _) => {
            if let Ok(state) = ethtool.link_state(7) {
                let _ = state.extended.map(|extended| extended.to_string());
            }
        }
        (_, Some(mut ethtool), _) => {
            // The announcement of the result is what is read in place of an answer.
            show(ethtool.cable_test(7, Duration::from_secs(2)));
        }
        (4, _, Some(mut wireless)) => show(wireless.interfaces()),
        (5, _, Some(mut wireless)) => show(wireless.interface(7)),
        (_, _, Some(mut wireless)) => show(wireless.association(7)),
        (7, ..) => {
            if let Ok(mut socket) = genl::Socket::connect() {
                show(socket.families());
            }
        }
        (8, ..) => {
            let Ok(mut query) = Query::new(&here, Protocol::Generic) else {
                return;
            };
            let request = MessageBuilder::new(0x1234, 0).unwrap();
            if let Err(error) = query.ask(request, "asking", |message| show(message.link())) {
                let text = error.to_string();
                assert!(!text.chars().any(char::is_control), "{text:?}");
            }
        }
        (9, ..) => show(interfaces()),
        (10, ..) => show(Monitor::builder().links()),
        _ => {
            let Ok(mut query) = LinkQuery::new(&here) else {
                return;
            };
            show(query.get(7, LinkState::from_message));
            show(query.dump(LinkState::from_message));
            show(query.get(8, LinkState::from_message));
            assert_read_alone(&mut query, links);
        }
    }
});

/// What a list says of a link is what its message says alone, whatever was read
/// before.
fn assert_read_alone(query: &mut LinkQuery, links: &[u8]) {
    let alone: Vec<String> = Messages::new(links)
        .filter_map(|message| message.link().ok()?)
        .map(|link| format!("{link:?}"))
        .collect();
    let mut listed = Vec::new();
    let _ = query.dump_once(|link| listed.push(format!("{link:?}")));
    // A message that ends the list may stand among them.
    assert!(alone.starts_with(&listed), "{listed:?}\nalone: {alone:?}");
}

fn show(value: impl std::fmt::Debug) {
    let _ = format!("{value:?}");
}
