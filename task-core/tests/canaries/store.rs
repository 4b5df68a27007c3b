//! A small store of its own that keeps the contract, unless it is told to break one rule of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use futures::StreamExt;
use futures::future;
use futures::stream::{self, BoxStream};
use task_core::{
    Change, Changes, Commit, Event, InstanceId, Keyed, Seq, StatusCounts, StoreError, Task, TaskId, TaskPage,
    TaskQuery, TaskStore,
};
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use crate::disk::{Disk, Row};
use crate::fault::Fault;
use crate::{page, read};

/// A handle.
pub(crate) struct BrokenStore {
    pub(crate) fault: Option<Fault>,
    disk: Arc<Mutex<Disk>>,
    listeners: Changes,
    mine: Arc<Handle>,
}

/// What the clones of a handle share.
struct Handle {
    end: Changes,
    closed: AtomicBool,
    under_way: AtomicUsize,
    calls: AtomicUsize,
    claimed: Mutex<Option<InstanceId>>,
    /// The only place for one who reads, where there are places.
    reader: Semaphore,
    opening: u64,
}

impl Clone for BrokenStore {
    fn clone(&self) -> Self {
        let disk = if self.is(Fault::CloneIsACopy) {
            Arc::new(Mutex::new(self.disk().clone()))
        } else {
            Arc::clone(&self.disk)
        };
        Self { fault: self.fault, disk, listeners: self.listeners.clone(), mine: Arc::clone(&self.mine) }
    }
}

impl BrokenStore {
    pub(crate) fn new(
        fault: Option<Fault>,
        disk: Arc<Mutex<Disk>>,
        listeners: Changes,
        opening: u64,
    ) -> Self {
        let mine = Handle {
            end: Changes::new(),
            closed: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            claimed: Mutex::default(),
            reader: Semaphore::new(1),
            opening,
        };
        Self { fault, disk, listeners, mine: Arc::new(mine) }
    }

    pub(crate) fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        // Whoever asks so often waits for something that a broken store never does.
        let calls = self.mine.calls.fetch_add(1, Ordering::Relaxed);
        assert!(calls < 20_000, "this goes on for ever");
        locked(&self.disk)
    }

    pub(crate) fn opening(&self) -> u64 {
        self.mine.opening
    }

    fn open(&self) -> Result<(), StoreError> {
        if !self.mine.closed.load(Ordering::Relaxed) {
            Ok(())
        } else if self.is(Fault::ClosedFailsOtherwise) {
            Err(StoreError::unavailable("the pool is gone"))
        } else {
            Err(StoreError::Closed)
        }
    }

    fn open_for_reading(&self) -> Result<(), StoreError> {
        if self.is(Fault::ClosedStillReads) { Ok(()) } else { self.open() }
    }

    fn check(&self, commit: &Commit) -> Result<(), StoreError> {
        let (task, expected) = (commit.task(), commit.expected());
        let mut disk = self.disk();
        let end = disk.row(task).map(Row::end);
        let stale = match end {
            None if expected == Seq::ZERO || self.is(Fault::CommitCreates) => false,
            None => return Err(StoreError::NotFound(task)),
            Some(end) if expected > end => !self.is(Fault::AheadAccepted),
            Some(end) => expected != end,
        };
        let accepted =
            self.is(Fault::StaleAccepted) || (self.is(Fault::FirstCommitOverwrites) && expected == Seq::ZERO);
        if stale && !accepted {
            let actual = if self.is(Fault::ConflictNamesOne) { expected } else { end.unwrap_or(Seq::ZERO) };
            if self.is(Fault::StaleTakesItsKey) {
                disk.take_key(commit);
            }
            if self.is(Fault::StaleHalfWritten)
                && let (Some(row), Some(snapshot)) = (disk.row_mut(task), commit.snapshot())
            {
                row.snapshot = snapshot.clone();
            }
            return Err(StoreError::Conflict { task, expected, actual });
        }
        let taken = commit.key().and_then(|(key, _)| disk.keys.get(&self.key(key)).copied());
        match taken {
            Some(_) if self.is(Fault::DuplicateAccepted) => Ok(()),
            Some(taken) => {
                if self.is(Fault::DuplicateHalfWritten) {
                    disk.write(commit, None);
                }
                let named = if self.is(Fault::DuplicateNamesTheNewcomer) { task } else { taken.task };
                Err(StoreError::Duplicate { task: named, seq: taken.seq })
            }
            None => Ok(()),
        }
    }

    fn key(&self, key: &str) -> String {
        if self.is(Fault::KeysFolded) { TaskQuery::fold(key) } else { key.to_owned() }
    }

    async fn write(&self, commit: &Commit) -> Result<(), StoreError> {
        self.open()?;
        self.check(commit)?;
        let races = self.is(Fault::WritersRace) || (self.is(Fault::KeysRace) && commit.key().is_some());
        if races || self.is(Fault::CloseDropsWhatWaits) {
            yield_now().await;
        }
        if self.is(Fault::CloseDropsWhatWaits) && self.mine.closed.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.is(Fault::TornCommit) && commit.events().len() > 5 {
            let half = commit.events().len() / 2;
            if let Some(row) = self.disk().row_mut(commit.task()) {
                row.events.extend_from_slice(&commit.events()[..half]);
            }
            yield_now().await;
            if let Some(row) = self.disk().row_mut(commit.task()) {
                let keep = row.events.len() - half;
                row.events.truncate(keep);
            }
        }
        let torn = commit.snapshot().filter(|_| self.is(Fault::CountsTorn));
        let before = torn.and_then(|task| self.disk().row(task.id).map(|row| row.snapshot.status));
        if let Some(before) = before {
            *self.disk().counts.of_mut(before) -= 1;
            yield_now().await;
            *self.disk().counts.of_mut(before) += 1;
        }
        let counted = if self.is(Fault::CountsRace) {
            let before = self.disk().counts;
            yield_now().await;
            Some(before)
        } else {
            None
        };
        let mut disk = self.disk();
        if let Some(before) = counted {
            disk.counts = before;
        }
        disk.write(commit, self.fault);
        if let Some((key, seq)) = commit.key() {
            let seq = if self.is(Fault::KeyNamesTheEnd) { Seq::new(seq.get() + 1) } else { seq };
            disk.keys.insert(self.key(key), Keyed::new(commit.task(), seq));
        }
        Ok(())
    }

    fn tell(&self, origin: Option<InstanceId>, change: Change) {
        match self.fault {
            Some(Fault::ChangesLost) => {}
            Some(Fault::RemovalSilent) if matches!(change, Change::Removed { .. }) => {}
            Some(Fault::ChangesEchoOwn) => self.listeners.publish(None, change),
            _ => self.listeners.publish(origin, change),
        }
    }
}

