//! Viewers that come, leave and come back while a run writes.

use futures::TryStreamExt;
use task_core::{
    Event, Limits, MemoryStore, NewTask, RunContext, RunResult, Seq, TaskId, TaskManager, TaskStore,
};

use super::explore::explore;
use super::log::{checked, follow, kinds, read};

#[test]
fn whoever_subscribes_while_a_run_writes_sees_everything_once() {
    explore(subscribe_while_a_run_writes);
}

#[test]
fn whoever_comes_back_finds_the_rest_in_memory_or_in_the_store() {
    explore(come_back_while_the_tail_is_evicted);
}

#[test]
fn a_viewer_that_leaves_disturbs_nobody() {
    explore(leave_while_a_run_writes);
}

async fn subscribe_while_a_run_writes() {
    let store = MemoryStore::new();
    let (tasks, task) = writing(store.clone(), Limits::default()).await;
    let mut early = tasks.subscribe(task, Seq::ZERO);
    let early = shuttle::future::spawn(async move {
        let mut seen = Vec::new();
        while let Some(event) = early.try_next().await.expect("it can be followed") {
            let stored = store.load(task).await.expect("the task exists").seq;
            assert!(stored >= event.seq(), "{} was shown while {stored} was stored", event.seq());
            seen.push(event);
        }
        seen
    });
    let late = shuttle::future::spawn(follow(tasks.subscribe(task, Seq::new(2))));
    let (early, late) = (early.await.expect("no panic"), late.await.expect("no panic"));
    let stored = checked(&tasks, task).await;
    assert_eq!(kinds(&early), kinds(&stored));
    assert_eq!(early, stored);
    assert_eq!(late, stored[2..]);
}

async fn come_back_while_the_tail_is_evicted() {
    let (tasks, task) = writing(MemoryStore::new(), forgetful()).await;
    let mut seen: Vec<Event> = Vec::new();
    for wanted in [1, 2] {
        let after = seen.last().map_or(Seq::ZERO, Event::seq);
        let mut events = tasks.subscribe(task, after);
        seen.extend(read(&mut events, wanted).await);
    }
    let after = seen.last().map_or(Seq::ZERO, Event::seq);
    seen.extend(follow(tasks.subscribe(task, after)).await);
    assert_eq!(seen, checked(&tasks, task).await);
}

async fn leave_while_a_run_writes() {
    let (tasks, task) = writing(MemoryStore::new(), forgetful()).await;
    let leaves = shuttle::future::spawn({
        let mut events = tasks.subscribe(task, Seq::ZERO);
        async move { read(&mut events, 2).await.len() }
    });
    // Dropped in the middle of whatever it does.
    let torn = shuttle::future::spawn(follow(tasks.subscribe(task, Seq::ZERO)));
    let stays = shuttle::future::spawn(follow(tasks.subscribe(task, Seq::ZERO)));
    assert_eq!(leaves.await.expect("no panic"), 2);
    torn.abort();
    let stored = stays.await.expect("no panic");
    assert_eq!(stored, checked(&tasks, task).await);
}

/// An event or two stay in memory, and only until the next one comes.
fn forgetful() -> Limits {
    let mut limits = Limits::default();
    (limits.tail_bytes, limits.tails_bytes, limits.pages_bytes) = (512, 1, 1);
    limits
}

/// A task whose run writes a little, in several commits, and ends.
async fn writing(store: MemoryStore, limits: Limits) -> (TaskManager, TaskId) {
    let builder = TaskManager::builder(store).limits(limits).runner("writer", writer);
    let tasks = builder.start().await.expect("it starts");
    let task = tasks.create(NewTask::new("writer", "write")).await.expect("created");
    (tasks, task.id)
}

async fn writer(cx: RunContext) -> RunResult {
    while cx.next_message().await?.is_some() {
        cx.text("a", "one").await?;
        cx.flush().await?;
        cx.text("b", "two").await?;
        cx.text("b", " and more").await?;
    }
    Ok(())
}
