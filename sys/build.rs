//! Finds libnl with pkg-config and binds the headers of `wrapper.h`.
//!
//! Where libnl or libclang is missing, the build ends with the names of the
//! packages that bring them.

use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The oldest libnl that the bindings are kept usable with.
const OLDEST: &str = "3.5.0";

/// A part of libnl that is linked.
struct Library {
    pkg_config: &'static str,
    /// The feature that it belongs to, and the macro that opens its part of
    /// `wrapper.h`.
    feature: Option<(&'static str, &'static str)>,
}

impl Library {
    fn is_wanted(&self) -> bool {
        self.feature
            .is_none_or(|(variable, _)| env::var_os(variable).is_some())
    }
}

/// `libnl-3.0` comes last, for the others refer to it.
const LIBRARIES: [Library; 4] = [
    Library {
        pkg_config: "libnl-nf-3.0",
        feature: Some(("CARGO_FEATURE_NF", "BIND_NF")),
    },
    Library {
        pkg_config: "libnl-route-3.0",
        feature: None,
    },
    Library {
        pkg_config: "libnl-genl-3.0",
        feature: Some(("CARGO_FEATURE_GENL", "BIND_GENL")),
    },
    Library {
        pkg_config: "libnl-3.0",
        feature: None,
    },
];

/// Structures that belong to the system, not to libnl: `libc` has them.
const SYSTEM_TYPES: [&str; 7] = [
    "addrinfo",
    "sockaddr_nl",
    "nlmsghdr",
    "ucred",
    "msghdr",
    "iovec",
    "sockaddr",
];

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=wrapper.h");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=docs-rs/bindings.rs");
    println!("cargo:rerun-if-env-changed=DOCS_RS");

    // docs.rs has no libnl: its pages are made from bindings that are kept
    // in the package for this purpose alone.
    if env::var_os("DOCS_RS").is_some() {
        return finish(use_kept_bindings());
    }
    finish(find_libnl().and_then(|headers| bind(&headers)))
}

fn finish(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\nerror: {message}\n");
            ExitCode::FAILURE
        }
    }
}

fn out_file() -> PathBuf {
    PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("bindings.rs")
}

fn use_kept_bindings() -> Result<(), String> {
    std::fs::copy("docs-rs/bindings.rs", out_file())
        .map(drop)
        .map_err(|error| format!("cannot copy docs-rs/bindings.rs: {error}"))
}

/// Emits the link flags and returns the include folders.
fn find_libnl() -> Result<Vec<PathBuf>, String> {
    let mut headers = Vec::new();
    for Library {
        pkg_config: name, ..
    } in LIBRARIES.iter().filter(|library| library.is_wanted())
    {
        let library = pkg_config::Config::new()
            .atleast_version(OLDEST)
            .probe(name)
            .map_err(|error| missing_libnl(name, &error))?;
        headers.extend(library.include_paths);
        if *name == "libnl-3.0" {
            // DEP_NL_3_VERSION and DEP_NL_3_INCLUDE for crates that build on this one.
            println!("cargo:version={}", library.version);
            if let Some(folder) = headers.first() {
                println!("cargo:include={}", folder.display());
            }
        }
    }
    headers.sort();
    headers.dedup();
    Ok(headers)
}

fn missing_libnl(name: &str, error: &pkg_config::Error) -> String {
    let debian: String = LIBRARIES
        .iter()
        .filter(|library| library.is_wanted())
        .map(|library| format!(" {}-dev", library.pkg_config.trim_end_matches(".0")))
        .collect();
    format!(
        "libnl 3 ({name}, {OLDEST} or newer) was not found by pkg-config.\n\
         Install its headers and pkg-config:\n  \
           Debian, Ubuntu:  apt install pkg-config{debian}\n  \
           Fedora:          dnf install pkgconf-pkg-config libnl3-devel\n  \
           Alpine:          apk add pkgconf libnl3-dev\n\
         When cross-compiling, point PKG_CONFIG_SYSROOT_DIR and PKG_CONFIG_LIBDIR at the target.\n\n\
         pkg-config said: {error}"
    )
}

fn missing_libclang(reason: &str) -> String {
    format!(
        "libclang, which bindgen reads the libnl headers with, could not be loaded.\n\
         Install it:\n  \
           Debian, Ubuntu:  apt install libclang-dev\n  \
           Fedora:          dnf install clang-devel\n  \
           Alpine:          apk add clang-dev\n\
         or set LIBCLANG_PATH to the folder of libclang.so.\n\n\
         bindgen said: {reason}"
    )
}

fn bind(headers: &[PathBuf]) -> Result<(), String> {
    let mut builder = bindgen::Builder::default()
        .header("wrapper.h")
        .clang_args(headers.iter().map(|folder| include_flag(folder)))
        .clang_args(parts_to_bind())
        .allowlist_function("(nl|nla|nlmsg|genl|genlmsg|rtnl|nfnl|nfnlmsg)_.*")
        .allowlist_function("nlmsg.*")
        .allowlist_type("nl_.*|nla_.*|genl_.*|rtnl_.*|nfnl_.*|rtnetlink_groups")
        .allowlist_type("nlmsgerr|nlattr|genlmsghdr|rtgenmsg|ifinfomsg")
        .allowlist_var("NL_.*|NLA_.*|NLE_.*|NLM_.*|NLMSG_.*|nl_.*")
        .allowlist_var("IFLA_.*|RTM_.*|RTEXT_.*|CTRL_.*|GENL_.*|NFNL_.*")
        // Declared in the headers of 3.7, yet in no library.
        .blocklist_function("rtnl_route_get_src_len|rtnl_rule_dump")
        .blocklist_type("_IO_.*|FILE")
        // Unknown values come from newer kernels: integers, never Rust enums.
        .default_enum_style(bindgen::EnumVariation::Consts)
        .prepend_enum_name(false)
        .generate_comments(false)
        .layout_tests(false)
        // Built anew when a header changes, as with an update of libnl.
        .parse_callbacks(Box::new(bindgen::CargoCallbacks::new()))
        .raw_line("use libc::FILE;")
        .formatter(bindgen::Formatter::None);
    for name in SYSTEM_TYPES {
        builder = builder
            .blocklist_type(name)
            .raw_line(format!("use libc::{name};"));
    }

    // bindgen panics where it cannot load libclang: that is worth a sentence.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let generated = panic::catch_unwind(AssertUnwindSafe(|| builder.generate()));
    panic::set_hook(hook);

    match generated {
        Ok(Ok(bindings)) => bindings
            .write_to_file(out_file())
            .map_err(|error| format!("cannot write the bindings: {error}")),
        Ok(Err(error)) => Err(format!("bindgen could not read the libnl headers: {error}")),
        Err(panic) => {
            let reason = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no reason given");
            Err(missing_libclang(reason))
        }
    }
}

fn parts_to_bind() -> impl Iterator<Item = String> {
    LIBRARIES
        .iter()
        .filter(|library| library.is_wanted())
        .filter_map(|library| library.feature)
        .map(|(_, part)| format!("-D{part}"))
}

fn include_flag(folder: &Path) -> String {
    format!("-I{}", folder.display())
}
