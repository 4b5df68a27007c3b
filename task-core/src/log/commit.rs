//! How a commit reaches a store that fails now and then, or does not answer.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::ledger::Ledger;
use crate::model::{Seq, TaskId};
use crate::rt::select;
use crate::rt::time::{Instant, sleep, timeout_at};
use crate::store::{Commit, StoreError, no_answer};
use crate::with_causes;

impl Ledger {
    /// Stores a commit. Call it only from a task of the tracker: the one who stores must live to publish.
    ///
    /// A store that fails for a moment is asked again, always with the same commit: a commit whose fate is unknown
    /// is either found in the log, event for event, or written then. Its numbers never get other content.
    ///
    /// After `patience` whoever waits is told what is known by then. A commit of which the fate is not known then is
    /// looked after: should it turn out to be stored, `late` passes that on like what somebody else wrote. It is told
    /// the task, and where its log ends.
    pub(super) async fn commit(
        &self,
        commit: &Commit,
        patience: Duration,
        late: impl FnOnce(TaskId, Seq) + Send + 'static,
    ) -> Result<(), StoreError> {
        let give_up = Instant::now() + patience;
        let (mut delay, mut in_doubt) = (FIRST_DELAY, false);
        loop {
            // It was stored, then: tried again, it would come back.
            if in_doubt && self.creations().is_removed(commit.task()) {
                return Ok(());
            }
            let mut call = self.call(commit);
            let error = match timeout_at(give_up, &mut call).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => {
                    self.look_after(commit.task(), Some(call), late);
                    return Err(StoreError::indeterminate(no_answer(patience)));
                }
            };
            let error = match error {
                StoreError::Conflict { .. } | StoreError::Duplicate { .. } if in_doubt => {
                    match self.is_stored(commit).await {
                        Ok(true) => return Ok(()),
                        Ok(false) => return Err(error),
                        // The log cannot be read now: the doubt remains.
                        Err(unread) => unread,
                    }
                }
                error => error,
            };
            in_doubt |= matches!(error, StoreError::Indeterminate { .. });
            if !error.is_transient() || Instant::now() + delay >= give_up {
                // A task that is gone has no commits.
                if !in_doubt || matches!(error, StoreError::NotFound(_)) {
                    return Err(error);
                }
                self.look_after(commit.task(), None, late);
                return Err(match error {
                    StoreError::Unavailable { source } | StoreError::Indeterminate { source } => {
                        StoreError::Indeterminate { source }
                    }
                    error => StoreError::indeterminate(error),
                });
            }
            tracing::warn!(task = %commit.task(), error = %with_causes(&error), "commit failed; trying again");
            sleep(delay).await;
            delay = (delay * 2).min(LAST_DELAY);
        }
    }

    fn call(&self, commit: &Commit) -> BoxFuture<'static, Result<(), StoreError>> {
        let (store, commit) = (Arc::clone(self.store()), commit.clone());
        Box::pin(async move { store.commit(commit).await })
    }

    /// Waits for a commit that nobody waits for any more, and then until the log can be read: whoever follows the task,
    /// or has to run it, must not depend on somebody else moving it.
    fn look_after(
        &self,
        task: TaskId,
        call: Option<BoxFuture<'static, Result<(), StoreError>>>,
        late: impl FnOnce(TaskId, Seq) + Send + 'static,
    ) {
        let ledger = self.clone();
        let work = async move {
            if let Some(call) = call {
                // What it is told is in the log, too.
                drop(call.await);
            }
            loop {
                match ledger.store().load(task).await {
                    Ok(found) => return late(task, found.seq),
                    Err(error) if error.is_transient() => sleep(LAST_DELAY).await,
                    Err(_) => return,
                }
            }
        };
        let closed = self.closed().clone();
        self.tracker().spawn(async move {
            select! {
                () = closed.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Whether the log has exactly these events at their positions.
    async fn is_stored(&self, commit: &Commit) -> Result<bool, StoreError> {
        let mut after = commit.expected();
        for event in commit.events() {
            match self.store().events(commit.task(), after, 1, usize::MAX).await {
                Ok(found) if found.first() == Some(event) => after = event.seq(),
                Ok(_) | Err(StoreError::NotFound(_)) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

const FIRST_DELAY: Duration = Duration::from_millis(10);
const LAST_DELAY: Duration = Duration::from_secs(1);
