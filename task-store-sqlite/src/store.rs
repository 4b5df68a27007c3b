use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use task_core::{
    Change, Changes, Commit, Event, InstanceId, Keyed, Seq, StatusCounts, StoreError, Task, TaskId, TaskPage,
    TaskQuery, TaskStore, with_causes,
};
use task_store_writer::blocking;
use tokio::sync::Mutex;

use crate::changes::Poller;
use crate::error::found_in;
use crate::options::SqliteOptions;
use crate::owner::Owner;
use crate::reader::{self, Readers};
use crate::work::{Entry, Work};
use crate::writer::{Desk, Writer};
use crate::{list, schema};

/// Keeps tasks in a SQLite file. A cheap handle; clones share the store.
///
/// Several processes may open one file, and one process several times: all of them read and write, one of them is the
/// owner that runs tasks ([`TaskStore::claim`]). What each survives is chosen by
/// [`DurabilityPolicy`](crate::DurabilityPolicy).
///
/// Dropping the last handle without [`TaskStore::close`] loses nothing; what was written since the last checkpoint
/// then stays in the `-wal` file beside the database until the next open.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    options: SqliteOptions,
    writer: Writer,
    readers: Readers,
    owner: Arc<Owner>,
    changes: Changes,
    poller: Arc<Poller>,
    /// Held while closing: whoever closes again waits for the first.
    closing: Mutex<()>,
}

impl SqliteStore {
    /// Opens the file, or makes it, with the default [`SqliteOptions`].
    ///
    /// # Errors
    ///
    /// * [`StoreError::TooNew`] when a newer version has written it; nothing was touched.
    /// * [`StoreError::Corrupt`] when it is no SQLite database or one of something else; nothing was touched.
    /// * [`StoreError::Unavailable`] when it cannot be opened or created.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteOptions::default()).await
    }

    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open`].
    pub async fn open_with(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let place = path.clone();
        blocking::run(move || {
            let (path, connection) = schema::open_writer(&path, &options)?;
            let changes = Changes::new();
            let readers = Readers::new(path.clone(), options.clone());
            let desk = Desk::new(path.clone(), options.clone(), readers.idle(), connection)?;
            let writer = Writer::new(desk, changes.clone());
            let owner = Arc::new(Owner::of(&path));
            let poller = Poller::new(writer.clone(), changes.clone());
            let closing = Mutex::default();
            let inner = Inner { path, options, writer, readers, owner, changes, poller, closing };
            Ok(Self { inner: Arc::new(inner) })
        })
        .await
        .map_err(|error| found_in(&place, error))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.check_open()?;
        let read = self.inner.readers.read(read).await;
        read.map_err(|error| found_in(&self.inner.path, error))
    }

    async fn write(&self, work: Work) -> Result<(), StoreError> {
        let written = self.inner.writer.submit(work).await;
        written.map_err(|error| found_in(&self.inner.path, error))
    }

    fn check_open(&self) -> Result<(), StoreError> {
        if self.inner.writer.is_shut() { Err(StoreError::Closed) } else { Ok(()) }
    }
}

#[async_trait]
impl TaskStore for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.write(Work::Commit(Entry::new(commit))).await
    }

    async fn load(&self, task: TaskId) -> Result<Task, StoreError> {
        self.read(move |connection| reader::load(connection, task)).await
    }

    async fn events(
        &self,
        task: TaskId,
        after: Seq,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.read(move |connection| reader::events(connection, task, after, limit, max_bytes)).await
    }

    async fn list(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        let query = query.clone();
        self.read(move |connection| list::page(connection, &query)).await
    }

    async fn counts(&self) -> Result<StatusCounts, StoreError> {
        self.read(reader::counts).await
    }

    async fn find_key(&self, key: &str) -> Result<Option<Keyed>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| reader::find_key(connection, &key)).await
    }

    async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        self.write(Work::Remove { task, expected }).await
    }

    async fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.check_open()?;
        let owner = Arc::clone(&self.inner.owner);
        blocking::run(move || owner.claim(instance)).await
    }

    /// Only looks whether the lock is held: the operating system sees the death of a process.
    async fn keep_alive(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.check_open()?;
        self.inner.owner.check(instance)
    }

    /// There is one owner, so every other that a task names is gone.
    async fn orphans(&self, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
        self.read(move |connection| reader::orphans(connection, instance)).await
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.check_open()?;
        self.inner.owner.release(instance);
        Ok(())
    }

    fn changes(&self, except: InstanceId) -> BoxStream<'static, Change> {
        let changes = self.inner.changes.listen(except);
        if !self.inner.writer.is_shut() {
            self.inner.poller.start(self.inner.options.poll_interval);
        }
        changes
    }

    async fn close(&self) -> Result<(), StoreError> {
        let inner = &self.inner;
        inner.writer.shut();
        let _closing = inner.closing.lock().await;
        inner.poller.stop();
        inner.writer.idle().await;
        inner.readers.close().await;
        let writer = inner.writer.clone();
        let finished = blocking::run(move || Ok(writer.with_engine(Desk::close)?)).await;
        if let Err(error) = finished {
            // Everything is in the log of the database, where the next open finds it.
            tracing::warn!(
                error = %with_causes(&error),
                "could not move the log into the database"
            );
        }
        inner.owner.close();
        inner.changes.close();
        Ok(())
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { path, options, .. } = &*self.inner;
        f.debug_struct("SqliteStore").field("path", path).field("options", options).finish_non_exhaustive()
    }
}
