//! Lists the generic netlink families of the running kernel with their
//! commands and groups, all of them or those that are named:
//!
//! ```sh
//! genl_families
//! genl_families ethtool nl80211
//! ```

use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

use linkwatch::Result;
use linkwatch::nl::genl::{self, Family, OperationFlags};

/// The words for what a command does and needs.
const FLAGS: [(OperationFlags, &str); 5] = [
    (OperationFlags::DO, "do"),
    (OperationFlags::DUMP, "dump"),
    (OperationFlags::POLICY, "policy"),
    (OperationFlags::ADMIN, "admin"),
    (OperationFlags::NAMESPACE_ADMIN, "namespace-admin"),
];

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let families = match chosen(&names) {
        Ok(families) => families,
        Err(error) => {
            eprintln!("genl_families: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut missing = false;
    for name in &names {
        if !families.iter().any(|family| family.name() == name) {
            eprintln!("genl_families: there is no family '{name}'");
            missing = true;
        }
    }
    let text: String = families.iter().map(describe).collect();
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever read it has had enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("genl_families: {error}");
            ExitCode::FAILURE
        }
        _ if missing => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn chosen(names: &[String]) -> Result<Vec<Family>> {
    let mut families = genl::Socket::connect()?.families()?;
    families.retain(|family| names.is_empty() || names.iter().any(|name| name == family.name()));
    Ok(families)
}

fn describe(family: &Family) -> String {
    let mut text = format!(
        "{:#06x} {} version {}\n    header {} bytes, attributes up to {}\n",
        family.id(),
        family.name(),
        family.version(),
        family.header_size(),
        family.max_attribute(),
    );
    for operation in family.operations() {
        text += &format!("    command {:#04x}", operation.command);
        for (flag, word) in FLAGS {
            if operation.flags.contains(flag) {
                text += " ";
                text += word;
            }
        }
        text += "\n";
    }
    for (name, group) in family.groups() {
        text += &format!("    group {name} {:#04x}\n", group.0);
    }
    text
}
