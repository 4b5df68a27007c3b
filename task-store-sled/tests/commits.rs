//! A commit is whole and in its place, or it changes nothing.

mod common;

use common::{Place, create, log, text};
use task_core::testing::Scribe;
use task_core::{Keyed, Seq, StoreError, TaskStatus, TaskStore};

#[tokio::test]
async fn what_is_committed_is_read_back() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = Scribe::new("a title");
    let commits =
        [scribe.create(None), scribe.start(), scribe.record(text("hello")), scribe.message("and more")];
    let events: Vec<_> = commits.iter().flat_map(|commit| commit.events().to_vec()).collect();
    for commit in commits {
        store.commit(commit).await.expect("committed");
    }
    assert_eq!(store.load(scribe.id()).await.expect("loaded"), *scribe.task());
    assert_eq!(log(&store, scribe.id()).await.expect("read"), events);
}

#[tokio::test]
async fn a_commit_at_another_position_conflicts_and_changes_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let mut other = scribe.clone();
    store.commit(scribe.record(text("first"))).await.expect("committed");

    let late = other.record(text("second"));
    let error = store.commit(late).await.expect_err("late");
    let (expected, actual) = (Seq::new(2), Seq::new(3));
    assert!(
        matches!(error, StoreError::Conflict { task, expected: e, actual: a }
            if (task, e, a) == (scribe.id(), expected, actual)),
        "{error}"
    );
    let _skipped = other.record(text("third"));
    let early = other.record(text("fourth"));
    let error = store.commit(early).await.expect_err("early");
    assert!(matches!(error, StoreError::Conflict { actual: a, .. } if a == actual), "{error}");
    assert_eq!(store.load(scribe.id()).await.expect("loaded"), *scribe.task());
    assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 3);
}

#[tokio::test]
async fn a_task_is_created_once() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = Scribe::new("a title");
    let mut again = scribe.clone();
    store.commit(scribe.create(None)).await.expect("created");
    let error = store.commit(again.create(None)).await.expect_err("exists");
    assert!(matches!(error, StoreError::Conflict { actual, .. } if actual == Seq::new(2)), "{error}");
    assert_eq!(store.counts().await.expect("counted").total(), 1);
}

#[tokio::test]
async fn a_commit_to_no_task_is_not_found() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = Scribe::new("a title");
    let _never_written = scribe.create(None);
    let error = store.commit(scribe.record(text("lost"))).await.expect_err("no task");
    assert!(matches!(error, StoreError::NotFound(task) if task == scribe.id()), "{error}");
    let error = store.load(scribe.id()).await.expect_err("no task");
    assert!(matches!(error, StoreError::NotFound(_)), "{error}");
    let error = store.events(scribe.id(), Seq::ZERO, 1, 1).await.expect_err("no task");
    assert!(matches!(error, StoreError::NotFound(_)), "{error}");
}

#[tokio::test]
async fn a_taken_key_is_refused_with_its_event_and_changes_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let mut first = Scribe::new("first");
    store.commit(first.create(Some("key"))).await.expect("created");
    let keyed = Keyed::new(first.id(), Seq::new(2));
    assert_eq!(store.find_key("key").await.expect("looked"), Some(keyed));

    let mut second = Scribe::new("second");
    let error = store.commit(second.create(Some("key"))).await.expect_err("taken");
    assert!(
        matches!(error, StoreError::Duplicate { task, seq } if (task, seq) == (keyed.task, keyed.seq)),
        "{error}"
    );
    assert!(matches!(store.load(second.id()).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.find_key("other").await.expect("looked"), None);
    assert_eq!(store.counts().await.expect("counted").total(), 1);
}

#[tokio::test]
async fn the_end_of_the_log_is_judged_before_the_key() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = Scribe::new("a title");
    let mut again = scribe.clone();
    store.commit(scribe.create(Some("key"))).await.expect("created");
    let error = store.commit(again.create(Some("key"))).await.expect_err("exists");
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
}

#[tokio::test]
async fn counts_follow_the_states() {
    let place = Place::new();
    let store = place.open().await;
    let mut first = create(&store, "first").await;
    create(&store, "second").await;
    store.commit(first.start()).await.expect("started");
    let counts = store.counts().await.expect("counted");
    assert_eq!((counts.pending, counts.running, counts.total()), (1, 1, 2));
    store.commit(first.record(text("no change of state"))).await.expect("committed");
    assert_eq!(store.counts().await.expect("counted"), counts);
    assert_eq!(store.load(first.id()).await.expect("loaded").status, TaskStatus::Running);

    store.remove(first.id(), first.task().seq).await.expect("removed");
    let counts = store.counts().await.expect("counted");
    assert_eq!((counts.pending, counts.running, counts.total()), (1, 0, 1));
}

#[tokio::test]
async fn a_removed_task_leaves_nothing_and_its_key_is_free() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = Scribe::new("a title");
    store.commit(scribe.create(Some("key"))).await.expect("created");

    let error = store.remove(scribe.id(), Seq::new(1)).await.expect_err("elsewhere");
    assert!(matches!(error, StoreError::Conflict { actual, .. } if actual == Seq::new(2)), "{error}");
    store.remove(scribe.id(), Seq::new(2)).await.expect("removed");
    assert!(matches!(store.load(scribe.id()).await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.remove(scribe.id(), Seq::new(2)).await, Err(StoreError::NotFound(_))));
    let error = store.commit(scribe.record(text("late"))).await.expect_err("gone");
    assert!(matches!(error, StoreError::NotFound(_)), "{error}");
    assert_eq!(store.find_key("key").await.expect("looked"), None);

    let mut next = Scribe::new("another");
    store.commit(next.create(Some("key"))).await.expect("the key is free");
}
