use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use crate::model::{Event, InstanceId, Seq, StatusCounts, Task, TaskId};
use crate::rt::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::rt::lock;
use crate::rt::sync::{Mutex, watch};
use crate::store::{Change, Commit, Keyed, StoreError, TaskPage, TaskQuery, TaskStore};

/// A store that does what a test tells it, in front of a real one. Clones share the orders.
#[derive(Clone)]
pub struct FaultStore {
    inner: Arc<dyn TaskStore>,
    orders: Arc<Orders>,
}

struct Orders {
    faults: Mutex<VecDeque<Fault>>,
    commits: Mutex<Vec<Commit>>,
    hung: watch::Sender<Vec<(Call, Option<TaskId>)>>,
    held: watch::Sender<bool>,
    reads_held: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
    panics: Mutex<Option<Call>>,
    older: Mutex<Option<Task>>,
    lost_task: Mutex<Option<TaskId>>,
    failing_loads: AtomicU32,
    failing_reads: AtomicU32,
    looks: AtomicU32,
    reads: AtomicU32,
    hidden: Mutex<Option<RangeInclusive<Seq>>>,
    lost: AtomicBool,
    deaf: AtomicBool,
}

/// What can be asked of a store and wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the methods of `TaskStore`")]
#[non_exhaustive]
pub enum Call {
    Changes,
    Claim,
    Close,
    Commit,
    Counts,
    Events,
    FindKey,
    KeepAlive,
    List,
    Load,
    Orphans,
    Release,
    Remove,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Changes,
        Self::Claim,
        Self::Close,
        Self::Commit,
        Self::Counts,
        Self::Events,
        Self::FindKey,
        Self::KeepAlive,
        Self::List,
        Self::Load,
        Self::Orphans,
        Self::Release,
        Self::Remove,
    ];
}

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is written, and the writer is told that this is not known.
    DoubtfulAndWritten,
    /// It is not written, and the writer is told that this is not known.
    DoubtfulAndLost,
    /// It is not written, and the writer is told so.
    Unavailable,
    /// It is written, and then the store panics.
    WrittenAndPanics,
}

impl FaultStore {
    /// In front of `store`, without faults yet.
    pub fn new(store: impl TaskStore) -> Self {
        let orders = Orders {
            faults: Mutex::default(),
            commits: Mutex::default(),
            hung: watch::channel(Vec::new()).0,
            held: watch::channel(false).0,
            reads_held: watch::channel(false).0,
            waiting: watch::channel(0).0,
            panics: Mutex::default(),
            older: Mutex::default(),
            lost_task: Mutex::default(),
            failing_loads: AtomicU32::new(0),
            failing_reads: AtomicU32::new(0),
            looks: AtomicU32::new(0),
            reads: AtomicU32::new(0),
            hidden: Mutex::default(),
            lost: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
        };
        Self { inner: Arc::new(store), orders: Arc::new(orders) }
    }

