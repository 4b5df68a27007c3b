//! One transaction for everything that waits.
//!
//! This file talks to the engine and knows nothing of queues, threads and callers.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use task_core::{
    Change, Commit, Durability, Event, InstanceId, Seq, StoreError, TaskId, TaskQuery, TaskStatus,
};
use uuid::Uuid;

use crate::error::{Doing, Fault};
use crate::known::{Known, KnownTasks};
use crate::schema;

/// What can be asked of the connection that writes.
#[derive(Debug)]
pub(crate) enum Work {
    /// Write a commit.
    Commit(Entry),
    /// Look whether others have written.
    Look,
    /// Forget a task whose log ends there.
    Remove { task: TaskId, expected: Seq },
    /// Sync everything that was written so far.
    Sync,
}

/// A commit in the form it is stored in, made by the caller so that the writer has less to do.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) task: TaskId,
    pub(crate) end: Seq,
    pub(crate) origin: InstanceId,
    expected: Seq,
    durability: Durability,
    rows: Vec<(Event, String)>,
    snapshot: Option<Snapshot>,
    key: Option<(String, Seq)>,
}

#[derive(Debug)]
struct Snapshot {
    status: TaskStatus,
    agent_id: String,
    title_folded: String,
    stored: String,
}

impl Entry {
    pub(crate) fn new(commit: &Commit) -> Self {
        Self {
            task: commit.task(),
            end: commit.end(),
            origin: commit.origin(),
            expected: commit.expected(),
            durability: commit.durability(),
            rows: commit.events().iter().map(|event| (event.clone(), event.data())).collect(),
            snapshot: commit.snapshot().map(|task| Snapshot {
                status: task.status,
                agent_id: task.agent_id.clone(),
                title_folded: TaskQuery::fold(&task.title),
                stored: task.to_stored(),
            }),
            key: commit.key().map(|(key, seq)| (key.to_owned(), seq)),
        }
    }
}

impl Work {
    /// What it takes of the queue and of a batch.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Commit(entry) => {
                let rows: usize = entry.rows.iter().map(|(_, data)| data.len() + ROW_BYTES).sum();
                rows + entry.snapshot.as_ref().map_or(0, |snapshot| snapshot.stored.len())
            }
            Self::Look | Self::Remove { .. } | Self::Sync => ROW_BYTES,
        }
    }

    pub(crate) fn events(&self) -> usize {
        match self {
            Self::Commit(entry) => entry.rows.len(),
            Self::Look | Self::Remove { .. } | Self::Sync => 1,
        }
    }

    /// What it must survive when the store leaves that to each commit.
    pub(crate) fn durability(&self) -> Durability {
        match self {
            Self::Commit(entry) => entry.durability,
            Self::Look => Durability::Process,
            Self::Remove { .. } | Self::Sync => Durability::Durable,
        }
    }

    pub(crate) fn writes(&self) -> bool {
        !matches!(self, Self::Look)
    }
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// One for each work, in order.
    pub(crate) answers: Vec<Result<(), StoreError>>,
    /// What others have changed since the last look.
    pub(crate) foreign: Vec<Change>,
    /// Whether the connection is in a state nobody knows.
    pub(crate) broken: bool,
}

/// The connection that writes, and what is remembered between batches.
#[derive(Debug)]
pub(crate) struct Engine {
    connection: Connection,
    tasks: KnownTasks,
    /// The newest position that was seen or written here: what is behind it and was not written here, others wrote.
    position: i64,
    /// The engine's count of what others wrote, at the last look.
    version: Option<i64>,
    /// Whether each commit is synced, as the engine is set now.
    syncs: Option<bool>,
    purging: bool,
}

/// What a batch has changed and has not yet committed.
#[derive(Debug)]
struct Tally {
    position: i64,
    counts: HashMap<TaskStatus, i64>,
}

/// Why a batch was not written.
enum Failed {
    /// The engine failed before the commit, so nothing was.
    Before(Fault),
    /// The commit itself failed, so nobody knows.
    Committing(Fault),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Before(fault)
    }
}

