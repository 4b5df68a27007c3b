//! What the tests share, whatever the agent: it is compiled with any feature.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use task_core::{
    Event, InputRequest, NoticeLevel, Output, Payload, RunId, Seq, Task, TaskId, TaskManager, TaskStatus,
    ToolUpdate,
};
use task_runners::process::Sweep;

/// No test takes longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);

/// The test, within its limit.
pub(crate) async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, test).await.expect("the test takes too long")
}

/// The task and its log, once it has settled.
pub(crate) async fn settled(tasks: &TaskManager, task: TaskId) -> (Task, Vec<Event>) {
    let task = tasks.wait(task).await.unwrap();
    let events = tasks.subscribe(task.id, Seq::ZERO).map(Result::unwrap).collect().await;
    (task, events)
}

/// Waits until the log holds an event as wanted.
pub(crate) async fn until(tasks: &TaskManager, task: TaskId, wanted: impl Fn(&Event) -> bool) -> Event {
    let mut events = tasks.subscribe(task, Seq::ZERO);
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        if wanted(&event) {
            return event;
        }
    }
    panic!("the task settled without the event");
}

/// Waits until the commands of the task have printed `text`, in whatever pieces.
pub(crate) async fn until_printed(tasks: &TaskManager, task: TaskId, text: &str) {
    let mut printed = String::new();
    let mut events = tasks.subscribe(task, Seq::ZERO);
    while !printed.contains(text) {
        let event = events.next().await.unwrap_or_else(|| panic!("the task settled; it printed {printed:?}"));
        if let Some(update) = tool_update(&event.unwrap()) {
            printed.push_str(update.output.as_deref().unwrap_or_default());
        }
    }
}

pub(crate) fn tool_update(event: &Event) -> Option<ToolUpdate> {
    match event.payload() {
        Payload::Output(Output::ToolUpdate(update)) => Some(update),
        _ => None,
    }
}

/// Everything that commands printed.
pub(crate) fn printed(events: &[Event]) -> String {
    events.iter().filter_map(tool_update).filter_map(|update| update.output).collect()
}

/// How each command ended: status and exit code.
pub(crate) fn endings(events: &[Event]) -> Vec<(String, Option<i32>)> {
    let updates = events.iter().filter_map(tool_update).filter(|update| !update.status.is_open());
    updates.map(|update| (format!("{:?}", update.status).to_lowercase(), update.exit_code)).collect()
}

/// Why each turn ended.
pub(crate) fn turn_reasons(events: &[Event]) -> Vec<String> {
    let turns = events.iter().filter_map(|event| match event.payload() {
        Payload::Output(Output::TurnEnded(ended)) => Some(ended.reason),
        _ => None,
    });
    turns.collect()
}

/// What the agent said.
pub(crate) fn said(events: &[Event]) -> String {
    let texts = events.iter().filter_map(|event| match event.payload() {
        Payload::Output(Output::Text(delta)) => Some(delta.text),
        _ => None,
    });
    texts.collect()
}

pub(crate) fn notices(events: &[Event]) -> Vec<String> {
    let notices = events.iter().filter_map(|event| match event.payload() {
        Payload::Output(Output::Notice(notice)) => Some(notice.text),
        _ => None,
    });
    notices.collect()
}

/// Waits for a question that is open.
pub(crate) async fn asked(tasks: &TaskManager, task: TaskId) -> InputRequest {
    until(tasks, task, |event| event.kind() == "input_requested").await;
    tasks.get(task).await.unwrap().requests.first().expect("the question is open").clone()
}

pub(crate) fn completed(task: &Task) {
    assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
}

/// Why the task failed.
pub(crate) fn failure(task: &Task) -> &str {
    assert_eq!(task.status, TaskStatus::Failed);
    task.error.as_deref().expect("a failed task says why")
}

/// How much each notice matters.
pub(crate) fn levels(events: &[Event]) -> Vec<NoticeLevel> {
    let levels = events.iter().filter_map(|event| match event.payload() {
        Payload::Output(Output::Notice(notice)) => Some(notice.level),
        _ => None,
    });
    levels.collect()
}

/// Processes alive that carry the mark of the run, or were seen by `sweep` before.
pub(crate) fn alive(task: TaskId, run: u32) -> usize {
    Sweep::of_runs(&[RunId::new(task, run)]).look()
}

/// Waits until `condition` holds: for what no event tells.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process has the number, and has not ended.
pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// A directory that is removed with it.
pub(crate) struct TempDir(pub(crate) std::path::PathBuf);

impl TempDir {
    pub(crate) fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("runners-test-{name}-{}", TaskId::new()));
        std::fs::create_dir(&dir).unwrap();
        Self(std::fs::canonicalize(dir).unwrap())
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// What a command wrote to the file `name`, once it did.
    pub(crate) async fn number(&self, name: &str) -> i32 {
        let path = self.0.join(name);
        let read = || std::fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n'));
        eventually(&format!("{name} is written"), || read().is_some()).await;
        read().unwrap().trim().parse().unwrap()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
