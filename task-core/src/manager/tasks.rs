use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::agent::{AgentInfo, Agents};
use crate::error::TaskError;
use crate::limits::Limits;
use crate::log::Journal;
use crate::rt::atomic::AtomicUsize;
use crate::rt::sync::{CancellationToken, DropGuard, watch};
use crate::rt::task::TaskTracker;

/// Runs tasks and gives everybody access to them: the handle an application holds.
///
/// Clones are cheap and share one manager. When the last one is dropped the runs are dropped too, and found
/// interrupted at the next start; [`TaskManager::shutdown`] ends them in good order.
///
/// ```
/// use futures::TryStreamExt;
/// use task_core::{MemoryStore, NewTask, RunContext, RunResult, Seq, TaskManager, TaskStatus};
///
/// async fn parrot(cx: RunContext) -> RunResult {
///     while let Some(message) = cx.next_message().await? {
///         cx.text("reply", message.text()).await?;
///     }
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tasks = TaskManager::builder(MemoryStore::new()).runner("parrot", parrot).start().await?;
/// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
///
/// let events: Vec<_> = tasks.subscribe(task.id, Seq::ZERO).try_collect().await?;
/// assert_eq!(events.last().map(|event| event.kind()), Some("completed"));
/// assert_eq!(tasks.get(task.id).await?.status, TaskStatus::Completed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TaskManager(pub(super) Arc<Shared>);

/// What the clones of a manager share.
pub(super) struct Shared {
    /// First: whoever sees the channels below closed finds that the manager was abandoned, and does not look again.
    pub(super) _abandon_on_drop: DropGuard,
    pub(super) journal: Journal,
    pub(super) agents: Agents,
    pub(super) is_owner: bool,
    /// How long a run may take to stop, for those who wait for one that was cancelled.
    pub(super) cancel_grace: Duration,
    /// Creations under way, so that many at once do not exceed the limit of pending tasks together.
    pub(super) creating: AtomicUsize,
    /// The grace period, once the manager shuts down.
    pub(super) shutdown: watch::Sender<Option<Duration>>,
    /// What runs in the background, and how it is told to end.
    pub(super) background: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl TaskManager {
    /// Whether this manager runs tasks, or observes those of another process.
    ///
    /// ```
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// assert!(tasks.is_owner());                       // made by `start`, not by `observe`
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.0.is_owner
    }

    /// The agents that tasks can name, by id.
    ///
    /// ```
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let ids: Vec<_> = tasks.agents().into_iter().map(|agent| agent.id).collect();
    /// assert_eq!(ids, ["parrot"]);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn agents(&self) -> Vec<AgentInfo> {
        self.0.agents.infos()
    }

    /// What is accepted.
    ///
    /// ```
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// assert_eq!(tasks.limits().message_bytes, 256 << 10);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn limits(&self) -> &Limits {
        self.0.journal.limits()
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// Whether something new may begin.
    pub(super) fn check_accepting(&self) -> Result<(), TaskError> {
        if self.0.stop.is_cancelled() { Err(TaskError::ShutDown) } else { self.0.journal.check_open() }
    }
}

impl fmt::Debug for TaskManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskManager").field("journal", &self.0.journal).finish_non_exhaustive()
    }
}
