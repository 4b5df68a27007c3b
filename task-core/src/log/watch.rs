use std::sync::Arc;
use std::time::Duration;

use super::journal::Journal;
use super::watcher::{News, TaskState, Watcher};
use crate::error::TaskError;
use crate::model::{StatusCounts, Task, TaskId};
use crate::rt::time::Instant;
use crate::store::{TaskPage, TaskQuery};

/// What happens to the list of tasks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TaskChange {
    /// How many tasks are in each state now.
    Counts(StatusCounts),
    /// The task is gone.
    Removed(TaskId),
    /// The list as it is now: comes first, and again whenever the watch could not tell all that changed.
    Snapshot {
        /// The first page of what is watched.
        page: TaskPage,
        /// How many tasks are in each state.
        counts: StatusCounts,
    },
    /// A task is new or changed.
    Task(Arc<Task>),
}

/// The list of tasks as it changes: a snapshot, then what changed since.
///
/// It is *state-based*: it tells what is now, not each step, so several changes of a task between two looks are one,
/// and a watch that fell behind heals with a new snapshot. What holds is that the last thing told about a task is
/// its state.
///
/// Every task is told, also those the query of the snapshot left out: filter what you show.
#[derive(Debug)]
#[must_use = "a watch reads nothing unless it is asked"]
pub struct TaskWatch {
    journal: Journal,
    query: TaskQuery,
    watcher: Arc<Watcher>,
    ready: Vec<TaskChange>,
    last_progress: Instant,
    /// Counts change seldom and cost a read, so they are told once per batch, and only when they differ.
    counts: Option<StatusCounts>,
}

impl TaskWatch {
    pub(crate) fn new(journal: Journal, query: TaskQuery) -> Self {
        let watcher = Arc::new(Watcher::new(true));
        // Listen first, then read: what changes during the read is told after it.
        journal.hub().add_watcher(&watcher);
        Self { journal, query, watcher, ready: Vec::new(), last_progress: Instant::now(), counts: None }
    }

    /// The next change; `None` when the manager was shut down.
    ///
    /// Cancel safe: a change that was not returned is told by the next call.
    ///
    /// # Errors
    ///
    /// When the store cannot be read. The next call starts with a new snapshot.
    pub async fn next(&mut self) -> Result<Option<TaskChange>, TaskError> {
        loop {
            if let Some(change) = self.ready.pop() {
                return Ok(Some(change));
            }
            let progress_due = self.last_progress + PROGRESS_EVERY;
            let Some(news) = self.watcher.next(progress_due).await else { return Ok(None) };
            if !news.progressed.is_empty() {
                self.last_progress = Instant::now();
            }
            match self.read(&news).await {
                Ok(ready) => self.ready = ready,
                Err(error) => {
                    self.watcher.restart();
                    return Err(error);
                }
            }
            self.watcher.done();
        }
    }

    /// What the news mean, last first.
    async fn read(&mut self, news: &News) -> Result<Vec<TaskChange>, TaskError> {
        if news.restart {
            let counts = self.journal.store().counts().await?;
            let page = self.journal.list(&self.query).await?;
            self.counts = Some(counts);
            return Ok(vec![TaskChange::Snapshot { page, counts }]);
        }
        let mut changes = Vec::with_capacity(news.tasks.len() + 1);
        for (task, state) in &news.tasks {
            changes.push(match state {
                TaskState::Known(snapshot) => TaskChange::Task(Arc::clone(snapshot)),
                TaskState::Removed => TaskChange::Removed(*task),
                TaskState::Unknown => self.look(*task).await?,
            });
        }
        for task in &news.progressed {
            if !news.tasks.contains_key(task) {
                changes.push(self.look(*task).await?);
            }
        }
        if !news.tasks.is_empty() {
            let counts = self.journal.store().counts().await?;
            if self.counts.replace(counts) != Some(counts) {
                changes.insert(0, TaskChange::Counts(counts));
            }
        }
        Ok(changes)
    }

    async fn look(&self, task: TaskId) -> Result<TaskChange, TaskError> {
        match self.journal.load(task).await {
            Ok(snapshot) => Ok(TaskChange::Task(Arc::new(snapshot))),
            Err(TaskError::NotFound(task)) => Ok(TaskChange::Removed(task)),
            Err(error) => Err(error),
        }
    }
}

/// How often a watch tells that a task went on without changing otherwise.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
