//! What people and files say: patterns, durations, sizes, lists of events, whole
//! command lines, configurations, and logs to report on.
#![no_main]

use std::cell::RefCell;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use clap::Command;
use libfuzzer_sys::fuzz_target;
use linkwatch::nl::Group;
use linkwatch::{EventKind, Pattern};
use linkwatch_fuzz::input::Input;

// It is formatted where it belongs.
#[rustfmt::skip]
#[allow(dead_code, unused_imports)]
mod cli;

/// As long as a name may be: alternative names have up to 127 bytes.
const LONGEST_NAME: usize = 127;

static SILENCE: Once = Once::new();

thread_local! {
    /// Built once: that takes longer than the parsing.
    static WATCH: RefCell<Command> = RefCell::new(cli::watch_command());
    static ALL: RefCell<Command> = RefCell::new(cli::command());
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let what = input.u8();
    match what % 8 {
        0 | 1 => {
            let name = input.block();
            pattern(input.rest(), &name[..name.len().min(LONGEST_NAME)]);
        }
        2 => {
            let text = input.rest();
            if let Some(args) = watch(b"--settle-up", text) {
                assert_eq!(Some(args.settle_up), duration(text), "{text:?}");
            } else {
                assert_eq!(duration(text), None, "{text:?}");
            }
        }
        3 => {
            let text = input.rest();
            if let Some(args) = watch(b"--buffer-size", text) {
                assert!((1..=1 << 30).contains(&args.buffer_size), "{text:?}");
            }
        }
        4 => {
            let text = input.rest();
            if let Some(args) = watch(b"--events", text) {
                let chosen = args.events;
                let words: Vec<&[u8]> = text.split(|&byte| byte == b',').collect();
                for kind in EventKind::ALL {
                    let named = words.contains(&kind.as_str().as_bytes());
                    let all = words.contains(&&b"all"[..]);
                    assert_eq!(chosen.contains(&kind), named || all, "{text:?}");
                }
            }
        }
        5 => {
            let text = String::from_utf8_lossy(input.rest());
            if let Ok(group) = text.parse::<Group>() {
                assert_eq!(group.to_string().parse::<Group>().unwrap(), group);
            }
        }
        6 if what & 8 != 0 => with_file(input.rest(), |path| {
            SILENCE.call_once(close_stdout);
            ALL.with_borrow_mut(|command| cli::report(command, path));
        }),
        6 => with_file(input.rest(), cli::configure),
        _ => {
            let words = bytes[1..].split(|&byte| byte == 0);
            let words = [&b"linkwatch"[..]].into_iter().chain(words);
            let words = words.map(|word| OsString::from_vec(word.to_vec()));
            ALL.with_borrow_mut(|command| cli::parse(command, words));
        }
    }
});

/// What `watch` makes of one option.
fn watch(option: &[u8], value: &[u8]) -> Option<cli::Watch> {
    let argument = [option, b"=", value].concat();
    let words = [OsStr::new("watch"), OsStr::from_bytes(&argument)].map(OsString::from);
    WATCH.with_borrow_mut(|command| cli::watch(command, words))
}

/// Nobody reads the reports.
fn close_stdout() {
    let nowhere = File::create("/dev/null").expect("it is there");
    // SAFETY: both are open; nothing else owns standard output's number.
    unsafe { libc::dup2(nowhere.as_raw_fd(), libc::STDOUT_FILENO) };
}

/// Calls `read` with a file of these bytes.
fn with_file(bytes: &[u8], read: impl FnOnce(&Path)) {
    // SAFETY: the name ends with NUL; the descriptor is new.
    let mut file = unsafe { File::from_raw_fd(libc::memfd_create(c"fuzz".as_ptr(), 0)) };
    file.write_all(bytes).expect("memory");
    read(&PathBuf::from(format!(
        "/proc/self/fd/{}",
        file.as_raw_fd()
    )));
}

/// Another way to read a duration.
fn duration(text: &[u8]) -> Option<Duration> {
    let (number, scale) = match text {
        [number @ .., b'm', b's'] => (number, 1),
        [number @ .., b's'] => (number, 1000),
        [number @ .., b'm'] => (number, 60_000),
        _ => return None,
    };
    let mut sum: u64 = 0;
    for &byte in number {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum = sum.checked_mul(10)?.checked_add(digit)?;
    }
    let sum = sum.checked_mul(scale)?;
    (!number.is_empty()).then(|| Duration::from_millis(sum))
}

fn pattern(glob: &[u8], name: &[u8]) {
    let pattern = match Pattern::new(glob) {
        Ok(pattern) => pattern,
        Err(error) => {
            let text = error.to_string();
            assert!(!text.chars().any(char::is_control), "{text:?}");
            return;
        }
    };
    assert_eq!(pattern.as_bytes(), glob);
    let shown = pattern.to_string();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    let matches = pattern.matches(name);
    if pattern.is_plain() {
        assert_eq!(matches, glob == name, "{shown}");
        assert!(pattern.matches(glob));
    }
    // fnmatch(3) knows no name with NUL.
    assert!(!matches || CString::new(name).is_ok());
}
