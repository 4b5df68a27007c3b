//! What one commit or one removal adds to a batch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sled::Db;
use task_core::{Seq, StoreError, TaskId};

use crate::encoding::{Counts, KeyEntry};
use crate::error::Fault;
use crate::known::{Known, KnownTasks};
use crate::record::{self, Writes};
use crate::work::{Entry, Snapshot};
use crate::{keys, reader};

/// A batch in the making: what is to be written, and what the tree does not show before it is.
#[derive(Debug)]
pub(crate) struct Tally {
    writes: Writes,
    before: Counts,
    counts: Counts,
    /// The tasks of this batch by number; `None` for those that it removed.
    tasks: HashMap<u64, Option<TaskId>>,
    removed: HashSet<TaskId>,
    /// The keys of this batch, with their slots.
    keys: HashMap<String, (u16, KeyEntry)>,
    slots: HashSet<(u64, u16)>,
    /// Whether something is left of removed tasks.
    pub(crate) purging: bool,
}

/// Why one work of a batch was not done.
pub(crate) enum Refused {
    /// By the contract; the batch goes on.
    Contract(StoreError),
    /// By the engine or by what is stored.
    Engine(Fault),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Engine(fault)
    }
}

/// An idempotency key is somebody's, or may be put into a slot.
enum Key {
    Free(u16),
    Taken(TaskId, Seq),
}

impl Tally {
    pub(crate) fn new(db: &Db) -> Result<Self, Fault> {
        let counts = reader::all_counts(db)?;
        Ok(Self {
            writes: Writes::default(),
            before: counts,
            counts,
            tasks: HashMap::new(),
            removed: HashSet::new(),
            keys: HashMap::new(),
            slots: HashSet::new(),
            purging: false,
        })
    }

    /// Adds a commit, or nothing.
    pub(crate) fn commit(&mut self, db: &Db, tasks: &mut KnownTasks, entry: &Entry) -> Result<(), Refused> {
        let known = self.find(db, tasks, entry.task)?;
        check_end(entry.task, entry.expected, known.as_ref())?;
        if known.is_none() && entry.snapshot.is_none() {
            return Err(Refused::Contract(StoreError::NotFound(entry.task)));
        }
        let key = match &entry.key {
            None => None,
            Some((key, seq)) => match self.find_key(db, key)? {
                Key::Taken(task, seq) => {
                    return Err(Refused::Contract(StoreError::Duplicate { task, seq }));
                }
                Key::Free(slot) => Some((slot, key, *seq)),
            },
        };

        // Written aside first: what fails halfway leaves nothing.
        let (mut writes, mut counts) = (Writes::default(), self.counts);
        let mut known = match (known, &entry.snapshot) {
            (Some(known), None) => known,
            (Some(known), Some(snapshot)) => {
                counts.moved(Some(known.head.status), entry.status())?;
                update_task(&mut writes, known, snapshot)?
            }
            (None, Some(snapshot)) => {
                counts.moved(None, entry.status())?;
                let number = counts.next;
                counts.next += 1;
                insert_task(&mut writes, number, snapshot)?
            }
            (None, None) => return Err(Refused::Contract(StoreError::NotFound(entry.task))),
        };
        for (seq, bytes) in &entry.rows {
            record::put(&mut writes, &keys::event(known.number, *seq), bytes, 0)?;
        }
        let key = match key {
            None => None,
            Some((slot, key, seq)) => {
                let keyed = KeyEntry { number: known.number, seq, key: key.clone() };
                let stored = keys::keyed(keys::hash(key), slot);
                record::put(&mut writes, &stored, &keyed.encode(), 0)?;
                writes.insert(keys::reverse(known.number, &stored), Vec::new());
                Some((slot, keyed))
            }
        };

        self.writes.append(writes);
        self.counts = counts;
        self.tasks.insert(known.number, Some(entry.task));
        if let Some((slot, keyed)) = key {
            self.slots.insert((keys::hash(&keyed.key), slot));
            self.keys.insert(keyed.key.clone(), (slot, keyed));
        }
        known.seq = entry.end;
        tasks.learn(entry.task, known);
        Ok(())
    }

    /// A task is gone at once and its events, its snapshot and its keys later, so that others do not wait for them.
    pub(crate) fn remove(
        &mut self,
        db: &Db,
        tasks: &mut KnownTasks,
        task: TaskId,
        expected: Seq,
    ) -> Result<(), Refused> {
        let known = self.find(db, tasks, task)?;
        check_end(task, expected, known.as_ref())?;
        let Some(Known { number, head, head_parts, .. }) = known else {
            return Err(Refused::Contract(StoreError::NotFound(task)));
        };
        let mut counts = self.counts;
        counts.moved(Some(head.status), None)?;

        self.writes.remove(keys::uid(task));
        self.writes.remove_record(&keys::head(number), head_parts);
        self.writes.remove(keys::status_index(head.status, number));
        self.writes.remove(keys::agent_index(head.agent, head.status, number));
        self.writes.insert(keys::purge(number), Vec::new());
        self.counts = counts;
        self.tasks.insert(number, None);
        self.removed.insert(task);
        self.purging = true;
        tasks.forget(task);
        Ok(())
    }

