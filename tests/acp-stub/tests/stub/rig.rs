use task_core::{Event, MemoryStore, NewTask, Output, Payload, Task, TaskId, TaskManager, TaskStatus};
use task_runners::AcpRunner;
use task_runners::process::Environment;
use tempfile::TempDir;

use crate::support::settled;

/// The stub as an agent, and its directory.
pub(crate) struct Rig {
    pub(crate) home: TempDir,
    environment: Environment,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self { home: TempDir::new().unwrap(), environment: Environment::basic() }
    }

    /// One that says it can do this.
    pub(crate) fn that_can(can: &str) -> Self {
        Self::new().with("STUB_CAN", can)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment = self.environment.set(name, value);
        self
    }

    pub(crate) fn with_environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    pub(crate) fn runner(&self) -> AcpRunner {
        let environment = self.environment.clone().set("STUB_HOME", self.home.path());
        AcpRunner::new(env!("CARGO_BIN_EXE_acp-stub")).environment(environment)
    }

    pub(crate) async fn tasks(&self) -> TaskManager {
        serve(self.runner()).await
    }

    /// What the stub kept of a session.
    pub(crate) fn session(&self, task: &Task) -> String {
        let session = task.session_id.as_ref().expect("it has a session");
        std::fs::read_to_string(self.home.path().join(session)).unwrap()
    }
}

pub(crate) async fn serve(runner: AcpRunner) -> TaskManager {
    TaskManager::builder(MemoryStore::new()).runner("stub", runner).start().await.unwrap()
}

pub(crate) async fn start(tasks: &TaskManager, message: &str) -> TaskId {
    tasks.create(NewTask::new("stub", message)).await.unwrap().id
}

pub(crate) async fn run(tasks: &TaskManager, message: &str) -> (Task, Vec<Event>) {
    let task = start(tasks, message).await;
    settled(tasks, task).await
}

/// The next run of a task, and only what it said.
pub(crate) async fn again(tasks: &TaskManager, task: TaskId, message: &str) -> (Task, Vec<Event>) {
    let before = tasks.get(task).await.unwrap().seq;
    tasks.send(task, message).await.unwrap();
    let (task, events) = settled(tasks, task).await;
    (task, events.into_iter().filter(|event| event.seq() > before).collect())
}

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

pub(crate) fn raw(events: &[Event]) -> Vec<String> {
    let raw = events.iter().filter_map(|event| match event.payload() {
        Payload::Output(Output::Raw(raw)) => Some(raw.data.as_str().to_owned()),
        _ => None,
    });
    raw.collect()
}

pub(crate) fn error(task: &Task) -> &str {
    assert_eq!(task.status, TaskStatus::Failed);
    task.error.as_deref().expect("a failed task says why")
}

pub(crate) fn completed(task: &Task) {
    assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
}
