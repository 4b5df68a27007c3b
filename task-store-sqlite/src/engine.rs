//! The connection that writes, with what is remembered of the database between batches.

use rusqlite::Connection;

use crate::error::{Doing, Fault};
use crate::known::KnownTasks;
use crate::schema;

/// The connection that writes, and what is remembered between batches.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) connection: Connection,
    pub(crate) tasks: KnownTasks,
    /// The newest position that was seen or written here: what is behind it and was not written here, others wrote.
    pub(crate) position: i64,
    /// The engine's count of what others wrote, at the last look.
    pub(crate) version: Option<i64>,
    /// Whether each commit is synced, as the engine is set now.
    syncs: Option<bool>,
    /// Whether events of removed tasks wait to be deleted.
    pub(crate) purging: bool,
    /// The data of the event that is written: one text for all of them, one after the other.
    pub(crate) data: String,
    /// How many rows the small table of places has, nearly, where that is known.
    pub(crate) recent: Option<usize>,
    /// The last event whose place is noted.
    pub(crate) noted: i64,
}

impl Engine {
    /// On a connection that was just opened. `position` is where an earlier one has stopped.
    pub(crate) fn new(connection: Connection, position: Option<i64>) -> Result<Self, Fault> {
        let position = match position {
            Some(position) => position,
            None => last_position(&connection)?,
        };
        let purging = exists(&connection, "SELECT 1 FROM purge LIMIT 1")?;
        let (tasks, data) = (KnownTasks::default(), String::new());
        Ok(Self {
            connection,
            tasks,
            position,
            version: None,
            syncs: None,
            purging,
            data,
            recent: None,
            noted: position,
        })
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

    /// Whether commits are synced from here on. Between transactions only: inside of one it has no effect.
    pub(crate) fn set_sync(&mut self, sync: bool) -> Result<(), Fault> {
        if self.syncs != Some(sync) {
            self.syncs = None;
            let level = if sync { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level).doing("set the durability")?;
            self.syncs = Some(sync);
        }
        Ok(())
    }

    pub(crate) fn execute(&self, sql: &str, doing: &'static str) -> Result<usize, Fault> {
        self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).doing(doing)
    }

    /// Does several statements or none of them.
    pub(crate) fn whole<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.execute("SAVEPOINT one", "set a savepoint")?;
        let done = work(self);
        let ended = match (&done, self.connection.is_autocommit()) {
            (_, true) => Ok(()),
            (Ok(_), false) => self.execute("RELEASE one", "release a savepoint").map(|_| ()),
            (Err(_), false) => self
                .execute("ROLLBACK TO one", "roll back to a savepoint")
                .and_then(|_| self.execute("RELEASE one", "release a savepoint"))
                .map(|_| ()),
        };
        if let Err(fault) = ended {
            // A part of the work may be left, so the whole batch has to go.
            self.connection.execute_batch("ROLLBACK").doing("roll back")?;
            return Err(fault);
        }
        done
    }

    /// Changes whenever another connection has committed, and only then.
    pub(crate) fn data_version(&self) -> Result<i64, Fault> {
        self.connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut query| query.query_row([], |row| row.get(0)))
            .doing("look whether others have written")
    }
}

/// The newest number given to an event or a removal.
pub(crate) fn last_position(connection: &Connection) -> Result<i64, Fault> {
    let sql =
        "SELECT max(ifnull((SELECT max(pos) FROM event), 0), ifnull((SELECT max(pos) FROM removed), 0))";
    connection
        .prepare_cached(sql)
        .and_then(|mut query| query.query_row([], |row| row.get(0)))
        .doing("look where the log ends")
}

pub(crate) fn exists(connection: &Connection, sql: &str) -> Result<bool, Fault> {
    connection.prepare_cached(sql).and_then(|mut query| query.exists([])).doing("look for rows")
}
