//! The crate `rtnetlink`, as its examples use it, with one thread.

mod common;

use futures_util::stream::{StreamExt, TryStreamExt};
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::{MulticastGroup, new_connection, new_multicast_connection};
use tokio::signal::unix::{SignalKind, signal};

fn apply(table: &mut common::Table, message: &LinkMessage) {
    if message.header.interface_family != AddressFamily::Unspec {
        return;
    }
    let (mut name, mut carrier, mut ups, mut downs) = (None, None, 0, 0);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(value) => name = Some(value),
            LinkAttribute::Carrier(value) => carrier = Some(*value != 0),
            LinkAttribute::CarrierUpCount(value) => ups = *value,
            LinkAttribute::CarrierDownCount(value) => downs = *value,
            _ => {}
        }
    }
    if let (Some(name), Some(carrier)) = (name, carrier) {
        let connected = carrier && message.header.flags.contains(LinkFlags::Up);
        table.apply(message.header.index, name, connected, ups, downs);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut table = common::Table::default();
    let (connection, _handle, mut messages) = new_multicast_connection(&[MulticastGroup::Link])?;
    tokio::spawn(connection);
    {
        let (connection, handle, _) = new_connection()?;
        let lister = tokio::spawn(connection);
        let request = handle.link().get();
        let request =
            request.set_filter_mask(AddressFamily::Unspec, vec![LinkExtentMask::SkipStats]);
        let mut links = request.execute();
        while let Some(message) = links.try_next().await? {
            apply(&mut table, &message);
        }
        lister.abort();
    }
    let mut term = signal(SignalKind::terminate())?;
    common::ready();
    loop {
        let message = tokio::select! {
            biased;
            message = messages.next() => message,
            _ = term.recv() => break,
        };
        let Some((message, _)) = message else {
            return Err("the stream has ended".into());
        };
        match message.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => {
                table.messages += 1;
                apply(&mut table, &link);
            }
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link)) => {
                table.messages += 1;
                if link.header.interface_family == AddressFamily::Unspec {
                    table.remove(link.header.index);
                }
            }
            NetlinkPayload::Overrun(_) => table.overruns += 1,
            _ => {}
        }
    }
    table.report();
    Ok(())
}
