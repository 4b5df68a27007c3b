//! What another process writes, wakes and removes, as those who watch see it here: with and without hints.

mod common;

use std::time::Duration;

use common::{check_log, create, seqs, stage_with};
use futures::StreamExt;
use task_core::testing::{FaultStore, Scribe, Stage};
use task_core::{Chunk, Event, MemoryStore, Output, Seq, TaskError, TaskId, TaskManager, TaskStore};

#[tokio::test(start_paused = true)]
async fn what_another_process_writes_is_followed_too() {
    let store = FaultStore::new(MemoryStore::new());
    let tasks = TaskManager::builder(store.clone()).observe().await.expect("observes");
    let mut scribe = Scribe::new("elsewhere");
    store.commit(scribe.create(None)).await.expect("stored");
    let reading = tokio::spawn(seqs(tasks.subscribe(scribe.id(), Seq::ZERO)));
    store.commit(scribe.start()).await.expect("stored");
    for n in 0..500 {
        store.commit(scribe.record([Output::text("b", n.to_string())])).await.expect("stored");
        if n % 7 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    store.commit(scribe.interrupt()).await.expect("stored");
    assert_eq!(reading.await.expect("no panic"), (1..=504).collect::<Vec<_>>());
    check_log(&tasks, scribe.id()).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_another_process_woke_is_not_at_its_end_though_no_hint_came() {
    // From the end that the observer knows, and from the beginning: a page that is read goes beyond that end.
    for from_the_end in [true, false] {
        let memory = MemoryStore::new();
        let (tasks, mut stage) = stage_with(memory.clone(), |builder| builder).await;
        let task = create(&tasks).await;
        stage.next().await.finish(Ok(()));
        let end = tasks.wait(task.id).await.expect("it settles").seq;
        let late = FaultStore::new(memory);
        late.withhold_hints();
        let observer = TaskManager::builder(late).observe().await.expect("observes");
        assert_eq!(seqs(observer.subscribe(task.id, Seq::ZERO)).await.len() as u64, end.get());

        tasks.send(task.id, "again").await.expect("accepted");
        let _act = stage.next().await;
        let after = if from_the_end { end } else { Seq::ZERO };
        let mut events = observer.subscribe(task.id, after);
        let mut newest = after;
        while let Ok(Some(chunk)) = tokio::time::timeout(Duration::from_secs(1), events.next_chunk()).await {
            match chunk.expect("readable") {
                Chunk::Events(batch) => newest = batch.as_slice().last().map_or(newest, Event::seq),
                Chunk::CaughtUp { status, .. } => assert!(!status.is_settled(), "{status}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(newest, tasks.get(task.id).await.expect("exists").seq);
    }
}

/// An observer whom nobody tells what others change, the store it shares with an owner, and that one's task.
async fn deaf_observer() -> (TaskManager, TaskManager, Stage, TaskId) {
    let memory = MemoryStore::new();
    let (tasks, stage) = stage_with(memory.clone(), |builder| builder).await;
    let task = create(&tasks).await.id;
    let store = FaultStore::new(memory);
    store.withhold_hints();
    let observer = TaskManager::builder(store).observe().await.expect("observes");
    (observer, tasks, stage, task)
}

#[tokio::test(start_paused = true)]
async fn what_no_hint_told_of_is_seen_within_half_a_minute() {
    let (observer, tasks, mut stage, task) = deaf_observer().await;
    let act = stage.next().await;
    let seq = tasks.get(task).await.expect("exists").seq;
    let mut events = observer.subscribe(task, seq);
    assert!(matches!(events.next_chunk().await, Some(Ok(Chunk::CaughtUp { .. }))));
    for n in 0..3 {
        act.cx.custom("n", &n).await.expect("accepted");
        act.cx.flush().await.expect("stored");
        let seen = tokio::time::timeout(Duration::from_secs(31), events.next_chunk()).await.expect("in time");
        assert!(matches!(seen, Some(Ok(Chunk::Events(_)))), "{seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cursor_from_another_process_may_be_ahead_of_what_is_known_here() {
    let (observer, tasks, mut stage, task) = deaf_observer().await;
    let act = stage.next().await;
    let known = tasks.get(task).await.expect("exists").seq;
    let mut events = observer.subscribe(task, known);
    assert!(matches!(events.next_chunk().await, Some(Ok(Chunk::CaughtUp { .. }))));
    act.cx.text("b", "unheard of").await.expect("accepted");
    act.cx.flush().await.expect("stored");
    let mut ahead = observer.subscribe(task, known.next());
    assert!(matches!(ahead.next_chunk().await, Some(Ok(Chunk::CaughtUp { seq, .. })) if seq == known.next()));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_another_process_removed_is_not_found_though_no_hint_came() {
    let (observer, tasks, mut stage, task) = deaf_observer().await;
    stage.next().await.finish(Ok(()));
    tasks.wait(task).await.expect("it settles");
    assert!(!seqs(observer.subscribe(task, Seq::ZERO)).await.is_empty());
    tasks.delete(task).await.expect("deleted");
    let found = observer.subscribe(task, Seq::ZERO).next().await;
    assert!(matches!(found, Some(Err(TaskError::NotFound(of))) if of == task), "{found:?}");
}
