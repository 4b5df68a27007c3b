//! Claude Code, as it is installed, over its stream of JSON lines.

mod asking;
mod control;
mod event;
mod launch;
mod messages;
mod normalize;
mod partial;
mod plan;
mod session;
mod start;
mod state;
mod stream;
mod tools;
#[cfg(test)]
mod transcripts;
mod turn;
mod usage;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use task_core::{AgentRunner, Capabilities, RunContext, RunId, RunResult};

use crate::Permissions;
use crate::process::{Environment, Ladder, reap};
use crate::turns::{INTERRUPT_WAIT, START_WAIT};
use session::Session;

pub use launch::RefusedArgument;

/// Runs tasks with Claude Code: the program `claude`, unmodified, as a child process.
///
/// # A run
///
/// A run starts the program when it takes its first message, and ends it when no message waits. The session of the
/// agent outlives it: its id is stored as soon as it is known, and the next run goes on in it.
///
/// Text, thinking, tool calls with their input as it is written, results, plans and costs are output of the task. A turn
/// is over when the agent says that its session is idle and what became of every message it was given; it ends as
/// `done`, `interrupted`, `cancelled`, `max_turns` or `failed`. An error of the model's API, after the retries that are
/// allowed, fails the run in the words of the agent. What the agent leaves running in the background belongs to the run,
/// which waits for it: see [`ClaudeRunner::background_wait`].
///
/// # Messages
///
/// A message waits for its turn; one to [steer](task_core::Delivery::Steer) goes to the agent at once, which takes it in
/// after the tool it is using, and one to [interrupt](task_core::Delivery::Interrupt) stops the turn. A message that the
/// agent had taken and dropped again, because its turn was stopped, is sent again in the next.
///
/// # Leave and questions
///
/// What the agent wants leave for is a question in the log of the task, unless [`Permissions`] decide it; so is what it
/// asks the user to choose. Any viewer can answer, now or after a restart: the answer then starts a run in which the
/// agent is told to go on, and finds the answer when it asks the same again in the same turn.
///
/// # What a task decides
///
/// | option | what it does |
/// |---|---|
/// | `work_dir`, `add_dirs` | where the agent works, and where else it may |
/// | `model` | the model, else that of the runner, else that of the agent |
/// | `enable_skills` | with `true`, skills, and the settings of the user and of the project. Else neither |
/// | `enable_mcp` | with `true`, the servers in the `.mcp.json` of the work directory, and those of [`ClaudeRunner::mcp_config`]. Else none |
///
/// # Security
///
/// **The agent has all the rights of this process**; what it does without asking is what [`Permissions`] and its own
/// rules allow. It is no sandbox.
///
/// A directory can hold commands that run before the first question is asked: servers in `.mcp.json`, hooks in its
/// settings. So a task starts none of them unless it says `enable_mcp` or `enable_skills`; say so for directories that
/// you would run a script from.
///
/// The agent is given the environment that is named, and nothing of the server's: see [`ClaudeRunner::environment`].
/// Everything it says is kept in the log of the task.
///
/// # Stopping
///
/// Cancelling asks the agent to stop, ends its input, and then climbs the [`Ladder`]; the tools it runs, which have
/// sessions of their own, are found by the mark in their environment. After a crash of the server the next start does the
/// same, and the task is interrupted.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClaudeRunner {
    program: PathBuf,
    work_dir: Option<PathBuf>,
    environment: Environment,
    model: Option<String>,
    permissions: Permissions,
    mcp_config: Option<PathBuf>,
    extra_args: Vec<String>,
    max_retries: u32,
    ladder: Ladder,
    interrupt_wait: Duration,
    start_wait: Duration,
    background_wait: Duration,
}

impl ClaudeRunner {
    /// `claude` as it is found on the `PATH`, asking for everything that needs leave.
    pub fn new() -> Self {
        Self {
            program: "claude".into(),
            work_dir: None,
            environment: Self::default_environment(),
            model: None,
            permissions: Permissions::default(),
            mcp_config: None,
            extra_args: Vec::new(),
            max_retries: MAX_RETRIES,
            ladder: Ladder::default(),
            interrupt_wait: INTERRUPT_WAIT,
            start_wait: START_WAIT,
            background_wait: BACKGROUND_WAIT,
        }
    }

    /// Sets the program: a name on the `PATH` of this process, or a path.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Sets where tasks work that name no directory, and from where relative ones are taken. Without this it is the
    /// directory of this process.
    pub fn work_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.work_dir = Some(dir.into());
        self
    }

    /// The environment of the agent and of its tools unless another is set: [`Environment::basic`] and, where this process
    /// has them, what leads to the model and to the agent's own directory: `ANTHROPIC_API_KEY`, `ANTHROPIC_AUTH_TOKEN`,
    /// `ANTHROPIC_BASE_URL`, `ANTHROPIC_MODEL`, `CLAUDE_CODE_OAUTH_TOKEN`, `CLAUDE_CONFIG_DIR`,
    /// `CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC`, `HTTPS_PROXY` and `NO_PROXY`. The tools of the agent see them, too.
    #[must_use]
    pub fn default_environment() -> Environment {
        launch::default_environment()
    }

    /// Sets the environment of the agent and of its tools, in place of
    /// [the usual one](ClaudeRunner::default_environment).
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets the model of tasks that name none.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets what the agent may do without asking. Nothing that needs leave, unless set.
    pub const fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    /// Sets a file with MCP servers for the tasks that enable them. A file, because the arguments of a program can be
    /// read by everybody on the machine.
    pub fn mcp_config(mut self, file: impl Into<PathBuf>) -> Self {
        self.mcp_config = Some(file.into());
        self
    }

    /// Sets more arguments, `--max-turns=20` for example.
    ///
    /// # Errors
    ///
    /// When one is an option that the runner sets itself, or one that switches off that leave is asked.
    pub fn extra_args<S: Into<String>>(
        mut self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Self, RefusedArgument> {
        self.extra_args = args.into_iter().map(Into::into).collect();
        for argument in &self.extra_args {
            launch::check(argument)?;
        }
        Ok(self)
    }

    /// Sets how often a request to the model is repeated that failed. 4 unless set; the agent's own choice is 10, which
    /// takes minutes, also when the key is wrong.
    pub const fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
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

    /// Sets how long the agent may take to say its first word. 60 s unless set.
    pub const fn start_wait(mut self, wait: Duration) -> Self {
        self.start_wait = wait;
        self
    }

    /// Sets how long a run that has nothing else to do waits for what the agent left running in the background; it is
    /// stopped then. 10 min unless set.
    pub const fn background_wait(mut self, wait: Duration) -> Self {
        self.background_wait = wait;
        self
    }
}

impl Default for ClaudeRunner {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl AgentRunner for ClaudeRunner {
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

const MAX_RETRIES: u32 = 4;
const BACKGROUND_WAIT: Duration = Duration::from_secs(600);
