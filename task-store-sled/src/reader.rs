//! Reading: a few reads at a time, each in one blocking job and on what was written, never on half a batch.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sled::Db;
use task_core::{
    Event, InstanceId, Keyed, Seq, StatusCounts, StoreError, StoredPage, Task, TaskId, TaskStatus,
};
use task_store_writer::Turns;

use crate::database::Database;
use crate::encoding::{Counts, Head, KeyEntry, event_time, push_event};
use crate::error::{Doing, Fault};
use crate::keys;
use crate::record::{self, Records};

/// The reads under way. No more run at once than there may be.
#[derive(Debug)]
pub(crate) struct Readers {
    database: Arc<Database>,
    turns: Turns,
}

impl Readers {
    pub(crate) fn new(database: Arc<Database>, readers: usize) -> Self {
        Self { database, turns: Turns::new(readers) }
    }

    /// Runs `read`, which asks the database as often as it likes, each time for a short while.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    {
        let database = Arc::clone(&self.database);
        self.turns.run(move || read(&database)).await
    }

    /// Waits for the reads under way and lets no other begin.
    pub(crate) async fn close(&self) {
        self.turns.close().await;
    }
}

pub(crate) fn load(db: &Db, task: TaskId) -> Result<Task, StoreError> {
    let number = number(db, task)?.ok_or(StoreError::NotFound(task))?;
    Ok(snapshot(db, number)?)
}

/// The number of a task.
pub(crate) fn number(db: &Db, task: TaskId) -> Result<Option<u64>, Fault> {
    let found = db.get(keys::uid(task)).doing("look for a task")?;
    let number = |value: sled::IVec| {
        keys::number_at(&value, 0).ok_or_else(|| Fault::damaged(format!("task {task} has no number")))
    };
    found.map(number).transpose()
}

/// The snapshot of a task, brought up to the newest event.
pub(crate) fn snapshot(db: &Db, number: u64) -> Result<Task, Fault> {
    let damaged = || Fault::damaged(format!("the snapshot of task {number} is not there or no text"));
    let stored = record::get(db, &keys::snapshot(number))?.ok_or_else(damaged)?;
    let stored = str::from_utf8(&stored).map_err(|_| damaged())?;
    let (seq, at) = end(db, number)?;
    Task::from_stored(stored, seq, at)
        .map_err(|error| Fault::damaged_by(format!("the snapshot of task {number} cannot be read"), error))
}

pub(crate) fn head(db: &Db, number: u64) -> Result<Option<Head>, Fault> {
    let stored = record::get(db, &keys::head(number))?;
    stored.map(|stored| Head::decode(&stored)).transpose()
}

/// Where a log ends, and when.
pub(crate) fn end(db: &Db, number: u64) -> Result<(Seq, DateTime<Utc>), Fault> {
    let newest = db.range(keys::between(&keys::events_of(number), None, None)).next_back();
    let damaged = || Fault::damaged(format!("task {number} has no events"));
    let (key, _) = newest.ok_or_else(damaged)?.doing("look for the newest event")?;
    let seq = keys::seq_of(&key).ok_or_else(damaged)?;
    let event = record::get(db, &keys::event(number, seq))?.ok_or_else(damaged)?;
    Ok((seq, event_time(&event)?))
}

/// A page of events. Looked for in pieces: a log only grows at its end, and nobody waits for a long page.
pub(crate) fn events(
    database: &Database,
    task: TaskId,
    after: Seq,
    limit: usize,
    max_bytes: usize,
) -> Result<Vec<Event>, StoreError> {
    let mut page = Page { events: StoredPage::new(task, max_bytes), task, end: after };
    loop {
        let wanted = limit.min(page.events.len() + PIECE);
        database.read(|db| {
            let number = number(db, task)?.ok_or(StoreError::NotFound(task))?;
            Ok(page.extend(db, number, wanted)?)
        })?;
        if page.events.len() < wanted || wanted == limit {
            return Ok(page.events.into_events());
        }
    }
}

struct Page {
    events: StoredPage,
    task: TaskId,
    /// The last event of it.
    end: Seq,
}

impl Page {
    /// Adds what is there, up to so many events.
    fn extend(&mut self, db: &Db, number: u64, wanted: usize) -> Result<(), Fault> {
        let range = keys::between(&keys::events_of(number), Some(self.end.get()), None);
        for record in Records::new(db.range(range), keys::EVENT_LEN).take(wanted - self.events.len()) {
            let (key, body) = record?;
            let seq = keys::seq_of(&key).ok_or_else(|| Fault::damaged("the key of an event is none"))?;
            if seq != self.end.next() {
                let what = format!("event {} of task {} is missing", self.end.next(), self.task);
                return Err(Fault::damaged(what));
            }
            if !push_event(&mut self.events, self.task, seq, &body)? {
                break;
            }
            self.end = seq;
        }
        Ok(())
    }
}

pub(crate) fn all_counts(db: &Db) -> Result<Counts, Fault> {
    let stored = record::get(db, keys::COUNTS)?;
    stored.map_or_else(|| Ok(Counts::default()), |stored| Counts::decode(&stored))
}

pub(crate) fn counts(db: &Db) -> Result<StatusCounts, StoreError> {
    Ok(all_counts(db)?.counts)
}

pub(crate) fn find_key(db: &Db, key: &str) -> Result<Option<Keyed>, StoreError> {
    let Some((_, entry)) = keyed(db, key)?.found else { return Ok(None) };
    // Keys of a removed task may be left for a while.
    Ok(head(db, entry.number)?.map(|head| Keyed::new(head.task, entry.seq)))
}

/// The keys that have the same hash.
pub(crate) struct Bucket {
    /// The key that was looked for, and its slot.
    pub(crate) found: Option<(u16, KeyEntry)>,
    /// The slots that others have.
    pub(crate) taken: Vec<u16>,
}

/// What is stored for an idempotency key, whether or not its task is still there.
pub(crate) fn keyed(db: &Db, key: &str) -> Result<Bucket, Fault> {
    let mut bucket = Bucket { found: None, taken: Vec::new() };
    let prefix = keys::keyed_of(keys::hash(key));
    for record in Records::new(db.range(keys::between(&prefix, None, None)), keys::KEYED_LEN) {
        let (stored_key, body) = record?;
        let slot = stored_key.last_chunk().map_or(0, |slot| u16::from_be_bytes(*slot));
        let entry = KeyEntry::decode(&body)?;
        if entry.key == key {
            bucket.found = Some((slot, entry));
        } else {
            bucket.taken.push(slot);
        }
    }
    Ok(bucket)
}

/// The tasks that run, as far as rows say, under somebody else than `instance`.
pub(crate) fn orphans(db: &Db, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
    let mut orphans = Vec::new();
    for status in TaskStatus::ALL.into_iter().filter(|status| status.is_active()) {
        let prefix = keys::in_status(status);
        for entry in db.range(keys::between(&prefix, None, None)) {
            let (key, _) = entry.doing("look for orphans")?;
            let number = keys::number_at(&key, prefix.len())
                .ok_or_else(|| Fault::damaged("an index entry has no number"))?;
            let task = snapshot(db, number)?;
            if task.owner() != Some(instance) {
                orphans.push((number, task.id));
            }
        }
    }
    orphans.sort_unstable_by_key(|(number, _)| *number);
    Ok(orphans.into_iter().map(|(_, task)| task).collect())
}

/// How many events are read before others get a turn.
const PIECE: usize = 256;
