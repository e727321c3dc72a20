//! Where in a link message those attributes are that are read.
//!
//! Link messages look alike: the kernel writes the same attributes, of the same
//! lengths, in the same order, and only what is in them differs. A walk has to
//! read the length of each before it knows where the next one is, some 45 times a
//! message. To see that a message is laid out as an earlier one was takes as many
//! comparisons, but none of them waits for another.

use libnl3_sys as sys;

use super::attribute::HEADER;
use super::{Attribute, Attributes};

/// So many layouts are kept, some 600 bytes each. Names of another length make
/// another layout; few machines have more.
const KEPT: usize = 16;
/// So many headers a message has at most, as a rule.
const USUAL: usize = 64;

/// Attributes newer than the headers of libnl 3.5 (`linux/if_link.h`).
pub(super) const IFLA_PROP_LIST: u32 = 52;
const IFLA_PERM_ADDRESS: u32 = 54;

/// An attribute that is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    Name,
    Address,
    PermanentAddress,
    Mtu,
    Master,
    OperState,
    Carrier,
    CarrierChanges,
    CarrierUpCount,
    CarrierDownCount,
    Event,
    Wireless,
    Properties,
    /// The IFLA_INFO_KIND within IFLA_LINKINFO.
    Kind,
}

impl Wanted {
    const NUMBER: usize = Wanted::Kind as usize + 1;

    fn of(kind: u16) -> Option<Wanted> {
        Some(match u32::from(kind) {
            sys::IFLA_IFNAME => Wanted::Name,
            sys::IFLA_ADDRESS => Wanted::Address,
            IFLA_PERM_ADDRESS => Wanted::PermanentAddress,
            sys::IFLA_MTU => Wanted::Mtu,
            sys::IFLA_MASTER => Wanted::Master,
            sys::IFLA_OPERSTATE => Wanted::OperState,
            sys::IFLA_CARRIER => Wanted::Carrier,
            sys::IFLA_CARRIER_CHANGES => Wanted::CarrierChanges,
            sys::IFLA_CARRIER_UP_COUNT => Wanted::CarrierUpCount,
            sys::IFLA_CARRIER_DOWN_COUNT => Wanted::CarrierDownCount,
            sys::IFLA_EVENT => Wanted::Event,
            sys::IFLA_WIRELESS => Wanted::Wireless,
            IFLA_PROP_LIST => Wanted::Properties,
            _ => return None,
        })
    }
}

/// Where in the attributes of a message those are that are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places([Place; Wanted::NUMBER]);

/// Where a payload is. It begins at 0 if there is none, for a header comes first.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    start: u32,
    length: u32,
}

impl Places {
    /// Walks over the attributes; `None` if a length is impossible. Of two of
    /// one type it is the last.
    pub(super) fn of(attributes: &[u8]) -> Option<Places> {
        Places::find(attributes, |_| ())
    }

    /// Likewise, and tells of each header that was looked at.
    fn find(attributes: &[u8], mut tell: impl FnMut(Header)) -> Option<Places> {
        let mut places = Places([Place::default(); Wanted::NUMBER]);
        let mut walk = Attributes::new(attributes);
        while let Some((at, attribute)) = next(&mut walk, attributes, &mut tell) {
            if let Some(wanted) = Wanted::of(attribute.kind()) {
                places.set(wanted, at, attribute);
            } else if u32::from(attribute.kind()) == sys::IFLA_LINKINFO {
                places.find_kind(at + HEADER, attribute.payload(), &mut tell);
            }
        }
        (!walk.is_malformed()).then_some(places)
    }

    /// Looks for the kind in an IFLA_LINKINFO whose payload starts here.
    fn find_kind(&mut self, start: usize, info: &[u8], tell: &mut impl FnMut(Header)) {
        self.0[Wanted::Kind as usize] = Place::default();
        let mut walk = Attributes::new(info);
        let mut tell = |header: Header| {
            tell(Header {
                word: header.word + (start / HEADER) as u32,
                ..header
            });
        };
        while let Some((at, attribute)) = next(&mut walk, info, &mut tell) {
            if u32::from(attribute.kind()) == sys::IFLA_INFO_KIND {
                self.set(Wanted::Kind, start + at, attribute);
                break;
            }
        }
    }

