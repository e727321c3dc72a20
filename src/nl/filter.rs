//! Filters that the kernel runs before it queues a message: what they drop
//! costs its reader nothing, and takes nothing of its receive buffer.

use std::ffi::{c_int, c_void};

use libnl3_sys as sys;
use nix::errno::Errno;

use super::link_layout::IFLA_PROP_LIST;
use crate::{Error, Result};

/// Where things stand in a link message (`struct nlmsghdr`, `struct ifinfomsg`).
const TYPE: u32 = 4;
const FAMILY: u32 = 16;
const IFINDEX: u32 = 20;
const CHANGE: u32 = 28;
const ATTRIBUTES: u32 = 32;
/// The length of an attribute's header.
const ATTRIBUTE_HEADER: u32 = 4;

/// To load where in the message an attribute is, for which the accumulator says
/// where they begin and the index register which type (`linux/filter.h`).
const FIND_ATTRIBUTE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_NLATTR) as u32;

const AF_UNSPEC: u32 = libc::AF_UNSPEC as u32;

/// An interface's name with its NUL: what IFLA_IFNAME holds at most.
const IFNAMSIZ: usize = 16;

const ACCEPT: u32 = u32::MAX;
const DROP: u32 = 0;

/// Which link messages are let through (a classic BPF program).
///
/// Those of another address family than AF_UNSPEC are dropped: they tell
/// nothing about a link. (AF_BRIDGE speaks of a bridge's ports.) All that are
/// not about links are let through.
#[derive(Debug, Clone, Default)]
pub(crate) struct LinkFilter<'a> {
    pub(crate) selection: Option<LinkSelection<'a>>,
}

/// Messages about other links are dropped too. But those are let through that
/// say that a link was registered or removed, and those about links that have
/// alternative names, which a filter cannot look at one by one.
#[derive(Debug, Clone)]
pub(crate) struct LinkSelection<'a> {
    /// Links with these names are let through,
    pub(crate) names: &'a [NameFilter],
    /// those with these indices,
    pub(crate) known: &'a [u32],
    /// and those with higher indices than this one.
    pub(crate) highest: u32,
}

/// A name, or what a name begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameFilter {
    bytes: Vec<u8>,
}

impl NameFilter {
    pub(crate) fn exactly(name: &[u8]) -> NameFilter {
        NameFilter {
            bytes: [name, b"\0"].concat(),
        }
    }

    pub(crate) fn beginning_with(prefix: &[u8]) -> NameFilter {
        NameFilter {
            bytes: prefix.to_vec(),
        }
    }
}

impl LinkFilter<'_> {
    /// Has the kernel filter what comes to a socket from now on, in the place of
    /// the filter before, if there was one.
    ///
    /// # Errors
    ///
    /// setsockopt(2)'s: [`OutOfMemory`](crate::ErrorKind::OutOfMemory) for a
    /// filter that is longer than `net.core.optmem_max` allows,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) above 4096 instructions.
    pub(super) fn attach(&self, fd: c_int) -> Result<()> {
        let doing = "attaching a filter to a netlink socket";
        let mut program = self.program()?;
        let length = u16::try_from(program.len()).map_err(|_| {
            Error::invalid(format!("{doing}: it has {} instructions", program.len()))
        })?;
        let program = libc::sock_fprog {
            len: length,
            filter: program.as_mut_ptr(),
        };
        // SAFETY: the kernel copies the program, whose length is told.
        let result = unsafe {
            libc::setsockopt(
                fd,
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const program).cast::<c_void>(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        };
        Errno::result(result)
            .map(drop)
            .map_err(|errno| Error::from_nix(errno, doing))
    }

    fn program(&self) -> Result<Vec<libc::sock_filter>> {
        let mut program = Program::default();
        // Loads are big-endian.
        let kind = |kind: u16| u32::from(kind.to_be());
        program.load_half(TYPE);
        program.unless_equal(kind(libc::RTM_NEWLINK), |program| {
            program.unless_equal(kind(libc::RTM_DELLINK), |program| {
                program.end(ACCEPT);
                Ok(())
            })
        })?;
        program.load_byte(FAMILY);
        program.if_greater(AF_UNSPEC, DROP);
        if let Some(selection) = &self.selection {
            program.load_half(TYPE);
            program.if_equal(kind(libc::RTM_DELLINK), ACCEPT);
            selection.select(&mut program)?;
        } else {
            program.end(ACCEPT);
        }
        Ok(program.instructions)
    }
}

