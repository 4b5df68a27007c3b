//! The list of clauses: the only one. Tests are made from it, and the proof that each of them can fail.

use super::harness::Tamper;
use super::run::Clause;
use super::{
    changes, close, commit, counts, durable, events, keys, list, ownership, pages, remove, several, subscribe,
};

/// Hands the list, after whatever it is told to put in front, to the macro it is told. A clause is a function in the
/// module of its group, and what a harness must be able to do for it.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_clauses {
    ([$($then:tt)+] $($context:tt)*) => {
        $($then)+! {
            $($context)*
        mod commit {
            any a_committed_task_is_loaded;
            any every_clone_sees_a_commit_at_once;
            any an_unknown_task_cannot_be_loaded;
            any the_first_commit_of_an_existing_task_conflicts;
            any a_stale_commit_conflicts;
            any a_stale_commit_changes_nothing;
            any a_commit_ahead_of_the_log_conflicts;
            any a_conflict_names_both_positions;
            any of_many_writers_on_one_position_exactly_one_wins;
            any no_commit_of_concurrent_writers_is_lost;
            any many_events_are_written_whole_or_not_at_all;
            any a_reader_never_sees_part_of_a_commit;
            any a_commit_that_is_not_waited_for_lands_whole_or_not_at_all;
            any a_commit_to_an_unknown_task_is_not_found;
            any a_commit_to_a_removed_task_is_not_found;
            any a_snapshot_is_kept_as_it_is_given;
            any seq_and_time_are_those_of_the_newest_event_without_a_new_snapshot;
        }
        mod events {
            any after_is_exclusive;
            any events_come_in_order_and_without_gap;
            any events_come_back_as_they_were_given;
            any no_more_events_come_than_asked_for;
            any pages_of_a_long_log_meet_its_end;
            any no_more_bytes_come_than_about_what_was_asked_for;
            any at_least_one_event_comes_however_few_bytes_are_asked_for;
            any at_and_beyond_the_end_there_are_no_events;
            any events_of_an_unknown_task_are_not_found;
            any large_payloads_come_back_byte_for_byte;
            any every_character_of_unicode_comes_back;
            any unknown_kinds_come_back_byte_for_byte;
            any the_logs_of_tasks_do_not_mix;
            any reads_that_are_begun_and_left_hold_up_nobody;
        }
        mod list {
            any a_new_store_is_empty;
            any the_newest_task_comes_first;
            any the_oldest_task_comes_first_when_asked_so;
            any a_task_that_changes_keeps_its_place;
            any tasks_are_listed_as_they_are_loaded;
            any a_list_can_be_of_some_states;
            any a_list_follows_changes_of_state;
            any a_list_can_be_of_one_agent;
            any filters_combine;
            any a_search_finds_any_part_of_a_title;
            any a_search_does_not_mind_case_in_any_language;
            any a_search_takes_every_character_as_it_is;
            any a_search_looks_at_the_newest_title;
        }
        mod pages {
            any a_page_has_no_more_tasks_than_asked_for_and_the_last_no_cursor;
            any pages_give_each_task_once;
            any pages_of_a_filtered_list_give_each_task_once;
            any pages_neither_skip_nor_repeat_while_tasks_are_added;
            any pages_neither_skip_nor_repeat_while_tasks_change;
            any pages_neither_skip_nor_repeat_while_tasks_are_removed;
            any a_cursor_outlives_the_task_it_stands_on;
            any a_wrong_cursor_is_refused;
        }
        mod counts {
            any counts_follow_every_change_at_once;
            any counts_agree_with_lists;
            any counts_are_of_one_moment;
            any counts_are_right_after_many_writers_at_once;
        }
        mod keys {
            any a_key_finds_its_event;
            any any_text_can_be_a_key_and_no_two_are_the_same;
            any an_unknown_key_finds_nothing;
            any a_key_that_is_taken_is_refused_and_the_event_named;
            any a_key_that_is_taken_changes_nothing;
            any the_key_of_a_refused_commit_is_free;
            any a_key_is_free_again_when_its_task_is_removed;
            any of_many_commits_with_one_key_exactly_one_is_written;
        }
        mod remove {
            any a_removed_task_is_gone_everywhere;
            any a_task_that_moved_is_not_removed;
            any removing_twice_is_not_found;
            any a_late_commit_does_not_bring_a_removed_task_back;
            any the_other_tasks_stay_as_they_are;
            any of_a_commit_and_a_removal_at_once_one_wins;
        }
        mod ownership {
            any the_second_owner_is_refused_and_told_why;
            any claiming_twice_is_fine;
            any releasing_frees;
            any releasing_what_is_not_owned_does_nothing;
            any only_an_owner_is_kept_alive;
            any orphans_are_the_active_tasks_of_those_who_are_gone;
            any a_settled_or_removed_task_is_no_orphan;
        }
        mod changes {
            any commits_of_others_are_heard;
            any what_changes_before_the_first_look_is_heard;
            any own_commits_are_not_heard;
            any a_removal_is_heard;
            any what_is_heard_is_there;
            any one_who_does_not_listen_for_long_misses_nothing;
            any every_listener_hears;
            any the_stream_ends_when_the_store_is_closed;
        }
        mod subscribe {
            any a_reader_of_a_settled_task_gets_what_is_after_its_cursor;
            any readers_that_join_at_every_position_get_each_event_once;
            any the_last_event_is_never_missed;
            any a_reader_that_has_seen_it_all_ends_at_once;
            any a_cursor_beyond_the_end_is_refused;
            any a_reader_of_an_unknown_task_is_told;
            any a_reader_of_a_removed_task_is_told;
            any many_readers_get_the_same;
            any a_slow_reader_gets_everything;
            any readers_that_leave_change_nothing;
            any readers_of_two_tasks_get_their_own;
        }
        mod close {
            any nothing_is_answered_afterwards;
            any closing_twice_is_fine;
            any a_commit_at_the_same_time_is_written_or_refused;
        }
        mod durable {
            durable a_reopened_store_holds_every_commit;
            durable a_store_that_was_not_closed_holds_every_commit;
            durable the_logs_of_a_reopened_store_are_byte_for_byte_the_same;
            durable a_reopened_store_counts_right;
            durable a_reopened_store_knows_its_keys;
            durable a_reopened_store_lists_in_the_same_order;
            durable a_list_goes_on_where_it_was_before_reopening;
            durable numbering_goes_on_after_reopening;
            durable a_removed_task_stays_away;
            durable the_next_process_finds_the_orphans_of_the_last;
            durable a_commit_that_raced_with_the_end_is_there_or_was_refused;
            durable a_reopened_store_tells_of_what_comes_and_not_of_what_was;
            tamper what_a_newer_version_wrote_is_refused;
        }
        mod several {
            several what_one_writes_the_others_see_at_once;
            several of_two_that_write_at_one_position_one_wins;
            several counts_are_right_for_all;
            several one_of_them_is_the_owner;
            several what_one_changes_the_others_hear;
            several a_reader_follows_what_another_writes;
            several one_that_closes_leaves_the_others_open;
        }
        }
    };
}

