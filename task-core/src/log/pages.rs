mod room;

use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

use room::{Place, Room};

use crate::model::{Event, Seq, TaskId};
use crate::rt::sync::Mutex;
use crate::rt::task::AbortOnDropHandle;
use crate::rt::{lock, spawn};
use crate::store::{StoreError, TaskStore};

/// Reads logs from the store in pages that readers share.
///
/// A thousand readers that come back to one task cost one read: reads of the same page under way at the same time
/// are one, and full pages, which never change, are kept for a while.
pub(crate) struct Pages {
    store: Arc<dyn TaskStore>,
    state: Mutex<State>,
    limit: usize,
    ahead: Room,
}

#[derive(Default)]
struct State {
    kept: HashMap<Key, Kept>,
    /// Held by those who wait: a read that nobody waits for any more is dropped.
    under_way: HashMap<Key, WeakShared<Read>>,
    bytes: usize,
    uses: u64,
}

/// A page: the task and the position it begins after.
type Key = (TaskId, Seq);
type Read = BoxFuture<'static, Result<Arc<[Event]>, Arc<StoreError>>>;

struct Kept {
    events: Arc<[Event]>,
    bytes: usize,
    used: u64,
}

/// A page that is read before anybody waits for it, as long as this is held.
pub(crate) struct Ahead {
    read: Shared<Read>,
    _place: Arc<Place>,
    /// Not left to the reader: a store may let it wait in a line, where a reader that does something else in between would
    /// keep its place, and all who stand behind it.
    _driver: Option<AbortOnDropHandle<()>>,
}

impl Pages {
    pub(crate) fn new(store: Arc<dyn TaskStore>, limit: usize) -> Self {
        Self { store, state: Mutex::default(), limit, ahead: Room::new(limit) }
    }

    /// Events after `after`: at least one if the store has one.
    pub(crate) async fn after(&self, task: TaskId, after: Seq) -> Result<Arc<[Event]>, Arc<StoreError>> {
        let start = start_of(after);
        let page = self.page((task, start)).await?;
        // A page is cut short by its bytes: then a cursor inside it may lie behind what was read.
        if start == after || reaches_beyond(&page, after) {
            return Ok(page);
        }
        self.page((task, after)).await
    }

    /// Begins to read what [`Pages::after`] would, unless it is here already, or all readers together have as much ahead of
    /// them as may be kept.
    pub(crate) fn ahead(&self, task: TaskId, after: Seq) -> Option<Ahead> {
        let start = start_of(after);
        let (read, place) = {
            let mut state = lock(&self.state);
            let from = match state.kept.get(&(task, start)) {
                Some(page) if reaches_beyond(&page.events, after) => return None,
                Some(_) => after,
                None => start,
            };
            if state.kept.contains_key(&(task, from)) {
                return None;
            }
            let place = Arc::new(self.ahead.take()?);
            (self.join(&mut state, (task, from)), place)
        };
        let mut driver = {
            let (read, place) = (read.clone(), Arc::clone(&place));
            Box::pin(async move {
                if let Ok(page) = read.await {
                    place.fit(&page);
                }
            })
        };
        // Begun here: a task that is only about to run has it begin later.
        let driver = match (&mut driver).now_or_never() {
            Some(()) => None,
            None => Some(AbortOnDropHandle::new(spawn(driver))),
        };
        Some(Ahead { read, _place: place, _driver: driver })
    }

    /// What the page behind that after `after` begins after, if that one is full. One that is cut short by its bytes ends
    /// nobody knows where.
    pub(crate) fn behind(after: Seq) -> Option<Seq> {
        after.get().is_multiple_of(PAGE_EVENTS).then(|| Seq::new(after.get().saturating_add(PAGE_EVENTS)))
    }

    /// Forgets a task that was removed.
    pub(crate) fn remove(&self, task: TaskId) {
        let mut state = lock(&self.state);
        let State { kept, bytes, .. } = &mut *state;
        kept.retain(|key, page| {
            if key.0 == task {
                *bytes -= page.bytes;
            }
            key.0 != task
        });
    }