    fn set(&mut self, wanted: Wanted, at: usize, attribute: Attribute<'_>) {
        self.0[wanted as usize] = Place {
            start: (at + HEADER) as u32,
            length: attribute.payload().len() as u32,
        };
    }

    /// The payload of an attribute, in a message that is laid out so.
    #[inline]
    pub(super) fn payload<'a>(&self, wanted: Wanted, attributes: &'a [u8]) -> Option<&'a [u8]> {
        match self.0[wanted as usize] {
            Place { start: 0, .. } => None,
            Place { start, length } => attributes.get(start as usize..)?.get(..length as usize),
        }
    }

    /// Likewise, as [`Attribute::u8`].
    #[inline]
    pub(super) fn u8(&self, wanted: Wanted, attributes: &[u8]) -> Option<u8> {
        match self.0[wanted as usize] {
            Place { start, length: 1 } => attributes.get(start as usize).copied(),
            _ => None,
        }
    }

    /// Likewise, as [`Attribute::u32`].
    #[inline]
    pub(super) fn u32(&self, wanted: Wanted, attributes: &[u8]) -> Option<u32> {
        match self.0[wanted as usize] {
            Place { start, length: 4 } => {
                // It is aligned, as all are.
                let (words, _) = attributes.as_chunks();
                let word = words.get(start as usize / HEADER)?;
                Some(u32::from_ne_bytes(*word))
            }
            _ => None,
        }
    }
}

/// The next attribute, and where its header is.
fn next<'a>(
    walk: &mut Attributes<'a>,
    all: &[u8],
    tell: &mut impl FnMut(Header),
) -> Option<(usize, Attribute<'a>)> {
    let rest = walk.rest();
    let at = all.len() - rest.len();
    // Also one that the walk ends at: others like it may have another one there.
    tell(Header {
        word: (at / HEADER) as u32,
        bytes: *rest.first_chunk()?,
    });
    Some((at, walk.next()?))
}

/// The header of an attribute: its length and its type.
#[derive(Debug)]
struct Header {
    /// Where it is, in words: headers are aligned.
    word: u32,
    bytes: [u8; HEADER],
}

/// The layouts of the last messages.
#[derive(Debug, Default)]
pub(crate) struct LinkLayouts {
    kept: [Option<Box<Layout>>; KEPT],
}

/// How the attributes of a message are laid out.
#[derive(Debug)]
struct Layout {
    /// In bytes.
    length: usize,
    /// All headers that decide where the others are, in their order.
    headers: Box<[Header]>,
    places: Places,
}

impl LinkLayouts {
    /// As [`Places::of`].
    #[inline]
    pub(super) fn places(&mut self, attributes: &[u8]) -> Option<&Places> {
        // By its length and that of what comes first, which is the name.
        let name = attributes
            .first_chunk()
            .map_or(0, |&length| u16::from_ne_bytes(length));
        let kept = &mut self.kept[(attributes.len() / HEADER + usize::from(name)) % KEPT];
        if !kept.as_ref().is_some_and(|kept| kept.is_of(attributes)) {
            *kept = Layout::of(attributes);
        }
        kept.as_ref().map(|kept| &kept.places)
    }
}

impl Layout {
    #[cold]
    fn of(attributes: &[u8]) -> Option<Box<Layout>> {
        let mut headers = Vec::with_capacity(USUAL);
        let places = Places::find(attributes, |header| headers.push(header))?;
        Some(Box::new(Layout {
            length: attributes.len(),
            headers: headers.into_boxed_slice(),
            places,
        }))
    }

