//! What the kernel says when: the claims of docs/kernel-events.md, each by the
//! messages themselves.

mod link_watch;
mod notices;
mod recorder;

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;

use linkwatch::nl::{LinkChange, LinkFlags, Namespace};

use crate::support::{Tap, Watch, has, in_namespace, ip, link_json, rename_up, skip};
use recorder::{Recorder, Said, about, attribute, lines};

in_namespace! {
    fn a_new_link_is_announced_with_all_bits() {
        let mut kernel = Recorder::start();
        let mut cable = None;
        let said = kernel.during(|| cable = Some(Tap::new("cable0")));
        assert_eq!(lines(&said), ["NEWLINK cable0 all"]);
        assert!(!said[0].flags.contains(LinkFlags::UP));
        assert_eq!(said[0].counters, Some((0, 0)));
        for kind in ["type bridge", "type ifb", "type vxlan id 7 dstport 4789 remote 127.0.0.1"] {
            let said = kernel.ip(&format!("link add new0 {kind}"));
            assert_eq!(lines(&said), ["NEWLINK new0 all"]);
            kernel.ip("link del new0");
        }
        // Made and taken up by one request, it is one message.
        let said = kernel.ip("link add ifb0 up type ifb");
        assert_eq!(lines(&about("ifb0", said.clone())), ["NEWLINK ifb0 all"]);
        assert!(said.last().unwrap().flags.contains(LinkFlags::UP));
        // The peer of a veth pair comes first; each has lost its carrier once
        // by then.
        let said = kernel.ip("link add veth0 type veth peer name veth1");
        assert_eq!(lines(&said), ["NEWLINK veth1 all", "NEWLINK veth0 all"]);
        assert!(said.iter().all(|said| said.counters == Some((0, 1))));
        // The link below has got an upper one, and says so.
        let said = kernel.ip("link add link cable0 name mv0 type macvlan");
        assert_eq!(lines(&said), ["NEWLINK cable0 0x0", "NEWLINK mv0 all"]);
    }

    fn up_and_down_tell_the_bit_that_was_set() {
        let mut kernel = Recorder::start();
        let _cable = Tap::new("cable0");
        kernel.during(|| {});
        let said = kernel.ip("link set cable0 up");
        assert_eq!(lines(&said), ["NEWLINK cable0 0x1"]);
        // RUNNING and LOWER_UP have changed as well, and are not among the bits.
        let running = LinkFlags::UP | LinkFlags::RUNNING | LinkFlags::LOWER_UP;
        assert!(said[0].flags.contains(running));
        let said = kernel.ip("link set cable0 down");
        assert_eq!(lines(&said), ["NEWLINK cable0 0x1"]);
        assert!(!said[0].flags.intersects(running));
        assert_eq!(said[0].carrier, Some(true), "though it is down");
        for (option, bit) in [("arp off", 0x80), ("multicast off", 0x1000), ("promisc on", 0x100), ("allmulticast on", 0x200)] {
            let said = kernel.ip(&format!("link set cable0 {option}"));
            assert_eq!(lines(&said), [format!("NEWLINK cable0 {bit:#x}")]);
        }
    }

    fn what_is_no_flag_changes_without_bits() {
        let mut kernel = Recorder::start();
        let _cable = Tap::up("cable0");
        kernel.during(|| {});
        let mut one = |arguments: &str| -> Said {
            let said = kernel.ip(&format!("link {arguments}"));
            assert_eq!(lines(&said), ["NEWLINK cable0 0x0"], "{arguments}");
            said.into_iter().next().unwrap()
        };
        assert_eq!(one("set cable0 mtu 1400").mtu, Some(1400));
        assert_eq!(one("set cable0 txqueuelen 77").u32(attribute::TXQLEN), Some(77));
        assert_eq!(one("set cable0 address 02:00:5e:10:00:01").address.unwrap()[5], 1);
        assert_eq!(one("set cable0 group 7").u32(attribute::GROUP), Some(7));
        assert_eq!(one("set cable0 alias uplink").bytes(attribute::IFALIAS), Some(&b"uplink\0"[..]));
        assert_eq!(one("property add dev cable0 altname long-name").alt_names, ["long-name"]);
        assert!(one("property del dev cable0 altname long-name").alt_names.is_empty());
        one("set cable0 mode dormant");
    }

    fn a_rename_is_one_message_with_the_new_name() {
        let mut kernel = Recorder::start();
        let _cable = Tap::new("cable0");
        kernel.during(|| {});
        let said = kernel.ip("link set cable0 name cable1");
        assert_eq!(lines(&said), ["NEWLINK cable1 0x0"]);
        ip(&["link", "set", "cable1", "up"]);
        kernel.during(|| {});
        let mut renamed = false;
        let said = kernel.during(|| renamed = rename_up("cable1", "cable2"));
        if renamed {
            assert_eq!(lines(&said), ["NEWLINK cable2 0x0"]);
        }
    }

    fn what_is_as_it_was_is_not_announced_unless_it_is_an_address() {
        let mut kernel = Recorder::start();
        let _cable = Tap::up("cable0");
        for option in ["mtu 1400", "txqueuelen 77", "up", "promisc on"] {
            ip(&format!("link set cable0 {option}").split(' ').collect::<Vec<_>>());
            kernel.during(|| {});
            assert_eq!(lines(&kernel.ip(&format!("link set cable0 {option}"))), [""; 0], "{option}");
        }
        for _ in 0..2 {
            let said = kernel.ip("link set cable0 address 02:00:5e:10:00:01");
            assert_eq!(lines(&said), ["NEWLINK cable0 0x0"]);
        }
    }

    fn properties_of_a_link_that_is_down_change_in_silence() {
        let mut kernel = Recorder::start();
        let _cable = Tap::new("cable0");
        ip(&["link", "add", "br0", "type", "bridge"]);
        kernel.during(|| {});
        for silent in [
            "link set cable0 group 7",
            "link set cable0 alias uplink",
            "link set cable0 mode dormant",
            "link set cable0 mode default",
            "link property add dev cable0 altname long-name",
            "link set br0 type bridge ageing_time 500",
        ] {
            assert_eq!(lines(&kernel.ip(silent)), [""; 0], "{silent}");
        }
        // The next message has it all.
        let said = kernel.ip("link set cable0 mtu 1400");
        assert_eq!(lines(&said), ["NEWLINK cable0 0x0"]);
        assert_eq!(said[0].alt_names, ["long-name"]);
        assert_eq!(said[0].u32(attribute::GROUP), Some(7));
        // What is up says it.
        ip(&["link", "set", "br0", "up"]);
        kernel.during(|| {});
        let said = kernel.ip("link set br0 type bridge ageing_time 600");
        assert_eq!(lines(&said), ["NEWLINK br0 0x0"]);
        assert_eq!(said[0].event, None, "no notice: that is a bond's alone");
    }

    fn some_things_have_no_link_message_at_all() {
        let mut kernel = Recorder::start();
        let _cable = Tap::up("cable0");
        kernel.during(|| {});
        for silent in [
            "link set cable0 gso_max_size 60000",
            "addr add 192.0.2.1/24 dev cable0",
            "route add 198.51.100.0/24 dev cable0",
            "neigh add 192.0.2.2 lladdr 02:00:5e:10:00:02 dev cable0",
        ] {
            assert_eq!(lines(&kernel.ip(silent)), [""; 0], "{silent}");
        }
        assert_eq!(link_json("cable0")["gso_max_size"], 60000);
    }

    fn a_program_that_sniffs_is_announced_but_is_not_among_the_flags() {
        let mut kernel = Recorder::start();
        let _cable = Tap::up("cable0");
        let seen = kernel.ip("link set cable0 mtu 1400").pop().unwrap();
        let socket = packet_socket();
        let said = kernel.during(|| listen(&socket, seen.ifindex, libc::PACKET_MR_PROMISC));
        assert_eq!(lines(&said), ["NEWLINK cable0 0x100"]);
        assert_eq!(said[0].u32(attribute::PROMISCUITY), Some(1));
        assert_eq!(said[0].flags, seen.flags, "the bit is told, not set");
        // A second one changes nothing but the count, and is told like the first.
        let second = packet_socket();
        let said = kernel.during(|| listen(&second, seen.ifindex, libc::PACKET_MR_PROMISC));
        assert_eq!(lines(&said), ["NEWLINK cable0 0x100"]);
        assert_eq!(said[0].u32(attribute::PROMISCUITY), Some(2));
        let said = kernel.during(|| drop((socket, second)));
        assert_eq!(lines(&said), ["NEWLINK cable0 0x100", "NEWLINK cable0 0x100"]);
        // All multicast packets are asked for in silence.
        let socket = packet_socket();
        let said = kernel.during(|| listen(&socket, seen.ifindex, libc::PACKET_MR_ALLMULTI));
        assert_eq!(lines(&said), [""; 0]);
    }

    fn features_are_a_notice() {
        if !has("ethtool") {
            return skip("ethtool is not installed");
        }
        let mut kernel = Recorder::start();
        let cable = Tap::new("cable0");
        ip(&["link", "add", "link", "cable0", "name", "mv0", "type", "macvlan"]);
        kernel.during(|| {});
        // Also while it is down; the link above has the same feature and follows.
        let said = kernel.during(|| ethtool(&["-K", "cable0", "gro", "off"]));
        assert_eq!(said[0].to_string(), "NEWLINK cable0 0x0 features");
        assert!(said[1..].iter().all(|said| said.to_string() == "NEWLINK mv0 0x0 features"), "{said:#?}");
        // What is off already cannot be turned off.
        let said = kernel.during(|| ethtool(&["-K", "cable0", "gro", "off"]));
        assert_eq!(lines(&said), [""; 0]);
        // linkwatch passes it on to those who ask for it.
        let mut all = Watch::start(&["--events", "all", "cable0"]);
        let mut usual = Watch::start(&["cable0"]);
        ethtool(&["-K", "cable0", "gro", "on"]);
        for watch in [&mut all, &mut usual] {
            watch.expect("initial", "cable0");
        }
        assert_eq!(all.expect("notice", "cable0")["notice"], "features");
        drop(cable);
        usual.expect("removed", "cable0");
    }

    fn a_port_of_a_bridge_speaks_in_two_families() {
        let mut kernel = Recorder::start();
        let _cable = Tap::up("cable0");
        ip(&["link", "add", "br0", "up", "type", "bridge"]);
        let bridge = link_json("br0")["ifindex"].as_u64().map(|index| index as u32);
        kernel.during(|| {});

        let said = about("cable0", kernel.ip("link set cable0 master br0"));
        // Its master, and that the bridge receives all its packets.
        assert_eq!(lines(&said)[..2], ["NEWLINK cable0 0x0", "NEWLINK cable0 0x100"]);
        assert!(said.iter().all(|said| said.master == bridge), "{said:#?}");
        // Then the bridge's view of it, in a state of its own.
        assert!(said.len() > 2);
        for said in &said[2..] {
            assert_eq!(said.to_string(), "NEWLINK/bridge cable0 0x0");
            assert_eq!((said.carrier, said.counters), (None, None));
        }

        let said = about("cable0", kernel.ip("link set cable0 type bridge_slave cost 5"));
        assert_eq!(lines(&said), ["NEWLINK/bridge cable0 0x0", "NEWLINK cable0 0x0"]);

        let said = about("cable0", kernel.ip("link set cable0 nomaster"));
        assert_eq!(lines(&said), [
            "NEWLINK cable0 0x100",
            "NEWLINK/bridge cable0 0x0",
            "DELLINK/bridge cable0 0x0",
            "NEWLINK cable0 0x0",
        ]);
        assert_eq!(said[2].master, bridge, "the one that it leaves");
        assert_eq!(said[3].master, None);
        assert!(said[3].flags.contains(LinkFlags::RUNNING), "it lives on");
    }

    fn a_link_is_closed_before_it_is_removed() {
        let mut kernel = Recorder::start();
        let cable = Tap::up("cable0");
        kernel.during(|| {});
        let said = kernel.during(|| drop(cable));
        assert_eq!(lines(&said), ["NEWLINK cable0 0x41", "DELLINK cable0 all"]);
        assert!(!said[0].flags.contains(LinkFlags::UP));
        // A TAP device loses its carrier with the program that held it.
        assert_eq!((said[0].carrier, said[0].counters), (Some(false), Some((0, 1))));
        assert_eq!(said[1].counters, said[0].counters, "DELLINK has the last word on the counters");

        let cable = Tap::new("cable0");
        kernel.during(|| {});
        let said = kernel.during(|| drop(cable));
        assert_eq!(lines(&said), ["DELLINK cable0 all"], "nothing to close");

        ip(&["link", "add", "veth0", "type", "veth", "peer", "name", "veth1"]);
        ip(&["link", "set", "veth0", "up"]);
        ip(&["link", "set", "veth1", "up"]);
        kernel.until(|said| said.name == "veth0" && said.flags.contains(LinkFlags::RUNNING));
        kernel.during(|| {});
        let said = kernel.ip("link del veth0");
        let lines = lines(&said);
        let at = |line: &str| lines.iter().position(|l| l == line).unwrap_or_else(|| panic!("{line}: {lines:?}"));
        for name in ["veth0", "veth1"] {
            let (closed, removed) = (at(&format!("NEWLINK {name} 0x41")), at(&format!("DELLINK {name} all")));
            assert!(closed < removed, "{lines:?}");
        }
    }

    fn a_port_of_a_bridge_that_goes_leaves_the_bridge_first() {
        let mut kernel = Recorder::start();
        let cable = Tap::up("cable0");
        ip(&["link", "add", "br0", "up", "type", "bridge"]);
        ip(&["link", "set", "cable0", "master", "br0"]);
        kernel.during(|| {});
        let said = about("cable0", kernel.during(|| drop(cable)));
        let removals: Vec<String> = lines(&said).into_iter().filter(|line| line.starts_with("DEL")).collect();
        assert_eq!(removals, ["DELLINK/bridge cable0 0x0", "DELLINK cable0 all"]);
        assert_eq!(said[0].to_string(), "NEWLINK cable0 0x41");
        assert_eq!(said.last().unwrap().change, LinkChange::Removed);
    }

    fn the_lower_link_speaks_first_and_is_removed_last() {
        let mut kernel = Recorder::start();
        let cable = Tap::up("cable0");
        ip(&["link", "add", "link", "cable0", "name", "mv0", "type", "macvlan"]);
        kernel.during(|| {});
        let said = kernel.ip("link set cable0 mtu 1400");
        assert_eq!(lines(&said), ["NEWLINK cable0 0x0", "NEWLINK mv0 0x0"]);
        let said = kernel.during(|| drop(cable));
        let removals: Vec<String> = lines(&said).into_iter().filter(|line| line.starts_with("DEL")).collect();
        assert_eq!(removals, ["DELLINK mv0 all", "DELLINK cable0 all"]);
    }

    fn a_move_to_another_namespace_looks_like_a_removal_with_a_destination() {
        let mut kernel = Recorder::start();
        ip(&["netns", "add", "blue"]);
        let _cable = Tap::up("cable0");
        let before = kernel.ip("link set cable0 mtu 1400").pop().unwrap();
        let mut there = Recorder::start_in(&Namespace::named("blue").unwrap());

        let said = kernel.ip("link set cable0 netns blue");
        assert_eq!(lines(&said), ["NEWLINK cable0 0x41", "DELLINK cable0 all"]);
        assert!(said[1].u32(attribute::NEW_NETNSID).is_some());
        let new_index = said[1].u32(attribute::NEW_IFINDEX).unwrap();
        // There it is new, down, and has its counters still.
        let arrived = there.until(|said| said.name == "cable0");
        assert_eq!(lines(&arrived), ["NEWLINK cable0 all"]);
        assert_eq!(arrived[0].ifindex, new_index);
        assert!(!arrived[0].flags.contains(LinkFlags::UP));
        assert_eq!((arrived[0].mtu, arrived[0].counters), (Some(1400), before.counters));

        // A removal for good has no destination.
        ip(&["link", "add", "ifb0", "type", "ifb"]);
        let said = kernel.ip("link del ifb0");
        assert_eq!(said.last().unwrap().u32(attribute::NEW_NETNSID), None);
    }

    fn a_namespace_that_goes_takes_the_other_end_of_a_pair() {
        let mut kernel = Recorder::start();
        ip(&["netns", "add", "blue"]);
        ip(&["link", "add", "veth0", "up", "type", "veth", "peer", "name", "veth1", "netns", "blue"]);
        kernel.during(|| {});
        ip(&["netns", "del", "blue"]);
        let said = kernel.until(|said| said.change == LinkChange::Removed);
        assert_eq!(lines(&said).last().unwrap(), "DELLINK veth0 all");
        assert!(lines(&said).contains(&"NEWLINK veth0 0x41".to_owned()), "{said:?}");
    }

    fn what_is_no_event_of_linkwatch() {
        let cable = Tap::up("cable0");
        ip(&["link", "add", "br0", "type", "bridge"]);
        let mut watch = Watch::start(&["cable*"]);
        for quiet in ["mtu 1400", "txqueuelen 7", "address 02:00:5e:10:00:01", "group 7", "alias a", "promisc on", "arp off", "master br0", "nomaster", "mode dormant", "mode default"] {
            ip(&format!("link set cable0 {quiet}").split(' ').collect::<Vec<_>>());
        }
        cable.pull();
        watch.until("the cable is out", |events| events.iter().any(|event| event["event"] == "disconnected"));
        let events = watch.stop();
        let words: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
        assert_eq!(words, ["initial", "disconnected"]);
    }
}

fn ethtool(arguments: &[&str]) {
    let output = Command::new("ethtool").args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A socket of the kind that sniffers use.
fn packet_socket() -> OwnedFd {
    // SAFETY: takes no pointer.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    assert!(fd >= 0, "socket: {}", io::Error::last_os_error());
    // SAFETY: the descriptor is new, and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Asks for all (multicast) packets of a link.
fn listen(socket: &OwnedFd, ifindex: u32, what: libc::c_int) {
    let request = libc::packet_mreq {
        mr_ifindex: ifindex as i32,
        mr_type: what as libc::c_ushort,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    // SAFETY: the option's value is a struct packet_mreq, which `request` is.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const request).cast(),
            size_of::<libc::packet_mreq>() as libc::socklen_t,
        )
    };
    assert_eq!(
        result,
        0,
        "PACKET_ADD_MEMBERSHIP: {}",
        io::Error::last_os_error()
    );
}
