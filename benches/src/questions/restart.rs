//! How soon does the next process serve after one was killed?

use std::time::{Duration, Instant};

use futures::FutureExt;
use task_core::testing::Scribe;
use task_core::{Completed, TaskStatus};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Question;
use crate::answer::{Answer, Result, verify};
use crate::bench::Bench;
use crate::serve::Served;
use crate::stores::Kind;

pub(crate) const RESTART: Question = Question {
    name: "restart",
    asks: "How soon does the next process serve, with all settled that was running, after kill -9?",
    ask: |bench| restart(bench).boxed(),
};

async fn restart(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    let (tasks, running) = (bench.pick(300, 10_000, 10_000), bench.pick(20, 200, 200));
    let mut times = Vec::new();
    for _ in 0..bench.rounds().min(5) {
        let place = bench.directory()?;
        settle(place.path(), tasks - running).await?;
        let mut first = Served::start(place.path(), bench.seed, 100).await?;
        first.tasks(running).await?;
        // Some have said something that is not in the database file yet.
        first.emit(1, 100).await?;
        first.kill()?;

        let start = Instant::now();
        let next = Served::start(place.path(), bench.seed, 100).await?;
        let counted = running_count(&next.address).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        verify(counted == 0, || format!("{counted} tasks run, of a process that is gone"))?;
        let store = Kind::Sqlite.open(place.path()).await?;
        let counts = store.counts().await?;
        let found = (counts.interrupted, counts.completed, counts.total());
        let expected = (running as u64, (tasks - running) as u64, tasks as u64);
        verify(found == expected, || format!("{found:?} and not {expected:?}"))?;
        store.close().await?;
        drop(next);
    }
    let name = format!(
        "{tasks} tasks, {running} of them running: from the start of the process to the first answer"
    );
    answer.figure(name, "ms", times).at_most(1000.0);
    Ok(answer)
}

/// So many tasks that have run and are done.
async fn settle(place: &std::path::Path, tasks: usize) -> Result<()> {
    let store = Kind::SqliteProcess.open(place).await?;
    let mut at_work = JoinSet::new();
    for _ in 0..tasks {
        let store = std::sync::Arc::clone(&store);
        at_work.spawn(async move {
            let mut scribe = Scribe::new("a task that is done");
            store.commit(scribe.create(None)).await?;
            store.commit(scribe.start()).await?;
            let done = scribe.record([serde_json::from_str::<Completed>("{}")?]);
            store.commit(done).await?;
            Ok::<_, crate::answer::Error>(scribe.task().status)
        });
    }
    while let Some(status) = at_work.join_next().await {
        verify(status?? == TaskStatus::Completed, || "a task is not done".to_owned())?;
    }
    Ok(store.close().await?)
}

/// What the server answers when it is asked how many tasks run.
async fn running_count(address: &str) -> Result<u64> {
    let mut socket = TcpStream::connect(address).await?;
    let request =
        format!("GET /api/tasks/running/count HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(30), socket.read_to_string(&mut answer)).await??;
    let body = answer.split("\r\n\r\n").nth(1).ok_or("no answer")?;
    let count: serde_json::Value = serde_json::from_str(body)?;
    count["count"].as_u64().ok_or_else(|| answer.into())
}
