//! The wrapper of libnl.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use linkwatch::ErrorKind;
use linkwatch::nl::{
    Action, CallbackKind, Group, LinkChange, LinkFlags, LinkQuery, Namespace, OperState, Protocol,
    Socket,
};

use crate::support::{Tap, eventually, in_namespace, ip, ip_batch, link_json, links_json};

fn subscriber() -> Socket {
    let mut socket = Socket::connect(Protocol::Route).unwrap();
    socket.join(Group::LINK).unwrap();
    socket
}

/// Makes that many messages about one link.
fn make_messages(number: u32) {
    for i in 0..number {
        ip(&["link", "set", "lo", "mtu", &(1500 + i).to_string()]);
    }
}

fn drain(socket: &mut Socket) -> u32 {
    let mut messages = 0;
    socket.set_nonblocking(true).unwrap();
    loop {
        match socket.recv_with(|_| {
            messages += 1;
            Action::Ok
        }) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return messages,
            Err(error) => panic!("{error}"),
        }
    }
}

in_namespace! {
    fn a_message_tells_what_iproute2_tells() {
        let mut socket = subscriber();
        let _cable = Tap::new("cable0");
        let theirs = link_json("cable0");
        let mut seen = false;
        socket.recv_with(|message| {
            let link = message.link().unwrap().expect("a link message");
            assert!(message.sender().is_kernel());
            assert_eq!(link.change(), LinkChange::New);
            assert_eq!(link.family(), 0);
            assert_eq!(link.name(), Some(&b"cable0"[..]));
            assert_eq!(u64::from(link.ifindex()), theirs["ifindex"].as_u64().unwrap());
            assert_eq!(link.mtu(), Some(1500));
            assert_eq!(link.kind(), Some(&b"tun"[..]));
            assert_eq!(link.changed_flags(), u32::MAX, "just registered");
            assert_eq!(link.operstate(), Some(OperState::Down));
            assert_eq!(link.carrier(), Some(true), "though it is down");
            assert_eq!((link.carrier_up_count(), link.carrier_down_count()), (Some(0), Some(0)));
            assert!(!link.flags().contains(LinkFlags::UP));
            let mac: Vec<String> = link.address().unwrap().iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(theirs["address"], mac.join(":"));
            seen = true;
            Action::Ok
        }).unwrap();
        assert!(seen);
    }

    fn libnl_s_own_link_agrees() {
        let mut socket = subscriber();
        let cable = Tap::up("cable0");
        drain(&mut socket);
        socket.set_nonblocking(false).unwrap();
        cable.pull();
        let mut kept = None;
        socket.recv_with(|message| {
            let view = message.link().unwrap().unwrap();
            let name = message.with_link(|link| {
                assert_eq!(link.ifindex(), view.ifindex());
                assert_eq!(link.flags(), view.flags());
                assert_eq!(link.carrier(), view.carrier().unwrap());
                assert_eq!(link.carrier_changes(), view.carrier_changes());
                assert_eq!(Some(link.operstate()), view.operstate());
                assert_eq!(Some(link.mtu()), view.mtu());
                assert_eq!(link.master(), view.master());
                assert_eq!(link.kind().unwrap().to_bytes(), view.kind().unwrap());
                // A borrowed link can be made while another is.
                message.with_link(|again| again.name().unwrap().to_owned()).unwrap()
            }).unwrap();
            assert_eq!(name.to_bytes(), b"cable0");
            kept = Some(message.to_link().unwrap());
            Action::Ok
        }).unwrap();
        let kept = kept.unwrap();
        // It outlives the message, and may move to another thread.
        std::thread::spawn(move || {
            assert!(!kept.carrier());
            assert!(kept.flags().contains(LinkFlags::UP));
            assert!(!kept.flags().contains(LinkFlags::LOWER_UP));
        }).join().unwrap();
    }

    fn other_messages_are_no_links() {
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        socket.join(Group::IPV4_IFADDR).unwrap();
        ip(&["addr", "add", "192.0.2.1/24", "dev", "lo"]);
        socket.recv_with(|message| {
            assert_eq!(message.link().unwrap(), None);
            assert_eq!(message.to_link().unwrap_err().kind(), ErrorKind::Unsupported);
            // struct ifaddrmsg is 8 bytes; IFA_LABEL is 3.
            let label = message.attributes(8).find(3).unwrap();
            assert_eq!(label.string(), b"lo");
            Action::Ok
        }).unwrap();
    }

    fn installed_closures_stay() {
        let mut socket = subscriber();
        let valid = Arc::new(AtomicU32::new(0));
        let all = Arc::new(AtomicU32::new(0));
        for (kind, counter) in [(CallbackKind::Valid, &valid), (CallbackKind::MessageIn, &all)] {
            let counter = Arc::clone(counter);
            socket.modify_cb(kind, move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
                Action::Ok
            }).unwrap();
        }
        make_messages(3);
        socket.recv().unwrap();
        // Borrowed in the place of the installed one, which then is back.
        let borrowed = Cell::new(0);
        socket.recv_with(|_| {
            borrowed.set(borrowed.get() + 1);
            Action::Ok
        }).unwrap();
        socket.recv().unwrap();
        assert_eq!(valid.load(Ordering::Relaxed), 2);
        assert_eq!(borrowed.get(), 1);
        assert_eq!(all.load(Ordering::Relaxed), 3);
        // Replaced, the old closure is dropped.
        let weak = Arc::downgrade(&valid);
        drop(valid);
        socket.modify_cb(CallbackKind::Valid, |_| Action::Ok).unwrap();
        assert!(weak.upgrade().is_none());
        // And so is one that its socket goes with.
        let weak = Arc::downgrade(&all);
        drop((all, socket));
        assert!(weak.upgrade().is_none());
    }

    fn skipping_before_all_else_keeps_messages_away() {
        let mut socket = subscriber();
        socket.modify_cb(CallbackKind::MessageIn, |_| Action::Skip).unwrap();
        make_messages(3);
        assert_eq!(drain(&mut socket), 0);
    }

    fn a_panic_arrives_in_the_caller_and_the_socket_lives_on() {
        panic_in_a_closure();
    }

    fn a_request_s_error_is_told() {
        let mut query = LinkQuery::new(&Namespace::current()).unwrap();
        assert_eq!(query.get(4711, |_| ()).unwrap(), None);
        assert_eq!(query.get(1, |link| link.name() == Some(b"lo")).unwrap(), Some(true));
        assert_eq!(query.get(u32::MAX, |_| ()).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(query.get(1, |link| link.ifindex()).unwrap(), Some(1), "after an error too");
    }

    fn what_does_not_answer_the_question_is_dropped() {
        let mut query = LinkQuery::new(&Namespace::current()).unwrap();
        assert_eq!(query.get(1, |_| ()).unwrap(), Some(()));
        let ports = ports_of_this_process();
        assert_eq!(ports.len(), 1, "{ports:?}");
        for _ in 0..3 {
            // A NOOP, an error and the end of a dump, from somebody else.
            crate::monitor::forge(ports[0], &crate::monitor::header(libc::NLMSG_NOOP as u16, 16, &[]));
            crate::monitor::forge(ports[0], &crate::monitor::header(libc::NLMSG_ERROR as u16, 36, &[0xff; 20]));
            crate::monitor::forge(ports[0], &crate::monitor::header(libc::NLMSG_DONE as u16, 20, &[0; 4]));
            assert_eq!(query.get(1, |link| link.ifindex()).unwrap(), Some(1));
            assert_eq!(query.get(4711, |_| ()).unwrap(), None);
            let snapshot = query.dump(|link| link.ifindex()).unwrap();
            assert!(snapshot.complete && snapshot.links.contains(&1));
        }
        assert_eq!(query.foreign_messages(), 9);
    }

    fn a_dump_that_was_not_read_to_its_end_does_not_disturb_the_next() {
        ip_batch((0..150).map(|i| format!("link add b{i} type bridge")));
        let mut query = LinkQuery::new(&Namespace::current()).unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| query.dump(|_| panic!("at the first link"))));
        assert!(panic.is_err());
        assert_eq!(query.get(1, |link| link.ifindex()).unwrap(), Some(1));
        assert_eq!(query.dump(|_| ()).unwrap().links.len(), links_json().len());
    }

    fn a_dump_lists_what_iproute2_lists() {
        ip(&["link", "add", "br0", "type", "bridge"]);
        for i in 0..40 {
            ip(&["link", "add", &format!("v{i}"), "type", "veth", "peer", "name", &format!("w{i}")]);
            ip(&["link", "set", &format!("v{i}"), "master", "br0"]);
        }
        let mut query = LinkQuery::new(&Namespace::current()).unwrap();
        for _ in 0..2 {
            let snapshot = query.dump(|link| {
                assert_eq!(link.family(), 0, "no message of a bridge's port");
                (link.ifindex(), String::from_utf8(link.name().unwrap().to_vec()).unwrap())
            }).unwrap();
            assert!(snapshot.complete);
            let theirs: Vec<(u32, String)> = links_json().iter().map(|link| (
                link["ifindex"].as_u64().unwrap() as u32,
                link["ifname"].as_str().unwrap().to_owned(),
            )).collect();
            assert_eq!(snapshot.links, theirs);
            assert!(theirs.len() >= 82);
        }
    }

    fn an_interrupted_dump_is_noticed() {
        // Links come and go while a list of many is made, over and over.
        ip_batch((0..150).map(|i| format!("link add b{i} type bridge")));
        let there = links_json().len();
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let churn = {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    ip_batch((0..50).flat_map(|i| [
                        format!("link add x{i} type veth peer name y{i}"),
                        format!("link del x{i}"),
                    ]));
                }
            })
        };
        let mut query = LinkQuery::new(&Namespace::current()).unwrap();
        let [mut complete, mut incomplete] = [0, 0];
        eventually("some are interrupted and some are not", || {
            let mut snapshot = query.dump_once(|link| link.ifindex()).unwrap();
            if snapshot.complete {
                // Each is listed once.
                let listed = snapshot.links.len();
                snapshot.links.sort_unstable();
                snapshot.links.dedup();
                assert_eq!(snapshot.links.len(), listed);
            }
            if snapshot.complete {
                complete += 1;
                assert!(snapshot.links.len() >= there);
            } else {
                incomplete += 1;
            }
            complete > 0 && incomplete > 0
        });
        // Tried again a few times, it is complete.
        eventually("a complete list", || query.dump(|_| ()).unwrap().complete);
        stop.store(true, Ordering::Relaxed);
        churn.join().unwrap();
        let snapshot = query.dump_once(|link| link.ifindex()).unwrap();
        assert!(snapshot.complete, "it is quiet");
        assert_eq!(snapshot.links.len(), there);
    }

    fn losses_are_told_apart_from_silence() {
        let mut socket = subscriber();
        socket.set_receive_buffer(4096).unwrap();
        socket.set_nonblocking(true).unwrap();
        assert_eq!(socket.recv().unwrap_err().kind(), ErrorKind::WouldBlock);
        make_messages(60);
        // The loss first, then the messages before it.
        let error = socket.recv().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overrun, "{error}");
        let kept = drain(&mut socket);
        assert!((1..60).contains(&kept), "{kept}");
        make_messages(1);
        assert_eq!(drain(&mut socket), 1, "it goes on");
    }

    fn a_socket_stays_in_its_namespace() {
        ip(&["netns", "add", "blue"]);
        let blue = Namespace::named("blue").unwrap();
        let mut socket = Socket::connect_in(&blue, Protocol::Route).unwrap();
        socket.join(Group::LINK).unwrap();
        make_messages(1);
        ip(&["-n", "blue", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        let mut names = Vec::new();
        while names.len() < 2 {
            socket.recv_with(|message| {
                let link = message.link().unwrap().unwrap();
                names.push(link.name().unwrap().to_vec());
                Action::Ok
            }).unwrap();
        }
        assert_eq!(names, [b"v1", b"v0"]);
    }

    fn libnl_prints_nothing_of_its_own() {
        // NLCB in the environment makes libnl's default callbacks print.
        let output = crate::support::linkwatch(&["status", "lo"])
            .env("NLCB", "debug")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), 2);
    }
}

