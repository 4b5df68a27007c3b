//! Limits: so many run, the rest wait, oldest first.

mod common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use common::{create, stage_with, until};
use serde_json::json;
use task_core::testing::{FaultStore, Puppet};
use task_core::{
    Agent, Ask, Limits, MemoryStore, NewTask, RequestOption, TaskError, TaskManager, TaskManagerBuilder,
    TaskStatus,
};

#[tokio::test(start_paused = true)]
async fn a_hundred_tasks_run_eight_at_a_time_in_order() {
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.max_running(8)).await;
    let mut order = Vec::new();
    for _ in 0..100 {
        order.push(create(&tasks).await.id);
    }
    let mut running = Vec::new();
    let mut started = Vec::new();
    for done in 0..100 {
        while running.len() < 8.min(100 - done) {
            let act = stage.next().await;
            started.push(act.cx.task().id);
            running.push(act);
        }
        assert!(stage.try_next().is_none(), "no more than eight");
        let counts = tasks.counts().await.expect("counted");
        let expected = (running.len() as u64, 100 - done as u64 - running.len() as u64, done as u64);
        assert_eq!((counts.running, counts.pending, counts.completed), expected);
        let act = running.remove(done % running.len());
        let id = act.cx.task().id;
        act.finish(Ok(()));
        tasks.wait(id).await.expect("it settles");
    }
    assert_eq!(started, order);
}

