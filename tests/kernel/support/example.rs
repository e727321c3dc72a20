//! The programs in `examples/`.

use std::path::Path;
use std::process::Command;

/// The example `name`, built. `cargo test` has done so already; where only one
/// test binary was asked for, it has not.
#[track_caller]
pub fn example(name: &str) -> Command {
    let linkwatch = Path::new(env!("CARGO_BIN_EXE_linkwatch"));
    let folder = linkwatch.parent().expect("its folder");
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--quiet", "--offline", "--example", name])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .arg("--target-dir")
        .arg(folder.parent().expect("the target's folder"));
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let output = build.output().expect("cargo");
    assert!(
        output.status.success(),
        "building {name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Command::new(folder.join("examples").join(name))
}
