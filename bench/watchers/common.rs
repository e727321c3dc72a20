//! What the watchers in Rust share; see `c/watcher.h`, whose report this is too.
#![allow(dead_code)]

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// The last state of a link.
pub struct Link {
    pub name: String,
    pub connected: bool,
    pub ups: u32,
    pub downs: u32,
}

#[derive(Default)]
pub struct Table {
    pub messages: u64,
    pub overruns: u64,
    links: HashMap<u32, Link>,
}

impl Table {
    pub fn apply(&mut self, index: u32, name: &str, connected: bool, ups: u32, downs: u32) {
        match self.links.get_mut(&index) {
            Some(link) => {
                if link.name != name {
                    name.clone_into(&mut link.name);
                }
                link.connected = connected;
                link.ups = ups;
                link.downs = downs;
            }
            None => {
                let name = name.to_owned();
                self.links.insert(
                    index,
                    Link {
                        name,
                        connected,
                        ups,
                        downs,
                    },
                );
            }
        }
    }

    pub fn remove(&mut self, index: u32) {
        self.links.remove(&index);
    }

    pub fn report(&self) {
        let mut out = String::new();
        out += &format!("messages {}\noverruns {}\n", self.messages, self.overruns);
        for (index, link) in &self.links {
            out += &format!("link {index} {} {}\n", u8::from(link.connected), link.name);
        }
        print(&out);
    }
}

pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).expect("stdout");
    out.flush().expect("stdout");
}

pub fn ready() {
    print("ready\n");
}

static ENDED: AtomicBool = AtomicBool::new(false);

extern "C" fn on_term(_: libc::c_int) {
    ENDED.store(true, Ordering::Relaxed);
}

/// True once SIGTERM has come.
pub fn is_ended() -> bool {
    ENDED.load(Ordering::Relaxed)
}

/// Lets SIGTERM interrupt what waits.
pub fn end_at_term() {
    handle_term(on_term);
}

pub fn handle_term(handler: extern "C" fn(libc::c_int)) {
    // SAFETY: sigaction is plain data, for which zeros mean no flags and an
    // empty mask; the handler only does what signal handlers may do.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        libc::sigaction(libc::SIGTERM, &action, std::ptr::null_mut());
    }
}

/// CLOCK_MONOTONIC in nanoseconds, as the flips are stamped by.
pub fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes the timespec, which is there.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
