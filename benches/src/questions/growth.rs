//! What does one more cost, when there are many already?

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use task_core::testing::{Puppet, Scribe};
use task_core::{Chunk, NewTask, Seq, TaskManager, TaskQuery, TaskStatus, TaskStore};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Question;
use crate::answer::{Answer, Result, median, verify, within};
use crate::bench::Bench;
use crate::numbered::{Bodies, refused};
use crate::stores::Kind;
use crate::usage::Usage;
use crate::workload::{Asks, Payloads, Task, Until, append_until};

pub(crate) const GROWTH: Question = Question {
    name: "growth",
    asks: "What does one more cost, as a log, the tasks, the subscribers and the past grow?",
    ask: |bench| growth(bench).boxed(),
};

async fn growth(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    one_log(bench, &mut answer).await?;
    tasks(bench, &mut answer).await?;
    subscribers(bench, &mut answer).await?;
    Ok(answer)
}

/// A log that becomes long: what an event costs at each length, alone and in a commit of 64.
async fn one_log(bench: &Bench, answer: &mut Answer) -> Result<()> {
    let payloads = Payloads::new(bench.seed)?;
    let place = bench.directory()?;
    let store = Kind::SqliteProcess.open(place.path()).await?;
    let mut task = Task::create(&store, 1, Asks::Process).await?.remove(0);
    let (mut long, mut costs, mut pages) = (0, Vec::new(), Vec::new());
    for length in powers(100, bench.pick(1_000, 100_000, 1_000_000)) {
        while long < length {
            let batch = (long..length.min(long + 256)).map(|n| payloads.of(0, n));
            task.append_all(batch).await?;
            long = length.min(long + 256);
        }
        let mut rounds = Vec::new();
        for _ in 0..bench.pick(3, 9, 9) {
            let start = Usage::now();
            for _ in 0..COMMITS {
                task.append_all((long..long + 16).map(|n| payloads.of(0, n))).await?;
                long += 16;
            }
            rounds.push(start.since().cpu * 1e6 / (COMMITS * 16) as f64);
        }
        costs.push((length, median(&rounds)));
        let mut reads = Vec::new();
        for _ in 0..bench.pick(3, 9, 9) {
            let start = Instant::now();
            let page = store.events(task.id(), Seq::new(long / 2), 50, 1 << 20).await?;
            reads.push(start.elapsed().as_secs_f64() * 1e6);
            verify(page.len() == 50, || format!("{} events in the middle", page.len()))?;
        }
        pages.push((length, median(&reads)));
    }
    task.check(&payloads, 0, long).await?;
    store.close().await?;
    curve(answer, LOG, "µs/event", &costs, Some(1.5));
    curve(answer, "50 events from the middle are read, as their log grows", "µs", &pages, Some(3.0));
    Ok(())
}

/// A store that gets many tasks: what an event of one of them costs, a new task, and the lists.
async fn tasks(bench: &Bench, answer: &mut Answer) -> Result<()> {
    let payloads = Payloads::new(bench.seed)?;
    let place = bench.directory()?;
    let store = Kind::SqliteProcess.open(place.path()).await?;
    // They are there from the beginning, and still run.
    let mut active = Task::create(&store, 10, Asks::Process).await?;
    let mut runs = Scribe::new("a task that runs");
    store.commit(runs.create(None)).await?;
    store.commit(runs.start()).await?;
    let mut there = 11;
    let (mut create, mut event, mut newest, mut running) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for count in powers(100, bench.pick(1_000, 100_000, 1_000_000)) {
        let (more, start) = (count - there, Usage::now());
        settled(&store, more).await?;
        create.push((count, start.since().cpu * 1e6 / more as f64));
        there = count;
        let mut rounds = [const { Vec::new() }; 3];
        for _ in 0..bench.pick(3, 9, 9) {
            let round = append_until(active, &payloads, Until::Each(100)).await?;
            rounds[0].push(round.cpu());
            active = round.appenders.into_iter().map(|(task, _)| task).collect();
            let start = Instant::now();
            let page = store.list(&TaskQuery::default()).await?;
            rounds[1].push(start.elapsed().as_secs_f64() * 1e6);
            verify(page.items.len() == 50, || format!("{} are listed", page.items.len()))?;
            let query = TaskQuery::default().with_statuses([TaskStatus::Running]);
            let start = Instant::now();
            let page = store.list(&query).await?;
            rounds[2].push(start.elapsed().as_secs_f64() * 1e6);
            verify(page.items.len() == 1, || format!("{} run", page.items.len()))?;
        }
        for (costs, values) in [&mut event, &mut newest, &mut running].into_iter().zip(&rounds) {
            costs.push((count, median(values)));
        }
    }
    let total = store.counts().await?.total();
    verify(total == there, || format!("{total} tasks are there of {there}"))?;
    store.close().await?;
    curve(answer, TASKS, "µs/event", &event, Some(1.5));
    curve(answer, "a settled task is added, as tasks grow", "µs/task", &create, Some(2.0));
    curve(answer, "the newest 50 are listed, as tasks grow", "µs", &newest, Some(3.0));
    curve(answer, "the only one that runs is found, as tasks grow", "µs", &running, Some(3.0));
    Ok(())
}

