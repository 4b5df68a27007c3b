//! Removing: gone everywhere, and only what the caller has seen.

use super::bench::{
    Picture, assert_not_found, conflict, counts, create, create_in, create_keyed, find_key, log, open, ten,
    text, walk, write,
};
use super::harness::Harness;
use crate::model::{InstanceId, Seq, StatusCounts, TaskStatus};
use crate::store::{StoreError, TaskQuery, TaskStore};
use crate::testing::Scribe;

pub async fn a_removed_task_is_gone_everywhere<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create_keyed(&store, "a title", "key").await;
    write(&store, scribe.start()).await;
    store.remove(scribe.id(), scribe.task().seq).await.expect("removed");
    assert_not_found(&store.load(scribe.id()).await, scribe.id());
    assert_not_found(&store.events(scribe.id(), Seq::ZERO, 10, usize::MAX).await, scribe.id());
    assert_eq!(walk(&store, &TaskQuery::default()).await, []);
    assert_eq!(walk(&store, &TaskQuery::default().with_search("title")).await, []);
    assert_eq!(walk(&store, &TaskQuery::default().with_statuses([TaskStatus::Running])).await, []);
    assert_eq!(counts(&store).await, StatusCounts::default());
    assert_eq!(find_key(&store, "key").await, None);
    assert_eq!(store.orphans(InstanceId::new()).await.expect("readable"), []);
}

pub async fn a_task_that_moved_is_not_removed<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create_keyed(&store, "a title", "key").await;
    write(&store, scribe.record(text("more"))).await;
    let before = Picture::of(&store, &["key"]).await;
    for expected in [0, 2, 4, 1_000] {
        let removed = store.remove(scribe.id(), Seq::new(expected)).await;
        assert_eq!(conflict(removed, scribe.id()), (expected, 3));
        assert_eq!(Picture::of(&store, &["key"]).await, before);
    }
}

pub async fn removing_twice_is_not_found<H: Harness>(place: &H) {
    let store = open(place).await;
    let scribe = create(&store, "a title").await;
    store.remove(scribe.id(), Seq::new(2)).await.expect("removed");
    for expected in [0, 2] {
        assert_not_found(&store.remove(scribe.id(), Seq::new(expected)).await, scribe.id());
    }
    let unknown = Scribe::new("never created").id();
    assert_not_found(&store.remove(unknown, Seq::ZERO).await, unknown);
}

pub async fn a_late_commit_does_not_bring_a_removed_task_back<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    store.remove(scribe.id(), Seq::new(2)).await.expect("removed");
    for late in [scribe.start(), ten(&mut scribe, "another title")] {
        store.commit(late).await.expect_err("it is gone");
    }
    assert_not_found(&store.load(scribe.id()).await, scribe.id());
    assert_eq!(walk(&store, &TaskQuery::default()).await, []);
    assert_eq!(counts(&store).await, StatusCounts::default());
}

pub async fn the_other_tasks_stay_as_they_are<H: Harness>(place: &H) {
    let store = open(place).await;
    create_keyed(&store, "one", "first").await;
    create_in(&store, Scribe::new("two"), TaskStatus::Failed).await;
    let keys = ["first", "second", "third"];
    let before = Picture::of(&store, &keys).await;
    let scribe = create_keyed(&store, "three", "second").await;
    store.remove(scribe.id(), Seq::new(2)).await.expect("removed");
    assert_eq!(Picture::of(&store, &keys).await, before);
    // What comes next has a log of its own.
    let next = create_keyed(&store, "four", "third").await;
    assert_eq!(log(&store, next.id()).await.len(), 2);
}

pub async fn of_a_commit_and_a_removal_at_once_one_wins<H: Harness>(place: &H) {
    let store = open(place).await;
    for commit_first in [true, false, true, false] {
        let scribe = create(&store, "a title").await;
        let task = scribe.id();
        let commit = {
            let (store, mut scribe) = (store.clone(), scribe);
            async move { store.commit(scribe.start()).await }
        };
        let remove = {
            let store = store.clone();
            async move { store.remove(task, Seq::new(2)).await }
        };
        let (committed, removed) = if commit_first {
            let (commit, remove) = (tokio::spawn(commit), tokio::spawn(remove));
            (commit.await, remove.await)
        } else {
            let (remove, commit) = (tokio::spawn(remove), tokio::spawn(commit));
            (commit.await, remove.await)
        };
        match (committed.expect("no panic"), removed.expect("no panic")) {
            (Ok(()), Err(StoreError::Conflict { .. })) => assert_eq!(log(&store, task).await.len(), 3),
            (Err(StoreError::NotFound(_)), Ok(())) => assert_not_found(&store.load(task).await, task),
            other => panic!("both, or neither: {other:?}"),
        }
    }
}
