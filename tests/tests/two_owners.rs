//! Two processes that both want to own a SQLite file, and many that ask for the same at once.
//!
//! `RACES` sets how many races there are; 8 unless set. `PAUSES` sets how often an owner is paused; 4 unless set.
#![cfg(unix)]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use agent_tasks_tests::random::{Random, number, seed};
use task_core::testing::Puppet;
use task_core::{Event, Message, Seq, StoreError, TaskError, TaskId, TaskManager, TaskStatus};
use task_store_sqlite::SqliteStore;

/// Ends the process when the test is over, however it ends, and paused or not.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Process {
    fn signal(&self, signal: &str) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
    }
}

/// Starts an owner, and gives the task it has begun. Its output is read away by a thread that ends with it.
fn owner(path: &Path) -> (Process, TaskId) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_owner"));
    command.arg("sqlite").arg(path).arg("1").stdout(Stdio::piped());
    let mut owner = Process(command.spawn().expect("it starts"));
    let mut lines = BufReader::new(owner.0.stdout.take().expect("piped")).lines();
    let line = lines.next().expect("a line").expect("readable");
    let task = line.split(' ').nth(1).expect("`shown <task> <seq>`").parse().expect("a task id");
    std::thread::spawn(move || lines.for_each(drop));
    (owner, task)
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).await.expect("opens")
}

/// Starts a manager that must be refused, and gives whom it names.
async fn refused(path: &Path) -> String {
    let started = TaskManager::builder(open(path).await).start().await;
    match started.expect_err("there is an owner") {
        TaskError::Store(error) => match &*error {
            StoreError::Owned { by } => by.clone(),
            other => panic!("refused otherwise: {other}"),
        },
        other => panic!("refused otherwise: {other}"),
    }
}

async fn log(tasks: &TaskManager, task: TaskId) -> Vec<Event> {
    let mut log: Vec<Event> = Vec::new();
    loop {
        let after = log.last().map_or(Seq::ZERO, Event::seq);
        let page = tasks.events(task, after, 10_000).await.expect("readable");
        if page.is_empty() {
            assert!(log.iter().zip(1..).all(|(event, n)| event.seq().get() == n), "the log has no gap");
            return log;
        }
        log.extend(page);
    }
}

fn count(log: &[Event], kind: &str) -> usize {
    log.iter().filter(|event| event.kind() == kind).count()
}

