//! A store that fails: nothing acknowledged is lost, nothing is written twice, no number gets other content.

mod common;

use std::time::Duration;

use common::{check_log, create, is_store_error, kinds, log, stage_with, until};
use futures::TryStreamExt;
use task_core::testing::{Call, Fault, FaultStore};
use task_core::{MemoryStore, NewTask, Seq, StoreError, TaskError, TaskStatus, TaskStore};

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_a_moment_delays_and_nothing_else() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    store.fail([Fault::Unavailable; 5]);
    act.cx.next_message().await.expect("stored in the end");
    act.cx.text("reply", "hi").await.expect("accepted");
    store.fail([Fault::Unavailable, Fault::DoubtfulAndLost, Fault::DoubtfulAndWritten]);
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    let events = log(&tasks, task.id).await;
    assert_eq!(
        kinds(&events),
        ["created", "message", "run_started", "message_delivered", "text", "completed"]
    );
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_unknown_fate_is_found_and_not_written_twice() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    store.fail([Fault::DoubtfulAndWritten]);
    act.cx.text("reply", "once").await.expect("accepted");
    act.cx.flush().await.expect("stored");
    let sent = {
        store.fail([Fault::DoubtfulAndWritten]);
        tasks.send(task.id, task_core::Message::new("with a key").idempotency_key("k")).await.expect("stored")
    };
    act.cx.next_message().await.expect("stored");
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    let events = log(&tasks, task.id).await;
    assert_eq!(kinds(&events)[4..], ["text", "message", "message_delivered", "completed"]);
    assert_eq!(events[5].seq(), sent.seq);
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_writes_the_same_bytes_under_the_same_numbers() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let before = store.commits().len();
    store.fail([Fault::DoubtfulAndLost; 3]);
    store.hold();
    act.cx.text("reply", "precious").await.expect("accepted");
    // More comes while the first is in doubt; it must not slip into its place.
    store.commit_held().await;
    act.cx.text("other", "later").await.expect("accepted");
    store.go_on();
    act.cx.flush().await.expect("stored");
    let tries = store.commits()[before..].to_vec();
    assert!(tries.len() >= 4);
    assert!(tries[..4].iter().all(|commit| commit.events() == tries[0].events()));
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_output_cannot_be_stored_is_stopped_and_fails() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    store.fail(vec![Fault::Unavailable; 100_000]);
    act.cx.text("reply", "lost").await.expect("accepted");
    act.cx.cancelled().await;
    assert!(act.cx.flush().await.is_err(), "the run is told");
    assert!(act.cx.text("reply", "more").await.is_err(), "and cannot go on as if nothing happened");
    act.finish(Ok(()));

    store.heal();
    let task = tasks.wait(task.id).await.expect("it settles once the store is back");
    assert_eq!(task.status, TaskStatus::Failed);
    assert!(
        task.error.as_deref().is_some_and(|error| error.starts_with("the store failed")),
        "{:?}",
        task.error
    );
    assert!(log(&tasks, task.id).await.iter().all(|event| event.kind() != "text"));
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_cannot_be_stored_is_an_error_and_changes_nothing() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    stage.next().await.finish(Ok(()));
    let seq = tasks.wait(task.id).await.expect("it settles").seq;
    store.fail(vec![Fault::Unavailable; 100_000]);
    assert!(matches!(tasks.send(task.id, "hello?").await, Err(TaskError::Store(_))));
    assert!(matches!(tasks.create(NewTask::new("puppet", "hello?")).await, Err(TaskError::Store(_))));
    store.heal();
    assert_eq!(tasks.get(task.id).await.expect("exists").seq, seq);
    assert_eq!(tasks.counts().await.expect("counted").total(), 1);
    tasks.send(task.id, "hello!").await.expect("service goes on when the fault ends");
    stage.next().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_sees_an_event_before_it_is_stored() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let mut events = tasks.subscribe(task.id, tasks.get(task.id).await.expect("exists").seq);
    assert!(matches!(events.next_chunk().await, Some(Ok(task_core::Chunk::CaughtUp { .. }))));
    store.hold();
    act.cx.text("reply", "not yet").await.expect("accepted");
    store.commit_held().await;
    let early = tokio::time::timeout(Duration::from_secs(60), events.next_chunk()).await;
    assert!(early.is_err(), "the commit is at the gate: {early:?}");
    store.go_on();
    let shown = events.next_chunk().await.expect("it goes on").expect("readable");
    assert!(matches!(shown, task_core::Chunk::Events(_)));
}

