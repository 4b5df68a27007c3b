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
    let (store, task, pages) = log(1112, 1, usize::MAX).await;
    store.hold_reads();
    let readers = [0, 0, 100, 511, 512].map(|after| read(&pages, task, after));
    let go_on = async {
        tokio::task::yield_now().await;
        store.go_on_reading();
    };
    let (seen, ()) = futures::future::join(futures::future::join_all(readers), go_on).await;
    assert_eq!(seen, [1..513, 1..513, 1..513, 1..513, 513..1025]);
    assert_eq!(store.reads(), 2);
    assert!(lock(&pages.state).under_way.is_empty());
}

#[tokio::test]
async fn a_full_page_is_read_once_and_one_that_may_grow_each_time() {
    let (store, task, pages) = log(1112, 1, usize::MAX).await;
    for (after, seen, reads) in [
        (0, 1..513, 1),
        (511, 1..513, 1),
        (512, 513..1025, 2),
        (556, 513..1025, 2),
        (0, 1..513, 2),
        (1024, 1025..1113, 3),
        (1032, 1025..1113, 4),
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
    let (store, task, pages) = log(1112, 1, usize::MAX).await;
    let ahead = pages.ahead(task, Seq::new(512)).expect("it is not here");
    while ahead.read.peek().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(read(&pages, task, 512).await, 513..1025);
    assert!(pages.ahead(task, Seq::new(512)).is_none(), "it is here");
    assert_eq!(store.reads(), 1);
    assert!(lock(&pages.state).under_way.is_empty());
}

#[tokio::test]
async fn a_page_that_could_not_be_read_ahead_is_read_again() {
    let (store, task, pages) = log(1112, 1, usize::MAX).await;
    store.fail_reads(1);
    let ahead = pages.ahead(task, Seq::ZERO).expect("it is not here");
    while !ahead.has_failed() {
        tokio::task::yield_now().await;
    }
    drop(ahead);
    assert_eq!(read(&pages, task, 0).await, 1..513);
}

#[tokio::test]
async fn no_more_is_read_ahead_than_may_be_kept() {
    // Pages of many events, and pages that a single large one fills.
    for first_of_page in [100, 900 << 10] {
        let store = FaultStore::new(MemoryStore::new());
        let mut scribe = Scribe::new("a title");
        store.commit(scribe.create(None)).await.expect("stored");
        let bytes = |seq| if seq % PAGE_EVENTS == 1 { first_of_page } else { 100 };
        let texts = (3..20 * PAGE_EVENTS).map(|seq| Output::text("b", "x".repeat(bytes(seq))));
        store.commit(scribe.record(texts)).await.expect("stored");
        let (task, pages) = (scribe.id(), Pages::new(Arc::new(store), 3 * room::UNREAD));

        let ahead = |page: u64| pages.ahead(task, Seq::new(page * PAGE_EVENTS));
        let held: Vec<_> = (1..).map_while(ahead).collect();
        let page = |ahead: &Ahead| ahead.read.peek().expect("read at once").clone().expect("readable");
        let weight: usize =
            held.iter().flat_map(|ahead| page(ahead).to_vec()).map(|event| event.weight()).sum();
        assert_eq!(pages.ahead.taken(), weight);
        assert!(weight <= 3 * room::UNREAD && weight > 2 * room::UNREAD, "{weight} of {}", held.len());
        let next = (held.len() as u64 + 1) * PAGE_EVENTS;
        assert_eq!(read(&pages, task, next).await.start, next + 1, "whoever needs it gets it");
        drop(held);
        assert_eq!(pages.ahead.taken(), 0);
    }
}

#[tokio::test]
async fn what_is_being_read_ahead_counts_as_the_largest_page_and_then_as_what_it_is() {
    let (store, task, pages) = log(4 * 512, 1, 2 * room::UNREAD).await;
    store.hold_reads();
    let first = pages.ahead(task, Seq::ZERO).expect("it is not here");
    let second = pages.ahead(task, Seq::new(512)).expect("it is not here");
    assert!(pages.ahead(task, Seq::new(1024)).is_none(), "two are under way");
    drop(first);
    while pages.ahead.taken() > room::UNREAD {
        tokio::task::yield_now().await;
    }
    let third = pages.ahead(task, Seq::new(1024));
    assert!(third.is_some() && pages.ahead(task, Seq::ZERO).is_none());
    store.go_on_reading();
    while second.read.peek().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(pages.ahead(task, Seq::ZERO).is_some(), "they are small");
}

#[tokio::test]
async fn a_page_that_is_not_wanted_any_more_is_not_read_ahead() {
    let (store, task, pages) = log(1112, 1, usize::MAX).await;
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
    let (store, task, mut pages) = log(4 * 512, 1, usize::MAX).await;
    for start in [0, 512, 1024] {
        read(&pages, task, start).await;
    }
    // Later numbers are longer.
    let three = lock(&pages.state).bytes * 7 / 6;
    // Again and again: any other may be chosen by luck.
    for _ in 0..10 {
        pages = Pages::new(Arc::new(store.clone()), three);
        for start in [0, 512, 1024, 0, 1536] {
            read(&pages, task, start).await;
        }
        let state = lock(&pages.state);
        let mut kept: Vec<_> = state.kept.keys().map(|(_, start)| start.get()).collect();
        kept.sort_unstable();
        assert_eq!(kept, [0, 1024, 1536], "the one that was not used for longest is gone");
        assert_eq!(state.bytes, state.kept.values().map(|page| page.bytes).sum::<usize>());
        assert!(state.bytes <= three);
    }
}

#[tokio::test]
async fn a_page_above_the_limit_is_not_kept_and_takes_no_other_along() {
    let (store, task, pages) = log(1024, 1, usize::MAX).await;
    read(&pages, task, 0).await;
    let one = lock(&pages.state).bytes;
    let pages = Pages::new(Arc::new(store.clone()), one);
    read(&pages, task, 0).await;
    let big = add_log(&store, 512, 100).await;
    read(&pages, big, 0).await;
    let state = lock(&pages.state);
    assert_eq!((state.kept.len(), state.bytes), (1, one));
    assert!(state.kept.contains_key(&(task, Seq::ZERO)), "a page as large as the limit is kept");
}

#[tokio::test]
async fn pages_go_with_their_task_and_with_no_other() {
    let (store, task, pages) = log(1024, 1, usize::MAX).await;
    read(&pages, task, 0).await;
    let one = lock(&pages.state).bytes;
    let other = add_log(&store, 512, 1).await;
    read(&pages, task, 512).await;
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
        let impatient = pages.after(task, Seq::new(page * PAGE_EVENTS));
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
