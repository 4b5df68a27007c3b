//! Viewers that attach, leave and come back at random cursors while tasks write: each sees every event once, in order.
//!
//! `ATTACHES` sets how many attaches a store gets; 4,000 unless set. `SEED` repeats a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_tasks_tests::random::{Random, number, seed};
use futures::TryStreamExt;
use task_core::{
    Limits, MemoryStore, NewTask, RunContext, RunResult, Seq, TaskId, TaskManager, TaskStatus, TaskStore,
};
use task_store_sled::SledStore;
use task_store_sqlite::SqliteStore;

const VIEWERS: u64 = 40;
const TASKS: u64 = 4;
const ROUND: u64 = 4_000;

/// Writes until it is told to stop, in bursts of every size.
async fn writer(cx: RunContext) -> RunResult {
    cx.next_message().await?;
    let mut random = Random::new(cx.task().created_at.timestamp_millis().unsigned_abs());
    let mut n = 0_u64;
    while !cx.is_cancelled() {
        for _ in 0..random.below(64) {
            n += 1;
            cx.custom("n", &n).await?;
        }
        cx.flush().await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_or_doubled_on_any_store() {
    let dir = tempfile::tempdir().expect("a directory");
    storm("memory", MemoryStore::new()).await;
    storm("SQLite", SqliteStore::open(dir.path().join("tasks.db")).await.expect("opens")).await;
    storm("sled", SledStore::open(dir.path().join("tasks")).await.expect("opens")).await;
}

/// The storm has to be able to see a loss: a viewer that copies the history and then joins the live stream at what is
/// then its end, as is often done, loses what was written in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_storm_sees_what_a_snapshot_and_a_later_subscription_lose() {
    let tasks = start(MemoryStore::new()).await;
    let task = create(&tasks).await;
    let mut lost = 0;
    for _ in 0..500 {
        let copied = tasks.events(task, Seq::ZERO, usize::MAX).await.expect("readable").len() as u64;
        tokio::task::yield_now().await;
        let now = tasks.get(task).await.expect("exists").seq;
        let next =
            tasks.subscribe(task, now).try_next().await.expect("readable").expect("it writes for ever");
        lost += u64::from(next.seq().get() != copied + 1);
        if lost > 3 {
            break;
        }
    }
    assert!(lost > 0, "nothing was written between the copy and the subscription");
    finish(&tasks, &[task]).await;
    tasks.shutdown(Duration::ZERO).await.expect("shut down");
}

async fn storm(name: &str, store: impl TaskStore) {
    let seed = seed(name);
    let attaches = number("ATTACHES").unwrap_or(ROUND);
    let tasks = start(store).await;
    let (mut left, mut seen) = (attaches, 0);
    while left > 0 {
        // In rounds, so that a long storm needs no more room than a short one.
        let attaches = left.min(ROUND);
        left -= attaches;
        seen += round(&tasks, attaches, seed ^ left).await;
    }
    println!("{name}: {attaches} attaches, {seen} events seen");
    tasks.shutdown(Duration::ZERO).await.expect("shut down");
}

/// Lets viewers come and go while tasks write. Gives how many events they saw.
async fn round(tasks: &TaskManager, attaches: u64, seed: u64) -> u64 {
    let mut ids = Vec::new();
    for _ in 0..TASKS {
        ids.push(create(tasks).await);
    }
    let (left, seen) = (Arc::new(AtomicU64::new(attaches)), Arc::new(AtomicU64::new(0)));
    let viewers: Vec<_> = (0..VIEWERS)
        .map(|viewer| {
            let (tasks, task) = (tasks.clone(), ids[usize::try_from(viewer % TASKS).expect("small")]);
            let (left, seen) = (Arc::clone(&left), Arc::clone(&seen));
            tokio::spawn(async move { view(&tasks, task, Random::new(seed ^ viewer), &left, &seen).await })
        })
        .collect();
    for viewer in viewers {
        viewer.await.expect("every event once, in order");
    }
    finish(tasks, &ids).await;
    seen.load(Ordering::Relaxed)
}

/// Attaches again and again: where it left off, or at any place before; stays for some events, and goes.
async fn view(tasks: &TaskManager, task: TaskId, mut random: Random, left: &AtomicU64, seen: &AtomicU64) {
    let mut newest = 0;
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let mut cursor = if random.below(3) == 0 { random.below(newest + 1) } else { newest };
        let mut events = tasks.subscribe(task, Seq::new(cursor));
        for _ in 0..random.below(200) {
            let event = events.try_next().await.expect("readable").expect("it writes for ever");
            cursor += 1;
            assert_eq!(
                (event.task(), event.seq().get()),
                (task, cursor),
                "neither lost, doubled nor out of order"
            );
            seen.fetch_add(1, Ordering::Relaxed);
        }
        newest = newest.max(cursor);
    }
}

/// Tails so short that readers are behind them as often as not.
async fn start(store: impl TaskStore) -> TaskManager {
    let mut limits = Limits::default();
    limits.tail_bytes = 20_000;
    limits.tails_bytes = 60_000;
    limits.pages_bytes = 200_000;
    TaskManager::builder(store).runner("writer", writer).limits(limits).start().await.expect("starts")
}

async fn create(tasks: &TaskManager) -> TaskId {
    tasks.create(NewTask::new("writer", "write")).await.expect("created").id
}

/// Ends the tasks, reads their logs once more from the beginning, and forgets them.
async fn finish(tasks: &TaskManager, ids: &[TaskId]) {
    for id in ids {
        tasks.cancel(*id).await.expect("asked to stop");
        let task = tasks.wait(*id).await.expect("it settles");
        assert_eq!(task.status, TaskStatus::Cancelled);
        let (mut events, mut n) = (tasks.subscribe(*id, Seq::ZERO), 0);
        while let Some(event) = events.try_next().await.expect("readable") {
            n += 1;
            assert_eq!(event.seq().get(), n);
        }
        assert_eq!(n, task.seq.get());
        tasks.delete(*id).await.expect("deleted");
    }
}
