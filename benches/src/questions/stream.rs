//! What does it take to show the events of a task to a thousand viewers over HTTP?

use std::time::Instant;

use futures::FutureExt;

use super::Question;
use crate::answer::{Answer, Result};
use crate::bench::Bench;
use crate::numbered::Bodies;
use crate::peers::Nchan;
use crate::serve::Served;
use crate::viewers::Viewers;

pub(crate) const STREAM: Question = Question {
    name: "stream",
    asks: "How fast, and at what cost, do a thousand viewers get events over HTTP, beside nginx with nchan?",
    ask: |bench| stream(bench).boxed(),
};

pub(crate) const RECONNECT: Question = Question {
    name: "reconnect",
    asks: "How soon has a viewer that comes back 10,000 events over HTTP?",
    ask: |bench| reconnect(bench).boxed(),
};

/// What a round of one side took.
#[derive(Debug, Default)]
struct Took {
    seconds: Vec<f64>,
    /// Of the server alone.
    cpu: Vec<f64>,
}

impl Took {
    /// Per event that a viewer got, in microseconds.
    fn cpu_each(&self, frames: f64) -> Vec<f64> {
        self.cpu.iter().map(|cpu| cpu * 1e6 / frames).collect()
    }
}

async fn stream(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    let viewers = bench.pick(50, 1000, 1000);
    let (bursts, singles) = (bench.pick(2, 10, 20), bench.pick(5, 50, 200));
    let bodies = Bodies::new(bench.seed, BODY);
    let place = bench.directory()?;

    let mut served = Served::start(place.path(), bench.seed, BODY).await?;
    let task = served.tasks(1).await?[0];
    let idle = served.memory()?;
    let paths = (0..viewers).map(|_| Served::path(task));
    let ours = Viewers::connect(&served.address, paths, &bodies, 1, false).await?;
    let our_connection = (served.memory()? - idle) / viewers as f64;
    answer.figure("memory of an idle connection", "B", [our_connection]);

    let nchan = Nchan::start(bench.directory()?).await?;
    let mut theirs = match &nchan {
        None => {
            answer.missing("nchan: `nginx` with `libnginx-mod-nchan` is not installed");
            None
        }
        Some(nchan) => {
            let idle = nchan.memory()?;
            let paths = (0..viewers).map(|_| Nchan::path("a"));
            let watching = Viewers::connect(&nchan.address, paths, &bodies, 1, false).await?;
            let connection = (nchan.memory()? - idle) / viewers as f64;
            answer.figure("memory of an idle connection, nchan", "B", [connection]);
            answer
                .figure("memory of an idle connection / nchan", "x", [our_connection / connection])
                .at_most(2.2);
            Some((watching, nchan.publisher().await?))
        }
    };

    let [mut our_bursts, mut our_singles, mut their_bursts, mut their_singles] =
        [const { Took { seconds: Vec::new(), cpu: Vec::new() } }; 4];
    let (mut number, mut sent) = (1, 0);
    for _ in 0..bench.rounds() {
        for (times, size, ours_took, theirs_took) in [
            (bursts, BURST, &mut our_bursts, &mut their_bursts),
            (singles, 1, &mut our_singles, &mut their_singles),
        ] {
            let (cpu, start) = (served.cpu()?, Instant::now());
            for n in 0..times {
                served.emit(number + n * size, size).await?;
                ours.frames((sent + (n + 1) * size) * viewers as u64).await?;
            }
            ours_took.seconds.push(start.elapsed().as_secs_f64());
            ours_took.cpu.push(served.cpu()? - cpu);
            if let (Some(nchan), Some((watching, publisher))) = (&nchan, &mut theirs) {
                let (cpu, start) = (nchan.cpu()?, Instant::now());
                for n in 0..times {
                    let from = number + n * size;
                    let messages: Vec<_> = (from..from + size).map(|number| bodies.text(number)).collect();
                    publisher.publish("a", &messages).await?;
                    watching.frames((sent + (n + 1) * size) * viewers as u64).await?;
                }
                theirs_took.seconds.push(start.elapsed().as_secs_f64());
                theirs_took.cpu.push(nchan.cpu()? - cpu);
            }
            number += times * size;
            sent += times * size;
        }
    }
    for (what, times, size, ours, theirs, speed, cost) in [
        ("bursts of 64", bursts, BURST, &our_bursts, &their_bursts, Some(8.0), 0.15),
        ("single events", singles, 1, &our_singles, &their_singles, None, 1.2),
    ] {
        let frames = (times * size * viewers as u64) as f64;
        let rate = |took: &Took| took.seconds.iter().map(|seconds| frames / seconds).collect::<Vec<_>>();
        answer.figure(format!("{viewers} viewers, {what}"), "frames/s", rate(ours));
        answer.figure(
            format!("{viewers} viewers, {what}: processor time of the server"),
            "µs/frame",
            ours.cpu_each(frames),
        );
        if theirs.seconds.is_empty() {
            continue;
        }
        answer.figure(format!("nchan, {viewers} viewers, {what}"), "frames/s", rate(theirs));
        let name = format!("nchan, {viewers} viewers, {what}: processor time of the server");
        answer.figure(name, "µs/frame", theirs.cpu_each(frames));
        let figure = answer.ratio(format!("{viewers} viewers, {what} / nchan"), &rate(ours), &rate(theirs));
        if let Some(speed) = speed {
            figure.at_least(speed);
        }
        let name = format!("{viewers} viewers, {what}: processor time of the server / nchan");
        answer.ratio(name, &ours.cpu, &theirs.cpu).at_most(cost);
    }
    Ok(answer)
}