    /// Everything that is to be written.
    pub(crate) fn finish(mut self) -> Result<Writes, Fault> {
        if self.counts != self.before {
            record::put(&mut self.writes, keys::COUNTS, &self.counts.encode(), 0)?;
        }
        Ok(self.writes)
    }

    fn find(&self, db: &Db, tasks: &mut KnownTasks, task: TaskId) -> Result<Option<Known>, Fault> {
        if let Some(known) = tasks.find(task) {
            return Ok(Some(known));
        }
        // What the tree shows of it is from before this batch.
        if self.removed.contains(&task) {
            return Ok(None);
        }
        let Some(number) = reader::number(db, task)? else { return Ok(None) };
        let damaged = || Fault::damaged(format!("task {task} is not whole"));
        let head = reader::head(db, number)?.ok_or_else(damaged)?;
        let (seq, _) = reader::end(db, number)?;
        let [head_parts, snapshot_parts] = [keys::head(number), keys::snapshot(number)]
            .map(|key| record::count(db, &key).and_then(|parts| parts.ok_or_else(damaged)));
        let (head_parts, snapshot_parts) = (head_parts?, snapshot_parts?);
        let known = Known { number, seq, head: Arc::new(head), head_parts, snapshot_parts };
        tasks.learn(task, known.clone());
        Ok(Some(known))
    }

    fn find_key(&self, db: &Db, key: &str) -> Result<Key, Fault> {
        let bucket = reader::keyed(db, key)?;
        // What this batch has done to it comes last.
        let stored = self.keys.get(key).or(bucket.found.as_ref());
        if let Some((slot, entry)) = stored {
            let task = match self.tasks.get(&entry.number) {
                Some(task) => *task,
                None => reader::head(db, entry.number)?.map(|head| head.task),
            };
            return Ok(task.map_or(Key::Free(*slot), |task| Key::Taken(task, entry.seq)));
        }
        let hash = keys::hash(key);
        let free = |slot: &u16| !bucket.taken.contains(slot) && !self.slots.contains(&(hash, *slot));
        let slot = (0..=u16::MAX).find(free);
        slot.map(Key::Free).ok_or(Fault::Refused("too many idempotency keys have the same hash"))
    }
}

fn insert_task(writes: &mut Writes, number: u64, snapshot: &Snapshot) -> Result<Known, Fault> {
    let Snapshot { head, stored } = snapshot;
    writes.insert(keys::uid(head.task), number.to_be_bytes().to_vec());
    writes.insert(keys::status_index(head.status, number), Vec::new());
    writes.insert(keys::agent_index(head.agent, head.status, number), Vec::new());
    Ok(Known {
        number,
        seq: Seq::ZERO,
        head: Arc::new(head.clone()),
        head_parts: record::put(writes, &keys::head(number), &head.encode(), 0)?,
        snapshot_parts: record::put(writes, &keys::snapshot(number), stored.as_bytes(), 0)?,
    })
}

/// Leaves alone what has not changed: each key is a write of its own.
fn update_task(writes: &mut Writes, mut known: Known, snapshot: &Snapshot) -> Result<Known, Fault> {
    let (Snapshot { head, stored }, number) = (snapshot, known.number);
    let before = &known.head;
    if (before.status, before.agent) != (head.status, head.agent) {
        writes.remove(keys::status_index(before.status, number));
        writes.remove(keys::agent_index(before.agent, before.status, number));
        writes.insert(keys::status_index(head.status, number), Vec::new());
        writes.insert(keys::agent_index(head.agent, head.status, number), Vec::new());
    }
    if **before != *head {
        known.head_parts = record::put(writes, &keys::head(number), &head.encode(), known.head_parts)?;
        known.head = Arc::new(head.clone());
    }
    known.snapshot_parts =
        record::put(writes, &keys::snapshot(number), stored.as_bytes(), known.snapshot_parts)?;
    Ok(known)
}

/// A task that was removed is gone, not at another position.
fn check_end(task: TaskId, expected: Seq, known: Option<&Known>) -> Result<(), Refused> {
    match known {
        None if expected == Seq::ZERO => Ok(()),
        None => Err(Refused::Contract(StoreError::NotFound(task))),
        Some(Known { seq: actual, .. }) if *actual == expected => Ok(()),
        Some(Known { seq: actual, .. }) => {
            Err(Refused::Contract(StoreError::Conflict { task, expected, actual: *actual }))
        }
    }
}
