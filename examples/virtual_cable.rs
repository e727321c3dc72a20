//! A virtual cable: makes the TAP interface NAME, takes it up, and does what
//! its standard input says, until that ends: `pull`, `plug`, `flap N`.
//!
//! ```sh
//! unshare --user --map-root-user --net sh -c '
//!     linkwatch watch & virtual_cable cable0'
//! ```

#[path = "../tests/kernel/support/tap.rs"]
mod tap;

use std::io::{BufRead, stdin};
use std::process::ExitCode;

use tap::Tap;

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1).filter(|name| name.len() < 16) else {
        eprintln!("usage: virtual_cable NAME");
        return ExitCode::from(2);
    };
    let cable = Tap::up(&name);
    for line in stdin().lock().lines().map_while(Result::ok) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next().map(str::parse)) {
            (Some("pull"), None) => cable.pull(),
            (Some("plug"), None) => cable.plug(),
            (Some("flap"), Some(Ok(times))) => cable.flap(times),
            _ => eprintln!("not understood: {line:?}; there are: pull, plug, flap N"),
        }
    }
    ExitCode::SUCCESS
}
