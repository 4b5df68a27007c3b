//! The list of clauses: the only one. Tests are made from it, and the proof that each of them can fail.

use super::harness::RunnerHarness;
use super::{Clause, capabilities, failures, messages, output, processes, questions, restarts, stop};

/// Hands the list, after whatever it is told to put in front, to the macro it is told. A clause is a function in the
/// module of its group, and what the runner must be able to do for it.
#[doc(hidden)]
#[macro_export]
macro_rules! __runner_clauses {
    ([$($then:tt)+] $($context:tt)*) => {
        $($then)+! {
            $($context)*
        mod messages {
            any a_message_is_done_and_the_task_completed;
            any every_character_arrives_and_comes_back;
            any long_output_comes_whole_and_in_order;
            any messages_that_waited_together_are_done_in_order;
            any messages_that_come_while_it_runs_are_done_in_order;
            any a_message_to_a_settled_task_is_done_by_the_next_run;
            any tasks_that_run_at_once_do_not_mix;
        }
        mod output {
            any a_tool_that_goes_on_was_called;
            any every_call_of_a_run_has_a_name_of_its_own;
            any no_call_is_open_when_a_run_ends_by_itself;
            any a_block_has_a_name_and_one_kind;
            any output_begins_after_a_message_was_taken;
            turns every_message_has_a_turn_that_ends;
        }
        mod stop {
            stream a_cancel_in_the_middle_of_output_is_obeyed;
            ask a_cancel_in_the_middle_of_a_question_is_obeyed;
            hang a_run_that_ignores_it_is_settled_within_the_grace_period_and_a_second;
            any a_cancel_at_any_moment_is_obeyed;
            any nothing_goes_on_after_a_run_has_ended;
            stream nothing_goes_on_after_a_run_was_cancelled;
            hang nothing_goes_on_after_a_run_was_dropped;
            stream after_a_cancel_the_next_message_is_done_and_not_the_cancelled_one;
            stream a_cancel_stops_its_own_task_alone;
            stream a_shutdown_ends_it_in_time_and_leaves_nothing;
        }
        mod failures {
            fail a_failure_is_told_in_its_own_words;
            fail a_failed_task_goes_on_with_the_next_message;
            panic a_panic_fails_the_task_with_words;
            panic a_panic_leaves_the_other_tasks_of_the_runner_alone;
        }
        mod questions {
            ask a_question_is_in_the_log_and_waits;
            ask the_answer_arrives;
            ask each_task_gets_its_own_answer;
            ask a_question_that_is_asked_again_is_a_new_one;
            ask a_question_outlives_a_crash_and_is_not_asked_twice;
            ask a_question_outlives_a_shutdown_and_is_not_asked_twice;
            permit a_permission_offers_what_can_be_decided;
            permit what_is_decided_makes_a_difference;
        }
        mod restarts {
            stream a_run_that_is_cut_off_is_interrupted_unless_it_resumes;
            stream a_message_after_a_crash_starts_the_next_run;
            stream messages_that_waited_are_done_after_a_crash;
            resume it_goes_on_by_itself_after_a_crash;
            session the_session_is_kept_from_run_to_run;
            session the_session_is_kept_over_a_crash;
        }
        mod capabilities {
            steer a_message_that_steers_gets_into_the_running_turn;
            interrupt a_message_that_interrupts_ends_the_turn_and_comes_first;
        }
        mod processes {
            spawn a_cancelled_run_leaves_no_process;
            spawn a_run_that_is_dropped_leaves_no_process;
            spawn what_a_crash_left_is_gone_when_the_next_process_serves;
            spawn cleaning_up_one_run_leaves_the_others_alone;
            any cleaning_up_is_quick_and_can_be_repeated;
        }
        }
    };
}

