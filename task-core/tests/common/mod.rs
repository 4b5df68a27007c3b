//! What the tests of the manager share.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its part of it")]

use std::time::Duration;

use futures::TryStreamExt;
use task_core::testing::{Puppet, Stage};
use task_core::{
    Event, Lifecycle, MemoryStore, NewTask, Payload, Seq, Subscription, Task, TaskError, TaskId, TaskManager,
    TaskManagerBuilder, TaskStore,
};

/// A manager on a fresh store whose agent `puppet` the test plays.
pub async fn stage() -> (TaskManager, Stage) {
    stage_with(MemoryStore::new(), |builder| builder).await
}

pub async fn stage_with(
    store: impl TaskStore,
    set_up: impl FnOnce(TaskManagerBuilder) -> TaskManagerBuilder,
) -> (TaskManager, Stage) {
    let (puppet, stage) = Puppet::new();
    let builder = set_up(TaskManager::builder(store).runner("puppet", puppet));
    (builder.start().await.expect("the manager starts"), stage)
}

/// A task for the puppet.
pub async fn create(tasks: &TaskManager) -> Task {
    tasks.create(NewTask::new("puppet", "first")).await.expect("the task is created")
}

/// The whole log of a settled task.
pub async fn log(tasks: &TaskManager, task: TaskId) -> Vec<Event> {
    tasks.subscribe(task, Seq::ZERO).try_collect().await.expect("the log can be read")
}

/// The numbers of all that a subscription gives.
pub async fn seqs(events: Subscription) -> Vec<u64> {
    events.map_ok(|event| event.seq().get()).try_collect().await.expect("readable")
}

/// The log as it is now.
pub async fn log_now(tasks: &TaskManager, task: TaskId) -> Vec<Event> {
    tasks.events(task, Seq::ZERO, 100_000).await.expect("the log can be read")
}

pub fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::kind).collect()
}

pub fn lifecycle(event: &Event) -> Lifecycle {
    match event.payload() {
        Payload::Lifecycle(lifecycle) => lifecycle,
        other => panic!("{other:?} is not of the lifecycle"),
    }
}

/// Waits until the snapshot is as wanted.
pub async fn until(tasks: &TaskManager, task: TaskId, wanted: impl Fn(&Task) -> bool) -> Task {
    let mut events = tasks.subscribe(task, Seq::ZERO).following();
    loop {
        let snapshot = tasks.get(task).await.expect("the task exists");
        if wanted(&snapshot) {
            return snapshot;
        }
        while let Some(Ok(chunk)) = events.next_chunk().await {
            if let task_core::Chunk::Events(_) = chunk {
                break;
            }
        }
    }
}

/// Every log is whole: numbered from 1 without gap, and its fold is the snapshot.
pub async fn check_log(tasks: &TaskManager, task: TaskId) {
    let events = log_now(tasks, task).await;
    let seqs: Vec<_> = events.iter().map(|event| event.seq().get()).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>());
    let snapshot = tasks.get(task).await.expect("the task exists");
    assert_eq!(Task::fold(&events).expect("the log folds"), snapshot);
}

pub fn is_store_error(error: &TaskError) -> bool {
    matches!(error, TaskError::Store(_))
}

pub const HOUR: Duration = Duration::from_secs(3600);