    /// True if these are laid out so: where the first header is the same, the
    /// second is at the same place, and so on to the end.
    #[inline]
    fn is_of(&self, attributes: &[u8]) -> bool {
        if attributes.len() != self.length {
            return false;
        }
        let (words, _) = attributes.as_chunks();
        let is_there = |header: &Header| {
            debug_assert!((header.word as usize) < words.len());
            // SAFETY: `of` has found each header whole within this length.
            unsafe { *words.get_unchecked(header.word as usize) == header.bytes }
        };
        // Eight at a time: the loop itself would be half of it.
        let (eights, rest) = self.headers.as_chunks::<8>();
        eights.iter().all(|eight| eight.iter().all(is_there)) && rest.iter().all(is_there)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::monitor::test_messages::{LinkBytes, attribute, new_link, parse};
    use crate::nl::{LinkMessage, encode};

    /// Reads a message by a reader that has seen others, and without.
    fn assert_read_alike(layouts: &mut LinkLayouts, message: &[u8]) {
        let alone = LinkMessage::parse(message).map_err(|error| error.to_string());
        // Twice: when it is new, and when it is known.
        for _ in 0..2 {
            let read = LinkMessage::parse_by(message, Some(layouts));
            assert_eq!(read.map_err(|error| error.to_string()), alone);
        }
    }

    fn full(name: &str) -> LinkBytes {
        new_link(7, name)
            .attribute(attribute::ADDRESS, &[2, 0, 0x5e, 0x10, 0, 1])
            .operstate(6)
            .link_kind("veth")
            .carrier(true)
            .counts(3, 2)
            .alt_names(&["lan", "uplink"])
    }

    #[test]
    fn what_is_laid_out_alike_is_read_anew() {
        let mut layouts = LinkLayouts::default();
        let (one, other) = (full("eth0"), full("eth1").u32(attribute::MTU, 9000));
        for message in [&one, &other, &one.clone().counts(4, 3), &other] {
            assert_read_alike(&mut layouts, &message.bytes());
        }
        let kept = layouts.kept.iter().flatten().count();
        assert_eq!(
            kept,
            2 + 1,
            "a layout each, and one with two pairs of counts"
        );
    }

    #[test]
    fn a_change_anywhere_is_noticed() {
        let mut layouts = LinkLayouts::default();
        let good = full("eth0").bytes();
        for at in 0..good.len() {
            for change in [1, 2, 4, 8, 0x40, 0x80, 0xff] {
                assert_read_alike(&mut layouts, &good);
                let mut bytes = good.clone();
                bytes[at] ^= change;
                assert_read_alike(&mut layouts, &bytes);
            }
        }
    }

    #[test]
    fn of_two_of_a_type_it_is_the_last() {
        let kind = |name| encode::attribute(attribute::INFO_KIND, name);
        let other = || encode::attribute(2, &[]);
        let (veth, vlan, none) = (
            &kind(b"veth\0"),
            &[other(), kind(b"vlan\0")].concat(),
            &other(),
        );
        for (parts, kind) in [
            ([veth, vlan], Some(&b"vlan"[..])),
            ([vlan, veth], Some(b"veth")),
            ([veth, none], None),
        ] {
            let message = parts.into_iter().fold(
                new_link(7, "a")
                    .u32(attribute::MTU, 1)
                    .u32(attribute::MTU, 2),
                |message, info| message.attribute(attribute::LINKINFO, info),
            );
            let bytes = message.bytes();
            let link = parse(&bytes);
            assert_eq!((link.mtu(), link.kind()), (Some(2), kind));
            assert_read_alike(&mut LinkLayouts::default(), &bytes);
        }
    }

    #[test]
    fn long_messages_are_no_trouble() {
        let mut layouts = LinkLayouts::default();
        let mut message = full("eth0");
        for kind in 100..110 {
            message = message.attribute(kind, &[0; 60_000]);
        }
        let bytes = message.u32(attribute::MTU, 9000).bytes();
        assert_read_alike(&mut layouts, &bytes);
        assert_eq!(parse(&bytes).mtu(), Some(9000));
    }

    proptest! {
        /// Attributes that are well-formed, torn or no attributes at all, with
        /// few lengths and types, so that layouts meet in one place.
        #[test]
        fn whatever_was_seen_before(
            messages in prop::collection::vec(
                prop::collection::vec(
                    (prop::sample::select(vec![0u16, 1, 3, 4, 10, 16, 18, 33, 47, 52, 200]),
                     prop::sample::select(vec![0u16, 3, 4, 5, 8, 9, 12, 20]),
                     any::<[u8; 8]>()),
                    0..6),
                1..12),
        ) {
            let mut layouts = LinkLayouts::default();
            for parts in messages {
                let mut bytes = new_link(7, "").bytes();
                bytes.truncate(32);
                for (kind, length, payload) in parts {
                    bytes.extend(length.to_ne_bytes());
                    bytes.extend(kind.to_ne_bytes());
                    bytes.extend(payload);
                }
                let length = bytes.len() as u32;
                bytes[..4].copy_from_slice(&length.to_ne_bytes());
                assert_read_alike(&mut layouts, &bytes);
            }
        }
    }
}