/// Takes the filter off a socket, if there is one.
pub(super) fn detach(fd: c_int) {
    let unused: c_int = 0;
    // It can only fail where there is none.
    // SAFETY: the value is as long as is said.
    unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_DETACH_FILTER,
            (&raw const unused).cast::<c_void>(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
}

impl LinkSelection<'_> {
    fn select(&self, program: &mut Program) -> Result<()> {
        program.load_word(CHANGE);
        program.if_equal(u32::MAX, ACCEPT);
        program.load_native_word(IFINDEX);
        program.if_greater(self.highest, ACCEPT);
        program.load_word(IFINDEX);
        for &ifindex in self.known {
            program.if_equal(ifindex.to_be(), ACCEPT);
        }
        program.find_attribute(IFLA_PROP_LIST);
        program.if_greater(0, ACCEPT);
        // The kernel does not look into a message of several pieces, and finds
        // nothing there.
        program.find_attribute(sys::IFLA_IFNAME);
        program.if_equal(0, ACCEPT);
        program.push(libc::BPF_MISC | libc::BPF_TAX, 0);
        // A load from behind the end of the message drops it. So the short ones
        // come first: a longer one cannot be there either.
        let mut names: Vec<&NameFilter> = self.names.iter().collect();
        // Those that are longer are alternative names, which were let through.
        names.retain(|name| name.bytes.len() <= IFNAMSIZ);
        names.sort_by_key(|name| name.bytes.len());
        for name in names {
            program.if_name(&name.bytes, ACCEPT)?;
        }
        program.end(DROP);
        Ok(())
    }
}

#[derive(Default)]
struct Program {
    instructions: Vec<libc::sock_filter>,
}

impl Program {
    fn jump(&mut self, code: u32, k: u32, jt: u8, jf: u8) {
        let code = code as u16;
        self.instructions
            .push(libc::sock_filter { code, jt, jf, k });
    }

    fn push(&mut self, code: u32, k: u32) {
        self.jump(code, k, 0, 0);
    }

    fn end(&mut self, verdict: u32) {
        self.push(libc::BPF_RET | libc::BPF_K, verdict);
    }

    fn load_byte(&mut self, at: u32) {
        self.push(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, at);
    }

    fn load_half(&mut self, at: u32) {
        self.push(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, at);
    }

    fn load_word(&mut self, at: u32) {
        self.push(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at);
    }

    /// A number in the machine's byte order.
    fn load_native_word(&mut self, at: u32) {
        if cfg!(target_endian = "big") {
            return self.load_word(at);
        }
        self.load_byte(at + 3);
        for byte in (0..3).rev() {
            self.push(libc::BPF_ALU | libc::BPF_LSH | libc::BPF_K, 8);
            self.push(libc::BPF_MISC | libc::BPF_TAX, 0);
            self.load_byte(at + byte);
            self.push(libc::BPF_ALU | libc::BPF_OR | libc::BPF_X, 0);
        }
    }

    /// Loads where the first attribute of this type is; 0 if there is none.
    fn find_attribute(&mut self, kind: u32) {
        self.push(libc::BPF_LD | libc::BPF_IMM, ATTRIBUTES);
        self.push(libc::BPF_LDX | libc::BPF_IMM, kind);
        self.load_word(FIND_ATTRIBUTE);
    }

