//! However a run ends, the processes it started end with it.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, assert_status};
use super::found::Found;
use super::harness::{Cue, RunnerHarness};
use crate::model::{TaskId, TaskStatus};
use crate::runner::RunId;

pub async fn a_cancelled_run_leaves_no_process<H: RunnerHarness>(place: &H) {
    let (bench, found) = (Bench::new(place).await, Found::new());
    let task = bench.create(Cue::Spawn(found.number())).await;
    found.assert_there().await;
    assert_status(&bench.stopped(task).await.0, TaskStatus::Cancelled);
    found.assert_gone();
}

pub async fn a_run_that_is_dropped_leaves_no_process<H: RunnerHarness>(place: &H) {
    let (bench, found) = (Bench::new(place).await, Found::new());
    bench.create(Cue::Spawn(found.number())).await;
    found.assert_there().await;
    // No grace, and no cleaning up: all there is is the end of its future.
    bench.drop_runs();
    found.assert_gone_soon().await;
}

pub async fn what_a_crash_left_is_gone_when_the_next_process_serves<H: RunnerHarness>(place: &H) {
    let (bench, found) = (Bench::new(place).await, Found::new());
    let task = bench.create(Cue::Spawn(found.number())).await;
    found.assert_there().await;
    let bench = bench.crash().await;
    found.assert_gone();
    assert_status(&bench.tasks.get(task).await.expect("it is there"), TaskStatus::Interrupted);
}

pub async fn cleaning_up_one_run_leaves_the_others_alone<H: RunnerHarness>(place: &H) {
    let (bench, mine, other) = (Bench::new(place).await, Found::new(), Found::new());
    let task = bench.create(Cue::Spawn(mine.number())).await;
    let busy = bench.create(Cue::Spawn(other.number())).await;
    mine.assert_there().await;
    other.assert_there().await;
    bench.stopped(task).await;
    mine.assert_gone();
    other.assert_alive();
    bench.stopped(busy).await;
    other.assert_gone();
}

/// Cleaning up runs that left nothing, several, again, and while others run.
pub async fn cleaning_up_is_quick_and_can_be_repeated<H: RunnerHarness>(place: &H) {
    let bench = Bench::new(place).await;
    let (task, _) = bench.say("a word").await;
    let runs = [RunId::new(task.id, 1), RunId::new(TaskId::new(), 7)];
    let runner = Arc::clone(&bench.runner);
    for runs in [&runs[..], &runs[..1], &runs[..], &[]] {
        let cleaned = tokio::time::timeout(QUICK, runner.clean_up(runs)).await;
        cleaned.expect("core does not wait longer");
    }
    let (task, _) = bench.say("another word").await;
    assert_status(&task, TaskStatus::Completed);
}

/// What core leaves to a runner, so that a task is settled in time.
const QUICK: Duration = Duration::from_millis(600);
