use std::path::{Path, PathBuf};
use std::time::Duration;

use fake_model_api::FakeModelApi;
use serde_json::Value;
use task_core::{MemoryStore, NewTask, TaskManager};
use task_runners::ClaudeRunner;
use task_runners::process::Environment;

use crate::real_agents::{AGENT, Role};
use crate::support::TempDir;

/// A model API, a home for the program, and a directory to work in: each test has its own.
pub(crate) struct Rig {
    pub(crate) api: FakeModelApi,
    pub(crate) home: TempDir,
    pub(crate) dir: TempDir,
    program: PathBuf,
}

impl Rig {
    /// `None` where the program is not installed.
    pub(crate) async fn new() -> Option<Self> {
        let program = program()?;
        let api = FakeModelApi::start().await.unwrap();
        Some(Self { api, home: TempDir::new("claude-home"), dir: TempDir::new("claude-work"), program })
    }

    pub(crate) fn runner(&self) -> ClaudeRunner {
        runner(&self.program, self.api.url(), &self.home.0)
    }

    pub(crate) async fn tasks(&self, runner: ClaudeRunner) -> TaskManager {
        TaskManager::builder(MemoryStore::new()).runner(AGENT, runner).start().await.unwrap()
    }

    pub(crate) fn task(&self, message: &str) -> NewTask {
        NewTask::new(AGENT, message).work_dir(self.dir.path())
    }

    pub(crate) fn file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.dir.0.join(name)).ok()
    }

    /// What a server is told that will be killed.
    pub(crate) fn role(&self, store: &Path, message: String) -> Role {
        let (url, home, dir) = (self.api.url().to_owned(), self.home.0.clone(), self.dir.0.clone());
        Role { store: store.to_owned(), url, home, dir, message }
    }

    /// The messages of the conversation that the model was asked to go on with, newest request first.
    pub(crate) fn last_conversation(&self) -> String {
        let conversations = self.api.conversations();
        let with_tools =
            conversations.iter().rev().find(|body| body["tools"].as_array().is_some_and(|t| !t.is_empty()));
        with_tools.expect("the model was asked")["messages"].to_string()
    }
}

pub(crate) fn runner(program: &Path, url: &str, home: &Path) -> ClaudeRunner {
    let environment = Environment::basic()
        .set("HOME", home)
        .set("CLAUDE_CONFIG_DIR", home.join("config"))
        .set("ANTHROPIC_BASE_URL", url)
        .set("ANTHROPIC_API_KEY", "fake")
        .set("NO_PROXY", "127.0.0.1")
        .set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    ClaudeRunner::new().program(program).environment(environment).max_retries(2)
}

/// Where the program is, or, printed, why the test does nothing.
pub(crate) fn program() -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/agents/node_modules/@anthropic-ai/claude-code-linux-x64/claude");
    let program = std::env::var_os("CLAUDE_BIN").map_or(installed, PathBuf::from);
    if program.is_file() {
        return Some(program);
    }
    let reason = format!("the program `claude` is neither at CLAUDE_BIN nor at {}", program.display());
    assert!(std::env::var_os("REQUIRE_AGENTS").is_none_or(|value| value != "1"), "{reason}");
    println!("skipped: {reason}");
    None
}

pub(crate) fn bash(command: &str) -> Value {
    serde_json::json!({ "tool": { "name": "Bash", "input": { "command": command, "description": "a command" } } })
}

/// The test, within its limit.
pub(crate) async fn within(test: impl Future<Output = ()>) {
    tokio::time::timeout(LIMIT, test).await.expect("the test takes too long");
}

const LIMIT: Duration = Duration::from_secs(60);
