//! Two processes on one SQLite file: one runs tasks, the other does everything else.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use futures::TryStreamExt;
use task_core::{NewTask, Seq, StoreError, TaskError, TaskId, TaskManager, TaskStatus};
use task_store_sqlite::SqliteStore;

struct Owner(Child);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Starts an owner, and gives the task it has begun. Its output is read away by a thread that ends with it.
fn owner(path: &std::path::Path) -> (Owner, TaskId) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_owner"));
    command.arg("sqlite").arg(path).arg("1").stdout(Stdio::piped());
    let mut owner = Owner(command.spawn().expect("it starts"));
    let mut lines = BufReader::new(owner.0.stdout.take().expect("piped")).lines();
    let line = lines.next().expect("a line").expect("readable");
    let task = line.split(' ').nth(1).expect("three words").parse().expect("a task id");
    std::thread::spawn(move || lines.for_each(drop));
    (owner, task)
}

#[tokio::test]
async fn the_observer_follows_sends_cancels_creates_and_deletes_and_the_owner_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("tasks.db");
    let (_owner, first) = owner(&path);
    let store = SqliteStore::open(&path).await.expect("opens");
    let refused = TaskManager::builder(store.clone()).start().await.expect_err("there is an owner");
    assert!(
        matches!(&refused, TaskError::Store(error) if matches!(**error, StoreError::Owned { .. })),
        "{refused}"
    );
    let tasks = TaskManager::builder(store).observe().await.expect("observes");

    let mut seen = 0;
    let mut events = tasks.subscribe(first, Seq::ZERO);
    while seen < 1_000 {
        let event = events.try_next().await.expect("readable").expect("it counts for ever");
        seen += 1;
        assert_eq!(event.seq().get(), seen, "live over the process border, in order");
    }
    drop(events);

    tasks.send(first, "end").await.expect("accepted while the owner writes all the time");
    assert_eq!(tasks.wait(first).await.expect("it settles").status, TaskStatus::Completed);

    let second = tasks.create(NewTask::new("counter", "count again")).await.expect("created");
    let begun: Vec<_> = {
        let mut events = tasks.subscribe(second.id, Seq::ZERO);
        let mut kinds = Vec::new();
        while kinds.len() < 10 {
            kinds.push(events.try_next().await.expect("readable").expect("it runs").kind().to_owned());
        }
        kinds
    };
    assert_eq!(
        begun[..4],
        ["created", "message", "run_started", "message_delivered"],
        "the owner found it and ran it"
    );
    tasks.cancel(second.id).await.expect("asked to stop");
    assert_eq!(tasks.wait(second.id).await.expect("it settles").status, TaskStatus::Cancelled);

    let third = tasks.create(NewTask::new("counter", "and again")).await.expect("created");
    tasks.delete(third.id).await.expect("stopped and deleted");
    assert!(matches!(tasks.get(third.id).await, Err(TaskError::NotFound(_))));
    assert_eq!(tasks.counts().await.expect("counted").total(), 2);
}

#[tokio::test]
async fn a_follower_in_another_process_sees_the_crash_and_the_recovery() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("tasks.db");
    let (first_owner, task) = owner(&path);
    let observer = TaskManager::builder(SqliteStore::open(&path).await.expect("opens"))
        .observe()
        .await
        .expect("observes");
    let mut events = observer.subscribe(task, Seq::ZERO);
    for n in 1..=100 {
        assert_eq!(events.try_next().await.expect("readable").expect("it counts").seq().get(), n);
    }
    drop(first_owner);
    let (_next_owner, _) = owner(&path);
    let mut last = (100, String::new());
    while let Some(event) = events.try_next().await.expect("readable") {
        assert_eq!(event.seq().get(), last.0 + 1);
        last = (last.0 + 1, event.kind().to_owned());
    }
    assert_eq!(last.1, "interrupted");
}
