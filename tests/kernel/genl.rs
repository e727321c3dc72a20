//! Generic netlink, with libnl's `genl-ctrl-list` as the witness.

use std::process::Command;

use linkwatch::ErrorKind;
use linkwatch::nl::genl::{self, Family, OperationFlags};
use linkwatch::nl::{self, Action, Namespace, Protocol};

use crate::support::{example, has, in_namespace, ip, skip};

/// What `genl-ctrl-list` says of a family.
#[derive(Debug, PartialEq, Eq)]
struct Theirs {
    id: u16,
    name: String,
    version: u32,
    header_size: u32,
    max_attribute: u32,
    /// The command, and whether it has the first four flags.
    operations: Vec<(u32, [bool; 4])>,
    groups: Vec<(String, u32)>,
}

/// The words of libnl for the first four flags.
const FLAGS: [(&str, OperationFlags); 4] = [
    ("admin_perm", OperationFlags::ADMIN),
    ("has_doit", OperationFlags::DO),
    ("has_dump", OperationFlags::DUMP),
    ("has_policy", OperationFlags::POLICY),
];

impl Theirs {
    fn of(family: &Family) -> Theirs {
        let operations = family.operations().iter();
        let groups = family.groups().iter();
        Theirs {
            id: family.id(),
            name: family.name().to_owned(),
            version: family.version(),
            header_size: family.header_size(),
            max_attribute: family.max_attribute(),
            operations: operations
                .map(|one| (one.command, FLAGS.map(|(_, flag)| one.flags.contains(flag))))
                .collect(),
            groups: groups
                .map(|(name, group)| (name.clone(), group.0))
                .collect(),
        }
    }
}

fn hex(text: &str) -> u32 {
    let text = text.trim_matches(['(', ')']).trim_start_matches("0x");
    u32::from_str_radix(text, 16).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Runs `genl-ctrl-list -d`; `None` where it is not installed.
fn ctrl_list() -> Option<Vec<Theirs>> {
    if !has("genl-ctrl-list") {
        skip("genl-ctrl-list is not installed (libnl-utils)");
        return None;
    }
    let output = Command::new("genl-ctrl-list").arg("-d").output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut families: Vec<Theirs> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [id, name, "version", version] => families.push(Theirs {
                id: hex(id).try_into().unwrap(),
                name: name.to_owned(),
                version: version.parse().unwrap(),
                header_size: 0,
                max_attribute: 0,
                operations: Vec::new(),
                groups: Vec::new(),
            }),
            ["hdrsize", size, "maxattr", max] => {
                let family = families.last_mut().unwrap();
                family.header_size = size.parse().unwrap();
                family.max_attribute = max.parse().unwrap();
            }
            ["op", _, number, ref flags @ ..] => {
                let flags = flags.concat();
                let flags: Vec<&str> = flags.trim_matches(['<', '>']).split(',').collect();
                let has = FLAGS.map(|(word, _)| flags.contains(&word));
                let family = families.last_mut().unwrap();
                family.operations.push((hex(number), has));
            }
            ["grp", name, number] => {
                let family = families.last_mut().unwrap();
                family.groups.push((name.to_owned(), hex(number)));
            }
            _ => panic!("not understood: {line}"),
        }
    }
    families.sort_by_key(|family| family.id);
    Some(families)
}

/// Looks until nothing changes meanwhile: a module that is loaded on behalf of
/// another test registers a family.
fn stable(mut look: impl FnMut() -> bool) -> bool {
    let mut socket = genl::Socket::connect().unwrap();
    (0..20).any(|_| {
        let before = socket.families().unwrap();
        look() || before == socket.families().unwrap()
    })
}

