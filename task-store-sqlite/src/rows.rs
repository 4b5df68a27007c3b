//! The statements that write one commit.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use task_core::{Commit, Seq, StoreError, TaskId, TaskStatus};

use crate::encoding::{number, position, task_id, uid};
use crate::engine::Engine;
use crate::error::{Doing, Fault};
use crate::known::Known;
use crate::work::{Entry, Snapshot};

/// What a batch has changed and has not yet committed.
#[derive(Debug)]
pub(crate) struct Tally {
    /// The last number given to an event or a removal.
    pub(crate) position: i64,
    /// By how much the number of tasks in each state has changed.
    pub(crate) counts: HashMap<TaskStatus, i64>,
}

/// Why one work of a batch was not done.
pub(crate) enum Refused {
    /// By the contract; the batch goes on.
    Contract(StoreError),
    /// By the engine.
    Engine(Fault),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Engine(fault)
    }
}

impl Engine {
    /// Writes a commit, or nothing.
    pub(crate) fn commit(&mut self, entry: &Entry, tally: &mut Tally) -> Result<(), Refused> {
        let Entry { commit, snapshot } = entry;
        let known = self.find(commit.task(), tally)?;
        check_end(commit.task(), commit.expected(), known)?;
        if known.is_none() && snapshot.is_none() {
            return Err(Refused::Contract(StoreError::NotFound(commit.task())));
        }
        if let Some((key, _)) = commit.key()
            && let Some((task, seq)) = keyed(&self.connection, key)?
        {
            return Err(Refused::Contract(StoreError::Duplicate { task, seq }));
        }

        let statements =
            commit.events().len() + usize::from(snapshot.is_some()) + usize::from(commit.key().is_some());
        let start = tally.position;
        // One statement is whole or not at all by itself.
        let written = if statements == 1 {
            self.insert(entry, known, &mut tally.position)
        } else {
            self.whole(|engine| engine.insert(entry, known, &mut tally.position))
        };
        let row = match written {
            Ok(row) => row,
            Err(fault) => {
                tally.position = start;
                return Err(self.judge(commit, tally, fault)?);
            }
        };
        let status = match (snapshot, known) {
            (Some(snapshot), before) => {
                tally.moved(before.map(|known| known.status), Some(snapshot.status));
                snapshot.status
            }
            (None, Some(known)) => known.status,
            (None, None) => return Ok(()),
        };
        self.tasks.learn(commit.task(), Known { row, seq: commit.end(), status });
        Ok(())
    }

    /// When a constraint refuses it, something was remembered wrongly: the log may have ended elsewhere.
    fn judge(&mut self, commit: &Commit, tally: &Tally, fault: Fault) -> Result<Refused, Fault> {
        self.tasks.forget(commit.task());
        if !fault.is_constraint() || self.connection.is_autocommit() {
            return Ok(Refused::Engine(fault));
        }
        // Whatever was remembered wrongly, the next batch looks for itself.
        self.version = None;
        let known = self.find(commit.task(), tally)?;
        Ok(check_end(commit.task(), commit.expected(), known).err().unwrap_or(Refused::Engine(fault)))
    }