#[tokio::test(start_paused = true)]
async fn output_waits_when_the_store_does_not_keep_up() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    create(&tasks).await;
    let act = stage.next().await;
    store.hold();
    let mut accepted = 0;
    let full = loop {
        let text = format!("{accepted}").repeat(10_000);
        let emitted =
            tokio::time::timeout(Duration::from_secs(1), act.cx.text(format!("b{accepted}"), text)).await;
        match emitted {
            Ok(outcome) => outcome.expect("accepted"),
            Err(_) => break true,
        }
        accepted += 1;
        if accepted > 1_000 {
            break false;
        }
    };
    assert!(full, "the buffer is bounded");
    store.go_on();
    act.cx.flush().await.expect("stored");
    let texts = until(&tasks, act.cx.task().id, |task| task.seq.get() >= accepted + 3).await;
    assert_eq!(
        texts.seq.get(),
        accepted + 3,
        "each accepted one once, the one that waited and was given up not at all"
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_that_fails_takes_no_output_along() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    store.fail([Fault::Unavailable; 100]);
    let sending = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.send(task.id, "hello?").await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    act.cx.text("a", "accepted").await.expect("accepted, while the message is in trouble");
    assert!(sending.await.expect("no panic").is_err(), "a caller has less patience");
    store.heal();
    act.cx.flush().await.expect("stored");
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    assert!(log(&tasks, task.id).await.iter().any(|event| event.data().contains("accepted")));
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_settles_though_what_was_written_before_its_end_failed() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    // A commit under way; behind it a message with a key, which is a commit of its own, and the end of the run.
    store.hold();
    let renaming = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.rename(task.id, "held").await }
    });
    store.commit_held().await;
    let sending = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.send(task.id, task_core::Message::new("k").idempotency_key("k")).await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    act.finish(Ok(()));
    tokio::time::sleep(Duration::from_millis(10)).await;
    store.fail([Fault::Unavailable; 1_000]);
    store.go_on();
    assert!(renaming.await.expect("no panic").is_err());
    assert!(sending.await.expect("no panic").is_err());
    store.heal();
    // Who sent was told that nobody knows; if it is stored after all, the next run begins behind the end of this one.
    let mut events = tasks.subscribe(task.id, Seq::ZERO).following();
    let ended =
        async { while events.try_next().await.expect("readable").expect("goes on").kind() != "completed" {} };
    tokio::time::timeout(common::HOUR, ended).await.expect("not running for ever");
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn one_read_that_fails_breaks_no_run_and_loses_no_wish() {
    let memory = MemoryStore::new();
    let store = FaultStore::new(memory.clone());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let observer = task_core::TaskManager::builder(memory).observe().await.expect("observes");
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    store.fail_loads(1);
    let (renamed, emitted) = tokio::join!(observer.rename(task.id, "another"), act.cx.text("a", "b"));
    renamed.expect("renamed");
    emitted.expect("accepted");
    act.cx.flush().await.expect("stored");

    store.fail_loads(1);
    observer.cancel(task.id).await.expect("asked to stop");
    act.cx.cancelled().await;
    act.finish(Ok(()));
    assert_eq!(observer.wait(task.id).await.expect("it settles").status, TaskStatus::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_could_not_be_read_still_waits() {
    let memory = MemoryStore::new();
    let store = FaultStore::new(memory.clone());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let observer = task_core::TaskManager::builder(memory).observe().await.expect("observes");
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    // From another process, so that it has to be read from the store.
    let sent = observer.send(task.id, "second").await.expect("accepted");
    act.cx.message_waiting().await;
    store.fail_reads(1);
    assert!(act.cx.next_message().await.is_err());
    assert_eq!(tasks.get(task.id).await.expect("exists").queued_messages, 1, "it is not delivered");
    let message = act.cx.next_message().await.expect("readable again").expect("still waits");
    assert_eq!((message.id, message.text().as_str()), (sent.message_id, "second"));
}

#[tokio::test(start_paused = true)]
async fn what_waits_behind_a_command_that_fails_is_tried_for_itself() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    // While a commit is under way: a message with a key, then a command, which is the end of its commit, and output,
    // which has more time than they.
    store.hold();
    let begin = |title: &'static str| {
        let tasks = tasks.clone();
        tokio::spawn(async move { tasks.rename(task.id, title).await })
    };
    let held = begin("held");
    store.commit_held().await;
    let sending = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.send(task.id, task_core::Message::new("k").idempotency_key("k")).await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let behind = begin("behind");
    tokio::time::sleep(Duration::from_millis(10)).await;
    act.cx.text("a", "behind, too").await.expect("accepted");
    store.fail([Fault::Unavailable; 1_000]);
    store.go_on();
    for command in [held.await.expect("no panic").err(), sending.await.expect("no panic").err()] {
        assert!(is_store_error(&command.expect("nothing was written for so long")));
    }
    let behind = behind.await.expect("no panic").expect_err("nothing was written for so long");
    assert!(is_store_error(&behind), "it is told why, not left behind: {behind}");
    // Until the commit has been given up, too, not only whoever waited for it.
    tokio::time::sleep(Duration::from_secs(5)).await;
    store.heal();
    act.cx.flush().await.expect("stored");
    let events = common::log_now(&tasks, task.id).await;
    assert!(events.iter().any(|event| event.data().contains("behind, too")));
    check_log(&tasks, task.id).await;
}

