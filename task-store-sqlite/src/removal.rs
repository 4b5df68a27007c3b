//! A task is removed at once, the events of a long log afterwards.

use rusqlite::params;
use task_core::{Seq, StoreError, TaskId};

use crate::encoding::uid;
use crate::engine::{Engine, exists};
use crate::error::{Doing, Fault};
use crate::known::Known;
use crate::rows::{Refused, Tally, check_end};

impl Engine {
    /// A task with a long log is gone at once and its events later, so that others do not wait for it.
    pub(crate) fn remove(&mut self, task: TaskId, expected: Seq, tally: &mut Tally) -> Result<(), Refused> {
        let known = self.find(task, tally)?;
        let Some(Known { row, seq, status }) = known else {
            return Err(Refused::Contract(StoreError::NotFound(task)));
        };
        check_end(task, expected, known)?;
        let position = tally.position + 1;
        let at_once = seq.get() <= PURGED_AT_ONCE;
        self.tasks.forget(task);
        self.note_places(tally.position)?;
        self.whole(|engine| {
            let connection = &engine.connection;
            let run = |sql, parameter: &dyn rusqlite::ToSql, doing| {
                connection
                    .prepare_cached(sql)
                    .and_then(|mut statement| statement.execute([parameter]))
                    .map(|_| ())
                    .doing(doing)
            };
            engine.move_places_of(row)?;
            if at_once {
                let events = "DELETE FROM event WHERE pos IN (SELECT pos FROM place WHERE task = ?1)";
                run(events, &row, "delete events")?;
                run("DELETE FROM place WHERE task = ?1", &row, "delete places")?;
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
        let events = "DELETE FROM event WHERE pos IN (
            SELECT pos FROM place WHERE task = (SELECT min(task) FROM purge) ORDER BY seq LIMIT 2048)";
        let places = "DELETE FROM place WHERE (task, seq) IN (
            SELECT task, seq FROM place WHERE task = (SELECT min(task) FROM purge) ORDER BY seq LIMIT 2048)";
        self.execute(events, "purge events")?;
        if self.execute(places, "purge the places of events")? == 0 {
            self.execute("DELETE FROM purge WHERE task = (SELECT min(task) FROM purge)", "purge a task")?;
            self.purging = exists(&self.connection, "SELECT 1 FROM purge LIMIT 1")?;
        }
        self.execute("COMMIT", "commit a purge")?;
        Ok(())
    }
}

/// A log of at most so many events is deleted together with its task.
const PURGED_AT_ONCE: u64 = 4096;

/// How many removals are kept for other processes to learn of.
pub(crate) const REMOVALS_KEPT: i64 = 1024;
