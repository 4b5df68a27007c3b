//! Many commits in one transaction: each fails or succeeds for itself, and nobody is left waiting.

mod common;

use common::{Place, begun, create, log, text};
use task_core::testing::Scribe;
use task_core::{Json, Output, Payload, Seq, StoreError, TaskStore};

/// An event that a trigger of the test can tell from the others.
fn boom() -> Payload {
    Payload::Other { kind: "boom".to_owned(), data: Json::parse("{}".to_owned()).expect("valid") }
}

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
async fn a_refused_commit_takes_no_other_of_its_batch_along() {
    let place = Place::new();
    let store = place.open().await;
    let (mut first, mut last) = (create(&store, "first").await, create(&store, "last").await);
    let mut late = first.clone();
    let mut taken = Scribe::new("taken");
    store.commit(taken.create(Some("key"))).await.expect("created");

    // While somebody else writes, everything below waits and becomes one batch.
    let other = place.connection();
    other.execute_batch("BEGIN IMMEDIATE").expect("begun");
    let good = begun(store.commit(first.record(text("good"))));
    let conflict = begun(store.commit(late.record(text("conflict"))));
    let mut unborn = Scribe::new("unborn");
    let duplicate = begun(store.commit(unborn.create(Some("key"))));
    let also_good = begun(store.commit(last.record(text("good"))));
    other.execute_batch("ROLLBACK").expect("ended");

    good.await.expect("committed");
    assert!(matches!(conflict.await, Err(StoreError::Conflict { .. })));
    assert!(matches!(duplicate.await, Err(StoreError::Duplicate { .. })));
    also_good.await.expect("committed");
    assert!(matches!(store.load(unborn.id()).await, Err(StoreError::NotFound(_))));
    for scribe in [first, last] {
        assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 3);
    }
}

#[tokio::test]
async fn a_commit_that_fails_halfway_leaves_nothing_and_the_others_stay() {
    let place = Place::new();
    let store = place.open().await;
    let (mut good, mut bad) = (create(&store, "good").await, create(&store, "bad").await);
    let (before, again) = (bad.task().clone(), bad.clone());
    let other = place.connection();
    let trigger = "CREATE TRIGGER boom BEFORE INSERT ON event WHEN NEW.kind = 'boom'
        BEGIN SELECT RAISE(ABORT, 'boom'); END";
    other.execute_batch(trigger).expect("a trigger");

    other.execute_batch("BEGIN IMMEDIATE").expect("begun");
    let fails = begun(store.commit(bad.record([Output::text("block", "before").into(), boom()])));
    let succeeds = begun(store.commit(good.record(text("good"))));
    other.execute_batch("ROLLBACK").expect("ended");

    assert!(matches!(fails.await, Err(StoreError::Unavailable { .. })));
    succeeds.await.expect("committed");
    assert_eq!(store.load(before.id).await.expect("loaded"), before);
    let mut again = again;
    store.commit(again.record(text("instead"))).await.expect("the log goes on where it was");
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_fails_all_and_writes_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let (mut first, mut last) = (create(&store, "first").await, create(&store, "last").await);
    let other = place.connection();
    let trigger = "CREATE TRIGGER boom BEFORE INSERT ON event WHEN NEW.kind = 'boom'
        BEGIN SELECT RAISE(ROLLBACK, 'boom'); END";
    other.execute_batch(trigger).expect("a trigger");
    let commits = [first.start(), last.record([boom()])];

    other.execute_batch("BEGIN IMMEDIATE").expect("begun");
    let waiting = commits.clone().map(|commit| begun(store.commit(commit)));
    other.execute_batch("ROLLBACK").expect("ended");
    let mut failed = 0;
    for commit in waiting {
        if let Err(error) = commit.await {
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
            failed += 1;
        }
    }
    assert!(failed > 0);
    other.execute_batch("DROP TRIGGER boom").expect("gone");
    for commit in commits {
        // What was written is refused as a conflict; what was not is written now. Nothing is twice.
        match store.commit(commit).await {
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    for scribe in [&first, &last] {
        assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 3);
        assert_eq!(store.load(scribe.id()).await.expect("loaded"), *scribe.task());
    }
    let counts = store.counts().await.expect("counted");
    assert_eq!((counts.pending, counts.running), (1, 1));
}

#[tokio::test]
async fn a_failed_commit_is_indeterminate_and_the_store_goes_on() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let before = scribe.clone();
    // A constraint that is only checked at the end of a transaction makes that end fail, like a bad disk does.
    let other = place.connection();
    let constraint = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (parent REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER boom AFTER INSERT ON event WHEN NEW.kind = 'boom' BEGIN INSERT INTO child VALUES (1); END";
    other.execute_batch(constraint).expect("a constraint");

    let error = store.commit(scribe.record([boom()])).await.expect_err("no parent");
    assert!(matches!(error, StoreError::Indeterminate { .. }), "{error:?}");
    assert_eq!(store.load(before.id()).await.expect("loaded"), *before.task());
    other.execute_batch("DROP TRIGGER boom").expect("gone");
    let mut scribe = before;
    store.commit(scribe.record([boom()])).await.expect("committed");
    assert_eq!(store.load(scribe.id()).await.expect("loaded"), *scribe.task());
}

#[tokio::test]
async fn a_busy_file_is_unavailable_after_a_while_and_nothing_is_written() {
    let place = Place::new();
    let options =
        task_store_sqlite::SqliteOptions::default().with_busy_timeout(std::time::Duration::from_millis(20));
    let store = place.open_with(options).await;
    let mut scribe = create(&store, "a title").await;
    let commit = scribe.record(text("waits"));
    let other = place.connection();
    other.execute_batch("BEGIN IMMEDIATE").expect("begun");
    let error = store.commit(commit.clone()).await.expect_err("busy");
    assert!(matches!(error, StoreError::Unavailable { .. }) && error.is_transient(), "{error:?}");
    assert_eq!(store.load(scribe.id()).await.expect("reads go on").seq, Seq::new(2));
    other.execute_batch("ROLLBACK").expect("ended");
    store.commit(commit).await.expect("committed");
}

#[tokio::test]
async fn a_commit_nobody_waits_for_is_written_and_blocks_nobody() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let other = place.connection();
    other.execute_batch("BEGIN IMMEDIATE").expect("begun");
    drop(begun(store.commit(scribe.record(text("nobody waits")))));
    let next = begun(store.commit(scribe.record(text("next"))));
    other.execute_batch("ROLLBACK").expect("ended");
    next.await.expect("it follows the one before");
    assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 4);
}

