//! A store in front of another that does what a history tells it: fails, for one task and not for the others, so that the
//! same history fails the same commits whatever else happens; or is wrong in one way, to see whether that is found.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::stream::BoxStream;
use task_core::{
    Change, Commit, Event, InstanceId, Keyed, Seq, StatusCounts, StoreError, Task, TaskId, TaskPage,
    TaskQuery, TaskStore,
};
use tokio::sync::Notify;

use crate::step::Fault;

/// A way in which a store can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    AgentFilterIgnored,
    CountsKeepRemoved,
    LastOfAPageComesAgain,
    OneCommitInAWhileIsLost,
    OrphansAreNotFound,
    RemovedComesBack,
    UnavailableThoughWritten,
}

impl Wrong {
    pub(crate) const ALL: [Self; 7] = [
        Self::AgentFilterIgnored,
        Self::CountsKeepRemoved,
        Self::LastOfAPageComesAgain,
        Self::OneCommitInAWhileIsLost,
        Self::OrphansAreNotFound,
        Self::RemovedComesBack,
        Self::UnavailableThoughWritten,
    ];
}

/// Clones share the weather.
#[derive(Clone)]
pub(crate) struct Weather {
    inner: Arc<dyn TaskStore>,
    wrong: Option<Wrong>,
    orders: Arc<Orders>,
}

struct Orders {
    state: Mutex<State>,
    /// Wakes those who wait in the order they came.
    let_go: Notify,
}

#[derive(Default)]
struct State {
    /// `None` stands for a task that is created.
    commits: HashMap<Option<TaskId>, VecDeque<Fault>>,
    held: Vec<Option<TaskId>>,
    looks: HashMap<TaskId, u8>,
    reads: HashMap<TaskId, u8>,
    all_looks: u32,
    owner: Option<InstanceId>,
    count: u64,
    removed: StatusCounts,
}

impl Weather {
    pub(crate) fn new(inner: Arc<dyn TaskStore>, wrong: Option<Wrong>) -> Self {
        let orders = Orders { state: Mutex::default(), let_go: Notify::new() };
        Self { inner, wrong, orders: Arc::new(orders) }
    }

    /// What the next calls for the task meet; without a task, the next creation.
    pub(crate) fn fault(&self, task: Option<TaskId>, fault: Fault) {
        let mut state = self.state();
        match (fault, task) {
            (Fault::LooksFail(times), Some(task)) => drop(state.looks.insert(task, times)),
            (Fault::ReadsFail(times), Some(task)) => drop(state.reads.insert(task, times)),
            (Fault::LooksFail(_) | Fault::ReadsFail(_), None) => {}
            (Fault::Held, task) => state.held.push(task),
            (Fault::Unavailable(times), task) => {
                state.commits.entry(task).or_default().extend((0..times).map(|_| Fault::Unavailable(1)));
            }
            (fault, task) => state.commits.entry(task).or_default().push_back(fault),
        }
    }

    /// Ends all faults; what waits goes on.
    pub(crate) fn clear_up(&self) {
        let mut state = self.state();
        state.commits.clear();
        state.looks.clear();
        state.reads.clear();
        state.held.clear();
        drop(state);
        self.orders.let_go.notify_waiters();
    }

    /// The same store as it is, wrong where it is wrong, without its faults.
    pub(crate) fn calm(&self) -> Self {
        let State { count, removed, .. } = *self.state();
        let state = State { count, removed, ..State::default() };
        let orders = Orders { state: Mutex::new(state), let_go: Notify::new() };
        Self { inner: Arc::clone(&self.inner), wrong: self.wrong, orders: Arc::new(orders) }
    }

    /// Who claimed the store last.
    pub(crate) fn owner(&self) -> Option<InstanceId> {
        self.state().owner
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.orders.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    /// Whoever looks so often waits, without a pause, for something that never comes.
    fn count_a_look(&self) {
        let mut state = self.state();
        state.all_looks += 1;
        assert!(state.all_looks < 100_000, "this goes on for ever");
    }

    /// Every so often, what is wrong is wrong.
    fn in_a_while(&self) -> bool {
        let mut state = self.state();
        state.count += 1;
        state.count.is_multiple_of(5)
    }
}

#[async_trait]
impl TaskStore for Weather {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let whose = (commit.expected() != Seq::ZERO).then(|| commit.task());
        loop {
            let let_go = self.orders.let_go.notified();
            if !self.state().held.contains(&whose) {
                break;
            }
            let_go.await;
        }
        let fault = self.state().commits.get_mut(&whose).and_then(VecDeque::pop_front);
        match fault {
            Some(Fault::DoubtfulAndLost) => Err(StoreError::indeterminate("the disk said nothing")),
            Some(Fault::DoubtfulAndWritten) => {
                self.inner.commit(commit).await?;
                Err(StoreError::indeterminate("the disk said nothing"))
            }
            Some(_) => {
                if self.is(Wrong::UnavailableThoughWritten) {
                    self.inner.commit(commit).await?;
                }
                Err(StoreError::unavailable("the disk is away"))
            }
            None if self.is(Wrong::OneCommitInAWhileIsLost) && whose.is_some() && self.in_a_while() => Ok(()),
            None => self.inner.commit(commit).await,
        }
    }

    async fn load(&self, task: TaskId) -> Result<Task, StoreError> {
        self.count_a_look();
        use_up(&mut self.state().looks, task)?;
        self.inner.load(task).await
    }

    async fn events(
        &self,
        task: TaskId,
        after: Seq,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, StoreError> {
        use_up(&mut self.state().reads, task)?;
        self.inner.events(task, after, limit, max_bytes).await
    }

    async fn list(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        if self.is(Wrong::AgentFilterIgnored) {
            let mut query = query.clone();
            query.agent_id = None;
            return self.inner.list(&query).await;
        }
        let mut page = self.inner.list(query).await?;
        if self.is(Wrong::LastOfAPageComesAgain) && query.cursor.is_some() && !page.items.is_empty() {
            page.items.insert(0, page.items[0].clone());
        }
        Ok(page)
    }

    async fn counts(&self) -> Result<StatusCounts, StoreError> {
        let mut counts = self.inner.counts().await?;
        if self.is(Wrong::CountsKeepRemoved) {
            counts.cancelled += self.state().removed.cancelled;
        }
        Ok(counts)
    }

    async fn find_key(&self, key: &str) -> Result<Option<Keyed>, StoreError> {
        self.inner.find_key(key).await
    }

    async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        if self.is(Wrong::RemovedComesBack) {
            self.inner.load(task).await?;
            return Ok(());
        }
        self.inner.remove(task, expected).await?;
        self.state().removed.cancelled += 1;
        Ok(())
    }

    async fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.inner.claim(instance).await?;
        self.state().owner = Some(instance);
        Ok(())
    }

    async fn keep_alive(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.inner.keep_alive(instance).await
    }

    async fn orphans(&self, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
        if self.is(Wrong::OrphansAreNotFound) {
            return Ok(Vec::new());
        }
        self.inner.orphans(instance).await
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.inner.release(instance).await
    }

    fn changes(&self, except: InstanceId) -> BoxStream<'static, Change> {
        self.inner.changes(except)
    }

    /// Not passed on: the other manager on it goes on, and a store in memory is found again.
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// An error as long as there are faults left.
fn use_up(faults: &mut HashMap<TaskId, u8>, task: TaskId) -> Result<(), StoreError> {
    let Some(left) = faults.get_mut(&task).filter(|left| **left > 0) else { return Ok(()) };
    *left -= 1;
    Err(StoreError::unavailable("the disk is away"))
}
