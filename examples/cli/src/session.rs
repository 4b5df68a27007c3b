//! The way to the tasks: a manager on the store, as its owner or beside one.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use example_agents::Agents;
use task_core::{
    InstanceId, MemoryStore, StoreError, TaskError, TaskManager, TaskQuery, TaskStatus, TaskStore,
};
use task_store_sled::SledStore;
use task_store_sqlite::SqliteStore;

use crate::agents;
use crate::args::{General, StoreUrl};
use crate::exit::{Code, Failure};

/// A manager on the store, and what is needed to make another.
pub(crate) struct Session {
    pub(crate) tasks: TaskManager,
    store: Arc<dyn TaskStore>,
    place: Place,
    /// The ids of the agents that run tasks here; none beside an owner, whose they are.
    agents: Vec<String>,
}

/// What it takes to open a session again.
#[derive(Clone, Debug)]
struct Place {
    url: StoreUrl,
    agents: Agents,
}

impl Session {
    /// Beside whoever runs the tasks.
    pub(crate) async fn observe(general: &General) -> Result<Self, Failure> {
        check_exists(&general.store)?;
        Self::observer(Place::of(general)?).await
    }

    /// The same, and makes the store where there is none.
    pub(crate) async fn observe_or_make(general: &General) -> Result<Self, Failure> {
        Self::observer(Place::of(general)?).await
    }

    /// As the owner, which runs tasks; beside it, when another process is the owner. Agents of this machine are looked
    /// for, unless the one that is `wanted` is there without.
    pub(crate) async fn own_or_observe(general: &General, wanted: &str) -> Result<Self, Failure> {
        Self::owner(Place::of(general)?.wanting(wanted), Then::Run).await
    }

    /// Where the tasks are kept.
    pub(crate) const fn url(&self) -> &StoreUrl {
        &self.place.url
    }

    /// The agents that run tasks here.
    pub(crate) fn agents(&self) -> &[String] {
        &self.agents
    }

    /// Whether no other process can have a look at the store.
    pub(crate) const fn is_private(&self) -> bool {
        matches!(self.place.url, StoreUrl::Memory | StoreUrl::Sled(_))
    }

    /// Whether some process runs the tasks.
    pub(crate) async fn has_owner(&self) -> Result<bool, Failure> {
        if self.tasks.is_owner() {
            return Ok(true);
        }
        // The lock tells, and it can only be asked by taking it. It is given back at once.
        let probe = InstanceId::new();
        match self.store.claim(probe).await {
            Ok(()) => {}
            Err(StoreError::Owned { .. }) => return Ok(true),
            Err(error) => return Err(Failure::store(self.url(), &error)),
        }
        self.store.release(probe).await.map_err(|error| Failure::store(self.url(), &error))?;
        Ok(false)
    }

    /// Settles what a process that is gone left running, as the next owner would, and runs nothing. Somebody else may
    /// be faster. What was subscribed to ends.
    pub(crate) async fn settle(&mut self) -> Result<(), Failure> {
        self.end().await;
        Self::owner(self.place.clone(), Then::Leave).await?.close().await;
        *self = Self::observer(self.place.clone()).await?;
        Ok(())
    }

    /// Becomes the owner, unless somebody else is by now. What was subscribed to ends. Agents of this machine are looked
    /// for, unless the one that is `wanted` is there without.
    pub(crate) async fn take_over(&mut self, wanted: &str) -> Result<(), Failure> {
        self.end().await;
        *self = Self::owner(self.place.clone().wanting(wanted), Then::Run).await?;
        Ok(())
    }

    /// How many tasks run in this process, or will. Those that wait for an answer can wait without it.
    pub(crate) async fn work(&self) -> Result<usize, Failure> {
        if !self.tasks.is_owner() {
            return Ok(0);
        }
        let mut query =
            TaskQuery::default().with_statuses([TaskStatus::Pending, TaskStatus::Running]).with_limit(PAGE);
        let mut count = 0;
        loop {
            let page = self.tasks.list(&query).await?;
            let here = |agent_id: &str| self.agents.iter().any(|id| id == agent_id);
            count += page
                .items
                .iter()
                .filter(|task| task.status == TaskStatus::Running || here(&task.agent_id))
                .count();
            match page.next {
                Some(cursor) => query = query.with_cursor(cursor),
                None => return Ok(count),
            }
        }
    }

