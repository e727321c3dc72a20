//! Raw bindings to [libnl 3](https://www.infradead.org/~tgr/libnl/): the core
//! library, `libnl-route` and `libnl-genl`.
//!
//! They are generated when the crate is built, from the headers that are
//! installed, so they hold what that libnl has and nothing newer. What is
//! used above this crate exists since libnl 3.5.
//!
//! * Structures of libnl are opaque; those of the system (`sockaddr_nl`,
//!   `nlmsghdr`, `ucred`, …) are the ones of the [`libc`] crate.
//! * Enumerations are integer constants: a newer kernel may send values that
//!   these headers do not name.
//! * `NLE_*` are positive, while the functions return them negated.
//! * Macros are not bound (`NLA_PUT_*`, the iterators, `NLMSG_HDRLEN`).
//!
//! The safe wrapper is the `nl` module of the crate `linkwatch`.

#![allow(
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    missing_docs,
    rustdoc::all,
    clippy::all
)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
