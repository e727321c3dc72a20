//! The project's Rust library. Options: `--times`, `--pattern GLOB`,
//! `--buffer BYTES`.

mod common;

use std::ops::ControlFlow;
use std::sync::OnceLock;

use linkwatch::{EventKind, Monitor, StopHandle};

static STOP: OnceLock<StopHandle> = OnceLock::new();

extern "C" fn on_term(_: libc::c_int) {
    if let Some(stop) = STOP.get() {
        stop.stop();
    }
}

fn main() -> Result<(), linkwatch::Error> {
    let mut builder = Monitor::builder();
    let mut with_times = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value");
        match argument.as_str() {
            "--times" => with_times = true,
            "--pattern" => builder = builder.pattern(value())?,
            "--buffer" => builder = builder.buffer_size(value().parse().expect("a number")),
            other => panic!("unknown option {other}"),
        }
    }
    let mut monitor = builder.build()?;
    let _ = STOP.set(monitor.stop_handle());
    common::handle_term(on_term);
    while monitor.try_next()?.is_some() {} // `initial`
    common::ready();

    let mut times = Vec::new();
    monitor.run(|event| {
        if with_times && matches!(event.kind(), EventKind::Connected | EventKind::Disconnected) {
            let index = event.ifindex().unwrap_or_default();
            times.push((common::now(), index, event.is_connected()));
        }
        ControlFlow::Continue(())
    })?;

    let statistics = monitor.statistics();
    let mut out = format!("messages {}\n", statistics.messages);
    out += &format!("overruns {}\n", statistics.overruns);
    for (when, index, connected) in times {
        out += &format!("time {when} {index} {}\n", u8::from(connected));
    }
    for link in monitor.links() {
        let connected = link.is_connected(linkwatch::Criterion::Carrier);
        out += &format!(
            "link {} {} {}\n",
            link.ifindex(),
            u8::from(connected),
            link.name()
        );
    }
    common::print(&out);
    Ok(())
}
