//! A store that does not answer, or panics: everybody is told in time, nothing is done twice, and what was in doubt
//! comes to light.

mod common;

use std::time::Duration;

use common::{HOUR, check_log, create, kinds, log_now, stage_with, until};
use futures::TryStreamExt;
use futures::future::BoxFuture;
use task_core::testing::{Call, Fault, FaultStore, Puppet};
use task_core::{
    MemoryStore, Message, NewTask, Seq, StoreError, TaskError, TaskId, TaskManager, TaskQuery, TaskStatus,
    TranscriptQuery,
};
use tokio::time::Instant;

/// How long a command takes that meets a store that does not answer, and a bit.
const COMMAND: Duration = Duration::from_millis(3_100);

/// How long a read takes, and a bit.
const READ: Duration = Duration::from_millis(30_100);

type Ask = fn(TaskManager, TaskId) -> BoxFuture<'static, Result<(), TaskError>>;

const COMMANDS: [(&str, Ask); 6] = [
    ("create", |tasks, _| {
        Box::pin(async move {
            tasks.create(NewTask::new("puppet", "another").idempotency_key("create")).await.map(drop)
        })
    }),
    ("send", |tasks, task| Box::pin(async move { tasks.send(task, "a message").await.map(drop) })),
    ("send with a key", |tasks, task| {
        Box::pin(
            async move { tasks.send(task, Message::new("another").idempotency_key("send")).await.map(drop) },
        )
    }),
    ("answer", |tasks, task| {
        Box::pin(async move { tasks.answer(task, "none", true.into()).await.map(drop) })
    }),
    ("rename", |tasks, task| Box::pin(async move { tasks.rename(task, "a title").await.map(drop) })),
    ("cancel", |tasks, task| Box::pin(async move { tasks.cancel(task).await.map(drop) })),
];

const READS: [(&str, Ask); 7] = [
    ("get", |tasks, task| Box::pin(async move { tasks.get(task).await.map(drop) })),
    ("list", |tasks, _| Box::pin(async move { tasks.list(&TaskQuery::default()).await.map(drop) })),
    ("counts", |tasks, _| Box::pin(async move { tasks.counts().await.map(drop) })),
    ("events", |tasks, task| Box::pin(async move { tasks.events(task, Seq::ZERO, 9).await.map(drop) })),
    ("transcript", |tasks, task| {
        Box::pin(async move { tasks.transcript(task, TranscriptQuery::default()).await.map(drop) })
    }),
    ("subscribe", |tasks, task| {
        Box::pin(async move { tasks.subscribe(task, Seq::ZERO).try_next().await.map(drop) })
    }),
    ("watch", |tasks, _| Box::pin(async move { tasks.watch(TaskQuery::default()).next().await.map(drop) })),
];

