//! What is there when the store is opened again: everything that was acknowledged.

use futures::StreamExt;

use super::bench::{
    Picture, assert_not_found, conflict, counts, create, create_in, create_keyed, find_key, ids, load, log,
    open, renamed, text, walk, write,
};
use super::harness::{Harness, Tamper};
use super::list::crowd;
use super::ownership::assert_owned;
use crate::model::{Event, InstanceId, Seq, TaskStatus};
use crate::store::{Keyed, Order, StoreError, TaskQuery, TaskStore};
use crate::testing::Scribe;

async fn reopen<H: Harness>(place: &H, store: H::Store) -> H::Store {
    store.close().await.expect("closed");
    drop(store);
    open(place).await
}

pub async fn a_reopened_store_holds_every_commit<H: Harness>(place: &H) {
    let store = open(place).await;
    crowd(&store).await;
    let mut scribe = create_keyed(&store, "a title", "one").await;
    write(&store, scribe.record_keyed(text("more"), Some("two"))).await;
    write(&store, scribe.record(text("the last"))).await;
    let keys = ["one", "two", "three"];
    let before = Picture::of(&store, &keys).await;
    let store = reopen(place, store).await;
    assert_eq!(Picture::of(&store, &keys).await, before);
    let store = reopen(place, store).await;
    assert_eq!(Picture::of(&store, &keys).await, before, "opening changes nothing");
}

pub async fn a_store_that_was_not_closed_holds_every_commit<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create_keyed(&store, "a title", "one").await;
    for n in 0..30 {
        write(&store, scribe.record(text(&n.to_string()))).await;
    }
    write(&store, scribe.start()).await;
    let before = Picture::of(&store, &["one"]).await;
    drop(store);
    assert_eq!(Picture::of(&open(place).await, &["one"]).await, before);
}

pub async fn the_logs_of_a_reopened_store_are_byte_for_byte_the_same<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    for text in ["e\u{301}\0\u{1F980}", &"x".repeat(200_000)] {
        write(&store, scribe.record([crate::Output::text("block", text)])).await;
    }
    let before = log(&store, scribe.id()).await;
    let store = reopen(place, store).await;
    super::bench::assert_same(&log(&store, scribe.id()).await, &before);
}

pub async fn a_reopened_store_counts_right<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = crowd(&store).await;
    store.remove(tasks[0].id, tasks[0].seq).await.expect("removed");
    let before = counts(&store).await;
    let store = reopen(place, store).await;
    assert_eq!(counts(&store).await, before);
    let mut scribe = Scribe::continuing(load(&store, tasks[1].id).await);
    write(&store, scribe.start()).await;
    let after = counts(&store).await;
    assert_eq!((after.pending, after.running), (before.pending - 1, before.running + 1));
}

pub async fn a_reopened_store_knows_its_keys<H: Harness>(place: &H) {
    let store = open(place).await;
    let scribe = create_keyed(&store, "a title", "taken").await;
    let removed = create_keyed(&store, "removed", "free").await;
    store.remove(removed.id(), Seq::new(2)).await.expect("removed");
    let store = reopen(place, store).await;
    assert_eq!(find_key(&store, "taken").await, Some(Keyed::new(scribe.id(), Seq::new(2))));
    let again = store.commit(Scribe::new("again").create(Some("taken"))).await;
    assert!(matches!(again, Err(StoreError::Duplicate { .. })), "{again:?}");
    create_keyed(&store, "next", "free").await;
}

pub async fn a_reopened_store_lists_in_the_same_order<H: Harness>(place: &H) {
    let mut expected = Vec::new();
    let mut store = open(place).await;
    // New ones come after the old ones, also when the newest of these is gone.
    for _ in 0..3 {
        for _ in 0..3 {
            expected.push(create(&store, "a title").await);
        }
        if let Some(newest) = expected.pop() {
            store.remove(newest.id(), Seq::new(2)).await.expect("removed");
        }
        store = reopen(place, store).await;
        let oldest_first = walk(&store, &TaskQuery::default().with_order(Order::OldestFirst)).await;
        assert_eq!(ids(&oldest_first), expected.iter().map(Scribe::id).collect::<Vec<_>>());
        assert_eq!(walk(&store, &TaskQuery::default().with_search("TITLE")).await.len(), expected.len());
    }
}

