use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::agent::Agents;
use super::queue::Queue;
use super::run::Supervisor;
use super::settings::Settings;
use crate::error::TaskError;
use crate::log::{Journal, News, TaskState, Watcher};
use crate::model::{Task, TaskId, TaskStatus};
use crate::rt::select;
use crate::rt::sync::{CancellationToken, watch};
use crate::rt::task::{Id, JoinSet};
use crate::rt::time::{Instant, MissedTickBehavior, interval, sleep};
use crate::store::{Order, StoreError, TaskQuery};
use crate::with_causes;

/// Starts pending tasks, oldest first, as far as the limits allow, and owns the runs.
///
/// What is pending it learns as any viewer of the list does: a snapshot, then changes. So tasks that another process
/// created, or that a message woke, need no path of their own.
pub(super) struct Scheduler {
    supervisor: Arc<Supervisor>,
    abandon: CancellationToken,
    watcher: Arc<Watcher>,
    queue: Queue,
    /// Tasks that run, with their agents.
    running: HashMap<TaskId, Arc<str>>,
    /// How many tasks of each agent run.
    by_agent: HashMap<Arc<str>, usize>,
    runs: JoinSet<()>,
    run_tasks: HashMap<Id, TaskId>,
}

impl Scheduler {
    pub(super) fn new(
        journal: Journal,
        agents: Agents,
        settings: Settings,
        shutdown: watch::Receiver<Option<Duration>>,
        abandon: CancellationToken,
    ) -> Self {
        let watcher = Arc::new(Watcher::new(false));
        journal.hub().add_watcher(&watcher);
        Self {
            supervisor: Arc::new(Supervisor { journal, agents, settings, shutdown }),
            abandon,
            watcher,
            queue: Queue::default(),
            running: HashMap::new(),
            by_agent: HashMap::new(),
            runs: JoinSet::new(),
            run_tasks: HashMap::new(),
        }
    }

    /// Runs until the manager shuts down and all runs have ended, or until it is abandoned.
    pub(super) async fn run(mut self) {
        let mut alive = interval(KEEP_ALIVE_EVERY);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (abandon, mut shutdown) = (self.abandon.clone(), self.supervisor.shutdown.clone());
        loop {
            let stopping = shutdown.borrow_and_update().is_some();
            if stopping && self.runs.is_empty() {
                return;
            }
            select! {
                biased;
                () = abandon.cancelled() => break,
                _ = shutdown.changed(), if !stopping => {}
                Some(ended) = self.runs.join_next_with_id() => {
                    let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                    self.ended(id).await;
                }
                _ = alive.tick() => {
                    if !self.keep_alive().await {
                        break;
                    }
                }
                news = self.watcher.next(Instant::now()), if !stopping => match news {
                    // The store may take its time; nothing is started any more when the manager shuts down.
                    Some(news) => select! {
                        () = self.take_in(news) => {}
                        _ = shutdown.wait_for(Option::is_some) => {}
                    },
                    // The manager shuts down; the wait for that has not been polled yet.
                    None => drop(shutdown.changed().await),
                },
            }
            if shutdown.borrow().is_none() {
                let chosen = self.what_fits();
                // Whoever was paused may have lost the store meanwhile, and must not start what its successor starts.
                if !chosen.is_empty() && !self.keep_alive().await {
                    break;
                }
                self.start(chosen);
            }
        }
        // Whoever reads here would wait for ever: what comes next comes elsewhere.
        self.supervisor.journal.close();
        // Runs are dropped with this; the next owner finds their tasks and settles them.
        self.runs.abort_all();
        while self.runs.join_next().await.is_some() {}
        if let Err(error) = self.supervisor.journal.store().release(self.supervisor.journal.instance()).await
        {
            tracing::warn!(error = %with_causes(&error), "cannot give the store back");
        }
    }

    async fn take_in(&mut self, news: News) {
        let outcome = if news.restart { self.reload().await } else { self.see_all(news.tasks).await };
        match outcome {
            Ok(()) => self.watcher.done(),
            Err(error) => {
                tracing::warn!(
                    error = %with_causes(&error),
                    "cannot read the pending tasks; trying again"
                );
                self.watcher.restart();
                sleep(RETRY_AFTER).await;
            }
        }
    }

