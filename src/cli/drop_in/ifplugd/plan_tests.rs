use super::*;
use proptest::prelude::*;

const DELAYS: Delays = Delays {
    up: Duration::from_secs(1),
    down: Duration::from_secs(5),
};

/// A plan and a clock.
struct Bench {
    plan: Plan,
    now: Instant,
}

impl Bench {
    fn new(link: Link, delays: Delays) -> Bench {
        Bench {
            plan: Plan::new(link, delays),
            now: Instant::now(),
        }
    }

    fn see(&mut self, link: Link) -> Change {
        self.plan.observe(link, self.now)
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// The call that is due, as the script sees it.
    fn call(&mut self) -> Option<[&'static str; 3]> {
        self.plan.take_due(self.now).map(shown)
    }
}

fn shown(call: Call) -> [&'static str; 3] {
    [
        call.action.as_str(),
        call.previous.as_str(),
        call.current.as_str(),
    ]
}

#[test]
fn a_state_is_acted_upon_once_it_has_lasted() {
    let mut bench = Bench::new(Link::Up, DELAYS);
    assert_eq!(shown(bench.plan.first_call()), ["up", "disabled", "up"]);
    assert_eq!(bench.see(Link::Up), Change::Nothing);
    assert_eq!(bench.plan.due(), None);
    assert_eq!(bench.see(Link::Down), Change::Planned);
    bench.wait(4);
    assert_eq!(bench.see(Link::Down), Change::Nothing);
    assert_eq!(bench.call(), None);
    bench.wait(1);
    assert_eq!(bench.call(), Some(["down", "up", "down"]));
    assert_eq!(bench.call(), None);
    assert_eq!(bench.see(Link::Up), Change::Planned);
    assert_eq!(bench.call(), None);
    bench.wait(1);
    assert_eq!(bench.call(), Some(["up", "down", "up"]));
}

#[test]
fn the_opposite_cancels() {
    let mut bench = Bench::new(Link::Up, DELAYS);
    bench.see(Link::Down);
    bench.wait(4);
    assert_eq!(bench.see(Link::Up), Change::Cancelled);
    bench.wait(9);
    assert_eq!(bench.call(), None);
    bench.see(Link::Down);
    bench.wait(5);
    assert_eq!(bench.call(), Some(["down", "up", "down"]));
    bench.see(Link::Up);
    assert_eq!(bench.see(Link::Down), Change::Cancelled);
    bench.wait(9);
    assert_eq!(bench.call(), None);
}

#[test]
fn without_a_delay_it_is_due_at_once_and_can_be_cancelled_until_it_is_called() {
    let none = Delays {
        up: Duration::ZERO,
        down: Duration::ZERO,
    };
    let mut bench = Bench::new(Link::Up, none);
    bench.see(Link::Down);
    // The script is busy meanwhile.
    bench.wait(1);
    assert_eq!(bench.see(Link::Up), Change::Cancelled);
    assert_eq!(bench.call(), None);
    bench.see(Link::Down);
    assert_eq!(bench.call(), Some(["down", "up", "down"]));
}

#[test]
fn a_link_that_is_gone_is_not_waited_for() {
    let mut bench = Bench::new(Link::Up, DELAYS);
    assert_eq!(bench.see(Link::Gone), Change::Planned);
    assert_eq!(bench.call(), Some(["down", "up", "down"]));
    assert_eq!(bench.see(Link::Down), Change::Nothing);
    assert_eq!(bench.see(Link::Up), Change::Planned);
    assert_eq!(bench.see(Link::Gone), Change::Cancelled);
    bench.wait(9);
    assert_eq!(bench.call(), None, "it was never configured");
}

#[test]
fn a_link_that_goes_while_its_loss_is_pending_is_not_waited_for() {
    let mut bench = Bench::new(Link::Up, DELAYS);
    bench.see(Link::Down);
    bench.wait(2);
    assert_eq!(bench.see(Link::Gone), Change::Nothing);
    assert_eq!(bench.call(), Some(["down", "up", "down"]));
}

#[test]
fn a_new_link_is_configured_even_if_nobody_had_time_for_the_old_one() {
    let mut bench = Bench::new(Link::Up, DELAYS);
    bench.see(Link::Gone);
    // The script is busy meanwhile.
    assert_eq!(bench.see(Link::Down), Change::Nothing);
    assert_eq!(bench.see(Link::Up), Change::Planned);
    assert_eq!(bench.call(), Some(["down", "up", "down"]));
    assert_eq!(bench.call(), None);
    bench.wait(1);
    assert_eq!(bench.call(), Some(["up", "down", "up"]));
}

#[test]
fn at_the_end_it_is_taken_down_if_it_is_up_or_may_be() {
    let last = |bench: &Bench| bench.plan.last_call().map(shown);
    let mut bench = Bench::new(Link::Up, DELAYS);
    assert_eq!(last(&bench), Some(["down", "up", "disabled"]));
    bench.see(Link::Down);
    assert_eq!(last(&bench), Some(["down", "down", "disabled"]));
    bench.wait(5);
    bench.call();
    assert_eq!(last(&bench), None);
    // As ifplugd has it: though nothing was called for it yet.
    bench.see(Link::Up);
    assert_eq!(last(&bench), Some(["down", "up", "disabled"]));
    assert_eq!(last(&Bench::new(Link::Gone, DELAYS)), None);
}

#[test]
fn suspensions_nest_and_leave_what_is_pending() {
    let mut bench = Bench::new(Link::Up, DELAYS);
    assert_eq!(bench.plan.resume(), None);
    assert_eq!((bench.plan.suspend(), bench.plan.suspend()), (1, 2));
    assert_eq!(bench.see(Link::Gone), Change::Nothing);
    assert_eq!(bench.plan.resume(), Some(2));
    assert!(bench.plan.is_suspended());
    assert_eq!(bench.see(Link::Down), Change::Nothing);
    assert_eq!(bench.plan.resume(), Some(1));
    assert!(!bench.plan.is_suspended());
    assert_eq!(bench.see(Link::Down), Change::Planned);
    bench.plan.suspend();
    assert_eq!(bench.see(Link::Up), Change::Nothing);
    bench.wait(5);
    assert_eq!(bench.call(), Some(["down", "up", "down"]));
}

#[test]
fn a_delay_beyond_the_clock_never_ends() {
    let endless = Delays {
        up: Duration::MAX,
        down: Duration::MAX,
    };
    let mut bench = Bench::new(Link::Up, endless);
    assert_eq!(bench.see(Link::Down), Change::Planned);
    assert_eq!((bench.plan.due(), bench.call()), (None, None));
    assert_eq!(bench.see(Link::Up), Change::Cancelled);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    See(Link),
    Suspend,
    Resume,
    /// Milliseconds go by, and no script is called meanwhile.
    Busy(u64),
    /// Milliseconds go by, and the script is called when it is time.
    Free(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let link = prop_oneof![Just(Link::Up), Just(Link::Down), Just(Link::Gone)];
    prop_oneof![
        6 => link.prop_map(Step::See),
        1 => Just(Step::Suspend),
        2 => Just(Step::Resume),
        2 => (0..3000u64).prop_map(Step::Busy),
        3 => (0..3000u64).prop_map(Step::Free),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Calls alternate, none comes before its delay is over, and in the end the
    /// last one was for the state that there is.
    #[test]
    fn calls_follow_the_link(
        first in prop_oneof![Just(Link::Up), Just(Link::Down)],
        up in 0..2000u64,
        down in 0..2000u64,
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let delays = Delays {
            up: Duration::from_millis(up),
            down: Duration::from_millis(down),
        };
        let mut plan = Plan::new(first, delays);
        let mut now = Instant::now();
        let mut acted = plan.first_call().action;
        // Since when it has been as it is seen to be, and whether it was gone.
        let (mut seen, mut since, mut was_gone) = (first, now, false);
        let mut suspended = 0u32;
        let mut steps = steps;
        steps.extend([Step::Resume; 60]);
        steps.push(Step::Free(5000));
        for step in steps {
            match step {
                Step::See(link) => {
                    plan.observe(link, now);
                    if suspended == 0 {
                        if (link == Link::Up) != (seen == Link::Up) {
                            since = now;
                        }
                        seen = link;
                        was_gone |= link == Link::Gone;
                    }
                }
                Step::Suspend => {
                    suspended += 1;
                    prop_assert_eq!(plan.suspend(), suspended);
                }
                Step::Resume => {
                    prop_assert_eq!(plan.resume(), (suspended > 0).then_some(suspended));
                    suspended = suspended.saturating_sub(1);
                }
                Step::Busy(time) => now += Duration::from_millis(time),
                Step::Free(time) => {
                    let end = now + Duration::from_millis(time);
                    // What became due while it was busy is called now.
                    while let Some(due) = plan.due().filter(|&due| due <= end) {
                        now = now.max(due);
                        let Some(call) = plan.take_due(now) else { continue };
                        prop_assert_ne!(call.action, acted, "twice the same");
                        prop_assert_eq!(call.current.as_str(), call.action.as_str());
                        acted = call.action;
                        let waited = now.duration_since(since);
                        match call.action {
                            Action::Up => prop_assert!(waited >= delays.up),
                            Action::Down => prop_assert!(was_gone || waited >= delays.down),
                        }
                        if call.action == Action::Down {
                            was_gone = seen == Link::Gone;
                        }
                    }
                    now = end;
                }
            }
            prop_assert_eq!(plan.is_up(), seen == Link::Up);
        }
        prop_assert_eq!(acted == Action::Up, seen == Link::Up);
    }
}
