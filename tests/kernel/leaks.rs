//! Nothing leaks, also where closures panic: valgrind looks on.

use std::process::Command;

use crate::support::{has, in_namespace, share_namespaces, skip};

/// Starts the test `name` of this binary under valgrind.
#[track_caller]
fn under_valgrind(name: &str) {
    if !has("valgrind") {
        return skip("valgrind is not installed");
    }
    let mut command = Command::new("valgrind");
    let output = share_namespaces(&mut command)
        .args([
            "--quiet",
            "--leak-check=full",
            "--show-leak-kinds=definite,indirect",
            "--errors-for-leak-kinds=definite,indirect",
            "--error-exitcode=99",
        ])
        .arg(std::env::current_exe().expect("the test's own path"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .output()
        .expect("valgrind");
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
}

in_namespace! {
    fn a_panicking_closure_of_a_socket_leaks_nothing() {
        under_valgrind("nl::a_panic_arrives_in_the_caller_and_the_socket_lives_on");
    }

    fn a_panicking_closure_of_a_run_leaks_nothing() {
        under_valgrind("monitor::a_panic_in_a_closure_arrives_and_nothing_is_lost");
    }

    fn installed_closures_leak_nothing() {
        under_valgrind("nl::installed_closures_stay");
    }

    fn links_of_libnl_leak_nothing() {
        under_valgrind("nl::libnl_s_own_link_agrees");
    }

    fn losses_leak_nothing() {
        under_valgrind("monitor::a_loss_is_made_up_for");
    }
}
