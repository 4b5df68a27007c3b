//! A process for tests to kill: it owns the store it is given, runs some tasks of the agent `counter`, and says what it
//! knows to be stored, as `owner <kind> <path> <tasks>`:
//!
//! * `shown <task> <seq>` the moment a viewer of its own is shown an event; the first line is of that kind,
//! * `kept <task> <n>` when a run was told that what it emitted is stored, up to its number `n`.
//!
//! `counter` emits numbers until it is told to stop; a message `end` lets it return.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use agent_tasks_tests::place::{Level, open_store};
use agent_tasks_tests::random::Random;
use futures::TryStreamExt;
use futures::future::try_join_all;
use task_core::{NewTask, RunContext, RunResult, Seq, TaskId, TaskManager};

async fn counter(cx: RunContext) -> RunResult {
    let task = cx.task().id;
    let mut random = Random::new(task.as_uuid().as_u64_pair().1);
    let mut n = 0_u64;
    loop {
        while let Some(message) = cx.next_message().await? {
            if message.text() == "end" {
                return Ok(());
            }
        }
        for _ in 0..=random.below(32) {
            n += 1;
            cx.custom("n", &n).await?;
        }
        if random.below(4) == 0 {
            cx.flush().await?;
            say("kept", task, n)?;
        }
        tokio::select! {
            () = cx.cancelled() => return Ok(()),
            () = cx.message_waiting() => {}
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [kind, path, count] = &arguments[..] else { return Err("three arguments are needed".into()) };
    let store = open_store(kind.parse()?, Level::Durable, Path::new(path)).await?;
    let tasks = TaskManager::builder(store).runner("counter", counter).start().await?;
    let count: usize = count.parse()?;
    try_join_all((0..count).map(|_| run(&tasks))).await?;
    Ok(())
}

/// Runs a task and views it.
async fn run(tasks: &TaskManager) -> Result<(), Box<dyn Error>> {
    let task = tasks.create(NewTask::new("counter", "count")).await?;
    let mut events = tasks.subscribe(task.id, Seq::ZERO).following();
    while let Some(event) = events.try_next().await? {
        say("shown", task.id, event.seq().get())?;
    }
    Ok(())
}

fn say(what: &str, task: TaskId, number: u64) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{what} {task} {number}")
}
