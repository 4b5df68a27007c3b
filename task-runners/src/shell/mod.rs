//! The shell agent: every message is a command line.

mod files;
mod output;
mod script;
mod session;
mod state;
mod text;
mod turn;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use task_core::{AgentRunner, Capabilities, RunContext, RunId, RunResult};

use crate::process::{Environment, Ladder, reap};
use session::Session;

/// Runs each message of a task as a command line, in the work directory of the task.
///
/// # A message is a turn
///
/// A turn is a tool call `shell` with the command as its input, the output as it is printed (stdout and stderr in the
/// order they were written), and its end: `completed`, `failed` or `cancelled`, with the exit code. Then `turn_ended`:
/// `done`, `failed`, `interrupted` or `cancelled`.
///
/// A command that fails ends its turn, not the run: the next message is taken, and a run without one completes. A run
/// fails when commands cannot be started at all: the work directory is not there, or the shell is not.
///
/// # What carries over
///
/// The working directory and exported variables carry over to the next message, to later runs of the task, and over
/// restarts, as in one shell. Variables that are not exported, functions, options and `umask` do not. Nothing is recorded
/// by a command that is killed, replaces the shell (`exec`), or ends with `exit` after it set an `EXIT` trap of its
/// own: then it is as before that command.
///
/// Exported variables are saved in the log of the task, where everybody who may see the task may see them; what the
/// command was started with is not.
///
/// # What a command leaves running
///
/// A turn ends with the shell, also if something in the background goes on. That lives as long as the run, which
/// goes on while messages are waiting, and nothing it prints after its turn is shown. At the end of the run all of
/// it is killed: [`process`](crate::process) says how.
///
/// # Stopping
///
/// A message sent with [`Delivery::Interrupt`](task_core::Delivery::Interrupt) interrupts the command as Ctrl-C does,
/// and kills it if that does not help. Cancelling kills the whole process tree: `SIGTERM`, and a second later
/// `SIGKILL`. Both times are settings. Messages to steer wait for their turn.
///
/// After a restart of the server a task that was running is interrupted, its processes are killed, and its next
/// message goes on where the last command ended.
#[derive(Clone, Debug)]
#[must_use]
pub struct ShellRunner {
    program: PathBuf,
    work_dir: Option<PathBuf>,
    environment: Environment,
    ladder: Ladder,
    interrupt_wait: Duration,
}

impl ShellRunner {
    /// The shell of this machine: `bash` where it is on the `PATH` or in `/bin`, `/bin/sh` otherwise.
    pub fn new() -> Self {
        Self {
            program: default_shell(),
            work_dir: None,
            environment: Environment::basic(),
            ladder: Ladder::default().interrupt(None).close_stdin(None),
            interrupt_wait: INTERRUPT_WAIT,
        }
    }

    /// Sets the shell. It has to understand what POSIX asks of `sh`.
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

    /// Sets the environment that every task starts with. [`Environment::basic`] unless set.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets how a command is stopped. `SIGTERM`, and a second later `SIGKILL`, unless set. Keep it below the time that
    /// the manager gives a cancelled run: then it is dropped, and killed at once.
    pub const fn ladder(mut self, ladder: Ladder) -> Self {
        self.ladder = ladder;
        self
    }

    /// Sets how long a command may take to end after `SIGINT`, which it gets a second time half way, before it is
    /// stopped like a cancelled one. 2 s unless set.
    pub const fn interrupt_wait(mut self, wait: Duration) -> Self {
        self.interrupt_wait = wait;
        self
    }
}

impl Default for ShellRunner {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl AgentRunner for ShellRunner {
    async fn run(&self, cx: RunContext) -> RunResult {
        Session::open(self, cx).await?.run().await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_interrupt()
    }

    async fn clean_up(&self, runs: &[RunId]) {
        // First the processes: one that is alive may still write a file.
        reap(runs).await;
        files::remove(runs).await;
    }
}

fn default_shell() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain([PathBuf::from("/bin")]);
    dirs.map(|dir| dir.join("bash")).find(|bash| bash.is_file()).unwrap_or_else(|| "/bin/sh".into())
}

const INTERRUPT_WAIT: Duration = Duration::from_secs(2);
