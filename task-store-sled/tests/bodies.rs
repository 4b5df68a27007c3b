//! Events of any size come back, and none of them makes a file that is never synced.

mod common;

use chrono::DateTime;
use common::{Place, create, log};
use task_core::testing::Scribe;
use task_core::{Event, Output, Seq, TaskId, TaskQuery, TaskStore};

/// Text that no two places have in common, of so many bytes.
fn body(len: usize) -> String {
    (0..).flat_map(|n: u32| format!("{n:x} ").into_bytes()).take(len).map(char::from).collect()
}

/// The files the engine keeps values in that are too large for its log; it does not sync them.
fn blobs(place: &Place) -> usize {
    std::fs::read_dir(place.file("data").join("blobs")).expect("there").count()
}

#[tokio::test]
async fn bodies_of_any_size_come_back_also_after_a_reopen() {
    let place = Place::new();
    let mut store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let sizes = [0, 1, 4000, 4096, 8 * 1024, 60 * 1024, 1024 * 1024];
    for size in sizes {
        store.commit(scribe.record([Output::text("block", body(size))])).await.expect("committed");
    }
    let mixed = sizes.map(|size| Output::text("block", body(size)));
    let all = scribe.record(mixed);
    store.commit(all.clone()).await.expect("committed");
    for _ in 0..2 {
        let log = log(&store, scribe.id()).await.expect("read");
        assert_eq!(log.len(), 2 + 2 * sizes.len());
        assert!(log[2 + sizes.len()..] == *all.events());
        for (event, size) in log[2..].iter().zip(sizes) {
            assert_eq!(event.payload(), Output::text("block", body(size)).into(), "{size}");
        }
        assert_eq!(store.load(scribe.id()).await.expect("loaded"), *scribe.task());
        store.close().await.expect("closed");
        store = place.open().await;
    }
}

#[tokio::test]
async fn no_value_is_so_large_that_the_engine_makes_a_file_for_it() {
    let place = Place::new();
    let store = place.open().await;
    // Full pages, part after part, in many orders, and what merges them again.
    let mut scribes: Vec<Scribe> = Vec::new();
    for n in 0..6 {
        let mut scribe = create(&store, &body(200 * n)).await;
        for size in [8 * 1024, 4096 - 60, 60 * 1024, 300 * 1024, 8 * 1024 - 1] {
            let bodies = (0..3).map(|_| Output::text("block", body(size)));
            store.commit(scribe.record(bodies)).await.expect("committed");
            assert_eq!(blobs(&place), 0, "after {size} bytes");
        }
        scribes.push(scribe);
    }
    for scribe in &scribes[1..5] {
        store.remove(scribe.id(), scribe.task().seq).await.expect("removed");
        store.commit(scribes[0].clone().message("tick")).await.ok();
        assert_eq!(blobs(&place), 0);
    }
    store.close().await.expect("closed");
    assert_eq!(blobs(&place), 0);
    let largest = place.engine().iter().values().map(|value| value.expect("read").len()).max();
    assert!(largest.is_some_and(|largest| largest <= 8 * 1024), "{largest:?}");
}

#[tokio::test]
async fn a_snapshot_of_any_size_comes_back_and_shrinks() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    store.commit(scribe.start()).await.expect("started");
    let renamed = |len: usize| {
        let data = format!(r#"{{"title":"{}"}}"#, body(len));
        let event = Event::from_stored(TaskId::new(), Seq::ZERO, DateTime::UNIX_EPOCH, "renamed", &data);
        event.expect("valid").payload()
    };
    for len in [10, 100_000, 5000, 20] {
        store.commit(scribe.record([renamed(len)])).await.expect("committed");
        assert_eq!(store.load(scribe.id()).await.expect("loaded"), *scribe.task());
        let end = body(len).split_off(len - 8);
        let found = store.list(&TaskQuery::default().with_search(end)).await.expect("listed");
        assert_eq!(found.items, [scribe.task().clone()]);
    }
    let oldest = TaskQuery::default().with_order(task_core::Order::OldestFirst);
    assert_eq!(store.list(&oldest).await.expect("listed").items.len(), 1, "parts of a record are no tasks");
}

#[tokio::test]
async fn keys_of_any_length_are_told_apart() {
    let place = Place::new();
    let store = place.open().await;
    let keys: Vec<_> = [1, 255, 5000, 100_000].into_iter().map(body).collect();
    let mut scribes = Vec::new();
    for key in &keys {
        let mut scribe = Scribe::new("a title");
        store.commit(scribe.create(Some(key))).await.expect("created");
        scribes.push(scribe);
    }
    for (key, scribe) in keys.iter().zip(&scribes) {
        assert_eq!(store.find_key(key).await.expect("looked").expect("known").task, scribe.id());
        assert_eq!(store.find_key(&format!("{key}.")).await.expect("looked"), None);
    }
}