/// Answered in time, with what was asked for, or an error that says that the store failed.
async fn ask(
    call: Call,
    (name, ask): (&str, Ask),
    tasks: &TaskManager,
    task: TaskId,
    limit: Duration,
) -> bool {
    let start = Instant::now();
    let answer = tokio::time::timeout(HOUR, ask(tasks.clone(), task)).await;
    let (answer, took) = (answer.expect("it is answered at all"), start.elapsed());
    assert!(took <= limit, "{call:?}: {name} took {took:?}");
    match answer {
        Ok(()) | Err(TaskError::NoRequest(_)) => false,
        Err(TaskError::Store(error)) => {
            assert!(error.is_transient(), "{call:?}: {name}: {error:?}");
            true
        }
        Err(error) => panic!("{call:?}: {name}: {error:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_hangs_every_command_and_every_read_is_answered_in_time() {
    everything_is_answered_while(FaultStore::hang).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_panics_every_command_and_every_read_is_answered_in_time() {
    everything_is_answered_while(FaultStore::panic).await;
}

/// With a store that does this at each of its methods in turn, and is well again after that.
async fn everything_is_answered_while(trouble: fn(&FaultStore, Call)) {
    for call in Call::ALL {
        let store = FaultStore::new(MemoryStore::new());
        let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
        let task = create(&tasks).await.id;
        let act = stage.next().await;
        act.cx.next_message().await.expect("stored");
        let mut noticed = 0;
        trouble(&store, call);
        for command in COMMANDS {
            noticed += u32::from(ask(call, command, &tasks, task, COMMAND).await);
        }
        for read in READS {
            noticed += u32::from(ask(call, read, &tasks, task, READ).await);
        }
        let needed = [Call::Commit, Call::Counts, Call::Events, Call::FindKey, Call::List, Call::Load];
        assert_eq!(noticed > 0, needed.contains(&call), "{call:?}: noticed {noticed} times");

        store.answer();
        store.heal();
        act.finish(Ok(()));
        // A message that was in doubt may open another run.
        let runs = tokio::spawn(async move {
            loop {
                stage.next().await.finish(Ok(()));
            }
        });
        tokio::time::sleep(Duration::from_secs(60)).await;
        let settled = tokio::time::timeout(HOUR, tasks.wait(task)).await.expect("it settles");
        assert!(settled.expect("readable").status.is_settled(), "{call:?}");
        check_log(&tasks, task).await;
        create(&tasks).await;
        runs.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_hangs_a_shutdown_returns_and_the_next_owner_finds_everything() {
    for call in Call::ALL {
        let memory = MemoryStore::new();
        let store = FaultStore::new(memory.clone());
        let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
        let task = create(&tasks).await.id;
        let act = stage.next().await;
        act.cx.next_message().await.expect("stored");
        act.cx.text("a", "stored").await.expect("accepted");
        act.cx.flush().await.expect("stored");
        store.hang(call);
        act.cx.text("a", "perhaps stored").await.expect("accepted");
        let start = Instant::now();
        let ended = tokio::time::timeout(HOUR, tasks.shutdown(Duration::from_secs(1))).await;
        let (ended, took) = (ended.expect("it returns"), start.elapsed());
        assert!(took < Duration::from_secs(26), "{call:?} hangs: {took:?}");
        let told = matches!(&ended, Err(TaskError::Store(error)) if error.is_transient());
        assert_eq!(told, matches!(call, Call::Close | Call::Release), "{call:?} hangs: {ended:?}");

        if told {
            store.answer();
            tasks.shutdown(Duration::ZERO).await.expect("what was left can be done later");
        }
        // What hung is gone with the process.
        drop((tasks, act));
        let (puppet, _stage) = Puppet::new();
        let tasks = TaskManager::builder(memory).runner("puppet", puppet).start().await.expect("starts");
        let found = tasks.get(task).await.expect("it is there");
        assert_eq!(found.status, TaskStatus::Interrupted, "{call:?}");
        let events = log_now(&tasks, task).await;
        assert!(events.iter().any(|event| event.data().contains("stored")), "{:?}", kinds(&events));
        check_log(&tasks, task).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_on_a_store_that_does_not_answer_is_an_error() {
    for call in [Call::Claim, Call::Orphans] {
        let store = FaultStore::new(MemoryStore::new());
        store.hang(call);
        let start = Instant::now();
        let refused = TaskManager::builder(store.clone()).start().await.expect_err("it hangs");
        assert!(start.elapsed() <= READ, "{call:?} hangs: {:?}", start.elapsed());
        assert!(matches!(&refused, TaskError::Store(error) if error.is_transient()), "{call:?}: {refused:?}");
        store.answer();
        TaskManager::builder(store).start().await.expect("it can be tried again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_output_is_not_taken_is_stopped_and_fails() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    store.hang(Call::Commit);
    act.cx.text("reply", "perhaps").await.expect("accepted");
    let start = Instant::now();
    act.cx.cancelled().await;
    assert!(start.elapsed() <= READ, "{:?}", start.elapsed());
    assert!(act.cx.flush().await.is_err(), "the run is told");
    act.finish(Ok(()));
    store.answer();
    let task = tokio::time::timeout(HOUR, tasks.wait(task.id)).await.expect("settles").expect("readable");
    assert_eq!(task.status, TaskStatus::Failed);
    assert!(task.error.as_deref().is_some_and(|error| error.starts_with("the store failed")), "{task:?}");
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_cancelled_is_gone_in_time_though_its_end_cannot_be_stored() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    tasks.cancel(task).await.expect("stored");
    store.hang(Call::Commit);
    let start = Instant::now();
    // It ignores the wish, so it is dropped, and what it has left is cleaned up.
    drop(act);
    stage.cleaned_up().await;
    assert!(start.elapsed() <= Duration::from_secs(6), "{:?}", start.elapsed());
    tokio::time::sleep(Duration::from_secs(60)).await;
    store.answer();
    let settled = tokio::time::timeout(HOUR, tasks.wait(task)).await.expect("it settles").expect("readable");
    assert_eq!(settled.status, TaskStatus::Cancelled);
    check_log(&tasks, task).await;
}

#[tokio::test(start_paused = true)]
async fn what_hangs_of_one_task_is_nothing_to_the_others() {
    for call in [Call::Commit, Call::Events, Call::Load] {
        let store = FaultStore::new(MemoryStore::new());
        let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
        let (stuck, other) = (create(&tasks).await.id, create(&tasks).await.id);
        let (first, second) = (stage.next().await, stage.next().await);
        let (held, act) = if first.cx.task().id == stuck { (first, second) } else { (second, first) };
        act.cx.next_message().await.expect("stored");
        store.hang_for(call, stuck);
        held.cx.text("a", "stuck").await.expect("accepted");
        let start = Instant::now();
        let mut events = tasks.subscribe(other, Seq::ZERO);
        for n in 0..100 {
            act.cx.text(format!("{n}"), "goes on").await.expect("accepted");
            act.cx.flush().await.expect("stored");
        }
        for seq in 1..=104 {
            let event = events.try_next().await.expect("readable").expect("it goes on");
            assert_eq!(event.seq().get(), seq);
        }
        act.finish(Ok(()));
        assert_eq!(tasks.wait(other).await.expect("settles").status, TaskStatus::Completed);
        let another = create(&tasks).await.id;
        assert_eq!(stage.next().await.cx.task().id, another, "and others are started");
        assert!(start.elapsed() < Duration::from_secs(4), "{call:?} hangs: {:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_of_unknown_fate_runs_when_it_comes_to_light_and_is_not_doubled() {
    for late in [true, false] {
        let store = FaultStore::new(MemoryStore::new());
        let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
        if late {
            store.hang(Call::Commit);
        } else {
            // Written at the first try, and then the store is away.
            store.fail([Fault::DoubtfulAndWritten]);
            store.fail([Fault::Unavailable; 1_000]);
        }
        let new = || NewTask::new("puppet", "precious").idempotency_key("k");
        let refused = tasks.create(new()).await.expect_err("nobody knows");
        let in_doubt = |error: &TaskError| matches!(error, TaskError::Store(error) if matches!(**error, StoreError::Indeterminate { .. }));
        assert!(in_doubt(&refused), "{refused:?}");
        store.answer();
        store.heal();
        let act = tokio::time::timeout(HOUR, stage.next()).await.expect("it is started, without a restart");
        let again = tasks.create_once(new()).await.expect("found");
        assert!(again.repeated);
        assert_eq!(again.task.id, act.cx.task().id);
        assert_eq!(tasks.counts().await.expect("counted").total(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_of_unknown_fate_is_delivered_once_and_shown_though_nobody_else_writes() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    let mut events = tasks.subscribe(task, tasks.get(task).await.expect("exists").seq);
    store.hang(Call::Commit);
    let message = || Message::new("once").idempotency_key("k");
    tasks.send(task, message()).await.expect_err("nobody knows");
    store.answer();
    let shown = tokio::time::timeout(Duration::from_secs(5), events.try_next()).await;
    let shown = shown.expect("in time").expect("readable").expect("live");
    assert_eq!(shown.kind(), "message");
    let again = tasks.send(task, message()).await.expect("found");
    assert!(again.repeated && again.seq == shown.seq());
    act.cx.message_waiting().await;
    assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), "once");
    assert!(act.cx.next_message().await.expect("readable").is_none(), "once");
    act.finish(Ok(()));
    tasks.wait(task).await.expect("settles");
    check_log(&tasks, task).await;
}

#[tokio::test(start_paused = true)]
async fn a_command_behind_output_that_hangs_is_answered_in_time_and_not_done_later() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    store.hang(Call::Commit);
    act.cx.text("a", "first").await.expect("accepted");
    tokio::time::sleep(Duration::from_millis(10)).await;
    let start = Instant::now();
    let refused = tasks.rename(task, "too late").await.expect_err("it waits behind the output");
    assert!(start.elapsed() <= COMMAND, "{:?}", start.elapsed());
    let TaskError::Store(error) = refused else { panic!("{refused:?}") };
    assert!(matches!(*error, StoreError::Unavailable { .. }), "nothing was done: {error:?}");
    let cause = std::error::Error::source(&*error).map(ToString::to_string);
    assert_eq!(cause.as_deref(), Some("the store did not answer within 3s"));
    store.answer();
    act.cx.flush().await.expect("the store had time enough for the output");
    tasks.rename(task, "in time").await.expect("stored");
    let found = until(&tasks, task, |task| task.title == "in time").await;
    assert_eq!(found.title, "in time");
    let events = log_now(&tasks, task).await;
    assert_eq!(events.iter().filter(|event| event.kind() == "renamed").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_hangs_is_told_and_happens_later() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await.id;
    stage.next().await.finish(Ok(()));
    tasks.wait(task).await.expect("settles");
    store.hang(Call::Remove);
    let start = Instant::now();
    let refused = tasks.delete(task).await.expect_err("it hangs");
    assert!(start.elapsed() <= COMMAND, "{:?}", start.elapsed());
    let TaskError::Store(error) = refused else { panic!("{refused:?}") };
    assert!(matches!(*error, StoreError::Indeterminate { .. }), "{error:?}");
    let mut following = tasks.subscribe(task, Seq::ZERO).following();
    while let Some(task_core::Chunk::Events(_)) = following.next_chunk().await.transpose().expect("readable")
    {
    }
    store.answer();
    let gone = tokio::time::timeout(Duration::from_secs(1), following.try_next()).await.expect("in time");
    assert!(matches!(gone, Err(TaskError::NotFound(_))), "whoever follows is told: {gone:?}");
    assert!(matches!(tasks.get(task).await, Err(TaskError::NotFound(_))));
}

/// The store kept the start of a run for longer than anybody waits, and wrote it then: the log said that the task runs,
/// and nobody ran it until the next restart.
#[tokio::test(start_paused = true)]
async fn a_start_that_is_stored_late_is_run_once() {
    let store = MemoryStore::new();
    let way = FaultStore::new(store.clone());
    let (tasks, mut stage) = stage_with(way.clone(), |builder| builder).await;
    let others = TaskManager::builder(store).observe().await.expect("observes");
    for late in [Duration::from_secs(3), Duration::from_secs(10), Duration::from_secs(100)] {
        way.hold();
        let task = create(&others).await.id;
        tokio::time::sleep(late).await;
        assert!(stage.try_next().is_none(), "nothing runs of which the start is not stored");
        way.go_on();

        let act = tokio::time::timeout(Duration::from_secs(60), stage.next()).await;
        act.unwrap_or_else(|_| panic!("nobody runs it, {late:?} late")).finish(Ok(()));
        let settled = tokio::time::timeout(HOUR, tasks.wait(task)).await.expect("it settles");
        assert_eq!(settled.expect("readable").run, 1);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(stage.try_next().is_none(), "it is run once");
        check_log(&tasks, task).await;
    }
}