/// Why one work of a batch was not done.
enum Refused {
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
    /// On a connection that was just opened. `position` is where an earlier one has stopped.
    pub(crate) fn new(connection: Connection, position: Option<i64>) -> Result<Self, Fault> {
        let position = match position {
            Some(position) => position,
            None => last_position(&connection)?,
        };
        let purging = exists(&connection, "SELECT 1 FROM purge LIMIT 1")?;
        Ok(Self { connection, tasks: KnownTasks::default(), position, version: None, syncs: None, purging })
    }

    pub(crate) const fn position(&self) -> i64 {
        self.position
    }

    /// Whether events of removed tasks wait to be deleted.
    pub(crate) const fn is_purging(&self) -> bool {
        self.purging
    }

    pub(crate) fn close(self) -> Result<(), Fault> {
        schema::close_writer(self.connection)
    }

    /// Does everything in one transaction. What the contract refuses is left out alone; what the engine refuses takes
    /// the others along only if it took the transaction along.
    pub(crate) fn run(&mut self, works: &[&Work], sync: bool) -> Outcome {
        let mut foreign = Vec::new();
        let done = if works.iter().any(|work| work.writes()) {
            self.write(works, sync, &mut foreign)
        } else {
            self.look(&mut foreign).map(|()| works.iter().map(|_| Ok(())).collect()).map_err(Failed::Before)
        };
        let mut broken = false;
        let answers = match done {
            Ok(answers) => answers,
            Err(failed) => {
                self.tasks.clear();
                if !self.connection.is_autocommit() {
                    broken = self.connection.execute_batch("ROLLBACK").is_err();
                }
                match failed {
                    Failed::Before(fault) => works.iter().map(|_| Err(fault.clone().into())).collect(),
                    Failed::Committing(fault) => {
                        broken = true;
                        works.iter().map(|_| Err(fault.indeterminate())).collect()
                    }
                }
            }
        };
        Outcome { answers, foreign, broken }
    }

