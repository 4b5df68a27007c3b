//! Stop stops: token, grace, then force.

mod common;

use std::time::Duration;

use common::{check_log, create, kinds, log, stage, stage_with};
use futures::StreamExt;
use task_core::testing::{Call, FaultStore, Puppet};
use task_core::{MemoryStore, RunError, RunId, Seq, TaskError, TaskManager, TaskStatus};
use tokio::time::Instant;

const GRACE: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn a_waiting_task_is_cancelled_at_once() {
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.max_running(0)).await;
    let task = create(&tasks).await;
    let cancelled = tasks.cancel(task.id).await.expect("cancelled");
    assert_eq!((cancelled.status, cancelled.queued_messages), (TaskStatus::Cancelled, 0));
    let again = tasks.cancel(task.id).await.expect("cancelling twice is fine");
    assert_eq!(again.seq, cancelled.seq, "and records nothing");
    assert!(stage.try_next().is_none());
    let events = log(&tasks, task.id).await;
    assert_eq!(kinds(&events), ["created", "message", "cancel_requested", "message_refused", "cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_obeys_is_cancelled_at_once_whatever_it_returns() {
    for result in [Ok(()), Err(RunError::new("stopped in the middle"))] {
        let (tasks, mut stage) = stage().await;
        let task = create(&tasks).await;
        let act = stage.next().await;
        let stopping = tasks.cancel(task.id).await.expect("asked to stop");
        assert!(stopping.status == TaskStatus::Running && stopping.is_stopping());
        let begun = Instant::now();
        act.cx.cancelled().await;
        act.cx.text("reply", "last words").await.expect("accepted until the end");
        act.finish(result);
        let task = tasks.wait(task.id).await.expect("it settles");
        assert_eq!((task.status, task.error.as_deref()), (TaskStatus::Cancelled, None));
        assert!(begun.elapsed() < Duration::from_millis(10));
        let events = log(&tasks, task.id).await;
        assert_eq!(kinds(&events)[3..], ["cancel_requested", "text", "message_refused", "cancelled"]);
        check_log(&tasks, task.id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ignores_everything_is_dropped_after_the_grace_period() {
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.cancel_grace(GRACE)).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let begun = Instant::now();
    tasks.cancel(task.id).await.expect("asked to stop");
    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!(task.status, TaskStatus::Cancelled);
    assert!(
        begun.elapsed() >= GRACE && begun.elapsed() <= GRACE + Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(stage.cleaned_up().await, RunId::new(task.id, 1));
    assert!(act.cx.text("reply", "I am still here").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn cleaning_up_that_hangs_does_not_keep_the_task() {
    let (puppet, mut stage) = Puppet::new();
    let puppet = puppet.with_clean_up_of(Duration::from_secs(3600));
    let builder = TaskManager::builder(MemoryStore::new()).runner("puppet", puppet).cancel_grace(GRACE);
    let tasks = builder.start().await.expect("starts");
    let task = create(&tasks).await;
    let _hangs = stage.next().await;
    let begun = Instant::now();
    tasks.cancel(task.id).await.expect("asked to stop");
    tasks.wait(task.id).await.expect("it settles");
    assert!(begun.elapsed() <= GRACE + Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn a_runner_that_blocks_its_thread_does_not_keep_the_task() {
    // Real threads and real time: a blocked thread is what no paused clock can show. The grace period is short.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = std::sync::Mutex::new(blocked);
    runtime.block_on(async move {
        let blocks = move |_cx| {
            // Returns when the test is over.
            blocked.lock().expect("not poisoned").recv().ok();
            async { Ok(()) }
        };
        let builder = TaskManager::builder(MemoryStore::new()).runner("puppet", blocks);
        let tasks = builder.cancel_grace(Duration::from_millis(50)).start().await.expect("starts");
        let task = create(&tasks).await;
        common::until(&tasks, task.id, |task| task.status == TaskStatus::Running).await;
        tasks.cancel(task.id).await.expect("asked to stop");
        let task = tasks.wait(task.id).await.expect("it settles");
        assert_eq!(task.status, TaskStatus::Cancelled);
        drop(release);
    });
    runtime.shutdown_background();
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_stopping_is_a_cancelled_task() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    tasks.cancel(task.id).await.expect("asked to stop");
    act.panic();
    assert_eq!(tasks.wait(task.id).await.expect("it settles").status, TaskStatus::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_settled_task_cannot_be_cancelled_and_the_error_names_both_states() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    stage.next().await.finish(Ok(()));
    let seq = tasks.wait(task.id).await.expect("it settles").seq;
    let error = tasks.cancel(task.id).await.expect_err("refused");
    assert!(matches!(error, TaskError::WrongState(_)));
    assert_eq!(error.to_string(), "a task that is completed cannot become cancelled");
    assert_eq!(tasks.get(task.id).await.expect("exists").seq, seq, "and nothing is recorded");
}

#[tokio::test(start_paused = true)]
async fn cancel_and_completion_at_once_agree_with_the_log() {
    for delay in 0..40 {
        let (tasks, mut stage) = stage().await;
        let task = create(&tasks).await;
        let act = stage.next().await;
        act.cx.next_message().await.expect("stored");
        let cancelling = tokio::spawn({
            let tasks = tasks.clone();
            async move {
                for _ in 0..delay {
                    tokio::task::yield_now().await;
                }
                tasks.cancel(task.id).await
            }
        });
        act.finish(Ok(()));
        let outcome = cancelling.await.expect("no panic");
        let task = tasks.wait(task.id).await.expect("it settles");
        let expected = if outcome.is_ok() { TaskStatus::Cancelled } else { TaskStatus::Completed };
        assert_eq!(task.status, expected, "after {outcome:?}");
        check_log(&tasks, task.id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_task_goes_on_with_a_message() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    tasks.cancel(task.id).await.expect("asked to stop");
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    tasks.send(task.id, "changed my mind").await.expect("accepted");
    let act = stage.next().await;
    assert!(!act.cx.is_cancelled());
    assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), "changed my mind");
    act.finish(Ok(()));
    assert_eq!(tasks.wait(task.id).await.expect("it settles").status, TaskStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_woken_while_it_is_deleted_is_stopped_and_deleted() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder.cancel_grace(GRACE)).await;
    let task = create(&tasks).await.id;
    stage.next().await.finish(Ok(()));
    tasks.wait(task).await.expect("it settles");
    store.hang(Call::Remove);
    let deleting = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.delete(task).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    tasks.send(task, "again").await.expect("accepted");
    let act = stage.next().await;
    store.answer();
    act.cx.cancelled().await;
    act.finish(Ok(()));
    deleting.await.expect("no panic").expect("deleted");
    assert!(matches!(tasks.get(task).await, Err(TaskError::NotFound(_))));
}

/// Whoever deletes it does not see that it was settled for a moment.
#[tokio::test(start_paused = true)]
async fn a_task_that_is_continued_at_once_while_it_is_deleted_is_stopped_again_and_deleted() {
    let inner = MemoryStore::new();
    let store = FaultStore::new(inner.clone());
    let somebody = TaskManager::builder(inner).observe().await.expect("an observer");
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder.cancel_grace(GRACE)).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    let mut events = tasks.subscribe(task, Seq::ZERO).following();
    let deleting = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.delete(task).await }
    });
    act.cx.cancelled().await;
    store.hang(Call::Load);
    act.finish(Ok(()));
    while events.next().await.expect("more").expect("read").kind() != "cancelled" {}
    somebody.send(task, "again").await.expect("accepted");
    store.answer();
    let act = stage.next().await;
    act.cx.cancelled().await;
    act.finish(Ok(()));
    deleting.await.expect("no panic").expect("deleted");
    assert!(matches!(tasks.get(task).await, Err(TaskError::NotFound(_))));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ignores_everything_is_deleted_after_its_grace_period_however_long() {
    let grace = Duration::from_secs(60);
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.cancel_grace(grace)).await;
    let task = create(&tasks).await.id;
    let _hangs = stage.next().await;
    let begun = Instant::now();
    tasks.delete(task).await.expect("deleted");
    assert!(begun.elapsed() >= grace && begun.elapsed() <= grace + Duration::from_secs(1));
}
