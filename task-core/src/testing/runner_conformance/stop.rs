//! Whoever is told to stop stops, and nothing goes on afterwards.

use std::time::Duration;

use futures::TryStreamExt;

use super::bench::{Bench, assert_said, assert_status, count, kinds};
use super::harness::{Cue, RunnerHarness};
use crate::model::TaskStatus;

pub async fn a_cancel_in_the_middle_of_output_is_obeyed<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Stream).await;
    bench.until_output(task).await;
    let (task, _) = bench.stopped(task).await;
    assert_status(&task, TaskStatus::Cancelled);
    bench.assert_returned(&task);
}

pub async fn a_cancel_in_the_middle_of_a_question_is_obeyed<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Ask("which?")).await;
    bench.until_asked(task).await;
    let (task, _) = bench.stopped(task).await;
    assert_status(&task, TaskStatus::Cancelled);
    assert_eq!(task.requests, [], "nobody is asked any more");
    bench.assert_returned(&task);
}

pub async fn a_run_that_ignores_it_is_settled_within_the_grace_period_and_a_second<H: RunnerHarness>(
    place: &H,
) {
    let grace = Duration::from_millis(300);
    let bench = Bench::with_grace(place, grace).await;
    let task = bench.create(Cue::Hang).await;
    bench.until_taken(task).await;
    let (task, took) = bench.stopped(task).await;
    assert_status(&task, TaskStatus::Cancelled);
    assert!(took <= grace + Duration::from_secs(1), "it took {took:?}");
    assert!(took >= grace, "the harness says it hangs, and it ended after {took:?}");
}

/// At any moment of a run, also before it has begun and when it has nearly ended.
pub async fn a_cancel_at_any_moment_is_obeyed<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    for pause in 0..40 {
        let task = bench.create(Cue::Say("some words that take a moment")).await;
        for _ in 0..pause {
            tokio::task::yield_now().await;
        }
        let asked = bench.tasks.cancel(task).await;
        let task = bench.settled(task).await;
        let cancelled = task.status == TaskStatus::Cancelled;
        assert_eq!(asked.is_ok(), cancelled, "{asked:?}, and then {}", task.status);
        assert!(cancelled || task.status == TaskStatus::Completed, "{}: {:?}", task.status, task.error);
        if task.run > 0 {
            bench.assert_returned(&task);
        }
    }
}

pub async fn nothing_goes_on_after_a_run_has_ended<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let (task, log) = bench.say("some words").await;
    bench.seen.assert_nothing_left().await;
    assert_eq!(kinds(&bench.log(task.id).await), kinds(&log), "and nothing was added");
}

pub async fn nothing_goes_on_after_a_run_was_cancelled<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Stream).await;
    bench.until_output(task).await;
    let (task, _) = bench.stopped(task).await;
    bench.seen.assert_nothing_left().await;
    let log = bench.log(task.id).await;
    assert_eq!((kinds(&log).last(), task.seq.get()), (Some(&"cancelled"), log.len() as u64));
}

pub async fn nothing_goes_on_after_a_run_was_dropped<H: RunnerHarness>(place: &H) {
    let bench = Bench::with_grace(place, Duration::from_millis(50)).await;
    let task = bench.create(Cue::Hang).await;
    bench.until_taken(task).await;
    bench.stopped(task).await;
    bench.seen.assert_nothing_left().await;
}

pub async fn after_a_cancel_the_next_message_is_done_and_not_the_cancelled_one<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Stream).await;
    bench.until_output(task).await;
    let (cancelled, _) = bench.stopped(task).await;
    bench.send(task, Cue::Say("fresh")).await;
    let task = bench.settled(task).await;
    assert_status(&task, TaskStatus::Completed);
    assert_eq!(task.run, 2);
    let log = bench.log(task.id).await;
    let later: Vec<_> = log.into_iter().filter(|event| event.seq() > cancelled.seq).collect();
    assert_said(&later, "fresh");
    assert_eq!(count(&later, "message_delivered"), 1);
}

pub async fn a_cancel_stops_its_own_task_alone<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let (one, other) = (bench.create(Cue::Stream).await, bench.create(Cue::Stream).await);
    bench.until_output(one).await;
    bench.until_output(other).await;
    assert_status(&bench.stopped(one).await.0, TaskStatus::Cancelled);
    let seen = bench.tasks.get(other).await.expect("it is there").seq;
    let mut later = bench.tasks.subscribe(other, seen);
    let more = later.try_next().await.expect("the log can be read").expect("it goes on");
    let task = bench.tasks.get(other).await.expect("it is there");
    assert_eq!((task.status, task.is_stopping()), (TaskStatus::Running, false), "after `{}`", more.kind());
    assert_status(&bench.stopped(other).await.0, TaskStatus::Cancelled);
}

/// A shutdown without any grace leaves a run a moment to return, and drops it then.
pub async fn a_shutdown_ends_it_in_time_and_leaves_nothing<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Stream).await;
    bench.until_output(task).await;
    let begun = tokio::time::Instant::now();
    let (before, bench) = bench.restart().await;
    assert!(begun.elapsed() < Duration::from_millis(1_500), "it took {:?}", begun.elapsed());
    before.assert_nothing_left().await;
    let task = bench.tasks.get(task).await.expect("it is there");
    assert_status(&task, TaskStatus::Interrupted);
}
