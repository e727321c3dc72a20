//! C programs, compiled against the library.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, Watch, has, inside_with, is_inside, skip};

const LIBRARY: &str = "LINKWATCH_TEST_LIBRARY";

/// What looks on while a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    None,
    Memcheck,
    Helgrind,
    /// AddressSanitizer, with its leak check, and UndefinedBehaviorSanitizer.
    Sanitizers,
}

/// A program of `tests/c`. It is gone when it is dropped.
pub struct Program {
    executable: PathBuf,
    guard: Guard,
    _folder: TempDir,
}

impl Program {
    #[track_caller]
    pub fn compile(source: &str, guard: Guard) -> Program {
        let folder = TempDir::new().expect("a folder");
        let executable = folder.path().join("program");
        let mut compiler = compiler(source.ends_with(".cpp"), guard);
        let output = compiler
            .args([
                "-Wall",
                "-Wextra",
                "-Wpedantic",
                "-Werror",
                "-g",
                "-pthread",
            ])
            .arg("-I")
            .arg(tree().join("include"))
            .args(pkg_config(&["--cflags", "libnl-3.0"]))
            .arg(tree().join("tests/c").join(source))
            .arg("-o")
            .arg(&executable)
            .arg("-L")
            .arg(test_library())
            .arg("-llinkwatch")
            .args(pkg_config(&["--libs", "libnl-route-3.0", "libnl-3.0"]))
            .output()
            .expect("a compiler");
        assert!(output.status.success(), "{compiler:?}: {}", text(&output));
        Program {
            executable,
            guard,
            _folder: folder,
        }
    }

    /// To run it, with the library.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = match self.guard {
            Guard::None | Guard::Sanitizers => Command::new(&self.executable),
            Guard::Memcheck => valgrind(&[
                "--leak-check=full",
                "--errors-for-leak-kinds=definite,indirect",
                "--show-leak-kinds=definite,indirect",
            ]),
            Guard::Helgrind => valgrind(&[
                "--tool=helgrind",
                concat!(
                    "--suppressions=",
                    env!("CARGO_MANIFEST_DIR"),
                    "/tests/c/helgrind.supp"
                ),
            ]),
        };
        if matches!(self.guard, Guard::Memcheck | Guard::Helgrind) {
            command.arg(&self.executable);
        }
        command
            .args(args)
            .env("LD_LIBRARY_PATH", test_library())
            .env("RUST_BACKTRACE", "0");
        command
    }

    /// Runs it to its end, which is to be a good one.
    #[track_caller]
    pub fn run(&self) {
        let command = self.command(&[]);
        let environment = command.get_envs();
        let environment = environment.filter_map(|(name, value)| Some((name, value?)));
        // One that hangs is not to outlive the test, which is killed then. Under
        // valgrind on a busy machine, one that does not may take a minute.
        let output = Command::new("timeout")
            .arg((10 * PATIENCE).as_secs().to_string())
            .arg(command.get_program())
            .args(command.get_args())
            .envs(environment)
            .output()
            .expect("the program");
        assert!(
            output.status.success(),
            "{}: {}",
            output.status,
            text(&output)
        );
    }
}

/// Starts a program that prints events, and waits until it has started.
#[track_caller]
pub fn start(program: &Program, args: &[&str]) -> Watch {
    let mut watch = Watch::of(program.command(args));
    watch.until("it has started", |lines| {
        lines.iter().any(|line| line["program"] == "started")
    });
    assert!(
        events(&watch.events)
            .iter()
            .all(|e| e["event"] == "initial")
    );
    watch
}

/// The events among the lines of a program.
pub fn events(lines: &[Value]) -> Vec<Value> {
    let events = lines.iter().filter(|line| line.get("event").is_some());
    events.cloned().collect()
}

/// The next event, which is to be of this kind and about this link.
#[track_caller]
pub fn expect(watch: &mut Watch, kind: &str, name: &str) -> Value {
    loop {
        let line = watch.next(&format!("{kind} {name}"));
        if line.get("event").is_some() {
            let found = (line["event"].as_str(), line["name"].as_str());
            assert_eq!(found, (Some(kind), Some(name)), "{line:#}");
            return line;
        }
    }
}

