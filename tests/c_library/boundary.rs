//! Programs that check for themselves: arguments, states, callbacks, endings,
//! threads. Each brings its own cables.

use crate::program::{Guard, programs, with_program};

programs! {
    fn null_is_fine_and_every_number_has_a_text(program: "arguments.c") {
        program.run();
    }

    fn each_call_has_a_result_in_each_state(program: "states.c") {
        program.run();
    }

    fn a_callback_may_do_anything_to_its_handle(program: "callbacks.c") {
        program.run();
    }

    fn handle_socket_and_attachment_end_in_any_order(program: "endings.c") {
        program.run();
    }

    fn copies_of_the_socket_s_callbacks_outlive_the_handle(program: "clones.c") {
        program.run();
    }

    fn results_of_the_program_s_callbacks_keep_their_effect(program: "results.c") {
        program.run();
    }

    fn what_is_no_news_is_not_reported(program: "answers.c") {
        program.run();
    }

    fn a_panic_comes_out_as_a_code(program: "panic.c") {
        program.run();
    }

    fn another_thread_stops_it(program: "threads.c") {
        program.run();
    }

    fn the_header_is_fine_in_c_plus_plus(program: "header.cpp") {
        program.run();
    }
}

#[test]
fn another_thread_stops_it_without_a_race() {
    let name = concat!(module_path!(), "::another_thread_stops_it_without_a_race");
    with_program(name, "threads.c", Guard::Helgrind, |program| program.run());
}
