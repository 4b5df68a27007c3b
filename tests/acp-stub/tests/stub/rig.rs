use task_core::{Event, MemoryStore, Output, Payload, Task, TaskManager};
use task_runners::AcpRunner;
use task_runners::process::Environment;
use tempfile::TempDir;

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

pub(crate) fn raw(events: &[Event]) -> Vec<String> {
    let raw = events.iter().filter_map(|event| match event.payload() {
        Payload::Output(Output::Raw(raw)) => Some(raw.data.as_str().to_owned()),
        _ => None,
    });
    raw.collect()
}
