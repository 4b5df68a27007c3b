//! No task runs without an owner: restarts, crashes, takeovers.

mod common;

use std::time::Duration;

use common::{check_log, create, kinds, log_now, stage_with, until};
use task_core::testing::{Call, FaultStore, Puppet, Scribe};
use task_core::{
    CancelRequested, Capabilities, Completed, InstanceId, MemoryStore, Output, RunId, Seq, StoreError,
    TaskError, TaskManager, TaskStatus, TaskStore,
};

/// A store as a process leaves it that is killed while it runs a task of the agent `puppet`.
async fn crashed() -> (MemoryStore, Scribe) {
    let store = MemoryStore::new();
    let mut scribe = Scribe::new("a task").with_agent("puppet");
    for commit in [scribe.create(None), scribe.start(), scribe.record([Output::text("reply", "half a sen")])]
    {
        store.commit(commit).await.expect("stored");
    }
    (store, scribe)
}

#[tokio::test(start_paused = true)]
async fn a_task_found_running_is_interrupted_before_anybody_is_served() {
    let (store, scribe) = crashed().await;
    let (tasks, mut stage) = stage_with(store, |builder| builder).await;
    let task = tasks.get(scribe.id()).await.expect("exists");
    assert_eq!((task.status, task.owner()), (TaskStatus::Interrupted, None));
    assert_eq!(stage.cleaned_up().await, RunId::new(scribe.id(), 1), "what was left of it is taken back");
    assert!(stage.try_next().is_none(), "and nothing runs behind anybody's back");

    tasks.send(task.id, "go on").await.expect("accepted");
    let act = stage.next().await;
    assert_eq!((act.cx.run(), act.cx.is_resumed()), (2, true));
    assert_eq!(act.cx.next_message().await.expect("stored").expect("still waits").text(), "first");
    assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), "go on");
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_can_resume_goes_on_by_itself() {
    let (store, scribe) = crashed().await;
    let (puppet, mut stage) = Puppet::new();
    let puppet = puppet.with_capabilities(Capabilities::default().with_resume_after_restart());
    let tasks = TaskManager::builder(store).runner("puppet", puppet).start().await.expect("starts");
    let act = stage.next().await;
    assert_eq!((act.cx.task().id, act.cx.run()), (scribe.id(), 2));
    act.finish(Ok(()));
    tasks.wait(scribe.id()).await.expect("it settles");
    let events = log_now(&tasks, scribe.id()).await;
    assert_eq!(kinds(&events)[4..7], ["interrupted", "requeued", "run_started"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_asked_to_stop_before_the_crash_is_cancelled() {
    let (store, mut scribe) = crashed().await;
    let asked = serde_json::from_str::<CancelRequested>("{}").expect("no fields");
    store.commit(scribe.record([asked])).await.expect("stored");
    let (tasks, _stage) = stage_with(store, |builder| builder).await;
    let task = tasks.get(scribe.id()).await.expect("exists");
    assert_eq!((task.status, task.queued_messages), (TaskStatus::Cancelled, 0));
}

#[tokio::test(start_paused = true)]
async fn recovery_adds_nothing_the_second_time() {
    let (store, scribe) = crashed().await;
    let store = FaultStore::new(store);
    let (tasks, _stage) = stage_with(store.clone(), |builder| builder).await;
    let seq = tasks.get(scribe.id()).await.expect("exists").seq;
    tasks.shutdown(Duration::ZERO).await.expect("shut down");
    let (tasks, _stage) = stage_with(store, |builder| builder).await;
    assert_eq!(tasks.get(scribe.id()).await.expect("exists").seq, seq);
}

#[tokio::test(start_paused = true)]
async fn pending_tasks_run_after_a_restart() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, _stage) = stage_with(store.clone(), |builder| builder.max_running(0)).await;
    let task = create(&tasks).await;
    tasks.shutdown(Duration::ZERO).await.expect("shut down");
    let (_tasks, mut stage) = stage_with(store, |builder| builder).await;
    assert_eq!(stage.next().await.cx.task().id, task.id);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_runs_finish_within_the_grace_period() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let (quick, slow) = (create(&tasks).await, create(&tasks).await);
    let (quick_act, slow_act) = (stage.next().await, stage.next().await);
    let begun = tokio::time::Instant::now();
    let shutting_down = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.shutdown(Duration::from_secs(10)).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!slow_act.cx.is_cancelled(), "the grace period is for working");
    assert!(matches!(
        tasks.create(task_core::NewTask::new("puppet", "more")).await,
        Err(TaskError::ShutDown)
    ));
    quick_act.finish(Ok(()));
    shutting_down.await.expect("no panic").expect("shut down");
    assert!(begun.elapsed() <= Duration::from_secs(11), "{:?}", begun.elapsed());
    assert!(matches!(tasks.get(quick.id).await, Err(TaskError::ShutDown)));

    assert_eq!(store.load(quick.id).await.expect("exists").status, TaskStatus::Completed);
    let slow = store.load(slow.id).await.expect("exists");
    assert_eq!((slow.status, slow.owner()), (TaskStatus::Interrupted, None));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_an_answer_does_not_use_up_the_grace_period() {
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let asking = tokio::spawn(async move {
        let answer = act.cx.ask(task_core::Ask::question("Well?")).await;
        act.finish(answer.map(drop));
    });
    until(&tasks, task.id, |task| task.status == TaskStatus::AwaitingInput).await;
    let begun = tokio::time::Instant::now();
    tasks.shutdown(Duration::from_secs(600)).await.expect("shut down");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    asking.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn streams_end_at_once_when_a_shutdown_begins() {
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let mut events = tasks.subscribe(task.id, task_core::Seq::ZERO).following();
    let mut list = tasks.watch(task_core::TaskQuery::default());
    let reading = tokio::spawn(async move {
        loop {
            match events.next_chunk().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return error,
                None => panic!("one that follows does not end with the run"),
            }
        }
    });
    let watching = tokio::spawn(async move { while let Ok(Some(_)) = list.next().await {} });
    tokio::task::yield_now().await;
    let begun = tokio::time::Instant::now();
    let shutting_down = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.shutdown(Duration::from_secs(600)).await }
    });
    assert!(matches!(reading.await.expect("no panic"), TaskError::ShutDown));
    watching.await.expect("it ends");
    assert!(begun.elapsed() < Duration::from_secs(1), "they do not wait for the run");
    assert!(!act.cx.is_cancelled());
    act.finish(Ok(()));
    shutting_down.await.expect("no panic").expect("shut down");
}