pub async fn a_list_goes_on_where_it_was_before_reopening<H: Harness>(place: &H) {
    let mut store = open(place).await;
    for n in 0..6 {
        create(&store, &n.to_string()).await;
    }
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let query = TaskQuery::default().with_order(order).with_limit(2);
        let expected = ids(&walk(&store, &query).await);
        let page = store.list(&query).await.expect("readable");
        store = reopen(place, store).await;
        let rest = walk(&store, &query.with_cursor(page.next.expect("there is more"))).await;
        assert_eq!([ids(&page.items), ids(&rest)].concat(), expected);
    }
}

pub async fn numbering_goes_on_after_reopening<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    write(&store, scribe.record([renamed("another")])).await;
    let mut stale = scribe.clone();
    write(&store, scribe.record(text("more"))).await;
    let store = reopen(place, store).await;
    assert_eq!(conflict(store.commit(stale.start()).await, scribe.id()), (3, 4));
    write(&store, scribe.start()).await;
    assert_eq!(load(&store, scribe.id()).await, *scribe.task());
    let numbers: Vec<_> = log(&store, scribe.id()).await.iter().map(Event::seq).map(Seq::get).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

pub async fn a_removed_task_stays_away<H: Harness>(place: &H) {
    let store = open(place).await;
    let scribe = create_keyed(&store, "a title", "key").await;
    let kept = create(&store, "another").await;
    store.remove(scribe.id(), Seq::new(2)).await.expect("removed");
    let store = reopen(place, store).await;
    assert_not_found(&store.load(scribe.id()).await, scribe.id());
    assert_not_found(&store.events(scribe.id(), Seq::ZERO, 10, usize::MAX).await, scribe.id());
    assert_eq!(find_key(&store, "key").await, None);
    assert_eq!(ids(&walk(&store, &TaskQuery::default()).await), [kept.id()]);
}

pub async fn the_next_process_finds_the_orphans_of_the_last<H: Harness>(place: &H) {
    let store = open(place).await;
    let (gone, next) = (InstanceId::new(), InstanceId::new());
    store.claim(gone).await.expect("free");
    let scribe = Scribe::new("a title").with_instance(gone);
    let scribe = create_in(&store, scribe, TaskStatus::Running).await;
    let store = reopen(place, store).await;
    store.claim(next).await.expect("closing gives ownership back");
    assert_owned(&store.claim(gone).await);
    assert_eq!(store.orphans(next).await.expect("readable"), [scribe.id()]);
    assert_eq!(load(&store, scribe.id()).await.owner(), Some(gone));
}

pub async fn a_commit_that_raced_with_the_end_is_there_or_was_refused<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut writers = Vec::new();
    for n in 0..20 {
        let store = store.clone();
        writers.push(tokio::spawn(async move {
            let mut scribe = Scribe::new(&n.to_string());
            (store.commit(scribe.create(None)).await, scribe)
        }));
        if n == 9 {
            tokio::task::yield_now().await;
        }
    }
    store.close().await.expect("closed");
    let mut expected = Vec::new();
    for writer in writers {
        match writer.await.expect("no panic") {
            (Ok(()), scribe) => expected.push(scribe.id()),
            (Err(StoreError::Closed), _) => {}
            (Err(error), _) => panic!("{error}"),
        }
    }
    drop(store);
    let store = open(place).await;
    let mut found = ids(&walk(&store, &TaskQuery::default()).await);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    for task in found {
        assert_eq!(log(&store, task).await.len(), 2);
    }
}

pub async fn a_reopened_store_tells_of_what_comes_and_not_of_what_was<H: Harness>(place: &H) {
    let store = open(place).await;
    let old = create(&store, "old").await;
    let store = reopen(place, store).await;
    let mut changes = store.changes(InstanceId::new());
    let new = create(&store, "new").await;
    let heard = super::changes::hear(&mut changes, |change| super::changes::moved(change, &new)).await;
    assert!(!heard.iter().any(|change| super::changes::moved(change, &old)), "{heard:?}");
    store.close().await.expect("closed");
    while changes.next().await.is_some() {}
}

pub async fn what_a_newer_version_wrote_is_refused<H: Tamper>(place: &H) {
    let store = open(place).await;
    create(&store, "a title").await;
    store.close().await.expect("closed");
    drop(store);
    place.write_newer().await;
    for _ in 0..2 {
        match place.open().await {
            Err(StoreError::TooNew { found, supported }) => {
                assert!(found > supported, "{found}, {supported}")
            }
            Err(error) => panic!("refused for another reason: {error}"),
            Ok(_) => panic!("opened, though a newer version has written it"),
        }
    }
}
