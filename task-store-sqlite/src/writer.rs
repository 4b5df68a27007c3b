//! What callers see of writing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use task_core::{Changes, StoreError};

use crate::blocking::lock;
use crate::drain::{Desk, Shared};
use crate::engine::Engine;
use crate::error::Fault;
use crate::options::SqliteOptions;
use crate::queue::Queue;
use crate::reader::Idle;
use crate::work::Work;

/// Writes what many callers ask for, together: *group commit*.
///
/// Callers put work on a queue that is bounded by bytes and wait for the answer. One *drain* at a time, a blocking job
/// of the runtime, starts when the queue becomes non-empty, takes what is there, writes it in one transaction, answers,
/// and ends when the queue is empty. A caller that goes away takes nothing with it: its work stays in the queue.
///
/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Writer(Arc<Shared>);

impl Writer {
    pub(crate) fn new(
        path: PathBuf,
        options: SqliteOptions,
        changes: Changes,
        idle: Arc<Idle>,
        connection: Connection,
    ) -> Result<Self, Fault> {
        let engine = Engine::new(connection, None)?;
        Ok(Self(Arc::new(Shared {
            path,
            options,
            changes,
            idle_readers: idle,
            queue: Queue::new(),
            desk: Mutex::new(Desk { position: engine.position(), engine: Some(engine) }),
            timer: Mutex::default(),
        })))
    }

    /// Puts work on the queue, as soon as there is room, and waits until it is done.
    pub(crate) async fn submit(&self, work: Work) -> Result<(), StoreError> {
        let room = self.0.queue.room_for(&work).await?;
        let answer = self.0.push(work, Some(room))?;
        // The drain answers everything, unless it was torn away in the middle of it.
        answer.await.unwrap_or_else(|_| Err(Fault::Stopped("the writer was stopped").indeterminate()))
    }

    /// Publishes what others have written since the last look.
    pub(crate) async fn look(&self) -> Result<(), StoreError> {
        let answer = self.0.push(Work::Look, None)?;
        answer.await.unwrap_or(Ok(()))
    }

    /// Accepts nothing more.
    pub(crate) fn shut(&self) {
        self.0.queue.shut();
        self.0.timer_off();
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.0.queue.is_shut()
    }

    /// Waits until nothing is under way.
    pub(crate) async fn idle(&self) {
        self.0.queue.idle().await;
    }

    /// Moves everything into the database file and closes the connection. Blocks.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        let engine = lock(&self.0.desk).engine.take();
        engine.map_or(Ok(()), Engine::close)
    }
}