    fn if_equal(&mut self, value: u32, verdict: u32) {
        self.jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 0, 1);
        self.end(verdict);
    }

    fn if_greater(&mut self, value: u32, verdict: u32) {
        self.jump(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K, value, 0, 1);
        self.end(verdict);
    }

    fn unless_equal(
        &mut self,
        value: u32,
        f: impl FnOnce(&mut Program) -> Result<()>,
    ) -> Result<()> {
        let mut inner = Program::default();
        f(&mut inner)?;
        let length = distance(inner.instructions.len())?;
        self.jump(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            value,
            length,
            0,
        );
        self.instructions.append(&mut inner.instructions);
        Ok(())
    }

    /// Compares what the index register points to.
    fn if_name(&mut self, name: &[u8], verdict: u32) -> Result<()> {
        let mut comparisons = Vec::new();
        let mut at = ATTRIBUTE_HEADER;
        let mut rest = name;
        while !rest.is_empty() {
            let (width, size) = match rest.len() {
                4.. => (4, libc::BPF_W),
                2.. => (2, libc::BPF_H),
                _ => (1, libc::BPF_B),
            };
            let (part, after) = rest.split_at(width);
            let value = part
                .iter()
                .fold(0, |value, &byte| value << 8 | u32::from(byte));
            comparisons.push((size, at, value));
            at += width as u32;
            rest = after;
        }
        // Two instructions a comparison, and the verdict.
        let mut left = comparisons.len() * 2 + 1;
        for (size, at, value) in comparisons {
            left -= 2;
            let failed = distance(left)?;
            self.push(libc::BPF_LD | size | libc::BPF_IND, at);
            self.jump(
                libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
                value,
                0,
                failed,
            );
        }
        self.end(verdict);
        Ok(())
    }
}

/// How far a conditional jump goes, for which it has eight bits.
fn distance(instructions: usize) -> Result<u8> {
    u8::try_from(instructions).map_err(|_| {
        Error::invalid(format!(
            "a jump over {instructions} instructions is too long for a filter"
        ))
    })
}

