use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::{Task, TaskId};
use crate::rt::sync::{Mutex, Notify};
use crate::rt::time::{Instant, sleep_until};
use crate::rt::{lock, select};

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
                select! {
                    () = self.moved.notified() => {}
                    () = sleep_until(progress_due) => {}
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
