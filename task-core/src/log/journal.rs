use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;

use super::draft::Draft;
use super::hub::{Channel, Hub};
use super::ledger::Ledger;
use super::op::COMMAND_PATIENCE;
use super::pages::{Ahead, Pages};
use super::writer::{Writer, Writers};
use crate::clock::Clock;
use crate::error::TaskError;
use crate::limits::Limits;
use crate::model::{Created, Event, InputAnswered, InstanceId, Seq, Task, TaskId};
use crate::rt::select;
use crate::rt::sync::CancellationToken;
use crate::rt::task::TaskTracker;
use crate::rt::time::{MissedTickBehavior, interval, sleep, timeout};
use crate::store::{Change, StoreError, TaskPage, TaskQuery, TaskStore, no_answer};
use crate::with_causes;

/// The logs of one store as one process sees them: the only way to write, and what readers follow.
///
/// A cheap handle; clones share everything.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Inner>);

struct Inner {
    ledger: Ledger,
    pages: Pages,
    writers: Arc<Writers>,
    /// Readers go before the rest.
    readers_ended: CancellationToken,
}

impl Journal {
    pub(crate) fn new(store: Arc<dyn TaskStore>, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        let pages_bytes = limits.pages_bytes;
        let ledger = Ledger::new(store, clock, limits);
        Self(Arc::new(Inner {
            pages: Pages::new(Arc::clone(ledger.store()), pages_bytes),
            writers: Arc::default(),
            readers_ended: CancellationToken::new(),
            ledger,
        }))
    }

    pub(crate) fn store(&self) -> &dyn TaskStore {
        &**self.0.ledger.store()
    }

    pub(crate) fn hub(&self) -> &Hub {
        self.0.ledger.hub()
    }

    pub(crate) fn limits(&self) -> &Limits {
        self.0.ledger.limits()
    }

    pub(crate) fn instance(&self) -> InstanceId {
        self.0.ledger.instance()
    }

