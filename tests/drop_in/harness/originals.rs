//! The original programs, unpacked below target and never installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The tree that their packages are unpacked in, or why there is none.
pub fn root() -> Result<&'static Path, &'static str> {
    static ROOT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match ROOT.get_or_init(unpack) {
        Ok(root) => Ok(root),
        Err(why) => Err(why),
    }
}

fn unpack() -> Result<PathBuf, String> {
    let output = Command::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/scripts/unpack-originals"
    ))
    .output()
    .map_err(|error| format!("scripts/unpack-originals: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().into()),
        false => {
            let why = String::from_utf8_lossy(&output.stderr);
            Err(why.trim().replace('\n', "; "))
        }
    }
}

/// The file of an original, and its libraries' folders, as LD_LIBRARY_PATH has
/// them.
pub fn program(name: &str) -> (PathBuf, String) {
    let root = root().expect("they were there when the test began");
    let folders = ["sbin", "usr/sbin"];
    let program = folders.map(|folder| root.join(folder).join(name));
    let program = program.into_iter().find(|program| program.exists());
    // By its architecture: usr/lib/x86_64-linux-gnu.
    let libraries = std::fs::read_dir(root.join("usr/lib"))
        .map(|entries| {
            let paths = entries.filter_map(|entry| Some(entry.ok()?.path().display().to_string()));
            paths.collect::<Vec<_>>().join(":")
        })
        .unwrap_or_default();
    (
        program.unwrap_or_else(|| panic!("no {name} in the packages")),
        libraries,
    )
}
