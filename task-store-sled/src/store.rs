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

use crate::database::Database;
use crate::error::found_in;
use crate::options::SledOptions;
use crate::owner::Owner;
use crate::reader::{self, Readers};
use crate::work::{Entry, Work};
use crate::writer::{Desk, Writer};
use crate::{list, schema};

/// Keeps tasks in a directory, with the engine sled. A cheap handle; clones share the store.
///
/// One process at a time may have the directory open, and that once: the next gets [`StoreError::Owned`] until the
/// first has [closed](TaskStore::close) it, or dropped all its handles, or ended.
///
/// When the engine fails, by an error or by a panic, the store does nothing more: each call is
/// [`StoreError::Unavailable`] or [`StoreError::Corrupt`] until the directory is opened again. What was acknowledged is
/// there then, and perhaps what was [`StoreError::Indeterminate`].
#[derive(Clone)]
pub struct SledStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    options: SledOptions,
    database: Arc<Database>,
    writer: Writer,
    readers: Readers,
    owner: Owner,
    changes: Changes,
    /// Held while closing: whoever closes again waits for the first.
    closing: Mutex<()>,
}

impl SledStore {
    /// Opens the directory, or makes it, with the default [`SledOptions`].
    ///
    /// # Errors
    ///
    /// * [`StoreError::Owned`] when another process has it open, or this one already.
    /// * [`StoreError::TooNew`] when a newer version has written it; nothing was touched.
    /// * [`StoreError::Corrupt`] when it is not empty and holds something else, which was not touched, or a database that
    ///   is damaged.
    /// * [`StoreError::Unavailable`] when it cannot be opened or created.
    pub async fn open(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(directory, SledOptions::default()).await
    }

    /// Opens the directory, or makes it.
    ///
    /// # Errors
    ///
    /// As [`SledStore::open`].
    pub async fn open_with(directory: impl AsRef<Path>, options: SledOptions) -> Result<Self, StoreError> {
        let directory = directory.as_ref().to_owned();
        let place = directory.clone();
        blocking::run(move || {
            let opened = schema::open(&directory, &options)?;
            let path = opened.path.clone();
            let database = Arc::new(Database::new(opened, options.stall_timeout)?);
            let changes = Changes::new();
            let desk = Desk::new(Arc::clone(&database), options.durability)?;
            let writer = Writer::new(desk, changes.clone());
            let readers = Readers::new(Arc::clone(&database), options.readers);
            let (owner, closing) = (Owner::default(), Mutex::default());
            let inner = Inner { path, options, database, writer, readers, owner, changes, closing };
            Ok(Self { inner: Arc::new(inner) })
        })
        .await
        .map_err(|error| found_in(&place, error))
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
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
impl TaskStore for SledStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let entry = Entry::new(&commit)?;
        // Not kept while this waits, which many may do at once.
        drop(commit);
        self.write(Work::Commit(Box::new(entry))).await
    }

    async fn load(&self, task: TaskId) -> Result<Task, StoreError> {
        self.read(move |database| database.read(|db| reader::load(db, task))).await
    }

    async fn events(
        &self,
        task: TaskId,
        after: Seq,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.read(move |database| reader::events(database, task, after, limit, max_bytes)).await
    }

    async fn list(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        let query = query.clone();
        self.read(move |database| list::page(database, &query)).await
    }

    async fn counts(&self) -> Result<StatusCounts, StoreError> {
        self.read(|database| database.read(reader::counts)).await
    }

    async fn find_key(&self, key: &str) -> Result<Option<Keyed>, StoreError> {
        let key = key.to_owned();
        self.read(move |database| database.read(|db| reader::find_key(db, &key))).await
    }

    async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        self.write(Work::Remove { task, expected }).await
    }

    async fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.check_open()?;
        self.inner.owner.claim(instance)
    }

    /// Only looks who claimed: nobody outside of this process can take it away.
    async fn keep_alive(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.check_open()?;
        self.inner.owner.check(instance)
    }

    /// There is one owner, so every other that a task names is gone.
    async fn orphans(&self, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
        self.read(move |database| database.read(|db| reader::orphans(db, instance))).await
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.check_open()?;
        self.inner.owner.release(instance);
        Ok(())
    }

    fn changes(&self, except: InstanceId) -> BoxStream<'static, Change> {
        self.inner.changes.listen(except)
    }

    /// The directory can be opened again as soon as this has returned.
    async fn close(&self) -> Result<(), StoreError> {
        let inner = &self.inner;
        inner.writer.shut();
        let _closing = inner.closing.lock().await;
        inner.writer.idle().await;
        inner.readers.close().await;
        let database = Arc::clone(&inner.database);
        let closed = blocking::run(move || Ok(database.close()?)).await;
        if let Err(error) = closed {
            // Everything that was acknowledged is written.
            tracing::warn!(error = %with_causes(&error), "could not close the database");
        }
        inner.changes.close();
        Ok(())
    }
}

impl Drop for Inner {
    /// What nobody waits for any more may hold the database for a while, so it is taken away: whoever has dropped the
    /// last handle can open the directory again.
    fn drop(&mut self) {
        self.writer.shut();
        if let Err(fault) = self.database.close() {
            tracing::warn!(error = %with_causes(&fault), "could not close the database");
        }
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { path, options, .. } = &*self.inner;
        f.debug_struct("SledStore").field("path", path).field("options", options).finish_non_exhaustive()
    }
}
