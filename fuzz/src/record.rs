//! Makes the corpus: messages of the kernel that runs, recorded while links of
//! a network namespace come, change and go. To be started in a namespace of
//! its own: it makes links.

use std::fs;
use std::path::Path;
use std::process::Command;

use linkwatch::Result;
use linkwatch::nl::{Group, MessageBuilder, Messages, Namespace, Protocol, Query, Socket, genl};

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("which folder?")?;
    let folder = Path::new(&folder);
    let mut socket = Socket::connect(Protocol::Route)?;
    socket.join(Group::LINK)?;
    socket.join(Group::IPV4_IFADDR)?;
    socket.set_nonblocking(true)?;

    let stages = [
        "link add veth0 type veth peer name veth1",
        "link set veth0 up",
        "link set veth1 up",
        "addr add 192.0.2.1/24 dev veth0",
        "link set veth1 down",
        "link set veth1 up",
        "link add br0 type bridge",
        "link set veth1 master br0",
        "link set veth0 down",
        "link property add dev veth0 altname a-longer-name-of-it",
        "link set veth0 name eth0",
        "link set eth0 up",
        "link set veth1 nomaster",
        "link del eth0",
    ];
    let mut recorded = Vec::new();
    let mut lists = vec![list(RTM_GETLINK, 16)?];
    for (number, stage) in stages.iter().enumerate() {
        let status = Command::new("ip").args(stage.split(' ')).status()?;
        if !status.success() {
            return Err(format!("ip {stage} failed").into());
        }
        let mut messages = Vec::new();
        while let Ok(datagram) = socket.recv_datagram() {
            messages.push(slim(datagram.as_bytes()));
        }
        save(
            folder,
            "messages",
            &format!("link-{number:02}"),
            &messages.concat(),
        )?;
        recorded.push(messages);
        if number == 4 {
            lists.push(list(RTM_GETLINK, 16)?);
            record_answers(folder)?;
        }
    }
    watches(folder, &recorded, &lists)?;
    programs(folder, &recorded, &lists)?;
    arguments(folder)?;
    Ok(())
}

/// The answer to a question for a list, without its end.
fn list(kind: u16, header: usize) -> Result<Vec<u8>> {
    let mut query = Query::new(&Namespace::current(), Protocol::Route)?;
    let mut request = MessageBuilder::new(kind, 0)?;
    request.append(&vec![0; header])?;
    if kind == RTM_GETLINK {
        request.put_u32(29, 8)?; // IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS
    }
    let mut messages = Vec::new();
    query.dump(request, "listing", |message| {
        put(&mut messages, message.as_bytes())
    })?;
    Ok(slim(&messages))
}

/// Link messages with little more than what is looked at: most of them are
/// statistics and the settings of address families, and short inputs fuzz
/// faster.
fn slim(messages: &[u8]) -> Vec<u8> {
    // IFLA_ADDRESS to _MTU, _MASTER, _WIRELESS, _OPERSTATE, _LINKMODE,
    // _LINKINFO, _CARRIER, _CARRIER_CHANGES, _EVENT, the counters, _PROP_LIST,
    // _PERM_ADDRESS
    const KEPT: [u16; 15] = [1, 3, 4, 10, 11, 16, 17, 18, 33, 35, 44, 47, 48, 52, 54];
    let mut kept = Vec::new();
    for message in Messages::new(messages) {
        let bytes = message.as_bytes();
        if !matches!(message.link(), Ok(Some(_))) {
            put(&mut kept, bytes);
            continue;
        }
        let mut slim = bytes[..32].to_vec();
        for one in message.attributes(16) {
            if KEPT.contains(&one.kind()) {
                attribute(&mut slim, one.kind(), one.payload());
            }
        }
        put(&mut kept, &sized(slim));
    }
    kept
}

fn put(to: &mut Vec<u8>, message: &[u8]) {
    to.extend_from_slice(message);
    to.resize(to.len().next_multiple_of(4), 0);
}

/// One step of an input: what it is, and a block.
fn step(to: &mut Vec<u8>, what: u8, block: &[u8]) {
    to.push(what);
    to.extend((block.len() as u16).to_le_bytes());
    to.extend_from_slice(block);
}

fn watches(folder: &Path, recorded: &[Vec<Vec<u8>>], lists: &[Vec<u8>]) -> std::io::Result<()> {
    for (number, settings) in [0u8, 3, 0b0100, 0b11_1010].into_iter().enumerate() {
        let mut input = vec![settings, 0xaa];
        step(&mut input, 3, &lists[number % 2]);
        let part = &recorded[number * 3..];
        for messages in part.iter().take(5) {
            for message in messages {
                step(&mut input, 0, message);
            }
            input.extend([4, 150]);
        }
        // A loss, and what is listed then.
        step(&mut input, 3 | 1 << 3, &lists[1 - number % 2]);
        input.push(2 | 2 << 3);
        save(folder, "watch", &format!("links-{number}"), &input)?;
    }
    // Longer than there is room for; then there is.
    let mut input = vec![0, 0];
    for _ in 0..2 {
        step(&mut input, 0x40, &sized(vec![0; 16]));
    }
    save(folder, "watch", "too-long", &input)?;
    save(folder, "watch", "wifi-roam", &wifi(true))?;
    save(folder, "watch", "wifi-loss", &wifi(false))
}