    /// All pending tasks, from the store.
    async fn reload(&mut self) -> Result<(), TaskError> {
        self.queue.clear();
        let mut query =
            TaskQuery::default().with_statuses([TaskStatus::Pending]).with_order(Order::OldestFirst);
        query.limit = PAGE;
        loop {
            let page = self.supervisor.journal.list(&query).await?;
            page.items.iter().for_each(|task| self.see(task));
            match page.next {
                Some(cursor) => query.cursor = Some(cursor),
                None => return Ok(()),
            }
        }
    }

    async fn see_all(&mut self, tasks: HashMap<TaskId, TaskState>) -> Result<(), TaskError> {
        for (task, state) in tasks {
            match state {
                TaskState::Known(task) => self.see(&task),
                TaskState::Removed => self.queue.remove(task),
                TaskState::Unknown => self.look(task).await?,
            }
        }
        Ok(())
    }

    async fn look(&mut self, task: TaskId) -> Result<(), TaskError> {
        match self.supervisor.journal.load(task).await {
            Ok(task) => self.see(&task),
            Err(TaskError::NotFound(task)) => self.queue.remove(task),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn see(&mut self, task: &Task) {
        // Nobody knew whether its start was stored when it was given up, and it was.
        let is_adrift = task.status.is_active()
            && task.owner() == Some(self.supervisor.journal.instance())
            && !self.running.contains_key(&task.id);
        if task.status == TaskStatus::Pending || is_adrift {
            self.queue.put(task.id, &task.agent_id, task.book.pending_since.unwrap_or(task.created_at));
        } else {
            self.queue.remove(task.id);
        }
    }

    /// The tasks to start now, with their agents: those that wait the longest, as many as there are places.
    fn what_fits(&self) -> Vec<(TaskId, Arc<str>)> {
        let places = self.supervisor.settings.max_running.saturating_sub(self.running.len());
        let places_of = |agent_id: &str| {
            let limit = self.supervisor.agents.find(agent_id).map_or(usize::MAX, |agent| agent.max_running);
            limit.saturating_sub(self.by_agent.get(agent_id).copied().unwrap_or_default())
        };
        // A message may have woken the task while its last run is still being put away.
        let may_run = |task| !self.running.contains_key(&task);
        self.queue.next(places, places_of, may_run)
    }

    fn start(&mut self, chosen: Vec<(TaskId, Arc<str>)>) {
        for (task, agent) in chosen {
            self.queue.remove(task);
            let handle = self.runs.spawn(Arc::clone(&self.supervisor).run(task));
            self.run_tasks.insert(handle.id(), task);
            // One text for all runs of an agent, however many.
            let known = self.by_agent.get_key_value(&agent).map(|(known, _)| Arc::clone(known));
            let agent = known.unwrap_or(agent);
            *self.by_agent.entry(Arc::clone(&agent)).or_default() += 1;
            self.running.insert(task, agent);
        }
    }

    /// A place is free. The task may wait again already: whatever happened, the log says so.
    async fn ended(&mut self, run: Id) {
        let Some(task) = self.run_tasks.remove(&run) else { return };
        if let Some(agent) = self.running.remove(&task)
            && let Some(running) = self.by_agent.get_mut(&agent)
        {
            *running -= 1;
            if *running == 0 {
                self.by_agent.remove(&agent);
            }
        }
        if let Err(error) = self.look(task).await
            && !matches!(error, TaskError::ShutDown)
        {
            tracing::warn!(%task, error = %with_causes(&error), "cannot look at a task whose run ended");
            self.watcher.restart();
        }
    }

    /// False when another process took the store over: then nothing here may go on.
    async fn keep_alive(&self) -> bool {
        match self.supervisor.journal.store().keep_alive(self.supervisor.journal.instance()).await {
            Ok(()) => true,
            Err(error @ StoreError::Owned { .. }) => {
                tracing::error!(
                    error = %with_causes(&error),
                    "lost the store; dropping all runs"
                );
                false
            }
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), "cannot keep the store");
                true
            }
        }
    }
}

const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(5);
const RETRY_AFTER: Duration = Duration::from_millis(200);
const PAGE: usize = 500;
