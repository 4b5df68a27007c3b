//! A process for tests to kill: it owns the SQLite file it is given, runs the agent `counter`, and prints the `seq` of
//! every event the moment a viewer of its own is shown it.
//!
//! `counter` emits numbers until it is told to stop; a message `end` lets it return.

use std::io::Write;

use futures::TryStreamExt;
use task_core::{NewTask, RunContext, RunResult, Seq, TaskManager};
use task_store_sqlite::SqliteStore;

async fn counter(cx: RunContext) -> RunResult {
    let mut n = 0_u64;
    loop {
        while let Some(message) = cx.next_message().await? {
            if message.text() == "end" {
                return Ok(());
            }
        }
        n += 1;
        cx.custom("n", &n).await?;
        tokio::select! {
            () = cx.cancelled() => return Ok(()),
            () = cx.message_waiting() => {}
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("a path is needed")?;
    let builder = TaskManager::builder(SqliteStore::open(path).await?).runner("counter", counter);
    let tasks = builder.start().await?;
    let task = tasks.create(NewTask::new("counter", "count")).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", task.id)?;
    let mut events = tasks.subscribe(task.id, Seq::ZERO).following();
    while let Some(event) = events.try_next().await? {
        writeln!(out, "{}", event.seq())?;
    }
    Ok(())
}
