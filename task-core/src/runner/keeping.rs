//! What survives a restart.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::RunContext;
use super::error::{RunError, RunResult};
use crate::error::TaskError;
use crate::log::Subscription;
use crate::model::{Checkpoint, Json, Seq, SessionSet};

impl RunContext {
    /// Keeps what the agent resumes from: the `session_id` of the task.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     let session = match &cx.task().session_id {
    ///         Some(session) => session.clone(),
    ///         None => {
    ///             let session = begin();
    ///             cx.set_session(&session).await?;
    ///             session
    ///         }
    ///     };
    ///     cx.text("reply", format!("in session {session}")).await
    /// }
    /// # fn begin() -> String {
    /// #     "s-1".to_owned()
    /// # }
    /// # task_core::testing::examples::talk(agent, async |tasks, task| {
    /// #     assert_eq!(tasks.wait(task.id).await?.session_id.as_deref(), Some("s-1"));
    /// #     Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// When the store failed, or the run is over.
    pub async fn set_session(&self, session_id: impl Into<String>) -> RunResult {
        let session_id = session_id.into();
        self.update(move |draft| {
            if draft.task().session_id.as_ref() != Some(&session_id) {
                draft.record(SessionSet { session_id: session_id.clone() })?;
            }
            Ok(())
        })
        .await
    }

    /// Saves where the runner is. Returns when it is stored.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     let done: u32 = cx.last_checkpoint().await?.unwrap_or(0);
    ///     for page in done..10 {
    ///         cx.text("reply", format!("page {page}\n")).await?;
    ///         cx.checkpoint(&(page + 1)).await?;           // a run that follows begins after this page
    ///     }
    ///     Ok(())
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    ///
    /// # Errors
    ///
    /// When `state` has no JSON form, exceeds the limit of one event, the store failed, or the run is over.
    pub async fn checkpoint<T: Serialize + ?Sized>(&self, state: &T) -> RunResult {
        let data = Json::new(state)?;
        let limit = self.0.journal.limits().event_bytes;
        TaskError::check("the size of a checkpoint in bytes", data.as_str().len(), limit)?;
        self.update(move |draft| draft.record(Checkpoint { data: data.clone() }).map(drop)).await
    }

    /// What the newest checkpoint of the task saved, in this run or an earlier one.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     cx.checkpoint(&("draft", 3)).await?;
    ///     let (phase, round): (String, u32) = cx.last_checkpoint().await?.unwrap_or_default();
    ///     assert_eq!((phase.as_str(), round), ("draft", 3));
    ///     Ok(())
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or what was saved has not the shape of a `T`.
    pub async fn last_checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, RunError> {
        let newest = self.0.writer.snapshot().get().0.and_then(|task| task.book.checkpoint);
        let Some(seq) = newest.or(self.0.task.book.checkpoint) else { return Ok(None) };
        let event = self.0.journal.event(self.0.task.id, seq).await?;
        let checkpoint: Checkpoint = event.decode()?;
        Ok(Some(checkpoint.data.decode()?))
    }

    /// The log of the task from its beginning, what this run adds included; it does not end before the task settles.
    ///
    /// ```
    /// use task_core::{Chunk, RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     let mut said = 0;
    ///     let mut events = cx.history();
    ///     while let Some(chunk) = events.next_chunk().await {
    ///         match chunk? {
    ///             Chunk::Events(batch) => said += batch.as_slice().len(),
    ///             _ => break,                              // replay met live
    ///         }
    ///     }
    ///     cx.text("reply", format!("{said} events so far")).await
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    pub fn history(&self) -> Subscription {
        Subscription::new(self.0.journal.clone(), self.0.task.id, Seq::ZERO)
    }
}
