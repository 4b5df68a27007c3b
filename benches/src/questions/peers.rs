//! How do appends compare with what people would pick instead?

use futures::FutureExt;

use super::Question;
use super::append::{Side, one_store};
use crate::answer::{Answer, Result};
use crate::bench::Bench;
use crate::peers::{Nats, Postgres, Redis};
use crate::stores::Kind;
use crate::workload::{Appender, Payloads, Round, append};

pub(crate) const REDIS: Question = Question {
    name: "peer-redis",
    asks: "How do durable appends compare with Redis Streams that sync before they answer?",
    ask: |bench| redis(bench).boxed(),
};

pub(crate) const NATS: Question = Question {
    name: "peer-nats",
    asks: "How do appends that survive the process compare with NATS JetStream on files?",
    ask: |bench| nats(bench).boxed(),
};

pub(crate) const POSTGRES: Question = Question {
    name: "peer-postgres",
    asks: "How do durable appends compare with one INSERT each into PostgreSQL?",
    ask: |bench| postgres(bench).boxed(),
};

async fn redis(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    let payloads = Payloads::new(bench.seed)?;
    let Some(redis) = Redis::start(bench.directory()?).await? else {
        answer.missing("Redis: `redis-server` is not installed");
        return Ok(answer);
    };
    for (appenders, target) in [(1024, 3.0), (64, 1.3)] {
        let (mut ours, mut alone, mut together) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds() {
            ours.push(one_store(bench, Kind::Sqlite, appenders).await?.rate);
            let before = redis.cpu()?;
            let round = append(redis.alone(appenders).await?, &payloads, bench.time()).await?;
            alone.push(side(&round, redis.cpu()? - before));
            redis.check(&counts(&round), &payloads).await?;
            drop(round);
            let before = redis.cpu()?;
            let round = append(redis.together(appenders).await?, &payloads, bench.time()).await?;
            together.push(side(&round, redis.cpu()? - before));
            redis.check(&counts(&round), &payloads).await?;
        }
        compare(&mut answer, "SQLite", &ours, "Redis", appenders, [alone, together], target);
    }
    Ok(answer)
}

async fn nats(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    let payloads = Payloads::new(bench.seed)?;
    let Some(nats) = Nats::start(bench.directory()?).await? else {
        answer.missing("NATS: `nats-server` is not installed");
        return Ok(answer);
    };
    for (appenders, target) in [(1024, 1.0), (64, 0.6)] {
        let (mut ours, mut alone, mut together) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds() {
            ours.push(one_store(bench, Kind::SqliteProcess, appenders).await?.rate);
            let before = nats.cpu()?;
            let round = append(nats.alone(appenders).await?, &payloads, bench.time()).await?;
            alone.push(side(&round, nats.cpu()? - before));
            nats.check(counts(&round).iter().sum()).await?;
            drop(round);
            let before = nats.cpu()?;
            let round = append(nats.together(appenders).await?, &payloads, bench.time()).await?;
            together.push(side(&round, nats.cpu()? - before));
            nats.check(counts(&round).iter().sum()).await?;
        }
        compare(
            &mut answer,
            "SQLite without syncs",
            &ours,
            "JetStream",
            appenders,
            [alone, together],
            target,
        );
    }
    Ok(answer)
}

async fn postgres(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    let Some(postgres) = Postgres::start(bench.directory()?).await? else {
        answer.missing("PostgreSQL: it is not installed, or its user cannot reach the place");
        return Ok(answer);
    };
    let appenders = 64;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds() {
        ours.push(one_store(bench, Kind::Sqlite, appenders).await?.rate);
        theirs.push(postgres.insert(appenders, 640, bench.time())?);
    }
    answer.figure(format!("SQLite, {appenders} appenders"), "events/s", ours.iter().copied());
    answer.figure(format!("PostgreSQL, {appenders} clients"), "events/s", theirs.iter().copied());
    answer.ratio(format!("SQLite / PostgreSQL, {appenders} appenders"), &ours, &theirs);
    Ok(answer)
}

/// The target is against what is usual for the peer's clients, and so is the worse of the two for us.
fn compare(
    answer: &mut Answer,
    our_name: &str,
    ours: &[f64],
    peer: &str,
    appenders: usize,
    [alone, together]: [Vec<Side>; 2],
    target: f64,
) {
    answer.figure(format!("{our_name}, {appenders} appenders"), "events/s", ours.iter().copied());
    for (how, sides) in [("a connection each", &alone), ("one connection", &together)] {
        let rates: Vec<_> = sides.iter().map(|side| side.rate).collect();
        answer.figure(format!("{peer}, {appenders} appenders, {how}"), "events/s", rates.iter().copied());
        let name = format!("{peer}, {appenders} appenders, {how}: processor time, client and server");
        answer.figure(name, "µs/event", sides.iter().map(|side| side.cpu));
        answer
            .ratio(format!("{our_name} / {peer}, {appenders} appenders, {how}"), ours, &rates)
            .at_least(target);
    }
}

/// With the processor time of the client, which is this process, and of the server.
fn side<A: Appender>(round: &Round<A>, server_cpu: f64) -> Side {
    Side { rate: round.per_second(), cpu: round.cpu() + server_cpu * 1e6 / round.events }
}

fn counts<A>(round: &Round<A>) -> Vec<u64> {
    round.appenders.iter().map(|(_, n)| *n).collect()
}
