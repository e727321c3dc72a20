//! `linkwatch ifplugd` and `linkwatch netplugd` beside the programs that they
//! stand in for: each scenario is played twice, each time in namespaces of its
//! own, and what the scripts were called with is compared.

#[path = "../kernel/support/mod.rs"]
#[allow(dead_code, unused_imports)] // shared, each test binary uses a part
mod support;

#[allow(dead_code, unused_imports)] // until both programs use all of it
mod harness;
mod ifplugd;
mod netplugd;
