use std::sync::Arc;
use std::time::Duration;

use super::agent::{Agent, Agents};
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

/// How runs are run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) max_running: usize,
    pub(crate) cancel_grace: Duration,
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
}

impl TaskManagerBuilder {
    pub(crate) fn new(store: impl TaskStore) -> Self {
        Self {
            store: Arc::new(store),
            agents: Vec::new(),
            clock: Arc::new(SystemClock),
            limits: Limits::default(),
            settings: Settings {
                max_running: usize::MAX,
                cancel_grace: CANCEL_GRACE,
                run_timeout: None,
                idle_timeout: None,
            },
        }
    }

    /// Adds an agent: its id and what runs its tasks, often an `async fn`.
    pub fn runner(self, id: impl Into<String>, runner: impl AgentRunner) -> Self {
        self.agent(Agent::new(id, runner))
    }

    /// Adds an agent with a name, a description, a model or limits.
    pub fn agent(mut self, agent: Agent) -> Self {
        self.agents.push(agent);
        self
    }

    /// Lets at most so many tasks run at a time; the rest wait as `pending`, the oldest first. Without this there is
    /// no limit.
    pub const fn max_running(mut self, tasks: usize) -> Self {
        self.settings.max_running = tasks;
        self
    }

    /// Sets how long a run that should stop may take before it is dropped. 5 s unless set.
    pub const fn cancel_grace(mut self, grace: Duration) -> Self {
        self.settings.cancel_grace = grace;
        self
    }

    /// Stops runs that take longer, as failed. Without this a run may take as long as it likes.
    pub const fn run_timeout(mut self, timeout: Duration) -> Self {
        self.settings.run_timeout = Some(timeout);
        self
    }

    /// Stops runs that say nothing for so long, as failed. Waiting for an answer does not count. Without this a run
    /// may be silent as long as it likes.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = Some(timeout);
        self
    }

    /// Sets what is accepted.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets where the times of events come from.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Starts as the owner of the store: tasks that a process which is gone left running are settled as interrupted,
    /// or go on if their runner can; then pending tasks run.
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
    /// # Errors
    ///
    /// When an agent is there twice.
    pub async fn observe(self) -> Result<TaskManager, TaskError> {
        let agents = Agents::new(self.agents)?;
        TaskManager::start(self.store, self.clock, self.limits, agents, None).await
    }
}

impl std::fmt::Debug for dyn TaskStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TaskStore")
    }
}

const CANCEL_GRACE: Duration = Duration::from_secs(5);