/// A Wi-Fi link that changes its access point, or loses it.
fn wifi(roams: bool) -> Vec<u8> {
    let link = |running: bool, carrier: bool, ups: u32, downs: u32| {
        let mut message = vec![0; 4];
        message.extend(16u16.to_ne_bytes());
        message.extend([0; 10]);
        message.extend([0, 0]);
        message.extend(1u16.to_ne_bytes()); // ARPHRD_ETHER
        message.extend(7u32.to_ne_bytes());
        message.extend((0x1003 | u32::from(running) << 6).to_ne_bytes());
        message.extend([0; 4]);
        attribute(&mut message, 3, b"wlan0\0");
        attribute(&mut message, 33, &[u8::from(carrier)]);
        attribute(&mut message, 47, &ups.to_ne_bytes());
        attribute(&mut message, 48, &downs.to_ne_bytes());
        sized(message)
    };
    let generic = |command: u8, attributes: &[(u16, &[u8])]| {
        let mut message = vec![0; 4];
        message.extend(0x1cu16.to_ne_bytes());
        message.extend([0; 10]);
        message.extend([command, 1, 0, 0]);
        attribute(&mut message, 3, &7u32.to_ne_bytes());
        for (kind, payload) in attributes {
            attribute(&mut message, *kind, payload);
        }
        sized(message)
    };
    let (old, new) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let mut bss = Vec::new();
    attribute(&mut bss, 1, &old);
    attribute(&mut bss, 2, &2412u32.to_ne_bytes());
    attribute(&mut bss, 6, b"\0\x04home");
    attribute(&mut bss, 9, &1u32.to_ne_bytes());
    let interface: [(u16, &[u8]); 2] = [(1, &[0; 4]), (5, &2u32.to_ne_bytes())];

    let mut input = vec![0, 0xff];
    step(&mut input, 3, &link(true, true, 1, 0));
    step(&mut input, 6, &generic(7, &interface));
    step(&mut input, 6, &generic(34, &[(47, &bss)]));
    step(&mut input, 0, &link(false, false, 1, 1));
    if roams {
        step(&mut input, 5, &generic(48, &[(54, &[1, 0])]));
        step(&mut input, 5, &generic(46, &[(6, &new), (72, &[0, 0])]));
        step(&mut input, 0, &link(true, true, 2, 1));
    } else {
        step(&mut input, 5, &generic(48, &[(54, &[3, 0]), (71, &[])]));
    }
    input.extend([4, 250]);
    input
}

fn sized(mut message: Vec<u8>) -> Vec<u8> {
    let length = message.len() as u32;
    message[..4].copy_from_slice(&length.to_ne_bytes());
    message
}

