//! What the examples in the documentation of core stand on: a runtime, a manager and a parrot, so that each example
//! shows what it is about and nothing else. The clock is paused, so an hour in an example takes no time.

use std::error::Error;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::manager::TaskManager;
use crate::memory::MemoryStore;
use crate::model::{NewTask, Task, TaskStatus};
use crate::runner::{AgentRunner, RunContext, RunResult};

/// Why an example failed.
pub type Failure = Box<dyn Error>;

/// Runs an example.
///
/// # Panics
///
/// When the example fails.
pub fn run(example: impl AsyncFnOnce() -> Result<(), Failure>) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    // On a paused clock an example that waits for nothing is over at once.
    let limited = async || timeout(LIMIT, example()).await?;
    let outcome = runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(limited()));
    if let Err(error) = outcome {
        panic!("the example failed: {error}");
    }
}

/// Runs an example on a manager that has the agent `parrot`.
///
/// # Panics
///
/// When the example fails.
pub fn on_tasks(example: impl AsyncFnOnce(TaskManager) -> Result<(), Failure>) {
    run(async || {
        let tasks = TaskManager::builder(MemoryStore::new()).runner("parrot", parrot).start().await?;
        example(tasks).await
    });
}

/// Gives `agent` a task that says `hello`, and lets `user` do something meanwhile. The task has to be completed.
///
/// # Panics
///
/// When the user fails, or the task does.
pub fn talk(agent: impl AgentRunner, user: impl AsyncFnOnce(&TaskManager, Task) -> Result<(), Failure>) {
    run(async || {
        let tasks = TaskManager::builder(MemoryStore::new()).runner("agent", agent).start().await?;
        let task = tasks.create(NewTask::new("agent", "hello")).await?;
        let id = task.id;
        user(&tasks, task).await?;
        let task = tasks.wait(id).await?;
        assert_eq!((task.status, task.error), (TaskStatus::Completed, None));
        Ok(())
    });
}

/// Gives `agent` a task that says `hello`, which has to be completed.
///
/// # Panics
///
/// When the task fails.
pub fn completes(agent: impl AgentRunner) {
    talk(agent, async |_, _| Ok(()));
}

/// Says what it is told.
///
/// # Errors
///
/// When the store fails.
pub async fn parrot(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        cx.text("reply", message.text()).await?;
    }
    Ok(())
}

/// Longer than anything waits in an example.
const LIMIT: Duration = Duration::from_secs(30 * 24 * 3600);
