//! Reading: a few connections, each read a short transaction in one blocking job.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};
use task_core::{
    Event, InstanceId, Keyed, Seq, StatusCounts, StoreError, StoredPage, Task, TaskId, TaskStatus,
};
use task_store_writer::Turns;
use task_store_writer::blocking::{self, lock};

use crate::encoding;
use crate::error::{Doing, Fault};
use crate::options::SqliteOptions;
use crate::rows;
use crate::schema;

/// The connections that read. No more reads run at once than there may be connections.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    options: SqliteOptions,
    turns: Turns,
    idle: Arc<Idle>,
}

/// The connections that read, between two reads.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    connections: Mutex<Vec<Connection>>,
    /// Whether one has failed in a way that only goes away with all connections of the process.
    spoiled: AtomicBool,
}

impl Idle {
    /// Whether the one that writes has to be opened again, too.
    pub(crate) fn take_spoiled(&self) -> bool {
        self.spoiled.swap(false, Ordering::AcqRel)
    }

    /// Closes them.
    pub(crate) fn clear(&self) {
        let connections = std::mem::take(&mut *lock(&self.connections));
        drop(connections);
    }

    fn spoil(&self) {
        self.clear();
        self.spoiled.store(true, Ordering::Release);
    }
}

impl Readers {
    pub(crate) fn new(path: PathBuf, options: SqliteOptions) -> Self {
        let turns = Turns::new(options.readers);
        Self { path, options, turns, idle: Arc::default() }
    }

    pub(crate) fn idle(&self) -> Arc<Idle> {
        Arc::clone(&self.idle)
    }

    /// Runs `read` on a connection, in a transaction: everything it sees is from one moment.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (path, options, idle) = (self.path.clone(), self.options.clone(), Arc::clone(&self.idle));
        let work = move || {
            let connection = lock(&idle.connections).pop();
            let connection = connection.map_or_else(|| schema::connect_reader(&path, &options), Ok);
            let connection = connection.inspect_err(|_| idle.spoil())?;
            let read = || {
                run(&connection, "BEGIN")?;
                let result = read(&connection);
                run(&connection, "COMMIT")?;
                result
            };
            let result = read();
            if matches!(result, Err(StoreError::Unavailable { .. })) {
                // With what it has begun, and with the locks that it may hold.
                drop(connection);
                idle.spoil();
            } else if connection.is_autocommit() {
                lock(&idle.connections).push(connection);
            }
            result
        };
        self.turns.run(work).await
    }

    /// Waits for the reads under way and closes the connections.
    pub(crate) async fn close(&self) {
        self.turns.close().await;
        let idle = self.idle();
        let closed = blocking::run(move || {
            idle.clear();
            Ok(())
        });
        let _no_runtime = closed.await;
    }
}