#[cfg(test)]
impl LinkFilter<'_> {
    /// Whether the kernel would let the message through.
    pub(crate) fn passes(&self, message: &[u8]) -> bool {
        tests::run(&self.program().expect("a program"), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program as the kernel does, on a message.
    pub(super) fn run(program: &[libc::sock_filter], message: &[u8]) -> bool {
        let (mut a, mut x, mut at) = (0u32, 0u32, 0usize);
        let load = |from: usize, width: usize| -> Option<u32> {
            let bytes = message.get(from..from + width)?;
            Some(
                bytes
                    .iter()
                    .fold(0, |value, &byte| value << 8 | u32::from(byte)),
            )
        };
        loop {
            let libc::sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            let code = u32::from(code);
            let width = match code & 0x18 {
                libc::BPF_W => 4,
                libc::BPF_H => 2,
                _ => 1,
            };
            match code & 0x07 {
                libc::BPF_LD if code & 0xe0 == libc::BPF_IMM => a = k,
                libc::BPF_LDX => x = k,
                libc::BPF_LD if k == FIND_ATTRIBUTE => {
                    let mut from = a as usize;
                    a = 0;
                    while let (Some(length), Some(kind)) =
                        (message.get(from..from + 2), message.get(from + 2..from + 4))
                    {
                        if u32::from(u16::from_ne_bytes([kind[0], kind[1]]) & 0x3fff) == x {
                            a = from as u32;
                            break;
                        }
                        let length = u16::from_ne_bytes([length[0], length[1]]);
                        from += usize::from(length.max(4)).next_multiple_of(4);
                    }
                }
                libc::BPF_LD => {
                    let base = if code & 0xe0 == libc::BPF_IND { x } else { 0 };
                    match load((base + k) as usize, width) {
                        Some(value) => a = value,
                        None => return false,
                    }
                }
                libc::BPF_ALU if code & 0xf0 == libc::BPF_LSH => a <<= k,
                libc::BPF_ALU => a |= x,
                libc::BPF_MISC => x = a,
                libc::BPF_RET => return k != 0,
                _ => {
                    let holds = match code & 0xf0 {
                        libc::BPF_JEQ => a == k,
                        _ => a > k,
                    };
                    at += usize::from(if holds { jt } else { jf });
                }
            }
        }
    }

    use crate::monitor::test_messages::{del_link, new_link};
    use crate::nl::{Protocol, Socket};

    fn passes(filter: &LinkFilter<'_>, message: &[u8]) -> bool {
        filter.passes(message)
    }

    #[test]
    fn other_families_are_dropped() {
        let filter = LinkFilter::default();
        let mut message = new_link(7, "eth0").bytes();
        assert!(passes(&filter, &message));
        message[16] = libc::AF_BRIDGE as u8;
        assert!(!passes(&filter, &message));
        message[4..6].copy_from_slice(&20u16.to_ne_bytes());
        assert!(passes(&filter, &message), "it is not about a link");
    }

    #[test]
    fn names_indices_and_what_is_new_are_let_through() {
        let names = [
            NameFilter::exactly(b"eth0"),
            NameFilter::beginning_with(b"veth"),
            NameFilter::beginning_with(b"w"),
            NameFilter::exactly(b"a-name-of-15-by"),
        ];
        let filter = LinkFilter {
            selection: Some(LinkSelection {
                names: &names,
                known: &[3, 300, 70_000],
                highest: 100_000,
            }),
        };
        for (ifindex, name, expected) in [
            (7, "eth0", true),
            (7, "eth01", false),
            (7, "eth", false),
            (7, "veth", true),
            (7, "veth123456789", true),
            (7, "vet", false),
            (7, "wlan0", true),
            (7, "xw", false),
            (7, "a-name-of-15-by", true),
            (7, "a-name-of-15-bz", false),
            (3, "x", true),
            (300, "x", true),
            (301, "x", false),
            (70_000, "x", true),
            (100_000, "x", false),
            (100_001, "x", true),
            (0x0300_0000, "x", true),
        ] {
            let message = new_link(ifindex, name).carrier(true).bytes();
            assert_eq!(passes(&filter, &message), expected, "{ifindex} {name}");
        }
        let registered = new_link(7, "x").change(!0).bytes();
        assert!(passes(&filter, &registered));
        assert!(passes(&filter, &del_link(7, "x").bytes()));
        let named = new_link(7, "x").alt_names(&["eth0"]).bytes();
        assert!(passes(&filter, &named));
        let nameless = &new_link(7, "x").bytes()[..32];
        assert!(passes(&filter, nameless));
    }

    #[test]
    fn the_shortest_message_is_compared_too() {
        // It ends with the name.
        let names = [
            NameFilter::beginning_with(b"long-prefix"),
            NameFilter::exactly(b"e"),
        ];
        let filter = LinkFilter {
            selection: Some(LinkSelection {
                names: &names,
                known: &[],
                highest: 10,
            }),
        };
        assert!(passes(&filter, &new_link(7, "e").bytes()));
        assert!(!passes(&filter, &new_link(7, "f").bytes()));
    }

    #[test]
    fn names_that_only_an_alternative_name_can_have_cost_nothing() {
        let length = |names: &[NameFilter]| {
            let selection = Some(LinkSelection {
                names,
                known: &[],
                highest: 10,
            });
            LinkFilter { selection }.program().unwrap().len()
        };
        let short = [NameFilter::exactly(b"a-name-of-15-by")];
        let long = NameFilter::exactly(b"a-name-of-16-byt");
        let longest = NameFilter::beginning_with(&[b'n'; 5000]);
        assert_eq!(length(&[long, longest]), length(&[]));
        assert!(length(&short) > length(&[]));
    }

    #[test]
    fn a_jump_that_is_too_long_is_an_error() {
        let mut program = Program::default();
        program.if_name(&[b'n'; 508], ACCEPT).unwrap();
        let error = program.if_name(&[b'n'; 513], ACCEPT).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
        let inner = |instructions: usize| {
            Program::default().unless_equal(0, |program| {
                (0..instructions).for_each(|_| program.end(DROP));
                Ok(())
            })
        };
        inner(255).unwrap();
        inner(256).unwrap_err();
    }

    #[test]
    fn the_kernel_takes_the_largest_filter() {
        let names = [const { [b'n'; 15] }; 64].map(|name| NameFilter::exactly(&name));
        let known: Vec<u32> = (0..256).collect();
        let selection = Some(LinkSelection {
            names: &names,
            known: &known,
            highest: 1000,
        });
        let filter = LinkFilter { selection };
        // BPF_MAXINSNS, and what `net.core.optmem_max` was before Linux 6.7.
        let length = filter.program().unwrap().len();
        assert!(length < 4096 && length * 8 < 20_480 / 2, "{length}");
        let mut socket = Socket::connect(Protocol::Route).unwrap();
        socket.filter_links(&filter).unwrap();
    }
}
