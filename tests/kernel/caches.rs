//! libnl's caches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use linkwatch::ErrorKind;
use linkwatch::nl::{
    self, Address, Cache, Detail, Link, LinkFlags, LinkRef, Namespace, Protocol, Query,
};

use crate::objects::populate;
use crate::support::{eventually, in_namespace, ip, ip_batch, link_json, links_json};

fn query() -> Query {
    Query::new(&Namespace::current(), Protocol::Route).unwrap()
}

fn names(cache: &Cache<Link>) -> Vec<String> {
    let name = |link: LinkRef<'_>| link.name().unwrap().to_str().unwrap().to_owned();
    cache.iter().map(name).collect()
}

in_namespace! {
    fn links_are_kept_and_looked_up() {
        keep_links_and_addresses();
    }

    fn a_refill_sees_what_has_changed() {
        let mut query = query();
        let mut links = Cache::<Link>::fill(&mut query).unwrap();
        let before = links.len();
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        ip(&["link", "set", "lo", "up"]);
        assert_eq!(links.len(), before, "a cache follows nothing by itself");
        assert!(!links.get(1).unwrap().flags().contains(LinkFlags::UP));
        links.refill(&mut query).unwrap();
        assert_eq!(links.len(), before + 2);
        assert!(links.get(1).unwrap().flags().contains(LinkFlags::UP));
        ip(&["link", "del", "v0"]);
        links.refill(&mut query).unwrap();
        // Each once: libnl's own refill would have kept some twice.
        assert_eq!(links.len(), before);
    }

    fn a_refill_that_fails_leaves_the_cache_as_it_was() {
        let mut links = Cache::<Link>::fill(&mut query()).unwrap();
        let before = names(&links);
        let mut wrong = Query::new(&Namespace::current(), Protocol::Generic).unwrap();
        let error = links.refill(&mut wrong).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::NotFound), "{error}");
        assert_eq!(names(&links), before);
        assert!(links.is_complete());
    }

    fn while_links_come_and_go_each_is_in_it_once() {
        ip_batch((0..60).map(|i| format!("link add stays{i} type bridge")));
        let there = links_json().len();
        let stop = Arc::new(AtomicBool::new(false));
        let churn = {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    ip_batch((0..20).flat_map(|i| [
                        format!("link add x{i} type veth peer name y{i}"),
                        format!("link del x{i}"),
                    ]));
                }
            })
        };
        let mut query = query();
        let mut cache = Cache::<Link>::fill(&mut query).unwrap();
        for _ in 0..30 {
            cache.refill(&mut query).unwrap();
            let mut indices: Vec<u32> = cache.iter().map(|link| link.ifindex()).collect();
            assert_eq!(indices.len(), cache.len());
            indices.sort_unstable();
            indices.dedup();
            assert_eq!(indices.len(), cache.len(), "each once");
            assert!(!cache.is_complete() || cache.len() >= there);
        }
        stop.store(true, Ordering::Relaxed);
        churn.join().unwrap();
        cache.refill(&mut query).unwrap();
        assert!(cache.is_complete());
        assert_eq!(cache.len(), there);
    }

    fn a_cache_may_move_to_another_thread() {
        let cache = Cache::<Link>::fill(&mut query()).unwrap();
        let names = std::thread::spawn(move || names(&cache)).join().unwrap();
        assert!(names.contains(&"lo".to_owned()));
    }
}

/// Fills, iterates, looks up, prints, refills, drops. Also run under valgrind.
pub fn keep_links_and_addresses() {
    populate();
    ip(&["link", "add", "br0", "type", "bridge"]);
    ip(&["link", "set", "v0", "master", "br0"]);
    ip_batch(
        [
            "link add vx0 type vxlan id 7 group 239.1.1.1 dev v1 dstport 4789",
            "link property add dev v1 altname second",
        ]
        .map(str::to_owned),
    );
    let mut query = query();
    let mut links = Cache::<Link>::fill(&mut query).unwrap();
    assert!(links.is_complete() && !links.is_empty());
    assert_eq!(links.unreadable(), 0);
    let theirs = links_json();
    assert_eq!(links.len(), theirs.len());
    for (ours, theirs) in links.iter().zip(&theirs) {
        assert_eq!(Some(u64::from(ours.ifindex())), theirs["ifindex"].as_u64());
        assert_eq!(ours.name().unwrap().to_str().unwrap(), theirs["ifname"]);
        assert_eq!(Some(u64::from(ours.mtu())), theirs["mtu"].as_u64());
        assert!(links.get(ours.ifindex()).unwrap().is_identical(&ours));
    }
    assert_eq!(links.iter().size_hint(), (theirs.len(), Some(theirs.len())));
    let port = links.find(b"v0").unwrap();
    let bridge = link_json("br0")["ifindex"].as_u64();
    assert_eq!(port.master().map(u64::from), bridge);
    // In a cache, libnl knows the names of other links.
    assert!(port.to_string().contains("master br0"), "{port}");
    for link in &links {
        let text = link.printed(Detail::Statistics);
        assert!(text.contains("Stats:"), "{text}");
    }
    for unknown in [&b"nosuch0"[..], b"second", b"", b"v0\0", &[b'x'; 300]] {
        assert!(links.find(unknown).is_none(), "{unknown:?}");
    }
    for unknown in [0, 4711, u32::MAX] {
        assert!(links.get(unknown).is_none());
    }
    for _ in 0..3 {
        links.refill(&mut query).unwrap();
    }
    assert_eq!(links.len(), theirs.len());

    let mut addresses = Cache::<Address>::fill(&mut query).unwrap();
    let loopback: Vec<_> = addresses
        .of_interface(1)
        .map(|address| address.local().unwrap().to_string())
        .collect();
    assert_eq!(loopback, ["127.0.0.1", "::1"]);
    let found = addresses.find("192.0.2.1".parse().unwrap()).unwrap();
    assert_eq!(found.prefix_length(), 24);
    assert_eq!(found.label(), Some(c"v1:x"));
    assert!(addresses.find("192.0.2.99".parse().unwrap()).is_none());
    // IPv6 may add some of its own meanwhile.
    eventually("both list the same", || {
        addresses.refill(&mut query).unwrap();
        let listed = nl::dump::<Address>().unwrap().items;
        let ours: Vec<String> = addresses.iter().map(|one| one.to_string()).collect();
        ours.iter().eq(listed
            .iter()
            .map(|one| one.to_string())
            .collect::<Vec<_>>()
            .iter())
    });
}
