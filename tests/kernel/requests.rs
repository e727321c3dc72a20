//! Messages that are built, sent, acknowledged and refused, with iproute2 as
//! the witness.

use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::{Arc, Mutex};

use linkwatch::nl::{
    Action, CallbackKind, Group, KernelError, MessageBuilder, Namespace, Protocol, Query,
    RawMessage, Socket,
};
use linkwatch::{ErrorKind, Result};

use crate::monitor::{forge, header};
use crate::support::{in_namespace, ip, ip_batch, link_json, links_json};

const CREATE: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
const DUMP: u16 = libc::NLM_F_DUMP as u16;
/// `linux/veth.h`.
const VETH_INFO_PEER: u16 = 1;

pub fn socket() -> Socket {
    Socket::connect(Protocol::Route).unwrap()
}

/// struct ifinfomsg.
pub fn ifinfomsg(ifindex: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[4..8].copy_from_slice(&ifindex.to_ne_bytes());
    bytes
}

fn index(name: &str) -> u32 {
    let index = link_json(name)["ifindex"].as_u64().unwrap();
    index.try_into().unwrap()
}

/// A request about a link.
fn change(name: &str) -> MessageBuilder {
    let mut message = MessageBuilder::new(libc::RTM_NEWLINK, 0).unwrap();
    message.append(&ifinfomsg(index(name))).unwrap();
    message
}

fn new_veth(name: &str, peer: &str) -> Result<MessageBuilder> {
    let mut message = MessageBuilder::new(libc::RTM_NEWLINK, CREATE)?;
    message
        .append(&ifinfomsg(0))?
        .put_string(libc::IFLA_IFNAME, name.as_bytes())?
        .nest(libc::IFLA_LINKINFO, |info| {
            info.put_string(libc::IFLA_INFO_KIND, b"veth")?;
            info.nest(libc::IFLA_INFO_DATA, |data| {
                data.nest(VETH_INFO_PEER, |other| {
                    other
                        .append(&ifinfomsg(0))?
                        .put_string(libc::IFLA_IFNAME, peer.as_bytes())?;
                    Ok(())
                })?;
                Ok(())
            })?;
            Ok(())
        })?;
    Ok(message)
}

/// A request about 192.0.2.`last`/24.
fn address(kind: u16, flags: u16, name: &str, last: u8) -> MessageBuilder {
    let mut message = MessageBuilder::new(kind, flags).unwrap();
    // struct ifaddrmsg: AF_INET, the length of the prefix, the index.
    let mut head = [libc::AF_INET as u8, 24, 0, 0, 0, 0, 0, 0];
    head[4..].copy_from_slice(&index(name).to_ne_bytes());
    let ip = [192, 0, 2, last];
    message.append(&head).unwrap();
    message.put(libc::IFA_LOCAL, &ip).unwrap();
    message.put(libc::IFA_ADDRESS, &ip).unwrap();
    message
}

/// Asks for all links, in any state of the socket's automatic flags.
pub fn ask_for_links(socket: &mut Socket) {
    socket
        .send_simple(libc::RTM_GETLINK, DUMP, &ifinfomsg(0))
        .unwrap();
}

pub fn message(kind: i32, flags: i32, payload: &[u8]) -> MessageBuilder {
    let kind = kind.try_into().unwrap();
    let mut message = MessageBuilder::new(kind, flags.try_into().unwrap()).unwrap();
    message.append(payload).unwrap();
    message
}

