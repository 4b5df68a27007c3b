//! kill -9 of the process that runs a task: nothing shown is lost, and the next owner goes on.
//!
//! `KILL_CYCLES` sets how often; 10 unless set.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use task_core::testing::Puppet;
use task_core::{Seq, Task, TaskId, TaskManager, TaskStatus};
use task_store_sqlite::SqliteStore;

/// Ends the process when the test is over, however it ends.
struct Owner(Child);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn nothing_that_was_shown_is_lost_and_a_message_goes_on() {
    let cycles: u64 = std::env::var("KILL_CYCLES").ok().and_then(|cycles| cycles.parse().ok()).unwrap_or(10);
    let mut shown_in_all = 0;
    for cycle in 0..cycles {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("tasks.db");
        let (task, shown) = run_and_kill(&path, 20 + cycle * 7919 % 997);
        shown_in_all += shown.get();

        let (puppet, mut stage) = Puppet::new();
        let store = SqliteStore::open(&path).await.expect("it opens after a crash");
        let tasks =
            TaskManager::builder(store).runner("counter", puppet).start().await.expect("and is free at once");
        let found = tasks.get(task).await.expect("the task is there");
        assert_eq!((found.status, found.owner()), (TaskStatus::Interrupted, None), "cycle {cycle}");
        let mut events = Vec::new();
        loop {
            let after = Seq::new(events.len() as u64);
            let page = tasks.events(task, after, 10_000).await.expect("readable");
            if page.is_empty() {
                break;
            }
            events.extend(page);
        }
        assert!(events.len() as u64 > shown.get(), "cycle {cycle}: {} stored, {shown} shown", events.len());
        assert!(events.iter().zip(1..).all(|(event, n)| event.seq().get() == n), "cycle {cycle}: no gap");
        assert_eq!(
            Task::fold(&events).as_ref(),
            Some(&found),
            "cycle {cycle}: the snapshot is the fold of the log"
        );
        let counts = tasks.counts().await.expect("counted");
        assert_eq!((counts.interrupted, counts.total()), (1, 1));

        let sent = tasks.send(task, "end").await.expect("accepted");
        assert_eq!(sent.seq, found.seq.next(), "numbers go on");
        let act = stage.next().await;
        assert_eq!(act.cx.run(), 2);
        act.finish(Ok(()));
        assert_eq!(tasks.wait(task).await.expect("it settles").status, TaskStatus::Completed);
        tasks.shutdown(Duration::ZERO).await.expect("shut down");
    }
    println!("{cycles} kills, {shown_in_all} events shown before them, none lost");
}

/// Lets a process run a task until it has shown so many events, and kills it there. Gives the task and the last event
/// that was shown.
fn run_and_kill(path: &std::path::Path, events: u64) -> (TaskId, Seq) {
    let command = Command::new(env!("CARGO_BIN_EXE_owner")).arg(path).stdout(Stdio::piped()).spawn();
    let mut owner = Owner(command.expect("it starts"));
    let mut lines = BufReader::new(owner.0.stdout.take().expect("piped")).lines();
    let task = lines.next().expect("a line").expect("readable").parse().expect("a task id");
    let mut shown = Seq::ZERO;
    for line in lines.by_ref().take(usize::try_from(events).expect("small")) {
        shown = line.expect("readable").parse().expect("a number");
    }
    owner.0.kill().expect("killed");
    // What it had shown by then, and we had not read yet. The last line may have been cut.
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    let whole = rest.len().saturating_sub(1);
    shown = rest[..whole].iter().filter_map(|line| line.parse().ok()).fold(shown, Seq::max);
    (task, shown)
}
