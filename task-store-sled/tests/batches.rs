//! Many commits in one batch: each fails or succeeds for itself, and nobody is left waiting.

mod common;

use common::{Place, create, log, text};
use task_core::testing::Scribe;
use task_core::{Output, Seq, StoreError, TaskStore};
use task_store_sled::{DurabilityPolicy, SledOptions, SledStore};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_commit_at_once_is_all_there_without_gaps() {
    let place = Place::new();
    let store = place.open().await;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut scribe = create(&store, &format!("task {n}")).await;
                for n in 0..50 {
                    store.commit(scribe.record(text(&n.to_string()))).await.expect("committed");
                }
                scribe
            })
        })
        .collect();
    for task in tasks {
        let scribe = task.await.expect("no panic");
        assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 52);
        assert_eq!(store.load(scribe.id()).await.expect("loaded"), *scribe.task());
    }
    assert_eq!(store.counts().await.expect("counted").pending, 64);
}

#[tokio::test]
async fn a_refused_commit_takes_no_other_along() {
    let place = Place::new();
    let store = place.open().await;
    let (mut first, mut last) = (create(&store, "first").await, create(&store, "last").await);
    let mut taken = Scribe::new("taken");
    store.commit(taken.create(Some("key"))).await.expect("created");
    for _ in 0..20 {
        let (mut late, mut unborn) = (first.clone(), Scribe::new("unborn"));
        let (good, conflict, duplicate, lost, also_good) = tokio::join!(
            store.commit(first.record(text("good"))),
            store.commit(late.record(text("conflict"))),
            store.commit(unborn.clone().create(Some("key"))),
            store.commit({
                let _never_written = unborn.create(None);
                unborn.message("to nobody")
            }),
            store.commit(last.record(text("good"))),
        );
        good.expect("committed");
        assert!(matches!(conflict, Err(StoreError::Conflict { .. })));
        assert!(matches!(duplicate, Err(StoreError::Duplicate { .. })));
        assert!(matches!(lost, Err(StoreError::NotFound(_))));
        also_good.expect("committed");
        assert!(matches!(store.load(unborn.id()).await, Err(StoreError::NotFound(_))));
    }
    for scribe in [first, last] {
        assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 22);
    }
    assert_eq!(store.counts().await.expect("counted").total(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_reader_sees_a_part_of_a_commit() {
    let place = Place::new();
    let store = place.open().await;
    let scribe = create(&store, "a title").await;
    let (id, mut writer) = (scribe.id(), scribe);
    let writing = {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                let events = ["a", "b", "c"].map(|text| Output::text("block", text.repeat(2000)));
                store.commit(writer.record(events)).await.expect("committed");
            }
        })
    };
    let mut last = 0;
    while last < 302 {
        let seen = store.events(id, Seq::ZERO, usize::MAX, usize::MAX).await.expect("read").len();
        assert!(seen >= last && (seen - 2) % 3 == 0, "{seen} after {last}");
        assert_eq!((store.load(id).await.expect("loaded").seq.get() - 2) % 3, 0);
        last = seen;
    }
    writing.await.expect("no panic");
}

#[tokio::test]
async fn a_commit_nobody_waits_for_is_written_and_blocks_nobody() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let _left_alone = futures::FutureExt::now_or_never(store.commit(scribe.record(text("nobody waits"))));
    store.commit(scribe.record(text("next"))).await.expect("it follows the one before");
    assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 4);
}

#[tokio::test]
async fn more_than_the_queue_holds_waits_and_is_written() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let big = "x".repeat(5 * 1024 * 1024);
    let commits = (0..4).map(|_| store.commit(scribe.record(text(&big))));
    for committed in futures::future::join_all(commits).await {
        committed.expect("committed, and in order");
    }
    let mut huge = create(&store, "huge").await;
    let commit = huge.record(text(&"x".repeat(17 * 1024 * 1024)));
    store.commit(commit).await.expect("alone it is more than the queue");
    assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 6);
    assert_eq!(log(&store, huge.id()).await.expect("read").len(), 3);
}

#[tokio::test]
async fn closing_finishes_what_waits() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    // More than one batch takes.
    let big = "x".repeat(3 * 1024 * 1024);
    let waiting = (0..3).map(|_| store.commit(scribe.record(text(&big))));
    let (committed, closed) = tokio::join!(futures::future::join_all(waiting), store.close());
    closed.expect("closed");
    committed.into_iter().for_each(|committed| committed.expect("committed before"));
    assert_eq!(log(&place.open().await, scribe.id()).await.expect("read").len(), 5);
}

#[test]
fn a_store_outlives_the_runtime_it_was_opened_in() {
    let place = Place::new();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let first = runtime();
    let (store, mut scribe) = first.block_on(async {
        let store = place.open().await;
        let scribe = create(&store, "a title").await;
        (store, scribe)
    });
    let gone = first.handle().clone();
    drop(first);
    let commit = scribe.record(text("first"));
    {
        // Whatever is started here is thrown away at once.
        let _inside = gone.enter();
        let error = futures::FutureExt::now_or_never(store.commit(commit.clone())).expect("answered");
        assert!(matches!(error, Err(StoreError::Unavailable { .. })), "{error:?}");
    }
    runtime().block_on(async {
        store.commit(commit).await.expect("committed");
        assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 3);
        store.close().await.expect("closed");
    });
}

#[tokio::test]
async fn a_long_log_is_removed_at_once_and_its_events_after() {
    let place = Place::new();
    let mut store = place.open().await;
    let (mut long, mut other) = (create(&store, "long").await, create(&store, "other").await);
    for n in 0..5 {
        let words = (0..1000).map(|n| Output::text("block", n.to_string()));
        store.commit(long.record_keyed(words, Some(&format!("key {n}")))).await.expect("committed");
    }
    store.remove(long.id(), long.task().seq).await.expect("removed");
    assert!(matches!(store.load(long.id()).await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.events(long.id(), Seq::ZERO, 1, 1).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.find_key("key 3").await.expect("looked"), None);
    store.commit(other.record_keyed(text("the key is free"), Some("key 3"))).await.expect("committed");
    // Closing does not wait for the purge, so the next store may have a part of it left to do. It runs by itself behind
    // any commit; nothing tells when it is through.
    let start = std::time::Instant::now();
    loop {
        store.close().await.expect("closed");
        let left = place.engine().iter().keys().filter(|key| key.as_ref().expect("read")[0] == b'e').count();
        if left as u64 == other.task().seq.get() {
            break;
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(30), "{left} left");
        store = place.open().await;
        store.commit(other.record(text("tick"))).await.expect("committed");
        tokio::task::yield_now().await;
    }
    let store = place.open().await;
    assert_eq!(store.find_key("key 3").await.expect("looked").expect("kept").task, other.id());
}

#[tokio::test(start_paused = true)]
async fn every_policy_acknowledges_what_a_reopen_finds() {
    let hour = std::time::Duration::from_secs(3600);
    for policy in [DurabilityPolicy::Durable, DurabilityPolicy::Interval(hour), DurabilityPolicy::Process] {
        let place = Place::new();
        let store = place.open_with(SledOptions::default().with_durability(policy)).await;
        let mut scribe = create(&store, "a title").await;
        store.commit(scribe.record(text("more"))).await.expect("committed");
        // The interval syncs once and needs nobody; a closed store leaves no timer behind.
        tokio::time::sleep(2 * hour).await;
        store.commit(scribe.record(text("more"))).await.expect("committed");
        store.close().await.expect("closed");
        let store = SledStore::open(place.path()).await.expect("opened");
        assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 4, "{policy:?}");
    }
}
