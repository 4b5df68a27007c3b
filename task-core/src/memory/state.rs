use std::collections::{BTreeMap, HashMap};

use crate::model::{Event, InstanceId, Seq, StatusCounts, Task, TaskId};
use crate::store::{Commit, Keyed, StoreError, TaskQuery};

/// Everything a store in memory keeps.
#[derive(Debug, Default)]
pub(super) struct State {
    /// By order of creation: what lists walk.
    pub(super) tasks: BTreeMap<u64, Log>,
    places: HashMap<TaskId, u64>,
    next_place: u64,
    pub(super) keys: HashMap<String, Keyed>,
    pub(super) counts: StatusCounts,
    pub(super) owner: Option<InstanceId>,
    pub(super) closed: bool,
}

#[derive(Debug)]
pub(super) struct Log {
    pub(super) task: Task,
    /// The title as searches compare it.
    pub(super) folded_title: String,
    pub(super) events: Vec<Event>,
    keys: Vec<String>,
}

impl State {
    pub(super) fn log(&self, task: TaskId) -> Result<&Log, StoreError> {
        self.places.get(&task).and_then(|place| self.tasks.get(place)).ok_or(StoreError::NotFound(task))
    }

    pub(super) fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
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

    pub(super) fn remove(&mut self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
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