/// A commit was written, the disk did not say so, and then the log could not be read: the command was told that nothing
/// was done.
#[tokio::test(start_paused = true)]
async fn who_asked_is_never_told_that_nothing_was_done_when_it_may_have_been() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    stage.next().await.finish(Ok(()));
    let before = tasks.wait(task.id).await.expect("it settles").seq;

    store.fail([Fault::DoubtfulAndWritten]);
    store.fail_reads(u32::MAX);
    let told = tasks.send(task.id, "once").await.expect_err("the log cannot be read");
    let TaskError::Store(told) = told else { panic!("{told:?}") };
    assert!(matches!(*told, StoreError::Indeterminate { .. }), "{told:?}");
    store.fail_reads(0);
    assert!(store.load(task.id).await.expect("readable").seq > before, "it was done");

    // And what came of it is not forgotten.
    let act = tokio::time::timeout(Duration::from_secs(60), stage.next()).await.expect("it is run");
    assert_eq!(act.cx.next_message().await.expect("stored").expect("it waits").text(), "once");
    act.finish(Ok(()));
    assert_eq!(tasks.wait(task.id).await.expect("it settles").status, TaskStatus::Completed);
    check_log(&tasks, task.id).await;
}

/// A panic of the store ended the one who writes to the task: whoever asked was told that the manager was shut down, and
/// nothing was written to the task any more.
#[tokio::test(start_paused = true)]
async fn a_store_that_panics_fails_what_was_asked_and_the_task_goes_on() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    store.panic(Call::Commit);
    for told in [
        tasks.rename(task.id, "a title").await.map(drop),
        tasks.send(task.id, "hello?").await.map(drop),
        tasks.create(NewTask::new("puppet", "another")).await.map(drop),
    ] {
        let told = told.expect_err("it panics");
        let TaskError::Store(told) = told else { panic!("{told:?}") };
        assert!(matches!(*told, StoreError::Indeterminate { .. }), "{told:?}");
    }

    store.heal();
    tasks.send(task.id, "hello!").await.expect("stored");
    act.cx.message_waiting().await;
    assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), "hello!");
    act.finish(Ok(()));
    let settled = tokio::time::timeout(common::HOUR, tasks.wait(task.id)).await.expect("it settles");
    assert_eq!(settled.expect("readable").status, TaskStatus::Completed);
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_after_which_the_store_panicked_is_found_and_not_written_twice() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    store.fail([Fault::WrittenAndPanics]);
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    store.fail([Fault::WrittenAndPanics; 2]);
    act.cx.text("reply", "once").await.expect("accepted");
    act.cx.flush().await.expect("stored");
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    let events = log(&tasks, task.id).await;
    assert_eq!(
        kinds(&events),
        ["created", "message", "run_started", "message_delivered", "text", "completed"]
    );
    check_log(&tasks, task.id).await;
}