/// Requests that the kernel refuses, each with the arguments for `ip` that make
/// the same.
fn wrong_requests() -> Vec<(Vec<&'static str>, MessageBuilder)> {
    let mut wrong = Vec::new();
    let mut add = |args: &'static str, message| {
        wrong.push((args.split_whitespace().collect::<Vec<_>>(), message));
    };

    let mut message = MessageBuilder::new(libc::RTM_NEWLINK, CREATE).unwrap();
    message.append(&ifinfomsg(0)).unwrap();
    message
        .nest(libc::IFLA_LINKINFO, |info| {
            info.put_string(libc::IFLA_INFO_KIND, b"nosuchkind")
                .map(drop)
        })
        .unwrap();
    add("link add type nosuchkind", message);

    let mut message = change("v0");
    message.put_u32(libc::IFLA_MTU, 5).unwrap();
    add("link set v0 mtu 5", message);

    let mut message = change("v0");
    message.put_u32(libc::IFLA_MTU, 99_999_999).unwrap();
    add("link set v0 mtu 99999999", message);

    let mut message = change("br0");
    message.put_u32(libc::IFLA_MASTER, index("br0")).unwrap();
    add("link set br0 master br0", message);

    let mut message = change("v0");
    message
        .put(libc::IFLA_ADDRESS, &[1, 0, 0, 0, 0, 1])
        .unwrap();
    add("link set v0 address 01:00:00:00:00:01", message);

    let mut message = change("lo");
    message.put_u32(libc::IFLA_NET_NS_PID, 1).unwrap();
    add("link set lo netns 1", message);

    let mut message = MessageBuilder::new(libc::RTM_DELLINK, 0).unwrap();
    message.append(&ifinfomsg(1)).unwrap();
    add("link del lo", message);

    add(
        "link add v0 type veth peer name v9",
        new_veth("v0", "v9").unwrap(),
    );
    add(
        "address add 192.0.2.1/24 dev v0",
        address(libc::RTM_NEWADDR, CREATE, "v0", 1),
    );
    add(
        "address del 192.0.2.9/24 dev v0",
        address(libc::RTM_DELADDR, 0, "v0", 9),
    );
    wrong
}