fn attribute(to: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    to.extend((4 + payload.len() as u16).to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(payload);
    to.resize(to.len().next_multiple_of(4), 0);
}

fn programs(folder: &Path, recorded: &[Vec<Vec<u8>>], lists: &[Vec<u8>]) -> std::io::Result<()> {
    // By linkwatch_process(), by an attached socket, by a socket of its own.
    for (way, begin, what) in [("process", 4u8, 0u8), ("attach", 5, 11), ("start", 8, 13)] {
        for act in [0u8, 1, 2, 3, 6] {
            let mut input = vec![act, 0xaa];
            step(&mut input, 22, b"*\0");
            input.extend([16, 0]);
            input.extend((lists[1].len() as u16).to_le_bytes());
            input.extend_from_slice(&lists[1]);
            input.push(begin);
            for message in recorded[usize::from(act)..].iter().take(3).flatten() {
                step(&mut input, what, message);
            }
            input.extend([9, 17, 0, 1, 10]);
            let message = recorded[5].first().map_or(&[][..], |message| message);
            step(&mut input, what | act << 5, message);
            input.extend([24, 7, 26, 25, 9]);
            save(folder, "capi", &format!("{way}-{act}"), &input)?;
        }
    }
    Ok(())
}

fn arguments(folder: &Path) -> std::io::Result<()> {
    let inputs: [&[u8]; 24] = [
        b"\0\x05\0eth12eth*",
        b"\0\x04\0wlanw[a-m!]?n",
        b"\0\x06\0enp3s0en[[:alpha:]]*[!1-4]",
        b"\0\x04\0ath0[]x]*",
        b"\0\x05\0eth0\\eth\\*",
        b"\0\x04\0eth0eth0",
        b"\x02250ms",
        b"\x022s",
        b"\x0218446744073709551615m",
        b"\x03512K",
        b"\x034GiB",
        b"\x031073741824",
        b"\x04initial,connected,all",
        b"\x04notice,roamed,flapped,resync",
        b"\x05RTNLGRP_IPV4_IFADDR",
        b"\x0547",
        b"\x06[[watch]]\npatterns = [\"eth*\"]\nsettle-up = \"2s\"\nevents = [\"all\"]\n",
        b"\x06[service]\nmetrics = \"/m\"\nmost-hooks = 4\n[[watch]]\nname = \"a\"\nexec = \"/x\"\nexec-timeout = \"1m\"\n",
        b"\x06[[watch]]\ncriterion = \"running\"\nnetns = \"n\"\nbuffer-size = \"1M\"\nlog-file = \"/l\"\n[[watch]]\n",
        b"\x0e{\"time\":\"2026-11-22T10:00:00.1Z\",\"event\":\"initial\",\"ifindex\":7,\"name\":\"eth0\",\"kind\":\"ethernet\",\"connected\":true,\"carrier\":true,\"running\":true,\"operstate\":\"up\",\"transitions\":0,\"unseen\":0}\n{\"time\":\"2026-11-22T10:00:09Z\",\"event\":\"disconnected\",\"ifindex\":7,\"name\":\"eth0\",\"kind\":\"ethernet\",\"connected\":false,\"transitions\":1,\"unseen\":0,\"reason\":\"no-carrier\"}\n",
        b"\x07status\0--json\0--addresses\0eth*\0--netns\0blue",
        b"\x07watch\0--log-file=/x\0--count\x003\0--criterion=running\0-vv\0wlan0",
        b"\x07watch\0--settle-up\x001m\0--settle-down=2s\0--events=all\0--\0-x",
        b"\x07--help",
    ];
    for (number, input) in inputs.iter().enumerate() {
        save(folder, "arguments", &format!("{number:02}"), input)?;
    }
    Ok(())
}

/// Answers of drivers, of the controller, and to lists.
fn record_answers(folder: &Path) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut socket = genl::Socket::connect()?;
    let mut answers = Vec::new();
    if let Some(ethtool) = socket.family("ethtool")? {
        // ETHTOOL_MSG_LINKINFO_GET, _LINKMODES_GET, _LINKSTATE_GET
        for command in [2, 4, 6] {
            let mut request = ethtool.request(command, 0)?;
            request.nest(1, |header| header.put_string(2, b"veth0").map(drop))?;
            let mut answer = Vec::new();
            socket.ask(request, "asking a driver", |message| {
                put(&mut answer, message.raw().as_bytes());
            })?;
            answers.push(answer);
        }
    }
    let answers: Vec<&[u8]> = answers.iter().map(|answer| &answer[..]).collect();
    let state = answers.last().copied().unwrap_or_default();
    let links = list(RTM_GETLINK, 16)?;
    let addresses = list(RTM_GETADDR, 8)?;
    let mut families = Vec::new();
    let controller = socket.families()?;
    let controller = controller
        .iter()
        .find(|family| family.id() == 16)
        .ok_or("no controller")?;
    socket.dump(controller.request(3, 0)?, "listing families", |message| {
        if families.len() < 1500 {
            put(&mut families, message.raw().as_bytes());
        }
    })?;
    let test = {
        // As the documentation of ethtool's netlink family has it.
        let mut message = MessageBuilder::new(0x15, 0)?;
        message.append(&[27, 1, 0, 0])?;
        message.nest(1, |header| header.put_u32(1, 7).map(drop))?;
        message.put_u8(2, 2)?;
        message.nest(3, |nest| {
            nest.nest(1, |result| result.put_u8(1, 0)?.put_u8(2, 2).map(drop))?;
            nest.nest(2, |length| length.put_u8(1, 0)?.put_u32(2, 1200).map(drop))?;
            Ok(())
        })?;
        message.as_message().as_bytes().to_vec()
    };
    let all: [(&str, u8, &[&[u8]]); 8] = [
        ("ethtool-link", 0, &answers),
        ("ethtool-state", 1, &[state]),
        ("cable-test", 2, &[&[], &test]),
        ("families", 7, &[&families]),
        ("anything", 8, &[&addresses]),
        ("interfaces", 9, &[&links, &addresses]),
        ("links", 10, &[&links]),
        ("link", 11 | 0xf0, &[&links]),
    ];
    for (name, what, blocks) in all {
        let mut input = vec![what];
        for block in blocks {
            input.extend((block.len() as u16).to_le_bytes());
            input.extend_from_slice(block);
        }
        save(folder, "answers", name, &input)?;
    }
    save(folder, "messages", "addresses", &addresses)?;
    save(folder, "messages", "families", &families)?;
    Ok(save(folder, "messages", "errors", &errors()?)?)
}

/// What the kernel refuses questions with, in its own words.
fn errors() -> Result<Vec<u8>> {
    let mut socket = Socket::connect(Protocol::Route)?;
    let mut request = MessageBuilder::new(RTM_GETLINK, 0)?;
    request
        .append(&[&[0; 4][..], &99u32.to_ne_bytes(), &[0; 8]].concat())?
        .put(3, b"")?;
    socket.send_auto(&mut request)?;
    Ok(socket.recv_datagram()?.as_bytes().to_vec())
}

fn save(folder: &Path, target: &str, name: &str, input: &[u8]) -> std::io::Result<()> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), input)
}
