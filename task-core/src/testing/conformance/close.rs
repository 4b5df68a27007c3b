//! The end of a store: nothing half done, and no answers afterwards.

use std::fmt::Debug;

use super::bench::{create, open};
use super::harness::Harness;
use crate::model::{InstanceId, Seq};
use crate::store::{StoreError, TaskQuery, TaskStore};
use crate::testing::Scribe;

fn assert_closed<T: Debug>(what: &str, result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Closed)), "{what} after the end: {result:?}");
}

pub async fn nothing_is_answered_afterwards<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    let (task, instance) = (scribe.id(), InstanceId::new());
    store.claim(instance).await.expect("free");
    let clone = store.clone();
    store.close().await.expect("closed");
    for store in [&store, &clone] {
        assert_closed("commit", &store.commit(scribe.clone().start()).await);
        assert_closed("a first commit", &store.commit(Scribe::new("new").create(None)).await);
        assert_closed("load", &store.load(task).await);
        assert_closed("events", &store.events(task, Seq::ZERO, 10, usize::MAX).await);
        assert_closed("list", &store.list(&TaskQuery::default()).await);
        assert_closed("counts", &store.counts().await);
        assert_closed("find_key", &store.find_key("key").await);
        assert_closed("remove", &store.remove(task, Seq::new(2)).await);
        assert_closed("claim", &store.claim(instance).await);
        assert_closed("keep_alive", &store.keep_alive(instance).await);
        assert_closed("orphans", &store.orphans(instance).await);
        assert_closed("release", &store.release(instance).await);
    }
    assert_closed("commit", &store.commit(scribe.message("late")).await);
}

pub async fn closing_twice_is_fine<H: Harness>(place: &H) {
    let store = open(place).await;
    let clone = store.clone();
    let (one, other) = (tokio::spawn(async move { clone.close().await }), store.clone());
    other.close().await.expect("closed");
    one.await.expect("no panic").expect("closed at the same time");
    store.close().await.expect("closed before");
    assert_closed("counts", &store.counts().await);
}

pub async fn a_commit_at_the_same_time_is_written_or_refused<H: Harness>(place: &H) {
    let store = open(place).await;
    let write = |n: u32| {
        let store = store.clone();
        tokio::spawn(async move { store.commit(Scribe::new(&n.to_string()).create(None)).await })
    };
    // Some have begun, some have not.
    let mut writers: Vec<_> = (0..20).map(write).collect();
    tokio::task::yield_now().await;
    writers.extend((20..40).map(write));
    store.close().await.expect("closed");
    for writer in writers {
        let result = writer.await.expect("no panic");
        assert!(matches!(result, Ok(()) | Err(StoreError::Closed)), "{result:?}");
    }
}
