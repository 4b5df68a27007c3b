//! Runs that take too long, or say nothing for too long.

mod common;

use std::time::Duration;

use common::{create, stage_with, until};
use task_core::{Ask, MemoryStore, TaskStatus};
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn a_run_that_exceeds_its_time_fails_and_says_so() {
    let (tasks, mut stage) =
        stage_with(MemoryStore::new(), |builder| builder.run_timeout(LIMIT).cancel_grace(GRACE)).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let begun = Instant::now();
    act.cx.cancelled().await;
    assert_eq!(begun.elapsed().as_secs(), LIMIT.as_secs());
    act.finish(Ok(()));
    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!(
        (task.status, task.error.as_deref()),
        (TaskStatus::Failed, Some("the run exceeded its time limit of 60s"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ignores_its_time_limit_is_dropped() {
    let (tasks, mut stage) =
        stage_with(MemoryStore::new(), |builder| builder.run_timeout(LIMIT).cancel_grace(GRACE)).await;
    let task = create(&tasks).await;
    let _hangs = stage.next().await;
    let begun = Instant::now();
    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!(task.status, TaskStatus::Failed);
    assert!(begun.elapsed() <= LIMIT + GRACE + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_speaks_now_and_then_is_not_idle() {
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.idle_timeout(LIMIT)).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    for _ in 0..10 {
        sleep(LIMIT - Duration::from_secs(1)).await;
        act.cx.text("reply", "still here").await.expect("accepted");
    }
    assert!(!act.cx.is_cancelled());
    let silent = Instant::now();
    act.cx.cancelled().await;
    assert_eq!(silent.elapsed().as_secs(), LIMIT.as_secs());
    act.finish(Ok(()));
    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!(task.error.as_deref(), Some("the run said nothing for 60s"));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_answer_is_not_idle() {
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.idle_timeout(LIMIT)).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let asking = tokio::spawn(async move {
        let answer = act.cx.ask(Ask::question("Well?")).await.map(|answer| answer.text());
        (act, answer)
    });
    let waiting = until(&tasks, task.id, |task| task.status == TaskStatus::AwaitingInput).await;
    sleep(LIMIT * 100).await;
    tasks.answer(task.id, &waiting.requests[0].request_id, "yes".into()).await.expect("answered");
    let (act, answer) = asking.await.expect("no panic");
    assert_eq!(answer.expect("answered"), "yes");
    assert!(!act.cx.is_cancelled());
}
