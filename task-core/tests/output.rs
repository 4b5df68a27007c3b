//! Output on its way into the log: what becomes one event, how large that gets, and what a run has when it is lost.

mod common;

use std::time::Duration;

use common::{create, log, stage_with};
use serde_json::json;
use task_core::testing::{Fault, FaultStore};
use task_core::{
    Custom, Limits, MemoryStore, NoticeLevel, Output, Plan, PlanEntry, PlanStatus, RawOutput, TaskStatus,
    ToolCall, ToolStatus, ToolUpdate,
};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn text_that_waits_together_becomes_events_of_a_bounded_size() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    store.hold();
    act.cx.text("first", "is on its way").await.expect("accepted");
    store.commit_held().await;
    let delta = "#".repeat(1_000);
    for _ in 0..40 {
        act.cx.text("reply", delta.as_str()).await.expect("accepted");
    }
    for _ in 0..4 {
        act.cx.thinking("reply", delta.as_str()).await.expect("accepted");
    }
    store.go_on();
    act.finish(Ok(()));
    tasks.wait(task).await.expect("it settles");
    let sizes: Vec<_> =
        log(&tasks, task).await.iter().map(|event| event.data().matches('#').count()).collect();
    let texts: Vec<_> = sizes.into_iter().filter(|size| *size >= 1_000).collect();
    assert_eq!(texts, [16_000, 16_000, 8_000, 4_000]);
}

#[tokio::test(start_paused = true)]
async fn output_that_is_too_large_is_refused_wherever_it_is_large() {
    let mut limits = Limits::default();
    limits.event_bytes = 2_000;
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.limits(limits)).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    let kinds: [fn(&str, &str, &str) -> Output; 10] = [
        |a, b, _| Custom::new(a, json!(b)).into(),
        |a, _, _| Output::notice(NoticeLevel::Info, a),
        |a, b, c| Plan::new([a, b, c].map(|step| PlanEntry::new(step, PlanStatus::Pending)).into()).into(),
        |a, b, _| RawOutput::new(a, json!(b)).into(),
        |a, b, _| Output::text(a, b),
        |a, b, _| Output::thinking(a, b),
        |a, b, c| ToolCall::new("", a).with_title(b).with_input(json!(c)).into(),
        |a, _, _| ToolCall::new(a, "").into(),
        |a, b, c| ToolUpdate::new(a, ToolStatus::Running).with_output(b).with_input(json!(c)).into(),
        |a, _, _| Output::turn_ended(a),
    ];
    // One field alone; all of them together; and all of them when they fit.
    let (large, third) = ("x".repeat(2_000), "x".repeat(900));
    for (number, kind) in kinds.iter().enumerate() {
        let output = kind(&large, "", "");
        let error = act.cx.emit(output).await.expect_err("it is too large");
        assert!(error.message().starts_with("the size of an event in bytes is 2"), "{number}: {error}");
        act.cx.emit(kind(&third, "", "")).await.expect("it is not too large");
    }
    for number in [0, 2, 3, 4, 5, 6, 8] {
        let kind = kinds[number];
        assert!(act.cx.emit(kind("", &large, "")).await.is_err(), "the second field of {number}");
        assert!(act.cx.emit(kind(&third, &third, &third)).await.is_err() || [0, 3, 4, 5].contains(&number));
        act.cx.emit(kind(&third, &third[..800], "")).await.expect("together they fit");
    }
    for number in [2, 6, 8] {
        assert!(act.cx.emit(kinds[number]("", "", &large)).await.is_err(), "the third field of {number}");
    }
    act.finish(Ok(()));
    tasks.wait(task).await.expect("it settles");
}

#[test]
fn a_tool_is_open_until_it_ended() {
    use ToolStatus::{Cancelled, Completed, Failed, Pending, Running};
    assert_eq!(
        [Pending, Running, Completed, Failed, Cancelled].map(ToolStatus::is_open),
        [true, true, false, false, false]
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_lost_output_is_told_why_and_has_the_grace_period_to_end() {
    let grace = Duration::from_secs(5);
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder.cancel_grace(grace)).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    store.fail(vec![Fault::Unavailable; 100_000]);
    act.cx.text("reply", "lost").await.expect("accepted");
    act.cx.cancelled().await;
    let told = Instant::now();
    let error = act.cx.text("reply", "more").await.expect_err("refused");
    assert_eq!(error.to_string(), "the store failed: the store is unavailable: the disk is away");
    // It takes its time, and more than it has.
    let gone = stage.cleaned_up().await;
    assert_eq!(gone.task, task);
    assert!(
        told.elapsed() >= grace && told.elapsed() < grace + Duration::from_secs(1),
        "{:?}",
        told.elapsed()
    );
    store.heal();
    assert_eq!(tasks.wait(task).await.expect("it settles").status, TaskStatus::Failed);
    drop(act);
}

#[tokio::test(start_paused = true)]
async fn the_run_after_one_that_lost_output_writes_again() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    store.fail(vec![Fault::Unavailable; 100_000]);
    act.cx.text("reply", "lost").await.expect("accepted");
    act.cx.cancelled().await;
    // Something of the run is left behind, and with it what the run wrote with.
    let left = act.cx.clone();
    act.finish(Ok(()));
    store.heal();
    assert_eq!(tasks.wait(task).await.expect("it settles").status, TaskStatus::Failed);

    tasks.send(task, "again").await.expect("accepted");
    let act = stage.next().await;
    act.cx.text("reply", "kept").await.expect("accepted");
    act.cx.flush().await.expect("stored");
    left.text("reply", "from the grave").await.expect_err("that run is over");
    act.finish(Ok(()));
    assert_eq!(tasks.wait(task).await.expect("it settles").status, TaskStatus::Completed);
}