    async fn page(&self, key: Key) -> Result<Arc<[Event]>, Arc<StoreError>> {
        let read = {
            let mut state = lock(&self.state);
            state.uses += 1;
            let used = state.uses;
            if let Some(page) = state.kept.get_mut(&key) {
                page.used = used;
                return Ok(Arc::clone(&page.events));
            }
            self.join(&mut state, key)
        };
        let result = read.clone().await;
        let mut state = lock(&self.state);
        // The first of those who waited for this read takes it away; a newer read of the page stays.
        if state
            .under_way
            .get(&key)
            .and_then(WeakShared::upgrade)
            .is_some_and(|current| current.ptr_eq(&read))
        {
            state.under_way.remove(&key);
        }
        let events = result?;
        if is_full(&events) {
            state.keep(key, &events, self.limit);
        }
        Ok(events)
    }

    /// The read of the page that is under way, or a new one.
    fn join(&self, state: &mut State, key: Key) -> Shared<Read> {
        if let Some(read) = state.under_way.get(&key).and_then(WeakShared::upgrade) {
            return read;
        }
        let read = self.read(key);
        state.begin(key, &read);
        read
    }

    fn read(&self, (task, after): Key) -> Shared<Read> {
        let store = Arc::clone(&self.store);
        async move {
            let limit = usize::try_from(PAGE_EVENTS).unwrap_or(usize::MAX);
            store.events(task, after, limit, PAGE_BYTES).await.map(Into::into).map_err(Arc::new)
        }
        .boxed()
        .shared()
    }
}

impl Ahead {
    /// Whether it came to nothing; then the page is worth another read.
    pub(crate) fn has_failed(&self) -> bool {
        self.read.peek().is_some_and(Result::is_err)
    }
}

impl State {
    fn begin(&mut self, key: Key, read: &Shared<Read>) {
        if self.under_way.len() >= MANY_READS {
            self.under_way.retain(|_, read| read.upgrade().is_some());
        }
        self.under_way.extend(read.downgrade().map(|read| (key, read)));
    }

    fn keep(&mut self, key: Key, events: &Arc<[Event]>, limit: usize) {
        let bytes = events.iter().map(Event::weight).sum();
        if bytes > limit || self.kept.contains_key(&key) {
            return;
        }
        self.bytes += bytes;
        self.kept.insert(key, Kept { events: Arc::clone(events), bytes, used: self.uses });
        while self.bytes > limit {
            let Some(oldest) = self.kept.iter().min_by_key(|(_, page)| page.used).map(|(key, _)| *key) else {
                return;
            };
            if let Some(page) = self.kept.remove(&oldest) {
                self.bytes -= page.bytes;
            }
        }
    }
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Where the page with what comes after `after` begins, unless that is cut short before.
const fn start_of(after: Seq) -> Seq {
    Seq::new(after.get() / PAGE_EVENTS * PAGE_EVENTS)
}

fn reaches_beyond(page: &[Event], after: Seq) -> bool {
    page.last().is_some_and(|last| last.seq() > after)
}

/// Whether a page is worth keeping: it will not change, or has most of what it could have. What came behind it begins
/// another page.
fn is_full(events: &[Event]) -> bool {
    let bytes = || events.iter().map(|event| event.json().len()).sum::<usize>();
    events.len() as u64 == PAGE_EVENTS || bytes() >= PAGE_BYTES / 2
}

/// Reads under way after which those that were given up are looked for.
const MANY_READS: usize = 1024;

/// Events of a full page: it begins after a multiple of this.
pub(crate) const PAGE_EVENTS: u64 = 512;

/// Bytes after which a page is cut short.
const PAGE_BYTES: usize = 512 << 10;

#[cfg(all(test, feature = "testing"))]
mod tests;