/// A task with many subscribers: what an event costs each of them.
async fn subscribers(bench: &Bench, answer: &mut Answer) -> Result<()> {
    let bodies = Bodies::new(bench.seed, 600);
    let mut costs = Vec::new();
    for count in powers(1, bench.pick(100, 10_000, 10_000)) {
        let (puppet, mut stage) = Puppet::new();
        let store = Kind::Memory.open(&bench.place).await?;
        let manager = TaskManager::builder(store).runner("stage", puppet).start().await?;
        let task = manager.create(NewTask::new("stage", "play")).await?;
        let act = stage.next().await;
        let before = manager.get(task.id).await?.seq;
        let (arrived, mut all) = watch::channel(0_u64);
        let arrived = Arc::new(arrived);
        let mut at_work = JoinSet::new();
        for _ in 0..count {
            let mut events = manager.subscribe(task.id, before);
            let arrived = Arc::clone(&arrived);
            at_work.spawn(async move {
                let mut last = before;
                while let Some(chunk) = events.next_chunk().await {
                    let Chunk::Events(batch) = chunk? else { continue };
                    for event in batch.as_slice() {
                        verify(event.seq() == last.next(), || format!("{} after {last}", event.seq()))?;
                        last = event.seq();
                    }
                    let more = batch.as_slice().len() as u64;
                    arrived.send_modify(|sum| *sum += more);
                }
                Ok::<(), crate::answer::Error>(())
            });
        }
        let events = (20_000 / count).clamp(20, 2_000);
        let start = Usage::now();
        for number in 1..=events {
            act.cx.emit(bodies.output(number)?).await.map_err(refused)?;
            let goal = number * count;
            let reached = async {
                all.wait_for(|sum| *sum >= goal).await?;
                Ok(())
            };
            within(Duration::from_secs(60), "the events", reached).await?;
        }
        costs.push((count, start.since().cpu * 1e6 / (events * count) as f64));
        verify(*all.borrow() == events * count, || "some are doubled".to_owned())?;
        act.finish(Ok(()));
        while let Some(ended) = at_work.join_next().await {
            ended??;
        }
        manager.shutdown(Duration::ZERO).await?;
    }
    // More subscribers share what an event costs by itself.
    curve(answer, "an event for each subscriber, as subscribers grow", "µs", &costs, None);
    let (ten, most) =
        (costs.get(2).map_or(f64::NAN, |cost| cost.1), costs.last().map_or(f64::NAN, |cost| cost.1));
    answer.figure("an event for each of the most subscribers / of 100", "x", [most / ten]).at_most(1.5);
    Ok(())
}

/// Tasks that ran and are done.
async fn settled(store: &Arc<dyn TaskStore>, count: u64) -> Result<()> {
    let mut at_work = JoinSet::new();
    for _ in 0..count {
        while at_work.len() >= 1000 {
            at_work.join_next().await.ok_or("nobody is at work")???;
        }
        let store = Arc::clone(store);
        at_work.spawn(async move {
            let mut scribe = Scribe::new("a task of before");
            store.commit(scribe.create(None)).await?;
            store.commit(scribe.start()).await?;
            Ok::<_, crate::answer::Error>(store.commit(scribe.interrupt()).await?)
        });
    }
    while let Some(ended) = at_work.join_next().await {
        ended??;
    }
    Ok(())
}

/// A figure for each point, and one for how much more the last costs than the cheapest.
fn curve(answer: &mut Answer, name: &str, unit: &str, costs: &[(u64, f64)], most: Option<f64>) {
    for (grown, cost) in costs {
        answer.figure(format!("{name}: {grown}"), unit, [*cost]);
    }
    if let (Some(most), Some(last)) = (most, costs.last()) {
        let values: Vec<_> = costs.iter().map(|(_, cost)| *cost).collect();
        let name = format!("{name}: the last / the median of all");
        answer.figure(name, "x", [last.1 / median(&values)]).at_most(most);
    }
}

fn powers(from: u64, to: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(from), |value| Some(value * 10)).take_while(move |value| *value <= to)
}

const LOG: &str = "an event is appended, 16 a commit, as its log grows";
const TASKS: &str = "an event is appended, 10 appenders, as tasks grow";
const COMMITS: u64 = 32;
