//! A viewer that stops reading while a hundred thousand events are written.

use futures::TryStreamExt;
use task_core::{Limits, NewTask, RunContext, RunResult, Seq, TaskManager, TaskStatus};
use task_store_sqlite::SqliteStore;

const EVENTS: u64 = 100_000;
const BODY: usize = 2_000;

/// What may grow: the page cache of the engine, 64 MiB, what the limits below allow, and room for the allocator.
const GROWTH: u64 = 128 << 20;

async fn flood(cx: RunContext) -> RunResult {
    let body = "x".repeat(BODY);
    for n in 0..EVENTS {
        cx.custom("n", &(n, &body)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn costs_the_writer_nothing_holds_no_memory_and_then_gets_them_all() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut limits = Limits::default();
    limits.tails_bytes = 4 << 20;
    limits.pages_bytes = 4 << 20;
    let store = SqliteStore::open(dir.path().join("tasks.db")).await.expect("opens");
    let tasks =
        TaskManager::builder(store).runner("flood", flood).limits(limits).start().await.expect("starts");
    let task = tasks.create(NewTask::new("flood", "go")).await.expect("created");
    let mut stalled = tasks.subscribe(task.id, Seq::ZERO);
    stalled.try_next().await.expect("readable").expect("the first event");
    let before = resident_bytes();

    // Nobody reads while all of it is written.
    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!(task.status, TaskStatus::Completed);
    assert!(task.seq.get() > EVENTS);
    let grown = resident_bytes().saturating_sub(before);
    let written = EVENTS * BODY as u64;
    println!("{written} bytes written past a stalled reader; the process grew by {grown}");
    assert!(grown < GROWTH && GROWTH < written, "the process grew by {grown} bytes");

    let mut next = 2;
    while let Some(event) = stalled.try_next().await.expect("readable") {
        assert_eq!(event.seq().get(), next);
        next += 1;
    }
    assert_eq!(next, task.seq.get() + 1);
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024
}
