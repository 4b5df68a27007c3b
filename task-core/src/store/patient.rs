use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::stream::BoxStream;

use super::hints::hints;
use super::{Change, Commit, Keyed, StoreError, TaskPage, TaskQuery, TaskStore};
use crate::model::{Event, InstanceId, Seq, StatusCounts, Task, TaskId};
use crate::rt::time::timeout;

/// A store that may not answer at all, or not tell all, or panic: nobody waits for it for ever, a log with a gap is
/// damage, and a panic is an error, so that it ends nobody who works for others too.
///
/// What takes too long is dropped and [`StoreError::Unavailable`]. Commits and removals pass: whoever asks for one has
/// to know what becomes of it, and has a patience of its own. How far one came that panicked is not known.
pub(crate) struct PatientStore(pub(crate) Arc<dyn TaskStore>);

#[async_trait]
impl TaskStore for PatientStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        caught(self.0.commit(commit)).await.unwrap_or_else(|panic| Err(StoreError::indeterminate(panic)))
    }

    async fn load(&self, task: TaskId) -> Result<Task, StoreError> {
        within(LOOK, self.0.load(task)).await
    }

    async fn events(
        &self,
        task: TaskId,
        after: Seq,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let events = within(READ, self.0.events(task, after, limit, max_bytes)).await?;
        check_whole(task, after, &events)?;
        Ok(events)
    }

    async fn list(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        within(READ, self.0.list(query)).await
    }

    async fn counts(&self) -> Result<StatusCounts, StoreError> {
        within(LOOK, self.0.counts()).await
    }

    async fn find_key(&self, key: &str) -> Result<Option<Keyed>, StoreError> {
        within(LOOK, self.0.find_key(key)).await
    }

    async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        caught(self.0.remove(task, expected))
            .await
            .unwrap_or_else(|panic| Err(StoreError::indeterminate(panic)))
    }

    async fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        within(LOOK, self.0.claim(instance)).await
    }

    async fn keep_alive(&self, instance: InstanceId) -> Result<(), StoreError> {
        within(LOOK, self.0.keep_alive(instance)).await
    }

    async fn orphans(&self, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
        within(READ, self.0.orphans(instance)).await
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        within(LOOK, self.0.release(instance)).await
    }

    fn changes(&self, except: InstanceId) -> BoxStream<'static, Change> {
        hints(Arc::clone(&self.0), except)
    }

    async fn close(&self) -> Result<(), StoreError> {
        within(CLOSE, self.0.close()).await
    }
}

impl fmt::Debug for PatientStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatientStore").finish_non_exhaustive()
    }
}

async fn within<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match timeout(patience, caught(call)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(panic)) => Err(StoreError::unavailable(panic)),
        Err(_) => Err(StoreError::unavailable(no_answer(patience))),
    }
}

/// What the call gives, or what is said of one that panicked; the words of the panic are where panics are reported.
async fn caught<T>(call: impl Future<Output = T>) -> Result<T, &'static str> {
    // Nothing of core is inside of the call, and what a store keeps between calls is its own.
    AssertUnwindSafe(call).catch_unwind().await.map_err(|_| "the store panicked")
}

/// Events have numbers without gap, so one that is missing can be seen.
fn check_whole(task: TaskId, after: Seq, events: &[Event]) -> Result<(), StoreError> {
    let mut expected = after.next();
    for event in events {
        if event.seq() != expected {
            let what =
                format!("the log of task {task} has no event {expected}, and has event {}", event.seq());
            return Err(StoreError::Corrupt { what, source: None });
        }
        expected = expected.next();
    }
    Ok(())
}

/// What is said of a store that does not answer.
pub(crate) fn no_answer(patience: Duration) -> String {
    format!("the store did not answer within {patience:?}")
}

/// For what a store looks up. A command does this before it commits.
const LOOK: Duration = Duration::from_secs(3);

/// For what a store may have to search.
const READ: Duration = Duration::from_secs(30);

/// For what is still under way when a store is closed.
const CLOSE: Duration = Duration::from_secs(10);
