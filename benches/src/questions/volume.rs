//! How much is written for what is kept?

use futures::FutureExt;

use super::Question;
use crate::answer::{Answer, Result};
use crate::bench::Bench;
use crate::stores::Kind;
use crate::usage::{Usage, disk_of};
use crate::workload::{Asks, Payloads, Task, Until, append, append_until, check_all};

pub(crate) const VOLUME: Question = Question {
    name: "volume",
    asks: "How many bytes are written, and kept, for each byte of payload?",
    ask: |bench| volume(bench).boxed(),
};

async fn volume(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    let payloads = Payloads::new(bench.seed)?;
    let mut large = Vec::new();
    for _ in 0..bench.rounds() {
        let place = bench.directory()?;
        let store = Kind::Sqlite.open(place.path()).await?;
        let tasks = Task::create(&store, TASKS, Asks::Disk).await?;
        let round = append(tasks, &payloads, bench.time()).await?;
        large.push(round.used.written / round.bytes);
        check_all(&round, &payloads).await?;
        store.close().await?;
    }
    answer.figure("SQLite, 4096 appenders: written / payload", "x", large).at_most(3.5);

    let each: u64 = bench.pick(2, 100, 245);
    let place = bench.directory()?;
    let store = Kind::Sqlite.open(place.path()).await?;
    let tasks = Task::create(&store, TASKS, Asks::Disk).await?;
    let start = Usage::now();
    let round = append_until(tasks, &payloads, Until::Each(each)).await?;
    check_all(&round, &payloads).await?;
    store.close().await?;
    let written = start.since().written;
    let events = round.events;
    answer
        .figure(
            format!("SQLite, {events} events, 4096 tasks in turns: written / payload, to the close"),
            "x",
            [written / round.bytes],
        )
        .at_most(6.0);
    let disk = disk_of(place.path())?;
    answer.figure(format!("SQLite, {events} events: disk / payload"), "x", [disk / round.bytes]).at_most(1.2);
    Ok(answer)
}

const TASKS: usize = 4096;
