//! The ways in which a runner can be wrong, and the clause each of them fails.

/// Declares the faults, the list of all of them, and what each must be caught by.
macro_rules! faults {
    ($( $fault:ident => $clause:literal, )*) => {
        /// What a [`BrokenRunner`](crate::runner::BrokenRunner) does wrong: one thing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault { $( $fault, )* }

        impl Fault {
            pub(crate) const ALL: &'static [(Self, &'static str)] = &[$( (Self::$fault, $clause), )*];
        }
    };
}

faults! {
    AnswerIgnored => "questions::the_answer_arrives",
    AnswersShared => "questions::each_task_gets_its_own_answer",
    AsksAgain => "questions::a_question_outlives_a_crash_and_is_not_asked_twice",
    AsksUnderOneKey => "questions::a_question_that_is_asked_again_is_a_new_one",
    BackgroundEmits => "stop::nothing_goes_on_after_a_run_was_cancelled",
    BlocksItsThread => "stop::a_run_that_ignores_it_is_settled_within_the_grace_period_and_a_second",
    BlockOfTwoKinds => "output::a_block_has_a_name_and_one_kind",
    CallsAlike => "output::every_call_of_a_run_has_a_name_of_its_own",
    CallLeftOpen => "output::no_call_is_open_when_a_run_ends_by_itself",
    CancelIgnoredWhileAsking => "stop::a_cancel_in_the_middle_of_a_question_is_obeyed",
    CancelIgnoredWhileStreaming => "stop::a_cancel_in_the_middle_of_output_is_obeyed",
    CancelHangsEarly => "stop::a_cancel_at_any_moment_is_obeyed",
    CancelStopsAll => "stop::a_cancel_stops_its_own_task_alone",
    CancelledComesBack => "stop::after_a_cancel_the_next_message_is_done_and_not_the_cancelled_one",
    CleanUpHangs => "processes::cleaning_up_is_quick_and_can_be_repeated",
    CleanUpKillsAll => "processes::cleaning_up_one_run_leaves_the_others_alone",
    CleanUpNothing => "processes::what_a_crash_left_is_gone_when_the_next_process_serves",
    CompletesWithoutDoing => "messages::a_message_is_done_and_the_task_completed",
    CrashResumes => "restarts::a_run_that_is_cut_off_is_interrupted_unless_it_resumes",
    DecisionIgnored => "questions::what_is_decided_makes_a_difference",
    DrainsAtTheEnd => "messages::messages_that_come_while_it_runs_are_done_in_order",
    DropLeavesProcesses => "processes::a_run_that_is_dropped_leaves_no_process",
    EmitsBeforeItsMessage => "output::output_begins_after_a_message_was_taken",
    EndLeavesAnEmitter => "stop::nothing_goes_on_after_a_run_has_ended",
    ErrorHasNoWords => "failures::a_failure_is_told_in_its_own_words",
    FailsForEver => "failures::a_failed_task_goes_on_with_the_next_message",
    ForgetsAfterRestart => "questions::a_question_outlives_a_shutdown_and_is_not_asked_twice",
    HangLeavesAnEmitter => "stop::nothing_goes_on_after_a_run_was_dropped",
    InterruptWaits => "capabilities::a_message_that_interrupts_ends_the_turn_and_comes_first",
    KeepsTheLastMessage => "messages::messages_that_waited_together_are_done_in_order",
    KillIsForgotten => "processes::a_cancelled_run_leaves_no_process",
    MixesTasks => "messages::tasks_that_run_at_once_do_not_mix",
    OneRunOnly => "messages::a_message_to_a_settled_task_is_done_by_the_next_run",
    PanicIsSilent => "failures::a_panic_fails_the_task_with_words",
    PanicPoisons => "failures::a_panic_leaves_the_other_tasks_of_the_runner_alone",
    PermissionWithoutChoice => "questions::a_permission_offers_what_can_be_decided",
    QuestionIsANotice => "questions::a_question_is_in_the_log_and_waits",
    ResumedDoesNothing => "restarts::it_goes_on_by_itself_after_a_crash",
    RestartIsFinal => "restarts::a_message_after_a_crash_starts_the_next_run",
    SessionOfTheProcess => "restarts::the_session_is_kept_over_a_crash",
    SessionOfTheRun => "restarts::the_session_is_kept_from_run_to_run",
    ShutdownLeavesAnEmitter => "stop::a_shutdown_ends_it_in_time_and_leaves_nothing",
    SkipsAfterRestart => "restarts::messages_that_waited_are_done_after_a_crash",
    SteeringWaits => "capabilities::a_message_that_steers_gets_into_the_running_turn",
    TextIsAscii => "messages::every_character_arrives_and_comes_back",
    TextLosesItsMiddle => "messages::long_output_comes_whole_and_in_order",
    TurnsWithoutEnd => "output::every_message_has_a_turn_that_ends",
    UpdatesOfNothing => "output::a_tool_that_goes_on_was_called",
}