in_namespace! {
    fn requests_make_and_change_links() {
        let mut socket = socket();
        socket.request(&mut new_veth("v0", "v1").unwrap()).unwrap();
        assert_eq!(link_json("v0")["linkinfo"]["info_kind"], "veth");
        assert_eq!(link_json("v0")["link"], "v1");

        let mut message = change("v0");
        message.put_u32(libc::IFLA_MTU, 1400).unwrap();
        message.put(libc::IFLA_ADDRESS, &[2, 0, 0, 0, 0, 7]).unwrap();
        message.put_string(libc::IFLA_IFALIAS, b"the first").unwrap();
        socket.request(&mut message).unwrap();
        let link = link_json("v0");
        assert_eq!(link["mtu"], 1400);
        assert_eq!(link["address"], "02:00:00:00:00:07");
        assert_eq!(link["ifalias"], "the first");

        let mut message = change("v1");
        message.put_string(libc::IFLA_IFNAME, b"other").unwrap();
        socket.request(&mut message).unwrap();
        assert_eq!(link_json("v0")["link"], "other");

        // The same request can be sent again: it is not used up.
        let mut message = address(libc::RTM_NEWADDR, CREATE, "v0", 1);
        socket.request(&mut message).unwrap();
        let again = socket.request(&mut message).unwrap_err();
        assert_eq!(again.os_error(), Some(libc::EEXIST));
        let output = Command::new("ip").args(["-j", "address", "show", "v0"]).output().unwrap();
        let theirs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(theirs[0]["addr_info"][0]["local"], "192.0.2.1");
        assert_eq!(theirs[0]["addr_info"][0]["prefixlen"], 24);

        let mut message = MessageBuilder::new(libc::RTM_DELLINK, 0).unwrap();
        message.append(&ifinfomsg(index("v0"))).unwrap();
        socket.request(&mut message).unwrap();
        assert!(links_json().iter().all(|link| link["ifname"] != "v0"));
    }

    fn refusals_are_told_in_the_words_that_iproute2_shows() {
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["link", "add", "br0", "type", "bridge"]);
        ip(&["address", "add", "192.0.2.1/24", "dev", "v0"]);
        let mut socket = socket();
        let mut query = Query::new(&Namespace::current(), Protocol::Route).unwrap();
        let mut with_words = 0;
        for (args, mut message) in wrong_requests() {
            let theirs = Command::new("ip").args(&args).output().unwrap();
            let theirs = String::from_utf8(theirs.stderr).unwrap();
            let error = socket.request(&mut message).unwrap_err();
            let errno = std::io::Error::from_raw_os_error(error.os_error().expect("an errno"));
            let errno = errno.to_string();
            let (errno, _) = errno.split_once(" (os error").unwrap();
            // `ip` ends the kernel's words with a full stop.
            let expected = match error.kernel_text() {
                Some(text) => format!("Error: {text}.\n"),
                None => format!("RTNETLINK answers: {errno}\n"),
            };
            assert_eq!(theirs, expected, "{args:?}: {error}");
            if let Some(text) = error.kernel_text() {
                with_words += 1;
                assert!(error.to_string().contains(text), "{error}");
                assert_eq!(error.libnl_code(), None);
            }
            // A Query tells the same.
            let asked = query.ask(message, "asking for what is wrong", |_| {}).unwrap_err();
            assert_eq!(asked.os_error(), error.os_error(), "{args:?}");
            assert_eq!(asked.kernel_text(), error.kernel_text(), "{args:?}");
            assert!(asked.to_string().starts_with("asking for what is wrong: "));
        }
        assert!(with_words >= 3, "{with_words}");
        // The socket goes on.
        socket.request(&mut new_veth("v2", "v3").unwrap()).unwrap();
    }

    fn a_refusal_comes_by_each_way_of_receiving() {
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        let mut wrong = change("v0");
        wrong.put_u32(libc::IFLA_MTU, 5).unwrap();
        let mut socket = socket();
        let expected = socket.request(&mut wrong).unwrap_err();
        assert_eq!(expected.kind(), ErrorKind::InvalidInput);
        let check = |error: linkwatch::Error| {
            assert_eq!(error.os_error(), expected.os_error());
            assert_eq!(error.kernel_text(), expected.kernel_text());
        };

        socket.send_auto(&mut wrong).unwrap();
        check(socket.wait_for_ack().unwrap_err());
        socket.send_auto(&mut wrong).unwrap();
        check(socket.recv().unwrap_err());
        socket.send_auto(&mut wrong).unwrap();
        check(socket.recv_with(|_| panic!("it is no valid message")).unwrap_err());

        let sequence = socket.send_auto(&mut wrong).unwrap();
        let datagram = socket.recv_datagram().unwrap();
        assert!(datagram.sender().is_kernel());
        let messages: Vec<RawMessage> = datagram.messages().collect();
        assert_eq!(messages.len(), 1);
        assert!(!messages[0].is_ack());
        let error = messages[0].error().unwrap();
        assert_eq!(Some(error.errno()), expected.os_error());
        assert_eq!(error.text(), expected.kernel_text());
        let request = error.request().unwrap();
        assert_eq!(request.sequence, sequence);
        assert_eq!((request.kind, request.port), (libc::RTM_NEWLINK, socket.local_port()));

        // The attribute that it is about, where the kernel tells.
        let mut wrong = change("v0");
        wrong.put_u32(libc::IFLA_MTU, 1400).unwrap();
        let before = wrong.as_message().as_bytes().len();
        wrong.put(libc::IFLA_TXQLEN, &[1]).unwrap();
        let offset = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&offset);
        socket.disable_seq_check(); // the answer above was taken past libnl
        socket.on_error(move |error| {
            *seen.lock().unwrap() = Some(error.offset());
            Action::Stop
        }).unwrap();
        let error = socket.request(&mut wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(*offset.lock().unwrap(), Some(Some(before as u32)), "{error}");
    }

    fn an_acknowledgement_is_waited_for_past_other_messages() {
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        let mut wrong = change("v0");
        wrong.put_u32(libc::IFLA_MTU, 5).unwrap();

        // Notifications stand in the queue before the answer.
        let mut joined = socket();
        joined.join(Group::LINK).unwrap();
        let valid = Arc::new(Mutex::new(0));
        let seen = Arc::clone(&valid);
        joined.modify_cb(CallbackKind::Valid, move |_| {
            *seen.lock().unwrap() += 1;
            Action::Ok
        }).unwrap();
        for mtu in 1400..1405 {
            ip(&["link", "set", "v0", "mtu", &mtu.to_string()]);
        }
        assert_eq!(joined.request(&mut wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(*valid.lock().unwrap(), 5, "they are not lost");
        let mut right = change("v0");
        right.put_u32(libc::IFLA_MTU, 1410).unwrap();
        joined.request(&mut right).unwrap();
        assert_eq!(*valid.lock().unwrap(), 6, "the change's own comes first");

        // So do messages that others have sent.
        let mut alone = socket();
        for kind in [libc::NLMSG_NOOP, libc::NLMSG_DONE, libc::NLMSG_ERROR] {
            forge(alone.local_port(), &header(kind as u16, 36, &[0; 20]));
            assert_eq!(alone.request(&mut wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
            forge(alone.local_port(), &header(kind as u16, 36, &[0xff; 20]));
            alone.request(&mut right).unwrap();
        }
        assert_eq!(alone.foreign_messages(), 6);
    }

    fn a_list_is_received_up_to_its_end() {
        ip_batch((0..150).map(|i| format!("link add b{i} type bridge")));
        let theirs: Vec<u64> = links_json().iter()
            .map(|link| link["ifindex"].as_u64().unwrap()).collect();
        let mut socket = socket();
        let finished = Arc::new(Mutex::new(0));
        let seen = Arc::clone(&finished);
        socket.modify_cb(CallbackKind::Finish, move |message| {
            assert_eq!(i32::from(message.header().kind), libc::NLMSG_DONE);
            *seen.lock().unwrap() += 1;
            Action::Ok
        }).unwrap();
        for round in 1..=2 {
            ask_for_links(&mut socket);
            let mut ours = Vec::new();
            let messages = socket.recv_with(|message| {
                assert!(i32::from(message.header().flags) & libc::NLM_F_MULTI != 0);
                ours.push(u64::from(message.link().unwrap().unwrap().ifindex()));
                Action::Ok
            }).unwrap();
            // One call takes it all, whatever it comes in.
            assert_eq!(ours, theirs);
            assert!(messages >= ours.len());
            assert_eq!(*finished.lock().unwrap(), round);
        }
    }

    fn a_message_is_sent_as_it_is() {
        let mut socket = socket();
        // Neither a sequence number nor an acknowledgement is added.
        let flags = libc::NLM_F_REQUEST;
        let mut bare = message(libc::RTM_GETLINK.into(), flags, &ifinfomsg(1));
        socket.send(&mut bare).unwrap();
        let datagram = socket.recv_datagram().unwrap();
        let kinds: Vec<_> = datagram.messages()
            .map(|m| (m.header().kind, m.header().sequence)).collect();
        assert_eq!(kinds, [(libc::RTM_NEWLINK, 0)]);
        // No number that libnl has given: it refuses the answer.
        socket.send(&mut bare).unwrap();
        let error = socket.recv().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        socket.disable_seq_check();
        socket.send(&mut bare).unwrap();
        let mut links = 0;
        socket.recv_with(|_| { links += 1; Action::Ok }).unwrap();
        assert_eq!(links, 1);
        // Without NLM_F_REQUEST the kernel does nothing but acknowledge.
        let mut idle = message(libc::RTM_GETLINK.into(), libc::NLM_F_ACK, &ifinfomsg(1));
        socket.send(&mut idle).unwrap();
        socket.wait_for_ack().unwrap();
    }

    fn automatic_acknowledgements_can_be_turned_off() {
        let mut socket = socket();
        let mut request = message(libc::RTM_GETLINK.into(), 0, &ifinfomsg(1));
        let first = socket.send_auto(&mut request).unwrap();
        let acked: Vec<bool> = (0..2)
            .map(|_| socket.recv_datagram().unwrap().messages().next().unwrap().is_ack())
            .collect();
        assert_eq!(acked, [false, true]);
        socket.disable_auto_ack();
        let mut request = message(libc::RTM_GETLINK.into(), 0, &ifinfomsg(1));
        let second = socket.send_auto(&mut request).unwrap();
        assert_eq!(second, first + 1);
        assert!(!socket.recv_datagram().unwrap().messages().next().unwrap().is_ack());
        socket.set_nonblocking(true).unwrap();
        assert_eq!(socket.recv_datagram().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(socket.recv().unwrap_err().kind(), ErrorKind::WouldBlock);
        // `request` asks for one nevertheless.
        socket.set_nonblocking(false).unwrap();
        socket.request(&mut request).unwrap();
    }

    fn a_closure_for_errors_decides() {
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        let mut wrong = change("v0");
        wrong.put_u32(libc::IFLA_MTU, 5).unwrap();
        let mut socket = socket();
        let errors: Arc<Mutex<Vec<KernelError>>> = Arc::default();
        for action in [Action::Stop, Action::Skip, Action::Ok] {
            let seen = Arc::clone(&errors);
            socket.on_error(move |error| {
                seen.lock().unwrap().push(error.clone());
                action
            }).unwrap();
            for _ in 0..2 {
                let sequence = socket.send_auto(&mut wrong).unwrap();
                let received = socket.recv();
                let told = std::mem::take(&mut *errors.lock().unwrap());
                assert_eq!(told.len(), 1, "{action:?} {received:?}");
                assert_eq!(told[0].errno(), libc::EINVAL);
                assert_eq!(told[0].request().unwrap().sequence, sequence);
                match action {
                    Action::Stop => {
                        let error = received.unwrap_err();
                        assert_eq!(error.os_error(), Some(libc::EINVAL));
                        assert_eq!(error.kernel_text(), told[0].text());
                    }
                    Action::Skip | Action::Ok => drop(received.unwrap()),
                }
            }
            // Whoever skips it has had the answer; nothing is waited for.
            let requested = socket.request(&mut wrong);
            assert_eq!(requested.is_err(), action == Action::Stop);
            assert_eq!(errors.lock().unwrap().drain(..).count(), 1);
        }
        // A panic in it arrives here, and the socket goes on.
        socket.on_error(|_| panic!("at an error")).unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| socket.request(&mut wrong))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"at an error"));
        // An acknowledgement is none of its business.
        socket.request(&mut new_veth("v2", "v3").unwrap()).unwrap();
        assert!(errors.lock().unwrap().is_empty());
    }

    fn a_list_that_ends_with_an_error_is_an_error() {
        const NETLINK_GET_STRICT_CHK: libc::c_int = 12;
        let mut socket = socket();
        let on: libc::c_int = 1;
        // SAFETY: the descriptor is open, and the value as long as is said.
        let strict = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_NETLINK,
                NETLINK_GET_STRICT_CHK,
                (&raw const on).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if strict != 0 {
            return crate::support::skip("this kernel does not check requests strictly (4.20)");
        }
        // A field that must be zero is not.
        let mut wrong = ifinfomsg(0);
        wrong[2] = 1;
        for _ in 0..2 {
            socket.send_simple(libc::RTM_GETLINK, DUMP, &wrong).unwrap();
            let error = socket.recv_with(|_| panic!("a link")).unwrap_err();
            assert_eq!(error.os_error(), Some(libc::EINVAL), "{error}");
            assert!(error.kernel_text().unwrap().contains("header"), "{error}");
        }
        ask_for_links(&mut socket);
        let mut links = 0;
        socket.recv_with(|_| { links += 1; Action::Ok }).unwrap();
        assert_eq!(links, links_json().len(), "it goes on");

        // A list that is always checked: that of nexthops, since Linux 5.3.
        const RTM_GETNEXTHOP: i32 = 106;
        let mut query = Query::new(&Namespace::current(), Protocol::Route).unwrap();
        let ask = |query: &mut Query, nhmsg: [u8; 8]| {
            let request = message(RTM_GETNEXTHOP, 0, &nhmsg);
            query.dump(request, "listing nexthops", |_| {})
        };
        for _ in 0..2 {
            let error = ask(&mut query, [0, 9, 0, 0, 0, 0, 0, 0]).unwrap_err();
            assert!(error.to_string().starts_with("listing nexthops: "), "{error}");
            if error.kind() == ErrorKind::InvalidInput {
                assert!(error.kernel_text().is_some(), "{error}");
                assert!(ask(&mut query, [0; 8]).unwrap(), "it goes on");
            }
        }
    }
}
