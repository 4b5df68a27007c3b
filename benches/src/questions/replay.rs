//! How fast is a long log read through the public stream?

use std::time::Instant;

use futures::{FutureExt, StreamExt};
use task_core::{Chunk, Seq, TaskId, TaskManager};

use super::Question;
use crate::answer::{Answer, Result, verify};
use crate::bench::Bench;
use crate::limits::read_all;
use crate::stores::Kind;
use crate::usage::Usage;
use crate::workload::{Asks, FIRST, Payloads, Task};

pub(crate) const REPLAY: Question = Question {
    name: "replay",
    asks: "How fast is a long log read through the public stream, beside the same SELECT in a bare loop?",
    ask: |bench| replay(bench).boxed(),
};

async fn replay(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    let events: u64 = bench.pick(5_000, 100_000, 100_000);
    let payloads = Payloads::new(bench.seed)?;
    let place = bench.directory()?;
    let store = Kind::Sqlite.open(place.path()).await?;
    let mut task = Task::create(&store, 1, Asks::Process).await?.remove(0);
    for from in (0..events).step_by(64) {
        let batch = (from..events.min(from + 64)).map(|n| payloads.of(0, n));
        task.append_all(batch).await?;
    }
    task.check(&payloads, 0, events).await?;
    let id = task.id();
    store.close().await?;

    let (mut bare, mut mapped, mut chunks, mut stream, mut cpu) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let end = FIRST.get() + events;
    for _ in 0..bench.rounds() {
        for (is_mapped, speeds) in [(false, &mut bare), (true, &mut mapped)] {
            let file = place.path().join("tasks.db");
            let start = Instant::now();
            let (rows, bytes) = tokio::task::spawn_blocking(move || read_all(&file, is_mapped)).await??;
            speeds.push(events as f64 / start.elapsed().as_secs_f64());
            verify(rows == end && bytes > payloads.bytes(0, events), || format!("{rows} rows"))?;
        }

        // A new manager each time: nothing of the log is in memory.
        let manager = TaskManager::builder(Kind::Sqlite.open(place.path()).await?).observe().await?;
        let start = Instant::now();
        by_chunks(&manager, id, &payloads, end).await?;
        chunks.push(events as f64 / start.elapsed().as_secs_f64());
        manager.shutdown(std::time::Duration::ZERO).await?;

        let manager = TaskManager::builder(Kind::Sqlite.open(place.path()).await?).observe().await?;
        let start = Usage::now();
        by_events(&manager, id, &payloads, end).await?;
        let used = start.since();
        stream.push(events as f64 / used.wall);
        cpu.push(used.cpu * 1e6 / events as f64);
        manager.shutdown(std::time::Duration::ZERO).await?;
    }
    answer.figure("bare loop", "events/s", bare.iter().copied());
    answer.figure("bare loop, the file mapped into memory", "events/s", mapped.iter().copied());
    answer.figure("the stream, event by event", "events/s", stream.iter().copied());
    answer.figure("the stream, chunk by chunk", "events/s", chunks.iter().copied());
    answer.figure("the stream, event by event: processor time", "µs/event", cpu);
    answer.ratio("the stream, event by event / bare loop", &stream, &bare).at_least(0.6);
    answer.ratio("the stream, event by event / bare loop, mapped", &stream, &mapped);
    answer.ratio("the stream, chunk by chunk / bare loop", &chunks, &bare);
    Ok(answer)
}

async fn by_events(manager: &TaskManager, task: TaskId, payloads: &Payloads, end: u64) -> Result<()> {
    let mut events = manager.subscribe(task, Seq::ZERO);
    for expected in 1..=end {
        let event = events.next().await.ok_or("the stream ended")??;
        let same = event.seq().get() == expected && matches(payloads, expected, event.json());
        verify(same, || format!("event {} where {expected} was due, or changed", event.seq()))?;
    }
    Ok(())
}

async fn by_chunks(manager: &TaskManager, task: TaskId, payloads: &Payloads, end: u64) -> Result<()> {
    let mut events = manager.subscribe(task, Seq::ZERO);
    let mut last = 0;
    loop {
        match events.next_chunk().await.ok_or("the stream ended")?? {
            Chunk::Events(batch) => {
                for event in batch.as_slice() {
                    last += 1;
                    let same = event.seq().get() == last && matches(payloads, last, event.json());
                    verify(same, || format!("event {} where {last} was due, or changed", event.seq()))?;
                }
            }
            _ => return verify(last == end, || format!("the stream has {last} events, the log {end}")),
        }
    }
}

/// Looks at the content of one event in sixteen, for the bare loop looks at none.
fn matches(payloads: &Payloads, seq: u64, json: &str) -> bool {
    seq <= FIRST.get() || !seq.is_multiple_of(16) || {
        let text = &payloads.of(0, seq - FIRST.get() - 1).text;
        json.strip_suffix('}').is_some_and(|json| json.ends_with(text.as_str()))
    }
}