/// Mounts the conformance kit for runners: one test per clause of the contract of [`AgentRunner`](crate::AgentRunner).
///
/// In front of the harness stands what the runner can do, or can be made to do:
///
/// | capability | means |
/// |---|---|
/// | `ask`, `permit` | it asks questions, it asks for leave |
/// | `fail`, `panic`, `hang` | a message makes it fail, panic, or ignore every wish to stop |
/// | `interrupt`, `steer`, `resume` | it says so in its [`Capabilities`](crate::Capabilities) |
/// | `session` | it keeps a session for each task |
/// | `spawn` | it starts processes; looked at through `/proc` |
/// | `stream` | a message makes it emit until it is stopped |
/// | `turns` | it says where a turn ends |
///
/// The tests of what it cannot do are ignored, and listed with the reason. That the list is neither longer nor shorter
/// than what the runner claims and the harness has messages for is a test, too. `interrupt`, `session`
/// and `steer` need `stream`, `resume` needs a message for [`Cue::Work`](crate::testing::Cue::Work). One mount a module; see [`testing`](crate::testing) for an example. Runners are run on a runtime of one
/// thread.
#[macro_export]
macro_rules! runner_conformance {
    ($($capability:ident),+ : $harness:ty) => {
        $( $crate::__runner_capability!($capability); )+
        type Mounted = $harness;
        $crate::__runner_mount! { $($capability)+ }
        $crate::__runner_clauses! { [$crate::__runner_tests] [$($capability)+] }
    };
    ($harness:ty) => {
        type Mounted = $harness;
        $crate::__runner_mount! {}
        $crate::__runner_clauses! { [$crate::__runner_tests] [] }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __runner_mount {
    ($($capability:ident)*) => {
        #[test]
        fn it_claims_what_is_looked_at_here() {
            use $crate::testing::RunnerHarness;
            let place = Mounted::new();
            $crate::testing::runner_conformance::check_mount(&place, &[$(stringify!($capability)),*]);
        }
    };
}

/// A word that is no capability must not compile: it would leave clauses out.
#[doc(hidden)]
#[macro_export]
macro_rules! __runner_capability {
    (ask) => {};
    (fail) => {};
    (hang) => {};
    (interrupt) => {};
    (panic) => {};
    (permit) => {};
    (resume) => {};
    (session) => {};
    (spawn) => {};
    (steer) => {};
    (stream) => {};
    (turns) => {};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __runner_tests {
    ($capabilities:tt $( mod $group:ident { $( $need:ident $clause:ident; )* } )*) => {
        $( mod $group { $( $crate::__runner_test! { $need $capabilities $group $clause } )* } )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __runner_test {
    (@run $group:ident $clause:ident) => {
        #[test]
        fn $clause() {
            $crate::testing::runner_conformance::run::<super::Mounted>(|place| {
                ::std::boxed::Box::pin($crate::testing::runner_conformance::$group::$clause(place))
            });
        }
    };
    (any $capabilities:tt $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (ask [ask $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (fail [fail $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (hang [hang $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (interrupt [interrupt $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (panic [panic $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (permit [permit $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (resume [resume $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (session [session $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (spawn [spawn $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (steer [steer $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (stream [stream $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    (turns [turns $($more:ident)*] $($rest:tt)*) => { $crate::__runner_test! { @run $($rest)* } };
    ($need:ident [$other:ident $($more:ident)*] $($rest:tt)*) => {
        $crate::__runner_test! { $need [$($more)*] $($rest)* }
    };
    (@ignore $reason:literal $clause:ident) => {
        #[test]
        #[ignore = $reason]
        fn $clause() {}
    };
    (ask [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "the runner does not `ask`" $clause }
    };
    (fail [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "no message makes the runner `fail`" $clause }
    };
    (hang [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "no message makes the runner `hang`" $clause }
    };
    (interrupt [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "the runner does not `interrupt` a turn" $clause }
    };
    (panic [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "no message makes the runner `panic`" $clause }
    };
    (permit [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "the runner does not ask to `permit` anything" $clause }
    };
    (resume [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "the runner does not `resume` by itself" $clause }
    };
    (session [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "the runner keeps no `session`" $clause }
    };
    (spawn [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "the runner does not `spawn` processes" $clause }
    };
    (steer [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "the runner does not let itself `steer`" $clause }
    };
    (stream [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "no message makes the runner `stream`" $clause }
    };
    (turns [] $group:ident $clause:ident) => {
        $crate::__runner_test! { @ignore "the runner does not say where `turns` end" $clause }
    };
}

/// Every clause of the kit, for those who check them in another way than as tests.
#[must_use]
pub fn clauses<H: RunnerHarness>() -> Vec<Clause<H>> {
    macro_rules! all {
        ($( mod $group:ident { $( $need:ident $clause:ident; )* } )*) => {
            vec![$($(
                Clause::new(
                    concat!(stringify!($group), "::", stringify!($clause)),
                    |place: &H| Box::pin($group::$clause(place)),
                ),
            )*)*]
        };
    }
    crate::__runner_clauses! { [all] }
}
