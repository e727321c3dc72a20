//! What the library that is installed shows to the linker.

use std::process::Command;

use crate::program::build_library;

#[track_caller]
fn printed(program: &str, args: &[&str]) -> String {
    let library = build_library(&[]).join("liblinkwatch.so");
    let output = Command::new(program)
        .args(args)
        .arg(library)
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {args:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn only_its_own_names_are_exported() {
    let names = printed("nm", &["-D", "--defined-only", "--format=just-symbols"]);
    let names: Vec<&str> = names.lines().collect();
    let header = include_str!("../../include/linkwatch.h");
    for name in &names {
        assert!(name.starts_with("linkwatch_"), "{name}");
        assert!(
            header.contains(&format!("{name}(")),
            "{name} is not in the header"
        );
    }
    assert!(names.contains(&"linkwatch_new"), "{names:?}");
    assert!(!names.contains(&"linkwatch_test_panic"));
}

#[test]
fn it_has_a_soname_and_loads_libnl() {
    let dynamic = printed("readelf", &["--dynamic", "--wide"]);
    let of = |tag: &str| -> Vec<&str> {
        let lines = dynamic.lines().filter(|line| line.contains(tag));
        lines
            .filter_map(|line| line.split_once('[')?.1.strip_suffix(']'))
            .collect()
    };
    // By semver, each minor release before 1.0 may break what came before.
    let (major, minor) = (
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
    );
    let soname = match major {
        "0" => format!("liblinkwatch.so.0.{minor}"),
        _ => format!("liblinkwatch.so.{major}"),
    };
    assert_eq!(of("(SONAME)"), [soname]);
    let needed = of("(NEEDED)");
    let mut libnl: Vec<_> = needed.into_iter().collect();
    libnl.retain(|name| name.starts_with("libnl"));
    libnl.sort_unstable();
    assert_eq!(libnl, ["libnl-3.so.200", "libnl-genl-3.so.200"]);
}

#[test]
fn it_stays_loaded_for_as_long_as_callbacks_may_refer_to_it() {
    let dynamic = printed("readelf", &["--dynamic", "--wide"]);
    let mut flags = dynamic.lines().filter(|line| line.contains("(FLAGS_1)"));
    assert!(flags.any(|line| line.contains("NODELETE")), "{dynamic}");
}
