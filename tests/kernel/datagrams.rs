//! What is received without libnl looking into it, and what processes send
//! each other.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use linkwatch::ErrorKind;
use linkwatch::nl::{Action, CallbackKind, Messages, Socket};

use crate::monitor::{forge, header};
use crate::requests::{ask_for_links, ifinfomsg, message, socket};
use crate::support::{in_namespace, ip_batch, links_json};

/// Lets `from` send to `to`.
fn aim(from: &mut Socket, to: &Socket) {
    // SAFETY: the socket is live; the function sets a field of it.
    unsafe { libnl3_sys::nl_socket_set_peer_port(from.as_ptr(), to.local_port()) }
}

in_namespace! {
    fn a_list_as_datagrams() {
        ip_batch((0..150).map(|i| format!("link add b{i} type bridge")));
        let mut socket = socket();
        ask_for_links(&mut socket);
        let (mut names, mut datagrams, mut done) = (HashSet::new(), 0, false);
        while !done {
            let datagram = socket.recv_datagram().unwrap();
            assert!(datagram.sender().is_kernel());
            datagrams += 1;
            let mut messages = datagram.messages();
            for message in &mut messages {
                assert!(!done, "nothing comes after the end");
                let header = message.header();
                assert_eq!(header.port, socket.local_port());
                if i32::from(header.kind) == libc::NLMSG_DONE {
                    assert_eq!(message.error(), None);
                    done = true;
                    continue;
                }
                assert_eq!(header.kind, libc::RTM_NEWLINK);
                let name = message.attributes(16).find(libc::IFLA_IFNAME).unwrap();
                assert_eq!(message.link().unwrap().unwrap().name(), Some(name.string()));
                names.insert(String::from_utf8(name.string().to_vec()).unwrap());
            }
            assert!(messages.rest().is_empty());
        }
        assert!(datagrams > 2, "{datagrams}");
        let theirs: HashSet<String> = links_json().iter()
            .map(|link| link["ifname"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names, theirs);
    }

    fn processes_send_each_other_control_messages() {
        let (mut here, mut there) = (socket(), socket());
        aim(&mut there, &here);
        here.accept_foreign();
        here.disable_seq_check();
        here.set_nonblocking(true).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        for kind in [
            CallbackKind::Valid,
            CallbackKind::Finish,
            CallbackKind::Skipped,
            CallbackKind::Ack,
            CallbackKind::Overrun,
        ] {
            let told = Arc::clone(&told);
            here.modify_cb(kind, move |message| {
                assert!(!message.sender().is_kernel());
                told.lock().unwrap().push(kind);
                Action::Ok
            }).unwrap();
        }
        // NLMSG_ERROR with 0, and the header that it answers.
        let acknowledgement = [0; 20];
        for (kind, payload, callback) in [
            (libc::NLMSG_NOOP, &[][..], CallbackKind::Skipped),
            (libc::NLMSG_OVERRUN, &[], CallbackKind::Overrun),
            (libc::NLMSG_DONE, &[0; 4], CallbackKind::Finish),
            (libc::NLMSG_ERROR, &acknowledgement, CallbackKind::Ack),
            (4711, &[], CallbackKind::Valid),
        ] {
            there.send(&mut message(kind, 0, payload)).unwrap();
            here.recv().unwrap();
            assert_eq!(std::mem::take(&mut *told.lock().unwrap()), [callback]);
        }
        assert_eq!(here.recv().unwrap_err().kind(), ErrorKind::WouldBlock);

        // A message in several parts: one call takes them up to the end.
        for payload in [[1; 4], [2; 4]] {
            there.send(&mut message(4711, libc::NLM_F_MULTI, &payload)).unwrap();
        }
        there.send(&mut message(libc::NLMSG_NOOP, libc::NLM_F_MULTI, &[])).unwrap();
        there.send(&mut message(libc::NLMSG_DONE, libc::NLM_F_MULTI, &[0; 4])).unwrap();
        there.send(&mut message(4712, 0, &[])).unwrap();
        let mut kinds = Vec::new();
        here.recv_with(|message| { kinds.push(message.header().kind); Action::Ok }).unwrap();
        assert_eq!(kinds, [4711, 4711]);
        assert_eq!(*told.lock().unwrap(), [CallbackKind::Skipped, CallbackKind::Finish]);
        here.recv_with(|message| { kinds.push(message.header().kind); Action::Ok }).unwrap();
        assert_eq!(kinds, [4711, 4711, 4712]);

        // Several in one datagram, of which STOP throws the rest away.
        let mut three = Vec::new();
        for kind in [4713, 4714, 4715] {
            three.extend_from_slice(message(kind, 0, b"x").as_message().as_bytes());
        }
        forge(here.local_port(), &three);
        forge(here.local_port(), &three);
        kinds.clear();
        here.recv_with(|message| {
            kinds.push(message.header().kind);
            if kinds.len() == 2 { Action::Stop } else { Action::Ok }
        }).unwrap();
        here.recv_with(|message| { kinds.push(message.header().kind); Action::Skip }).unwrap();
        assert_eq!(kinds, [4713, 4714, 4713, 4714, 4715]);
        assert_eq!(here.foreign_messages(), 0);
    }

    fn an_overrun_message_is_an_error_where_no_closure_takes_it() {
        let (mut here, mut there) = (socket(), socket());
        aim(&mut there, &here);
        here.accept_foreign();
        here.disable_seq_check();
        there.send(&mut message(libc::NLMSG_OVERRUN, 0, &[])).unwrap();
        assert_eq!(here.recv().unwrap_err().kind(), ErrorKind::Overrun);
        there.send(&mut message(libc::NLMSG_NOOP, 0, &[])).unwrap();
        here.recv().unwrap();
    }

    fn datagrams_of_others_are_dropped() {
        let mut socket = socket();
        socket.set_nonblocking(true).unwrap();
        for i in 0..3 {
            forge(socket.local_port(), &header(libc::RTM_NEWLINK, 32, &ifinfomsg(i)));
        }
        assert_eq!(socket.recv_datagram().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(socket.foreign_messages(), 3);
        // Also before one of the kernel's.
        forge(socket.local_port(), &header(libc::NLMSG_DONE as u16, 20, &[0; 4]));
        ask_for_links(&mut socket);
        let datagram = socket.recv_datagram().unwrap();
        assert!(datagram.sender().is_kernel());
        assert_eq!(datagram.messages().next().unwrap().header().kind, libc::RTM_NEWLINK);
        assert_eq!(socket.foreign_messages(), 4);
    }

    fn datagrams_with_impossible_lengths_are_walked_as_far_as_it_goes() {
        let mut socket = socket();
        socket.accept_foreign();
        socket.disable_seq_check();
        let port = socket.local_port();
        let whole = header(4711, 20, &[7; 4]);
        for rest in [
            &b"x"[..],
            &[0; 15],
            &[0; 16],                       // a length of 0
            &header(4711, 15, &[]),         // shorter than its header
            &header(4711, 17, &[]),         // longer than what there is
            &header(4711, u32::MAX, &[0; 64]),
        ] {
            let bytes = [&whole[..], rest].concat();
            forge(port, &bytes);
            let datagram = socket.recv_datagram().unwrap();
            assert_eq!(datagram.as_bytes(), bytes);
            assert!(!datagram.sender().is_kernel());
            let mut messages = datagram.messages();
            assert_eq!(messages.by_ref().count(), 1, "{rest:?}");
            assert_eq!(messages.rest(), rest);
            // A datagram may also hold nothing that is whole.
            forge(port, rest);
            let datagram = socket.recv_datagram().unwrap();
            assert_eq!(Messages::new(datagram.as_bytes()).count(), 0);
            // libnl's own walk takes the first and ends there.
            forge(port, &bytes);
            let mut seen = 0;
            let _ = socket.recv_with(|_| { seen += 1; Action::Ok });
            assert_eq!(seen, 1, "{rest:?}");
        }
    }
}
