use super::*;
use proptest::prelude::*;

const DOWN: Flags = Flags {
    up: false,
    running: false,
};
const UP: Flags = Flags {
    up: true,
    running: false,
};
const RUNNING: Flags = Flags {
    up: true,
    running: true,
};

const IN: Option<Action> = Some(Action::Start(Task::In));
const OUT: Option<Action> = Some(Action::Start(Task::Out));
const PROBE: Option<Action> = Some(Action::Start(Task::Probe));

/// A link whose `in` has succeeded.
fn active() -> Machine {
    let mut machine = Machine::found(RUNNING);
    assert_eq!(machine.act(), IN);
    assert_eq!(machine.ended(true), None);
    assert_eq!(machine.state(), State::Active);
    machine
}

#[test]
fn carrier_comes_and_goes() {
    let mut machine = active();
    assert_eq!(machine.change(UP), OUT);
    assert_eq!(machine.state(), State::Outing);
    assert_eq!(machine.ended(true), None);
    assert_eq!(machine.state(), State::Inactive);
    assert_eq!(machine.change(RUNNING), IN);
    assert_eq!(machine.ended(true), None);
    assert_eq!(machine.state(), State::Active);
}

#[test]
fn at_the_start_only_carrier_counts() {
    assert_eq!(Machine::found(DOWN).act(), None);
    assert_eq!(Machine::found(RUNNING).act(), IN);
    let mut machine = Machine::found(UP);
    assert_eq!(machine.act(), None);
    assert_eq!(machine.state(), State::Down);
    // It was not seen to come up, so nobody takes it up again.
    assert_eq!(machine.change(DOWN), None);
    let mut machine = Machine::found(UP);
    assert_eq!(machine.change(RUNNING), IN);
}

#[test]
fn a_new_link_is_one_that_comes_up() {
    let mut machine = Machine::appeared();
    assert_eq!(machine.change(UP), None);
    assert_eq!(machine.state(), State::Inactive);
    assert_eq!(machine.change(DOWN), PROBE);
    let mut machine = Machine::appeared();
    assert_eq!(machine.change(RUNNING), IN);
}

#[test]
fn carrier_that_is_lost_while_in_runs_is_followed_by_out() {
    let mut machine = Machine::found(RUNNING);
    assert_eq!(machine.act(), IN);
    assert_eq!(machine.change(UP), None);
    assert_eq!(machine.state(), State::WaitIn);
    // Also if it has come back since.
    assert_eq!(machine.change(RUNNING), None);
    assert_eq!(machine.ended(true), OUT);
    assert_eq!(machine.ended(true), IN);
}

#[test]
fn after_a_failure_it_waits_for_the_link_to_go_down() {
    let mut machine = Machine::found(RUNNING);
    assert_eq!(machine.act(), IN);
    assert_eq!(machine.ended(false), None);
    assert_eq!(machine.state(), State::Insane);
    assert_eq!(machine.change(UP), None);
    assert_eq!(machine.change(RUNNING), None);
    assert_eq!(machine.state(), State::Insane);
    assert_eq!(machine.change(DOWN), PROBE);
    assert_eq!(machine.ended(true), None);
    assert_eq!(machine.change(RUNNING), IN);
}

#[test]
fn that_out_fails_does_not_matter() {
    let mut machine = active();
    assert_eq!(machine.change(UP), OUT);
    assert_eq!(machine.ended(false), None);
    assert_eq!(machine.state(), State::Inactive);
}

#[test]
fn a_link_that_is_taken_down_is_probed() {
    let mut machine = active();
    assert_eq!(machine.change(DOWN), PROBE);
    assert_eq!(machine.change(UP), None);
    assert_eq!(machine.state(), State::ProbingUp);
    assert_eq!(machine.change(RUNNING), None);
    assert_eq!(machine.ended(false), IN);
    // And where it stays down, it is left alone.
    let mut machine = active();
    assert_eq!(machine.change(DOWN), PROBE);
    assert_eq!(machine.change(UP), None);
    assert_eq!(machine.change(DOWN), None);
    assert_eq!(machine.ended(true), None);
    assert_eq!(machine.state(), State::Down);
    assert_eq!(machine.change(RUNNING), IN);
}