    /// Lets the next commits meet these faults, one each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.orders.faults).extend(faults);
    }

    /// Lets the next `loads` looks at a task fail as unavailable.
    pub fn fail_loads(&self, loads: u32) {
        self.orders.failing_loads.store(loads, Ordering::SeqCst);
    }

    /// Lets the next `reads` of events fail as unavailable.
    pub fn fail_reads(&self, reads: u32) {
        self.orders.failing_reads.store(reads, Ordering::SeqCst);
    }

    /// Lets every such call panic before anything is done, until [`FaultStore::heal`]; with [`Call::Changes`] the streams
    /// that are there, too, before they give a hint.
    pub fn panic(&self, call: Call) {
        *lock(&self.orders.panics) = Some(call);
    }

    /// Lets looks at this task find an older snapshot of it, as in a copy that lags behind, until
    /// [`FaultStore::catch_up`].
    pub fn lag(&self, older: Task) {
        *lock(&self.orders.older) = Some(older);
    }

    /// Lets looks at this task find nothing, though its key is there, as when a store is damaged, until
    /// [`FaultStore::heal`].
    pub fn lose(&self, task: TaskId) {
        *lock(&self.orders.lost_task) = Some(task);
    }

    /// Lets looks find what is.
    pub fn catch_up(&self) {
        *lock(&self.orders.older) = None;
    }

    /// How many looks at a task were asked for.
    #[must_use]
    pub fn looks(&self) -> u32 {
        self.orders.looks.load(Ordering::SeqCst)
    }

    /// How many reads of events were asked for.
    #[must_use]
    pub fn reads(&self) -> u32 {
        self.orders.reads.load(Ordering::SeqCst)
    }

    /// Gives no events with these numbers until [`FaultStore::heal`], as a damaged disk may, or a copy that lags behind.
    pub fn hide(&self, events: RangeInclusive<Seq>) {
        *lock(&self.orders.hidden) = Some(events);
    }

    /// Lets the owner find out that it is none any more.
    pub fn lose_ownership(&self) {
        self.orders.lost.store(true, Ordering::SeqCst);
    }

    /// Gives those who begin to listen from now on no hints of what others change.
    pub fn withhold_hints(&self) {
        self.orders.deaf.store(true, Ordering::SeqCst);
    }

    /// Lets commits wait before they are written, until [`FaultStore::go_on`].
    pub fn hold(&self) {
        self.orders.held.send_replace(true);
    }

    /// Lets commits that wait, and all later ones, be written.
    pub fn go_on(&self) {
        self.orders.held.send_replace(false);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        lock(&self.orders.faults).clear();
        *lock(&self.orders.hidden) = None;
        *lock(&self.orders.lost_task) = None;
        *lock(&self.orders.panics) = None;
    }

    /// Lets reads of events wait until [`FaultStore::go_on_reading`].
    pub fn hold_reads(&self) {
        self.orders.reads_held.send_replace(true);
    }

    /// Lets reads of events that wait, and all later ones, go on.
    pub fn go_on_reading(&self) {
        self.orders.reads_held.send_replace(false);
    }

    /// Lets every such call wait before anything is done, until [`FaultStore::answer`]; with [`Call::Changes`] every hint.
    pub fn hang(&self, call: Call) {
        self.orders.hung.send_modify(|hung| hung.push((call, None)));
    }

    /// The same for the calls that name this task.
    pub fn hang_for(&self, call: Call, task: TaskId) {
        self.orders.hung.send_modify(|hung| hung.push((call, Some(task))));
    }

    /// Lets everything that hangs go on.
    pub fn answer(&self) {
        self.orders.hung.send_modify(Vec::clear);
    }

    /// Waits until a commit waits to be let on.
    pub async fn commit_held(&self) {
        // The sender is there, so this ends only because a commit waits.
        drop(self.orders.waiting.subscribe().wait_for(|waiting| *waiting > 0).await);
    }

    /// Every commit that was asked for, written or not.
    #[must_use]
    pub fn commits(&self) -> Vec<Commit> {
        lock(&self.orders.commits).clone()
    }
}

