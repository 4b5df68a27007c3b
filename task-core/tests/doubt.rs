//! Commits of which nobody knows the fate, and commits that somebody else was faster than: what is looked at, for how
//! long, and what that may cost.

mod common;

use std::time::Duration;

use common::{HOUR, check_log, create, kinds, log_now, stage_with, until};
use task_core::testing::{Act, Call, Fault, FaultStore, Stage};
use task_core::{MemoryStore, Message, NewTask, TaskChange, TaskId, TaskManager, TaskQuery, TaskStatus};

#[tokio::test(start_paused = true)]
async fn what_was_stored_late_is_run_though_the_store_could_not_be_read_at_first() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    store.hang(Call::Commit);
    tasks.create(NewTask::new("puppet", "precious")).await.expect_err("nobody knows");
    store.fail_loads(3);
    store.answer();
    let act = tokio::time::timeout(Duration::from_secs(10), stage.next()).await.expect("it is started");
    assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), "precious");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_stored_is_not_looked_for_for_ever() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, _stage) = stage_with(store.clone(), |builder| builder).await;
    store.fail([Fault::DoubtfulAndLost]);
    store.fail([Fault::Unavailable; 1_000]);
    tasks.create(NewTask::new("puppet", "lost")).await.expect_err("nobody knows");
    store.heal();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let looks = store.looks();
    tokio::time::sleep(HOUR).await;
    assert_eq!(store.looks(), looks);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_somebody_was_faster_than_needs_no_events() {
    let memory = MemoryStore::new();
    let (tasks, _stage) = stage_with(memory.clone(), |builder| builder.max_running(0)).await;
    let task = create(&tasks).await.id;
    let store = FaultStore::new(memory);
    store.withhold_hints();
    let observer = TaskManager::builder(store.clone()).observe().await.expect("observes");
    store.hold();
    let held = tokio::spawn({
        let observer = observer.clone();
        async move { observer.rename(task, "second").await }
    });
    store.commit_held().await;
    tasks.rename(task, "in between").await.expect("stored");
    store.fail_reads(u32::MAX);
    store.go_on();
    let renamed = tokio::time::timeout(Duration::from_secs(1), held).await.expect("in time");
    renamed.expect("no panic").expect("recorded again");
    assert_eq!(tasks.get(task).await.expect("exists").title, "second");
    check_log(&tasks, task).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_that_somebody_else_used_first_takes_no_other_command_along() {
    let memory = MemoryStore::new();
    let store = FaultStore::new(memory.clone());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let others = TaskManager::builder(memory).observe().await.expect("observes");
    let task = create(&tasks).await.id;
    let _act = stage.next().await;
    let rename = |title: &'static str| {
        let tasks = tasks.clone();
        tokio::spawn(async move { tasks.rename(task, title).await })
    };
    // A command under way. Behind it, in one commit, another one and a message with a key that is still free.
    store.hold();
    let held = rename("held");
    store.commit_held().await;
    let behind = rename("behind");
    tokio::time::sleep(Duration::from_millis(10)).await;
    let keyed = || Message::new("once").idempotency_key("k");
    let sending = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.send(task, keyed()).await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let first = others.send(task, keyed()).await.expect("stored");
    store.go_on();
    assert_eq!(held.await.expect("no panic").expect("stored").title, "held");
    assert_eq!(behind.await.expect("no panic").expect("stored").title, "behind");
    let second = sending.await.expect("no panic").expect("found");
    assert!(second.repeated && second.seq == first.seq, "{second:?}");
    check_log(&tasks, task).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_an_hour_is_asked_for_the_end_of_a_run_now_and_then() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    store.fail(vec![Fault::Unavailable; 100_000]);
    let before = store.commits().len();
    act.finish(Ok(()));
    tokio::time::sleep(HOUR).await;
    let asked = store.commits().len() - before;
    assert!((100..2_000).contains(&asked), "{asked} times in an hour");
    store.heal();
    let settled = tokio::time::timeout(Duration::from_secs(60), tasks.wait(task)).await.expect("in time");
    assert_eq!(settled.expect("readable").status, TaskStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_wrote_where_a_commit_was_in_doubt_is_not_taken_for_it() {
    let memory = MemoryStore::new();
    let store = FaultStore::new(memory.clone());
    let (tasks, _stage) = stage_with(store.clone(), |builder| builder.max_running(0)).await;
    let others = TaskManager::builder(memory).observe().await.expect("observes");
    let task = create(&tasks).await.id;
    store.fail([Fault::DoubtfulAndLost]);
    let renaming = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.rename(task, "mine").await }
    });
    // After the first try and before the second.
    tokio::time::sleep(Duration::from_millis(5)).await;
    others.rename(task, "theirs").await.expect("stored");
    assert_eq!(renaming.await.expect("no panic").expect("stored").title, "mine");
    assert_eq!(kinds(&log_now(&tasks, task).await), ["created", "message", "renamed", "renamed"]);
    assert_eq!(tasks.get(task).await.expect("exists").title, "mine");
    check_log(&tasks, task).await;
}

/// A run that has the only place, and a task that waits for it: it was cancelled, which was stored and not yet known to be
/// when another manager woke it. Once it was looked at, the next so many looks fail.
async fn woken_in_doubt(
    store: &FaultStore,
    tasks: &TaskManager,
    stage: &mut Stage,
    looks_fail: u32,
) -> (Act, TaskId) {
    let observer = TaskManager::builder(store.clone()).observe().await.expect("observes");
    create(tasks).await;
    let first = stage.next().await;
    let task = create(tasks).await.id;
    store.fail([Fault::DoubtfulAndWritten]);
    let cancelling = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.cancel(task).await }
    });
    until(&observer, task, |task| task.status == TaskStatus::Cancelled).await;
    observer.send(task, "go on").await.expect("stored");
    tokio::time::sleep(Duration::from_millis(1)).await;
    store.fail_loads(looks_fail);
    assert!(!cancelling.is_finished(), "nobody knows here that it is stored");
    cancelling.await.expect("no panic").expect("it was stored");
    (first, task)
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_woken_while_its_end_was_in_doubt_has_its_turn() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder.max_running(1)).await;
    let (first, task) = woken_in_doubt(&store, &tasks, &mut stage, 0).await;
    first.finish(Ok(()));
    let act = tokio::time::timeout(HOUR, stage.next()).await.expect("it is started");
    assert_eq!(act.cx.task().id, task);
}

#[tokio::test(start_paused = true)]
async fn it_has_its_turn_though_the_log_could_not_be_read_then() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder.max_running(1)).await;
    let (first, task) = woken_in_doubt(&store, &tasks, &mut stage, u32::MAX).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    store.fail_loads(0);
    first.finish(Ok(()));
    let act = tokio::time::timeout(HOUR, stage.next()).await.expect("it is started");
    assert_eq!(act.cx.task().id, task);
}

#[tokio::test(start_paused = true)]
async fn a_list_does_not_go_back_to_what_was_in_doubt() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder.max_running(1)).await;
    let mut watch = tasks.watch(TaskQuery::default());
    watch.next().await.expect("readable").expect("begins with what is there");
    let (_first, task) = woken_in_doubt(&store, &tasks, &mut stage, 0).await;
    let mut shown = None;
    while let Ok(change) = tokio::time::timeout(Duration::from_secs(10), watch.next()).await {
        if let TaskChange::Task(item) = change.expect("readable").expect("goes on")
            && item.id == task
        {
            shown = Some(item.status);
        }
    }
    assert_eq!(shown, Some(TaskStatus::Pending));
}