#[test]
fn taken_down_while_in_runs_ends_it_first() {
    let mut machine = Machine::found(RUNNING);
    assert_eq!(machine.act(), IN);
    assert_eq!(machine.change(DOWN), Some(Action::Kill));
    assert_eq!(machine.change(RUNNING), None);
    assert_eq!(machine.state(), State::ProbingUp);
    assert_eq!(machine.change(DOWN), None);
    assert_eq!(machine.change(UP), None);
    assert_eq!(machine.ended(false), PROBE);
    assert_eq!(machine.ended(true), None);
    assert_eq!(machine.state(), State::Inactive);
}

/// The original ends on what comes next.
#[test]
fn down_and_up_while_out_runs_ends_nothing() {
    let mut machine = active();
    assert_eq!(machine.change(UP), OUT);
    assert_eq!(machine.change(DOWN), None);
    assert_eq!(machine.state(), State::DownAndOut);
    assert_eq!(machine.change(RUNNING), None);
    assert_eq!(machine.state(), State::Outing);
    assert_eq!(machine.ended(true), IN);
}

#[test]
fn down_while_out_runs_is_probed_after_it() {
    let mut machine = active();
    assert_eq!(machine.change(UP), OUT);
    assert_eq!(machine.change(DOWN), None);
    assert_eq!(machine.ended(true), PROBE);
    assert_eq!(machine.ended(true), None);
    assert_eq!(machine.state(), State::Down);
}

// --------------------------------------------------------- any order of events --

#[derive(Debug, Clone, Copy)]
enum Step {
    Change(Flags),
    /// Told without need, as after messages were lost.
    Act,
    /// If the script runs.
    End(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let flags = prop_oneof![Just(DOWN), Just(UP), Just(RUNNING)];
    let step = prop_oneof![
        4 => flags.prop_map(Step::Change),
        1 => Just(Step::Act),
        3 => any::<bool>().prop_map(Step::End),
    ];
    proptest::collection::vec(step, 0..60)
}

/// What is seen from outside: the script's calls.
#[derive(Debug, Default)]
struct Witness {
    calls: Vec<Task>,
    is_running: bool,
    is_killed: bool,
}

impl Witness {
    fn obey(&mut self, action: Option<Action>) {
        match action {
            None => {}
            Some(Action::Start(task)) => {
                assert!(!self.is_running, "two at once: {self:?}");
                self.is_running = true;
                match (task, self.calls.last()) {
                    (Task::Out, last) => assert_eq!(last, Some(&Task::In), "{self:?}"),
                    (Task::In, last) => assert_ne!(last, Some(&Task::In), "{self:?}"),
                    (Task::Probe, _) => {}
                }
                self.calls.push(task);
            }
            Some(Action::Kill) => {
                assert!(self.is_running && !self.is_killed, "{self:?}");
                assert_eq!(self.calls.last(), Some(&Task::In), "only `in` is cut short");
                self.is_killed = true;
            }
        }
    }

    fn end(&mut self, machine: &mut Machine, is_success: bool) {
        (self.is_running, self.is_killed) = (false, false);
        self.obey(machine.ended(is_success));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// No order of events ends it, and once there is quiet it is in the state
    /// that the link is in.
    #[test]
    fn no_order_of_events_ends_it(
        first in prop_oneof![Just(None), Just(Some(DOWN)), Just(Some(UP)), Just(Some(RUNNING))],
        steps in steps(),
        last in prop_oneof![Just(DOWN), Just(UP), Just(RUNNING)],
    ) {
        let mut machine = first.map_or_else(Machine::appeared, Machine::found);
        let mut witness = Witness::default();
        witness.obey(machine.act());
        for step in steps {
            match step {
                Step::Change(flags) => witness.obey(machine.change(flags)),
                Step::Act => witness.obey(machine.act()),
                Step::End(is_success) if witness.is_running => {
                    witness.end(&mut machine, is_success);
                }
                Step::End(_) => {}
            }
            prop_assert_eq!(machine.is_busy(), witness.is_running);
        }
        witness.obey(machine.change(last));
        witness.obey(machine.act());
        let mut ends = 0;
        while witness.is_running {
            witness.end(&mut machine, true);
            ends += 1;
            prop_assert!(ends < 5, "it goes on and on: {:?}", machine);
        }
        let state = machine.state();
        match last {
            RUNNING => prop_assert!(matches!(state, State::Active | State::Insane)),
            // Down where it was so at the start, and was not seen to change.
            UP => prop_assert!(matches!(state, State::Inactive | State::Insane | State::Down)),
            _ => prop_assert_eq!(state, State::Down),
        }
        if state == State::Active {
            prop_assert_eq!(witness.calls.last(), Some(&Task::In));
        }
    }
}
