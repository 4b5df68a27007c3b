//! What goes wrong is said, and stays with the task in which it went wrong.

use super::bench::{Bench, assert_said, assert_status};
use super::harness::{Cue, RunnerHarness};
use crate::model::TaskStatus;

pub async fn a_failure_is_told_in_its_own_words<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Fail("the disk is full")).await;
    let task = bench.settled(task).await;
    assert_status(&task, TaskStatus::Failed);
    let error = task.error.unwrap_or_default();
    assert!(error.contains("the disk is full"), "told: {error}");
}

pub async fn a_failed_task_goes_on_with_the_next_message<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Fail("no")).await;
    assert_status(&bench.settled(task).await, TaskStatus::Failed);
    bench.send(task, Cue::Say("better")).await;
    assert_status(&bench.settled(task).await, TaskStatus::Completed);
    assert_said(&bench.log(task).await, "better");
}

pub async fn a_panic_fails_the_task_with_words<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let task = bench.create(Cue::Panic).await;
    let task = bench.settled(task).await;
    assert_status(&task, TaskStatus::Failed);
    let error = task.error.unwrap_or_default();
    let words = error.trim_start_matches("the runner panicked").trim_matches([':', ' ']);
    assert!(!words.is_empty(), "`{error}` does not say why");
    bench.seen.assert_nothing_left().await;
}

pub async fn a_panic_leaves_the_other_tasks_of_the_runner_alone<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let panics = bench.create(Cue::Panic).await;
    let speaks = bench.create(Cue::Say("not affected")).await;
    assert_status(&bench.settled(panics).await, TaskStatus::Failed);
    assert_status(&bench.settled(speaks).await, TaskStatus::Completed);
    let (task, log) = bench.say("nor later").await;
    assert_status(&task, TaskStatus::Completed);
    assert_said(&log, "nor later");
    bench.send(panics, Cue::Say("nor itself")).await;
    assert_status(&bench.settled(panics).await, TaskStatus::Completed);
    assert_said(&bench.log(panics).await, "nor itself");
}
