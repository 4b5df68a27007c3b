//! How tasks come to be.

use super::tasks::TaskManager;
use super::validate;
use crate::error::TaskError;
use crate::log::create_key;
use crate::model::{Created as CreatedEvent, MessageAdded, MessageId, NewTask, Task, TaskId};
use crate::rt::atomic::Ordering;
use crate::store::StoreError;

/// A task that was asked for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Created {
    /// The task.
    pub task: Task,
    /// Whether it was there already: the idempotency key was used before.
    pub repeated: bool,
}

impl TaskManager {
    /// Creates a task. When this returns, the task and its first message are stored, and it runs as soon as there is
    /// a place.
    ///
    /// ```
    /// use task_core::NewTask;
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let new = NewTask::new("parrot", "hello").title("A greeting").model("loud");
    /// let task = tasks.create(new).await?;
    /// assert_eq!(task.title, "A greeting");
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`TaskError::UnknownAgent`]; [`TaskError::Invalid`] and [`TaskError::Limit`] for what is not acceptable;
    /// [`TaskError::TooManyPending`]; [`TaskError::ShutDown`]; that of the store.
    pub async fn create(&self, new: NewTask) -> Result<Task, TaskError> {
        self.create_once(new).await.map(|created| created.task)
    }

    /// [`TaskManager::create`], and whether the task was there already: with an idempotency key the same creation
    /// may be asked for again and again, from anywhere, and there is one task.
    ///
    /// ```
    /// use task_core::NewTask;
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let new = NewTask::new("parrot", "hello").idempotency_key("order 7");
    /// let first = tasks.create_once(new.clone()).await?;
    /// let again = tasks.create_once(new).await?;       // the answer to the first call was lost on the way, say
    /// assert!(again.repeated && again.task.id == first.task.id);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`TaskManager::create`].
    pub async fn create_once(&self, new: NewTask) -> Result<Created, TaskError> {
        for _ in 0..TRIES {
            if let Some(created) = self.try_create(&new).await? {
                return Ok(created);
            }
        }
        let what = "an idempotency key is that of a task that is not there".to_owned();
        Err(StoreError::Corrupt { what, source: None }.into())
    }

    /// `None` when its key was that of a task that is gone by now: then the key is free again.
    async fn try_create(&self, new: &NewTask) -> Result<Option<Created>, TaskError> {
        self.check_accepting()?;
        let title = validate::new_task(new, self.limits())?;
        let key = new.idempotency_key.as_deref().map(create_key);
        if let Some(key) = &key
            && let Some(task) = self.created_before(key).await?
        {
            return Ok(Some(Created { task, repeated: true }));
        }
        self.check_agent(&new.agent_id)?;

        let _place = Place::take(self).await?;
        let NewTask {
            agent_id, content, model, work_dir, enable_skills, enable_mcp, add_dirs, metadata, ..
        } = new.clone();
        let message = MessageAdded { message_id: MessageId::new(), content, delivery: Default::default() };
        let created =
            CreatedEvent { agent_id, title, model, work_dir, enable_skills, enable_mcp, add_dirs, metadata };
        let first_key = key.clone();
        let outcome = self
            .journal()
            .create(TaskId::new(), created, |draft| {
                let seq = draft.record(message)?;
                if let Some(key) = first_key {
                    draft.set_key(key, seq);
                }
                Ok(())
            })
            .await;
        match (outcome, key) {
            (Ok(task), _) => Ok(Some(Created { task, repeated: false })),
            (Err(error), Some(key)) if error.is_duplicate() => {
                let task = self.created_before(&key).await?;
                Ok(task.map(|task| Created { task, repeated: true }))
            }
            (Err(error), _) => Err(error),
        }
    }

    fn check_agent(&self, agent_id: &str) -> Result<(), TaskError> {
        match self.0.agents.find(agent_id) {
            // An observer knows no agents but those it was told; the owner judges.
            None if !self.is_owner() => Ok(()),
            None => Err(TaskError::UnknownAgent { agent_id: agent_id.to_owned() }),
            Some(agent) if !agent.info.available => {
                let reason = agent.info.reason.as_deref().unwrap_or("it is not available");
                Err(TaskError::invalid("agent_id", format!("`{agent_id}` cannot run here: {reason}")))
            }
            Some(_) => Ok(()),
        }
    }

    async fn created_before(&self, key: &str) -> Result<Option<Task>, TaskError> {
        match self.journal().store().find_key(key).await? {
            Some(keyed) => match self.get(keyed.task).await {
                // It was deleted in between, and its key with it.
                Err(TaskError::NotFound(_)) => Ok(None),
                found => found.map(Some),
            },
            None => Ok(None),
        }
    }
}

/// A creation under way, counted so that many at once do not exceed the limit together.
struct Place<'a>(&'a TaskManager);

impl<'a> Place<'a> {
    async fn take(manager: &'a TaskManager) -> Result<Self, TaskError> {
        let under_way = manager.0.creating.fetch_add(1, Ordering::AcqRel);
        let place = Self(manager);
        let limit = manager.limits().pending_tasks;
        let pending = usize::try_from(manager.counts().await?.pending).unwrap_or(usize::MAX);
        if pending.saturating_add(under_way) >= limit {
            Err(TaskError::TooManyPending { limit })
        } else {
            Ok(place)
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.0.creating.fetch_sub(1, Ordering::AcqRel);
    }
}

/// How often a key may be taken by a task that is gone when it is looked for. More often, the store is wrong.
const TRIES: u32 = 8;
