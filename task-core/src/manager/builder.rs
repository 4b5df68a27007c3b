use std::sync::Arc;
use std::time::Duration;

use super::agent::{Agent, Agents};
use super::settings::Settings;
use super::tasks::TaskManager;
use crate::clock::{Clock, SystemClock};
use crate::error::TaskError;
use crate::limits::Limits;
use crate::runner::AgentRunner;
use crate::store::TaskStore;

/// Sets a [`TaskManager`] up. Made by [`TaskManager::builder`].
#[derive(Debug)]
#[must_use = "a manager is started with `start` or `observe`"]
pub struct TaskManagerBuilder {
    store: Arc<dyn TaskStore>,
    agents: Vec<Agent>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    settings: Settings,
}

impl TaskManager {
    /// Begins to set a manager up on a store.
    ///
    /// ```
    /// use task_core::{MemoryStore, TaskManager};
    /// # use task_core::testing::examples::parrot;
    ///
    /// # task_core::testing::examples::run(async || {
    /// let tasks = TaskManager::builder(MemoryStore::new()).runner("parrot", parrot).start().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn builder(store: impl TaskStore) -> TaskManagerBuilder {
        TaskManagerBuilder::new(store)
    }
}

impl TaskManagerBuilder {
    fn new(store: impl TaskStore) -> Self {
        Self {
            store: Arc::new(store),
            agents: Vec::new(),
            clock: Arc::new(SystemClock),
            limits: Limits::default(),
            settings: Settings::default(),
        }
    }

