use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

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
    /// Not left to the reader: a store may let it wait in a line, where a reader that does something else in between would
    /// keep its place, and all who stand behind it.
    _driver: AbortOnDropHandle<<Read as Future>::Output>,
}

impl Pages {
    pub(crate) fn new(store: Arc<dyn TaskStore>, limit: usize) -> Self {
        Self { store, state: Mutex::default(), limit }
    }

    /// Events after `after`: at least one if the store has one.
    pub(crate) async fn after(&self, task: TaskId, after: Seq) -> Result<Arc<[Event]>, Arc<StoreError>> {
        let start = Seq::new(after.get() / PAGE * PAGE);
        let page = self.page((task, start)).await?;
        // A page is cut short by its bytes: then a cursor inside it may lie behind what was read.
        if start == after || page.last().is_some_and(|last| last.seq() > after) {
            return Ok(page);
        }
        self.page((task, after)).await
    }

    /// Begins to read the page after `after`, unless it is here already.
    pub(crate) fn ahead(&self, task: TaskId, after: Seq) -> Option<Ahead> {
        let key = (task, after);
        let read = {
            let mut state = lock(&self.state);
            if state.kept.contains_key(&key) {
                return None;
            }
            self.join(&mut state, key)
        };
        let driver = spawn(read.clone());
        Some(Ahead { read, _driver: AbortOnDropHandle::new(driver) })
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
            let limit = usize::try_from(PAGE).unwrap_or(usize::MAX);
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

/// Whether a page is worth keeping: it will not change, or has most of what it could have. What came behind it begins
/// another page.
fn is_full(events: &[Event]) -> bool {
    let bytes = || events.iter().map(|event| event.json().len()).sum::<usize>();
    events.len() as u64 == PAGE || bytes() >= PAGE_BYTES / 2
}

/// Reads under way after which those that were given up are looked for.
const MANY_READS: usize = 1024;

/// Events of a full page: it begins after a multiple of this.
const PAGE: u64 = 256;

/// Bytes after which a page is cut short.
const PAGE_BYTES: usize = 256 << 10;

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::ops::Range;
    use std::time::Duration;

    use super::*;
    use crate::memory::MemoryStore;
    use crate::model::Output;
    use crate::testing::{FaultStore, Scribe};

    /// A task with that many events, each with a text of so many bytes, and the pages of its store.
    async fn log(events: usize, bytes: usize, limit: usize) -> (FaultStore, TaskId, Pages) {
        let store = FaultStore::new(MemoryStore::new());
        let task = add_log(&store, events, bytes).await;
        let pages = Pages::new(Arc::new(store.clone()), limit);
        (store, task, pages)
    }

    async fn add_log(store: &FaultStore, events: usize, bytes: usize) -> TaskId {
        let mut scribe = Scribe::new("a title");
        store.commit(scribe.create(None)).await.expect("stored");
        let text = "x".repeat(bytes);
        let texts = (2..events).map(|_| Output::text("b", text.as_str()));
        store.commit(scribe.record(texts)).await.expect("stored");
        scribe.id()
    }

    /// The numbers of the events that a reader behind `after` is given.
    async fn read(pages: &Pages, task: TaskId, after: u64) -> Range<u64> {
        let page = pages.after(task, Seq::new(after)).await.expect("readable");
        let (first, last) = (page.first().expect("some"), page.last().expect("some"));
        assert_eq!(page.len() as u64, last.seq().get() - first.seq().get() + 1);
        first.seq().get()..last.seq().get() + 1
    }

    #[tokio::test]
    async fn readers_of_one_page_share_one_read() {
        let (store, task, pages) = log(600, 1, usize::MAX).await;
        store.hold_reads();
        let readers = [0, 0, 100, 255, 256].map(|after| read(&pages, task, after));
        let go_on = async {
            tokio::task::yield_now().await;
            store.go_on_reading();
        };
        let (seen, ()) = futures::future::join(futures::future::join_all(readers), go_on).await;
        assert_eq!(seen, [1..257, 1..257, 1..257, 1..257, 257..513]);
        assert_eq!(store.reads(), 2);
        assert!(lock(&pages.state).under_way.is_empty());
    }

    #[tokio::test]
    async fn a_full_page_is_read_once_and_one_that_may_grow_each_time() {
        let (store, task, pages) = log(600, 1, usize::MAX).await;
        for (after, seen, reads) in [
            (0, 1..257, 1),
            (255, 1..257, 1),
            (256, 257..513, 2),
            (300, 257..513, 2),
            (0, 1..257, 2),
            (512, 513..601, 3),
            (520, 513..601, 4),
        ] {
            assert_eq!(read(&pages, task, after).await, seen, "after {after}");
            assert_eq!(store.reads(), reads, "after {after}");
        }
    }

    #[tokio::test]
    async fn a_page_cut_short_by_its_bytes_goes_on_where_the_reader_stands() {
        let (store, task, pages) = log(40, PAGE_BYTES / 4, usize::MAX).await;
        let cut = read(&pages, task, 0).await;
        let last = cut.end - 1;
        assert!(cut.start == 1 && last < 10, "{cut:?}");
        assert_eq!(read(&pages, task, last - 1).await, cut, "it has one that the reader has not");
        for after in [last, last + 1, 20] {
            assert_eq!(read(&pages, task, after).await.start, after + 1);
        }
        assert_eq!(store.reads(), 1 + 3, "what was read of it is kept");
    }

    #[tokio::test]
    async fn a_page_is_read_ahead_without_anybody_who_waits_and_once() {
        let (store, task, pages) = log(600, 1, usize::MAX).await;
        let ahead = pages.ahead(task, Seq::new(256)).expect("it is not here");
        while ahead.read.peek().is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(read(&pages, task, 256).await, 257..513);
        assert!(pages.ahead(task, Seq::new(256)).is_none(), "it is here");
        assert_eq!(store.reads(), 1);
        assert!(lock(&pages.state).under_way.is_empty());
    }

    #[tokio::test]
    async fn a_page_that_could_not_be_read_ahead_is_read_again() {
        let (store, task, pages) = log(600, 1, usize::MAX).await;
        store.fail_reads(1);
        let ahead = pages.ahead(task, Seq::ZERO).expect("it is not here");
        while !ahead.has_failed() {
            tokio::task::yield_now().await;
        }
        drop(ahead);
        assert_eq!(read(&pages, task, 0).await, 1..257);
    }

    #[tokio::test]
    async fn a_page_that_is_not_wanted_any_more_is_not_read_ahead() {
        let (store, task, pages) = log(600, 1, usize::MAX).await;
        store.hold_reads();
        let ahead = pages.ahead(task, Seq::ZERO);
        tokio::task::yield_now().await;
        assert_eq!(store.reads(), 1, "it is under way");
        drop(ahead);
        tokio::task::yield_now().await;
        let left = lock(&pages.state).under_way.values().filter(|read| read.upgrade().is_some()).count();
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_and_the_oldest_in_use_goes_first() {
        let (store, task, mut pages) = log(4 * 256, 1, usize::MAX).await;
        for start in [0, 256, 512] {
            read(&pages, task, start).await;
        }
        // Later numbers are longer.
        let three = lock(&pages.state).bytes * 7 / 6;
        // Again and again: any other may be chosen by luck.
        for _ in 0..10 {
            pages = Pages::new(Arc::new(store.clone()), three);
            for start in [0, 256, 512, 0, 768] {
                read(&pages, task, start).await;
            }
            let state = lock(&pages.state);
            let mut kept: Vec<_> = state.kept.keys().map(|(_, start)| start.get()).collect();
            kept.sort_unstable();
            assert_eq!(kept, [0, 512, 768], "the one that was not used for longest is gone");
            assert_eq!(state.bytes, state.kept.values().map(|page| page.bytes).sum::<usize>());
            assert!(state.bytes <= three);
        }
    }

    #[tokio::test]
    async fn a_page_above_the_limit_is_not_kept_and_takes_no_other_along() {
        let (store, task, pages) = log(512, 1, usize::MAX).await;
        read(&pages, task, 0).await;
        let one = lock(&pages.state).bytes;
        let pages = Pages::new(Arc::new(store.clone()), one);
        read(&pages, task, 0).await;
        let big = add_log(&store, 256, 100).await;
        read(&pages, big, 0).await;
        let state = lock(&pages.state);
        assert_eq!((state.kept.len(), state.bytes), (1, one));
        assert!(state.kept.contains_key(&(task, Seq::ZERO)), "a page as large as the limit is kept");
    }

    #[tokio::test]
    async fn pages_go_with_their_task_and_with_no_other() {
        let (store, task, pages) = log(512, 1, usize::MAX).await;
        read(&pages, task, 0).await;
        let one = lock(&pages.state).bytes;
        let other = add_log(&store, 256, 1).await;
        read(&pages, task, 256).await;
        read(&pages, other, 0).await;
        pages.remove(other);
        {
            let state = lock(&pages.state);
            assert_eq!(state.kept.len(), 2);
            assert_eq!(state.bytes, state.kept.values().map(|page| page.bytes).sum::<usize>());
        }
        pages.remove(other);
        pages.remove(task);
        let state = lock(&pages.state);
        assert_eq!((state.kept.len(), state.bytes), (0, 0));
        assert!(one > 0);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_that_were_given_up_do_not_pile_up() {
        let (store, task, pages) = log(3, 1, usize::MAX).await;
        store.hold_reads();
        for page in 0..2 * MANY_READS as u64 {
            let impatient = pages.after(task, Seq::new(page * PAGE));
            assert!(tokio::time::timeout(Duration::from_millis(1), impatient).await.is_err());
        }
        let left = lock(&pages.state).under_way.len();
        assert!(left <= MANY_READS, "{left} are left");
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_nobody_waits_for_any_more_is_dropped() {
        let store = FaultStore::new(MemoryStore::new());
        let mut scribe = Scribe::new("a title");
        store.commit(scribe.create(None)).await.expect("stored");
        let pages = Pages::new(Arc::new(store.clone()), usize::MAX);
        store.hold_reads();
        let impatient = pages.after(scribe.id(), Seq::ZERO);
        assert!(tokio::time::timeout(Duration::from_secs(1), impatient).await.is_err());
        let left = lock(&pages.state).under_way.values().filter(|read| read.upgrade().is_some()).count();
        assert_eq!(left, 0);

        store.go_on_reading();
        assert_eq!(pages.after(scribe.id(), Seq::ZERO).await.expect("readable").len(), 2);
    }
}