#[tokio::test(start_paused = true)]
async fn each_agent_has_its_own_limit_and_does_not_hold_up_others() {
    let ((narrow, mut narrow_stage), (wide, mut wide_stage)) = (Puppet::new(), Puppet::new());
    let builder = TaskManager::builder(MemoryStore::new()).max_running(3);
    let builder = builder.agent(Agent::new("narrow", narrow).max_running(1)).agent(Agent::new("wide", wide));
    let tasks = builder.start().await.expect("starts");
    let mut ids = HashMap::new();
    for agent in ["narrow", "narrow", "wide", "wide", "wide"] {
        let task = tasks.create(NewTask::new(agent, "go")).await.expect("created");
        ids.entry(agent).or_insert_with(Vec::new).push(task.id);
    }
    let first = narrow_stage.next().await;
    let (wide_one, wide_two) = (wide_stage.next().await, wide_stage.next().await);
    assert!(narrow_stage.try_next().is_none() && wide_stage.try_next().is_none());

    first.finish(Ok(()));
    let second = narrow_stage.next().await;
    assert_eq!(second.cx.task().id, ids["narrow"][1]);
    assert!(wide_stage.try_next().is_none(), "the older task goes first");
    wide_one.finish(Ok(()));
    assert_eq!(wide_stage.next().await.cx.task().id, ids["wide"][2]);
    drop((second, wide_two));
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_an_agent_holds_for_all_that_waited_when_the_owner_started() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, _stage) = stage_with(store.clone(), |builder| builder.max_running(0)).await;
    for _ in 0..5 {
        create(&tasks).await;
    }
    tasks.shutdown(Duration::ZERO).await.expect("shut down");
    let (puppet, mut stage) = Puppet::new();
    let builder = TaskManager::builder(store).agent(Agent::new("puppet", puppet).max_running(2));
    let tasks = builder.start().await.expect("starts");
    let running = [stage.next().await, stage.next().await];
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(stage.try_next().is_none());
    assert_eq!(tasks.counts().await.expect("counted").running, 2);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_woken_waits_behind_those_that_waited_before() {
    // Every look at the clock is a millisecond later than the one before.
    let looks = AtomicI64::new(0);
    let clock = move || DateTime::UNIX_EPOCH + TimeDelta::milliseconds(looks.fetch_add(1, Ordering::Relaxed));
    let set_up = |builder: TaskManagerBuilder| builder.max_running(1).clock(clock);
    let (tasks, mut stage) = stage_with(MemoryStore::new(), set_up).await;
    let old = create(&tasks).await;
    stage.next().await.finish(Ok(()));
    tasks.wait(old.id).await.expect("it settles");
    let runs = create(&tasks).await;
    let act = stage.next().await;
    assert_eq!(act.cx.task().id, runs.id);
    let waits = create(&tasks).await;
    tasks.send(old.id, "again").await.expect("accepted");
    act.finish(Ok(()));
    let act = stage.next().await;
    assert_eq!(act.cx.task().id, waits.id);
    act.finish(Ok(()));
    assert_eq!(stage.next().await.cx.task().id, old.id);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_an_answer_keeps_its_place() {
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.max_running(1)).await;
    let asks = create(&tasks).await;
    let waits = create(&tasks).await;
    let act = stage.next().await;
    let asking = tokio::spawn(async move {
        act.cx
            .ask(Ask::permission("Go on?").option(RequestOption::new("yes", "Yes")))
            .await
            .expect("answered");
        act.finish(Ok(()));
    });
    let asks = until(&tasks, asks.id, |task| task.status == TaskStatus::AwaitingInput).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(stage.try_next().is_none());
    tasks.answer(asks.id, &asks.requests[0].request_id, json!("yes")).await.expect("answered");
    asking.await.expect("it goes on");
    assert_eq!(stage.next().await.cx.task().id, waits.id);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_may_wait_however_many_come_at_once() {
    let mut limits = Limits::default();
    limits.pending_tasks = 10;
    let set_up = |builder: TaskManagerBuilder| builder.max_running(0).limits(limits);
    let (tasks, _stage) = stage_with(MemoryStore::new(), set_up).await;
    let creations = (0..50).map(|_| tasks.create(NewTask::new("puppet", "go")));
    let outcomes = futures::future::join_all(creations).await;
    let refused =
        outcomes.iter().filter(|outcome| matches!(outcome, Err(TaskError::TooManyPending { limit: 10 })));
    let created = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(
        (created + refused.count(), tasks.counts().await.expect("counted").pending),
        (50, created as u64)
    );
    assert!(created <= 10);
    while tasks.create(NewTask::new("puppet", "go")).await.is_ok() {}
    assert_eq!(tasks.counts().await.expect("counted").pending, 10, "one after the other it is exact");
}

#[tokio::test(start_paused = true)]
async fn a_message_wakes_its_task_however_many_wait() {
    let mut limits = Limits::default();
    limits.pending_tasks = 1;
    let set_up = |builder: TaskManagerBuilder| builder.max_running(1).limits(limits);
    let (tasks, mut stage) = stage_with(MemoryStore::new(), set_up).await;
    let settled = create(&tasks).await;
    stage.next().await.finish(Ok(()));
    tasks.wait(settled.id).await.expect("it settles");
    create(&tasks).await;
    let _runs = stage.next().await;
    create(&tasks).await;
    tasks.send(settled.id, "again").await.expect("accepted");
    assert_eq!(tasks.counts().await.expect("counted").pending, 2);
    let refused = tasks.create(NewTask::new("puppet", "go")).await.expect_err("refused");
    assert!(matches!(refused, TaskError::TooManyPending { limit: 1 }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_pending_task_whose_agent_is_gone_fails_and_says_so() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, _stage) = stage_with(store.clone(), |builder| builder.max_running(0)).await;
    let task = create(&tasks).await;
    tasks.shutdown(Duration::ZERO).await.expect("shut down");
    let tasks = TaskManager::builder(store).start().await.expect("starts");
    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!(
        (task.status, task.error.as_deref()),
        (TaskStatus::Failed, Some("there is no agent `puppet` here"))
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_created_a_task_gives_the_place_back() {
    let mut limits = Limits::default();
    limits.pending_tasks = 2;
    let set_up = |builder: TaskManagerBuilder| builder.limits(limits);
    let (tasks, mut stage) = stage_with(MemoryStore::new(), set_up).await;
    for _ in 0..10 {
        let task = create(&tasks).await;
        stage.next().await.finish(Ok(()));
        tasks.wait(task.id).await.expect("it settles");
        tasks.create(NewTask::new("nobody", "go")).await.expect_err("refused");
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_not_available_takes_no_task_and_says_why() {
    let (puppet, _stage) = Puppet::new();
    let agent = Agent::new("puppet", puppet).unavailable("it is not installed");
    let tasks = TaskManager::builder(MemoryStore::new()).agent(agent).start().await.expect("starts");
    let [info] = &tasks.agents()[..] else { panic!("there is one") };
    assert_eq!((info.available, info.reason.as_deref()), (false, Some("it is not installed")));
    let refused = tasks.create(NewTask::new("puppet", "go")).await.expect_err("refused").to_string();
    assert!(refused.contains("`puppet` cannot run here: it is not installed"), "{refused}");
    assert_eq!(tasks.counts().await.expect("counted").total(), 0);
}
