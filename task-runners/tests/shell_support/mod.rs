//! What the tests of the shell agent share.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::time::Duration;

use task_core::{Event, MemoryStore, NewTask, StoreError, Task, TaskError, TaskId, TaskManager, TaskStore};
use task_runners::ShellRunner;

use crate::support::{printed, settled};

/// A manager with the agent `shell` on a store of its own.
pub(crate) async fn shell() -> TaskManager {
    manager(MemoryStore::new(), ShellRunner::new()).await
}

pub(crate) async fn manager(store: impl TaskStore, runner: ShellRunner) -> TaskManager {
    TaskManager::builder(store).runner("shell", runner).start().await.unwrap()
}

/// A manager on a store whose manager was just dropped, and gives it back behind our backs.
pub(crate) async fn take_over(store: MemoryStore, runner: ShellRunner) -> TaskManager {
    loop {
        match TaskManager::builder(store.clone()).runner("shell", runner.clone()).start().await {
            Ok(tasks) => return tasks,
            Err(TaskError::Store(error)) if matches!(*error, StoreError::Owned { .. }) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// A task that runs `command`.
pub(crate) async fn start(tasks: &TaskManager, command: &str) -> Task {
    tasks.create(NewTask::new("shell", command)).await.unwrap()
}

/// Runs `command` as a task of its own, to its end.
pub(crate) async fn run(tasks: &TaskManager, command: &str) -> (Task, Vec<Event>) {
    let task = start(tasks, command).await;
    settled(tasks, task.id).await
}

/// Sends `command` to a settled task, and waits for the end of the run.
pub(crate) async fn again(tasks: &TaskManager, task: TaskId, command: &str) -> (Task, String) {
    let before = tasks.get(task).await.unwrap().seq;
    tasks.send(task, command).await.unwrap();
    let (task, events) = settled(tasks, task).await;
    let new: Vec<_> = events.into_iter().filter(|event| event.seq() > before).collect();
    (task, printed(&new))
}
