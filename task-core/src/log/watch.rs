use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::journal::Journal;
use crate::error::TaskError;
use crate::model::{StatusCounts, Task, TaskId};
use crate::store::{TaskPage, TaskQuery};
use crate::sync::lock;

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

/// What one watch has not been told yet: a place per task, not one per change.
#[derive(Debug)]
pub(crate) struct Watcher {
    waiting: Mutex<Waiting>,
    moved: Notify,
    tells_progress: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    news: News,
    /// What `next` gave out and `done` has not confirmed: told again when the caller was cancelled in between.
    given: News,
    closed: bool,
}

/// What a watch is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct News {
    /// Everything may have changed: read it anew.
    pub(crate) restart: bool,
    /// The tasks that changed.
    pub(crate) tasks: HashMap<TaskId, TaskState>,
    /// The tasks of which only `seq` and `last_event_at` changed.
    pub(crate) progressed: HashSet<TaskId>,
}

#[derive(Clone, Debug)]
pub(crate) enum TaskState {
    Known(Arc<Task>),
    Removed,
    Unknown,
}

impl Watcher {
    /// The first news is that everything is to be read. `tells_progress`: also tell, once a second, which tasks went
    /// on without changing otherwise.
    pub(crate) fn new(tells_progress: bool) -> Self {
        let watcher = Self { tells_progress, waiting: Mutex::default(), moved: Notify::new() };
        watcher.restart();
        watcher
    }

    pub(crate) fn changed(&self, task: Arc<Task>) {
        self.put(task.id, TaskState::Known(task));
    }

    pub(crate) fn unknown(&self, task: TaskId) {
        self.put(task, TaskState::Unknown);
    }

    pub(crate) fn removed(&self, task: TaskId) {
        self.put(task, TaskState::Removed);
    }

    /// Only `seq` and `last_event_at` of the task changed. Does not wake: progress is told once a second.
    pub(crate) fn progressed(&self, task: TaskId) {
        if !self.tells_progress {
            return;
        }
        let mut waiting = lock(&self.waiting);
        if waiting.news.restart {
            return;
        }
        let first = waiting.news.progressed.is_empty();
        waiting.news.progressed.insert(task);
        drop(waiting);
        if first {
            self.moved.notify_one();
        }
    }

    /// A new snapshot is needed.
    pub(crate) fn restart(&self) {
        lock(&self.waiting).news = News { restart: true, ..News::default() };
        self.moved.notify_one();
    }

    pub(crate) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.moved.notify_one();
    }

    fn put(&self, task: TaskId, state: TaskState) {
        let mut waiting = lock(&self.waiting);
        if waiting.news.restart {
            return;
        }
        waiting.news.tasks.insert(task, state);
        if waiting.news.tasks.len() > MAX_WAITING {
            waiting.news = News { restart: true, ..News::default() };
        }
        drop(waiting);
        self.moved.notify_one();
    }

    /// The news, as soon as there are any; progress alone not before `progress_due`.
    ///
    /// Cancel safe: news that were given out and not confirmed with `done` are followed by a restart.
    pub(crate) async fn next(&self, progress_due: Instant) -> Option<News> {
        loop {
            let only_progress = {
                let mut waiting = lock(&self.waiting);
                if waiting.closed {
                    return None;
                }
                if waiting.given.restart || !waiting.given.tasks.is_empty() {
                    // A caller went away between `next` and `done`: what it had taken is told with a new snapshot.
                    waiting.given = News::default();
                    waiting.news = News { restart: true, ..News::default() };
                }
                let urgent = waiting.news.restart || !waiting.news.tasks.is_empty();
                let only_progress = !urgent && !waiting.news.progressed.is_empty();
                if urgent || (only_progress && Instant::now() >= progress_due) {
                    let news = std::mem::take(&mut waiting.news);
                    waiting.given = news.clone();
                    return Some(news);
                }
                only_progress
            };
            if only_progress {
                tokio::select! {
                    () = self.moved.notified() => {}
                    () = tokio::time::sleep_until(progress_due) => {}
                }
            } else {
                self.moved.notified().await;
            }
        }
    }

    pub(crate) fn done(&self) {
        lock(&self.waiting).given = News::default();
    }
}

/// Tasks whose change may wait in one watch before a new snapshot is cheaper.
const MAX_WAITING: usize = 1_000;

/// How often a watch tells that a task went on without changing otherwise.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
