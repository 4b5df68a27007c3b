//! A new owner that finds a task of a dead one, while others go on asking.

use std::time::Duration;

use task_core::testing::Scribe;
use task_core::{MemoryStore, NewTask, RunContext, RunResult, TaskManager, TaskStatus, TaskStore};

use super::explore::explore;
use super::log::{checked, count, kinds, settled};

#[test]
fn an_orphan_is_interrupted_once_and_what_was_asked_meanwhile_is_done() {
    explore(recover_while_others_ask);
}

async fn recover_while_others_ask() {
    let store = MemoryStore::new();
    let mut dead = Scribe::new("orphan").with_agent("short");
    for commit in [dead.create(None), dead.message("first"), dead.start()] {
        store.commit(commit).await.expect("stored");
    }
    let orphan = dead.task().id;

    let observer = TaskManager::builder(store.clone()).observe().await.expect("it observes");
    let asking = shuttle::future::spawn(async move {
        observer.send(orphan, "go on").await.expect("accepted");
        observer.create(NewTask::new("short", "new")).await.expect("created").id
    });
    let tasks = TaskManager::builder(store).runner("short", short).start().await.expect("it starts");
    let new = asking.await.expect("no panic");

    // What came while nobody ran the task waits for a message that wakes it.
    if tasks.wait(orphan).await.expect("it settles").status == TaskStatus::Interrupted {
        tasks.send(orphan, "wake up").await.expect("accepted");
    }
    assert_eq!(settled(&tasks, orphan).await.status, TaskStatus::Completed);
    let events = checked(&tasks, orphan).await;
    assert_eq!(count(&events, "interrupted"), 1, "{:?}", kinds(&events));
    assert_eq!(count(&events, "message"), count(&events, "message_delivered"), "{:?}", kinds(&events));
    assert_eq!(settled(&tasks, new).await.status, TaskStatus::Completed);
    let events = checked(&tasks, new).await;
    assert_eq!(count(&events, "run_started"), 1, "{:?}", kinds(&events));
    tasks.shutdown(Duration::ZERO).await.expect("shut down");
}

async fn short(cx: RunContext) -> RunResult {
    while cx.next_message().await?.is_some() {
        cx.text("a", "done").await?;
    }
    Ok(())
}