#[async_trait]
impl TaskStore for FaultStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        lock(&self.orders.commits).push(commit.clone());
        self.orders.pass(Call::Commit, Some(commit.task())).await;
        if *self.orders.held.borrow() {
            self.orders.waiting.send_modify(|waiting| *waiting += 1);
            pass(&self.orders.held).await;
            self.orders.waiting.send_modify(|waiting| *waiting -= 1);
        }
        let fault = lock(&self.orders.faults).pop_front();
        match fault {
            None => self.inner.commit(commit).await,
            Some(Fault::DoubtfulAndLost) => Err(StoreError::indeterminate("the disk said nothing")),
            Some(Fault::DoubtfulAndWritten) => {
                self.inner.commit(commit).await?;
                Err(StoreError::indeterminate("the disk said nothing"))
            }
            Some(Fault::Unavailable) => Err(StoreError::unavailable("the disk is away")),
            Some(Fault::WrittenAndPanics) => {
                self.inner.commit(commit).await?;
                panic!("this store panics");
            }
        }
    }

    async fn load(&self, task: TaskId) -> Result<Task, StoreError> {
        self.orders.looks.fetch_add(1, Ordering::SeqCst);
        self.orders.pass(Call::Load, Some(task)).await;
        use_up(&self.orders.failing_loads)?;
        if *lock(&self.orders.lost_task) == Some(task) {
            return Err(StoreError::NotFound(task));
        }
        let older = lock(&self.orders.older).clone().filter(|older| older.id == task);
        match older {
            Some(older) => Ok(older),
            None => self.inner.load(task).await,
        }
    }

    async fn events(
        &self,
        task: TaskId,
        after: Seq,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.orders.reads.fetch_add(1, Ordering::SeqCst);
        self.orders.pass(Call::Events, Some(task)).await;
        pass(&self.orders.reads_held).await;
        use_up(&self.orders.failing_reads)?;
        let mut events = self.inner.events(task, after, limit, max_bytes).await?;
        if let Some(hidden) = &*lock(&self.orders.hidden) {
            events.retain(|event| !hidden.contains(&event.seq()));
        }
        Ok(events)
    }

    async fn list(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        self.orders.pass(Call::List, None).await;
        self.inner.list(query).await
    }

    async fn counts(&self) -> Result<StatusCounts, StoreError> {
        self.orders.pass(Call::Counts, None).await;
        self.inner.counts().await
    }

    async fn find_key(&self, key: &str) -> Result<Option<Keyed>, StoreError> {
        self.orders.pass(Call::FindKey, None).await;
        self.inner.find_key(key).await
    }

    async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        self.orders.pass(Call::Remove, Some(task)).await;
        self.inner.remove(task, expected).await
    }

    async fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.orders.pass(Call::Claim, None).await;
        self.inner.claim(instance).await
    }

    async fn keep_alive(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.orders.pass(Call::KeepAlive, None).await;
        if self.orders.lost.load(Ordering::SeqCst) {
            return Err(StoreError::Owned { by: "another process".to_owned() });
        }
        self.inner.keep_alive(instance).await
    }

    async fn orphans(&self, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
        self.orders.pass(Call::Orphans, None).await;
        self.inner.orphans(instance).await
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.orders.pass(Call::Release, None).await;
        self.inner.release(instance).await
    }

    fn changes(&self, except: InstanceId) -> BoxStream<'static, Change> {
        self.orders.panic_at(Call::Changes);
        if self.orders.deaf.load(Ordering::SeqCst) {
            return stream::pending().boxed();
        }
        let orders = Arc::clone(&self.orders);
        let pass = move |change| {
            let orders = Arc::clone(&orders);
            async move {
                orders.pass(Call::Changes, None).await;
                change
            }
        };
        self.inner.changes(except).then(pass).boxed()
    }

    /// Not passed on: the next manager of the test finds the store as after a restart.
    async fn close(&self) -> Result<(), StoreError> {
        self.orders.pass(Call::Close, None).await;
        Ok(())
    }
}

impl Orders {
    /// Waits while such calls hang, and panics if they are to.
    async fn pass(&self, call: Call, task: Option<TaskId>) {
        let hangs = |hung: &Vec<(Call, Option<TaskId>)>| {
            hung.iter().any(|(of, only)| *of == call && (only.is_none() || *only == task))
        };
        // The sender is there, so this ends only because it is let go.
        drop(self.hung.subscribe().wait_for(|hung| !hangs(hung)).await);
        self.panic_at(call);
    }

    fn panic_at(&self, call: Call) {
        let panics = *lock(&self.panics) == Some(call);
        assert!(!panics, "this store panics");
    }
}

/// Waits until the gate is open.
async fn pass(held: &watch::Sender<bool>) {
    // The sender is there, so this ends only because the gate is open.
    drop(held.subscribe().wait_for(|held| !held).await);
}

/// An error as long as there are faults left.
fn use_up(faults: &AtomicU32) -> Result<(), StoreError> {
    match faults.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |faults| faults.checked_sub(1)) {
        Ok(_) => Err(StoreError::unavailable("the disk is away")),
        Err(_) => Ok(()),
    }
}

impl std::fmt::Debug for FaultStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultStore").finish_non_exhaustive()
    }
}
