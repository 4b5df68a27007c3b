//! Counts per state: exact at every moment.

use tokio::task::{JoinSet, yield_now};

use super::bench::{counts, create, create_in, entry, open, text, walk, write};
use super::harness::Harness;
use super::list::crowd;
use crate::model::{StatusCounts, TaskStatus};
use crate::store::{TaskQuery, TaskStore};
use crate::testing::Scribe;

/// The counts as lists have them.
async fn listed(store: &impl TaskStore) -> StatusCounts {
    let mut counts = StatusCounts::default();
    for status in TaskStatus::ALL {
        *counts.of_mut(status) =
            walk(store, &TaskQuery::default().with_statuses([status])).await.len() as u64;
    }
    counts
}

async fn assert_one(store: &impl TaskStore, status: TaskStatus) {
    let mut expected = StatusCounts::default();
    *expected.of_mut(status) = 1;
    assert_eq!(counts(store).await, expected);
}

pub async fn counts_follow_every_change_at_once<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    assert_one(&store, TaskStatus::Pending).await;
    for settled in [TaskStatus::Completed, TaskStatus::Failed, TaskStatus::Interrupted, TaskStatus::Cancelled]
    {
        write(&store, scribe.start()).await;
        assert_one(&store, TaskStatus::Running).await;
        write(&store, scribe.record(text("more"))).await;
        assert_one(&store, TaskStatus::Running).await;
        for status in [TaskStatus::AwaitingInput, settled] {
            write(&store, scribe.record([entry(status)])).await;
            assert_one(&store, status).await;
        }
        write(&store, scribe.message("again")).await;
        // An interrupted run leaves its question open; the next one waits for it. Settle it here.
        assert_one(&store, TaskStatus::Pending).await;
        if settled == TaskStatus::Interrupted {
            write(&store, scribe.record([entry(TaskStatus::Cancelled)])).await;
            assert_one(&store, TaskStatus::Cancelled).await;
            write(&store, scribe.message("again")).await;
        }
    }
    store.remove(scribe.id(), scribe.task().seq).await.expect("removed");
    assert_eq!(counts(&store).await, StatusCounts::default());
}

pub async fn counts_agree_with_lists<H: Harness>(place: &H) {
    let store = open(place).await;
    for task in crowd(&store).await.into_iter().step_by(4) {
        store.remove(task.id, task.seq).await.expect("removed");
    }
    let found = counts(&store).await;
    assert_eq!(found, listed(&store).await);
    assert_eq!(found.total(), 15);
}

pub async fn counts_are_of_one_moment<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create(&store, "a title").await;
    create_in(&store, Scribe::new("another"), TaskStatus::Failed).await;
    let writing = store.clone();
    let writer = tokio::spawn(async move {
        for _ in 0..30 {
            write(&writing, scribe.start()).await;
            write(&writing, scribe.record([entry(TaskStatus::Completed)])).await;
            write(&writing, scribe.message("again")).await;
        }
    });
    while !writer.is_finished() {
        let counts = counts(&store).await;
        assert_eq!((counts.total(), counts.failed), (2, 1), "{counts:?}");
        yield_now().await;
    }
    writer.await.expect("the writer comes to its end");
}

pub async fn counts_are_right_after_many_writers_at_once<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut writers = JoinSet::new();
    for n in 0..14 {
        let store = store.clone();
        writers.spawn(async move {
            let status = TaskStatus::ALL[n % 7];
            let scribe = create_in(&store, Scribe::new("a title"), status).await;
            let passing = create(&store, "passing").await;
            store.remove(passing.id(), passing.task().seq).await.expect("removed");
            scribe.id()
        });
    }
    writers.join_all().await;
    let found = counts(&store).await;
    assert_eq!(found, listed(&store).await);
    assert!(TaskStatus::ALL.iter().all(|status| found.of(*status) == 2), "{found:?}");
}
