use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::agent::{AgentInfo, Agents};
use super::builder::{Settings, TaskManagerBuilder};
use super::recovery;
use super::scheduler::Scheduler;
use crate::clock::Clock;
use crate::error::TaskError;
use crate::limits::Limits;
use crate::log::{Chunk, Journal, Subscription, TaskWatch};
use crate::model::{Event, Seq, StatusCounts, Task, TaskId};
use crate::rt::atomic::AtomicUsize;
use crate::rt::select;
use crate::rt::sync::{CancellationToken, DropGuard, watch};
use crate::rt::task::TaskTracker;
use crate::rt::time::timeout;
use crate::store::{TaskPage, TaskQuery, TaskStore};
use crate::transcript::{TranscriptPage, TranscriptQuery};

/// Runs tasks and gives everybody access to them: the handle an application holds.
///
/// Clones are cheap and share one manager. When the last one is dropped the runs are dropped too, and found
/// interrupted at the next start; [`TaskManager::shutdown`] ends them in good order.
///
/// ```
/// use futures::TryStreamExt;
/// use task_core::{MemoryStore, NewTask, RunContext, RunResult, Seq, TaskManager, TaskStatus};
///
/// async fn parrot(cx: RunContext) -> RunResult {
///     while let Some(message) = cx.next_message().await? {
///         cx.text("reply", message.text()).await?;
///     }
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tasks = TaskManager::builder(MemoryStore::new()).runner("parrot", parrot).start().await?;
/// let task = tasks.create(NewTask::new("parrot", "hello")).await?;
///
/// let events: Vec<_> = tasks.subscribe(task.id, Seq::ZERO).try_collect().await?;
/// assert_eq!(events.last().map(|event| event.kind()), Some("completed"));
/// assert_eq!(tasks.get(task.id).await?.status, TaskStatus::Completed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TaskManager(Arc<Inner>);

struct Inner {
    /// First: whoever sees the channels below closed finds that the manager was abandoned, and does not look again.
    _abandon_on_drop: DropGuard,
    journal: Journal,
    agents: Agents,
    is_owner: bool,
    /// How long a run may take to stop, for those who wait for one that was cancelled.
    cancel_grace: Duration,
    /// Creations under way, so that many at once do not exceed the limit of pending tasks together.
    creating: AtomicUsize,
    /// The grace period, once the manager shuts down.
    shutdown: watch::Sender<Option<Duration>>,
    /// What runs in the background, and how it is told to end.
    background: TaskTracker,
    stop: CancellationToken,
}