pub(crate) fn load(connection: &Connection, task: TaskId) -> Result<Task, StoreError> {
    let found: Option<(i64, String)> = connection
        .prepare_cached("SELECT id, snapshot FROM task WHERE uid = ?1")
        .and_then(|mut query| {
            query.query_row([encoding::uid(task)], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .doing("load a task")?;
    let (row, stored) = found.ok_or(StoreError::NotFound(task))?;
    Ok(snapshot(connection, row, &stored)?)
}

/// The snapshot of a row, brought up to the newest event.
pub(crate) fn snapshot(connection: &Connection, row: i64, stored: &str) -> Result<Task, Fault> {
    let newest: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT seq, at FROM event WHERE pos = coalesce(
                (SELECT pos FROM recent_place WHERE task = ?1 ORDER BY seq DESC LIMIT 1),
                (SELECT pos FROM place WHERE task = ?1 ORDER BY seq DESC LIMIT 1))",
        )
        .and_then(|mut query| query.query_row([row], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .doing("look for the newest event")?;
    let (seq, at) = newest.ok_or_else(|| Fault::damaged(format!("the task of row {row} has no events")))?;
    Task::from_stored(stored, encoding::position(seq), time(at)?)
        .map_err(|error| Fault::damaged_by(format!("the snapshot of row {row} cannot be read"), error))
}

pub(crate) fn events(
    connection: &Connection,
    task: TaskId,
    after: Seq,
    limit: usize,
    max_bytes: usize,
) -> Result<Vec<Event>, StoreError> {
    let row: Option<i64> = connection
        .prepare_cached("SELECT id FROM task WHERE uid = ?1")
        .and_then(|mut query| query.query_row([encoding::uid(task)], |row| row.get(0)).optional())
        .doing("look for a task")?;
    let row = row.ok_or(StoreError::NotFound(task))?;

    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = connection.prepare_cached(EVENTS).doing("prepare to read events")?;
    let mut rows = query.query(params![row, encoding::number(after), limit]).doing("read events")?;
    let mut page = StoredPage::new(task, max_bytes);
    while let Some(row) = rows.next().doing("read an event")? {
        if !push(&mut page, task, row)? {
            break;
        }
    }
    Ok(page.into_events())
}

/// Adds the event of a row, and says whether there was room for it.
fn push(page: &mut StoredPage, task: TaskId, row: &Row<'_>) -> Result<bool, StoreError> {
    let (seq, at) = (row.get(0).doing("read an event")?, row.get(1).doing("read an event")?);
    let text = |column| {
        let value = row.get_ref(column).doing("read an event")?;
        value
            .as_str()
            .map_err(|error| Fault::damaged_by(format!("event {seq} of task {task} is no text"), error))
    };
    Ok(page.push(encoding::position(seq), time(at)?, text(2)?, text(3)?)?)
}

pub(crate) fn counts(connection: &Connection) -> Result<StatusCounts, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT status, tasks FROM status_count").doing("prepare to count")?;
    let mut rows = query.query([]).doing("read the counts")?;
    let mut counts = StatusCounts::default();
    while let Some(row) = rows.next().doing("read a count")? {
        let (status, tasks): (String, i64) =
            row.get(0).and_then(|status| Ok((status, row.get(1)?))).doing("count")?;
        let status: TaskStatus =
            status.parse().map_err(|error| Fault::damaged_by("a count is of an unknown status", error))?;
        *counts.of_mut(status) =
            u64::try_from(tasks).map_err(|error| Fault::damaged_by("a count is negative", error))?;
    }
    Ok(counts)
}

pub(crate) fn find_key(connection: &Connection, key: &str) -> Result<Option<Keyed>, StoreError> {
    Ok(rows::keyed(connection, key)?.map(|(task, seq)| Keyed::new(task, seq)))
}

/// The tasks that run, as far as rows say, under somebody else than `instance`.
pub(crate) fn orphans(connection: &Connection, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
    // The first condition is that of the index, word for word.
    let sql = "SELECT id, snapshot FROM task
        WHERE status IN ('pending', 'running', 'awaiting_input') AND status IN ('running', 'awaiting_input')
        ORDER BY id";
    let mut query = connection.prepare_cached(sql).doing("prepare to look for orphans")?;
    let mut rows = query.query([]).doing("look for orphans")?;
    let mut orphans = Vec::new();
    while let Some(row) = rows.next().doing("look for an orphan")? {
        let (id, stored): (i64, String) =
            row.get(0).and_then(|id| Ok((id, row.get(1)?))).doing("read a task")?;
        let task = snapshot(connection, id, &stored)?;
        if task.owner() != Some(instance) {
            orphans.push(task.id);
        }
    }
    Ok(orphans)
}

fn run(connection: &Connection, sql: &str) -> Result<(), Fault> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .doing("begin or end a read")
}

fn time(millis: i64) -> Result<DateTime<Utc>, Fault> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| Fault::damaged(format!("{millis} is no time")))
}

/// The events of a task behind a number, from both tables of places, in order without being sorted.
const EVENTS: &str = "SELECT found.seq, at, kind, data FROM (
        SELECT seq, pos FROM place WHERE task = ?1 AND seq > ?2
        UNION ALL
        SELECT seq, pos FROM recent_place WHERE task = ?1 AND seq > ?2
    ) AS found CROSS JOIN event ON event.pos = found.pos ORDER BY found.seq LIMIT ?3";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_events_costs_the_same_wherever_it_is() {
        let connection = Connection::open_in_memory().expect("opened");
        schema::MIGRATIONS.iter().for_each(|step| connection.execute_batch(step).expect("the tables"));
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {EVENTS}")).expect("prepared");
        let steps = explain.query_map([1, 1, 1], |row| row.get::<_, String>(3)).expect("run");
        let plan = steps.collect::<Result<Vec<_>, _>>().expect("read").join("\n");
        for step in [
            "MERGE (UNION ALL)",
            "SEARCH place USING PRIMARY KEY (task=? AND seq>?)",
            "SEARCH recent_place USING PRIMARY KEY (task=? AND seq>?)",
            "SEARCH event USING INTEGER PRIMARY KEY (rowid=?)",
        ] {
            assert!(plan.contains(step), "{step} in\n{plan}");
        }
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP"), "{plan}");
    }
}
