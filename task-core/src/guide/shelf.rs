use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::stream::BoxStream;
use task_core::{
    Change, Changes, Commit, Cursor, Event, InstanceId, Keyed, Order, Seq, StatusCounts, StoreError, Task,
    TaskId, TaskPage, TaskQuery, TaskStore,
};

/// Logs on a shelf, in the order in which they were put there. Clones share the shelf.
#[derive(Clone, Default)]
pub struct Shelf {
    state: Arc<Mutex<State>>,
    changes: Changes,
}

#[derive(Default)]
struct State {
    logs: Vec<Log>,
    placed: u64,
    keys: HashMap<String, Keyed>,
    owner: Option<InstanceId>,
    closed: bool,
}

struct Log {
    place: u64,
    task: Task,
    events: Vec<Event>,
}

#[async_trait]
impl TaskStore for Shelf {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.open()?.commit(&commit)?;
        // Not before it is stored: whoever hears it looks at once.
        self.changes.publish(Some(commit.origin()), Change::Moved { task: commit.task(), seq: commit.end() });
        Ok(())
    }

    async fn load(&self, task: TaskId) -> Result<Task, StoreError> {
        Ok(self.open()?.log(task)?.task.clone())
    }

    async fn events(
        &self,
        task: TaskId,
        after: Seq,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let mut bytes = 0;
        let fits = |event: &&Event| {
            let first = bytes == 0;
            bytes += event.json().len();
            first || bytes <= max_bytes
        };
        let state = self.open()?;
        let later = state.log(task)?.events.iter().filter(|event| event.seq() > after);
        Ok(later.take(limit).take_while(fits).cloned().collect())
    }

    async fn list(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        let after = query.cursor.as_ref().map(|cursor| {
            cursor.as_str().parse::<u64>().map_err(|_| StoreError::InvalidCursor(cursor.to_string()))
        });
        let (after, search) = (after.transpose()?, query.search.as_deref().map(TaskQuery::fold));
        let newest_first = query.order == Order::NewestFirst;
        let wanted = |log: &&Log| {
            let task = &log.task;
            after.is_none_or(|after| if newest_first { log.place < after } else { log.place > after })
                && (query.statuses.is_empty() || query.statuses.contains(&task.status))
                && query.agent_id.as_ref().is_none_or(|agent| *agent == task.agent_id)
                && search.as_ref().is_none_or(|search| TaskQuery::fold(&task.title).contains(search))
        };
        let state = self.open()?;
        let mut found: Vec<_> = state.logs.iter().filter(wanted).collect();
        if newest_first {
            found.reverse();
        }
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more).map(|log| Cursor::new(log.place.to_string()));
        Ok(TaskPage::new(found.into_iter().map(|log| log.task.clone()).collect(), next))
    }

    async fn counts(&self) -> Result<StatusCounts, StoreError> {
        let mut counts = StatusCounts::default();
        self.open()?.logs.iter().for_each(|log| *counts.of_mut(log.task.status) += 1);
        Ok(counts)
    }

    async fn find_key(&self, key: &str) -> Result<Option<Keyed>, StoreError> {
        Ok(self.open()?.keys.get(key).copied())
    }

    async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        let mut state = self.open()?;
        let actual = state.log(task)?.task.seq;
        if actual != expected {
            return Err(StoreError::Conflict { task, expected, actual });
        }
        state.logs.retain(|log| log.task.id != task);
        state.keys.retain(|_, keyed| keyed.task != task);
        drop(state);
        self.changes.publish(None, Change::Removed { task });
        Ok(())
    }

    async fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        let mut state = self.open()?;
        state
            .check_owner(instance)
            .or_else(|error| if state.owner.is_none() { Ok(()) } else { Err(error) })?;
        state.owner = Some(instance);
        Ok(())
    }

    async fn keep_alive(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.open()?.check_owner(instance)
    }

    async fn orphans(&self, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
        let state = self.open()?;
        let tasks = state.logs.iter().map(|log| &log.task);
        let orphans = tasks.filter(|task| task.status.is_active() && task.owner() != Some(instance));
        Ok(orphans.map(|task| task.id).collect())
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.open()?.owner.take_if(|owner| *owner == instance);
        Ok(())
    }

    fn changes(&self, except: InstanceId) -> BoxStream<'static, Change> {
        self.changes.listen(except)
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changes.close();
        Ok(())
    }
}

impl Shelf {
    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed { Err(StoreError::Closed) } else { Ok(state) }
    }
}

impl State {
    fn log(&self, task: TaskId) -> Result<&Log, StoreError> {
        self.logs.iter().find(|log| log.task.id == task).ok_or(StoreError::NotFound(task))
    }

    fn check_owner(&self, instance: InstanceId) -> Result<(), StoreError> {
        match self.owner {
            Some(owner) if owner == instance => Ok(()),
            owner => Err(StoreError::Owned { by: format!("{owner:?}") }),
        }
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let (task, expected) = (commit.task(), commit.expected());
        let index = self.logs.iter().position(|log| log.task.id == task);
        match index.map(|index| self.logs[index].task.seq) {
            Some(actual) if actual != expected => {
                return Err(StoreError::Conflict { task, expected, actual });
            }
            None if expected != Seq::ZERO => return Err(StoreError::NotFound(task)),
            _ => {}
        }
        if let Some(taken) = commit.key().and_then(|(key, _)| self.keys.get(key)) {
            return Err(StoreError::Duplicate { task: taken.task, seq: taken.seq });
        }

        // Nothing below can fail: a commit is written whole or not at all.
        let index = match (index, commit.snapshot()) {
            (Some(index), Some(snapshot)) => {
                self.logs[index].task = snapshot.clone();
                index
            }
            (Some(index), None) => index,
            (None, Some(snapshot)) => {
                self.placed += 1;
                self.logs.push(Log { place: self.placed, task: snapshot.clone(), events: Vec::new() });
                self.logs.len() - 1
            }
            (None, None) => return Err(StoreError::NotFound(task)),
        };
        if let Some((key, seq)) = commit.key() {
            self.keys.insert(key.to_owned(), Keyed::new(task, seq));
        }
        let log = &mut self.logs[index];
        log.events.extend_from_slice(commit.events());
        // Without a snapshot these two still are those of the newest event.
        log.task.seq = commit.end();
        log.task.last_event_at = log.events.last().map_or(log.task.last_event_at, Event::at);
        Ok(())
    }
}
