//! Cancelling while a run ends by itself, and by two at once.

use task_core::{MemoryStore, NewTask, RunContext, RunResult, TaskManager, TaskStatus};

use super::explore::explore;
use super::log::{came_late, checked, count, kinds, settled};

#[test]
fn a_cancel_that_was_accepted_holds_and_one_that_came_late_says_so() {
    explore(cancel_while_the_run_ends);
}

#[test]
fn two_cancels_are_one() {
    explore(cancel_twice);
}

async fn cancel_while_the_run_ends() {
    let builder = TaskManager::builder(MemoryStore::new()).runner("short", short);
    let tasks = builder.start().await.expect("it starts");
    let task = tasks.create(NewTask::new("short", "work")).await.expect("created").id;
    let cancelling = shuttle::future::spawn({
        let tasks = tasks.clone();
        async move { tasks.cancel(task).await }
    });
    let cancelled = cancelling.await.expect("no panic");
    let end = settled(&tasks, task).await.status;
    match cancelled {
        Ok(_) => assert_eq!(end, TaskStatus::Cancelled),
        Err(error) => {
            assert!(came_late(&error, TaskStatus::Completed), "{error:?}");
            assert_eq!(end, TaskStatus::Completed);
        }
    }
    let events = checked(&tasks, task).await;
    assert_eq!(count(&events, "completed") + count(&events, "cancelled"), 1, "{:?}", kinds(&events));
}

async fn cancel_twice() {
    let store = MemoryStore::new();
    let owner =
        TaskManager::builder(store.clone()).runner("patient", patient).start().await.expect("it starts");
    let observer = TaskManager::builder(store).observe().await.expect("it observes");
    let task = owner.create(NewTask::new("patient", "wait")).await.expect("created").id;
    let cancelling = |tasks: TaskManager| shuttle::future::spawn(async move { tasks.cancel(task).await });
    let (one, other) = (cancelling(owner.clone()), cancelling(observer));
    one.await.expect("no panic").expect("cancelled");
    other.await.expect("no panic").expect("cancelled");
    assert_eq!(settled(&owner, task).await.status, TaskStatus::Cancelled);
    let events = checked(&owner, task).await;
    assert_eq!(count(&events, "cancelled"), 1, "{:?}", kinds(&events));
    assert!(count(&events, "cancel_requested") <= 1, "{:?}", kinds(&events));
    assert_eq!(events.last().expect("not empty").kind(), "cancelled");
}

async fn short(cx: RunContext) -> RunResult {
    while cx.next_message().await?.is_some() {
        cx.text("a", "done").await?;
    }
    Ok(())
}

/// Works until it is told to stop.
async fn patient(cx: RunContext) -> RunResult {
    cx.next_message().await?;
    cx.cancelled().await;
    Ok(())
}
