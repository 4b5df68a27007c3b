//! The list of tasks as it changes.

mod common;

use std::collections::HashMap;
use std::time::Duration;

use common::{create, stage, stage_with};
use task_core::testing::{Call, FaultStore, Scribe};
use task_core::{MemoryStore, StatusCounts, Task, TaskChange, TaskId, TaskQuery, TaskStore, TaskWatch};

/// What a page that watches would show.
#[derive(Default)]
struct List {
    tasks: HashMap<TaskId, Task>,
    counts: StatusCounts,
}

impl List {
    async fn read(&mut self, watch: &mut TaskWatch) {
        match watch.next().await.expect("readable").expect("goes on") {
            TaskChange::Snapshot { page, counts } => {
                self.tasks = page.items.into_iter().map(|task| (task.id, task)).collect();
                self.counts = counts;
            }
            TaskChange::Task(task) => drop(self.tasks.insert(task.id, (*task).clone())),
            TaskChange::Removed(task) => drop(self.tasks.remove(&task)),
            TaskChange::Counts(counts) => self.counts = counts,
            other => panic!("{other:?} is new"),
        }
    }

    async fn until(&mut self, watch: &mut TaskWatch, wanted: impl Fn(&Self) -> bool) {
        while !wanted(self) {
            self.read(watch).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_begins_with_a_snapshot_and_ends_up_with_what_is() {
    let (tasks, mut stage) = stage().await;
    let before = create(&tasks).await;
    let act = stage.next().await;
    let (mut watch, mut list) = (tasks.watch(TaskQuery::default()), List::default());
    list.read(&mut watch).await;
    assert!(list.tasks.contains_key(&before.id));

    let new = create(&tasks).await;
    stage.next().await.finish(Ok(()));
    tasks.wait(new.id).await.expect("it settles");
    tasks.delete(new.id).await.expect("deleted");
    act.finish(Ok(()));
    tasks.wait(before.id).await.expect("it settles");
    list.until(&mut watch, |list| list.counts.completed == 1 && list.tasks.len() == 1).await;
    assert_eq!(list.tasks[&before.id], tasks.get(before.id).await.expect("exists"));
}

#[tokio::test(start_paused = true)]
async fn many_changes_between_two_looks_are_one() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let (mut watch, mut list) = (tasks.watch(TaskQuery::default()), List::default());
    list.read(&mut watch).await;
    for n in 0..100 {
        tasks.rename(task.id, &format!("title {n}")).await.expect("renamed");
    }
    list.read(&mut watch).await;
    assert_eq!(list.tasks[&task.id].title, "title 99");
    drop(act);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_fell_far_behind_starts_anew() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, _stage) = stage_with(store.clone(), |builder| builder.max_running(0)).await;
    let (mut watch, mut list) = (tasks.watch(TaskQuery::default().with_limit(5_000)), List::default());
    list.read(&mut watch).await;
    for _ in 0..2_000 {
        store.commit(Scribe::new("many").with_agent("puppet").create(None)).await.expect("stored");
        tokio::task::yield_now().await;
    }
    list.until(&mut watch, |list| list.tasks.len() == 2_000).await;
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_once_a_second() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let (mut watch, mut list) = (tasks.watch(TaskQuery::default()), List::default());
    list.read(&mut watch).await;
    let mut told = 0;
    for _ in 0..100 {
        act.cx.text("b", "x").await.expect("accepted");
        act.cx.flush().await.expect("stored");
        let wait = Duration::from_millis(100);
        if tokio::time::timeout(wait, list.read(&mut watch)).await.is_ok() {
            told += 1;
        }
    }
    assert!((5..=11).contains(&told), "{told} times in ten seconds");
    list.until(&mut watch, |list| list.tasks[&task.id].seq.get() == 103).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_about_to_be_told_when_the_caller_left_is_told_by_the_next_call() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, _stage) = stage_with(store.clone(), |builder| builder.max_running(0)).await;
    let task = create(&tasks).await;
    let (mut watch, mut list) = (tasks.watch(TaskQuery::default()), List::default());
    for title in ["one", "two"] {
        // Twice: the first time a snapshot is about to be told or a change, the second time a snapshot.
        store.hang(Call::Counts);
        for _ in 0..2 {
            tasks.rename(task.id, title).await.expect("stored");
            let left = tokio::time::timeout(Duration::from_secs(1), watch.next()).await;
            assert!(left.is_err(), "it cannot be counted: {left:?}");
        }
        store.answer();
        let told =
            list.until(&mut watch, |list| list.tasks.get(&task.id).is_some_and(|task| task.title == title));
        tokio::time::timeout(Duration::from_secs(1), told).await.expect("told in time");
    }
}
