use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

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

#[derive(Debug, Default)]
pub(super) struct State {
    /// By order of creation: what lists walk.
    pub(super) tasks: BTreeMap<u64, Log>,
    places: HashMap<TaskId, u64>,
    next_place: u64,
    keys: HashMap<String, Keyed>,
    counts: StatusCounts,
    owner: Option<InstanceId>,
    closed: bool,
}

#[derive(Debug)]
pub(super) struct Log {
    pub(super) task: Task,
    /// The title as searches compare it.
    pub(super) folded_title: String,
    events: Vec<Event>,
    keys: Vec<String>,
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
        self.with(|state| super::list::page(state, query))
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

impl State {
    fn log(&self, task: TaskId) -> Result<&Log, StoreError> {
        self.places.get(&task).and_then(|place| self.tasks.get(place)).ok_or(StoreError::NotFound(task))
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let task = commit.task();
        let place = self.places.get(&task).copied();
        let log = place.and_then(|place| self.tasks.get_mut(&place));
        let actual = log.as_ref().map_or(Seq::ZERO, |log| log.task.seq);
        if actual != commit.expected() {
            // A task that was removed is gone, not at another position.
            return Err(match log {
                Some(_) => StoreError::Conflict { task, expected: commit.expected(), actual },
                None => StoreError::NotFound(task),
            });
        }
        if let Some((key, _)) = commit.key()
            && let Some(taken) = self.keys.get(key)
        {
            return Err(StoreError::Duplicate { task: taken.task, seq: taken.seq });
        }

        // Nothing below can fail: the commit is whole or not at all.
        let key = commit.key().map(|(key, seq)| (key.to_owned(), Keyed::new(task, seq)));
        let last_event_at = commit.events().last().map(Event::at);
        match log {
            Some(log) => {
                if let Some(snapshot) = commit.snapshot() {
                    *self.counts.of_mut(log.task.status) -= 1;
                    *self.counts.of_mut(snapshot.status) += 1;
                    log.task = snapshot.clone();
                    log.folded_title = TaskQuery::fold(&snapshot.title);
                }
                log.task.seq = commit.end();
                log.task.last_event_at = last_event_at.unwrap_or(log.task.last_event_at);
                log.events.extend_from_slice(commit.events());
                log.keys.extend(key.iter().map(|(key, _)| key.clone()));
            }
            None => {
                let Some(snapshot) = commit.snapshot() else {
                    return Err(StoreError::NotFound(task));
                };
                *self.counts.of_mut(snapshot.status) += 1;
                let log = Log {
                    folded_title: TaskQuery::fold(&snapshot.title),
                    task: snapshot.clone(),
                    events: commit.events().to_vec(),
                    keys: key.iter().map(|(key, _)| key.clone()).collect(),
                };
                self.tasks.insert(self.next_place, log);
                self.places.insert(task, self.next_place);
                self.next_place += 1;
            }
        }
        self.keys.extend(key);
        Ok(())
    }

    fn remove(&mut self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        let actual = self.log(task)?.task.seq;
        if actual != expected {
            return Err(StoreError::Conflict { task, expected, actual });
        }
        if let Some(log) = self.places.remove(&task).and_then(|place| self.tasks.remove(&place)) {
            *self.counts.of_mut(log.task.status) -= 1;
            log.keys.iter().for_each(|key| {
                self.keys.remove(key);
            });
        }
        Ok(())
    }
}
