//! kill -9 of the process that writes: nothing that was acknowledged or shown is lost, and the next owner goes on.
//!
//! `KILL_CYCLES` sets how often for each test; 10 unless set. `SEED` repeats the moments.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use agent_tasks_tests::check::{check, log};
use agent_tasks_tests::history::{History, Promise, Report};
use agent_tasks_tests::place::{Kind, Level, open_store};
use agent_tasks_tests::random::{self, Random};
use task_core::testing::Puppet;
use task_core::{Custom, Event, Output, Payload, Task, TaskId, TaskManager, TaskQuery, TaskStatus};

#[tokio::test]
async fn the_next_owner_of_an_sqlite_file_goes_on() {
    the_next_owner_goes_on(Kind::Sqlite).await;
}

#[tokio::test]
async fn the_next_owner_of_a_sled_directory_goes_on() {
    the_next_owner_goes_on(Kind::Sled).await;
}

#[tokio::test]
async fn an_sqlite_file_has_every_commit_that_was_acknowledged_whole() {
    every_commit_is_whole(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_sled_directory_has_every_commit_that_was_acknowledged_whole() {
    every_commit_is_whole(Kind::Sled).await;
}

/// Kills a process that runs several tasks and shows them to viewers.
async fn the_next_owner_goes_on(kind: Kind) {
    let (cycles, seed) = cycles(kind);
    let mut random = Random::new(seed);
    let mut shown = 0;
    for cycle in 0..cycles {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("tasks");
        let told = run_and_kill(kind, &path, &mut random);
        let place = format!("SEED={seed}, {kind}, cycle {cycle}");

        let store = open_store(kind, Level::Durable, &path).await.expect("it opens after a crash");
        let before = store.list(&TaskQuery::default()).await.expect("listed").items;
        let (waited, ran): (Vec<_>, Vec<_>) =
            before.iter().partition(|task| task.status == TaskStatus::Pending);
        let (puppet, mut stage) = Puppet::new();
        let builder = TaskManager::builder(Arc::clone(&store)).runner("counter", puppet);
        let tasks = builder.start().await.expect("and is free at once");
        for _ in &waited {
            let act = stage.next().await;
            let task = act.cx.task().id;
            assert_eq!(act.cx.run(), 1, "{place}: what waited is run now");
            act.finish(Ok(()));
            tasks.wait(task).await.expect("it settles");
        }
        let counts = tasks.counts().await.expect("counted");
        let expected = (ran.len() as u64, waited.len() as u64, before.len() as u64);
        assert_eq!((counts.interrupted, counts.completed, counts.total()), expected, "{place}");

        for (task, told) in &told {
            let found = tasks.get(*task).await.expect("the task is there");
            let log = log(&*store, *task).await.expect("readable");
            check_task(&found, &log, told, &place);
            shown += told.shown;
        }
        if let Some(task) = told.keys().next() {
            let end = tasks.get(*task).await.expect("there").seq;
            let sent = tasks.send(*task, "end").await.expect("accepted");
            assert_eq!(sent.seq, end.next(), "{place}: numbers go on");
            let act = stage.next().await;
            assert_eq!(act.cx.task().id, *task);
            act.finish(Ok(()));
            assert_eq!(tasks.wait(*task).await.expect("it settles").status, TaskStatus::Completed);
        }
        tasks.shutdown(Duration::ZERO).await.expect("shut down");
    }
    println!("{kind}: {cycles} kills, {shown} events shown before them, none lost");
}

/// Checks a task that was told of, in the hands of the next owner.
fn check_task(found: &Task, log: &[Event], told: &Told, place: &str) {
    assert!(found.status.is_settled() && found.owner().is_none(), "{place}: nobody runs {found:?}");
    let stored = log.len() as u64;
    // Nobody was shown the last event, which is the end.
    assert!(stored > told.shown, "{place}: {stored} stored, {} shown", told.shown);
    let folded = Task::fold(log);
    assert_eq!(
        folded.as_ref(),
        Some(found),
        "{place}: the snapshot is the fold of the log, which has no gap"
    );
    let numbers: Vec<_> = log.iter().filter_map(number).collect();
    let count = numbers.len() as u64;
    assert!(numbers.iter().copied().eq(1..=count), "{place}: what a run emits is there, in order");
    assert!(count >= told.kept, "{place}: {count} numbers stored, {} acknowledged", told.kept);
}

/// Kills a process that commits for several tasks at once, twice for each store: the second goes on where the first was.
async fn every_commit_is_whole(kind: Kind) {
    let (cycles, seed) = cycles(kind);
    let mut random = Random::new(seed);
    let mut sum = Report::default();
    for cycle in 0..cycles.div_ceil(2) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("tasks");
        let mut history = History::default();
        for life in 0..2 {
            let journal = dir.path().join(format!("journal {life}"));
            write_and_kill(kind, &path, &journal, &mut random);
            history.read(&journal).expect("a journal");
            let report = check(kind, Level::Durable, &path, &mut history, Promise::All).await;
            let place = format!("SEED={seed}, {kind}, cycle {cycle}, life {life}");
            assert!(report.is_kept(), "{place}: {} events lost, {:#?}", report.lost, report.faults);
            sum.add(report);
        }
    }
    println!("{kind}: {cycles} kills, {} events acknowledged before them, none lost", sum.acknowledged);
}

/// What a process has told of a task: the last event that was shown, and the last number that was acknowledged.
#[derive(Debug, Default)]
struct Told {
    shown: u64,
    kept: u64,
}

/// Ends the process when the test is over, however it ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Lets a process run tasks for a moment after the first sign of life, and kills it.
fn run_and_kill(kind: Kind, path: &Path, random: &mut Random) -> BTreeMap<TaskId, Told> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_owner"));
    command.arg(kind.to_string()).arg(path).arg(TASKS);
    let mut told = BTreeMap::<TaskId, Told>::new();
    for line in kill_after_a_moment(command, random) {
        let words: Vec<_> = line.split(' ').collect();
        let [what, task, number] = words[..] else { panic!("{line}") };
        let told = told.entry(task.parse().expect("a task")).or_default();
        let last = if what == "shown" { &mut told.shown } else { &mut told.kept };
        *last = number.parse::<u64>().expect("a number").max(*last);
    }
    told
}