    /// Adds an agent: its id and what runs its tasks, often an `async fn`.
    ///
    /// ```
    /// use task_core::{MemoryStore, RunContext, RunResult, TaskManager};
    ///
    /// async fn parrot(cx: RunContext) -> RunResult {
    ///     while let Some(message) = cx.next_message().await? {
    ///         cx.text("reply", message.text()).await?;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # task_core::testing::examples::run(async || {
    /// let tasks = TaskManager::builder(MemoryStore::new()).runner("parrot", parrot).start().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn runner(self, id: impl Into<String>, runner: impl AgentRunner) -> Self {
        self.agent(Agent::new(id, runner))
    }

    /// Adds an agent with a name, a description, a model or limits.
    ///
    /// ```
    /// use task_core::{Agent, MemoryStore, TaskManager};
    /// # use task_core::testing::examples::parrot;
    ///
    /// # task_core::testing::examples::run(async || {
    /// let agent = Agent::new("parrot", parrot).name("Parrot").description("Says what you say").max_running(2);
    /// let tasks = TaskManager::builder(MemoryStore::new()).agent(agent).start().await?;
    /// assert_eq!(tasks.agents()[0].name, "Parrot");
    /// # Ok(())
    /// # });
    /// ```
    pub fn agent(mut self, agent: Agent) -> Self {
        self.agents.push(agent);
        self
    }

    /// Lets at most so many tasks run at a time, whatever their agents; the rest wait as `pending`. The one that became
    /// pending first runs next, but for tasks of an agent that has [no place](Agent::max_running): they hold up no
    /// others. Without this there is no limit; with 0 nothing runs.
    ///
    /// A task has its place from the start of its run until the run is over and its runner has cleaned up: also while it
    /// waits for an answer, and while it is stopped.
    ///
    /// How many may wait is a limit of its own, [`Limits::pending_tasks`].
    ///
    /// ```
    /// use task_core::{MemoryStore, TaskManager};
    /// # use task_core::testing::examples::parrot;
    ///
    /// # task_core::testing::examples::run(async || {
    /// let tasks = TaskManager::builder(MemoryStore::new())
    ///     .runner("parrot", parrot)
    ///     .max_running(8)                              // a thousand more may wait: see `Limits::pending_tasks`
    ///     .start()
    ///     .await?;
    /// # Ok(())
    /// # });
    /// ```
    pub const fn max_running(mut self, tasks: usize) -> Self {
        self.settings.max_running = tasks;
        self
    }

    /// Sets how long a run that should stop may take before it is dropped. 5 s unless set.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use task_core::{MemoryStore, TaskManager};
    /// # use task_core::testing::examples::parrot;
    ///
    /// # task_core::testing::examples::run(async || {
    /// let tasks = TaskManager::builder(MemoryStore::new())
    ///     .runner("parrot", parrot)
    ///     .cancel_grace(Duration::from_secs(30))
    ///     .start()
    ///     .await?;
    /// # Ok(())
    /// # });
    /// ```
    pub const fn cancel_grace(mut self, grace: Duration) -> Self {
        self.settings.cancel_grace = grace;
        self
    }

    /// Stops runs that take longer, as failed. Without this a run may take as long as it likes.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use task_core::{MemoryStore, NewTask, RunContext, RunResult, TaskManager, TaskStatus};
    ///
    /// async fn silent(cx: RunContext) -> RunResult {
    ///     cx.cancelled().await;
    ///     Ok(())
    /// }
    ///
    /// # task_core::testing::examples::run(async || {
    /// let tasks = TaskManager::builder(MemoryStore::new())
    ///     .runner("silent", silent)
    ///     .run_timeout(Duration::from_secs(3600))
    ///     .start()
    ///     .await?;
    /// let task = tasks.create(NewTask::new("silent", "hello")).await?;
    /// assert_eq!(tasks.wait(task.id).await?.status, TaskStatus::Failed);       // an hour later
    /// # Ok(())
    /// # });
    /// ```
    pub const fn run_timeout(mut self, timeout: Duration) -> Self {
        self.settings.run_timeout = Some(timeout);
        self
    }

    /// Stops runs that say nothing for so long, as failed. Waiting for an answer does not count. Without this a run
    /// may be silent as long as it likes.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use task_core::{MemoryStore, NewTask, RunContext, RunResult, TaskManager, TaskStatus};
    ///
    /// async fn silent(cx: RunContext) -> RunResult {
    ///     cx.cancelled().await;
    ///     Ok(())
    /// }
    ///
    /// # task_core::testing::examples::run(async || {
    /// let tasks = TaskManager::builder(MemoryStore::new())
    ///     .runner("silent", silent)
    ///     .idle_timeout(Duration::from_secs(3600))
    ///     .start()
    ///     .await?;
    /// let task = tasks.create(NewTask::new("silent", "hello")).await?;
    /// assert_eq!(tasks.wait(task.id).await?.status, TaskStatus::Failed);       // an hour later
    /// # Ok(())
    /// # });
    /// ```
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = Some(timeout);
        self
    }

    /// Sets what is accepted.
    ///
    /// ```
    /// use task_core::{Limits, MemoryStore, NewTask, TaskError, TaskManager};
    /// # use task_core::testing::examples::parrot;
    ///
    /// # task_core::testing::examples::run(async || {
    /// let mut limits = Limits::default();
    /// limits.message_bytes = 10;
    /// let tasks =
    ///     TaskManager::builder(MemoryStore::new()).runner("parrot", parrot).limits(limits).start().await?;
    /// let refused = tasks.create(NewTask::new("parrot", "longer than ten bytes")).await;
    /// assert!(matches!(refused, Err(TaskError::Limit { actual: 21, limit: 10, .. })));
    /// # Ok(())
    /// # });
    /// ```
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets where the times of events come from.
    ///
    /// ```
    /// use chrono::DateTime;
    /// use task_core::{MemoryStore, NewTask, TaskManager};
    /// # use task_core::testing::examples::parrot;
    ///
    /// # task_core::testing::examples::run(async || {
    /// let tasks = TaskManager::builder(MemoryStore::new())
    ///     .runner("parrot", parrot)
    ///     .clock(|| DateTime::UNIX_EPOCH)
    ///     .start()
    ///     .await?;
    /// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
    /// assert_eq!(task.created_at, DateTime::UNIX_EPOCH);
    /// # Ok(())
    /// # });
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Starts as the owner of the store: tasks that a process which is gone left running are settled as interrupted,
    /// or go on if their runner can; then pending tasks run.
    ///
    /// ```
    /// use task_core::{MemoryStore, StoreError, TaskError, TaskManager};
    /// # use task_core::testing::examples::parrot;
    ///
    /// # task_core::testing::examples::run(async || {
    /// let store = MemoryStore::new();
    /// let tasks = TaskManager::builder(store.clone()).runner("parrot", parrot).start().await?;
    /// match TaskManager::builder(store).runner("parrot", parrot).start().await {
    ///     Err(TaskError::Store(error)) => assert!(matches!(*error, StoreError::Owned { .. })),
    ///     _ => unreachable!("a store has one owner"),
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// When another process owns the store ([`StoreError::Owned`](crate::StoreError::Owned)), it cannot be read, or
    /// an agent is there twice.
    pub async fn start(self) -> Result<TaskManager, TaskError> {
        let agents = Agents::new(self.agents)?;
        TaskManager::start(self.store, self.clock, self.limits, agents, Some(self.settings)).await
    }

    /// Starts as an observer of a store that another process owns, or nobody: reads, follows, creates, sends,
    /// answers and cancels; whatever needs running is done by the owner.
    ///
    /// ```
    /// use task_core::{MemoryStore, NewTask, TaskManager, TaskStatus};
    /// # use task_core::testing::examples::parrot;
    ///
    /// # task_core::testing::examples::run(async || {
    /// let store = MemoryStore::new();                  // a file, rather, and the owner in another process
    /// let observer = TaskManager::builder(store.clone()).observe().await?;
    /// let task = observer.create(NewTask::new("parrot", "hello")).await?;
    ///
    /// let owner = TaskManager::builder(store).runner("parrot", parrot).start().await?;
    /// assert_eq!(observer.wait(task.id).await?.status, TaskStatus::Completed);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// When an agent is there twice.
    pub async fn observe(self) -> Result<TaskManager, TaskError> {
        let agents = Agents::new(self.agents)?;
        TaskManager::start(self.store, self.clock, self.limits, agents, None).await
    }
}
