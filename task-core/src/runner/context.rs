use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::RunId;
use super::ask::{Answer, Ask};
use super::error::{RunError, RunResult};
use crate::error::TaskError;
use crate::log::{Draft, Journal, Subscription, Writer};
use crate::model::{
    Checkpoint, Content, Custom, Delivery, InputAnswered, InstanceId, Json, Lifecycle, MessageAdded,
    MessageDelivered, MessageId, Notice, NoticeLevel, Output, Payload, Queued, Seq, SessionSet, Task,
    ToolCall, ToolUpdate,
};
use crate::rt::sync::{CancellationToken, Mutex};
use crate::rt::{lock, select};

/// What a run works with: its task, its messages, and the way to the log.
///
/// A cheap handle; clones belong to the same run. Once the run is over, everything that writes is an error.
///
/// Everything emitted is *accepted* in order and written behind the runner's back, so that a run is not slowed by each
/// write; when the store cannot keep up, `emit` waits. Nobody sees an event that is not stored.
#[derive(Clone)]
pub struct RunContext(Arc<RunParts>);

/// What a run consists of.
pub(crate) struct RunParts {
    pub(crate) journal: Journal,
    pub(crate) writer: Arc<Writer>,
    pub(crate) task: Task,
    pub(crate) instance: InstanceId,
    pub(crate) cancel: CancellationToken,
    /// How often each question without a name was asked.
    pub(crate) asked: Mutex<HashMap<String, u32>>,
}

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
    pub(crate) fn new(parts: RunParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The task as it was when the run started.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.0.task
    }

    /// Counts the runs of the task, from 1.
    #[must_use]
    pub fn run(&self) -> u32 {
        self.0.task.run
    }

    /// Names this run.
    #[must_use]
    pub fn id(&self) -> RunId {
        RunId::new(self.0.task.id, self.0.task.run)
    }

    /// Whether the run before this one was interrupted, by a restart or a shutdown, rather than ended: then this one
    /// goes on where that one was, as far as the runner knows how.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.0.task.book.chain != self.run()
    }

    // Output.

    /// Adds output to the log. Returns when it is accepted: it will be written, in order. Waits while too much is
    /// waiting to be written.
    ///
    /// Cancel safe: a call that was dropped before it returned accepted nothing.
    ///
    /// # Errors
    ///
    /// When the output exceeds the limit of one event, the store failed for good, or the output has the name of a
    /// kind that only core writes.
    pub async fn emit(&self, output: impl Into<Output>) -> RunResult {
        let output = output.into();
        if matches!(output, Output::Other { .. }) {
            let reason = format!("`{}` is no kind a runner can write; use `custom`", output.kind());
            return Err(TaskError::invalid("kind", reason).into());
        }
        Ok(self.0.writer.emit(self.run(), output).await?)
    }

    /// Appends text to the block `block`. Pieces that wait to be written together become one event.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn text(&self, block: impl Into<String>, text: impl Into<String>) -> RunResult {
        self.emit(Output::text(block, text)).await
    }

    /// Appends reasoning to the block `block`.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn thinking(&self, block: impl Into<String>, text: impl Into<String>) -> RunResult {
        self.emit(Output::thinking(block, text)).await
    }

    /// Says that a tool is called.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn tool_call(&self, call: ToolCall) -> RunResult {
        self.emit(call).await
    }

    /// Says how a tool call went on.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn tool_update(&self, update: ToolUpdate) -> RunResult {
        self.emit(update).await
    }

    /// Remarks something about the run.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`].
    pub async fn notice(&self, level: NoticeLevel, text: impl Into<String>) -> RunResult {
        self.emit(Notice { level, text: text.into() }).await
    }

    /// Emits anything the runner's own front end understands.
    ///
    /// # Errors
    ///
    /// As [`RunContext::emit`], and when `data` has no JSON form.
    pub async fn custom<T: Serialize + ?Sized>(&self, name: impl Into<String>, data: &T) -> RunResult {
        self.emit(Custom::new(name, Json::new(data)?)).await
    }

    /// Waits until everything emitted so far is stored: viewers can see it, and the death of the process does not take
    /// it back.
    ///
    /// # Errors
    ///
    /// When the store failed for good, or the run is over, or another process took the task over.
    pub async fn flush(&self) -> RunResult {
        // Output of a run that another process took over is not written, so it is not enough that the writer is done.
        self.update(|_| Ok(())).await?;
        Ok(self.0.writer.check(self.run())?)
    }

    // Messages.

    /// The next message, marked as delivered; `None` when none waits, and then the run may end.
    ///
    /// The first call gives the message the run was started for. A message sent with [`Delivery::Interrupt`] goes
    /// before the others. A message that comes after `None` starts the next run: nothing is swallowed.
    ///
    /// Not cancel safe: a call that was dropped may have taken a message, which then counts as delivered. Wait with
    /// [`RunContext::steered`] or [`RunContext::interrupted`] in a `select!`, and take the message outside of it.
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
    pub async fn steered(&self) {
        self.wait_for(|task| task.next_queued_as(&[Delivery::Interrupt, Delivery::Steer]).is_some()).await;
    }

    /// Waits until somebody wants the running turn stopped for a message; stop it, and take the message with
    /// [`RunContext::next_message`]. Returns, too, when the run is over.
    ///
    /// Cancel safe: waiting takes nothing.
    pub async fn interrupted(&self) {
        self.wait_for(|task| task.next_queued_as(&[Delivery::Interrupt]).is_some()).await;
    }

    /// Waits until any message waits; take it with [`RunContext::next_message`]. For runs that keep an agent at hand
    /// between messages. Returns, too, when the run is over.
    ///
    /// Cancel safe: waiting takes nothing.
    pub async fn message_waiting(&self) {
        self.wait_for(|task| task.next_queued().is_some()).await;
    }

    // Questions.

    /// Asks whoever looks after the task, and waits for the answer: minutes, days, over restarts.
    ///
    /// The question is in the log for every viewer. The first answer wins. When the run is interrupted the question
    /// stays open; an answer then starts the next run, which gets it at once when it asks under the same
    /// [key](Ask::key).
    ///
    /// Cancel safe: dropping the call leaves the question open; asking again under the same key waits for it.
    ///
    /// # Errors
    ///
    /// When the question is not valid, the store failed, or the run is over or asked to stop.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, RunError> {
        let limits = self.0.journal.limits();
        ask.check(limits.message_bytes)?;
        let limit = limits.open_requests;
        let key = match &ask.key {
            Some(key) => key.clone(),
            None => self.unnamed(&ask),
        };
        let id = self.0.task.id;
        let request_id = self.0.task.request_id(&key);
        let mut answers_seen = None;
        loop {
            // An answer to an earlier run, or one that comes right now. What was counted before looking tells whether
            // the look is still good when the question is recorded: an answer in between must not be asked for again.
            if let Some(answer) = self.0.journal.answer(id, &request_id).await? {
                return Ok(answer.into());
            }
            let (question, seen) = (ask.clone().into_request(&request_id), answers_seen);
            let (answers, open) = self.update(move |draft| question.open(draft, seen, limit)).await?;
            if open {
                break;
            }
            answers_seen = Some(answers);
        }

        // Answered or closed: either way it is no longer open.
        select! {
            biased;
            () = self.wait_for(|task| task.request(&request_id).is_none()) => {}
            () = self.0.cancel.cancelled() => {}
        }
        match self.0.journal.answer(id, &request_id).await? {
            Some(answer) => Ok(answer.into()),
            None => {
                Err(RunError::new(format!("the run was asked to stop while request `{request_id}` was open")))
            }
        }
    }

    /// Takes back the question that was asked under `key`, when what wanted to know is gone: nobody has to answer it any
    /// more. It counts as answered, by `runner`, with `answer`; asking under the same key again asks anew. Does nothing
    /// when the question is not open: whoever answered first was first.
    ///
    /// Drop the call of [`RunContext::ask`] before.
    ///
    /// # Errors
    ///
    /// When the store failed, or the run is over.
    pub async fn withdraw(&self, key: &str, answer: impl Into<Value>) -> RunResult {
        let (request_id, answer) = (self.0.task.request_id(key), answer.into());
        self.update(move |draft| {
            if draft.task().request(&request_id).is_some() {
                let (request_id, answer) = (request_id.clone(), answer.clone());
                draft.record(InputAnswered { request_id, answer, by: "runner".to_owned() })?;
            }
            Ok(())
        })
        .await
    }

    // What survives a restart.

    /// Keeps what the agent resumes from: the `session_id` of the task.
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
    /// # Errors
    ///
    /// When the store cannot be read, or what was saved has not the shape of a `T`.
    pub async fn last_checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, RunError> {
        let newest = self.0.writer.snapshots().borrow().as_ref().and_then(|task| task.book.checkpoint);
        let Some(seq) = newest.or(self.0.task.book.checkpoint) else { return Ok(None) };
        let event = self.0.journal.event(self.0.task.id, seq).await?;
        let checkpoint: Checkpoint = event.decode()?;
        Ok(Some(checkpoint.data.decode()?))
    }

    /// The log of the task from its beginning, what this run adds included; it does not end before the task settles.
    pub fn history(&self) -> Subscription {
        Subscription::new(self.0.journal.clone(), self.0.task.id, Seq::ZERO)
    }

    // Stopping.

    /// Waits until the run should stop: somebody cancelled the task, the process shuts down, or a time limit passed.
    /// Return soon after; what is emitted until then is kept.
    ///
    /// Cancel safe.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.cancel.clone().cancelled_owned()
    }

    /// Whether the run should stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancel.is_cancelled()
    }

    /// Tells later whether the run still holds on to its context.
    #[cfg(feature = "testing")]
    pub(crate) fn watch(&self) -> std::sync::Weak<RunParts> {
        Arc::downgrade(&self.0)
    }

    /// The name of a question that was given none: what is asked, and how often this run asked that before. So only
    /// the same question finds an earlier answer.
    fn unnamed(&self, ask: &Ask) -> String {
        let asks = ask.digest();
        let mut asked = lock(&self.0.asked);
        let times = asked.entry(asks.clone()).or_default();
        *times += 1;
        // No name that a runner may give has a tilde.
        format!("~{asks}.{times}")
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

    /// Changes the task, as long as this run is the one that runs it.
    async fn update<T, F>(&self, mut change: F) -> Result<T, RunError>
    where
        T: Send + 'static,
        F: FnMut(&mut Draft) -> Result<T, TaskError> + Send + 'static,
    {
        let (run, instance) = (self.run(), self.0.instance);
        self.0.writer.check(run)?;
        let outcome = self
            .0
            .writer
            .update_in_run(move |draft| {
                let task = draft.task();
                if !task.status.is_active() || task.run != run || task.owner() != Some(instance) {
                    return Err(TaskError::wrong_state(task.status, crate::TaskStatus::Running));
                }
                change(draft)
            })
            .await;
        Ok(outcome?)
    }

    /// Waits until the snapshot is as wanted, or the run can no longer go on.
    async fn wait_for(&self, wanted: impl Fn(&Task) -> bool) {
        let run = self.run();
        let mut snapshots = self.0.writer.snapshots();
        let reached = |task: &Option<Arc<Task>>| {
            let over = self.0.writer.check(run).is_err();
            over || task
                .as_ref()
                .is_some_and(|task| task.run != run || !task.status.is_active() || wanted(task))
        };
        // The writer lives as long as this run does, so the sender is there.
        drop(snapshots.wait_for(reached).await);
    }
}

impl fmt::Debug for RunContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunContext")
            .field("task", &self.0.task.id)
            .field("run", &self.0.task.run)
            .finish_non_exhaustive()
    }
}
