//! The contract between core and a place that keeps logs.

mod changes;
mod commit;
mod error;
mod hints;
mod patient;
mod query;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::model::{Event, InstanceId, Seq, StatusCounts, Task, TaskId};

pub use changes::{Change, Changes};
pub use commit::{Commit, Durability, Keyed};
pub(crate) use commit::{Contents, KeyedEvent};
pub use error::{BoxError, StoreError};
pub(crate) use patient::{PatientStore, no_answer};
pub use query::{Cursor, Order, TaskPage, TaskQuery};

/// A place that keeps the logs of tasks.
///
/// # The two parties
///
/// *Core* decides what is recorded: only core can make a [`Commit`], so a store never sees a wrong transition and
/// never looks inside an event. *A store* keeps what it is given, in order, whole, and gives it back unchanged. What
/// readers see live, and what they are woken by, is core's business: a store has no streams to get wrong, but for
/// the hints of [`TaskStore::changes`].
///
/// A handle is cheap to clone where it is `Clone`; clones share the store.
///
/// # Rules for every method
///
/// * **An error changes nothing**, except [`StoreError::Indeterminate`], which says that it may have.
/// * **Dropping a future** may or may not stop what it does; a commit that was under way may still land, whole.
/// * **No method blocks** the thread it is polled on.
/// * **A read that is not polled holds up nobody.** Whoever begins one may turn to something else: a place in a line that
///   is kept for it meanwhile, as that of a pool of connections, must not be one that others need.
/// * **Nobody waits for ever**: core drops a call that takes too long, some seconds for what is looked up and half a
///   minute for what is searched. It goes on waiting for a commit or a removal, but lets nobody else wait with it.
/// * **A panic is taken for an error**: core goes on as if the call had returned [`StoreError::Unavailable`], and
///   [`StoreError::Indeterminate`] for a commit or a removal; to hints that panicked it listens again after a while.
/// * A task that does not exist, or was removed, is [`StoreError::NotFound`].
///
/// There are no default methods: what is forgotten must not compile. Every clause has a case in the conformance kit.
#[cfg_attr(
    feature = "testing",
    doc = "",
    doc = "See [`testing`](crate::testing#the-conformance-kit) for how a store mounts it."
)]
#[async_trait]
pub trait TaskStore: Send + Sync + 'static {
    /// Writes a commit: its events, the snapshot after them and its idempotency key, together or not at all.
    ///
    /// # Guarantees
    ///
    /// * When it returns `Ok`, every later read of any handle sees the commit, and it survives what
    ///   [`Commit::durability`] asks for, unless the store was told by its user to promise less.
    /// * It is refused with [`StoreError::Conflict`] unless the log ends exactly at [`Commit::expected`]; the first
    ///   commit of a task expects [`Seq::ZERO`] and that the task does not exist. A later commit of a task that does
    ///   not exist is [`StoreError::NotFound`].
    /// * It is refused with [`StoreError::Duplicate`] when its key is taken; the error says by which event.
    /// * Of several commits that expect the same position, at most one is written.
    /// * No reader ever sees a part of a commit.
    async fn commit(&self, commit: Commit) -> Result<(), StoreError>;

    /// The snapshot of a task, with `seq` and `last_event_at` of its newest event.
    async fn load(&self, task: TaskId) -> Result<Task, StoreError>;

    /// The events *after* the position `after`, exclusive, in order, without gap: at most `limit` of them, and no
    /// more than about `max_bytes` of their data, but at least one if there is one. Empty at and beyond the end.
    /// [`StoredPage`](crate::StoredPage) makes them, and sees to the bytes.
    async fn events(
        &self,
        task: TaskId,
        after: Seq,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, StoreError>;

    /// A page of snapshots. Walking all pages gives every task that matched from beginning to end exactly once,
    /// whatever is added meanwhile.
    async fn list(&self, query: &TaskQuery) -> Result<TaskPage, StoreError>;

    /// How many tasks are in each state, at one moment.
    async fn counts(&self) -> Result<StatusCounts, StoreError>;

    /// Where the commit with this idempotency key was recorded.
    async fn find_key(&self, key: &str) -> Result<Option<Keyed>, StoreError>;

    /// Forgets a task with its events and keys, if its log ends exactly at `expected`; otherwise
    /// [`StoreError::Conflict`].
    async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError>;

    /// Makes `instance` an owner: one that may run tasks.
    ///
    /// A store of which only one process can be the owner refuses the second with [`StoreError::Owned`], until the
    /// first released it or its process ended, however it ended.
    async fn claim(&self, instance: InstanceId) -> Result<(), StoreError>;

    /// Says that `instance` is alive. Core calls this every few seconds, and before it starts runs: it should be quick.
    /// A store that sees the death of a process by other means has nothing to do. [`StoreError::Owned`] when ownership
    /// was lost.
    async fn keep_alive(&self, instance: InstanceId) -> Result<(), StoreError>;

    /// The tasks that are running or awaiting input and whose owner is neither `instance` nor alive.
    async fn orphans(&self, instance: InstanceId) -> Result<Vec<TaskId>, StoreError>;

    /// Gives ownership back. Nothing happens when `instance` has none.
    async fn release(&self, instance: InstanceId) -> Result<(), StoreError>;

    /// What others change, from now on: every commit and removal that does not come from `except`, here or in
    /// another process. Hints: they may come late, together, or for nothing; none may be left out for long.
    ///
    /// The stream ends when the store is closed.
    fn changes(&self, except: InstanceId) -> BoxStream<'static, Change>;

    /// Finishes what is under way and gives files and connections back. Later calls are [`StoreError::Closed`].
    /// Closing twice is fine.
    async fn close(&self) -> Result<(), StoreError>;
}

impl fmt::Debug for dyn TaskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskStore")
    }
}

#[async_trait]
impl<S: TaskStore + ?Sized> TaskStore for Arc<S> {
    // The future of the store itself, without another one around it: every event comes through here.
    fn commit<'a, 'b>(&'a self, commit: Commit) -> BoxFuture<'b, Result<(), StoreError>>
    where
        'a: 'b,
    {
        (**self).commit(commit)
    }

    async fn load(&self, task: TaskId) -> Result<Task, StoreError> {
        (**self).load(task).await
    }

    async fn events(
        &self,
        task: TaskId,
        after: Seq,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, StoreError> {
        (**self).events(task, after, limit, max_bytes).await
    }

    async fn list(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        (**self).list(query).await
    }

    async fn counts(&self) -> Result<StatusCounts, StoreError> {
        (**self).counts().await
    }

    async fn find_key(&self, key: &str) -> Result<Option<Keyed>, StoreError> {
        (**self).find_key(key).await
    }

    async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        (**self).remove(task, expected).await
    }

    async fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        (**self).claim(instance).await
    }

    async fn keep_alive(&self, instance: InstanceId) -> Result<(), StoreError> {
        (**self).keep_alive(instance).await
    }

    async fn orphans(&self, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
        (**self).orphans(instance).await
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        (**self).release(instance).await
    }

    fn changes(&self, except: InstanceId) -> BoxStream<'static, Change> {
        (**self).changes(except)
    }

    async fn close(&self) -> Result<(), StoreError> {
        (**self).close().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only has to compile: the trait stays object-safe, and shared handles are stores.
    #[expect(dead_code, reason = "only has to compile")]
    fn is_object_safe(store: Arc<dyn TaskStore>) -> impl TaskStore {
        store
    }
}
