//! The paths that every event takes, `count` times: what `instructions` counts.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use futures::StreamExt;
use task_axum::{Guard, TaskApi};
use task_core::testing::{Puppet, Stage};
use task_core::{Chunk, NewTask, Seq, TaskId, TaskManager, TaskStore};
use tower::ServiceExt;

use crate::answer::{Result, verify};
use crate::numbered::{Bodies, refused};
use crate::stores::Kind;
use crate::workload::{Appender, Asks, Payloads, Task};

/// A path, by name, and how many events have to take it until what threads do by chance no longer shows in the count of
/// one. Appends to sled are not among them: its engine works in the background, by time, and from one run to the next the
/// count differed by 13 %.
pub(crate) const PATHS: [(&str, u64); 6] = [
    ("append to SQLite, a commit each", 4_096),
    ("append to SQLite, 64 a commit", 4_096),
    ("emit and commit, in memory", 4_096),
    ("follow, from memory", 262_144),
    ("replay, from SQLite", 4_096),
    ("frame, for a viewer over HTTP", 16_384),
];

/// Takes a path. What comes before and after costs the same for every `count`.
pub(crate) async fn take(path: &str, count: u64, seed: u64) -> Result<()> {
    let place = tempfile::tempdir()?;
    let store = |kind: Kind| kind.open(place.path());
    match PATHS.iter().position(|(name, _)| *name == path) {
        Some(0) => append(&store(Kind::SqliteProcess).await?, 1, count, seed).await,
        Some(1) => append(&store(Kind::SqliteProcess).await?, 64, count, seed).await,
        Some(2) => drop_all(emitted(store(Kind::Memory).await?, count, seed).await?).await,
        Some(3) => {
            let manager = emitted(store(Kind::Memory).await?, LENGTH, seed).await?;
            for _ in 0..count / LENGTH {
                follow(&manager.0, manager.1, LENGTH).await?;
            }
            drop_all(manager).await
        }
        Some(4) => {
            let store = store(Kind::SqliteProcess).await?;
            append(&store, 64, count, seed).await?;
            let task = store.list(&task_core::TaskQuery::default()).await?.items.remove(0).id;
            let manager = TaskManager::builder(store).observe().await?;
            follow(&manager, task, count).await?;
            Ok(manager.shutdown(Duration::ZERO).await?)
        }
        Some(5) => {
            let manager = emitted(store(Kind::Memory).await?, LENGTH, seed).await?;
            let api = TaskApi::new(manager.0.clone(), Guard::without_token(80));
            let app = Router::<()>::new().nest("/api", api.router());
            for _ in 0..count / LENGTH {
                frames(&app, manager.1).await?;
            }
            drop_all(manager).await
        }
        _ => Err(format!("{path} is no path").into()),
    }
}

async fn append(store: &Arc<dyn TaskStore>, at_once: u64, count: u64, seed: u64) -> Result<()> {
    let payloads = Payloads::new(seed)?;
    let mut task = Task::create(store, 1, Asks::Process).await?.remove(0);
    for n in (0..count).step_by(usize::try_from(at_once)?) {
        if at_once == 1 {
            task.append(payloads.of(0, n)).await?;
        } else {
            task.append_all((n..n + at_once).map(|n| payloads.of(0, n))).await?;
        }
    }
    let end = store.load(task.id()).await?.seq.get();
    verify(end >= count, || format!("the log ends at {end}"))
}

/// A task with so many events, and what keeps it running.
async fn emitted(store: Arc<dyn TaskStore>, count: u64, seed: u64) -> Result<(TaskManager, TaskId, Stage)> {
    let (puppet, mut stage) = Puppet::new();
    let manager = TaskManager::builder(store).runner("stage", puppet).start().await?;
    let task = manager.create(NewTask::new("stage", "play")).await?.id;
    let act = stage.next().await;
    let bodies = Bodies::new(seed, 500);
    // Made once: to write and to check JSON takes as long as to emit it, and is not what is counted.
    let outputs: Vec<_> = (1..=16).map(|number| bodies.output(number)).collect::<Result<_>>()?;
    for (number, output) in (1..=count).zip(outputs.iter().cycle()) {
        act.cx.emit(output.clone()).await.map_err(refused)?;
        if number % 16 == 0 {
            act.cx.flush().await.map_err(refused)?;
        }
    }
    act.finish(Ok(()));
    manager.wait(task).await?;
    Ok((manager, task, stage))
}

async fn drop_all((manager, _, stage): (TaskManager, TaskId, Stage)) -> Result<()> {
    drop(stage);
    Ok(manager.shutdown(Duration::ZERO).await?)
}

async fn follow(manager: &TaskManager, task: TaskId, count: u64) -> Result<()> {
    let mut events = manager.subscribe(task, Seq::ZERO);
    let mut last = 0;
    loop {
        match events.next_chunk().await.ok_or("it ended")?? {
            Chunk::Events(batch) => {
                for event in batch {
                    last += 1;
                    verify(event.seq().get() == last, || format!("{} where {last} was due", event.seq()))?;
                }
            }
            _ => return verify(last >= count, || format!("{last} events of {count}")),
        }
    }
}

async fn frames(app: &Router, task: TaskId) -> Result<()> {
    let request = Request::get(format!("/api/tasks/{task}/stream?after=0")).header("host", "localhost");
    let response = app.clone().oneshot(request.body(Body::empty())?).await?;
    let mut body = response.into_body().into_data_stream();
    let mut frames = 0;
    while let Some(chunk) = body.next().await {
        frames += memchr::memmem::find_iter(&chunk?, b"\nevent: custom\n").count() as u64;
    }
    verify(frames == LENGTH, || format!("{frames} frames of {LENGTH}"))
}

/// Events of a log that is read again and again.
const LENGTH: u64 = 512;
