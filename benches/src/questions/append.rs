//! How near do durable appends come to a file that is written and synced in groups?

use std::time::Duration;

use futures::FutureExt;

use super::Question;
use crate::answer::{Answer, Result, within};
use crate::bench::Bench;
use crate::limits::{RawLog, write_batches};
use crate::stores::Kind;
use crate::workload::{Asks, Payloads, Task, append, check_all};

pub(crate) const SQLITE: Question = Question {
    name: "append-sqlite",
    asks: "How near do durable appends to SQLite come to a raw file, written and synced in groups?",
    ask: |bench| sqlite(bench).boxed(),
};

pub(crate) const SLED: Question = Question {
    name: "append-sled",
    asks: "How near do durable appends to sled come to it, and do a thousand at once ever hang?",
    ask: |bench| sled(bench).boxed(),
};

async fn sqlite(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    for (appenders, ratio, cpu) in [(256, 0.4, 10.0), (4096, 0.28, 6.0)] {
        let mut sides = Sides::default();
        for _ in 0..bench.rounds() {
            sides.round(bench, Kind::Sqlite, appenders).await?;
        }
        answer.figure(
            format!("raw log, {appenders} appenders"),
            "events/s",
            sides.raw.iter().map(|side| side.rate),
        );
        answer.figure(
            format!("SQLite, {appenders} appenders"),
            "events/s",
            sides.store.iter().map(|side| side.rate),
        );
        sides.ratio(&mut answer, &format!("SQLite / raw log, {appenders} appenders")).at_least(ratio);
        let figure = format!("SQLite, {appenders} appenders: processor time");
        answer.figure(figure, "µs/event", sides.store.iter().map(|side| side.cpu)).at_most(cpu);
        let figure = format!("raw log, {appenders} appenders: processor time");
        answer.figure(figure, "µs/event", sides.raw.iter().map(|side| side.cpu));
    }
    Ok(answer)
}

async fn sled(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    for (appenders, ratio) in [(256, 0.4), (4096, 0.2)] {
        let (mut sides, mut engine) = (Sides::default(), Vec::new());
        for _ in 0..bench.rounds() {
            sides.round(bench, Kind::Sled, appenders).await?;
            engine.push(one_engine(bench, appenders).await?);
        }
        answer.figure(
            format!("sled, {appenders} appenders"),
            "events/s",
            sides.store.iter().map(|side| side.rate),
        );
        sides.ratio(&mut answer, &format!("sled / raw log, {appenders} appenders")).at_least(ratio);
        let figure = format!("sled, {appenders} appenders: processor time");
        answer.figure(figure, "µs/event", sides.store.iter().map(|side| side.cpu));
        let figure = format!("sled without a store, batches of {appenders}");
        answer.figure(figure, "events/s", engine.iter().map(|side| side.rate));
        let name = format!("sled without a store / raw log, batches of {appenders}");
        answer.ratio(&name, &rates(&engine), &rates(&sides.raw));
        let figure = format!("sled without a store, batches of {appenders}: processor time");
        answer.figure(figure, "µs/event", engine.iter().map(|side| side.cpu));
    }
    let rounds = bench.pick(1, 5, 20);
    let mut ended = 0.0;
    for _ in 0..rounds {
        // Whoever hangs fails the question as a whole.
        within(Duration::from_secs(90), "1000 appenders", one_store(bench, Kind::Sled, 1000)).await?;
        ended += 1.0;
    }
    answer
        .figure("sled, 1000 appenders at once: rounds that ended", "rounds", [ended])
        .at_least(rounds.into());
    Ok(answer)
}

/// What one contestant did in one round.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) rate: f64,
    pub(crate) cpu: f64,
}

#[derive(Debug, Default)]
struct Sides {
    raw: Vec<Side>,
    store: Vec<Side>,
}

impl Sides {
    async fn round(&mut self, bench: &Bench, kind: Kind, appenders: usize) -> Result<()> {
        self.raw.push(one_raw_log(bench, appenders).await?);
        self.store.push(one_store(bench, kind, appenders).await?);
        Ok(())
    }

    fn ratio<'a>(&self, answer: &'a mut Answer, name: &str) -> &'a mut crate::answer::Figure {
        answer.ratio(name, &rates(&self.store), &rates(&self.raw))
    }
}

fn rates(sides: &[Side]) -> Vec<f64> {
    sides.iter().map(|side| side.rate).collect()
}

async fn one_raw_log(bench: &Bench, appenders: usize) -> Result<Side> {
    let place = bench.directory()?;
    let payloads = Payloads::new(bench.seed)?;
    let log = RawLog::create(place.path())?;
    let round = append(log.appenders(u32::try_from(appenders)?), &payloads, bench.time()).await?;
    let side = Side { rate: round.per_second(), cpu: round.cpu() };
    log.check(&round, &payloads)?;
    Ok(side)
}

/// The engine of the store, with as many events in a batch.
async fn one_engine(bench: &Bench, tasks: usize) -> Result<Side> {
    let (place, payloads, time) = (bench.directory()?, Payloads::new(bench.seed)?, bench.time());
    let write = move || write_batches(place.path(), tasks, &payloads, time);
    let (events, used) = tokio::task::spawn_blocking(write).await??;
    Ok(Side { rate: events as f64 / used.wall, cpu: used.cpu * 1e6 / events as f64 })
}

/// A new store, so many tasks, one appender each; checks what it has kept.
pub(crate) async fn one_store(bench: &Bench, kind: Kind, appenders: usize) -> Result<Side> {
    let place = bench.directory()?;
    let payloads = Payloads::new(bench.seed)?;
    let store = kind.open(place.path()).await?;
    let asks = if kind == Kind::SqliteProcess { Asks::Process } else { Asks::Disk };
    let tasks = Task::create(&store, appenders, asks).await?;
    let round = append(tasks, &payloads, bench.time()).await?;
    let side = Side { rate: round.per_second(), cpu: round.cpu() };
    check_all(&round, &payloads).await?;
    store.close().await?;
    Ok(side)
}
