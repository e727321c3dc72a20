//! Views of messages, from arbitrary bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linkwatch::LinkState;
use linkwatch::nl::nl80211::MlmeMessage;
use linkwatch::nl::{AddressMessage, Attributes, LinkMessage, Messages, RawMessage, escape, genl};
use linkwatch_fuzz::kernel::NL80211;

fuzz_target!(|bytes: &[u8]| {
    let mut messages = Messages::new(bytes);
    let mut length = 0;
    for message in &mut messages {
        length += message.as_bytes().len();
        look_at(&message);
    }
    assert!(length + messages.rest().len() <= bytes.len());
    assert!(messages.next().is_none() || !messages.rest().is_empty());

    // Whatever a caller may hand over as one message.
    let _ = (LinkMessage::parse(bytes), AddressMessage::parse(bytes));
    walk(Attributes::new(bytes), 3);
    let shown = escape(bytes).to_string();
    assert!(!shown.chars().any(char::is_control));
});

fn look_at(message: &RawMessage<'_>) {
    assert_eq!(message.as_bytes().len(), message.header().length as usize);
    for family_header in [0, 1, 16, usize::MAX - 8] {
        walk(message.attributes(family_header), 1);
    }
    if let Some(error) = message.error() {
        assert!(error.errno() > 0 && !message.is_ack());
        let text = format!(
            "{error} {:?} {:?} {:?}",
            error.request(),
            error.text(),
            error.offset()
        );
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    if let Ok(Some(link)) = message.link() {
        look_at_link(&link);
    }
    if let Ok(Some(address)) = AddressMessage::parse(message.as_bytes()) {
        let _ = format!(
            "{address:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            address.scope(),
            address.local(),
            address.ip(),
            address.peer(),
            address.broadcast(),
            address.anycast(),
            address.label(),
            address.valid_lifetime(),
            address.preferred_lifetime(),
            address.created(),
        );
    }
    for family_header in [0, 4, 70_000] {
        if let Some(message) = genl::Message::new(message, family_header) {
            walk(message.attributes(), 3);
        }
    }
    for family in [NL80211, message.header().kind] {
        if let Some(told) = MlmeMessage::parse(message, family) {
            let _ = format!("{told:?}");
        }
    }
}

fn look_at_link(link: &LinkMessage<'_>) {
    assert!(link.ifindex() > 0 && link.ifindex() <= i32::MAX as u32);
    let line = link.to_string();
    assert!(!line.chars().any(char::is_control), "{line:?}");
    if let (Some(up), Some(down)) = (link.carrier_up_count(), link.carrier_down_count()) {
        assert_eq!(link.transitions(), Some(up.wrapping_add(down)));
    }
    let names = link.alt_names().count();
    if let Some(state) = LinkState::from_message(link) {
        assert_eq!(state.ifindex(), link.ifindex());
        assert_eq!(Some(state.name().as_bytes()), link.name());
        assert_eq!(Some(state.has_carrier()), link.carrier());
        assert_eq!(state.alt_names().count(), names);
        assert_eq!(state.transitions(), link.transitions());
        let _ = format!("{state:?} {} {:?}", state.kind(), state.address());
    }
}

/// Walks over attributes, and over those in them as deep as is said.
fn walk(mut attributes: Attributes<'_>, depth: u32) {
    for attribute in attributes.by_ref() {
        let length = attribute.payload().len();
        assert!(attribute.kind() <= 0x3fff && attribute.string().len() <= length);
        assert_eq!(attribute.u8().is_some(), length == 1);
        assert_eq!(attribute.u16().is_some(), length == 2);
        assert_eq!(attribute.u32().is_some(), length == 4);
        assert_eq!(attribute.u64().is_some(), length == 8);
        let _ = (attribute.i8(), attribute.i32());
        if depth > 0 {
            walk(attribute.nested(), depth - 1);
        }
    }
    assert!(attributes.next().is_none());
}
