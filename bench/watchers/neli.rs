//! The crate `neli`, by its socket and its iterator.

mod common;

use neli::attr::Attribute;
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{Iff, Ifla, RtAddrFamily, Rtm};
use neli::consts::socket::NlFamily;
use neli::err::SocketError;
use neli::nl::NlPayload;
use neli::router::synchronous::NlRouter;
use neli::rtnl::{Ifinfomsg, IfinfomsgBuilder, RtattrBuilder};
use neli::socket::synchronous::NlSocketHandle;
use neli::types::RtBuffer;
use neli::utils::Groups;

const SKIP_STATISTICS: u32 = 8;

fn apply(table: &mut common::Table, message: &Ifinfomsg) {
    if *message.ifi_family() != RtAddrFamily::Unspecified {
        return;
    }
    let (mut name, mut carrier, mut ups, mut downs) = (None, None, 0, 0);
    for attribute in message.rtattrs().iter() {
        match attribute.rta_type() {
            Ifla::Ifname => name = attribute.get_payload_as_with_len_borrowed::<&[u8]>().ok(),
            Ifla::Carrier => carrier = attribute.get_payload_as::<u8>().ok(),
            Ifla::CarrierUpCount => ups = attribute.get_payload_as().unwrap_or_default(),
            Ifla::CarrierDownCount => downs = attribute.get_payload_as().unwrap_or_default(),
            _ => {}
        }
    }
    let name = name.and_then(|name| std::str::from_utf8(name.strip_suffix(b"\0")?).ok());
    if let (Some(name), Some(carrier)) = (name, carrier) {
        let connected = carrier != 0 && message.ifi_flags().contains(Iff::UP);
        table.apply(*message.ifi_index() as u32, name, connected, ups, downs);
    }
}

fn list(table: &mut common::Table) -> Result<(), Box<dyn std::error::Error>> {
    let (router, _) = NlRouter::connect(NlFamily::Route, None, Groups::empty())?;
    let mut attributes = RtBuffer::new();
    attributes.push(
        RtattrBuilder::default()
            .rta_type(Ifla::ExtMask)
            .rta_payload(SKIP_STATISTICS)
            .build()?,
    );
    let request = IfinfomsgBuilder::default()
        .ifi_family(RtAddrFamily::Unspecified)
        .rtattrs(attributes)
        .build()?;
    let payload = NlPayload::Payload(request);
    for answer in router.send::<_, _, Rtm, Ifinfomsg>(Rtm::Getlink, NlmF::DUMP, payload)? {
        if let Some(message) = answer?.get_payload() {
            apply(table, message);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    common::end_at_term();
    let groups = Groups::new_groups(&[libc::RTNLGRP_LINK]);
    let socket = NlSocketHandle::connect(NlFamily::Route, None, groups)?;
    let mut table = common::Table::default();
    list(&mut table)?;
    common::ready();
    while !common::is_ended() {
        let messages = match socket.recv::<Rtm, Ifinfomsg>() {
            Ok((messages, _)) => messages,
            Err(error) if is(&error, libc::EINTR) => continue,
            Err(error) if is(&error, libc::ENOBUFS) => {
                table.overruns += 1;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for message in messages {
            let message = message?;
            let Some(link) = message.get_payload() else {
                continue;
            };
            match message.nl_type() {
                Rtm::Newlink => {
                    table.messages += 1;
                    apply(&mut table, link);
                }
                Rtm::Dellink => {
                    table.messages += 1;
                    if *link.ifi_family() == RtAddrFamily::Unspecified {
                        table.remove(*link.ifi_index() as u32);
                    }
                }
                _ => {}
            }
        }
    }
    table.report();
    Ok(())
}

fn is(error: &SocketError, number: i32) -> bool {
    matches!(error, SocketError::Io(error) if error.raw_os_error() == Some(number))
}
