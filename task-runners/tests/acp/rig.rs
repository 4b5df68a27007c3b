use std::path::{Path, PathBuf};
use std::time::Duration;

use fake_model_api::FakeModelApi;
use serde_json::{Value, json};
use task_core::{MemoryStore, NewTask, TaskId, TaskManager};
use task_runners::AcpRunner;
use task_runners::process::Environment;

use crate::real_agents::{AGENT, Role};
use crate::support::TempDir;

/// An agent that is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Claude,
    Codex,
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
        Some(Self { kind, api, home: kind.home(), dir: TempDir::new("acp-work") })
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

    /// A call that writes a file of one line in the work directory.
    pub(crate) fn write(&self, name: &str, line: &str) -> Value {
        let (path, content) = (self.dir.0.join(name), format!("{line}\n"));
        let (tool, input) = match self.kind {
            Kind::Claude => ("Write", json!({ "file_path": path, "content": content })),
            Kind::Codex => {
                let patch = format!("*** Begin Patch\n*** Add File: {name}\n+{line}\n*** End Patch\n");
                ("apply_patch", json!(patch))
            }
            Kind::OpenCode => ("write", json!({ "filePath": path, "content": content })),
        };
        json!({ "tool": { "name": tool, "input": input } })
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
        let said = if self.kind == Kind::Codex { "input" } else { "messages" };
        with_tools.expect("the model was asked")[said].to_string()
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
            Self::Codex => {
                let config = home.join("codex");
                std::fs::create_dir_all(&config).unwrap();
                std::fs::write(config.join("config.toml"), codex_config(url)).unwrap();
                AcpRunner::new(&programs[0]).environment(environment.set("CODEX_HOME", config))
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
        let dir = agents_dir().join("node_modules");
        let programs: &[&str] = match self {
            Self::Claude => &[".bin/claude-agent-acp", "@anthropic-ai/claude-code-linux-x64/claude"],
            Self::Codex => {
                &[".bin/codex-acp", "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex"]
            }
            Self::OpenCode => &["opencode-linux-x64/bin/opencode"],
        };
        let programs: Vec<_> = programs.iter().map(|program| dir.join(program)).collect();
        let Some(absent) = programs.iter().find(|program| !program.is_file()) else { return Some(programs) };
        let reason = format!("there is no {}", absent.display());
        assert!(std::env::var_os("REQUIRE_AGENTS").is_none_or(|value| value != "1"), "{reason}");
        println!("skipped: {reason}");
        None
    }

    /// The name of its tests.
    pub(crate) const fn module(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::OpenCode => "opencode",
        }
    }

    /// Whether it takes messages into a turn that is under way.
    pub(crate) const fn steers(self) -> bool {
        matches!(self, Self::Claude | Self::Codex)
    }

    /// A call that runs a command, with leave.
    pub(crate) fn shell(self, command: &str) -> Value {
        let described = json!({ "command": command, "description": "a command" });
        let (tool, input) = match self {
            Self::Claude => ("Bash", described),
            // Without leave it runs in a sandbox. A command that takes longer than this goes on behind the turn.
            Self::Codex => {
                let leave = ("require_escalated", "May I?");
                let input = json!({
                    "cmd": command, "sandbox_permissions": leave.0, "justification": leave.1, "yield_time_ms": 30_000,
                });
                ("exec_command", input)
            }
            Self::OpenCode => ("bash", described),
        };
        json!({ "tool": { "name": tool, "input": input } })
    }

    /// A directory for what it keeps.
    fn home(self) -> TempDir {
        if self != Self::Codex {
            return TempDir::new("acp-home");
        }
        // It takes none below the directory for temporary files: its sandbox would not start.
        let home = agents_dir().join("homes").join(TaskId::new().to_string());
        std::fs::create_dir_all(&home).unwrap();
        TempDir(home.canonicalize().unwrap())
    }
}

/// Where the programs are installed.
fn agents_dir() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/agents");
    std::env::var_os("AGENTS_DIR").map_or(installed, PathBuf::from)
}

/// Codex with our model, and nothing that it fetches or tells when it starts. It has to know the model by its name, or
/// says that it does not.
fn codex_config(url: &str) -> String {
    format!(
        r#"
        model = "gpt-5.5"
        model_provider = "fake"
        check_for_update_on_startup = false
        analytics.enabled = false
        features.apps = false
        features.plugins = false
        [model_providers.fake]
        name = "fake"
        base_url = "{url}/v1"
        wire_api = "responses"
        request_max_retries = 2
        stream_max_retries = 2
        "#
    )
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