#[tokio::test(start_paused = true)]
async fn a_second_owner_is_refused_until_the_first_is_gone() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, _stage) = stage_with(store.clone(), |builder| builder).await;
    let refused = TaskManager::builder(store.clone()).start().await.expect_err("refused");
    assert!(matches!(refused, TaskError::Store(error) if matches!(*error, StoreError::Owned { .. })));
    tasks.shutdown(Duration::ZERO).await.expect("shut down");
    TaskManager::builder(store).start().await.expect("now it may");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_manager_gives_the_store_back_and_leaves_its_tasks_to_the_next() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    drop(tasks);
    act.cx.flush().await.ok();
    let next = loop {
        let (puppet, stage) = Puppet::new();
        match TaskManager::builder(store.clone()).runner("puppet", puppet).start().await {
            Ok(tasks) => break (tasks, stage),
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(next.0.get(task.id).await.expect("exists").status, TaskStatus::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_lost_its_task_cannot_write() {
    let store = MemoryStore::new();
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.text("reply", "before").await.expect("accepted");
    act.cx.flush().await.expect("stored");

    // Another process finds the task without a living owner, settles it, and runs it.
    let other = InstanceId::new();
    let found = store.load(task.id).await.expect("exists");
    let mut thief = Scribe::continuing(found).with_instance(other);
    store.commit(thief.interrupt()).await.expect("taken over");
    store.commit(thief.message("on")).await.expect("stored");
    store.commit(thief.start()).await.expect("stored");
    let end = store.load(task.id).await.expect("exists").seq;

    act.cx.text("reply", "after").await.ok();
    assert!(act.cx.flush().await.is_err() || act.cx.set_session("mine").await.is_err());
    assert!(act.cx.set_session("mine").await.is_err());
    act.finish(Ok(()));
    stage.cleaned_up().await;
    let task = store.load(task.id).await.expect("exists");
    assert_eq!((task.seq, task.status, task.owner()), (end, TaskStatus::Running, Some(other)));
}

#[tokio::test(start_paused = true)]
async fn an_observer_creates_sends_and_cancels_and_the_owner_runs() {
    let store = FaultStore::new(MemoryStore::new());
    let (owner, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let observer = TaskManager::builder(store).observe().await.expect("observes");
    assert!(owner.is_owner() && !observer.is_owner());

    let task = create(&observer).await;
    let act = stage.next().await;
    assert_eq!(act.cx.task().id, task.id);
    act.cx.next_message().await.expect("stored");
    observer.send(task.id, "second").await.expect("accepted");
    act.cx.message_waiting().await;
    assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), "second");

    act.cx.text("reply", "seen?").await.expect("accepted");
    let seen = until(&observer, task.id, |task| task.seq.get() >= 7).await;
    assert_eq!(seen.status, TaskStatus::Running);

    let cx = act.cx.clone();
    let asking = tokio::spawn(async move { cx.ask(task_core::Ask::question("Well?")).await });
    let waiting = until(&observer, task.id, |task| !task.requests.is_empty()).await;
    observer.answer(task.id, &waiting.requests[0].request_id, "yes".into()).await.expect("answered");
    assert_eq!(asking.await.expect("no panic").expect("answered").text(), "yes");

    observer.cancel(task.id).await.expect("asked to stop");
    act.cx.cancelled().await;
    act.finish(Ok(()));
    assert_eq!(observer.wait(task.id).await.expect("it settles").status, TaskStatus::Cancelled);
    check_log(&observer, task.id).await;
    observer.delete(task.id).await.expect("deleted");
    assert!(matches!(owner.get(task.id).await, Err(TaskError::NotFound(_))));
}

#[tokio::test(start_paused = true)]
async fn viewers_of_an_owner_that_lost_the_store_are_sent_away() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let mut events = tasks.subscribe(task.id, task_core::Seq::ZERO);
    let reading = async {
        loop {
            if let Some(Err(error)) = events.next_chunk().await {
                return error;
            }
        }
    };
    store.lose_ownership();
    let error = tokio::time::timeout(Duration::from_secs(60), reading).await.expect("nobody waits for ever");
    assert!(matches!(error, TaskError::ShutDown));
    assert!(act.cx.flush().await.is_err(), "and the run can write nothing");
}

#[tokio::test(start_paused = true)]
async fn a_second_shutdown_may_be_sooner() {
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder).await;
    create(&tasks).await;
    let _hangs = stage.next().await;
    let begun = tokio::time::Instant::now();
    let patient = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.shutdown(Duration::from_secs(600)).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    tasks.shutdown(Duration::ZERO).await.expect("shut down");
    patient.await.expect("no panic").expect("shut down");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_settles_while_the_next_owner_starts_stays_settled() {
    let (memory, mut scribe) = crashed().await;
    let store = FaultStore::new(memory.clone());
    store.hang(Call::Load);
    let (puppet, _stage) = Puppet::new();
    let starting = tokio::spawn(TaskManager::builder(store.clone()).runner("puppet", puppet).start());
    // It was told that the task runs, and is about to look at it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let completed = serde_json::from_str::<Completed>("{}").expect("no fields");
    memory.commit(scribe.record([completed])).await.expect("stored");
    store.answer();
    let tasks = starting.await.expect("no panic").expect("it starts");
    let found = tasks.get(scribe.id()).await.expect("exists");
    assert_eq!((found.status, found.seq), (TaskStatus::Completed, scribe.task().seq));
}

#[tokio::test(start_paused = true)]
async fn a_run_has_a_moment_for_its_last_words_when_the_grace_period_of_a_shutdown_is_over() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    let shutting_down = tokio::spawn(async move { tasks.shutdown(Duration::from_secs(10)).await });
    act.cx.cancelled().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    act.cx.text("reply", "last words").await.expect("accepted");
    act.finish(Ok(()));
    shutting_down.await.expect("no panic").expect("shut down");
    let events = store.events(task, Seq::ZERO, 100, usize::MAX).await.expect("readable");
    assert_eq!(kinds(&events)[3..], ["text", "interrupted"]);
}