fn compiler(plus_plus: bool, guard: Guard) -> Command {
    let (name, standard) = if plus_plus {
        ("c++", "-std=c++17")
    } else {
        ("cc", "-std=c99")
    };
    let mut command = Command::new(name);
    command.args([standard, "-D_GNU_SOURCE"]);
    if guard == Guard::Sanitizers {
        command.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
    }
    command
}

fn valgrind(args: &[&str]) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=99"]).args(args);
    command
}

/// Runs `body` with the program, in a namespace of its own. `name` is the
/// test's path in this crate.
pub fn with_program(name: &str, source: &str, guard: Guard, body: impl FnOnce(&Program)) {
    match guard {
        Guard::Memcheck | Guard::Helgrind if !has("valgrind") => {
            return skip("valgrind is not installed");
        }
        Guard::Sanitizers if !has_sanitizers() => {
            return skip("the compiler has no runtime for its sanitizers");
        }
        _ => {}
    }
    inside_with(
        name,
        |command| {
            command.env(LIBRARY, test_library());
        },
        || body(&Program::compile(source, guard)),
    );
}

/// True if a program that is compiled with the sanitizers runs.
fn has_sanitizers() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    // In the namespace it was found out before.
    is_inside()
        || *HAS.get_or_init(|| {
            let folder = TempDir::new().expect("a folder");
            let source = folder.path().join("empty.c");
            let executable = folder.path().join("empty");
            std::fs::write(&source, "int main(void) { return 0; }\n").expect("the source");
            let succeeds = |mut command: Command| {
                let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
                silent.status().is_ok_and(|status| status.success())
            };
            let mut compiler = compiler(false, Guard::Sanitizers);
            compiler.arg(&source).arg("-o").arg(&executable);
            succeeds(compiler) && succeeds(Command::new(&executable))
        })
}

fn tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the library that is built for tests, once. The test that has
/// started itself anew in its namespace is told.
fn test_library() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| match std::env::var_os(LIBRARY) {
        Some(folder) => folder.into(),
        None => build_library(&["test"]),
    })
}

/// Builds the library; returns its folder.
pub fn build_library(args: &[&str]) -> PathBuf {
    let output = Command::new(tree().join("scripts/build-c-library"))
        .args(args)
        .output()
        .expect("scripts/build-c-library");
    assert!(output.status.success(), "{}", text(&output));
    let folder = String::from_utf8(output.stdout).expect("UTF-8");
    PathBuf::from(folder.trim_end())
}

fn pkg_config(args: &[&str]) -> Vec<String> {
    let output = Command::new("pkg-config")
        .args(args)
        .output()
        .expect("pkg-config");
    assert!(output.status.success(), "{}", text(&output));
    let flags = String::from_utf8(output.stdout).expect("UTF-8");
    flags.split_whitespace().map(str::to_owned).collect()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Defines tests of a C program: each runs plainly, under valgrind, and with
/// the sanitizers.
macro_rules! programs {
    ($($(#[$meta:meta])* fn $name:ident($program:ident: $source:literal) $body:block)*) => {
        $(
            $(#[$meta])*
            mod $name {
                #[allow(unused_imports)] // not every test needs what is beside it
                use super::*;
                use crate::program::{Guard, Program, with_program};

                fn scenario($program: &Program) $body

                #[test]
                fn plainly() {
                    let name = concat!(module_path!(), "::plainly");
                    with_program(name, $source, Guard::None, scenario);
                }

                #[test]
                fn under_valgrind() {
                    let name = concat!(module_path!(), "::under_valgrind");
                    with_program(name, $source, Guard::Memcheck, scenario);
                }

                #[test]
                fn with_sanitizers() {
                    let name = concat!(module_path!(), "::with_sanitizers");
                    with_program(name, $source, Guard::Sanitizers, scenario);
                }
            }
        )*
    };
}
pub(crate) use programs;