/// Waits until the task has so many events.
async fn until(tasks: &TaskManager, task: TaskId, events: u64) {
    let work = async {
        while tasks.get(task).await.expect("readable").seq.get() < events {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("the task goes on");
}

/// Sends under a key until it is accepted: a paused owner may hold the lock of the file.
async fn send(tasks: &TaskManager, task: TaskId, text: &str, key: &str) {
    for _ in 0..10 {
        match tasks.send(task, Message::new(text).idempotency_key(key)).await {
            Ok(_) => return,
            Err(TaskError::Store(error)) if error.is_transient() => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("never accepted");
}

#[tokio::test]
async fn a_paused_owner_is_the_owner_and_goes_on_when_it_wakes() {
    let mut random = Random::new(seed("a paused owner"));
    for _ in 0..number("PAUSES").unwrap_or(4) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("tasks.db");
        let (owner, task) = owner(&path);
        let observer = TaskManager::builder(open(&path).await).observe().await.expect("observes");
        until(&observer, task, 20 + random.below(200)).await;
        owner.signal("-STOP");

        let by = refused(&path).await;
        assert!(by.starts_with(&format!("process {} ", owner.0.id())), "the one who has it is named: {by}");
        let paused = observer.get(task).await.expect("readable").seq;
        assert_eq!(observer.get(task).await.expect("readable").status, TaskStatus::Running);
        assert!(refused(&path).await.contains(&owner.0.id().to_string()), "again");
        assert_eq!(observer.get(task).await.expect("readable").seq, paused, "nobody else writes");

        owner.signal("-CONT");
        until(&observer, task, paused.get() + 50).await;
        send(&observer, task, "end", "end").await;
        assert_eq!(observer.wait(task).await.expect("it settles").status, TaskStatus::Completed);
        let log = log(&observer, task).await;
        assert_eq!((count(&log, "run_started"), count(&log, "interrupted")), (1, 0));
        assert_eq!(
            count(&log, "message"),
            2,
            "the one that created it, and one that was sent as often as needed"
        );
    }
}

#[tokio::test]
async fn an_owner_that_is_killed_while_it_is_paused_has_one_successor_and_the_task_one_more_run() {
    let mut random = Random::new(seed("a paused owner that is killed"));
    for _ in 0..number("PAUSES").unwrap_or(4) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("tasks.db");
        let (owner, task) = owner(&path);
        let observer = TaskManager::builder(open(&path).await).observe().await.expect("observes");
        until(&observer, task, 20 + random.below(200)).await;
        owner.signal("-STOP");
        refused(&path).await;
        owner.signal("-KILL");
        let mut owner = owner;
        owner.0.wait().expect("it is gone");

        let (puppet, mut stage) = Puppet::new();
        let builder = TaskManager::builder(open(&path).await).runner("counter", puppet);
        let tasks = builder.start().await.expect("it is free at once");
        assert_eq!(tasks.get(task).await.expect("exists").status, TaskStatus::Interrupted);
        let by = refused(&path).await;
        assert!(by.contains(&std::process::id().to_string()), "the successor is named: {by}");
        assert!(stage.try_next().is_none(), "nothing runs behind anybody's back");

        send(&observer, task, "go on", "go on").await;
        let act = stage.next().await;
        assert_eq!((act.cx.task().id, act.cx.run()), (task, 2));
        while act.cx.next_message().await.expect("running").is_some() {}
        act.finish(Ok(()));
        assert_eq!(observer.wait(task).await.expect("it settles").status, TaskStatus::Completed);
        let log = log(&observer, task).await;
        assert_eq!((count(&log, "run_started"), count(&log, "interrupted")), (2, 1));
        assert!(stage.try_next().is_none(), "one run more, and no other");
        tasks.shutdown(Duration::ZERO).await.expect("shut down");
    }
}

/// One who asks for the same many times at once.
struct Racer {
    _process: Process,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Racer {
    fn start(path: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_racer"));
        command.arg(path).arg(TIMES.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process(command.spawn().expect("it starts"));
        let input = process.0.stdin.take().expect("piped");
        let mut output = BufReader::new(process.0.stdout.take().expect("piped")).lines();
        assert_eq!(output.next().expect("a line").expect("readable"), "ready");
        Self { _process: process, input, output }
    }

    fn begin(&mut self, what: &str) {
        writeln!(self.input, "{what}").expect("it reads");
    }

    /// What came of each: a name, and whether it was there before.
    fn end(&mut self) -> Vec<(String, bool)> {
        let lines = self.output.by_ref().map(|line| line.expect("readable"));
        let came = lines.take_while(|line| !line.is_empty()).map(|line| {
            let (name, repeated) = line.split_once(' ').expect("two words");
            (name.to_owned(), repeated.parse().expect("true or false"))
        });
        came.collect()
    }
}

/// Lets all of them do it at once. Gives the name they agree on.
fn race(racers: &mut [Racer], what: &str) -> String {
    racers.iter_mut().for_each(|racer| racer.begin(what));
    let came: Vec<_> = racers.iter_mut().flat_map(Racer::end).collect();
    assert_eq!(came.len(), racers.len() * TIMES, "everybody is told");
    let names: HashSet<_> = came.iter().map(|(name, _)| name.clone()).collect();
    let first = came.iter().filter(|(_, repeated)| !repeated).count();
    assert_eq!((names.len(), first), (1, 1), "one name, and one who was first: {what}");
    names.into_iter().next().expect("one")
}

/// 64 at once in two processes, while a third one runs the tasks.
#[tokio::test]
async fn of_many_that_ask_for_the_same_in_two_processes_one_is_first_and_all_are_told_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("tasks.db");
    let (_owner, _) = owner(&path);
    let tasks = TaskManager::builder(open(&path).await).observe().await.expect("observes");
    let mut racers = [Racer::start(&path), Racer::start(&path)];
    let races = number("RACES").unwrap_or(8);
    for n in 0..races {
        let task: TaskId = race(&mut racers, &format!("create key-{n}")).parse().expect("a task id");
        race(&mut racers, &format!("send {task} key-{n}"));
        until(&tasks, task, 10).await;
        tasks.cancel(task).await.expect("asked to stop");
        assert_eq!(tasks.wait(task).await.expect("it settles").status, TaskStatus::Cancelled);
        let log = log(&tasks, task).await;
        assert_eq!((count(&log, "created"), count(&log, "message"), count(&log, "run_started")), (1, 2, 1));
    }
    assert_eq!(tasks.counts().await.expect("counted").total(), races + 1, "and the owner's own");
}

/// How often a racer does at once what it is told.
const TIMES: usize = 32;