    /// Deletes a piece of what was removed.
    pub(crate) fn purge(&mut self) -> Result<(), Fault> {
        let result = self.purge_piece();
        if result.is_err() {
            // Tried again after the next start; nobody waits for it.
            self.purging = false;
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK").doing("roll back")?;
            }
        }
        result
    }

    fn purge_piece(&mut self) -> Result<(), Fault> {
        self.execute("BEGIN IMMEDIATE", "begin to purge")?;
        let piece = "DELETE FROM event WHERE pos IN (
            SELECT pos FROM event WHERE task = (SELECT min(task) FROM purge) LIMIT 2048)";
        if self.execute(piece, "purge events")? == 0 {
            self.execute("DELETE FROM purge WHERE task = (SELECT min(task) FROM purge)", "purge a task")?;
            self.purging = exists(&self.connection, "SELECT 1 FROM purge LIMIT 1")?;
        }
        self.execute("COMMIT", "commit a purge")?;
        Ok(())
    }

    fn look(&mut self, foreign: &mut Vec<Change>) -> Result<(), Fault> {
        if self.version == Some(self.data_version()?) {
            return Ok(());
        }
        self.execute("BEGIN", "begin to look")?;
        self.absorb(foreign)?;
        self.execute("COMMIT", "end a look")?;
        Ok(())
    }

    fn write(
        &mut self,
        works: &[&Work],
        sync: bool,
        foreign: &mut Vec<Change>,
    ) -> Result<Vec<Result<(), StoreError>>, Failed> {
        self.set_sync(sync)?;
        self.execute("BEGIN IMMEDIATE", "begin a transaction")?;
        self.absorb(foreign)?;

        let mut tally = Tally { position: self.position, counts: HashMap::new() };
        let mut answers = Vec::with_capacity(works.len());
        for work in works {
            let done = match work {
                Work::Commit(entry) => self.commit(entry, &mut tally),
                Work::Look => Ok(()),
                Work::Remove { task, expected } => self.remove(*task, *expected, &mut tally),
                Work::Sync => self.mark().map_err(Refused::Engine),
            };
            answers.push(match done {
                Ok(()) => Ok(()),
                Err(Refused::Contract(error)) => Err(error),
                // After some failures the engine rolls everything back by itself.
                Err(Refused::Engine(fault)) if self.connection.is_autocommit() => return Err(fault.into()),
                Err(Refused::Engine(fault)) => Err(fault.into()),
            });
        }
        for (status, change) in &tally.counts {
            self.connection
                .prepare_cached("UPDATE status_count SET tasks = tasks + ?2 WHERE status = ?1")
                .and_then(|mut update| update.execute(params![status.as_str(), change]))
                .doing("count tasks")?;
        }
        self.execute("COMMIT", "commit a transaction").map_err(Failed::Committing)?;
        self.position = tally.position;
        Ok(answers)
    }

    fn commit(&mut self, entry: &Entry, tally: &mut Tally) -> Result<(), Refused> {
        let known = self.find(entry.task)?;
        check_end(entry.task, entry.expected, known)?;
        if known.is_none() && entry.snapshot.is_none() {
            return Err(Refused::Contract(StoreError::NotFound(entry.task)));
        }
        if let Some((key, _)) = &entry.key
            && let Some((task, seq)) = keyed(&self.connection, key)?
        {
            return Err(Refused::Contract(StoreError::Duplicate { task, seq }));
        }

        let statements =
            entry.rows.len() + usize::from(entry.snapshot.is_some()) + usize::from(entry.key.is_some());
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
                return Err(self.judge(entry, fault)?);
            }
        };
        let status = match (&entry.snapshot, known) {
            (Some(snapshot), before) => {
                tally.moved(before.map(|known| known.status), Some(snapshot.status));
                snapshot.status
            }
            (None, Some(known)) => known.status,
            (None, None) => return Ok(()),
        };
        self.tasks.learn(entry.task, Known { row, seq: entry.end, status });
        Ok(())
    }

    /// The unique index is the judge: when it refuses, the log did not end where it was remembered to.
    fn judge(&mut self, entry: &Entry, fault: Fault) -> Result<Refused, Fault> {
        self.tasks.forget(entry.task);
        if !fault.is_constraint() || self.connection.is_autocommit() {
            return Ok(Refused::Engine(fault));
        }
        // Whatever was remembered wrongly, the next batch looks for itself.
        self.version = None;
        let known = self.find(entry.task)?;
        Ok(check_end(entry.task, entry.expected, known).err().unwrap_or(Refused::Engine(fault)))
    }

    /// Writes the rows of a commit and gives that of the task.
    fn insert(&mut self, entry: &Entry, known: Option<Known>, position: &mut i64) -> Result<i64, Fault> {
        let row = match (known, &entry.snapshot) {
            (None, Some(snapshot)) => self.insert_task(entry.task, snapshot)?,
            (None, None) => return Err(Fault::Stopped("a task must begin with a snapshot")),
            (Some(known), Some(snapshot)) => {
                self.update_task(known, snapshot)?;
                known.row
            }
            (Some(known), None) => known.row,
        };
        let mut insert = self
            .connection
            .prepare_cached(
                "INSERT INTO event (pos, task, seq, at, kind, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .doing("prepare to insert events")?;
        for (event, data) in &entry.rows {
            *position += 1;
            insert
                .execute(params![
                    *position,
                    row,
                    number(event.seq()),
                    event.at().timestamp_millis(),
                    event.kind(),
                    data
                ])
                .doing("insert an event")?;
        }
        if let Some((key, seq)) = &entry.key {
            self.connection
                .prepare_cached("INSERT INTO idempotency (key, task, seq) VALUES (?1, ?2, ?3)")
                .and_then(|mut insert| insert.execute(params![key, row, number(*seq)]))
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

    /// A task with a long log is gone at once and its events later, so that others do not wait for it.
    fn remove(&mut self, task: TaskId, expected: Seq, tally: &mut Tally) -> Result<(), Refused> {
        let known = self.find(task)?;
        let Some(Known { row, seq, status }) = known else {
            return Err(Refused::Contract(StoreError::NotFound(task)));
        };
        check_end(task, expected, known)?;
        let position = tally.position + 1;
        let at_once = seq.get() <= PURGED_AT_ONCE;
        self.tasks.forget(task);
        self.whole(|engine| {
            let connection = &engine.connection;
            let run = |sql, parameter: &dyn rusqlite::ToSql, doing| {
                connection
                    .prepare_cached(sql)
                    .and_then(|mut statement| statement.execute([parameter]))
                    .map(|_| ())
                    .doing(doing)
            };
            if at_once {
                run("DELETE FROM event WHERE task = ?1", &row, "delete events")?;
            } else {
                run("INSERT INTO purge (task) VALUES (?1)", &row, "note what to purge")?;
            }
            run("DELETE FROM idempotency WHERE task = ?1", &row, "delete idempotency keys")?;
            run("DELETE FROM task WHERE id = ?1", &row, "delete a task")?;
            connection
                .prepare_cached("INSERT INTO removed (pos, uid) VALUES (?1, ?2)")
                .and_then(|mut insert| insert.execute(params![position, uid(task)]))
                .doing("note a removal")?;
            // The newest is always kept: it is what keeps positions from being used again.
            let old = "DELETE FROM removed WHERE pos <=
                (SELECT pos FROM removed ORDER BY pos DESC LIMIT 1 OFFSET ?1)";
            run(old, &REMOVALS_KEPT, "forget old removals")
        })?;
        tally.position = position;
        tally.moved(Some(status), None);
        self.purging |= !at_once;
        Ok(())
    }

    fn mark(&self) -> Result<(), Fault> {
        self.execute("UPDATE sync_mark SET marks = marks + 1", "write a mark to sync").map(|_| ())
    }

    /// Does several statements or none of them.
    fn whole<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.execute("SAVEPOINT one", "set a savepoint")?;
        let done = work(self);
        if done.is_err() && !self.connection.is_autocommit() {
            self.execute("ROLLBACK TO one", "roll back to a savepoint")?;
        }
        if !self.connection.is_autocommit() {
            self.execute("RELEASE one", "release a savepoint")?;
        }
        done
    }

    /// Takes in what others have written since the last look. Runs inside a transaction, so that nothing slips between
    /// the look and what follows.
    fn absorb(&mut self, foreign: &mut Vec<Change>) -> Result<(), Fault> {
        let version = self.data_version()?;
        if self.version == Some(version) {
            return Ok(());
        }
        let found = schema::version(&self.connection)?;
        if found > schema::SUPPORTED {
            return Err(Fault::TooNew { found });
        }
        let end = last_position(&self.connection)?;
        let moved = self.moved_behind()?;
        let removed = self.removed_behind()?;
        // When all removals that are kept are new, older ones may be new and not kept.
        if longer(&moved, FOREIGN_AT_ONCE) || longer(&removed, REMOVALS_KEPT - 1) {
            self.tasks.clear();
            foreign.push(Change::Unknown);
        } else {
            let moved: HashMap<_, _> = moved.into_iter().collect();
            foreign.extend(moved.into_iter().map(|(task, seq)| Change::Moved { task, seq }));
            foreign.extend(removed.into_iter().map(|task| Change::Removed { task }));
            for change in foreign.iter() {
                if let Change::Moved { task, .. } | Change::Removed { task } = change {
                    self.tasks.forget(*task);
                }
            }
        }
        self.position = end;
        self.version = Some(version);
        Ok(())
    }

    /// Events that others wrote, in order, so that the last of a task is its end.
    fn moved_behind(&self) -> Result<Vec<(TaskId, Seq)>, Fault> {
        let sql = "SELECT task.uid, event.seq FROM event JOIN task ON task.id = event.task
            WHERE event.pos > ?1 ORDER BY event.pos LIMIT ?2";
        let mut query = self.connection.prepare_cached(sql).doing("prepare to look for events")?;
        let rows = query
            .query_map(params![self.position, FOREIGN_AT_ONCE + 1], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.and_then(Iterator::collect::<Result<Vec<([u8; 16], i64)>, _>>)
            .doing("look for events of others")
            .map(|rows| rows.into_iter().map(|(uid, seq)| (task_id(uid), position(seq))).collect())
    }

    fn removed_behind(&self) -> Result<Vec<TaskId>, Fault> {
        let mut query = self
            .connection
            .prepare_cached("SELECT uid FROM removed WHERE pos > ?1 ORDER BY pos")
            .doing("prepare to look for removals")?;
        query
            .query_map([self.position], |row| row.get(0))
            .and_then(Iterator::collect::<Result<Vec<[u8; 16]>, _>>)
            .doing("look for removals of others")
            .map(|uids| uids.into_iter().map(task_id).collect())
    }

    fn find(&mut self, task: TaskId) -> Result<Option<Known>, Fault> {
        if let Some(known) = self.tasks.find(task) {
            return Ok(Some(known));
        }
        let sql = "SELECT id, status, (SELECT max(seq) FROM event WHERE event.task = task.id) FROM task WHERE uid = ?1";
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

    /// Changes whenever another connection has committed, and only then.
    fn data_version(&self) -> Result<i64, Fault> {
        self.connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut query| query.query_row([], |row| row.get(0)))
            .doing("look whether others have written")
    }

    /// Between transactions only: inside of one it has no effect.
    fn set_sync(&mut self, sync: bool) -> Result<(), Fault> {
        if self.syncs != Some(sync) {
            self.syncs = None;
            let level = if sync { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level).doing("set the durability")?;
            self.syncs = Some(sync);
        }
        Ok(())
    }

    fn execute(&self, sql: &str, doing: &'static str) -> Result<usize, Fault> {
        self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).doing(doing)
    }
}

impl Tally {
    fn moved(&mut self, from: Option<TaskStatus>, to: Option<TaskStatus>) {
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
fn check_end(task: TaskId, expected: Seq, known: Option<Known>) -> Result<(), Refused> {
    match known {
        None if expected == Seq::ZERO => Ok(()),
        None => Err(Refused::Contract(StoreError::NotFound(task))),
        Some(Known { seq: actual, .. }) if actual == expected => Ok(()),
        Some(Known { seq: actual, .. }) => {
            Err(Refused::Contract(StoreError::Conflict { task, expected, actual }))
        }
    }
}

fn last_position(connection: &Connection) -> Result<i64, Fault> {
    let sql =
        "SELECT max(ifnull((SELECT max(pos) FROM event), 0), ifnull((SELECT max(pos) FROM removed), 0))";
    connection
        .prepare_cached(sql)
        .and_then(|mut query| query.query_row([], |row| row.get(0)))
        .doing("look where the log ends")
}

fn exists(connection: &Connection, sql: &str) -> Result<bool, Fault> {
    connection.prepare_cached(sql).and_then(|mut query| query.exists([])).doing("look for rows")
}

fn longer<T>(items: &[T], limit: i64) -> bool {
    i64::try_from(items.len()).unwrap_or(i64::MAX) > limit
}

/// A task as rows name it.
pub(crate) fn uid(task: TaskId) -> [u8; 16] {
    *task.as_uuid().as_bytes()
}

/// The inverse of [`uid`].
pub(crate) fn task_id(uid: [u8; 16]) -> TaskId {
    Uuid::from_bytes(uid).into()
}

/// A position as rows hold it. What is beyond their range is beyond the end of every log.
pub(crate) fn number(seq: Seq) -> i64 {
    i64::try_from(seq.get()).unwrap_or(i64::MAX)
}

/// The inverse of [`number`].
pub(crate) fn position(number: i64) -> Seq {
    Seq::new(u64::try_from(number).unwrap_or_default())
}

/// What a row takes besides its data, nearly.
const ROW_BYTES: usize = 64;

/// A log of at most so many events is deleted together with its task.
const PURGED_AT_ONCE: u64 = 4096;

/// How many removals are kept for other processes to learn of.
const REMOVALS_KEPT: i64 = 1024;

/// How many events of others are looked at one by one; more of them are "something changed".
const FOREIGN_AT_ONCE: i64 = 4096;
