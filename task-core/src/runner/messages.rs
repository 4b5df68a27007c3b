//! What a run is told.

use std::sync::Arc;

use super::context::RunContext;
use super::error::RunError;
use crate::model::{
    Content, Delivery, Lifecycle, MessageAdded, MessageDelivered, MessageId, Payload, Queued, Task,
};

/// A message that was delivered to the run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IncomingMessage {
    /// Names the message.
    pub id: MessageId,
    /// What it says.
    pub content: Vec<Content>,
    /// When its sender wanted it delivered.
    pub delivery: Delivery,
}

impl IncomingMessage {
    /// The text blocks, joined by blank lines.
    #[must_use]
    pub fn text(&self) -> String {
        self.content.iter().filter_map(Content::as_text).collect::<Vec<_>>().join("\n\n")
    }
}

impl RunContext {
    /// The next message, marked as delivered; `None` when none waits, and then the run may end.
    ///
    /// The first call gives the message the run was started for. A message sent with [`Delivery::Interrupt`] goes
    /// before the others. A message that comes after `None` starts the next run: nothing is swallowed.
    ///
    /// Not cancel safe: a call that was dropped may have taken a message, which then counts as delivered. Wait with
    /// [`RunContext::steered`] or [`RunContext::interrupted`] in a `select!`, and take the message outside of it.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     while let Some(message) = cx.next_message().await? {
    ///         cx.text(message.id.to_string(), message.text()).await?;
    ///     }
    ///     Ok(())                                           // a message that comes right now starts the next run
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    ///
    /// # Errors
    ///
    /// When the store failed, or the run is over.
    pub async fn next_message(&self) -> Result<Option<IncomingMessage>, RunError> {
        self.take(Task::next_queued).await
    }

    /// The next message that should reach the running turn now, marked as delivered: one that was sent with
    /// [`Delivery::Steer`] or [`Delivery::Interrupt`].
    ///
    /// Not cancel safe, as [`RunContext::next_message`].
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     while let Some(message) = cx.next_message().await? {
    ///         let mut wishes = vec![message.text()];
    ///         while let Some(more) = cx.next_steering().await? {          // between two steps of the turn
    ///             wishes.push(more.text());
    ///         }
    ///         cx.text("reply", wishes.join(", and ")).await?;
    ///     }
    ///     Ok(())
    /// }
    /// # use task_core::{Delivery, Message};
    /// # task_core::testing::examples::talk(agent, async |tasks, task| {
    /// #     tasks.send(task.id, Message::new("in Rust").delivery(Delivery::Steer)).await?;
    /// #     Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// When the store failed, or the run is over.
    pub async fn next_steering(&self) -> Result<Option<IncomingMessage>, RunError> {
        self.take(|task| task.next_queued_as(&[Delivery::Interrupt, Delivery::Steer])).await
    }

    /// Waits until a message should reach the running turn now; take it with [`RunContext::next_steering`]. Returns,
    /// too, when the run is over.
    ///
    /// Cancel safe: waiting takes nothing.
    ///
    /// ```
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     cx.next_message().await?;
    ///     let mut work = std::pin::pin!(work());
    ///     loop {
    ///         tokio::select! {
    ///             () = &mut work => return Ok(()),
    ///             () = cx.steered() => {
    ///                 if let Some(wish) = cx.next_steering().await? {
    ///                     cx.text("reply", format!("I keep in mind: {}", wish.text())).await?;
    ///                 }
    ///             }
    ///         }
    ///     }
    /// }
    /// # async fn work() {
    /// #     tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    /// # }
    /// # use task_core::{Delivery, Message};
    /// # task_core::testing::examples::talk(agent, async |tasks, task| {
    /// #     tasks.send(task.id, Message::new("in Rust").delivery(Delivery::Steer)).await?;
    /// #     let task = tasks.wait(task.id).await?;
    /// #     assert_eq!((task.queued_messages, task.run), (0, 1));
    /// #     Ok(())
    /// # });
    /// ```
    pub async fn steered(&self) {
        self.wait_for(|task| task.next_queued_as(&[Delivery::Interrupt, Delivery::Steer]).is_some()).await;
    }

    /// Waits until somebody wants the running turn stopped for a message; stop it, and take the message with
    /// [`RunContext::next_message`]. Returns, too, when the run is over.
    ///
    /// Cancel safe: waiting takes nothing.
    ///
    /// ```
    /// use task_core::{Output, RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     while let Some(_message) = cx.next_message().await? {
    ///         tokio::select! {
    ///             () = work() => cx.emit(Output::turn_ended("done")).await?,
    ///             // The work is dropped here; the next turn of the loop takes the message.
    ///             () = cx.interrupted() => cx.emit(Output::turn_ended("interrupted")).await?,
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// # async fn work() {
    /// #     tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    /// # }
    /// # use task_core::{Delivery, Message};
    /// # task_core::testing::examples::talk(agent, async |tasks, task| {
    /// #     tasks.send(task.id, Message::new("in Rust").delivery(Delivery::Interrupt)).await?;
    /// #     let task = tasks.wait(task.id).await?;
    /// #     assert_eq!((task.queued_messages, task.run), (0, 1));
    /// #     Ok(())
    /// # });
    /// ```
    pub async fn interrupted(&self) {
        self.wait_for(|task| task.next_queued_as(&[Delivery::Interrupt]).is_some()).await;
    }

    /// Waits until any message waits; take it with [`RunContext::next_message`]. For runs that keep an agent at hand
    /// between messages. Returns, too, when the run is over.
    ///
    /// Cancel safe: waiting takes nothing.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use tokio::time::timeout;
    /// use task_core::{RunContext, RunResult};
    ///
    /// async fn agent(cx: RunContext) -> RunResult {
    ///     loop {
    ///         while let Some(message) = cx.next_message().await? {
    ///             cx.text("reply", message.text()).await?;
    ///         }
    ///         // What was expensive to start is kept for a minute.
    ///         if timeout(Duration::from_secs(60), cx.message_waiting()).await.is_err() {
    ///             return Ok(());
    ///         }
    ///     }
    /// }
    /// # task_core::testing::examples::completes(agent);
    /// ```
    pub async fn message_waiting(&self) {
        self.wait_for(|task| task.next_queued().is_some()).await;
    }

    async fn take<F>(&self, pick: F) -> Result<Option<IncomingMessage>, RunError>
    where
        F: Fn(&Task) -> Option<Queued> + Send + Sync + 'static,
    {
        let (run, pick) = (self.run(), Arc::new(pick));
        // What it says is read first: a message that counts as delivered must have reached the runner.
        let (queued, event) = loop {
            let first = Arc::clone(&pick);
            let Some(queued) = self.update(move |draft| Ok(first(draft.task()))).await? else {
                return Ok(None);
            };
            let event = self.0.journal.event(self.0.task.id, queued.seq).await?;
            let still = Arc::clone(&pick);
            let taken = self.update(move |draft| {
                let taken = still(draft.task()) == Some(queued);
                if taken {
                    draft.record(MessageDelivered { message_id: queued.id, run })?;
                }
                Ok(taken)
            });
            if taken.await? {
                break (queued, event);
            }
        };
        let Payload::Lifecycle(Lifecycle::Message(MessageAdded { message_id, content, delivery })) =
            event.payload()
        else {
            return Err(RunError::new(format!(
                "event {} of the log is not the message it should be",
                queued.seq
            )));
        };
        Ok(Some(IncomingMessage { id: message_id, content, delivery }))
    }
}
