//! ifplugd 0.28, as Debian has it, and `linkwatch ifplugd`.

use crate::harness::Scenario;
use crate::support::Tap;
use crate::test_name;

#[test]
fn a_link_at_the_start() {
    Scenario::new(test_name!())
        .expect(&["lw0 up previous=disabled current=up", "exit 0"])
        .run(|bench| {
            let _cable = Tap::up("lw0");
            bench.set_umask(0o077);
            let script = bench.script_path();
            let mut daemon = bench.start("ifplugd", &["-n", "-s", "-i", "lw0", "-r", &script]);
            bench.until_lines(1);
            daemon.signal("QUIT");
            daemon.ended();
        });
}