    /// Ends it in good order. What still runs here is interrupted.
    pub(crate) async fn close(self) {
        self.end().await;
    }

    async fn end(&self) {
        // The log is complete without it: what was not closed the next owner finds.
        let _ = self.tasks.shutdown(Duration::ZERO).await;
    }

    /// Beside the owner of a store that a test has.
    #[cfg(test)]
    pub(crate) async fn over(store: impl TaskStore) -> Self {
        let place = Place { url: StoreUrl::Memory, agents: Agents::built_in() };
        Self::observer_on(place, Arc::new(store)).await.expect("a manager without agents")
    }

    async fn observer(place: Place) -> Result<Self, Failure> {
        let store = place.open().await?;
        Self::observer_on(place, store).await
    }

    async fn observer_on(place: Place, store: Arc<dyn TaskStore>) -> Result<Self, Failure> {
        // Its manager knows no agents: those of the owner may be others, and the owner judges.
        let tasks = TaskManager::builder(Arc::clone(&store)).observe().await?;
        Ok(Self { tasks, store, place, agents: Vec::new() })
    }

    async fn owner(place: Place, then: Then) -> Result<Self, Failure> {
        let store = place.open().await?;
        let agents = match then {
            // What is settled needs no agent.
            Then::Leave => BTreeMap::new(),
            Then::Run => place.agents.all().await,
        };
        let ids = agents.keys().cloned().collect();
        let builder = agents::offer(Arc::clone(&store), agents).await;
        let builder = builder.map_err(|error| Failure::store(&place.url, &error))?;
        let places = match then {
            Then::Leave => 0,
            Then::Run => MAX_RUNNING,
        };
        match builder.max_running(places).start().await {
            Ok(tasks) => Ok(Self { tasks, store, place, agents: ids }),
            Err(TaskError::Store(error)) if matches!(*error, StoreError::Owned { .. }) => {
                Self::observer_on(place, store).await
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Place {
    fn of(general: &General) -> Result<Self, Failure> {
        Ok(Self { url: general.store.clone(), agents: general.agents()? })
    }

    /// Looking takes a moment: only for what is not there without.
    fn wanting(mut self, agent: &str) -> Self {
        if self.agents.has(agent) {
            self.agents = self.agents.look(false);
        }
        self
    }

    async fn open(&self) -> Result<Arc<dyn TaskStore>, Failure> {
        let opened: Result<Arc<dyn TaskStore>, StoreError> = match &self.url {
            StoreUrl::Memory => Ok(Arc::new(MemoryStore::new())),
            StoreUrl::Sled(dir) => SledStore::open(dir).await.map(|store| Arc::new(store) as _),
            StoreUrl::Sqlite(path) => SqliteStore::open(path).await.map(|store| Arc::new(store) as _),
        };
        opened.map_err(|error| Failure::store(&self.url, &error))
    }
}

/// Does it again while its fate is unknown or the store is away. Whatever is done has an idempotency key, so it is
/// done once.
pub(crate) async fn persist<T, F>(mut act: impl FnMut() -> F) -> Result<T, TaskError>
where
    F: Future<Output = Result<T, TaskError>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match act().await {
            Err(TaskError::Store(error)) if error.is_transient() => tokio::time::sleep(pause).await,
            outcome => return outcome,
        }
        pause *= 2;
    }
    act().await
}

/// What an owner does once it has settled what it found.
#[derive(Clone, Copy, Debug)]
enum Then {
    Leave,
    Run,
}

/// Looking for tasks makes no store: a wrong directory is a mistake, and not an empty list.
fn check_exists(url: &StoreUrl) -> Result<(), Failure> {
    let (what, path): (_, &Path) = match url {
        StoreUrl::Memory => return Ok(()),
        StoreUrl::Sled(dir) => ("directory", dir),
        StoreUrl::Sqlite(path) => ("file", path),
    };
    if path.exists() {
        return Ok(());
    }
    let message = format!("{url}: there is no such {what}; `tasks run` or a server on this store makes it");
    Err(Failure::new(Code::Unavailable, message))
}

/// Tasks that run here at a time. The rest wait.
const MAX_RUNNING: usize = 16;

const PAGE: usize = 500;

const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
