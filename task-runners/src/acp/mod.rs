//! Any agent that speaks the Agent Client Protocol, over its pipes.

mod abilities;
mod connection;
mod launch;
mod leave;
mod normalize;
mod peer;
#[cfg(test)]
mod recordings;
mod request;
mod session;
mod start;
mod tools;
mod turn;
mod usage;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use task_core::{AgentRunner, Capabilities, RunContext, RunId, RunResult};

use crate::Permissions;
use crate::process::{Environment, Ladder, reap};
use crate::turns::{INTERRUPT_WAIT, START_WAIT};
use session::Session;

/// Runs tasks with an agent that speaks the Agent Client Protocol, version 1: a program, unmodified, as a child process.
///
/// OpenCode (`opencode acp`), Codex (`codex-acp`), Claude Code (`claude-agent-acp`) and Gemini CLI (`gemini --acp`) are
/// such agents.
///
/// ```
/// use task_runners::{AcpRunner, Permissions};
///
/// let runner = AcpRunner::new("opencode").arguments(["acp"]).permissions(Permissions::AllowEdits);
/// ```
///
/// # A run
///
/// A run starts the program when it takes its first message, and ends it when no message waits. The session of the agent
/// outlives it: its id is stored as soon as it is known, and the next run goes on in it, if the agent can: by
/// `session/resume`, or by `session/load`, of whose replay nothing is written to the log again. An agent that can do
/// neither, or has lost the session, begins a new one, and a notice says so: one that says that the session is not there,
/// or refuses it and does not name it among its sessions (`session/list`). Any other refusal fails the run.
///
/// Text, thinking, tool calls with their input and output, plans and costs are output of the task; what has no kind of
/// its own is kept as `raw`. A turn is over when the agent answers its prompt; it ends as `done`, `interrupted`,
/// `cancelled`, `max_tokens`, `max_turns`, `refused` or `failed`. An error fails the run in the words of the agent. What
/// the agent leaves running ends with the run.
///
/// # Messages
///
/// The agent has one message at a time: the next waits for the end of the turn. One to
/// [steer](task_core::Delivery::Steer) goes to the agent at once, if it says that it takes such
/// (`_meta.steering.supported`), and waits for its turn otherwise; one to [interrupt](task_core::Delivery::Interrupt)
/// cancels the turn. Pictures become words where the agent does not take them.
///
/// # Leave
///
/// What the agent wants leave for is a question in the log of the task, unless [`Permissions`] decide it. Options are
/// known by what they mean (`allow_once`, `allow_always`, `reject_once`, `reject_always`) and never by their place or
/// name. Any viewer can answer, now or after a restart: the answer then starts a run in which the agent is told to go on,
/// and finds the answer when it asks the same again in the same turn.
///
/// [`Permissions::AllowEdits`] lets calls pass that say they edit, move or delete files, name all of them, and have them
/// in the work directory.
///
/// # What a task decides
///
/// | option | what it does |
/// |---|---|
/// | `work_dir` | where the agent works |
/// | `add_dirs` | where else it may, if it takes more directories; a notice says so if it does not |
/// | `model` | the model, else that of the runner, else that of the agent |
/// | `enable_skills`, `enable_mcp` | nothing: the protocol has no word for it. No servers are handed to the agent |
///
/// # Security
///
/// **The agent has all the rights of this process.** It is no sandbox. What it asks leave for is its own decision, by its
/// own settings: some ask for nothing unless told to. So this runner puts an agent that has a mode `default`, or else
/// `read-only` (Codex), into it, in which it asks people rather than another model; for any other, look at its settings, or
/// at [`AcpRunner::mode`].
///
/// **A directory can make an agent run commands** before the first question is asked: by servers, hooks and plugins in
/// its settings there, which the protocol cannot switch off. Let it work in directories only that you would run a script
/// from.
///
/// No file system and no terminal are offered to the agent: it works with its own tools. It is given the environment that
/// is named, and nothing of the server's: see [`AcpRunner::environment`]. Everything it says is kept in the log of the
/// task.
///
/// # Stopping
///
/// Cancelling asks the agent to stop its turn, ends its input, and then climbs the [`Ladder`]; the tools it runs, which may
/// have sessions of their own, are found by the mark in their environment. After a crash of the server the next start does
/// the same, and the task is interrupted.
#[derive(Clone, Debug)]
#[must_use]
pub struct AcpRunner {
    program: PathBuf,
    arguments: Vec<OsString>,
    work_dir: Option<PathBuf>,
    environment: Option<Environment>,
    model: Option<String>,
    mode: Option<String>,
    permissions: Permissions,
    ladder: Ladder,
    interrupt_wait: Duration,
    start_wait: Duration,
}

impl AcpRunner {
    /// A program, by its name on the `PATH` of this process or its path, that asks for everything it wants leave for.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            work_dir: None,
            environment: None,
            model: None,
            mode: None,
            permissions: Permissions::default(),
            ladder: Ladder::default(),
            interrupt_wait: INTERRUPT_WAIT,
            start_wait: START_WAIT,
        }
    }

    /// Sets the arguments with which the program speaks the protocol.
    pub fn arguments<S: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// Sets where tasks work that name no directory, and from where relative ones are taken. Without this it is the
    /// directory of this process.
    pub fn work_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.work_dir = Some(dir.into());
        self
    }

    /// The environment of a program and of its tools unless another is set: [`Environment::basic`], proxies, the `XDG_…`
    /// directories and, for `claude-agent-acp`, `codex-acp`, `gemini`, `goose` and `opencode`, the variables of their own
    /// that lead to their model and their settings, as far as this process has them. For any other program, name its key.
    /// The tools of the agent see all of it, too.
    #[must_use]
    pub fn default_environment(program: impl AsRef<Path>) -> Environment {
        launch::default_environment(program.as_ref())
    }

    /// Sets the environment of the agent and of its tools, in place of
    /// [the usual one](AcpRunner::default_environment).
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// Sets the model of tasks that name none, as the agent calls it.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets the mode in which the agent works, by the id it has with the agent; a run fails where the agent has no such
    /// mode. Unless set it is `default` for agents that have one of that name, else `read-only`, which is what Codex calls
    /// it, and their own choice for others.
    pub fn mode(mut self, mode: impl Into<String>) -> Self {
        self.mode = Some(mode.into());
        self
    }

    /// Sets what the agent may do without asking. Nothing that it wants leave for, unless set.
    pub const fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    /// Sets how the agent is stopped: asked to, by its own protocol, in place of `SIGINT`; then as [`Ladder`] says.
    /// Keep it below the time that the manager gives a cancelled run: then it is dropped, and killed at once.
    pub const fn ladder(mut self, ladder: Ladder) -> Self {
        self.ladder = ladder;
        self
    }

    /// Sets how long the agent may take to stop a turn for a message, before its process is stopped. 5 s unless set.
    pub const fn interrupt_wait(mut self, wait: Duration) -> Self {
        self.interrupt_wait = wait;
        self
    }

    /// Sets how long the agent may take until it is ready for its first prompt. 60 s unless set.
    pub const fn start_wait(mut self, wait: Duration) -> Self {
        self.start_wait = wait;
        self
    }
}

#[async_trait]
impl AgentRunner for AcpRunner {
    async fn run(&self, cx: RunContext) -> RunResult {
        Session::open(self, cx).await?.run().await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_interrupt().with_steer()
    }

    async fn clean_up(&self, runs: &[RunId]) {
        reap(runs).await;
    }
}
