use std::fmt;
use std::sync::{Arc, Mutex};

use task_core::{Changes, StoreError};

use crate::blocking::lock;
use crate::drain::{STOPPED, Shared};
use crate::engine::Engine;
use crate::queue::Queue;
use crate::timer::Timer;
use crate::work::Work;

/// Writes what many callers ask for, together: *group commit*.
///
/// Callers put work on a queue that is bounded by bytes and wait for the answer. One *drain* at a time, a blocking job
/// of the runtime, starts when the queue becomes non-empty, takes what is there, has the [`Engine`] write it in one
/// batch, answers, tells the changes, and ends when the queue is empty. A caller that goes away takes nothing with it:
/// its work stays in the queue.
///
/// A cheap handle; clones share everything. It belongs to no runtime: each drain runs on that of the caller that started
/// it, and when that one goes away the next caller starts another.
pub struct Writer<E: Engine>(Arc<Shared<E>>);

impl<E: Engine> Writer<E> {
    /// Writes with `engine`, and tells `changes` what was done.
    #[must_use]
    pub fn new(engine: E, changes: Changes) -> Self {
        let (engine, queue, timer) = (Mutex::new(engine), Queue::new(), Timer::default());
        Self(Arc::new(Shared { engine, changes, queue, timer }))
    }

    /// Puts work on the queue, as soon as there is room, and waits until it is done.
    ///
    /// Dropped before it has returned, the work may be done or not.
    ///
    /// # Errors
    ///
    /// * Those of [`Engine::write`].
    /// * [`StoreError::Closed`] after [`Writer::shut`].
    /// * [`StoreError::Unavailable`] when it was not begun: there is no runtime or no thread to write on, the runtime
    ///   went away, or the engine panicked over what was before it.
    /// * [`StoreError::Indeterminate`] when the engine panicked over it.
    pub async fn submit(&self, work: E::Work) -> Result<(), StoreError> {
        let room = self.0.queue.room_for(work.bytes()).await?;
        let answer = self.0.push(work, Some(room))?;
        // The drain answers everything, unless it was torn away in the middle of it.
        answer.await.unwrap_or_else(|_| Err(StoreError::indeterminate(STOPPED)))
    }

    /// The same without waiting for room: for small work of the store itself.
    ///
    /// # Errors
    ///
    /// As [`Writer::submit`].
    pub async fn submit_now(&self, work: E::Work) -> Result<(), StoreError> {
        let answer = self.0.push(work, None)?;
        answer.await.unwrap_or_else(|_| Err(StoreError::indeterminate(STOPPED)))
    }

    /// Accepts nothing more. What waits is written, chores are left.
    pub fn shut(&self) {
        self.0.queue.shut();
        self.0.timer.stop();
    }

    /// Whether it accepts nothing more.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.0.queue.is_shut()
    }

    /// Waits until nothing is under way: after [`Writer::shut`], for good.
    pub async fn idle(&self) {
        self.0.queue.idle().await;
    }

    /// Uses the engine between two batches: to close it, once nothing is under way. Blocks until a batch that is being
    /// written is done.
    pub fn with_engine<T>(&self, work: impl FnOnce(&mut E) -> T) -> T {
        work(&mut lock(&self.0.engine))
    }
}

impl<E: Engine> Clone for Writer<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E: Engine> fmt::Debug for Writer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("shut", &self.is_shut()).finish_non_exhaustive()
    }
}
