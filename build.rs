//! What the linker and the program are given: the C library's soname, and the
//! release of libnl that was found.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    if env::var_os("CARGO_FEATURE_CAPI").is_some() {
        // It stays loaded: threads and copies of a socket's callbacks can outlast
        // dlclose(3).
        println!("cargo:rustc-link-arg=-Wl,-z,nodelete");
        // By semver, each minor release before 1.0 may break what came before.
        let major = variable("CARGO_PKG_VERSION_MAJOR");
        let soname = match major.as_str() {
            "0" => format!("0.{}", variable("CARGO_PKG_VERSION_MINOR")),
            _ => major,
        };
        println!("cargo:rustc-link-arg=-Wl,-soname,liblinkwatch.so.{soname}");
    }
    // Of the crate libnl3-sys; docs.rs has no libnl.
    println!(
        "cargo:rustc-env=LIBNL_VERSION={}",
        variable("DEP_NL_3_VERSION")
    );
}
