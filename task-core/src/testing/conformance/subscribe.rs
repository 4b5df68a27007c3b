//! Subscriptions of core on this store: exactly once, in order, from any cursor, to the last event.

use futures::{StreamExt, TryStreamExt};
use tokio::task::yield_now;

use super::bench::{create, create_in, create_long, entry, log, open, text, write};
use super::harness::Harness;
use crate::error::TaskError;
use crate::log::Subscription;
use crate::manager::TaskManager;
use crate::model::{Seq, TaskId, TaskStatus};
use crate::store::TaskStore;
use crate::testing::Scribe;

pub(super) async fn observer(store: &(impl TaskStore + Clone)) -> TaskManager {
    TaskManager::builder(store.clone()).observe().await.expect("anybody may observe")
}

pub(super) async fn seqs(events: Subscription) -> Vec<u64> {
    events.map_ok(|event| event.seq().get()).try_collect().await.expect("readable to the end")
}

pub(super) async fn settle(store: &impl TaskStore, scribe: &mut Scribe) {
    let commit = scribe.record([entry(TaskStatus::Cancelled)]);
    write(store, commit).await;
}

pub async fn a_reader_of_a_settled_task_gets_what_is_after_its_cursor<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut scribe = create_long(&store, 9).await;
    settle(&store, &mut scribe).await;
    let tasks = observer(&store).await;
    for after in 0..=10 {
        let rest: Vec<_> = (after + 1..=10).collect();
        assert_eq!(seqs(tasks.subscribe(scribe.id(), Seq::new(after))).await, rest);
    }
}

pub async fn readers_that_join_at_every_position_get_each_event_once<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = observer(&store).await;
    let mut scribe = create(&store, "a title").await;
    let mut readers = Vec::new();
    for n in 0..12 {
        for after in [0, n, n + 2] {
            readers.push((after, tokio::spawn(seqs(tasks.subscribe(scribe.id(), Seq::new(after))))));
        }
        write(&store, scribe.record(text("more"))).await;
        yield_now().await;
    }
    settle(&store, &mut scribe).await;
    for (after, reader) in readers {
        assert_eq!(reader.await.expect("no panic"), (after + 1..=15).collect::<Vec<_>>());
    }
}

pub async fn the_last_event_is_never_missed<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = observer(&store).await;
    for delay in 0..20 {
        let mut scribe = create(&store, "a title").await;
        let reader = tokio::spawn(seqs(tasks.subscribe(scribe.id(), Seq::ZERO)));
        for _ in 0..delay {
            yield_now().await;
        }
        // Nothing comes after it that could wake the reader.
        settle(&store, &mut scribe).await;
        assert_eq!(reader.await.expect("no panic"), [1, 2, 3]);
    }
}

pub async fn a_reader_that_has_seen_it_all_ends_at_once<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = observer(&store).await;
    for status in TaskStatus::ALL.into_iter().filter(|status| status.is_settled()) {
        let scribe = create_in(&store, Scribe::new("a title"), status).await;
        assert_eq!(seqs(tasks.subscribe(scribe.id(), scribe.task().seq)).await, [0; 0], "{status}");
    }
}

pub async fn a_cursor_beyond_the_end_is_refused<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = observer(&store).await;
    let scribe = create_long(&store, 5).await;
    for ahead in [6, 1_000, u64::MAX] {
        match tasks.subscribe(scribe.id(), Seq::new(ahead)).next().await {
            Some(Err(TaskError::CursorAhead { cursor, end })) => {
                assert_eq!((cursor.get(), end.get()), (ahead, 5));
            }
            other => panic!("not refused: {other:?}"),
        }
    }
}

pub async fn a_reader_of_an_unknown_task_is_told<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = observer(&store).await;
    create(&store, "another").await;
    let unknown = TaskId::new();
    for after in [0, 3] {
        let told = tasks.subscribe(unknown, Seq::new(after)).next().await;
        assert!(matches!(told, Some(Err(TaskError::NotFound(task))) if task == unknown), "{told:?}");
    }
}

pub async fn a_reader_of_a_removed_task_is_told<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = observer(&store).await;
    let scribe = create(&store, "a title").await;
    let mut events = tasks.subscribe(scribe.id(), Seq::new(1));
    assert_eq!(events.next().await.expect("an event").expect("readable").seq(), Seq::new(2));
    store.remove(scribe.id(), Seq::new(2)).await.expect("removed");
    let told = events.next().await;
    assert!(matches!(told, Some(Err(TaskError::NotFound(task))) if task == scribe.id()), "{told:?}");
}

pub async fn many_readers_get_the_same<H: Harness>(place: &H) {
    let store = open(place).await;
    let (one, other) = (observer(&store).await, observer(&store).await);
    let mut scribe = create(&store, "a title").await;
    let readers: Vec<_> = (0..60)
        .map(|n| if n % 2 == 0 { &one } else { &other })
        .map(|tasks| tokio::spawn(seqs(tasks.subscribe(scribe.id(), Seq::ZERO))))
        .collect();
    for _ in 0..20 {
        write(&store, scribe.record(text("more"))).await;
        yield_now().await;
    }
    settle(&store, &mut scribe).await;
    for reader in readers {
        assert_eq!(reader.await.expect("no panic"), (1..=23).collect::<Vec<_>>());
    }
}

pub async fn a_slow_reader_gets_everything<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = observer(&store).await;
    let mut scribe = create(&store, "a title").await;
    let mut events = tasks.subscribe(scribe.id(), Seq::ZERO);
    for n in 1..=10 {
        for _ in 0..10 {
            let commit = scribe.record(text("more"));
            write(&store, commit).await;
        }
        assert_eq!(events.next().await.expect("an event").expect("readable").seq(), Seq::new(n));
    }
    settle(&store, &mut scribe).await;
    assert_eq!(seqs(events).await, (11..=103).collect::<Vec<_>>());
}

pub async fn readers_that_leave_change_nothing<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = observer(&store).await;
    let mut scribe = create(&store, "a title").await;
    let stays = tokio::spawn(seqs(tasks.subscribe(scribe.id(), Seq::ZERO)));
    for n in 0..10 {
        let leaves = tokio::spawn(seqs(tasks.subscribe(scribe.id(), Seq::new(n))));
        drop(tasks.subscribe(scribe.id(), Seq::ZERO));
        write(&store, scribe.record(text("more"))).await;
        leaves.abort();
        yield_now().await;
    }
    settle(&store, &mut scribe).await;
    assert_eq!(stays.await.expect("no panic"), (1..=13).collect::<Vec<_>>());
    assert_eq!(log(&store, scribe.id()).await.len(), 13);
}

pub async fn readers_of_two_tasks_get_their_own<H: Harness>(place: &H) {
    let store = open(place).await;
    let tasks = observer(&store).await;
    let mut scribes = [create(&store, "one").await, create(&store, "two").await];
    let readers: Vec<_> = scribes
        .iter()
        .map(|scribe| {
            let events = tasks.subscribe(scribe.id(), Seq::ZERO);
            (scribe.id(), tokio::spawn(events.try_collect::<Vec<_>>()))
        })
        .collect();
    for n in 0..10 {
        let commit = scribes[n % 2].record(text("more"));
        write(&store, commit).await;
        yield_now().await;
    }
    for scribe in &mut scribes {
        settle(&store, scribe).await;
    }
    for (task, reader) in readers {
        let events = reader.await.expect("no panic").expect("readable to the end");
        assert_eq!(events.len(), 8);
        assert!(events.iter().all(|event| event.task() == task), "events of its own task: {events:?}");
    }
}
