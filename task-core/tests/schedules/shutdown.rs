//! Shutting down while somebody still creates.

use std::time::Duration;

use task_core::testing::FaultStore;
use task_core::{
    MemoryStore, NewTask, RunContext, RunResult, TaskError, TaskId, TaskManager, TaskStatus, TaskStore,
};

use super::explore::explore;
use super::log::{checked, settled, until};

#[test]
fn what_was_created_while_the_manager_shut_down_runs_in_the_next() {
    explore(create_while_shutting_down);
}

async fn create_while_shutting_down() {
    // A store that the next manager finds as after a restart.
    let store = FaultStore::new(MemoryStore::new());
    let start = || TaskManager::builder(store.clone()).runner("short", short).start();
    let tasks = start().await.expect("it starts");
    let begun = tasks.create(NewTask::new("short", "work")).await.expect("created").id;
    until(&tasks, begun, "run_started").await;
    let creating = shuttle::future::spawn({
        let tasks = tasks.clone();
        async move { tasks.create(NewTask::new("short", "work")).await }
    });
    tasks.shutdown(Duration::ZERO).await.expect("shut down");
    let created = creating.await.expect("no panic");
    drop(tasks);
    let left = store.counts().await.expect("counted");
    assert_eq!((left.running, left.awaiting_input), (0, 0), "no run is left to the next owner");

    let tasks = start().await.expect("it starts again");
    let counts = tasks.counts().await.expect("counted");
    finish(&tasks, begun).await;
    match created {
        Ok(task) => {
            assert_eq!(counts.total(), 2, "what was created is there");
            finish(&tasks, task.id).await;
        }
        Err(error) => {
            assert!(matches!(error, TaskError::ShutDown), "{error:?}");
            assert_eq!(counts.total(), 1, "what was refused is not there");
        }
    }
}

/// Lets a task come to its end that had no time to, or had.
async fn finish(tasks: &TaskManager, task: TaskId) {
    if tasks.get(task).await.expect("it is there").status == TaskStatus::Interrupted {
        tasks.send(task, "go on").await.expect("accepted");
    }
    assert_eq!(settled(tasks, task).await.status, TaskStatus::Completed);
    checked(tasks, task).await;
}

async fn short(cx: RunContext) -> RunResult {
    while cx.next_message().await?.is_some() {
        cx.text("a", "done").await?;
    }
    Ok(())
}
