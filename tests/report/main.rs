//! `linkwatch report`: the program on logs written by hand, and its page in a
//! real browser.

#[path = "../kernel/support/mod.rs"]
#[allow(dead_code, unused_imports)] // shared, each test binary uses a part
mod support;

mod browser;
mod command;
mod log;
mod page;