async fn reconnect(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    let events = bench.pick(500, 10_000, 10_000);
    let bodies = Bodies::new(bench.seed, BODY);
    let place = bench.directory()?;
    let mut served = Served::start(place.path(), bench.seed, BODY).await?;
    let task = served.tasks(1).await?[0];
    served.emit(1, events).await?;
    let nchan = Nchan::start(bench.directory()?).await?;
    if let Some(nchan) = &nchan {
        let messages: Vec<_> = (1..=events).map(|number| bodies.text(number)).collect();
        let mut publisher = nchan.publisher().await?;
        for messages in messages.chunks(64) {
            publisher.publish("a", messages).await?;
        }
    } else {
        answer.missing("nchan: `nginx` with `libnginx-mod-nchan` is not installed");
    }
    let (mut first, mut last, mut their_last) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds() {
        let (begun, ended) = come_back(&served.address, &Served::path(task), &bodies, events).await?;
        first.push(begun);
        last.push(ended);
        if let Some(nchan) = &nchan {
            their_last.push(come_back(&nchan.address, &Nchan::path("a"), &bodies, events).await?.1);
        }
    }
    answer.figure(format!("first frame of {events}"), "ms", first).at_most(20.0);
    answer.figure(format!("last frame of {events}"), "ms", last.iter().copied());
    if !their_last.is_empty() {
        answer.figure(format!("last frame of {events}, nchan"), "ms", their_last.iter().copied());
        answer
            .ratio(format!("last frame of {events}: how much sooner than nchan"), &their_last, &last)
            .at_least(10.0);
    }
    Ok(answer)
}

/// Milliseconds from the connection to the first and to the last frame.
async fn come_back(address: &str, path: &str, bodies: &Bodies, events: u64) -> Result<(f64, f64)> {
    let start = Instant::now();
    let viewer = Viewers::connect(address, [path.to_owned()], bodies, 1, false).await?;
    let first = viewer.first().await?.duration_since(start);
    viewer.frames(events).await?;
    Ok((first.as_secs_f64() * 1e3, start.elapsed().as_secs_f64() * 1e3))
}

const BURST: u64 = 64;

/// Bytes of an event's body: with its mark about as much as the payloads of appends.
const BODY: usize = 600;