impl TaskManager {
    /// Begins to set a manager up on a store.
    ///
    /// ```
    /// use task_core::{MemoryStore, TaskManager};
    /// # use task_core::testing::examples::parrot;
    ///
    /// # task_core::testing::examples::run(async || {
    /// let tasks = TaskManager::builder(MemoryStore::new()).runner("parrot", parrot).start().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn builder(store: impl TaskStore) -> TaskManagerBuilder {
        TaskManagerBuilder::new(store)
    }

    /// With settings: as the owner. Without: as an observer.
    pub(super) async fn start(
        store: Arc<dyn TaskStore>,
        clock: Arc<dyn Clock>,
        limits: Limits,
        agents: Agents,
        settings: Option<Settings>,
    ) -> Result<Self, TaskError> {
        let journal = Journal::new(store, clock, limits);
        let background = TaskTracker::new();
        let (stop, abandon) = (CancellationToken::new(), CancellationToken::new());
        let deaf = abandon.child_token();
        let (shutdown, _) = watch::channel(None);

        if settings.is_some() {
            journal.store().claim(journal.instance()).await?;
        }
        // From here on the process hears of what others change, before it looks at what there is.
        background.spawn(journal.clone().pump(deaf.clone()));
        if let Some(settings) = settings {
            if let Err(error) = recovery::recover(&journal, &agents).await {
                abandon.cancel();
                journal.store().release(journal.instance()).await?;
                return Err(error);
            }
            let scheduler = Scheduler::new(
                journal.clone(),
                agents.clone(),
                settings,
                shutdown.subscribe(),
                abandon.clone(),
            );
            // Until its last run has ended a process must hear of what others want from it.
            background.spawn(async move {
                let _deaf_at_the_end = deaf.drop_guard();
                scheduler.run().await;
            });
        } else {
            let stop = stop.clone();
            background.spawn(async move {
                let _deaf_at_the_end = deaf.clone().drop_guard();
                select! {
                    () = stop.cancelled() => {}
                    () = deaf.cancelled() => {}
                }
            });
        }
        background.close();
        Ok(Self(Arc::new(Inner {
            _abandon_on_drop: abandon.drop_guard(),
            journal,
            agents,
            is_owner: settings.is_some(),
            cancel_grace: settings.map_or(OBSERVER_GRACE, |settings| settings.cancel_grace),
            creating: AtomicUsize::new(0),
            shutdown,
            background,
            stop,
        })))
    }

    /// Whether this manager runs tasks, or observes those of another process.
    ///
    /// ```
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// assert!(tasks.is_owner());                       // made by `start`, not by `observe`
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.0.is_owner
    }

    /// The agents that tasks can name, by id.
    ///
    /// ```
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// let ids: Vec<_> = tasks.agents().into_iter().map(|agent| agent.id).collect();
    /// assert_eq!(ids, ["parrot"]);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn agents(&self) -> Vec<AgentInfo> {
        self.0.agents.infos()
    }

    /// What is accepted.
    ///
    /// ```
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// assert_eq!(tasks.limits().message_bytes, 256 << 10);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn limits(&self) -> &Limits {
        self.0.journal.limits()
    }

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
        self.0.journal.load(task).await
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
        self.0.journal.list(query).await
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
        self.0.journal.check_open()?;
        Ok(self.0.journal.store().counts().await?)
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
        self.0.journal.check_open()?;
        Ok(self.0.journal.store().events(task, after, limit, EVENTS_BYTES).await?)
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
        Subscription::new(self.0.journal.clone(), task, after)
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
        crate::transcript::page(self.journal(), task, query).await
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
        TaskWatch::new(self.0.journal.clone(), query)
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

    /// Ends everything in good order: nothing new is accepted, streams end, runs may finish for `grace` and are then
    /// stopped and settled as interrupted, the store is closed. Returns within `grace` and about a second; when the store
    /// does not answer, within `grace` and some 25 seconds, and the next owner settles what it finds.
    ///
    /// Later calls of any clone are [`TaskError::ShutDown`]. A second call waits for the first.
    ///
    /// ```
    /// use std::time::Duration;
    /// use task_core::{NewTask, TaskError};
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// tasks.create(NewTask::new("parrot", "hello")).await?;
    /// tasks.shutdown(Duration::from_secs(10)).await?;
    /// assert!(matches!(tasks.counts().await, Err(TaskError::ShutDown)));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// When the store cannot be closed.
    pub async fn shutdown(&self, grace: Duration) -> Result<(), TaskError> {
        self.0.shutdown.send_if_modified(|current| {
            let sooner = current.is_none_or(|current| grace < current);
            if sooner {
                *current = Some(grace);
            }
            sooner
        });
        self.0.stop.cancel();
        // Viewers go first: they have somewhere to come back to, and need not wait for the runs.
        self.0.journal.end_readers();
        self.0.background.wait().await;
        self.0.journal.close();
        // What is under way when the store does not answer is left behind.
        drop(timeout(LAST_COMMITS, self.0.journal.tracker().wait()).await);
        self.0.journal.store().release(self.0.journal.instance()).await.or_else(ignore_closed)?;
        self.0.journal.store().close().await?;
        Ok(())
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.0.journal
    }

    pub(super) fn known_agents(&self) -> &Agents {
        &self.0.agents
    }

    pub(super) fn creating(&self) -> &AtomicUsize {
        &self.0.creating
    }

    pub(super) fn cancel_grace(&self) -> Duration {
        self.0.cancel_grace
    }

    /// Whether something new may begin.
    pub(super) fn check_accepting(&self) -> Result<(), TaskError> {
        if self.0.stop.is_cancelled() { Err(TaskError::ShutDown) } else { self.0.journal.check_open() }
    }
}

impl fmt::Debug for TaskManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskManager").field("journal", &self.0.journal).finish_non_exhaustive()
    }
}

fn ignore_closed(error: crate::StoreError) -> Result<(), crate::StoreError> {
    if matches!(error, crate::StoreError::Closed) { Ok(()) } else { Err(error) }
}

/// Bytes after which a page of events is cut short.
const EVENTS_BYTES: usize = 4 << 20;

/// How long a shutdown waits for commits that were accepted before it.
const LAST_COMMITS: Duration = Duration::from_secs(5);

/// An observer does not know the owner's grace period; this is its default.
const OBSERVER_GRACE: Duration = Duration::from_secs(5);
