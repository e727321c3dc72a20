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

    fn objects_of_any_kind_leak_nothing() {
        under_valgrind("objects::everything_is_printed");
    }

    fn caches_leak_nothing() {
        under_valgrind("caches::links_are_kept_and_looked_up");
    }

    fn lists_of_interfaces_leak_nothing() {
        under_valgrind("interfaces::interfaces_come_and_go_while_they_are_listed");
    }

    fn losses_leak_nothing() {
        under_valgrind("monitor::a_loss_is_made_up_for");
    }

    #[cfg(feature = "genl")]
    fn resolving_families_leaks_nothing() {
        under_valgrind("genl::what_is_unknown_is_not_found");
    }

    #[cfg(feature = "genl")]
    fn asking_drivers_leaks_nothing() {
        under_valgrind("ethtool::what_does_not_exist_is_not_found");
    }

    fn refused_requests_leak_nothing() {
        under_valgrind("requests::a_closure_for_errors_decides");
    }

    fn datagrams_leak_nothing() {
        under_valgrind("datagrams::datagrams_with_impossible_lengths_are_walked_as_far_as_it_goes");
    }
}