    /// Writes the rows of a commit and gives that of the task.
    fn insert(&mut self, entry: &Entry, known: Option<Known>, position: &mut i64) -> Result<i64, Fault> {
        let Entry { commit, snapshot } = entry;
        let row = match (known, snapshot) {
            (None, Some(snapshot)) => self.insert_task(commit.task(), snapshot)?,
            (None, None) => return Err(Fault::Stopped("a task must begin with a snapshot")),
            (Some(known), Some(snapshot)) => {
                self.update_task(known, snapshot)?;
                known.row
            }
            (Some(known), None) => known.row,
        };
        let Self { connection, data, .. } = self;
        let mut insert = connection
            .prepare_cached(
                "INSERT INTO event (pos, task, seq, at, kind, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .doing("prepare to insert events")?;
        for event in commit.events() {
            *position += 1;
            data.clear();
            data.extend(event.data_parts());
            insert
                .execute(params![
                    *position,
                    row,
                    number(event.seq()),
                    event.at().timestamp_millis(),
                    event.kind(),
                    *data
                ])
                .doing("insert an event")?;
        }
        if let Some((key, seq)) = commit.key() {
            connection
                .prepare_cached("INSERT INTO idempotency (key, task, seq) VALUES (?1, ?2, ?3)")
                .and_then(|mut insert| insert.execute(params![key, row, number(seq)]))
                .doing("insert an idempotency key")?;
        }
        Ok(row)
    }

    fn insert_task(&self, task: TaskId, snapshot: &Snapshot) -> Result<i64, Fault> {
        let Snapshot { status, agent_id, title_folded, stored } = snapshot;
        let sql =
            "INSERT INTO task (uid, status, agent_id, title_folded, snapshot) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut insert| {
                insert.insert(params![uid(task), status.as_str(), agent_id, title_folded, stored])
            })
            .doing("insert a task")
    }

    /// Leaves the columns alone that have not changed: each that is named costs its index a write.
    fn update_task(&self, known: Known, snapshot: &Snapshot) -> Result<(), Fault> {
        let Snapshot { status, agent_id: _, title_folded, stored } = snapshot;
        let updated = if *status == known.status {
            let sql = "UPDATE task SET title_folded = ?2, snapshot = ?3 WHERE id = ?1";
            self.connection
                .prepare_cached(sql)
                .and_then(|mut update| update.execute(params![known.row, title_folded, stored]))
        } else {
            let sql = "UPDATE task SET title_folded = ?2, snapshot = ?3, status = ?4 WHERE id = ?1";
            self.connection.prepare_cached(sql).and_then(|mut update| {
                update.execute(params![known.row, title_folded, stored, status.as_str()])
            })
        };
        updated.map(|_| ()).doing("update a task")
    }

    pub(crate) fn find(&mut self, task: TaskId, tally: &Tally) -> Result<Option<Known>, Fault> {
        if let Some(known) = self.tasks.find(task) {
            return Ok(Some(known));
        }
        self.note_places(tally.position)?;
        let sql = "SELECT id, status, coalesce(
                (SELECT max(seq) FROM recent_place WHERE task = task.id),
                (SELECT max(seq) FROM place WHERE task = task.id))
            FROM task WHERE uid = ?1";
        let found: Option<(i64, String, Option<i64>)> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut query| {
                query.query_row([uid(task)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
            })
            .doing("look for a task")?;
        let Some((row, status, seq)) = found else { return Ok(None) };
        let Some(seq) = seq else { return Err(Fault::damaged(format!("task {task} has no events"))) };
        let status = status
            .parse()
            .map_err(|error| Fault::damaged_by(format!("the status of task {task} is unknown"), error))?;
        let known = Known { row, seq: position(seq), status };
        self.tasks.learn(task, known);
        Ok(Some(known))
    }
}

impl Tally {
    pub(crate) fn new(position: i64) -> Self {
        Self { position, counts: HashMap::new() }
    }

    pub(crate) fn moved(&mut self, from: Option<TaskStatus>, to: Option<TaskStatus>) {
        if from != to {
            for (status, change) in [(from, -1), (to, 1)] {
                if let Some(status) = status {
                    *self.counts.entry(status).or_default() += change;
                }
            }
        }
    }
}

/// Where the event with this idempotency key is.
pub(crate) fn keyed(connection: &Connection, key: &str) -> Result<Option<(TaskId, Seq)>, Fault> {
    let sql = "SELECT task.uid, idempotency.seq FROM idempotency JOIN task ON task.id = idempotency.task
        WHERE idempotency.key = ?1";
    connection
        .prepare_cached(sql)
        .and_then(|mut query| {
            query.query_row([key], |row| Ok((task_id(row.get(0)?), position(row.get(1)?)))).optional()
        })
        .doing("look for an idempotency key")
}

/// A task that was removed is gone, not at another position.
pub(crate) fn check_end(task: TaskId, expected: Seq, known: Option<Known>) -> Result<(), Refused> {
    match known {
        None if expected == Seq::ZERO => Ok(()),
        None => Err(Refused::Contract(StoreError::NotFound(task))),
        Some(Known { seq: actual, .. }) if actual == expected => Ok(()),
        Some(Known { seq: actual, .. }) => {
            Err(Refused::Contract(StoreError::Conflict { task, expected, actual }))
        }
    }
}
