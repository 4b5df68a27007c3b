//! What is held in memory, for whom, and within which bound?

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use task_core::testing::{Act, FaultStore, Puppet, Stage};
use task_core::{Chunk, Limits, NewTask, RunContext, RunResult, Seq, Subscription, TaskManager};

use super::Question;
use crate::answer::{Answer, Result, verify};
use crate::bench::Bench;
use crate::heap;
use crate::numbered::{Bodies, refused};
use crate::stores::Kind;

pub(crate) const MEMORY: Question = Question {
    name: "memory",
    asks: "What is held on the heap by subscribers, tasks and queues, and is it bounded as is said?",
    ask: |bench| memory(bench).boxed(),
};

async fn memory(bench: &Bench) -> Result<Answer> {
    heap::count();
    let mut answer = Answer::default();
    let limits = Limits::default();
    idle_subscribers(bench, &mut answer).await?;
    idle_tasks(bench, &mut answer).await?;
    stalled_reader(bench, &mut answer, &limits).await?;
    many_tails(bench, &mut answer, &limits).await?;
    old_pages(bench, &mut answer, &limits).await?;
    full_queue(bench, &mut answer, &limits).await?;
    Ok(answer)
}

/// Subscriptions that have read everything and wait.
async fn idle_subscribers(bench: &Bench, answer: &mut Answer) -> Result<()> {
    let (manager, _place, mut stage) = manager(bench).await?;
    let (task, act) = running(&manager, &mut stage).await?;
    let count = bench.pick(1_000, 10_000, 10_000);
    let mut subscriptions = Vec::with_capacity(count);
    let before = heap::bytes();
    for _ in 0..count {
        let mut events = manager.subscribe(task, Seq::ZERO);
        while !matches!(events.next_chunk().await.ok_or("it ended")??, Chunk::CaughtUp { .. }) {}
        let waiting = events.poll_chunk(&mut Context::from_waker(Waker::noop()));
        verify(matches!(waiting, Poll::Pending), || "there is more".to_owned())?;
        subscriptions.push(events);
    }
    let held = heap::bytes() - before;
    answer
        .figure(format!("an idle subscription, of {count}"), "B", [held as f64 / count as f64])
        .at_most(1024.0);

    // They hear of what comes, and what they hold then is shared.
    let bodies = Bodies::new(bench.seed, BODY);
    for number in 1..=1000 {
        act.cx.emit(bodies.output(number)?).await.map_err(refused)?;
    }
    act.cx.flush().await.map_err(refused)?;
    let before = heap::bytes();
    for events in &mut subscriptions {
        let chunk = events.next_chunk().await.ok_or("it ended")??;
        verify(matches!(chunk, Chunk::Events(_)), || "nothing came".to_owned())?;
    }
    let held = heap::bytes().saturating_sub(before);
    let name = format!("{count} subscriptions that have begun to read what came: more");
    answer.figure(name, "B each", [held as f64 / count as f64]);
    drop(subscriptions);
    manager.shutdown(Duration::ZERO).await?;
    Ok(())
}

/// Tasks that run and say nothing.
async fn idle_tasks(bench: &Bench, answer: &mut Answer) -> Result<()> {
    let place = bench.directory()?;
    let store = Kind::SqliteProcess.open(place.path()).await?;
    let manager = TaskManager::builder(store).runner("waits", waits).start().await?;
    let count = bench.pick(300, 10_000, 100_000);
    // What is made once, is made.
    for _ in 0..100 {
        manager.create(NewTask::new("waits", "wait")).await?;
    }
    until_running(&manager, 100).await?;
    let before = heap::bytes();
    for at_once in (0..count).step_by(500) {
        let more = (count - at_once).min(500);
        let created = (0..more).map(|_| manager.create(NewTask::new("waits", "wait")));
        for created in futures::future::join_all(created).await {
            created?;
        }
        until_running(&manager, 100 + at_once + more).await?;
    }
    let held = heap::bytes() - before;
    answer
        .figure(format!("a running task that says nothing, of {count}"), "B", [held as f64 / count as f64])
        .at_most(4096.0);
    // Not in good order: that would settle each of them.
    drop(manager);
    Ok(())
}

/// One that reads a little and then nothing, while much is written.
async fn stalled_reader(bench: &Bench, answer: &mut Answer, limits: &Limits) -> Result<()> {
    let (manager, _place, mut stage) = manager(bench).await?;
    let (task, act) = running(&manager, &mut stage).await?;
    let events = bench.pick(3_000, 100_000, 100_000);
    let bodies = Bodies::new(bench.seed, BODY);
    let mut stalled: Vec<Subscription> = (0..100).map(|_| manager.subscribe(task, Seq::ZERO)).collect();
    for events in &mut stalled {
        let _first = events.next_chunk().await.ok_or("it ended")??;
    }
    let before = heap::bytes();
    let mut most = before;
    for number in 1..=events {
        act.cx.emit(bodies.output(number)?).await.map_err(refused)?;
        if number % 64 == 0 {
            most = most.max(heap::bytes());
        }
    }
    act.cx.flush().await.map_err(refused)?;
    let held = most.max(heap::bytes()) - before;
    // A tail, a buffer in front of the writer, the commit it is at, and the same in the store.
    let bound = limits.tail_bytes + 4 * limits.buffer_bytes;
    let name = format!("100 stalled readers while {events} events are written: at most");
    answer.figure(name, "MiB", [held as f64 / MIB]).at_most(bound as f64 / MIB);
    // And nothing is lost to them.
    let mut last = Seq::ZERO;
    let end = manager.get(task).await?.seq;
    let stalled = &mut stalled[0];
    while last < end {
        if let Chunk::Events(batch) = stalled.next_chunk().await.ok_or("it ended")?? {
            for event in batch {
                verify(last == Seq::ZERO || event.seq() == last.next(), || {
                    format!("{} after {last}", event.seq())
                })?;
                last = event.seq();
            }
        }
    }
    drop(act);
    manager.shutdown(Duration::ZERO).await?;
    Ok(())
}