    pub(crate) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.ledger.now()
    }

    /// Everything that writes runs here.
    pub(crate) fn tracker(&self) -> &TaskTracker {
        self.0.ledger.tracker()
    }

    /// Whether the manager was shut down; then nothing is accepted.
    pub(crate) fn check_open(&self) -> Result<(), TaskError> {
        self.0.ledger.check_open()
    }

    /// Where a task is followed.
    pub(crate) fn channel(&self, task: TaskId) -> Result<Arc<Channel>, TaskError> {
        if self.0.readers_ended.is_cancelled() {
            Err(TaskError::ShutDown)
        } else {
            Ok(self.hub().channel(task))
        }
    }

    /// The snapshot as it is now.
    pub(crate) async fn load(&self, task: TaskId) -> Result<Task, TaskError> {
        self.check_open()?;
        Ok(self.store().load(task).await?)
    }

    pub(crate) async fn list(&self, query: &TaskQuery) -> Result<TaskPage, TaskError> {
        self.check_open()?;
        Ok(self.store().list(query).await?)
    }

    /// Events after `after`, at least one if there is one, shared with other readers.
    pub(crate) async fn page(&self, task: TaskId, after: Seq) -> Result<Arc<[Event]>, TaskError> {
        self.0.pages.after(task, after).await.map_err(|error| match &*error {
            StoreError::NotFound(task) => TaskError::NotFound(*task),
            _ => TaskError::Store(error),
        })
    }

    /// Begins to read the page behind one that was read.
    pub(crate) fn page_ahead(&self, task: TaskId, after: Seq) -> Option<Ahead> {
        self.0.pages.ahead(task, after)
    }

    /// One event that is known to exist.
    pub(crate) async fn event(&self, task: TaskId, seq: Seq) -> Result<Event, TaskError> {
        let before = seq.previous();
        let recent = self.hub().channel(task).recent(before).and_then(|mut batch| batch.next());
        let found = match recent {
            Some(event) => Some(event),
            None => self.store().events(task, before, 1, usize::MAX).await?.into_iter().next(),
        };
        found.filter(|event| event.seq() == seq).ok_or(TaskError::NotFound(task))
    }

    /// The answer to a question of a task, if it was given.
    pub(crate) async fn answer(
        &self,
        task: TaskId,
        request_id: &str,
    ) -> Result<Option<InputAnswered>, TaskError> {
        let Some(keyed) = self.store().find_key(&answer_key(task, request_id)).await? else {
            return Ok(None);
        };
        let event = self.event(task, keyed.seq).await?;
        let answered = event.decode().map_err(|error| StoreError::corrupt("an answer", error))?;
        Ok(Some(answered))
    }

    /// The one writer of a task in this process.
    pub(crate) fn writer(&self, task: TaskId) -> Arc<Writer> {
        self.0.writers.of(task, &self.0.ledger)
    }

    /// Changes a task that exists: `change` records on a draft, checks first and gives its result once the commit is
    /// stored. It runs again when somebody else wrote in between, and what it recorded is forgotten when it fails.
    ///
    /// Once called it runs to its end, whether or not the caller waits for it.
    pub(crate) async fn update<T, F>(&self, task: TaskId, change: F) -> Result<T, TaskError>
    where
        T: Send + 'static,
        F: FnMut(&mut Draft) -> Result<T, TaskError> + Send + 'static,
    {
        self.check_open()?;
        self.writer(task).update(change).await
    }

    /// Begins a log: `created` and what `first` records.
    pub(crate) async fn create<F>(&self, id: TaskId, created: Created, first: F) -> Result<Task, TaskError>
    where
        F: FnOnce(&mut Draft) -> Result<(), TaskError>,
    {
        self.check_open()?;
        let mut draft = Draft::create(id, self.now(), created)?;
        first(&mut draft)?;
        let (task, Some(commit)) = draft.finish(self.instance()) else {
            return Err(TaskError::invalid("task", "it has no events"));
        };
        let Inner { ledger, writers, .. } = &*self.0;
        let (ledger, late) = (ledger.clone(), writers.late(ledger));
        let stored = self.tracker().spawn(async move {
            let _creation = ledger.creations().begin(id);
            ledger.commit(&commit, COMMAND_PATIENCE, late).await?;
            if !ledger.creations().is_removed(id) {
                ledger.publish(&commit);
            }
            Ok::<_, StoreError>(task)
        });
        let task = stored.await.map_err(|_| TaskError::ShutDown)??;
        Ok(Arc::unwrap_or_clone(task))
    }

    /// Forgets a task, here and in the store. It may still happen when this fails as indeterminate.
    pub(crate) async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), TaskError> {
        let journal = self.clone();
        let removed = self.tracker().spawn(async move {
            let remove = async {
                journal.0.ledger.creations().ended(task).await;
                journal.store().remove(task, expected).await
            };
            select! {
                biased;
                removed = remove => removed?,
                // What was asked for shortly before the end may take as long as whoever asked would wait.
                () = journal.closed_for(COMMAND_PATIENCE) => return Err(StoreError::Closed),
            }
            journal.0.pages.remove(task);
            journal.hub().remove(task);
            Ok(())
        });
        match timeout(COMMAND_PATIENCE, removed).await {
            Ok(removed) => Ok(removed.map_err(|_| TaskError::ShutDown)??),
            Err(_) => Err(StoreError::indeterminate(no_answer(COMMAND_PATIENCE)).into()),
        }
    }

    /// Waits until so long after the manager was shut down.
    async fn closed_for(&self, time: Duration) {
        self.0.ledger.closed().cancelled().await;
        sleep(time).await;
    }

    /// Takes in what others change, until `stop`: hints of the store, and now and then a look at what is followed,
    /// so that not even a lost hint is for ever.
    ///
    /// It listens from the call on, not from the first poll: what changes in between would be missed.
    pub(crate) fn pump(self, stop: CancellationToken) -> impl Future<Output = ()> + Send {
        let mut changes = self.store().changes(self.instance()).fuse();
        let taking_in = async move {
            let mut sweep = interval(SWEEP_EVERY);
            sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
            sweep.tick().await;
            loop {
                select! {
                    Some(change) = changes.next() => self.take_in(change).await,
                    _ = sweep.tick() => self.look_again().await,
                }
            }
        };
        async move {
            select! {
                () = stop.cancelled() => {}
                () = taking_in => {}
            }
        }
    }

    /// Ends what follows and watches, and lets nobody begin to.
    pub(crate) fn end_readers(&self) {
        self.0.readers_ended.cancel();
        self.hub().close();
    }

    /// Accepts nothing more.
    pub(crate) fn close(&self) {
        self.0.ledger.close();
        self.end_readers();
    }

    async fn take_in(&self, change: Change) {
        match change {
            Change::Moved { task, seq } => return self.0.writers.moved(task, seq, &self.0.ledger),
            Change::Removed { task } => {
                self.0.ledger.creations().remove(task);
                self.0.pages.remove(task);
            }
            Change::Unknown => self.look_again().await,
        }
        self.hub().hint(change);
    }

    async fn look_again(&self) {
        let writers = self.0.writers.all();
        writers.iter().for_each(Writer::refresh);
        for task in self.hub().followed() {
            match self.store().load(task).await {
                Ok(snapshot) => self.hub().channel(task).learn(snapshot.seq, snapshot.status),
                Err(StoreError::NotFound(_)) => self.hub().remove(task),
                Err(error) => {
                    tracing::warn!(%task, error = %with_causes(&error), "cannot look at a followed task");
                }
            }
        }
    }
}

/// Under which key the answer to a question is kept: what makes the first answer win, in any process.
pub(crate) fn answer_key(task: TaskId, request_id: &str) -> String {
    format!("answer/{task}/{request_id}")
}

/// Under which key a creation is kept.
pub(crate) fn create_key(key: &str) -> String {
    format!("create/{key}")
}

/// Under which key a message is kept.
pub(crate) fn message_key(task: TaskId, key: &str) -> String {
    format!("message/{task}/{key}")
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("instance", &self.instance()).finish_non_exhaustive()
    }
}

/// How often followed tasks are looked at without any hint.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
