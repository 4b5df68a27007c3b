//! What users see of tasks.

use super::tasks::TaskManager;
use crate::error::TaskError;
use crate::log::{Chunk, Subscription, TaskWatch};
use crate::model::{Event, Seq, StatusCounts, Task, TaskId};
use crate::store::{TaskPage, TaskQuery};
use crate::transcript::{self, TranscriptPage, TranscriptQuery};

impl TaskManager {
    /// The task as it is now.
    ///
    /// ```
    /// use task_core::NewTask;
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let id = tasks.create(NewTask::new("parrot", "hello")).await?.id;
    /// assert_eq!(tasks.get(id).await?.title, "hello");
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`TaskError::NotFound`], or that of the store.
    pub async fn get(&self, task: TaskId) -> Result<Task, TaskError> {
        self.journal().load(task).await
    }

    /// A page of tasks.
    ///
    /// ```
    /// use task_core::{NewTask, TaskQuery};
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// for title in ["wash the car", "paint the door", "wash the dog"] {
    ///     tasks.create(NewTask::new("parrot", title)).await?;
    /// }
    ///
    /// let mut query = TaskQuery::default().with_search("wash").with_limit(1);
    /// let mut found = Vec::new();
    /// loop {
    ///     let page = tasks.list(&query).await?;
    ///     found.extend(page.items.into_iter().map(|task| task.title));
    ///     match page.next {
    ///         Some(cursor) => query = query.with_cursor(cursor),
    ///         None => break,
    ///     }
    /// }
    /// assert_eq!(found, ["wash the dog", "wash the car"]);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// When the limit is 0, the cursor is not one of this store, or the store cannot be read.
    pub async fn list(&self, query: &TaskQuery) -> Result<TaskPage, TaskError> {
        if query.limit == 0 {
            return Err(TaskError::invalid("limit", "0 is not a page size; 1 and more is"));
        }
        self.journal().list(query).await
    }

    /// How many tasks are in each state, at one moment.
    ///
    /// ```
    /// use task_core::NewTask;
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
    /// tasks.wait(task.id).await?;
    /// assert_eq!(tasks.counts().await?.completed, 1);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn counts(&self) -> Result<StatusCounts, TaskError> {
        self.journal().check_open()?;
        Ok(self.journal().store().counts().await?)
    }

    /// At most `limit` events after `after`, exclusive. Empty at the end of the log.
    ///
    /// ```
    /// use task_core::{NewTask, Seq};
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
    /// let page = tasks.events(task.id, Seq::ZERO, 2).await?;
    /// assert_eq!(page[0].kind(), "created");
    /// let next = tasks.events(task.id, page[1].seq(), 2).await?;       // where the page ended, exclusive
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`TaskError::NotFound`], or that of the store.
    pub async fn events(&self, task: TaskId, after: Seq, limit: usize) -> Result<Vec<Event>, TaskError> {
        self.journal().check_open()?;
        Ok(self.journal().store().events(task, after, limit, EVENTS_BYTES).await?)
    }

    /// The events of the task after `after`, exclusive: what is stored, then what comes, each once, in order.
    ///
    /// [`Seq::ZERO`] gives everything. Errors come as items of the stream; see [`Subscription`].
    ///
    /// ```
    /// use futures::TryStreamExt;
    /// use task_core::{NewTask, Seq};
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
    ///
    /// let mut events = tasks.subscribe(task.id, Seq::ZERO);
    /// let first = events.try_next().await?.expect("a task has events");
    /// drop(events);                                    // the page was closed; the task does not notice
    ///
    /// let rest: Vec<_> = tasks.subscribe(task.id, first.seq()).try_collect().await?;
    /// assert_eq!(rest[0].seq().get(), first.seq().get() + 1);
    /// assert_eq!(rest.last().map(|event| event.kind()), Some("completed"));
    /// # Ok(())
    /// # });
    /// ```
    pub fn subscribe(&self, task: TaskId, after: Seq) -> Subscription {
        Subscription::new(self.journal().clone(), task, after)
    }

    /// A page of the task as a conversation: the newest messages, unless told otherwise.
    ///
    /// ```
    /// use task_core::{NewTask, Role, TranscriptQuery};
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
    /// tasks.wait(task.id).await?;
    ///
    /// let page = tasks.transcript(task.id, TranscriptQuery::default()).await?;
    /// let roles: Vec<_> = page.messages.iter().map(|message| message.role).collect();
    /// assert_eq!(roles, [Role::User, Role::Agent]);
    /// let live = tasks.subscribe(task.id, page.seq).following();       // goes on exactly where the page ends
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// When the limit is 0; [`TaskError::NotFound`]; that of the store.
    pub async fn transcript(
        &self,
        task: TaskId,
        query: TranscriptQuery,
    ) -> Result<TranscriptPage, TaskError> {
        if query.limit == 0 {
            return Err(TaskError::invalid("limit", "0 is not a page size; 1 and more is"));
        }
        transcript::page(self.journal(), task, query).await
    }

    /// The list of tasks as it changes; the first page of `query` comes first.
    ///
    /// ```
    /// use task_core::{NewTask, TaskChange, TaskQuery, TaskStatus};
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let mut list = tasks.watch(TaskQuery::default());
    /// assert!(matches!(list.next().await?, Some(TaskChange::Snapshot { .. })));     // what there is
    ///
    /// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
    /// loop {
    ///     match list.next().await? {
    ///         Some(TaskChange::Task(task)) if task.status == TaskStatus::Completed => break,
    ///         Some(change) => println!("{change:?}"),
    ///         None => unreachable!("nobody shut the manager down"),
    ///     }
    /// }
    /// # Ok(())
    /// # });
    /// ```
    pub fn watch(&self, query: TaskQuery) -> TaskWatch {
        TaskWatch::new(self.journal().clone(), query)
    }

    /// Waits until the task is settled, and gives it.
    ///
    /// Cancel safe.
    ///
    /// ```
    /// use task_core::{NewTask, TaskStatus};
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
    /// assert_eq!(tasks.wait(task.id).await?.status, TaskStatus::Completed);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`TaskError::NotFound`], also when it is removed meanwhile, [`TaskError::ShutDown`], or that of the store.
    pub async fn wait(&self, task: TaskId) -> Result<Task, TaskError> {
        loop {
            let snapshot = self.get(task).await?;
            if snapshot.status.is_settled() {
                return Ok(snapshot);
            }
            let mut events = self.subscribe(task, snapshot.seq);
            while let Some(chunk) = events.next_chunk().await {
                if let Chunk::Ended { .. } = chunk? {
                    break;
                }
            }
        }
    }
}

/// Bytes after which a page of events is cut short.
const EVENTS_BYTES: usize = 4 << 20;