/// More tasks with recent events than there is room for.
async fn many_tails(bench: &Bench, answer: &mut Answer, limits: &Limits) -> Result<()> {
    let (manager, _place, mut stage) = manager(bench).await?;
    let bodies = Bodies::new(bench.seed, BODY);
    let tasks = bench.pick(5, 120, 300);
    let mut acts = Vec::new();
    for _ in 0..tasks {
        acts.push(running(&manager, &mut stage).await?.1);
    }
    let before = heap::bytes();
    for act in &acts {
        // As many as a tail holds, nearly.
        for number in 1..=1200 {
            act.cx.emit(bodies.output(number)?).await.map_err(refused)?;
        }
        act.cx.flush().await.map_err(refused)?;
    }
    let held = heap::bytes() - before;
    let bound = (limits.tails_bytes + 2 * limits.buffer_bytes) as f64 / MIB;
    let written = tasks as f64 * 1200.0 * 760.0 / MIB;
    let name = format!("recent events of {tasks} tasks, {written:.0} MiB of them: held");
    answer.figure(name, "MiB", [held as f64 / MIB]).at_most(bound);
    drop(acts);
    manager.shutdown(Duration::ZERO).await?;
    Ok(())
}

/// Old events that are read again and again.
async fn old_pages(bench: &Bench, answer: &mut Answer, limits: &Limits) -> Result<()> {
    let (manager, _place, mut stage) = manager(bench).await?;
    let (task, act) = running(&manager, &mut stage).await?;
    let bodies = Bodies::new(bench.seed, BODY);
    let events = bench.pick(3_000, 100_000, 100_000);
    for number in 1..=events {
        act.cx.emit(bodies.output(number)?).await.map_err(refused)?;
    }
    act.cx.flush().await.map_err(refused)?;
    let end = manager.get(task).await?.seq;
    let before = heap::bytes();
    let mut most = before;
    let mut reading = manager.subscribe(task, Seq::ZERO);
    let mut read = 0;
    while read < end.get() {
        if let Chunk::Events(batch) = reading.next_chunk().await.ok_or("it ended")?? {
            read += batch.as_slice().len() as u64;
        }
        most = most.max(heap::bytes());
    }
    verify(read == end.get(), || format!("{read} events were read of {end}"))?;
    let bound = (limits.pages_bytes + 2 * limits.tail_bytes) as f64 / MIB;
    let name = format!("a log of {events} events is read from its beginning: held at most");
    answer.figure(name, "MiB", [(most - before) as f64 / MIB]).at_most(bound);
    drop(act);
    manager.shutdown(Duration::ZERO).await?;
    Ok(())
}

/// A runner that emits while the store does not answer.
async fn full_queue(bench: &Bench, answer: &mut Answer, limits: &Limits) -> Result<()> {
    let (puppet, mut stage) = Puppet::new();
    let store = FaultStore::new(Kind::Memory.open(&bench.place).await?);
    let manager = TaskManager::builder(store.clone()).runner("stage", puppet).start().await?;
    let (_, act) = running(&manager, &mut stage).await?;
    let bodies = Bodies::new(bench.seed, BODY);
    store.hold();
    let before = heap::bytes();
    let mut accepted = 0_u64;
    // It waits once the buffer is full; a commit that is held holds what it has taken, and is not counted to the buffer
    // any more.
    while let Ok(emitted) =
        tokio::time::timeout(Duration::from_millis(500), act.cx.emit(bodies.output(accepted + 1)?)).await
    {
        emitted.map_err(refused)?;
        accepted += 1;
        verify(accepted < 1_000_000, || "nothing makes `emit` wait".to_owned())?;
    }
    let held = heap::bytes() - before;
    store.go_on();
    act.cx.flush().await.map_err(refused)?;
    let bound = 4.0 * limits.buffer_bytes as f64 / MIB;
    let name = format!("the store does not answer: `emit` waits after {accepted} events, and held are");
    answer.figure(name, "MiB", [held as f64 / MIB]).at_most(bound);
    drop(act);
    manager.shutdown(Duration::ZERO).await?;
    Ok(())
}

async fn manager(bench: &Bench) -> Result<(TaskManager, tempfile::TempDir, Stage)> {
    let place = bench.directory()?;
    let store = Kind::SqliteProcess.open(place.path()).await?;
    let (puppet, stage) = Puppet::new();
    Ok((TaskManager::builder(store).runner("stage", puppet).start().await?, place, stage))
}

async fn running(manager: &TaskManager, stage: &mut Stage) -> Result<(task_core::TaskId, Act)> {
    let task = manager.create(NewTask::new("stage", "play")).await?;
    Ok((task.id, stage.next().await))
}

async fn until_running(manager: &TaskManager, count: usize) -> Result<()> {
    let running = async {
        while manager.counts().await?.running < count as u64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    };
    crate::answer::within(Duration::from_secs(60), "starting the tasks", running).await
}

/// A runner that has nothing of its own and waits for ever.
async fn waits(cx: RunContext) -> RunResult {
    let _held = cx;
    std::future::pending().await
}

const MIB: f64 = 1_048_576.0;
const BODY: usize = 600;