/// Resolves what exists and what does not, in turn.
pub fn resolving() {
    let mut socket = genl::Socket::connect().unwrap();
    for _ in 0..3 {
        assert_eq!(socket.resolve("nlctrl").unwrap(), 16);
        for unknown in ["no-such-family", "", "a-name-longer-than-any-family-has"] {
            let error = socket.resolve(unknown).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{unknown}: {error}");
            assert!(
                error.to_string().contains(&format!("'{unknown}'")),
                "{error}"
            );
            assert_eq!(socket.family(unknown).unwrap(), None);
            let error = socket.resolve_group(unknown, "notify").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{unknown}: {error}");
        }
        assert_eq!(socket.resolve_group("nlctrl", "notify").unwrap().0, 16);
        let error = socket.resolve_group("nlctrl", "no-such-group").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    let error = socket.resolve("nl\0ctrl").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let cache = socket.family_cache().unwrap();
    assert!(cache.find("no-such-family").is_none());
    assert!(cache.find("nl\0ctrl").is_none());
    assert_eq!(cache.find("nlctrl").unwrap().id(), 16);
    assert!(cache.iter().count() > 1);
}

in_namespace! {
    fn families_are_those_of_genl_ctrl_list() {
        let mut socket = genl::Socket::connect().unwrap();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut missing = false;
        stable(|| {
            ours = socket.families().unwrap().iter().map(Theirs::of).collect();
            match ctrl_list() {
                Some(list) => theirs = list,
                None => missing = true,
            }
            missing || ours == theirs
        });
        if !missing {
            assert_eq!(ours, theirs);
            assert!(ours.iter().any(|family| family.name == "nlctrl" && family.id == 16));
        }
    }

    fn the_cache_holds_the_same_families() {
        let mut socket = genl::Socket::connect().unwrap();
        let same = stable(|| {
            let families = socket.families().unwrap();
            let cache = socket.family_cache().unwrap();
            let mut cached: Vec<_> = cache
                .iter()
                .map(|family| (
                    family.id(),
                    family.name().to_str().unwrap().to_owned(),
                    u32::from(family.version()),
                    family.header_size(),
                    family.max_attribute(),
                ))
                .collect();
            cached.sort_unstable();
            let ours: Vec<_> = families
                .iter()
                .map(|family| (
                    u32::from(family.id()),
                    family.name().to_owned(),
                    family.version(),
                    family.header_size(),
                    family.max_attribute(),
                ))
                .collect();
            if ours != cached {
                return false;
            }
            for family in &families {
                assert_eq!(cache.find(family.name()).unwrap().id(), u32::from(family.id()));
            }
            // A family found may outlive others, and be asked for twice.
            let first = cache.find("nlctrl").unwrap();
            let second = cache.find("nlctrl").unwrap();
            drop(first);
            assert_eq!(second.name(), c"nlctrl");
            true
        });
        assert!(same);
    }

    fn resolving_finds_what_the_list_tells() {
        let mut socket = genl::Socket::connect().unwrap();
        for family in socket.families().unwrap() {
            assert_eq!(socket.resolve(family.name()).unwrap(), family.id());
            assert_eq!(socket.family(family.name()).unwrap().unwrap(), family);
            for (name, group) in family.groups() {
                assert_eq!(socket.resolve_group(family.name(), name).unwrap(), *group);
                assert_eq!(family.group(name), Some(*group));
            }
            assert_eq!(family.group("no-such-group"), None);
        }
    }

    fn what_is_unknown_is_not_found() {
        resolving();
    }

    fn a_family_is_asked_by_its_number() {
        const CTRL_CMD_GETFAMILY: u8 = 3;
        const CTRL_CMD_NEWFAMILY: u8 = 1;
        const CTRL_CMD_GETPOLICY: u8 = 10;
        const CTRL_ATTR_FAMILY_ID: u16 = 1;
        const CTRL_ATTR_FAMILY_NAME: u16 = 2;

        let mut socket = genl::Socket::connect().unwrap();
        let nlctrl = socket.family("nlctrl").unwrap().unwrap();
        let mut request = nlctrl.request(CTRL_CMD_GETFAMILY, 0).unwrap();
        request.put_u16(CTRL_ATTR_FAMILY_ID, 16).unwrap();
        let mut answers = Vec::new();
        socket.ask(request, "asking for a family", |message| {
            assert_eq!(message.command(), CTRL_CMD_NEWFAMILY);
            assert_eq!(message.raw().header().kind, 16);
            let name = message.attributes().find(CTRL_ATTR_FAMILY_NAME).unwrap();
            answers.push(String::from_utf8(name.string().to_vec()).unwrap());
        }).unwrap();
        assert_eq!(answers, ["nlctrl"]);

        // Nothing to go by, a number that nobody has, a command that is none.
        let request = nlctrl.request(CTRL_CMD_GETFAMILY, 0).unwrap();
        let error = socket.ask(request, "asking for nothing", |_| {}).unwrap_err();
        assert_eq!(error.os_error(), Some(libc::EINVAL));
        assert!(error.to_string().starts_with("asking for nothing: "), "{error}");
        let mut request = nlctrl.request(CTRL_CMD_GETFAMILY, 0).unwrap();
        request.put_u16(CTRL_ATTR_FAMILY_ID, 0xfff0).unwrap();
        let error = socket.ask(request, "asking for nobody", |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let request = nlctrl.request(200, 0).unwrap();
        let error = socket.ask(request, "asking for what is not", |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);

        // A list by a request with an attribute, where the kernel has it (5.7).
        if nlctrl.operations().iter().any(|one| one.command == u32::from(CTRL_CMD_GETPOLICY)) {
            let mut request = nlctrl.request(CTRL_CMD_GETPOLICY, 0).unwrap();
            request.put_u16(CTRL_ATTR_FAMILY_ID, 16).unwrap();
            let mut messages = 0;
            assert!(socket.dump(request, "listing a policy", |_| messages += 1).unwrap());
            assert!(messages > 0);
        } else {
            skip("this kernel tells no policies");
        }
        assert_eq!(socket.family("nlctrl").unwrap().unwrap(), nlctrl, "it goes on");
    }

    fn a_family_s_group_brings_its_messages() {
        let mut socket = genl::Socket::connect().unwrap();
        let Some(ethtool) = socket.family("ethtool").unwrap() else {
            return skip("this kernel has no family ethtool");
        };
        if !has("ethtool") {
            return skip("ethtool is not installed");
        }
        let mut monitor = nl::Socket::connect(Protocol::Generic).unwrap();
        monitor.join(ethtool.group("monitor").unwrap()).unwrap();
        let _cable = crate::support::Tap::new("cable0");
        let status = Command::new("ethtool").args(["-s", "cable0", "speed", "100"]).status();
        assert!(status.unwrap().success());
        let mut names = Vec::new();
        while names.is_empty() {
            monitor.recv_with(|message| {
                let message = genl::Message::new(message, 0).unwrap();
                // ETHTOOL_MSG_LINKMODES_NTF, with ETHTOOL_A_HEADER_DEV_NAME in
                // ETHTOOL_A_LINKMODES_HEADER.
                if message.command() == 5 {
                    let header = message.attributes().find(1).unwrap();
                    names.push(header.nested().find(2).unwrap().string().to_vec());
                }
                Action::Ok
            }).unwrap();
        }
        assert_eq!(names, [b"cable0"]);
    }

    fn families_of_another_namespace() {
        ip(&["netns", "add", "blue"]);
        let blue = Namespace::named("blue").unwrap();
        let mut there = genl::Socket::connect_in(&blue).unwrap();
        // Some families are only in the first namespace; the controller is in
        // each, and this one is like that of the test.
        let same = stable(|| {
            there.families().unwrap() == genl::Socket::connect().unwrap().families().unwrap()
        });
        assert!(same);
    }

    fn the_example_lists_what_genl_ctrl_list_lists() {
        if !has("genl-ctrl-list") {
            return skip("genl-ctrl-list is not installed (libnl-utils)");
        }
        let heads = |output: Vec<u8>| {
            let text = String::from_utf8(output).unwrap();
            let heads = text.lines().filter(|line| line.starts_with("0x"));
            let mut heads: Vec<String> = heads.map(str::to_owned).collect();
            heads.sort();
            heads
        };
        let mut program = example("genl_families");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        stable(|| {
            ours = heads(program.output().unwrap().stdout);
            theirs = heads(Command::new("genl-ctrl-list").output().unwrap().stdout);
            ours == theirs
        });
        assert_eq!(ours, theirs);
        assert!(!ours.is_empty());

        let output = program.arg("nlctrl").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        assert!(text.starts_with("0x0010 nlctrl version 2\n    header 0 bytes"), "{text}");
        assert!(text.contains("\n    command 0x03 do dump"), "{text}");
        assert!(text.ends_with("    group notify 0x10\n"), "{text}");
        let output = program.arg("nosuch").output().unwrap();
        assert!(!output.status.success());
        assert_eq!(output.stderr, b"genl_families: there is no family 'nosuch'\n");
        assert_eq!(output.stdout, text.as_bytes());
    }

    fn the_example_ends_quietly_with_a_closed_pipe() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = example("genl_families").stdout(writer).output().unwrap();
        assert!(output.status.success());
        assert_eq!(output.stderr, b"");
    }
}
