//! What the clauses share: short ways to write, and to look at everything a store shows.

use chrono::DateTime;

use super::harness::Harness;
use crate::model::{
    Cancelled, Completed, Event, Failed, InputRequest, Interrupted, Output, Payload, Renamed, RequestKind,
    Seq, StatusCounts, Task, TaskId, TaskStatus,
};
use crate::store::{Commit, Keyed, Order, StoreError, TaskQuery, TaskStore};
use crate::testing::Scribe;

pub(super) async fn open<H: Harness>(place: &H) -> H::Store {
    place.open().await.expect("the store opens")
}

pub(super) async fn write(store: &impl TaskStore, commit: Commit) {
    store.commit(commit).await.expect("the commit is written");
}

pub(super) async fn create(store: &impl TaskStore, title: &str) -> Scribe {
    let mut scribe = Scribe::new(title);
    write(store, scribe.create(None)).await;
    scribe
}

pub(super) async fn create_keyed(store: &impl TaskStore, title: &str, key: &str) -> Scribe {
    let mut scribe = Scribe::new(title);
    write(store, scribe.create(Some(key))).await;
    scribe
}

/// A task with so many events.
pub(super) async fn create_long(store: &impl TaskStore, events: u64) -> Scribe {
    let mut scribe = create(store, "long").await;
    while scribe.task().seq.get() < events {
        let commit = scribe.record(text("more"));
        write(store, commit).await;
    }
    scribe
}

/// A task that came to this state as tasks do, and why not another way: one commit a step.
pub(super) async fn create_in(store: &impl TaskStore, scribe: Scribe, status: TaskStatus) -> Scribe {
    let mut scribe = scribe;
    write(store, scribe.create(None)).await;
    for step in steps_to(status).iter().copied() {
        let commit = if step == TaskStatus::Running { scribe.start() } else { scribe.record([entry(step)]) };
        write(store, commit).await;
    }
    assert_eq!(scribe.task().status, status, "the steps lead there");
    scribe
}

/// The states between `pending` and this one, this one included.
const fn steps_to(status: TaskStatus) -> &'static [TaskStatus] {
    match status {
        TaskStatus::Pending => &[],
        TaskStatus::Running => &[TaskStatus::Running],
        TaskStatus::AwaitingInput => &[TaskStatus::Running, TaskStatus::AwaitingInput],
        TaskStatus::Completed => &[TaskStatus::Running, TaskStatus::Completed],
        TaskStatus::Failed => &[TaskStatus::Running, TaskStatus::Failed],
        TaskStatus::Cancelled => &[TaskStatus::Cancelled],
        TaskStatus::Interrupted => &[TaskStatus::Running, TaskStatus::Interrupted],
    }
}

/// The event that brings a task into a state.
pub(super) fn entry(status: TaskStatus) -> Payload {
    match status {
        TaskStatus::AwaitingInput => question("q").into(),
        TaskStatus::Cancelled => Cancelled {}.into(),
        TaskStatus::Completed => Completed {}.into(),
        TaskStatus::Failed => Failed { error: "why".to_owned() }.into(),
        TaskStatus::Interrupted => Interrupted { reason: "restart".to_owned() }.into(),
        TaskStatus::Pending | TaskStatus::Running => unreachable!("a message or a start does that"),
    }
}

pub(super) fn question(request_id: &str) -> InputRequest {
    InputRequest {
        request_id: request_id.to_owned(),
        request: RequestKind::Question,
        prompt: "which?".to_owned(),
        options: Vec::new(),
        deadline: DateTime::from_timestamp_millis(1_700_000_000_123),
        default: Some("none".into()),
        call_id: None,
    }
}

pub(super) fn text(text: &str) -> [Output; 1] {
    [Output::text("block", text)]
}

pub(super) fn renamed(title: &str) -> Renamed {
    Renamed { title: title.to_owned() }
}

