//! Lists all there is of something, as libnl prints it:
//!
//! ```sh
//! dump links            # addresses, routes, neighbours, rules
//! dump -d -6 routes     # with details; of IPv6 alone
//! dump qdiscs           # whatever else libnl prints
//! dump 106              # and what it does not: RTM_GETNEXTHOP
//! ```

use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

use linkwatch::nl::{
    Address, Detail, Dumpable, Link, Message, Namespace, Neighbour, Object, Protocol, Query, Route,
    Rule,
};
use linkwatch::{Error, Result};

const USAGE: &str = "\
usage: dump [-d | -s] [-4 | -6 | -B | -f FAMILY] KIND

KIND   links, addresses, routes, neighbours, rules;
       qdiscs, neighbour-tables, netconf, nexthops;
       or the number of a request (RTM_GET...)
-d     with details                -4, -6, -B  of IPv4, IPv6, bridges
-s     with statistics too         -f FAMILY   of an address family (AF_...)
";

/// Kinds without a type of their own.
const OTHERS: [(&str, u16); 4] = [
    ("qdiscs", libc::RTM_GETQDISC),
    ("neighbour-tables", libc::RTM_GETNEIGHTBL),
    ("netconf", libc::RTM_GETNETCONF),
    ("nexthops", 106), // RTM_GETNEXTHOP, Linux 5.3
];

struct Options {
    kind: String,
    family: u8,
    detail: Detail,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Options> {
        let (mut kind, mut family, mut detail) = (None, 0, Detail::Line);
        while let Some(word) = words.next() {
            match word.as_str() {
                "-d" => detail = Detail::Details,
                "-s" => detail = Detail::Statistics,
                "-4" => family = libc::AF_INET as u8,
                "-6" => family = libc::AF_INET6 as u8,
                "-B" => family = libc::AF_BRIDGE as u8,
                "-f" => family = words.next()?.parse().ok()?,
                _ if word.starts_with('-') || kind.is_some() => return None,
                _ => kind = Some(word),
            }
        }
        Some(Options {
            kind: kind?,
            family,
            detail,
        })
    }
}

fn main() -> ExitCode {
    let options = Options::parse(std::env::args().skip(1));
    let Some(options) = options else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    let text = match list(&options) {
        Ok(Some(text)) => text,
        Ok(None) => {
            eprint!("dump: there is no kind '{}'\n\n{USAGE}", options.kind);
            return ExitCode::from(2);
        }
        Err(error) => {
            eprintln!("dump: {error}");
            return ExitCode::FAILURE;
        }
    };
    match stdout().lock().write_all(text.as_bytes()) {
        // Whoever read this has had enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dump: {error}");
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}

/// What is to be printed; `None` if there is no such kind.
fn list(options: &Options) -> Result<Option<String>> {
    let text = match options.kind.as_str() {
        "links" => typed::<Link>(options)?,
        "addresses" => typed::<Address>(options)?,
        "routes" => typed::<Route>(options)?,
        "neighbours" | "neighbors" => typed::<Neighbour>(options)?,
        "rules" => typed::<Rule>(options)?,
        other => {
            let named = OTHERS.iter().find(|(name, _)| *name == other);
            match named.map(|(_, kind)| *kind).or(other.parse().ok()) {
                Some(kind) => untyped(kind, options)?,
                None => return Ok(None),
            }
        }
    };
    Ok(Some(text))
}

/// Lists what has a type, and thus getters; here its printed form will do.
fn typed<T: Dumpable + Into<Object>>(options: &Options) -> Result<String> {
    let mut query = Query::new(&Namespace::current(), Protocol::Route)?;
    let listing = query.list::<T>(options.family)?;
    if !listing.complete {
        eprintln!("dump: things came and went: some may be missing");
    }
    if listing.unreadable > 0 {
        eprintln!("dump: libnl could not read {}", listing.unreadable);
    }
    let objects = listing.items.into_iter().map(T::into);
    Ok(objects
        .map(|object| object.printed(options.detail))
        .collect())
}

/// Lists anything, message by message.
fn untyped(kind: u16, options: &Options) -> Result<String> {
    let mut query = Query::new(&Namespace::current(), Protocol::Route)?;
    let mut text = String::new();
    let complete = query.dump_kind(kind, options.family, |message| {
        text += &match message.object() {
            Ok(object) => object.printed(options.detail),
            Err(error) => unknown(message, &error),
        };
    })?;
    if !complete {
        eprintln!("dump: things came and went: some may be missing");
    }
    Ok(text)
}

fn unknown(message: &Message<'_>, error: &Error) -> String {
    let header = message.header();
    match error.kind() {
        linkwatch::ErrorKind::Unsupported => {
            format!("message of type {}, {} bytes\n", header.kind, header.length)
        }
        _ => format!("{error}\n"),
    }
}
