//! What is not core's, and panics where core calls it: hints of the store, and the clock. It is told as a warning, and
//! nobody waits for ever, no task is left without its run, and none without its writer.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use common::{HOUR, check_log, create, log_now, stage_with};
use futures::TryStreamExt;
use task_core::testing::{Call, FaultStore};
use task_core::{Ask, Event, MemoryStore, NewTask, Seq, Subscription, TaskManager, TaskStatus};
use tokio::time::{Instant, timeout};
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata, span};

#[tokio::test(start_paused = true)]
async fn an_owner_whose_store_gives_no_hints_but_panics_looks_by_itself() {
    let warnings = Warnings::default();
    let _told = tracing::subscriber::set_default(warnings.clone());
    let memory = MemoryStore::new();
    let store = FaultStore::new(memory.clone());
    store.panic(Call::Changes);
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let observer = TaskManager::builder(memory).observe().await.expect("an observer");

    // Later and later, and never later than this.
    for _ in 0..20 {
        let task = observer.create(NewTask::new("puppet", "hello")).await.expect("created");
        let act = timeout(LOOKS, stage.next()).await.expect("the owner finds it");
        observer.cancel(task.id).await.expect("asked to stop");
        timeout(LOOKS, act.cx.cancelled()).await.expect("the owner hears of it");
        act.finish(Ok(()));
        let settled = timeout(LOOKS, tasks.wait(task.id)).await.expect("it settles").expect("readable");
        assert_eq!(settled.status, TaskStatus::Cancelled);
        check_log(&tasks, task.id).await;
    }
    assert!(warnings.about("the store panicked") > 3, "{warnings:?}");

    store.heal();
    tokio::time::sleep(LOOKS).await;
    for _ in 0..5 {
        // Not when it would look anyway.
        tokio::time::sleep(Duration::from_secs(7)).await;
        let start = Instant::now();
        let task = observer.create(NewTask::new("puppet", "hello")).await.expect("created").id;
        stage.next().await.finish(Ok(()));
        timeout(HOUR, observer.wait(task)).await.expect("it settles").expect("readable");
        assert!(start.elapsed() < Duration::from_secs(1), "it listens again");
    }
    timeout(HOUR, tasks.shutdown(Duration::ZERO)).await.expect("it ends").expect("shut down");
}

#[tokio::test(start_paused = true)]
async fn hints_that_panic_are_followed_by_a_look_and_listened_to_again() {
    let warnings = Warnings::default();
    let _told = tracing::subscriber::set_default(warnings.clone());
    let memory = MemoryStore::new();
    let store = FaultStore::new(memory.clone());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let observer = TaskManager::builder(memory).observe().await.expect("an observer");
    let running = create(&tasks).await.id;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    let mut followed = tasks.subscribe(running, Seq::ZERO).following();

    for times in 1..5 {
        store.panic(Call::Changes);
        let start = Instant::now();
        let sent = observer.send(running, "hello?").await.expect("accepted").seq;
        let told = async {
            while warnings.about("the store panicked") < times {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(HOUR, told).await.expect("a warning");
        store.heal();
        // The hint was lost with the panic.
        timeout(LOOKS, act.cx.message_waiting()).await.expect("the run hears of it");
        assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), "hello?");
        while next(&mut followed).await.seq() != sent {}
        assert!(start.elapsed() < Duration::from_secs(3), "a panic now and then is soon over");
        // It hears again: what comes now comes at once.
        let start = Instant::now();
        observer.rename(running, &format!("number {times}")).await.expect("renamed");
        while next(&mut followed).await.kind() != "renamed" {}
        assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    }
    assert_eq!(warnings.about("the store panicked"), 4, "{warnings:?}");
    act.finish(Ok(()));
    timeout(HOUR, tasks.wait(running)).await.expect("it settles").expect("readable");
    check_log(&tasks, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_panics_ends_no_writer_and_no_run() {
    let warnings = Warnings::default();
    let _told = tracing::subscriber::set_default(warnings.clone());
    let (clock, time) = broken_clock();
    let (tasks, mut stage) = stage_with(MemoryStore::new(), |builder| builder.clock(time)).await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");

    clock.store(true, Ordering::SeqCst);
    let commands = async {
        tasks.rename(task, "another").await.expect("renamed");
        tasks.send(task, "hello?").await.expect("accepted");
        act.cx.message_waiting().await;
        act.cx.next_message().await.expect("stored").expect("waits");
        act.cx.text("a", "well").await.expect("accepted");
        act.cx.flush().await.expect("stored");
        // Who watches over the run asks for the time, too.
        let question = act.cx.ask(Ask::question("sure?").default_after(Duration::from_secs(60), "no"));
        assert_eq!(question.await.expect("the deadline").text(), "no");
        create(&tasks).await
    };
    let other = timeout(HOUR, commands).await.expect("all of them are answered").id;
    assert!(warnings.about("the clock panicked") > 3, "{warnings:?}");

    clock.store(false, Ordering::SeqCst);
    act.finish(Ok(()));
    timeout(HOUR, stage.next()).await.expect("it runs").finish(Ok(()));
    for task in [task, other] {
        let settled = timeout(HOUR, tasks.wait(task)).await.expect("it settles").expect("readable");
        assert_eq!(settled.status, TaskStatus::Completed);
        check_log(&tasks, task).await;
        let times: Vec<_> = log_now(&tasks, task).await.iter().map(|event| event.at()).collect();
        assert!(times.is_sorted(), "{times:?}");
        assert!(Utc::now() - times[0] < TimeDelta::minutes(10), "the time is nearly right: {times:?}");
    }
}

/// The next event, which comes as late as hints may.
async fn next(followed: &mut Subscription) -> Event {
    timeout(LOOKS, followed.try_next()).await.expect("it is shown").expect("readable").expect("it goes on")
}

/// A clock, and what lets it panic.
fn broken_clock() -> (Arc<AtomicBool>, impl Fn() -> DateTime<Utc> + Send + Sync + 'static) {
    let panics = Arc::new(AtomicBool::new(false));
    let order = Arc::clone(&panics);
    let time = move || {
        assert!(!order.load(Ordering::SeqCst), "this clock panics");
        Utc::now()
    };
    (panics, time)
}

/// What core warned of.
#[derive(Clone, Debug, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn about(&self, words: &str) -> usize {
        self.0.lock().expect("no panic").iter().filter(|warning| warning.contains(words)).count()
    }
}

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        self.0.lock().expect("no panic").push(words.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{field}: {value:?}; "));
    }
}

/// How long the owner may know nothing of what others do when it gets no hints.
const LOOKS: Duration = Duration::from_secs(31);