/// The ports of this process's netlink sockets of NETLINK_ROUTE.
fn ports_of_this_process() -> Vec<u32> {
    let sockets: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|target| {
            let target = target.to_string_lossy().into_owned();
            Some(
                target
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    // Columns: sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
    std::fs::read_to_string("/proc/self/net/netlink")
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|line| line[1] == "0" && sockets.iter().any(|inode| inode == line[9]))
        .map(|line| line[2].parse().unwrap())
        .collect()
}

/// Closures panic on the third message, borrowed and installed ones; the panic
/// arrives, and the socket can be used and dropped. Also run under valgrind.
pub fn panic_in_a_closure() {
    let mut socket = subscriber();
    make_messages(4);
    let mut messages = 0;
    let panic = catch_unwind(AssertUnwindSafe(|| {
        loop {
            socket
                .recv_with(|_| {
                    messages += 1;
                    assert!(messages < 3, "the third");
                    Action::Ok
                })
                .unwrap();
        }
    }))
    .unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the third"));
    assert_eq!(messages, 3);
    assert_eq!(drain(&mut socket), 1, "the fourth is still there");

    make_messages(4);
    let mut messages = 0;
    socket
        .modify_cb(CallbackKind::Valid, move |_| {
            messages += 1;
            assert!(messages != 3, "the third again");
            Action::Ok
        })
        .unwrap();
    socket.set_nonblocking(false).unwrap();
    for _ in 0..2 {
        socket.recv().unwrap();
    }
    let panic = catch_unwind(AssertUnwindSafe(|| socket.recv())).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the third again"));
    socket.recv().unwrap();
}
