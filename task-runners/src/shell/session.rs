use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use serde::Serialize;
use task_core::{
    IncomingMessage, Json, NoticeLevel, Output as Event, RunContext, RunError, RunResult, ToolCall,
};
use task_core::{ToolStatus, ToolUpdate};
use tokio::process::ChildStdout;
use tokio::task::JoinSet;

use super::ShellRunner;
use super::files::RunFiles;
use super::output::Output;
use super::script;
use super::state::State;
use super::turn::{Ended, Turn};
use crate::process::{Command, Mark, ProcessTree, Sweep};
use crate::work_dir;

/// One run: its messages one after the other, each a command.
pub(super) struct Session<'a> {
    runner: &'a ShellRunner,
    cx: RunContext,
    /// Where commands work unless one went elsewhere.
    base_dir: PathBuf,
    files: RunFiles,
    state: State,
    turns: u32,
    /// What commands left running; killed with the run.
    left: Sweep,
    /// The pipes it may write to. Nobody reads what it says any more, but closed pipes would kill it.
    pipes: JoinSet<()>,
}

impl<'a> Session<'a> {
    pub(super) async fn open(runner: &'a ShellRunner, cx: RunContext) -> Result<Self, RunError> {
        let base_dir = work_dir::resolve(runner.work_dir.as_deref(), cx.task().work_dir.as_deref())?;
        let files = RunFiles::create(cx.id()).map_err(|error| {
            RunError::new(format!("cannot create a directory in {}: {error}", std::env::temp_dir().display()))
        })?;
        if cx.task().session_id.is_none() {
            cx.set_session(format!("shell-{}", cx.task().id)).await?;
        }
        let state = cx.last_checkpoint().await?.unwrap_or_default();
        let left = Sweep::of_runs(&[cx.id()]);
        Ok(Self { runner, cx, base_dir, files, state, turns: 0, left, pipes: JoinSet::new() })
    }

    pub(super) async fn run(mut self) -> RunResult {
        while let Some(message) = self.cx.next_message().await? {
            if self.cx.is_cancelled() {
                return Ok(());
            }
            self.turn(&message).await?;
            if self.cx.is_cancelled() {
                return Ok(());
            }
            while self.pipes.try_join_next().is_some() {}
        }
        Ok(())
    }

    async fn turn(&mut self, message: &IncomingMessage) -> RunResult {
        let command = message.text();
        self.turns += 1;
        let call_id = format!("shell-{}-{}", self.cx.run(), self.turns);
        let input = Json::new(&Input { command: &command })?;
        let call = ToolCall::new(&call_id, "shell").with_title(title(&command)).with_input(input);
        self.cx.tool_call(call).await?;

        if let Some(reason) = refusal(&command) {
            let update = ToolUpdate::new(&call_id, ToolStatus::Failed).with_output(reason);
            self.cx.tool_update(update).await?;
            return self.cx.emit(Event::turn_ended("failed")).await;
        }
        let tree = match self.start(&command).await {
            Ok(tree) => tree,
            Err(error) => {
                self.cx.tool_update(ToolUpdate::new(&call_id, ToolStatus::Failed)).await?;
                return Err(error);
            }
        };
        let (ended, status) = self.finish(&call_id, tree).await?;
        self.keep_state().await?;
        let mut update = ToolUpdate::new(&call_id, ended.tool_status());
        if let Some(code) = exit_code(status) {
            update = update.with_exit_code(code);
        }
        self.cx.tool_update(update).await?;
        self.cx.emit(Event::turn_ended(ended.reason())).await
    }

    async fn start(&mut self, command: &str) -> Result<ProcessTree, RunError> {
        let dir = self.work_dir().await?;
        let shell = &self.runner.program;
        let environment = self.state.environment(&self.runner.environment, &dir.to_string_lossy());
        let tree = Command::new(shell)
            .args(script::arguments(command, &self.files.record()))
            .environment(environment)
            .work_dir(&dir)
            .without_stdin()
            .merge_stderr()
            .spawn(Mark::new(self.cx.id()));
        tree.map_err(|error| {
            RunError::new(format!("cannot start {} in {}: {error}", shell.display(), dir.display()))
        })
    }

    /// Waits for the end of a command and of what it prints.
    async fn finish(
        &mut self,
        call_id: &str,
        mut tree: ProcessTree,
    ) -> Result<(Ended, ExitStatus), RunError> {
        let mut output = Output::new(call_id, tree.take_stdout());
        let turn =
            Turn { cx: &self.cx, ladder: self.runner.ladder, interrupt_wait: self.runner.interrupt_wait };
        let ended = turn.wait(&mut tree, &mut output).await?;
        output.drain(&self.cx).await?;
        self.left.absorb(&tree.leave());
        if let Some(pipe) = output.into_pipe() {
            self.pipes.spawn(discard(pipe));
        }
        Ok(ended)
    }

    /// Where the last command ended, if that is still there.
    async fn work_dir(&mut self) -> Result<PathBuf, RunError> {
        let Some(dir) = self.state.dir.as_deref().map(PathBuf::from) else {
            return Ok(self.base_dir.clone());
        };
        if dir.is_dir() {
            return Ok(dir);
        }
        let words = format!("{} is gone; back in {}", dir.display(), self.base_dir.display());
        self.cx.notice(NoticeLevel::Warning, words).await?;
        self.state.dir = None;
        Ok(self.base_dir.clone())
    }

    /// Takes over what the command left to the next, and saves it if it differs.
    async fn keep_state(&mut self) -> RunResult {
        let path = self.files.record();
        let record = tokio::task::spawn_blocking(move || RunFiles::take_record(&path)).await?;
        let Some(mut state) = State::from_record(&record, &self.runner.environment) else { return Ok(()) };
        if state == self.state {
            return Ok(());
        }
        let size = Json::new(&state)?.as_str().len();
        if size > CHECKPOINT {
            let words =
                format!("the exported variables take {size} bytes, more than {CHECKPOINT}; they are dropped");
            self.cx.notice(NoticeLevel::Warning, words).await?;
            state = state.without_variables();
        }
        self.cx.checkpoint(&state).await?;
        self.state = state;
        Ok(())
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // What carries the mark of the run, core's call of `clean_up` finds. This is for what it would not: processes
        // that hide their mark, and were seen while they were still in a group.
        if !self.left.is_empty() {
            self.left.kill(PATIENCE);
        }
    }
}

#[derive(Serialize)]
struct Input<'a> {
    command: &'a str,
}

/// Why a message is no command.
fn refusal(command: &str) -> Option<&'static str> {
    if command.trim().is_empty() {
        Some("the message holds no text to run\n")
    } else if command.contains('\0') {
        Some("a command cannot hold a NUL character\n")
    } else {
        None
    }
}

/// The first line that says something.
fn title(command: &str) -> String {
    let mut lines = command.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.next().unwrap_or("(nothing)");
    let is_cut = lines.next().is_some() || line.chars().count() > TITLE;
    let kept: String = line.chars().take(TITLE).collect();
    if is_cut { format!("{kept} …") } else { kept }
}

/// As a shell tells it: what a signal ended is 128 and its number.
fn exit_code(status: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal))
}

async fn discard(mut pipe: ChildStdout) {
    // Whatever ends it, nobody needs to know.
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
}

/// Bytes of a checkpoint, well below the limit of an event.
const CHECKPOINT: usize = 256 << 10;

/// Characters of the title of a call.
const TITLE: usize = 120;

/// How long the end of a run may take to kill what its commands left. A limit; it takes some milliseconds.
const PATIENCE: Duration = Duration::from_millis(150);
