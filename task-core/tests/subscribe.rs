//! Exactly once, in order, from any cursor; and watching is free of consequence.

mod common;

use std::time::Duration;

use common::{create, log_now, seqs, stage, stage_with};
use futures::{StreamExt, TryStreamExt};
use task_core::testing::FaultStore;
use task_core::{Chunk, Event, Limits, MemoryStore, Seq, TaskError, TaskManager, TaskStatus};

/// Limits so small that most of what readers want is no longer in memory.
fn tiny() -> Limits {
    let mut limits = Limits::default();
    limits.tail_bytes = 2_000;
    limits.tails_bytes = 4_000;
    limits.pages_bytes = 10_000;
    limits
}

#[tokio::test(start_paused = true)]
async fn every_cursor_of_a_settled_task_gives_the_rest() {
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.limits(tiny())).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    for n in 0..600 {
        act.cx.custom("n", &n).await.expect("accepted");
    }
    act.finish(Ok(()));
    let end = tasks.wait(task.id).await.expect("it settles").seq.get();
    for after in 0..=end {
        let rest: Vec<_> = (after + 1..=end).collect();
        assert_eq!(seqs(tasks.subscribe(task.id, Seq::new(after))).await, rest);
    }
}

#[tokio::test(start_paused = true)]
async fn readers_that_join_at_every_position_of_a_live_task_see_each_event_once() {
    for limits in [Limits::default(), tiny()] {
        let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.limits(limits)).await;
        let task = create(&tasks).await;
        let act = stage.next().await;
        let mut readers = Vec::new();
        for n in 0..300 {
            act.cx.custom("n", &n).await.expect("accepted");
            if n % 3 == 0 {
                act.cx.flush().await.expect("stored");
            }
            for after in [0, n / 2, n] {
                readers.push((after, tokio::spawn(seqs(tasks.subscribe(task.id, Seq::new(after))))));
            }
            tokio::task::yield_now().await;
        }
        act.finish(Ok(()));
        let end = tasks.wait(task.id).await.expect("it settles").seq.get();
        for (after, reader) in readers {
            assert_eq!(reader.await.expect("no panic"), (after + 1..=end).collect::<Vec<_>>());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_event_is_never_missed() {
    for delay in 0..60 {
        let (tasks, mut stage) = stage().await;
        let task = create(&tasks).await;
        let act = stage.next().await;
        let reading = tokio::spawn(seqs(tasks.subscribe(task.id, Seq::ZERO)));
        for _ in 0..delay {
            tokio::task::yield_now().await;
        }
        act.finish(Ok(()));
        let end = tasks.wait(task.id).await.expect("it settles").seq.get();
        assert_eq!(reading.await.expect("no panic"), (1..=end).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn replay_meets_live_once_and_a_settled_task_ends_the_stream() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let mut events = tasks.subscribe(task.id, Seq::ZERO);
    assert!(matches!(events.next_chunk().await, Some(Ok(Chunk::Events(_)))));
    let caught_up = events.next_chunk().await.expect("goes on").expect("readable");
    assert!(matches!(caught_up, Chunk::CaughtUp { seq, status: TaskStatus::Running } if seq.get() == 3));
    act.finish(Ok(()));
    let mut rest = Vec::new();
    while let Some(chunk) = events.next_chunk().await {
        rest.push(chunk.expect("readable"));
    }
    let last = rest.pop();
    assert!(matches!(last, Some(Chunk::Ended { status: TaskStatus::Completed, .. })), "{last:?}");
    assert!(rest.iter().all(|chunk| matches!(chunk, Chunk::Events(_))));
}

#[tokio::test(start_paused = true)]
async fn one_that_follows_goes_on_across_runs() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let mut events = tasks.subscribe(task.id, Seq::ZERO).following();
    for run in 1..=3 {
        let act = stage.next().await;
        assert_eq!(act.cx.run(), run);
        act.finish(Ok(()));
        tasks.wait(task.id).await.expect("it settles");
        tasks.send(task.id, "more").await.expect("accepted");
    }
    let mut seen = Vec::new();
    let end = log_now(&tasks, task.id).await.len();
    while seen.len() < end {
        seen.push(events.next().await.expect("goes on").expect("readable").seq().get());
    }
    assert_eq!(seen, (1..=end as u64).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_stalled_reader_costs_the_writer_nothing_and_gets_everything_later() {
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.limits(tiny())).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let mut stalled = tasks.subscribe(task.id, Seq::ZERO);
    let first = stalled.next().await.expect("goes on").expect("readable");
    assert_eq!(first.seq(), Seq::new(1));
    for n in 0..20_000 {
        act.cx.custom("n", &n).await.expect("accepted: nobody waits for the reader");
    }
    act.finish(Ok(()));
    let end = tasks.wait(task.id).await.expect("it settles").seq.get();
    assert_eq!(seqs(stalled).await, (2..=end).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_changes_nothing() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    for _ in 0..100 {
        let mut events = tasks.subscribe(task.id, Seq::ZERO);
        events.next().await.expect("goes on").expect("readable");
        drop(events);
        let waiting = tokio::spawn(seqs(tasks.subscribe(task.id, Seq::new(3))));
        tokio::task::yield_now().await;
        waiting.abort();
    }
    assert!(!act.cx.is_cancelled());
    act.finish(Ok(()));
    assert_eq!(tasks.wait(task.id).await.expect("it settles").status, TaskStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn cursors_and_tasks_that_are_not_there_are_errors() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let mut ahead = tasks.subscribe(task.id, Seq::new(99));
    assert!(matches!(ahead.next().await, Some(Err(TaskError::CursorAhead { end, .. })) if end.get() == 3));
    assert!(ahead.next().await.is_none(), "nothing follows an error");
    let mut unknown = tasks.subscribe(task_core::TaskId::new(), Seq::ZERO);
    assert!(matches!(unknown.next().await, Some(Err(TaskError::NotFound(_)))));

    let mut removed = tasks.subscribe(task.id, Seq::new(3)).following();
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    tasks.delete(task.id).await.expect("deleted");
    let last = loop {
        match removed.next().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(last, Some(Err(TaskError::NotFound(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_reader_whose_store_is_behind_what_it_gave_looks_again_now_and_then() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let older = tasks.get(task.id).await.expect("exists");
    act.finish(Ok(()));
    let end = tasks.wait(task.id).await.expect("it settles").seq;
    store.lag(older);
    let before = store.looks();
    let reading = tokio::spawn(seqs(tasks.subscribe(task.id, Seq::ZERO)));
    // No time passes while somebody has something to do.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.looks() - before, 1, "it does not spin");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let looks = store.looks() - before;
    assert!((10..=100).contains(&looks), "{looks} looks in a second");
    assert!(!reading.is_finished(), "it does not take the end for certain");
    store.catch_up();
    let seen = tokio::time::timeout(Duration::from_secs(1), reading).await.expect("it ends in time");
    assert_eq!(seen.expect("no panic"), (1..=end.get()).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_of_one_task_share_what_they_read() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.text("b", "shared").await.expect("accepted");
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    let first: Vec<Event> = tasks.subscribe(task.id, Seq::ZERO).try_collect().await.expect("readable");
    for _ in 0..1000 {
        let events: Vec<Event> = tasks.subscribe(task.id, Seq::ZERO).try_collect().await.expect("readable");
        assert!(events.iter().zip(&first).all(|(a, b)| std::ptr::eq(a.json(), b.json())), "no copies");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_history_is_read_three_pages_ahead_of_its_reader_and_no_page_twice() {
    let store = FaultStore::new(MemoryStore::new());
    let (writer, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&writer).await;
    let act = stage.next().await;
    for n in 0..3000 {
        act.cx.custom("n", &n).await.expect("accepted");
    }
    act.finish(Ok(()));
    let end = writer.wait(task.id).await.expect("it settles").seq.get();

    let (pages, observer) =
        (end.div_ceil(512), TaskManager::builder(store.clone()).observe().await.expect("observes"));
    let before = store.reads();
    let mut events = observer.subscribe(task.id, Seq::ZERO);
    let first = events.next().await.expect("goes on").expect("readable");
    while store.reads() - before < 4 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.reads() - before, 4, "three pages ahead, and not four");
    let rest: Vec<Event> = events.try_collect().await.expect("readable");
    assert_eq!((first.seq(), rest.len() as u64), (Seq::new(1), end - 1));
    assert_eq!(u64::from(store.reads() - before), pages);
}

#[tokio::test(start_paused = true)]
async fn a_history_of_large_events_is_read_ahead_and_no_page_twice() {
    let store = FaultStore::new(MemoryStore::new());
    let (writer, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&writer).await;
    let act = stage.next().await;
    for n in 0..2000 {
        act.cx.custom("n", &(n, "x".repeat(2500))).await.expect("accepted");
    }
    act.finish(Ok(()));
    let end = writer.wait(task.id).await.expect("it settles").seq;

    let observer = TaskManager::builder(store.clone()).observe().await.expect("observes");
    let before = store.reads();
    let (mut events, mut read, mut pages) = (observer.subscribe(task.id, Seq::ZERO), Seq::ZERO, 0);
    while let Some(chunk) = events.next_chunk().await {
        let Chunk::Events(batch) = chunk.expect("readable") else { continue };
        assert_eq!(batch.as_slice()[0].seq(), read.next());
        read = batch.as_slice().last().expect("some").seq();
        pages += 1;
        // Whoever reads has something to do with it: what is ahead is read meanwhile.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(read, end);
    assert_eq!((store.reads() - before, pages >= 8), (pages, true), "a read for each page");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_keeps_up_asks_the_store_for_nothing() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let asked = store.looks() + store.reads();
    let mut events = tasks.subscribe(task.id, Seq::new(3));
    assert!(matches!(events.next_chunk().await, Some(Ok(Chunk::CaughtUp { .. }))));
    for n in 4..100 {
        act.cx.custom("n", &n).await.expect("accepted");
        assert_eq!(events.next().await.expect("goes on").expect("readable").seq().get(), n);
    }
    assert_eq!(store.looks() + store.reads(), asked);
}

#[tokio::test(start_paused = true)]
async fn events_taken_one_by_one_and_as_chunks_are_each_taken_once() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    for n in 0..50 {
        act.cx.custom("n", &n).await.expect("accepted");
    }
    act.finish(Ok(()));
    let end = tasks.wait(task.id).await.expect("it settles").seq.get();
    let mut events = tasks.subscribe(task.id, Seq::ZERO);
    let mut seen = Vec::new();
    // One of each batch, and then what is left of it.
    while let Some(event) = events.next().await {
        seen.push(event.expect("readable").seq().get());
        match events.next_chunk().await {
            Some(Ok(Chunk::Events(batch))) => seen.extend(batch.map(|event| event.seq().get())),
            Some(Ok(_)) | None => {}
            Some(Err(error)) => panic!("{error}"),
        }
    }
    assert_eq!(seen, (1..=end).collect::<Vec<_>>());
}