/// The same with one that writes a journal.
fn write_and_kill(kind: Kind, path: &Path, journal: &Path, random: &mut Random) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_writer"));
    command.args([kind.to_string(), Level::Durable.to_string()]).args([path, journal]);
    command.args([&random.next().to_string(), "mix", "never"]);
    kill_after_a_moment(command, random);
}

/// Gives what it has said, in whole lines.
fn kill_after_a_moment(mut command: Command, random: &mut Random) -> Vec<String> {
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut process = Process(started.expect("it starts"));
    let mut lines = BufReader::new(process.0.stdout.take().expect("piped"));
    let (begun, begin) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut said = Vec::new();
        let mut line = String::new();
        // The last line may have been cut.
        while lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0) && line.ends_with('\n') {
            said.push(line.trim_end().to_owned());
            line.clear();
            // Nobody listens any more after the first.
            begun.send(()).ok();
        }
        said
    });
    begin.recv_timeout(PATIENCE).expect("it says something");
    let limit = random.pick(&[5, 50, 500]);
    thread::sleep(Duration::from_millis(random.below(limit)));
    assert_eq!(process.0.try_wait().expect("known"), None, "it goes on for ever");
    drop(process);
    reader.join().expect("read")
}

/// The number that `counter` has emitted, if it is one.
fn number(event: &Event) -> Option<u64> {
    match event.payload() {
        Payload::Output(Output::Custom(Custom { name, data, .. })) if name == "n" => data.decode().ok(),
        _ => None,
    }
}

fn cycles(kind: Kind) -> (u64, u64) {
    let cycles = random::number("KILL_CYCLES").unwrap_or(10);
    (cycles, random::seed(&format!("{kind}, {cycles} cycles")))
}

const TASKS: &str = "4";

/// Starting takes no seconds.
const PATIENCE: Duration = Duration::from_secs(30);
