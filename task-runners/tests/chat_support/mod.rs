//! What the tests of the chat agent share.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use task_core::{
    Event, Lifecycle, MemoryStore, NewTask, Output, Payload, Seq, StoreError, Task, TaskError, TaskId,
    TaskManager,
};
use task_runners::chat::{ChatRunner, Endpoint};

use crate::fake_model::FakeModel;

/// The test, within its limit.
pub(crate) async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(40), test).await.expect("the test takes too long")
}

pub(crate) fn runner(model: &FakeModel) -> ChatRunner {
    ChatRunner::new(Endpoint::new(&model.url()).expect("a URL")).model("fake")
}

/// A manager with the agent `chat`, on a store of its own.
pub(crate) async fn manager(runner: ChatRunner) -> TaskManager {
    manager_on(&MemoryStore::new(), runner).await
}

/// One on a store whose manager may just have been dropped, and gives it back behind our backs.
pub(crate) async fn manager_on(store: &MemoryStore, runner: ChatRunner) -> TaskManager {
    loop {
        match TaskManager::builder(store.clone()).runner("chat", runner.clone()).start().await {
            Ok(tasks) => return tasks,
            Err(TaskError::Store(error)) if matches!(*error, StoreError::Owned { .. }) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Says this in a task of its own, to its end.
pub(crate) async fn say(tasks: &TaskManager, message: &str) -> (Task, Vec<Event>) {
    let task = tasks.create(NewTask::new("chat", message)).await.expect("created");
    settled(tasks, task.id).await
}

/// Says this in a task that is settled.
pub(crate) async fn say_more(tasks: &TaskManager, task: TaskId, message: &str) -> (Task, Vec<Event>) {
    tasks.send(task, message).await.expect("accepted");
    settled(tasks, task).await
}

/// The task and its log, once it has settled.
pub(crate) async fn settled(tasks: &TaskManager, task: TaskId) -> (Task, Vec<Event>) {
    let task = tasks.wait(task).await.expect("it settles");
    let events = tasks.subscribe(task.id, Seq::ZERO).map(|event| event.expect("the log can be read"));
    (task, events.collect().await)
}

/// Waits until the log holds an event as wanted.
pub(crate) async fn until(tasks: &TaskManager, task: TaskId, wanted: impl Fn(&Event) -> bool) -> Event {
    let mut events = tasks.subscribe(task, Seq::ZERO);
    while let Some(event) = events.next().await {
        let event = event.expect("the log can be read");
        if wanted(&event) {
            return event;
        }
    }
    panic!("the task settled without the event");
}

pub(crate) fn outputs(events: &[Event]) -> Vec<Output> {
    let outputs = events.iter().filter_map(|event| match event.payload() {
        Payload::Output(output) => Some(output),
        _ => None,
    });
    outputs.collect()
}

/// All text of the model.
pub(crate) fn text(events: &[Event]) -> String {
    let texts = outputs(events).into_iter().filter_map(|output| match output {
        Output::Text(delta) => Some(delta.text),
        _ => None,
    });
    texts.collect()
}

pub(crate) fn thinking(events: &[Event]) -> String {
    let texts = outputs(events).into_iter().filter_map(|output| match output {
        Output::Thinking(delta) => Some(delta.text),
        _ => None,
    });
    texts.collect()
}

pub(crate) fn notices(events: &[Event]) -> Vec<String> {
    let notices = outputs(events).into_iter().filter_map(|output| match output {
        Output::Notice(notice) => Some(notice.text),
        _ => None,
    });
    notices.collect()
}

/// Why each turn ended.
pub(crate) fn turns(events: &[Event]) -> Vec<String> {
    let turns = outputs(events).into_iter().filter_map(|output| match output {
        Output::TurnEnded(ended) => Some(ended.reason),
        _ => None,
    });
    turns.collect()
}

pub(crate) fn is_delivered(event: &Event) -> bool {
    matches!(event.payload(), Payload::Lifecycle(Lifecycle::MessageDelivered(_)))
}
