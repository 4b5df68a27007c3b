//! What users do to tasks that are there.

use std::time::Duration;

use serde_json::Value;

use super::record::{record_answer, record_cancelled};
use super::tasks::TaskManager;
use super::validate;
use crate::error::TaskError;
use crate::log::{Chunk, Draft, message_key};
use crate::model::{
    CancelRequested, InputAnswered, InputRequest, Message, MessageAdded, MessageId, Renamed, RequestKind,
    Seq, Task, TaskId, TaskStatus,
};
use crate::rt::time::timeout;
use crate::store::{Keyed, StoreError};

/// A message that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Names the message.
    pub message_id: MessageId,
    /// Its place in the log.
    pub seq: Seq,
    /// The state of the task after it was accepted.
    pub status: TaskStatus,
    /// Whether it was there already: the idempotency key was used before.
    pub repeated: bool,
}

impl TaskManager {
    /// Sends a message. When this returns it is stored; the log tells when it is delivered, or why not. To a settled
    /// task it starts the next run.
    ///
    /// ```
    /// use task_core::{Message, NewTask};
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
    /// tasks.wait(task.id).await?;
    ///
    /// tasks.send(task.id, Message::new("and again").idempotency_key("click 2")).await?;
    /// assert_eq!(tasks.wait(task.id).await?.run, 2);   // the task was settled, so this is its next run
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`TaskError::NotFound`]; [`TaskError::Invalid`] and [`TaskError::Limit`] for what is not acceptable;
    /// [`TaskError::ShutDown`]; that of the store.
    pub async fn send(&self, task: TaskId, message: impl Into<Message>) -> Result<Sent, TaskError> {
        let message = message.into();
        self.check_accepting()?;
        validate::message(&message, self.limits())?;
        let key = message.idempotency_key.as_deref().map(|key| message_key(task, key));
        if let Some(key) = &key
            && let Some(keyed) = self.journal().store().find_key(key).await?
        {
            return self.sent_before(keyed).await;
        }

        let added = MessageAdded {
            message_id: MessageId::new(),
            content: message.content,
            delivery: message.delivery,
        };
        let queue_limit = self.limits().queued_messages;
        let outcome = self
            .journal()
            .update(task, move |draft| {
                let queued = draft.task().queued_messages as usize + 1;
                TaskError::check("the number of messages that wait", queued, queue_limit)?;
                let seq = draft.record(added.clone())?;
                if let Some(key) = &key {
                    draft.set_key(key.clone(), seq);
                }
                let status = draft.task().status;
                Ok(Sent { message_id: added.message_id, seq, status, repeated: false })
            })
            .await;
        if let Err(TaskError::Store(error)) = &outcome
            && let StoreError::Duplicate { task, seq } = **error
        {
            return self.sent_before(Keyed::new(task, seq)).await;
        }
        outcome
    }

    /// Answers a question. The first answer wins; an answer to an interrupted task starts its next run.
    ///
    /// ```
    /// use futures::TryStreamExt;
    /// use task_core::{Ask, MemoryStore, NewTask, RunContext, RunResult, Seq, TaskError, TaskManager};
    ///
    /// async fn asker(cx: RunContext) -> RunResult {
    ///     let port = cx.ask(Ask::question("Which port?")).await?;
    ///     cx.text("reply", format!("Port {}, then.", port.text())).await
    /// }
    ///
    /// # task_core::testing::examples::run(async || {
    /// let tasks = TaskManager::builder(MemoryStore::new()).runner("asker", asker).start().await?;
    /// let task = tasks.create(NewTask::new("asker", "serve the page")).await?;
    /// let mut events = tasks.subscribe(task.id, Seq::ZERO);
    /// while events.try_next().await?.is_some_and(|event| event.kind() != "input_requested") {}
    ///
    /// let request = tasks.get(task.id).await?.requests[0].request_id.clone();
    /// tasks.answer(task.id, &request, 3000.into()).await?;
    /// let late = tasks.answer(task.id, &request, 8080.into()).await;
    /// assert!(matches!(late, Err(TaskError::AlreadyAnswered { answer, .. }) if answer == 3000));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`TaskError::AlreadyAnswered`] with the answer that holds; [`TaskError::NoRequest`] when no such question is
    /// open; [`TaskError::Invalid`] when the answer is none of the options of a permission; [`TaskError::Limit`];
    /// [`TaskError::NotFound`]; [`TaskError::ShutDown`]; that of the store.
    pub async fn answer(&self, task: TaskId, request_id: &str, answer: Value) -> Result<Task, TaskError> {
        self.check_accepting()?;
        let bytes = answer.to_string().len();
        TaskError::check("the size of the answer in bytes", bytes, self.limits().answer_bytes)?;
        self.check_unanswered(task, request_id).await?;

        let id = request_id.to_owned();
        let outcome = self
            .journal()
            .update(task, move |draft| {
                let Some(request) = draft.task().request(&id) else {
                    return Err(TaskError::NoRequest(id.clone()));
                };
                check_answer(request, &answer)?;
                record_answer(draft, &id, answer.clone(), "user")?;
                Ok(draft.task().clone())
            })
            .await;
        match &outcome {
            // Somebody was faster.
            Err(TaskError::NoRequest(_)) => self.check_unanswered(task, request_id).await?,
            Err(error) if error.is_duplicate() => self.check_unanswered(task, request_id).await?,
            _ => {}
        }
        outcome
    }

    /// Stops a task. One that waits is cancelled at once; one that runs is asked to stop, and cancelled within the
    /// grace period and a second, whatever its runner does: [`TaskManager::wait`] waits for that. Cancelling twice
    /// is fine.
    ///
    /// ```
    /// use task_core::{MemoryStore, NewTask, RunContext, RunResult, TaskManager, TaskStatus};
    ///
    /// async fn sleeper(_cx: RunContext) -> RunResult {
    ///     std::future::pending().await                 // does not listen, and is dropped after the grace period
    /// }
    ///
    /// # task_core::testing::examples::run(async || {
    /// let tasks = TaskManager::builder(MemoryStore::new()).runner("sleeper", sleeper).start().await?;
    /// let task = tasks.create(NewTask::new("sleeper", "sleep")).await?;
    /// tasks.cancel(task.id).await?;
    /// assert_eq!(tasks.wait(task.id).await?.status, TaskStatus::Cancelled);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`TaskError::WrongState`] when it is settled otherwise; [`TaskError::NotFound`]; [`TaskError::ShutDown`]; that
    /// of the store.
    pub async fn cancel(&self, task: TaskId) -> Result<Task, TaskError> {
        self.journal().update(task, |draft| record_cancel(draft).map(|()| draft.task().clone())).await
    }

    /// Gives a task another title.
    ///
    /// ```
    /// use task_core::NewTask;
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
    /// assert_eq!(tasks.rename(task.id, "A greeting").await?.title, "A greeting");
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`TaskError::Invalid`] and [`TaskError::Limit`] for what is no title; [`TaskError::NotFound`];
    /// [`TaskError::ShutDown`]; that of the store.
    pub async fn rename(&self, task: TaskId, title: &str) -> Result<Task, TaskError> {
        self.check_accepting()?;
        let title = validate::title(title, self.limits())?;
        self.journal()
            .update(task, move |draft| {
                if draft.task().title != title {
                    draft.record(Renamed { title: title.clone() })?;
                }
                Ok(draft.task().clone())
            })
            .await
    }

    /// Forgets a task and its log. One that is not settled is cancelled first, which may take the grace period.
    ///
    /// Not cancel safe: a call that was dropped may have cancelled the task.
    ///
    /// ```
    /// use task_core::{NewTask, TaskError};
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
    /// tasks.delete(task.id).await?;
    /// assert!(matches!(tasks.get(task.id).await, Err(TaskError::NotFound(_))));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`TaskError::NotFound`]; [`TaskError::ShutDown`]; that of the store, also when nobody stops the task: an
    /// observer needs the owner for that.
    pub async fn delete(&self, task: TaskId) -> Result<(), TaskError> {
        self.check_accepting()?;
        loop {
            let snapshot = self.get(task).await?;
            if !snapshot.status.is_settled() {
                match self.cancel(task).await {
                    // It settled in between.
                    Ok(_) | Err(TaskError::WrongState(_)) => {}
                    Err(error) => return Err(error),
                }
                let over = timeout(self.0.cancel_grace + DELETE_SLACK, self.run_over(&snapshot)).await;
                over.map_err(StoreError::unavailable)??;
                continue;
            }
            match self.journal().remove(task, snapshot.seq).await {
                Err(TaskError::Store(error)) if matches!(*error, StoreError::Conflict { .. }) => {}
                outcome => return outcome,
            }
        }
    }

    /// Waits until a task is settled, or in another run than `snapshot` shows: somebody has continued it at once.
    async fn run_over(&self, snapshot: &Task) -> Result<(), TaskError> {
        loop {
            let now = self.get(snapshot.id).await?;
            if now.status.is_settled() || now.run != snapshot.run {
                return Ok(());
            }
            let mut events = self.subscribe(snapshot.id, now.seq);
            while let Some(chunk) = events.next_chunk().await {
                if let Chunk::Events(_) | Chunk::Ended { .. } = chunk? {
                    break;
                }
            }
        }
    }

    async fn sent_before(&self, keyed: Keyed) -> Result<Sent, TaskError> {
        let event = self.journal().event(keyed.task, keyed.seq).await?;
        let message: MessageAdded =
            event.decode().map_err(|error| StoreError::corrupt("a message", error))?;
        let status = self.get(keyed.task).await?.status;
        Ok(Sent { message_id: message.message_id, seq: keyed.seq, status, repeated: true })
    }

    async fn check_unanswered(&self, task: TaskId, request_id: &str) -> Result<(), TaskError> {
        let Some(InputAnswered { request_id, answer, by }) = self.journal().answer(task, request_id).await?
        else {
            return Ok(());
        };
        Err(TaskError::AlreadyAnswered { request_id, answer, by })
    }
}

