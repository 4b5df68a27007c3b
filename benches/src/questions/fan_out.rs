//! How fast do subscribers in the same process get events?
//!
//! What events say is made before the clock runs, on both sides: to write JSON, and to check it as a runner's is checked,
//! takes as long as to pass it on to dozens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use futures::FutureExt;
use task_core::testing::Puppet;
use task_core::{Chunk, NewTask, Seq, TaskManager};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;

use super::Question;
use crate::answer::{Answer, Result, verify, within};
use crate::bench::Bench;
use crate::numbered::{Bodies, refused};
use crate::stores::Kind;

pub(crate) const FAN_OUT: Question = Question {
    name: "fan-out",
    asks: "How fast do a hundred subscribers in the process get events, beside a channel that sends each event?",
    ask: |bench| fan_out(bench).boxed(),
};

/// What all subscribers have got together.
#[derive(Debug, Default)]
struct Got {
    events: AtomicU64,
    awaited: AtomicU64,
    reached: Notify,
}

async fn fan_out(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    for (what, burst, times, target) in [
        ("bursts of 64", 64, bench.pick(5, 400, 1000), 3.0),
        ("single events", 1, bench.pick(50, 3000, 10_000), 0.6),
    ] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds() {
            ours.push(subscriptions(bench, burst, times).await?);
            theirs.push(channel(bench, burst, times).await?);
        }
        answer.figure(format!("{SUBSCRIBERS} subscriptions, {what}"), "events/s", ours.iter().copied());
        answer.figure(
            format!("{SUBSCRIBERS} receivers of tokio::broadcast, {what}"),
            "events/s",
            theirs.iter().copied(),
        );
        answer
            .ratio(format!("{SUBSCRIBERS} subscriptions / tokio::broadcast, {what}"), &ours, &theirs)
            .at_least(target);
    }
    Ok(answer)
}

/// Through a manager: emitted by a runner, stored in memory, followed.
async fn subscriptions(bench: &Bench, burst: u64, times: u64) -> Result<f64> {
    let (puppet, mut stage) = Puppet::new();
    let manager =
        TaskManager::builder(Kind::Memory.open(&bench.place).await?).runner("stage", puppet).start().await?;
    let task = manager.create(NewTask::new("stage", "play")).await?;
    let act = stage.next().await;
    // What is written for the task itself before its first event.
    let before = manager.get(task.id).await?.seq;
    let (bodies, got) = (Bodies::new(bench.seed, BODY), Arc::new(Got::default()));
    let mut at_work = JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        let mut events = manager.subscribe(task.id, before);
        let (got, bodies) = (Arc::clone(&got), bodies.clone());
        at_work.spawn(async move {
            let mut last = before.get();
            while let Some(chunk) = events.next_chunk().await {
                let Chunk::Events(batch) = chunk? else { continue };
                for event in batch.as_slice() {
                    last += 1;
                    verify(event.seq() == Seq::new(last), || {
                        format!("{} where {last} was due", event.seq())
                    })?;
                    look(&bodies, last - before.get(), event.json())?;
                }
                got.add(batch.as_slice().len() as u64);
            }
            Ok::<(), crate::answer::Error>(())
        });
    }
    let mut took = Duration::ZERO;
    for n in 0..times {
        let outputs = (n * burst + 1..=(n + 1) * burst).map(|number| bodies.output(number));
        let outputs = outputs.collect::<Result<Vec<_>>>()?;
        let start = Instant::now();
        for output in outputs {
            act.cx.emit(output).await.map_err(refused)?;
        }
        got.wait((n + 1) * burst * SUBSCRIBERS, &mut at_work).await?;
        took += start.elapsed();
    }
    let rate = (times * burst * SUBSCRIBERS) as f64 / took.as_secs_f64();
    act.finish(Ok(()));
    while let Some(ended) = at_work.join_next().await {
        ended??;
    }
    manager.shutdown(Duration::ZERO).await?;
    Ok(rate)
}

/// Through a channel that keeps nothing: what one would write without the library.
async fn channel(bench: &Bench, burst: u64, times: u64) -> Result<f64> {
    let (sender, _) = broadcast::channel::<Arc<str>>(1024);
    let (bodies, got) = (Bodies::new(bench.seed, BODY), Arc::new(Got::default()));
    let mut at_work = JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        let mut receiver = sender.subscribe();
        let (got, bodies) = (Arc::clone(&got), bodies.clone());
        at_work.spawn(async move {
            let mut last = 0;
            loop {
                match receiver.recv().await {
                    Ok(event) => {
                        last += 1;
                        look(&bodies, last, &event)?;
                        got.add(1);
                    }
                    Err(broadcast::error::RecvError::Closed) => return Ok::<(), crate::answer::Error>(()),
                    Err(lagged) => return Err(lagged.into()),
                }
            }
        });
    }
    let mut took = Duration::ZERO;
    for n in 0..times {
        let texts = (n * burst + 1..=(n + 1) * burst).map(|number| bodies.text(number).into());
        let texts: Vec<Arc<str>> = texts.collect();
        let start = Instant::now();
        for text in texts {
            let sent = sender.send(text)?;
            verify(sent == SUBSCRIBERS as usize, || "a receiver is gone".to_owned())?;
        }
        got.wait((n + 1) * burst * SUBSCRIBERS, &mut at_work).await?;
        took += start.elapsed();
    }
    let rate = (times * burst * SUBSCRIBERS) as f64 / took.as_secs_f64();
    drop(sender);
    while let Some(ended) = at_work.join_next().await {
        ended??;
    }
    Ok(rate)
}

/// Looks at the content of one event in sixteen.
fn look(bodies: &Bodies, number: u64, text: &str) -> Result<()> {
    if !number.is_multiple_of(16) {
        return Ok(());
    }
    let found = bodies.find(text.as_bytes())?.map(|mark| mark.number);
    verify(found == Some(number), || format!("{found:?} where {number} was due"))
}

impl Got {
    fn add(&self, events: u64) {
        let before = self.events.fetch_add(events, SeqCst);
        let awaited = self.awaited.load(SeqCst);
        if before < awaited && before + events >= awaited {
            self.reached.notify_one();
        }
    }

    async fn wait(&self, goal: u64, at_work: &mut JoinSet<Result<()>>) -> Result<()> {
        self.awaited.store(goal, SeqCst);
        let reached = async {
            while self.events.load(SeqCst) < goal {
                tokio::select! {
                    () = self.reached.notified() => {}
                    Some(ended) = at_work.join_next() => return Err(format!("one has left: {ended:?}").into()),
                }
            }
            verify(self.events.load(SeqCst) == goal, || "some are doubled".to_owned())
        };
        within(Duration::from_secs(60), "the events", reached).await
    }
}

const SUBSCRIBERS: u64 = 100;
const BODY: usize = 600;
