//! `include/linkwatch.h` is what cbindgen makes of `src/capi/`.
//!
//! After a change there, `make header` writes it anew.

use std::collections::BTreeSet;
use std::path::Path;

const NOTICE: &str = "\
/* linkwatch: tells the moment a network cable is pulled or a Wi-Fi access point
 * is lost, and accounts for every carrier transition that the kernel counted.
 *
 * Functions return 0, or a count, or a negative LINKWATCH_E_...; outputs are
 * written only on success; free(NULL) is fine. Strings are NUL-terminated.
 *
 * Generated from src/capi/ by cbindgen: do not edit.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */";

/// What is no item of the sources.
const BEGINNING: &str = concat!(
    "\n/* libnl's, for programs that have it. */\nstruct nl_sock;\nstruct nl_msg;\n",
    "\n/**\n * Version of this header as text.\n */\n",
    "#define LINKWATCH_VERSION_STRING \"",
    env!("CARGO_PKG_VERSION"),
    "\""
);

/// In the order in which a C programmer meets them.
const SOURCES: [&str; 8] = [
    "version.rs",
    "error.rs",
    "handle.rs",
    "options.rs",
    "watch.rs",
    "attach.rs",
    "event.rs",
    "link.rs",
];

fn generate() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/capi");
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        style: cbindgen::Style::Tag,
        cpp_compat: true,
        usize_is_size_t: true,
        header: Some(NOTICE.to_owned()),
        include_guard: Some("LINKWATCH_H".to_owned()),
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        after_includes: Some(BEGINNING.to_owned()),
        ..cbindgen::Config::default()
    };
    for name in ["nl_sock", "nl_msg"] {
        let tagged = format!("struct {name}");
        config.export.rename.insert(name.to_owned(), tagged);
    }
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(folder.join(source));
    }
    let mut header = Vec::new();
    builder
        .generate()
        .expect("cbindgen reads the sources")
        .write(&mut header);
    let header = String::from_utf8(header).expect("UTF-8");
    // What Rust calls safety, C calls the caller's duty.
    let header = header.replace(" * # Safety\n *\n * ", " * Requires: ");
    let lines: Vec<String> = header.lines().map(parenthesized).collect();
    lines.join("\n") + "\n"
}

/// A negative number in a macro is in parentheses.
fn parenthesized(line: &str) -> String {
    match line.rsplit_once(' ') {
        Some((define, number)) if line.starts_with("#define") && number.starts_with('-') => {
            format!("{define} ({number})")
        }
        _ => line.to_owned(),
    }
}

#[test]
fn the_header_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/linkwatch.h");
    let generated = generate();
    if std::env::var_os("LINKWATCH_WRITE_HEADER").is_some() {
        std::fs::write(&path, &generated).expect("include/linkwatch.h");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "include/linkwatch.h is not what src/capi/ says: run `make header`"
    );
}

/// `make deb` compares them with the library itself; this is earlier.
#[test]
fn the_debian_package_knows_every_function() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).expect(path);
    let functions = |text: &str, end: char| -> BTreeSet<String> {
        text.lines()
            .filter(|line| !line.trim_start().starts_with(['*', '/']))
            .filter_map(|line| line.split_once(end))
            .filter_map(|(before, _)| before.rsplit([' ', '*']).next())
            .filter(|name| name.starts_with("linkwatch_"))
            .map(str::to_owned)
            .collect()
    };
    let known = functions(&read("packaging/debian/liblinkwatch0.1.symbols"), '@');
    assert!(known.len() > 40);
    assert_eq!(
        functions(&read("include/linkwatch.h"), '('),
        known,
        "packaging/debian/liblinkwatch0.1.symbols names each, and the version that had it first"
    );
}
