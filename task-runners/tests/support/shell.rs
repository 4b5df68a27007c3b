//! Managers with the shell agent.

use std::time::Duration;

use task_core::{MemoryStore, StoreError, TaskError, TaskManager, TaskStore};
use task_runners::ShellRunner;

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
