//! Who takes part.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a watcher writes to standard output, which is a file in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// `ready`, and at SIGTERM a report (`c/watcher.h`).
    Report,
    /// Events of `linkwatch watch --json`.
    Json,
    /// Lines of `ip monitor link`.
    Ip,
}

/// A kind of watcher.
pub struct Contender {
    pub id: &'static str,
    pub label: &'static str,
    /// A program in the folder of programs, or in PATH.
    pub program: &'static str,
    arguments: &'static [&'static str],
    pub output: Output,
}

const fn contender(
    id: &'static str,
    label: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    output: Output,
) -> Contender {
    Contender {
        id,
        label,
        program,
        arguments,
        output,
    }
}

pub const FLOOR: &str = "recv";
pub const LIBRARY: &str = "linkwatch";
pub const C_LIBRARY: &str = "liblinkwatch";
pub const CLI: &str = "cli";
pub const IP: &str = "ip";
pub const FIND_ATTR: &str = "nlmsg_find_attr";
pub const PARSE: &str = "nl_msg_parse";
pub const TUNED: &str = "libnl-tuned";
pub const RTNETLINK: &str = "rtnetlink";

pub const CONTENDERS: [Contender; 13] = {
    use Output::{Ip, Json, Report};
    [
        contender(FLOOR, "C recv + scan (the floor)", "c-recv", &[], Report),
        contender(
            "recvmmsg",
            "C recvmmsg + scan (the limit)",
            "c-recvmmsg",
            &[],
            Report,
        ),
        contender(
            LIBRARY,
            "linkwatch, Rust library",
            "watch-linkwatch",
            &[],
            Report,
        ),
        contender(
            C_LIBRARY,
            "linkwatch, C library",
            "c-liblinkwatch",
            &[],
            Report,
        ),
        contender(
            CLI,
            "linkwatch watch --json",
            "linkwatch",
            &["watch", "--json"],
            Json,
        ),
        contender(IP, "ip monitor link", "ip", &["monitor", "link"], Ip),
        contender(TUNED, "C libnl, no peek, one scan", "c-tuned", &[], Report),
        contender(
            FIND_ATTR,
            "C libnl, nlmsg_find_attr",
            "c-nlmsg_find_attr",
            &[],
            Report,
        ),
        contender(
            PARSE,
            "C libnl, nl_msg_parse",
            "c-nl_msg_parse",
            &[],
            Report,
        ),
        contender(
            "nl_cache_mngr",
            "C libnl, nl_cache_mngr",
            "c-nl_cache_mngr",
            &[],
            Report,
        ),
        contender("neli", "neli", "watch-neli", &[], Report),
        contender(RTNETLINK, "rtnetlink", "watch-rtnetlink", &[], Report),
        contender("pyroute2", "pyroute2", "pyroute2", &[], Report),
    ]
};

/// The contender of this name.
pub fn by_id(id: &str) -> &'static Contender {
    let found = CONTENDERS.iter().find(|contender| contender.id == id);
    found.unwrap_or_else(|| panic!("no watcher {id}"))
}

/// A contender as it takes part in a mode.
#[derive(Clone)]
pub struct Entrant {
    pub id: &'static str,
    pub label: &'static str,
    pub contender: &'static Contender,
    pub arguments: Vec<String>,
    /// Without privilege.
    pub nobody: bool,
    /// Its receive buffer stays as it makes it.
    pub own_buffer: bool,
}

impl Entrant {
    /// As the contender is.
    pub fn plain(id: &str) -> Entrant {
        let contender = by_id(id);
        Entrant {
            id: contender.id,
            label: contender.label,
            contender,
            arguments: Vec::new(),
            nobody: false,
            own_buffer: false,
        }
    }

    pub fn with(mut self, arguments: &[&str]) -> Entrant {
        self.arguments
            .extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    pub fn named(self, id: &'static str, label: &'static str) -> Entrant {
        Entrant { id, label, ..self }
    }

    /// As an ordinary user, with the receive buffer that it makes itself.
    pub fn ordinary(self) -> Entrant {
        Entrant {
            nobody: true,
            own_buffer: true,
            ..self
        }
    }
}

/// Where the programs are.
pub struct Programs {
    pub folder: PathBuf,
    /// The Python that has pyroute2, if there is one.
    pub python: Option<PathBuf>,
}

impl Programs {
    pub fn has(&self, contender: &Contender) -> bool {
        contender.program != "pyroute2" || self.python.is_some()
    }

    pub fn command(&self, contender: &Contender) -> Command {
        let inside = self.folder.join(contender.program);
        let mut command = match &self.python {
            Some(python) if contender.program == "pyroute2" => {
                let mut command = Command::new(python);
                let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
                command.arg(folder.join("watchers/watch_pyroute2.py"));
                command
            }
            _ if inside.exists() => Command::new(inside),
            _ => Command::new(contender.program),
        };
        command.args(contender.arguments);
        command
    }
}
