//! Follows multicast groups of the route protocol, as libnl's `nl-monitor`
//! does:
//!
//! ```sh
//! monitor link ipv4-ifaddr ipv6-ifaddr
//! monitor -d neigh         # with details
//! monitor all              # every group that it may join
//! ```
//!
//! What the objects were made or changed by is told with `new`, what they were
//! removed by with `del`.

use std::io::{self, Write, stdout};
use std::os::fd::AsFd;
use std::process::ExitCode;

use linkwatch::nl::{Action, Detail, Group, Message, Protocol, Socket};
use linkwatch::{ErrorKind, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

const RECEIVE_BUFFER: usize = 4 << 20;

struct Options {
    groups: Vec<Group>,
    /// Groups that cannot be joined are passed over.
    all: bool,
    detail: Detail,
}

impl Options {
    fn parse(words: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            groups: Vec::new(),
            all: false,
            detail: Detail::Line,
        };
        for word in words {
            match word.as_str() {
                "-d" => options.detail = Detail::Details,
                "-s" => options.detail = Detail::Statistics,
                "all" => options.all = true,
                _ if word.starts_with('-') => return Err(format!("there is no option {word}")),
                name => match name.parse() {
                    Ok(group) => options.groups.push(group),
                    Err(error) => return Err(format!("{error}")),
                },
            }
        }
        if options.all {
            options.groups = Group::ALL.to_vec();
        }
        if options.groups.is_empty() {
            return Err("which groups?".to_owned());
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("monitor: {error}\n\nusage: monitor [-d | -s] GROUP... | all\ngroups:");
            for group in Group::ALL {
                eprintln!("    {group}");
            }
            return ExitCode::from(2);
        }
    };
    match follow(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("monitor: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Follows the groups until the output is closed.
fn follow(options: &Options) -> Result<()> {
    let mut socket = Socket::connect(Protocol::Route)?;
    socket.set_receive_buffer(RECEIVE_BUFFER)?;
    for &group in &options.groups {
        match socket.join(group) {
            Err(error) if options.all => eprintln!("monitor: {error}"),
            joined => joined?,
        }
    }
    eprintln!("monitor: following");
    while wait(&socket) {
        let mut written = Ok(());
        let received = socket.recv_with(|message| {
            written = show(message, options.detail);
            match written {
                Ok(()) => Action::Ok,
                Err(_) => Action::Stop,
            }
        });
        match received {
            // The kernel goes on with what comes next. A program that must not
            // miss anything lists all anew: see `linkwatch::Monitor`.
            Err(error) if error.kind() == ErrorKind::Overrun => {
                eprintln!("monitor: messages were lost");
            }
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        match written {
            // Whoever read this has had enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => {
                eprintln!("monitor: {error}");
                return Ok(());
            }
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Waits for messages; false if nobody reads the output any more.
fn wait(socket: &Socket) -> bool {
    let output = stdout();
    let mut waited_for = [
        PollFd::new(socket.as_fd(), PollFlags::POLLIN),
        PollFd::new(output.as_fd(), PollFlags::empty()),
    ];
    // If it cannot wait here, receiving does, and writing tells the rest.
    let _ = poll(&mut waited_for, PollTimeout::NONE);
    let closed = waited_for[1].revents().unwrap_or(PollFlags::empty());
    !closed.contains(PollFlags::POLLERR)
}

fn show(message: &Message<'_>, detail: Detail) -> io::Result<()> {
    let header = message.header();
    // The types come in fours: RTM_NEW…, RTM_DEL…, RTM_GET…, RTM_SET….
    let what = match header.kind % 4 {
        0 => "new",
        1 => "del",
        _ => "???",
    };
    let mut out = stdout().lock();
    match message.object() {
        Ok(object) => {
            let name = object.type_name().trim_start_matches("route/");
            write!(out, "{what} {name}: {}", object.printed(detail))?;
        }
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let (kind, length) = (header.kind, header.length);
            writeln!(out, "{what} message of type {kind}, {length} bytes")?;
        }
        Err(error) => writeln!(out, "{what} {error}")?,
    }
    out.flush()
}
