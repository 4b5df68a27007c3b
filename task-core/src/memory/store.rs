use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::list;
use super::state::State;
use crate::model::{Event, InstanceId, Seq, StatusCounts, Task, TaskId};
use crate::rt::lock;
use crate::rt::sync::Mutex;
use crate::store::{Change, Changes, Commit, Keyed, StoreError, TaskPage, TaskQuery, TaskStore};

/// Keeps everything in memory. Clones share one store; dropping the last one forgets all.
///
/// ```
/// use task_core::{MemoryStore, StatusCounts, TaskStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// assert_eq!(store.counts().await?, StatusCounts::default());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    changes: Changes,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `work` on the state. Sections are short and never wait.
    fn with<T>(&self, work: impl FnOnce(&mut State) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut state = lock(&self.state);
        if state.closed { Err(StoreError::Closed) } else { work(&mut state) }
    }
}

#[async_trait]
impl TaskStore for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.with(|state| state.commit(&commit))?;
        self.changes.publish(Some(commit.origin()), Change::Moved { task: commit.task(), seq: commit.end() });
        Ok(())
    }

    async fn load(&self, task: TaskId) -> Result<Task, StoreError> {
        self.with(|state| Ok(state.log(task)?.task.clone()))
    }

    async fn events(
        &self,
        task: TaskId,
        after: Seq,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.with(|state| {
            let events = &state.log(task)?.events;
            let start = usize::try_from(after.get()).unwrap_or(usize::MAX).min(events.len());
            let mut bytes = 0;
            let fits = |event: &&Event| {
                let first = bytes == 0;
                bytes += event.json().len();
                first || bytes <= max_bytes
            };
            Ok(events[start..].iter().take(limit).take_while(fits).cloned().collect())
        })
    }

    async fn list(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        self.with(|state| list::page(state, query))
    }

    async fn counts(&self) -> Result<StatusCounts, StoreError> {
        self.with(|state| Ok(state.counts))
    }

    async fn find_key(&self, key: &str) -> Result<Option<Keyed>, StoreError> {
        self.with(|state| Ok(state.keys.get(key).copied()))
    }

    async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        self.with(|state| state.remove(task, expected))?;
        self.changes.publish(None, Change::Removed { task });
        Ok(())
    }

    async fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.with(|state| match state.owner {
            Some(owner) if owner != instance => Err(StoreError::Owned { by: format!("instance {owner}") }),
            _ => {
                state.owner = Some(instance);
                Ok(())
            }
        })
    }

    async fn keep_alive(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.with(|state| match state.owner {
            Some(owner) if owner == instance => Ok(()),
            Some(owner) => Err(StoreError::Owned { by: format!("instance {owner}") }),
            None => Err(StoreError::Owned { by: "nobody".to_owned() }),
        })
    }

    async fn orphans(&self, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
        self.with(|state| {
            let orphaned = |task: &&Task| task.status.is_active() && task.owner() != Some(instance);
            Ok(state.tasks.values().map(|log| &log.task).filter(orphaned).map(|task| task.id).collect())
        })
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.with(|state| {
            state.owner.take_if(|owner| *owner == instance);
            Ok(())
        })
    }

    fn changes(&self, except: InstanceId) -> BoxStream<'static, Change> {
        self.changes.listen(except)
    }

    async fn close(&self) -> Result<(), StoreError> {
        lock(&self.state).closed = true;
        self.changes.close();
        Ok(())
    }
}
