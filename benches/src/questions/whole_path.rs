//! How long does an event take from a runner to a viewer, and how many tasks can do that at once?

use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Question;
use crate::answer::{Answer, Result, median, percentile, verify};
use crate::bench::Bench;
use crate::numbered::Bodies;
use crate::serve::Served;
use crate::stores::Kind;
use crate::usage::nanos;
use crate::viewers::Viewers;
use crate::workload::{Appender, Asks, Payloads, Task};

pub(crate) const WHOLE_PATH: Question = Question {
    name: "whole-path",
    asks: "How long does an event take from `emit` in a runner to the frame at a viewer over HTTP?",
    ask: |bench| whole_path(bench).boxed(),
};

async fn whole_path(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    let samples = bench.pick(20, 300, 1000);
    let bodies = Bodies::new(bench.seed, BODY);
    let place = bench.directory()?;
    let mut served = Served::start(place.path(), bench.seed, BODY).await?;
    let task = served.tasks(1).await?[0];
    let viewer = Viewers::connect(&served.address, [Served::path(task)], &bodies, 1, true).await?;

    let (mut whole, mut commit, mut socket) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..bench.rounds() as u64 {
        for n in 1..=samples {
            let number = round * samples + n;
            tokio::time::sleep(APART).await;
            served.emit(number, 1).await?;
            viewer.frames(number).await?;
        }
        let delays = viewer.delays();
        verify(delays.len() as u64 == samples, || format!("{} of {samples} were timed", delays.len()))?;
        whole.push(percentile(&delays, 0.5) / 1e3);
        commit.push(one_commit(bench, samples).await? / 1e3);
        socket.push(one_write(samples).await? / 1e3);
    }
    let both: Vec<_> = commit.iter().zip(&socket).map(|(commit, socket)| commit + socket).collect();
    answer.figure("one commit alone", "µs", commit);
    answer.figure("one write to a socket and its read", "µs", socket);
    answer.figure("from emit to frame", "µs", whole.iter().copied());
    answer.ratio("from emit to frame / (one commit + one write)", &whole, &both).at_most(1.5);
    drop((viewer, served));

    many(bench, &mut answer).await?;
    Ok(answer)
}

/// Nanoseconds of one commit of one event by one appender: the median.
async fn one_commit(bench: &Bench, samples: u64) -> Result<f64> {
    let place = bench.directory()?;
    let store = Kind::Sqlite.open(place.path()).await?;
    let payloads = Payloads::new(bench.seed)?;
    let mut task = Task::create(&store, 1, Asks::Process).await?.remove(0);
    let mut times = Vec::new();
    for n in 0..samples {
        tokio::time::sleep(APART).await;
        let start = Instant::now();
        task.append(payloads.of(0, n)).await?;
        times.push(start.elapsed().as_nanos() as f64);
    }
    task.check(&payloads, 0, samples).await?;
    store.close().await?;
    Ok(median(&times))
}

/// Nanoseconds from a write to a loopback socket to its end at the reader: the median.
async fn one_write(samples: u64) -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut writer = TcpStream::connect(listener.local_addr()?).await?;
    writer.set_nodelay(true)?;
    let (mut reader, _) = listener.accept().await?;
    let (told, mut tell) = tokio::sync::mpsc::channel::<u64>(1);
    let reading = tokio::spawn(async move {
        let mut bytes = vec![0; BODY];
        while reader.read_exact(&mut bytes).await.is_ok() {
            if told.send(nanos()).await.is_err() {
                return;
            }
        }
    });
    let bytes = vec![b'x'; BODY];
    let mut times = Vec::new();
    for _ in 0..samples {
        tokio::time::sleep(APART).await;
        let start = nanos();
        writer.write_all(&bytes).await?;
        let read = tell.recv().await.ok_or("the reader left")?;
        times.push(read.saturating_sub(start) as f64);
    }
    drop(writer);
    reading.await?;
    Ok(median(&times))
}

/// Many tasks that all talk at once, a viewer each.
async fn many(bench: &Bench, answer: &mut Answer) -> Result<()> {
    let (tasks, seconds) = (bench.pick(20, 500, 500), bench.pick(1, 10, 30));
    let bodies = Bodies::new(bench.seed, DELTA);
    let place = bench.directory()?;
    let mut served = Served::start(place.path(), bench.seed, DELTA).await?;
    let ids = served.tasks(tasks).await?;
    let paths: Vec<_> = ids.iter().map(|task| Served::path(*task)).collect();
    let viewers = Viewers::connect(&served.address, paths, &bodies, 1, true).await?;
    let (cpu, start) = (served.cpu()?, Instant::now());
    served.pace(EACH_SECOND, u64::from(EACH_SECOND) * seconds).await?;
    viewers.frames(tasks as u64 * u64::from(EACH_SECOND) * seconds).await?;
    let took = start.elapsed().as_secs_f64();
    let cores = (served.cpu()? - cpu) / took;
    let delays = viewers.delays();
    let name = format!("{tasks} tasks, {EACH_SECOND} events/s each, for {seconds} s");
    answer.figure(format!("{name}: half of the events within"), "ms", [percentile(&delays, 0.5) / 1e6]);
    answer.figure(format!("{name}: 99 % of the events within"), "ms", [percentile(&delays, 0.99) / 1e6]);
    answer
        .figure(format!("{name}: all events within"), "ms", [percentile(&delays, 1.0) / 1e6])
        .at_most(250.0);
    answer.figure(format!("{name}: processor time of the server"), "cores", [cores]);
    let late = took / Duration::from_secs(seconds).as_secs_f64();
    answer.figure(format!("{name}: time it took / time it should"), "x", [late]).at_most(1.1);
    Ok(())
}

const BODY: usize = 600;

/// Before each event, each commit alone and each write alone. All three find the threads asleep then: what follows at once
/// on something else is several times faster, and is not what a viewer of one task sees.
const APART: Duration = Duration::from_millis(1);

/// A piece of text.
const DELTA: usize = 100;
const EACH_SECOND: u32 = 50;
