//! A place that acknowledges what it has not synced. A rig that finds nothing wrong with it is no rig.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, params};
use task_core::{Commit, StoreError, TaskId};

use crate::history::{Found, digest};

/// Events in an SQLite file, with `synchronous=OFF`.
#[derive(Clone, Debug)]
pub struct Careless(Arc<Mutex<Connection>>);

impl Careless {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when SQLite says no.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path).map_err(StoreError::unavailable)?;
        connection.execute_batch(SCHEMA).map_err(StoreError::unavailable)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Writes the events of a commit in a transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when SQLite says no.
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.run(move |connection| {
            let write = connection.transaction()?;
            for event in commit.events() {
                let place = params![event.task().to_string(), event.seq().get().cast_signed(), event.json()];
                write.execute("INSERT INTO event VALUES (?, ?, ?)", place)?;
            }
            write.commit()
        })
        .await
    }

    /// Deletes the events of a task.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when SQLite says no.
    pub async fn remove(&self, task: TaskId) -> Result<(), StoreError> {
        self.run(move |connection| {
            connection.execute("DELETE FROM event WHERE task = ?", [task.to_string()]).map(drop)
        })
        .await
    }

    /// What is in the file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when SQLite says no.
    pub async fn read(&self) -> Result<Found, StoreError> {
        let mut found = Found::new();
        let mut rows = Vec::new();
        self.run(move |connection| {
            let mut events = connection.prepare("SELECT task, json FROM event ORDER BY task, seq")?;
            for row in events.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))? {
                rows.push(row?);
            }
            Ok(rows)
        })
        .await?
        .into_iter()
        .try_for_each(|(task, json)| {
            let task = task.parse().map_err(|error| StoreError::corrupt("a task", error))?;
            found.entry(task).or_default().push(digest(&json));
            Ok(())
        })
        .map(|()| found)
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let connection = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        done.await.map_err(StoreError::unavailable)?.map_err(StoreError::unavailable)
    }
}

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    CREATE TABLE IF NOT EXISTS event (task TEXT, seq INTEGER, json TEXT, PRIMARY KEY (task, seq)) WITHOUT ROWID;
";