#[async_trait]
impl TaskStore for BrokenStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let change = Change::Moved { task: commit.task(), seq: commit.end() };
        if self.is(Fault::ChangesBeforeTheCommit) {
            self.tell(Some(commit.origin()), change);
            for _ in 0..3 {
                yield_now().await;
            }
        }
        let under_way = UnderWay::new(&self.mine.under_way);
        let written = self.write(&commit).await;
        drop(under_way);
        if written.is_ok() && !self.is(Fault::ChangesBeforeTheCommit) {
            self.tell(Some(commit.origin()), change);
        }
        written
    }

    async fn load(&self, task: TaskId) -> Result<Task, StoreError> {
        self.open_for_reading()?;
        let disk = self.disk();
        match disk.row(task) {
            Some(row) => Ok(read::snapshot(row, self.fault)),
            None if self.is(Fault::UnknownIsUnavailable) => Err(StoreError::unavailable("who?")),
            None => Err(StoreError::NotFound(task)),
        }
    }

    async fn events(
        &self,
        task: TaskId,
        after: Seq,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.open_for_reading()?;
        let _turn = if self.is(Fault::ReadersStandInLine) {
            let turn = self.mine.reader.acquire().await;
            yield_now().await;
            Some(turn)
        } else {
            None
        };
        let disk = self.disk();
        let row = match disk.rows.last() {
            Some(last) if self.is(Fault::EventsOfAnother) => Some(last),
            _ => disk.row(task),
        };
        match row {
            Some(row) => read::events(row, self.fault, after, limit, max_bytes),
            None if self.is(Fault::UnknownIsEmpty) => Ok(Vec::new()),
            None => Err(StoreError::NotFound(task)),
        }
    }

    async fn list(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        self.open_for_reading()?;
        page::page(self, query)
    }

    async fn counts(&self) -> Result<StatusCounts, StoreError> {
        self.open_for_reading()?;
        Ok(self.disk().counts)
    }

    async fn find_key(&self, key: &str) -> Result<Option<Keyed>, StoreError> {
        self.open_for_reading()?;
        let disk = self.disk();
        if self.is(Fault::KeysByPrefix) {
            return Ok(disk.keys.iter().find(|(taken, _)| taken.starts_with(key)).map(|(_, keyed)| *keyed));
        }
        Ok(disk.keys.get(&self.key(key)).copied())
    }

    async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        self.open()?;
        let end = self.disk().row(task).map(Row::end);
        match end {
            None if self.is(Fault::RemoveTwiceIsFine) => return Ok(()),
            None => return Err(StoreError::NotFound(task)),
            Some(actual) if actual != expected && !self.is(Fault::RemoveIgnoresExpected) => {
                return Err(StoreError::Conflict { task, expected, actual });
            }
            Some(_) => {}
        }
        if self.is(Fault::RemoveRaces) {
            yield_now().await;
        }
        let mut disk = self.disk();
        if let Some(at) = disk.rows.iter().position(|row| row.snapshot.id == task) {
            let row = disk.rows.remove(at);
            if !self.is(Fault::RemoveLeavesCounts) {
                *disk.counts.of_mut(row.snapshot.status) -= 1;
            }
            if self.is(Fault::RemoveTakesAllKeys) {
                disk.keys.clear();
            } else if !self.is(Fault::KeyNotRemoved) {
                disk.keys.retain(|_, keyed| keyed.task != task);
            }
            disk.removed.push(row);
        }
        drop(disk);
        self.tell(None, Change::Removed { task });
        Ok(())
    }

    async fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.open()?;
        let mut disk = self.disk();
        match disk.owner {
            Some(owner) if owner == instance && !self.is(Fault::ClaimTwiceRefused) => Ok(()),
            Some(owner) if !self.is(Fault::ClaimNeverRefuses) => {
                Err(StoreError::Owned { by: owner.to_string() })
            }
            _ => {
                disk.owner = Some(instance);
                *locked(&self.mine.claimed) = Some(instance);
                Ok(())
            }
        }
    }

    async fn keep_alive(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.open()?;
        match self.disk().owner {
            _ if self.is(Fault::KeepAliveUnchecked) => Ok(()),
            Some(owner) if owner == instance => Ok(()),
            _ => Err(StoreError::Owned { by: "another".to_owned() }),
        }
    }

    async fn orphans(&self, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
        self.open_for_reading()?;
        let disk = self.disk();
        let orphaned = |task: &&Task| {
            let active =
                task.status.is_active() || (self.is(Fault::OrphansArePending) && !task.status.is_settled());
            active && task.owner() != Some(instance)
        };
        let listed = disk.rows.iter().map(|row| &row.snapshot).filter(orphaned).map(|task| task.id);
        let stay =
            disk.removed.iter().filter(|_| self.is(Fault::OrphansStayListed)).map(|row| row.snapshot.id);
        Ok(listed.chain(stay).collect())
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.open()?;
        let owner = &mut self.disk().owner;
        match self.fault {
            Some(Fault::ReleaseIgnored) => {}
            Some(Fault::ReleaseOfAnyone) => *owner = None,
            _ => drop(owner.take_if(|owner| *owner == instance)),
        }
        Ok(())
    }

    fn changes(&self, except: InstanceId) -> BoxStream<'static, Change> {
        let end = self.mine.end.listen(except).collect::<Vec<_>>();
        let listeners = self.listeners.clone();
        let mut told = Vec::new();
        if self.is(Fault::ReopenTellsOldChanges) && self.opening() > 1 {
            let moved = |row: &Row| Change::Moved { task: row.snapshot.id, seq: row.end() };
            told.extend(self.disk().rows.iter().map(moved));
        }
        match self.fault {
            Some(Fault::ChangesNeverEnd) => listeners.listen(except),
            Some(Fault::ChangesFromTheFirstLook) => {
                stream::once(async move { listeners.listen(except) }).flatten().take_until(end).boxed()
            }
            Some(Fault::ChangesAreBounded) => listeners
                .listen(except)
                .ready_chunks(64)
                .flat_map(|chunk| stream::iter(chunk.into_iter().take(16)))
                .take_until(end)
                .boxed(),
            Some(Fault::ChangesForOneListener) => {
                // The place of the listener is taken by the next.
                let (newest, disk) = (self.disk().listen(), Arc::clone(&self.disk));
                let heard = listeners.listen(except);
                let heard = heard.filter(move |_| future::ready(locked(&disk).listener == newest));
                heard.take_until(end).boxed()
            }
            _ => stream::iter(told).chain(listeners.listen(except)).take_until(end).boxed(),
        }
    }

    async fn close(&self) -> Result<(), StoreError> {
        if self.mine.closed.swap(true, Ordering::Relaxed) {
            let again = self.is(Fault::CloseTwiceFails);
            return if again { Err(StoreError::Closed) } else { Ok(()) };
        }
        if self.is(Fault::CloseEndsAllHandles) {
            self.listeners.close();
        }
        while self.mine.under_way.load(Ordering::Relaxed) > 0 {
            drop(self.disk());
            yield_now().await;
        }
        let claimed = locked(&self.mine.claimed).take();
        if !self.is(Fault::CloseKeepsTheOwner) {
            self.disk().owner.take_if(|owner| Some(*owner) == claimed);
        }
        self.mine.end.close();
        Ok(())
    }
}

/// Counts a commit, for as long as somebody waits for it.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic under this lock")
}