fn record_cancel(draft: &mut Draft) -> Result<(), TaskError> {
    match draft.task().status {
        TaskStatus::Cancelled => Ok(()),
        TaskStatus::Pending => {
            draft.record(CancelRequested {})?;
            record_cancelled(draft)
        }
        TaskStatus::Running | TaskStatus::AwaitingInput => {
            if !draft.task().is_stopping() {
                draft.record(CancelRequested {})?;
            }
            Ok(())
        }
        settled @ (TaskStatus::Completed | TaskStatus::Failed | TaskStatus::Interrupted) => {
            Err(TaskError::wrong_state(settled, TaskStatus::Cancelled))
        }
    }
}

fn check_answer(request: &InputRequest, answer: &Value) -> Result<(), TaskError> {
    if answer.is_null() {
        return Err(TaskError::invalid("answer", "null is no answer"));
    }
    let chosen = answer.as_str().is_some_and(|id| request.options.iter().any(|option| option.id == id));
    if request.request == RequestKind::Permission && !chosen {
        let ids: Vec<_> = request.options.iter().map(|option| option.id.as_str()).collect();
        let reason = format!("{answer} is none of the options: {}", ids.join(", "));
        return Err(TaskError::invalid("answer", reason));
    }
    Ok(())
}

/// How long a deletion waits for a task to stop, beyond the grace period.
const DELETE_SLACK: Duration = Duration::from_secs(5);
