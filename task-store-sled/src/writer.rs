//! What callers see of writing.

use std::sync::{Arc, Mutex};

use task_core::{Changes, StoreError};

use crate::batch::Engine;
use crate::database::Database;
use crate::drain::{STOPPED, Shared};
use crate::options::DurabilityPolicy;
use crate::queue::Queue;
use crate::work::Work;

/// Writes what many callers ask for, together: *group commit*.
///
/// Callers put work on a queue that is bounded by bytes and wait for the answer. One *drain* at a time, a blocking job
/// of the runtime, starts when the queue becomes non-empty, takes what is there, writes it in one batch, answers, and
/// ends when the queue is empty. A caller that goes away takes nothing with it: its work stays in the queue.
///
/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Writer(Arc<Shared>);

impl Writer {
    pub(crate) fn new(
        database: Arc<Database>,
        durability: DurabilityPolicy,
        changes: Changes,
    ) -> Result<Self, StoreError> {
        let engine = Mutex::new(Engine::new(Arc::clone(&database))?);
        let (queue, timer) = (Queue::new(), Mutex::default());
        Ok(Self(Arc::new(Shared { database, durability, changes, queue, engine, timer })))
    }

    /// Puts work on the queue, as soon as there is room, and waits until it is done.
    pub(crate) async fn submit(&self, work: Work) -> Result<(), StoreError> {
        let room = self.0.queue.room_for(&work).await?;
        let answer = self.0.push(work, Some(room))?;
        // The drain answers everything, unless it was torn away in the middle of it.
        answer.await.unwrap_or_else(|_| Err(STOPPED.indeterminate()))
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
}