/// A commit of ten events, the first of which changes the snapshot.
pub(super) fn ten(scribe: &mut Scribe, title: &str) -> Commit {
    let texts = (1..10).map(|n| Output::text("block", n.to_string()).into());
    scribe.record(std::iter::once(Payload::from(renamed(title))).chain(texts))
}

pub(super) async fn load(store: &impl TaskStore, task: TaskId) -> Task {
    store.load(task).await.expect("the task is there")
}

/// The whole log, in pages.
pub(super) async fn log(store: &impl TaskStore, task: TaskId) -> Vec<Event> {
    let mut log: Vec<Event> = Vec::new();
    loop {
        let after = log.last().map_or(Seq::ZERO, Event::seq);
        let page = store.events(task, after, 1000, 1 << 20).await.expect("the log is there");
        if page.is_empty() {
            return log;
        }
        for event in page {
            assert_eq!(event.seq().get(), log.len() as u64 + 1, "the log has neither gaps nor repetitions");
            log.push(event);
        }
    }
}

/// That a log is what was given. Says where it is not, instead of printing both.
pub(super) fn assert_same(found: &[Event], given: &[Event]) {
    for (found, given) in found.iter().zip(given) {
        let start = |event: &Event| event.json().chars().take(300).collect::<String>();
        assert!(found == given, "event {}: found {} for {}", given.seq(), start(found), start(given));
    }
    assert_eq!(found.len(), given.len(), "events");
}

/// Every task of a list, page by page.
pub(super) async fn walk(store: &impl TaskStore, query: &TaskQuery) -> Vec<Task> {
    let (mut query, mut tasks) = (query.clone(), Vec::new());
    loop {
        let page = store.list(&query).await.expect("the list can be read");
        assert!(page.items.len() <= query.limit, "a page has at most as many tasks as were asked for");
        tasks.extend(page.items);
        assert!(tasks.len() < 10_000, "a list has an end");
        match page.next {
            Some(next) => query = query.with_cursor(next),
            None => return tasks,
        }
    }
}

pub(super) fn ids<'a>(tasks: impl IntoIterator<Item = &'a Task>) -> Vec<TaskId> {
    tasks.into_iter().map(|task| task.id).collect()
}

pub(super) async fn counts(store: &impl TaskStore) -> StatusCounts {
    store.counts().await.expect("tasks can be counted")
}

pub(super) async fn find_key(store: &impl TaskStore, key: &str) -> Option<Keyed> {
    store.find_key(key).await.expect("keys can be looked up")
}

/// Everything a reader can see: equal before and after whatever changes nothing.
#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    tasks: Vec<Task>,
    loaded: Vec<Task>,
    logs: Vec<Vec<Event>>,
    counts: StatusCounts,
    keys: Vec<Option<Keyed>>,
}

impl Picture {
    pub(super) async fn of(store: &impl TaskStore, keys: &[&str]) -> Self {
        let tasks = walk(store, &TaskQuery::default().with_order(Order::OldestFirst)).await;
        let (mut loaded, mut logs, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for task in &tasks {
            loaded.push(load(store, task.id).await);
            logs.push(log(store, task.id).await);
        }
        for key in keys {
            found.push(find_key(store, key).await);
        }
        Self { tasks, loaded, logs, counts: counts(store).await, keys: found }
    }
}

/// The positions a conflict names: where the log should have ended, and where it ends.
pub(super) fn conflict(result: Result<(), StoreError>, of: TaskId) -> (u64, u64) {
    match result {
        Err(StoreError::Conflict { task, expected, actual }) if task == of => (expected.get(), actual.get()),
        other => panic!("no conflict: {other:?}"),
    }
}

pub(super) fn assert_not_found<T: std::fmt::Debug>(result: &Result<T, StoreError>, of: TaskId) {
    assert!(matches!(*result, Err(StoreError::NotFound(task)) if task == of), "found: {result:?}");
}
