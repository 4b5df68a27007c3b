use std::path::{Path, PathBuf};
use std::time::Duration;

use fake_model_api::FakeModelApi;
use serde_json::{Value, json};
use task_core::{MemoryStore, NewTask, TaskManager};
use task_runners::AcpRunner;
use task_runners::process::Environment;

use crate::real_agents::{AGENT, Role};
use crate::support::TempDir;

/// An agent that is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Claude,
    OpenCode,
}

/// A model API, a home for the agent, and a directory to work in: each test has its own.
pub(crate) struct Rig {
    pub(crate) kind: Kind,
    pub(crate) api: FakeModelApi,
    pub(crate) home: TempDir,
    pub(crate) dir: TempDir,
}

impl Rig {
    /// `None` where the agent is not installed.
    pub(crate) async fn new(kind: Kind) -> Option<Self> {
        kind.programs()?;
        let api = FakeModelApi::start().await.unwrap();
        Some(Self { kind, api, home: TempDir::new("acp-home"), dir: TempDir::new("acp-work") })
    }

    pub(crate) fn runner(&self) -> AcpRunner {
        self.kind.runner(self.api.url(), &self.home.0)
    }

    pub(crate) async fn tasks(&self, runner: AcpRunner) -> TaskManager {
        TaskManager::builder(MemoryStore::new()).runner(AGENT, runner).start().await.unwrap()
    }

    pub(crate) fn task(&self, message: &str) -> NewTask {
        NewTask::new(AGENT, message).work_dir(self.dir.path())
    }

    pub(crate) fn file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.dir.0.join(name)).ok()
    }

    /// A call that writes a file in the work directory.
    pub(crate) fn write(&self, name: &str, content: &str) -> Value {
        let path = self.dir.0.join(name);
        let (tool, key) = match self.kind {
            Kind::Claude => ("Write", "file_path"),
            Kind::OpenCode => ("write", "filePath"),
        };
        json!({ "tool": { "name": tool, "input": { key: path, "content": content } } })
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

impl Kind {
    pub(crate) fn runner(self, url: &str, home: &Path) -> AcpRunner {
        let Some(programs) = self.programs() else { panic!("it was there a moment ago") };
        let environment = Environment::basic().set("HOME", home).set("NO_PROXY", "127.0.0.1");
        match self {
            Self::Claude => {
                let environment = environment
                    .set("ANTHROPIC_API_KEY", "fake")
                    .set("ANTHROPIC_BASE_URL", url)
                    .set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
                    .set("CLAUDE_CODE_EXECUTABLE", &programs[1])
                    .set("CLAUDE_CODE_MAX_RETRIES", "2")
                    .set("CLAUDE_CONFIG_DIR", home.join("config"));
                AcpRunner::new(&programs[0]).environment(environment)
            }
            Self::OpenCode => {
                let config = home.join("opencode.json");
                std::fs::write(&config, opencode_config(url).to_string()).unwrap();
                let environment = environment
                    .set("OPENCODE_CONFIG", config)
                    .set("OPENCODE_DISABLE_AUTOUPDATE", "1")
                    .set("OPENCODE_DISABLE_MODELS_FETCH", "1")
                    // It fetches packages for its plugins when it starts.
                    .set("npm_config_offline", "true");
                AcpRunner::new(&programs[0]).arguments(["acp"]).environment(environment)
            }
        }
    }

    /// Where its programs are, or, printed, why the test does nothing.
    fn programs(self) -> Option<Vec<PathBuf>> {
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/agents");
        let dir = std::env::var_os("AGENTS_DIR").map_or(installed, PathBuf::from).join("node_modules");
        let programs: &[&str] = match self {
            Self::Claude => &[".bin/claude-agent-acp", "@anthropic-ai/claude-code-linux-x64/claude"],
            Self::OpenCode => &["opencode-linux-x64/bin/opencode"],
        };
        let programs: Vec<_> = programs.iter().map(|program| dir.join(program)).collect();
        let Some(absent) = programs.iter().find(|program| !program.is_file()) else { return Some(programs) };
        let reason = format!("there is no {}", absent.display());
        assert!(std::env::var_os("REQUIRE_AGENTS").is_none_or(|value| value != "1"), "{reason}");
        println!("skipped: {reason}");
        None
    }

    /// A call that runs a command.
    pub(crate) fn shell(self, command: &str) -> Value {
        let tool = match self {
            Self::Claude => "Bash",
            Self::OpenCode => "bash",
        };
        json!({ "tool": { "name": tool, "input": { "command": command, "description": "a command" } } })
    }
}

/// OpenCode with our model, asking for what it would do unasked.
fn opencode_config(url: &str) -> Value {
    let model =
        json!({ "name": "fake-model", "tool_call": true, "limit": { "context": 100_000, "output": 8_000 } });
    let provider = json!({
        "npm": "@ai-sdk/openai-compatible", "name": "fake", "models": { "fake-model": model, "other-model": model },
        "options": { "baseURL": format!("{url}/v1"), "apiKey": "fake" },
    });
    json!({
        "model": "fake/fake-model", "small_model": "fake/fake-model", "provider": { "fake": provider },
        "permission": { "bash": "ask", "edit": "ask" }, "autoupdate": false, "share": "disabled",
    })
}

/// The test, within its limit.
pub(crate) async fn within(test: impl Future<Output = ()>) {
    tokio::time::timeout(LIMIT, test).await.expect("the test takes too long");
}

/// OpenCode takes some seconds to start, and half a minute on two cores that ten others share; some tests start it twice.
const LIMIT: Duration = Duration::from_secs(110);