/// Mounts the conformance kit: one test per clause of the contract of [`TaskStore`](crate::TaskStore).
///
/// In front of the harness stands what the place can do besides, where it can:
///
/// | capability | means | without it |
/// |---|---|---|
/// | `durable` | a place that is opened again holds what was committed | the tests of `durable` are ignored |
/// | `several` | a place may be open several times at once | the tests of `several` are ignored |
/// | `tamper` | the harness is [`Tamper`](crate::testing::Tamper) | one test of `durable` is ignored |
///
/// Ignored tests are listed with the reason. One mount a module; see [`testing`](crate::testing) for an example.
#[macro_export]
macro_rules! conformance {
    ($($capability:ident),+ : $harness:ty) => {
        $( $crate::__conformance_capability!($capability); )+
        type Mounted = $harness;
        $crate::__conformance_clauses! { [$crate::__conformance_tests] [$($capability)+] }
    };
    ($harness:ty) => {
        type Mounted = $harness;
        $crate::__conformance_clauses! { [$crate::__conformance_tests] [] }
    };
}

/// A word that is no capability must not compile: it would leave clauses out.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_capability {
    (durable) => {};
    (several) => {};
    (tamper) => {};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($capabilities:tt $( mod $group:ident { $( $need:ident $clause:ident; )* } )*) => {
        $( mod $group { $( $crate::__conformance_test! { $need $capabilities $group $clause } )* } )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_test {
    (@run $group:ident $clause:ident) => {
        #[test]
        fn $clause() {
            $crate::testing::conformance::run::<super::Mounted>(|place| {
                ::std::boxed::Box::pin($crate::testing::conformance::$group::$clause(place))
            });
        }
    };
    (any $capabilities:tt $($rest:tt)*) => { $crate::__conformance_test! { @run $($rest)* } };
    (durable [durable $($more:ident)*] $($rest:tt)*) => { $crate::__conformance_test! { @run $($rest)* } };
    (several [several $($more:ident)*] $($rest:tt)*) => { $crate::__conformance_test! { @run $($rest)* } };
    (tamper [tamper $($more:ident)*] $($rest:tt)*) => { $crate::__conformance_test! { @run $($rest)* } };
    ($need:ident [$other:ident $($more:ident)*] $($rest:tt)*) => {
        $crate::__conformance_test! { $need [$($more)*] $($rest)* }
    };
    (durable [] $group:ident $clause:ident) => {
        #[test]
        #[ignore = "the place is not `durable`"]
        fn $clause() {}
    };
    (several [] $group:ident $clause:ident) => {
        #[test]
        #[ignore = "the place cannot be open `several` times"]
        fn $clause() {}
    };
    (tamper [] $group:ident $clause:ident) => {
        #[test]
        #[ignore = "the harness cannot `tamper` with the place"]
        fn $clause() {}
    };
}

/// Every clause of the kit, for those who check them in another way than as tests.
#[must_use]
pub fn clauses<H: Tamper>() -> Vec<Clause<H>> {
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
    crate::__conformance_clauses! { [all] }
}