#[tokio::test]
async fn more_than_the_queue_holds_waits_and_is_written() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let other = place.connection();
    other.execute_batch("BEGIN IMMEDIATE").expect("begun");
    let big = "x".repeat(5 * 1024 * 1024);
    let commits: Vec<_> = (0..4).map(|_| begun(store.commit(scribe.record(text(&big))))).collect();
    other.execute_batch("ROLLBACK").expect("ended");
    for commit in commits {
        commit.await.expect("committed, and in order");
    }
    let mut huge = create(&store, "huge").await;
    store
        .commit(huge.record(text(&"x".repeat(17 * 1024 * 1024))))
        .await
        .expect("alone it is more than the queue");
    assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 6);
}

#[tokio::test]
async fn closing_finishes_what_waits() {
    let place = Place::new();
    let store = place.open().await;
    let mut scribe = create(&store, "a title").await;
    let other = place.connection();
    other.execute_batch("BEGIN IMMEDIATE").expect("begun");
    // More than one transaction takes.
    let big = "x".repeat(3 * 1024 * 1024);
    let waiting: Vec<_> = (0..3).map(|_| begun(store.commit(scribe.record(text(&big))))).collect();
    let closing = begun(store.close());
    other.execute_batch("ROLLBACK").expect("ended");
    drop(other);
    closing.await.expect("closed");
    assert!(!place.file("-wal").exists(), "nobody has the file open");
    for commit in waiting {
        commit.await.expect("committed before");
    }
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
    // A commit under way when the runtime goes, as far as it has come by then.
    let commit = scribe.record(text("first"));
    {
        let _inside = first.enter();
        let _left_alone = futures::FutureExt::now_or_never(store.commit(commit.clone()));
    }
    drop(first);
    runtime().block_on(async {
        match store.commit(commit).await {
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
        store.commit(scribe.record(text("second"))).await.expect("committed");
        assert_eq!(log(&store, scribe.id()).await.expect("read").len(), 4);
    });
}

#[test]
fn a_commit_in_a_runtime_that_is_gone_is_unavailable_and_the_next_runtime_goes_on() {
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
        store.close().await.expect("closed");
    });
}

#[tokio::test]
async fn a_long_log_is_removed_at_once_and_its_events_after() {
    let place = Place::new();
    let store = place.open().await;
    let (mut long, mut other) = (create(&store, "long").await, create(&store, "other").await);
    for _ in 0..5 {
        store
            .commit(long.record((0..1000).map(|n| Output::text("block", n.to_string()))))
            .await
            .expect("committed");
    }
    store.remove(long.id(), long.task().seq).await.expect("removed");
    assert!(matches!(store.load(long.id()).await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.events(long.id(), Seq::ZERO, 1, 1).await, Err(StoreError::NotFound(_))));
    store.commit(other.record(text("others go on"))).await.expect("committed");
    // Closing does not wait for the purge, so the next store may have a part of it left to do.
    store.close().await.expect("closed");
    let store = place.open().await;
    store.commit(other.record(text("and on"))).await.expect("committed");
    let left = || -> i64 {
        place.connection().query_row("SELECT count(*) FROM event", [], |row| row.get(0)).expect("counted")
    };
    // Each further commit waits behind at most one piece.
    for _ in 0..10 {
        store.commit(other.record(text("tick"))).await.expect("committed");
    }
    // The rest of the purge runs by itself; nothing tells when it is through.
    let start = std::time::Instant::now();
    while left() > 14 {
        assert!(start.elapsed() < std::time::Duration::from_secs(30), "{} left", left());
        tokio::task::yield_now().await;
    }
    assert_eq!(log(&store, other.id()).await.expect("read").len(), 14);
}
