//! What does a store with a long past cost?

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use rustix::fs::{Advice, fadvise};
use task_core::testing::Scribe;
use task_core::{Custom, TaskManager, TaskQuery, TaskStatus};
use tokio::task::JoinSet;

use super::Question;
use crate::answer::{Answer, Result, verify};
use crate::bench::Bench;
use crate::stores::Kind;
use crate::usage::{disk_of, memory_of};
use crate::workload::Payloads;

pub(crate) const BIG_STORE: Question = Question {
    name: "big-store",
    asks: "How soon is a store with a long past open, and its lists shown, from a cold disk?",
    ask: |bench| big_store(bench).boxed(),
};

async fn big_store(bench: &Bench) -> Result<Answer> {
    let mut answer = Answer::default();
    let tasks = bench.pick(500, 100_000, 1_000_000);
    let place = bench.directory()?;
    let start = Instant::now();
    build(bench, place.path(), tasks).await?;
    let took = start.elapsed().as_secs_f64();
    let events = tasks as f64 * 10.0;
    let name = format!("{tasks} tasks, {events} events");
    answer.figure(format!("{name}: written"), "events/s", [events / took]);
    answer.figure(format!("{name}: disk"), "MiB", [disk_of(place.path())? / MIB]);
    let (mut open, mut newest, mut running, mut memory) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds() {
        forget(place.path())?;
        let output =
            Command::new(std::env::current_exe()?).arg("probe").arg("--place").arg(place.path()).output()?;
        verify(output.status.success(), || String::from_utf8_lossy(&output.stderr).into_owned())?;
        let probe: [f64; 6] = serde_json::from_slice(&output.stdout)?;
        verify(probe[4] == 50.0 && probe[5] == RUNNING as f64, || format!("the lists have {probe:?}"))?;
        open.push(probe[0]);
        newest.push(probe[1]);
        running.push(probe[2]);
        memory.push(probe[3]);
    }
    answer.figure(format!("{name}: open, cold"), "ms", open).at_most(100.0);
    answer.figure(format!("{name}: the newest 50, cold"), "ms", newest).at_most(100.0);
    answer.figure(format!("{name}: the {RUNNING} that run, cold"), "ms", running).at_most(100.0);
    answer.figure(format!("{name}: memory after both"), "MiB", memory).at_most(64.0);
    Ok(answer)
}

/// In a process of its own: opens what is at `place`, asks for its lists, and prints what that took.
pub(crate) async fn probe(place: PathBuf) -> Result<()> {
    let start = Instant::now();
    let manager = TaskManager::builder(Kind::Sqlite.open(&place).await?).observe().await?;
    let open = start.elapsed();
    let newest = manager.list(&TaskQuery::default()).await?.items.len();
    let listed = start.elapsed();
    let query = TaskQuery::default().with_statuses([TaskStatus::Running]).with_limit(1000);
    let running = manager.list(&query).await?.items.len();
    let all = start.elapsed();
    let memory = memory_of(&[std::process::id()])? / MIB;
    let millis = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let probe =
        [millis(open), millis(listed - open), millis(all - listed), memory, newest as f64, running as f64];
    println!("{}", serde_json::to_string(&probe)?);
    Ok(manager.shutdown(std::time::Duration::ZERO).await?)
}

/// Ten events each; a few of the oldest still run, where no list that begins with the newest comes by.
async fn build(bench: &Bench, place: &Path, tasks: usize) -> Result<()> {
    let store = Kind::SqliteProcess.open(place).await?;
    let payloads = Payloads::new(bench.seed)?;
    let mut at_work = JoinSet::new();
    for number in 0..tasks {
        while at_work.len() >= 1000 {
            at_work.join_next().await.ok_or("nobody is at work")???;
        }
        let (store, payloads) = (Arc::clone(&store), Arc::clone(&payloads));
        at_work.spawn(async move {
            let mut scribe = Scribe::new("a task of long ago");
            store.commit(scribe.create(None)).await?;
            store.commit(scribe.start()).await?;
            // Short, as most of what agents say is.
            let said = |n| Custom::new("said", serde_json::Value::from(&payloads.of(number, n).text[..60]));
            let said: Vec<_> = (0..6).map(|n| task_core::Output::from(said(n))).collect();
            store.commit(scribe.record(said)).await?;
            if number % (tasks / RUNNING) != 0 {
                store.commit(scribe.interrupt()).await?;
            }
            Ok::<_, crate::answer::Error>(())
        });
    }
    while let Some(ended) = at_work.join_next().await {
        ended??;
    }
    Ok(store.close().await?)
}

/// Tells the system that nobody needs these files in memory. Others on the machine keep theirs.
fn forget(place: &Path) -> Result<()> {
    for entry in std::fs::read_dir(place)? {
        let file = File::open(entry?.path())?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}

const RUNNING: usize = 100;
const MIB: f64 = 1_048_576.0;
