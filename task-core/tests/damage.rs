//! A store that has lost events: whoever reads is told, and nobody is shown a log with a gap or waits for ever.

mod common;

use std::time::Duration;

use common::{HOUR, create, stage_with};
use futures::TryStreamExt;
use task_core::testing::{FaultStore, Scribe};
use task_core::{MemoryStore, Output, Seq, StoreError, TaskError, TaskId, TaskManager, TaskStore};
use tokio::time::Instant;

/// A task with a log of some events, on a store that nothing is kept in memory of.
async fn written() -> (FaultStore, TaskManager, TaskId) {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    for block in ["a", "b", "c"] {
        act.cx.text(block, "text").await.expect("accepted");
    }
    act.finish(Ok(()));
    tasks.wait(task).await.expect("it settles");
    let observer = TaskManager::builder(store.clone()).observe().await.expect("it observes");
    (store, observer, task)
}

fn damage(error: &TaskError) -> &str {
    match error {
        TaskError::Store(error) => match &**error {
            StoreError::Corrupt { what, .. } => what,
            other => panic!("{other} is no damage"),
        },
        other => panic!("{other} is no damage"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_log_is_an_error_that_says_where_it_is() {
    let (store, tasks, task) = written().await;
    store.hide(Seq::new(3)..=Seq::new(4));
    let error = tasks.events(task, Seq::ZERO, 100).await.expect_err("there is a gap");
    assert_eq!(damage(&error), format!("the log of task {task} has no event 3, and has event 5"));
    let mut seen = Vec::new();
    let mut events = tasks.subscribe(task, Seq::new(2));
    let error = loop {
        match events.try_next().await {
            Ok(Some(event)) => seen.push(event),
            Ok(None) => panic!("it ended as if nothing was missing"),
            Err(error) => break error,
        }
    };
    assert!(damage(&error).contains("has no event 3"), "{error:?}");
    assert_eq!(seen, []);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_missing_is_an_error_and_not_a_wait() {
    let (store, tasks, task) = written().await;
    let end = tasks.get(task).await.expect("there").seq;
    store.hide(Seq::new(4)..=end);
    let read = async {
        let mut events = tasks.subscribe(task, Seq::ZERO);
        let mut seen = 0;
        loop {
            match events.try_next().await {
                Ok(Some(_)) => seen += 1,
                Ok(None) => panic!("it ended as if nothing was missing"),
                Err(error) => return (seen, error),
            }
        }
    };
    let begun = Instant::now();
    let (seen, error) = tokio::time::timeout(HOUR, read).await.expect("no wait for ever");
    assert!(begun.elapsed() >= Duration::from_secs(4), "it may come late: {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(
        (seen, damage(&error)),
        (3, &*format!("the log of task {task} ends at event {end}, and has none after 3"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_copy_has_late_is_waited_for() {
    // The copy knows already where the log ends, and does not for longer than anything that it knows of may take.
    for (knows_the_end, late) in [(true, Duration::from_secs(4)), (false, Duration::from_secs(60))] {
        let store = FaultStore::new(MemoryStore::new());
        let tasks = TaskManager::builder(store.clone()).observe().await.expect("it observes");
        let mut scribe = Scribe::new("elsewhere");
        store.commit(scribe.create(None)).await.expect("stored");
        store.commit(scribe.start()).await.expect("stored");
        let mut events = tasks.subscribe(scribe.id(), Seq::new(2));
        assert_eq!(events.try_next().await.expect("readable").expect("goes on").seq(), Seq::new(3));

        store.hide(Seq::new(4)..=Seq::new(4));
        if !knows_the_end {
            store.lag(scribe.task().clone());
        }
        store.commit(scribe.record([Output::text("b", "late")])).await.expect("stored");
        let early = tokio::time::timeout(late, events.try_next()).await;
        assert!(early.is_err(), "{early:?}");
        store.heal();
        store.catch_up();
        let event = tokio::time::timeout(Duration::from_secs(1), events.try_next()).await.expect("in time");
        assert_eq!(event.expect("readable").expect("goes on").seq(), Seq::new(4));
    }
}
