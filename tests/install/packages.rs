//! `make deb`: what is in the packages; and that they go in and out of a
//! machine, which is a copy of this one that holds what changes in memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::support;

const NAMES: [&str; 3] = ["liblinkwatch0.1", "liblinkwatch-dev", "linkwatch"];

/// The packages, built once, where that is possible.
fn packages() -> Option<&'static [PathBuf]> {
    static ONCE: OnceLock<Option<Vec<PathBuf>>> = OnceLock::new();
    let packages = ONCE.get_or_init(|| {
        if !support::has("dpkg-gensymbols") || !support::has("dpkg-deb") {
            support::skip("there is no dpkg-dev to make Debian packages with");
            return None;
        }
        let output = Command::new("make")
            .args(["--silent", "deb"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("MAKEFLAGS")
            .output()
            .expect("make");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let paths = text.lines().filter(|line| line.ends_with(".deb"));
        Some(paths.map(PathBuf::from).collect())
    });
    packages.as_deref()
}

fn of_name<'a>(packages: &'a [PathBuf], name: &str) -> &'a Path {
    let begin = format!("{name}_");
    let is_it = |path: &&PathBuf| {
        let file = path.file_name().unwrap_or_default();
        file.to_string_lossy().starts_with(&begin)
    };
    packages
        .iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("{name}"))
}

fn told(program: &str, args: &[&str], package: &Path) -> String {
    let output = Command::new(program).args(args).arg(package).output();
    let output = output.expect(program);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn each_package_holds_its_part() {
    let Some(packages) = packages() else { return };
    assert_eq!(packages.len(), NAMES.len(), "{packages:?}");
    // Without the place for the architecture's libraries.
    let files = |name: &str| -> Vec<String> {
        let list = told("dpkg-deb", &["--contents"], of_name(packages, name));
        let mut files: Vec<String> = list
            .lines()
            .filter_map(|line| line.split_once(" ./"))
            .map(|(_, path)| path.to_owned())
            .filter(|path| !path.is_empty() && !path.ends_with('/'))
            .filter(|path| !path.contains("share/doc/"))
            .map(|path| match path.split_once("-linux-gnu") {
                Some((_, rest)) => format!("LIB{rest}"),
                None => path,
            })
            .collect();
        files.sort();
        files
    };
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        files("linkwatch"),
        [
            "etc/linkwatch.toml",
            "usr/bin/linkwatch",
            "usr/lib/systemd/system/linkwatch.service",
            "usr/share/bash-completion/completions/linkwatch",
            "usr/share/fish/vendor_completions.d/linkwatch.fish",
            "usr/share/man/man1/linkwatch.1.gz",
            "usr/share/man/man5/linkwatch.toml.5.gz",
            "usr/share/zsh/vendor-completions/_linkwatch",
        ]
    );
    assert_eq!(
        files("liblinkwatch0.1"),
        [
            format!("LIB/liblinkwatch.so.0.1 -> liblinkwatch.so.{version}"),
            format!("LIB/liblinkwatch.so.{version}"),
        ]
    );
    assert_eq!(
        files("liblinkwatch-dev"),
        [
            "LIB/liblinkwatch.a",
            "LIB/liblinkwatch.so -> liblinkwatch.so.0.1",
            "LIB/pkgconfig/linkwatch.pc",
            "usr/include/linkwatch.h",
        ]
    );
    for name in NAMES {
        let package = of_name(packages, name);
        let field = |field: &str| {
            let args = ["--field"];
            let output = Command::new("dpkg-deb")
                .args(args)
                .arg(package)
                .arg(field)
                .output();
            let text = String::from_utf8(output.expect("dpkg-deb").stdout).expect("UTF-8");
            text.trim().to_owned()
        };
        assert_eq!(field("Version"), format!("{version}-1"));
        let depends = field("Depends");
        let needed: &[&str] = match name {
            "liblinkwatch-dev" => &["liblinkwatch0.1 (= ", "libnl-3-dev"],
            _ => &["libc6", "libnl-3-200", "libnl-genl-3-200", "libgcc-s1"],
        };
        for needed in needed {
            assert!(depends.contains(needed), "{name}: {depends}");
        }
    }
}

#[test]
fn they_go_in_work_and_leave_nothing() {
    let Some(packages) = packages() else { return };
    if !is_root() {
        return support::skip("only root can install packages, into a copy of this machine");
    }
    let unshare = |program: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "--"])
            .args(program)
            .stdin(Stdio::null());
        command
    };
    let status = unshare(&["true"]).stderr(Stdio::null()).status();
    if !status.is_ok_and(|status| status.success()) {
        return support::skip("unshare(1) may not make a mount namespace here");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let output = unshare(&["sh"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/install/packages.sh"))
        .arg(folder.path())
        .args(packages)
        .output()
        .expect("unshare");
    let told = String::from_utf8_lossy(&output.stdout);
    let printed = format!("{told}{}", String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => assert!(told.ends_with("all of it held\n"), "{printed}"),
        Some(77) => support::skip(told.lines().last().unwrap_or_default()),
        _ => panic!("{printed}"),
    }
    // It was in a namespace of its own.
    assert_eq!(fs::read_dir(folder.path()).expect("it").count(), 0);
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    line.and_then(|line| line.split_whitespace().nth(1)) == Some("0")
}
