//! The whole path: datagrams → libnl → messages → table → events → JSON, with
//! losses, lists, time, jumps of the clock, and nl80211's announcements.
#![no_main]

use std::collections::HashSet;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use linkwatch::nl::Messages;
use linkwatch::{Criterion, Monitor, MonitorBuilder};
use linkwatch_fuzz::audit::Audit;
use linkwatch_fuzz::input::Input;
use linkwatch_fuzz::kernel::Kernel;

const PATTERNS: [&[&str]; 4] = [&[], &["*"], &["eth*", "a?"], &["veth[0-3]"]];

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let settings = input.u8();
    let kernel = Kernel::begin(u64::from(input.u8()) * 0x0101_0101_0101_0101);
    let criterion = if settings & 1 == 0 {
        Criterion::Carrier
    } else {
        Criterion::Running
    };
    let mut builder = MonitorBuilder::new()
        .criterion(criterion)
        .notices(settings & 2 != 0);
    for pattern in PATTERNS[usize::from(settings >> 2 & 3)] {
        builder = builder.pattern(pattern).unwrap();
    }
    let up = if settings & 16 == 0 { 0 } else { 200 };
    let down = if settings & 32 == 0 { 0 } else { 300 };
    builder = builder
        .settle_up(Duration::from_millis(up))
        .settle_down(Duration::from_millis(down));
    let mut watch = Watch {
        audit: Audit::new(builder.clone(), up + down > 0, bytes.len() % 32 == 5),
        builder: Some(builder),
        monitor: None,
    };

    let mut listed: &[u8] = &[];
    while !input.is_empty() {
        let step = input.u8();
        match step & 7 {
            // Now and then one that is longer than there is room for.
            0 if step & 0x40 != 0 => {
                let mut long = input.block().to_vec();
                long.resize(70_000, 0);
                kernel.announce(&long, 0);
            }
            0 => kernel.announce(input.block(), 0),
            1 => kernel.announce(input.block(), u32::from(step)),
            2 => kernel.fail(match step >> 3 {
                0 => libc::EINTR,
                1 => libc::ENOMEM,
                _ => libc::ENOBUFS,
            }),
            3 => {
                listed = input.block();
                kernel.set_links(listed, u32::from(step >> 3));
                continue;
            }
            4 => kernel.pass_time(Duration::from_millis(input.u8().into())),
            5 => kernel.announce_by_nl80211(input.block(), 0),
            6 => {
                kernel.answer(input.block());
                continue;
            }
            _ => match step >> 3 {
                1 => kernel.jump(),
                2 => kernel.fail_nl80211(libc::ENOBUFS),
                3 => kernel.fail_nl80211(libc::ENOMEM),
                4 => watch.finish(&kernel),
                _ => {}
            },
        }
        if step & 0x80 == 0 && !watch.go_on() {
            return;
        }
    }
    // In the end all is told, and right.
    kernel.set_links(listed, 0);
    kernel.fail(libc::ENOBUFS);
    // Each error is followed by a rest, the last by a list, and what that gives
    // may be held back.
    let mut quiet = 0;
    while quiet < 4 {
        quiet += u32::from(kernel.is_quiet());
        if !watch.go_on() {
            return;
        }
        kernel.pass_time(Duration::from_secs(20));
    }
    if let Some(monitor) = &watch.monitor
        && names_each_once(listed)
    {
        watch.audit.end(monitor.links(), criterion);
    }
});

/// False where a list tells of one link twice, as the kernel never does: then
/// the link is another one each time that it is listed, and nothing lasts.
fn names_each_once(listed: &[u8]) -> bool {
    let mut seen = HashSet::new();
    let mut links = Messages::new(listed).filter_map(|message| {
        let link = message.link().ok().flatten()?;
        Some(link.ifindex())
    });
    links.all(|ifindex| seen.insert(ifindex))
}

struct Watch {
    audit: Audit,
    builder: Option<MonitorBuilder>,
    monitor: Option<Monitor>,
}

impl Watch {
    /// Takes what events there are; false where the watch cannot begin.
    fn go_on(&mut self) -> bool {
        if let Some(builder) = self.builder.take() {
            // A list that cannot be read is a reason not to begin.
            self.monitor = builder.build().ok();
        }
        let Some(monitor) = &mut self.monitor else {
            return false;
        };
        while let Some(event) = monitor.try_next().expect("nothing ends the watch") {
            self.audit.take(&event);
        }
        true
    }

    /// As at the end of a watch; this one goes on. Where the links cannot be
    /// listed, that is an error, for what the kernel has not announced is missing
    /// then; but it does not end the watch, which makes up for it later.
    fn finish(&mut self, kernel: &Kernel) {
        let can_list = kernel.can_list();
        if let Some(monitor) = &mut self.monitor
            && let Err(error) = monitor.conclude()
        {
            assert!(!can_list, "{error}");
        }
    }
}
