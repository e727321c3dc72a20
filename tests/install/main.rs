//! `make install` into a prefix of its own, and the C examples built against
//! it from outside the tree, as a C programmer would.

#[path = "../kernel/support/mod.rs"]
#[allow(dead_code, unused_imports)] // shared, each test binary uses a part
mod support;

mod packages;
mod service_scripts;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use support::{Counters, Tap, inside, ip};

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// Where it is installed. The same for the test and for itself in its
/// namespace.
fn prefix() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("prefix")
}

/// Where the examples are built.
fn programs() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples")
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/c")
        .join(name)
}

#[track_caller]
fn make(target: &str, prefix: &Path) {
    let output = Command::new("make")
        .arg("--silent")
        .arg(target)
        .arg(format!("PREFIX={}", prefix.display()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("make");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[track_caller]
fn pkg_config(args: &[&str]) -> Vec<String> {
    let output = Command::new("pkg-config")
        .env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig"))
        .args(args)
        .output()
        .expect("pkg-config");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let flags = String::from_utf8(output.stdout).expect("UTF-8");
    flags.split_whitespace().map(str::to_owned).collect()
}

#[track_caller]
fn compile(compiler: &str, standard: &str, name: &str, flags: &[String]) {
    let source = source(name);
    let program = programs().join(source.file_stem().expect("a name"));
    let output = Command::new(compiler)
        .args([standard, "-D_GNU_SOURCE"])
        .args(WARNINGS)
        .arg(&source)
        .args(flags)
        .arg("-o")
        .arg(&program)
        .current_dir("/")
        .output()
        .expect(compiler);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Installs and builds, once for all tests, and not again in a namespace.
fn installed() {
    static ONCE: OnceLock<()> = OnceLock::new();
    if support::is_inside() {
        return;
    }
    ONCE.get_or_init(|| {
        let _ = fs::remove_dir_all(prefix());
        let _ = fs::remove_dir_all(programs());
        fs::create_dir_all(programs()).expect("a folder for the programs");
        make("build", &prefix());
        make("install", &prefix());
        let ours = pkg_config(&["--cflags", "--libs", "linkwatch"]);
        let both = pkg_config(&["--cflags", "--libs", "linkwatch", "libnl-3.0"]);
        let libnl = pkg_config(&["--cflags", "--libs", "libnl-3.0"]);
        compile("cc", "-std=c99", "minimal.c", &ours);
        compile("cc", "-std=c99", "epoll.c", &ours);
        compile("cc", "-std=c99", "addresses.c", &libnl);
        compile("cc", "-std=c99", "addresses_and_links.c", &both);
        compile("c++", "-std=c++17", "watcher.cpp", &ours);
    });
}

/// A running example whose output is read line by line.
struct Example {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Example {
    fn start(name: &str, args: &[&str]) -> Example {
        let mut child = Command::new(programs().join(name))
            .args(args)
            .env("LD_LIBRARY_PATH", prefix().join("lib"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect(name);
        let stdout = child.stdout.take().expect("its output");
        Example {
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("not the end").expect("a line")
    }

    /// The next line, which is JSON: its event, name and transitions.
    fn event(&mut self) -> (String, String, u64) {
        let line = self.line();
        let event: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let text = |field: &str| event[field].as_str().unwrap_or("*").to_owned();
        let transitions = event["transitions"].as_u64().expect("transitions");
        (text("event"), text("name"), transitions)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_tree_is_complete_and_goes_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    make("build", folder.path());
    make("install", folder.path());
    let version = env!("CARGO_PKG_VERSION");
    let library = format!("lib/liblinkwatch.so.{version}");
    for file in [
        "bin/linkwatch",
        "include/linkwatch.h",
        "lib/liblinkwatch.a",
        "lib/pkgconfig/linkwatch.pc",
        "lib/systemd/system/linkwatch.service",
        "share/doc/linkwatch/linkwatch.toml",
        "share/man/man1/linkwatch.1",
        "share/man/man5/linkwatch.toml.5",
        "share/bash-completion/completions/linkwatch",
        "share/zsh/site-functions/_linkwatch",
        "share/fish/vendor_completions.d/linkwatch.fish",
        &library,
    ] {
        let path = folder.path().join(file);
        assert!(path.is_file() && !path.is_symlink(), "{file}");
    }
    for link in ["lib/liblinkwatch.so", "lib/liblinkwatch.so.0.1"] {
        let target = folder.path().join(link).canonicalize().unwrap();
        assert_eq!(target, folder.path().join(&library).canonicalize().unwrap());
    }
    let unit = folder.path().join("lib/systemd/system/linkwatch.service");
    let unit = fs::read_to_string(unit).unwrap();
    let program = folder.path().join("bin/linkwatch");
    let start = format!("ExecStart={} watch --config", program.display());
    assert!(unit.contains(&start) && !unit.contains("@URL@"), "{unit}");
    make("uninstall", folder.path());
    let left = Command::new("find")
        .arg(folder.path())
        .args(["-not", "-type", "d"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

/// What the order of the functions is for: that a watch has little of the program
/// in memory. Functions that have other names one day would silently stand
/// anywhere again.
#[test]
fn what_a_watch_runs_stands_together() {
    installed();
    let program = prefix().join("bin/linkwatch");
    let told_by = |tool: &str, argument: &str| {
        let output = Command::new(tool).arg(argument).arg(&program).output();
        String::from_utf8_lossy(&output.expect(tool).stdout).into_owned()
    };
    let number = |word: &str| u64::from_str_radix(word, 16).ok();
    // Name, type, address, offset, size.
    let sections = told_by("readelf", "--section-headers");
    let words: Vec<&str> = sections.split_whitespace().collect();
    let Some(at) = words.iter().position(|&word| word == ".text.watch") else {
        return support::skip("the linker in use takes no order of functions");
    };
    let (start, size) = (number(words[at + 2]), number(words[at + 4]));
    let watch = start.unwrap()..start.unwrap() + size.unwrap();

    let symbols = told_by("nm", "--demangle");
    let is_within = |part: &str| {
        let mut found = symbols.lines().filter(|line| line.contains(part));
        let within = |line: &str| number(line.split(' ').next()?).map(|at| watch.contains(&at));
        let line = found.next().unwrap_or_else(|| panic!("no {part}"));
        within(line).unwrap_or_else(|| panic!("{line}"))
    };
    for part in [
        "linkwatch::monitor::driver::Monitor::receive",
        "linkwatch::cli::daemon::",
        "clap_builder::parser::parser::Parser::",
    ] {
        assert!(is_within(part), "{part} stands elsewhere");
    }
    for part in [
        "linkwatch::cli::report::html",
        "linkwatch::cli::drop_in::ifplugd::daemon",
    ] {
        assert!(!is_within(part), "{part} stands among them");
    }
}

#[test]
fn the_header_the_library_and_pkg_config_agree_on_the_version() {
    installed();
    let version = pkg_config(&["--modversion", "linkwatch"]);
    assert_eq!(version, [env!("CARGO_PKG_VERSION")]);
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("version.c");
    fs::write(
        &source,
        r#"#include <linkwatch.h>
        #include <stdio.h>
        int main(void)
        {
            printf("%s %s %d.%d.%d\n", linkwatch_version(), LINKWATCH_VERSION_STRING,
                   LINKWATCH_VERSION_MAJOR, LINKWATCH_VERSION_MINOR, LINKWATCH_VERSION_PATCH);
            return 0;
        }"#,
    )
    .unwrap();
    // Statically this time, libnl and the C library too.
    let flags = pkg_config(&["--static", "--cflags", "--libs", "linkwatch"]);
    let program = folder.path().join("version");
    let status = Command::new("cc")
        .arg("-static")
        .arg(&source)
        .args(&flags)
        .arg("-o")
        .arg(&program)
        .status()
        .unwrap();
    assert!(status.success());
    let output = Command::new(&program).output().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("{version} {version} {version}\n")
    );
}

#[test]
fn attaching_takes_less_than_ten_lines() {
    let output = Command::new("diff")
        .args([source("addresses.c"), source("addresses_and_links.c")])
        .output()
        .unwrap();
    let changes = String::from_utf8_lossy(&output.stdout);
    let code = changes
        .lines()
        .filter_map(|line| line.strip_prefix("> "))
        // The comment at the top is no change to the program.
        .filter(|line| !line.starts_with("/*") && !line.starts_with(" *"))
        .count();
    assert!((1..10).contains(&code), "{code}:\n{changes}");
    let minimal = fs::read_to_string(source("minimal.c")).unwrap();
    assert!(minimal.lines().count() < 40);
}

#[test]
fn the_minimal_watcher_watches() {
    installed();
    inside("install::the_minimal_watcher_watches", || {
        let cable = Tap::up("cable0");
        let mut watcher = Example::start("minimal", &["cable*"]);
        assert_eq!(watcher.event(), ("initial".into(), "cable0".into(), 0));
        cable.pull();
        assert_eq!(watcher.event(), ("disconnected".into(), "cable0".into(), 1));
        cable.flap(50);
        let mut sum = 1;
        while sum < Counters::of("cable0").sum() {
            sum += watcher.event().2;
        }
        assert_eq!(sum, Counters::of("cable0").sum());
    });
}

#[test]
fn the_epoll_loop_serves_both() {
    installed();
    inside("install::the_epoll_loop_serves_both", || {
        let cable = Tap::up("cable0");
        let mut watcher = Example::start("epoll", &[]);
        assert_eq!(watcher.line(), "cable0 initial");
        cable.pull();
        assert_eq!(watcher.line(), "cable0 disconnected");
        let mut stdin = watcher.child.stdin.take().unwrap();
        writeln!(stdin, "how many?").unwrap();
        assert_eq!(watcher.line(), "2 changes so far");
        drop(stdin);
        assert!(watcher.child.wait().unwrap().success());
    });
}

#[test]
fn a_libnl_program_sees_its_messages_and_the_links() {
    installed();
    inside(
        "install::a_libnl_program_sees_its_messages_and_the_links",
        || {
            let cable = Tap::up("cable0");
            let mut program = Example::start("addresses_and_links", &[]);
            assert_eq!(program.event().0, "initial");
            cable.pull();
            assert_eq!(program.event().0, "disconnected");
            ip(&["addr", "add", "192.0.2.1/24", "dev", "cable0"]);
            assert!(program.line().ends_with("address added"));
            cable.plug();
            assert_eq!(program.event().0, "connected");
            ip(&["addr", "del", "192.0.2.1/24", "dev", "cable0"]);
            assert!(program.line().ends_with("address removed"));
        },
    );
}

#[test]
fn a_cpp_program_watches() {
    installed();
    inside("install::a_cpp_program_watches", || {
        let cable = Tap::up("cable0");
        let mut watcher = Example::start("watcher", &["cable0"]);
        assert_eq!(watcher.line(), "cable0 initial");
        cable.pull();
        assert_eq!(watcher.line(), "cable0 disconnected");
        drop(cable);
        assert_eq!(watcher.line(), "cable0 removed");
    });
}
