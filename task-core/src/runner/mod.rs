//! What runs a task: the contract of runners, and what they are given.

mod ask;
mod context;
mod error;
mod keeping;
mod messages;
mod output;
mod questions;

use std::future::Future;

use async_trait::async_trait;

use crate::model::TaskId;

pub use ask::{Answer, Ask};
pub use context::RunContext;
pub(crate) use context::RunParts;
pub use error::{RunError, RunResult};
pub use messages::IncomingMessage;

/// Something that does the work of a task: an agent, or the way to one.
///
/// # The two parties
///
/// *Core* starts a run, hands over messages and answers, stores what the run emits, tells it to stop, and settles the
/// task, whatever the run does. *The runner* works, emits, and returns.
///
/// What core guarantees: `run` is called at most once per run number; at most one run of a task is alive at any time,
/// in any process; a panic ends the run and nothing else. What a runner should do: look at
/// [`RunContext::cancelled`], and return soon after. One that does not is dropped after the grace period; its task is
/// settled all the same.
///
/// A plain `async fn(RunContext) -> RunResult` is a runner:
///
/// ```
/// use task_core::{RunContext, RunResult};
///
/// async fn parrot(cx: RunContext) -> RunResult {
///     while let Some(message) = cx.next_message().await? {
///         cx.text("reply", message.text()).await?;
///     }
///     Ok(())
/// }
/// # fn is_runner(_: impl task_core::AgentRunner) {}
/// # is_runner(parrot);
/// ```
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an agent runner",
    label = "expected an `async fn(RunContext) -> RunResult` or a type that implements `AgentRunner`",
    note = "an async fn must take `RunContext` by value, return `RunResult`, and its future must be `Send`"
)]
pub trait AgentRunner: Send + Sync + 'static {
    /// Does one run. The task is completed when it returns `Ok`, failed when it returns an error or panics, and
    /// cancelled when somebody asked for that, whatever it returns.
    ///
    /// Messages that were accepted and not taken by the time it returns `Ok` start the next run. A run that took no
    /// message at all is not started for the same ones again: those are refused.
    async fn run(&self, cx: RunContext) -> RunResult;

    /// What the runner can do. By default nothing special: every message waits for its turn.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Takes back whatever may be left of these runs: processes, files, connections. Called after each run, however
    /// it ended, and after a crash of the process for all the runs it was doing. Must be quick, and fine to call
    /// twice.
    async fn clean_up(&self, runs: &[RunId]) {
        let _ = runs;
    }
}

#[async_trait]
impl<F, R> AgentRunner for F
where
    F: Fn(RunContext) -> R + Send + Sync + 'static,
    R: Future<Output = RunResult> + Send + 'static,
{
    async fn run(&self, cx: RunContext) -> RunResult {
        self(cx).await
    }
}

/// Names one run of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RunId {
    /// The task.
    pub task: TaskId,
    /// The run, from 1.
    pub run: u32,
}

impl RunId {
    /// The run `run` of `task`.
    #[must_use]
    pub const fn new(task: TaskId, run: u32) -> Self {
        Self { task, run }
    }
}

/// What a runner can do beyond taking one message after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// It takes messages into a running turn: [`RunContext::steered`].
    pub steer: bool,
    /// It can stop a turn for a message: [`RunContext::interrupted`].
    pub interrupt: bool,
    /// It picks up by itself where a crash of the process left it. Without this such a task is interrupted, so that
    /// nothing is done twice behind anybody's back.
    pub resume_after_restart: bool,
}

impl Capabilities {
    /// The same, and it takes messages into a running turn.
    #[must_use]
    pub const fn with_steer(mut self) -> Self {
        self.steer = true;
        self
    }

    /// The same, and it can stop a turn for a message.
    #[must_use]
    pub const fn with_interrupt(mut self) -> Self {
        self.interrupt = true;
        self
    }

    /// The same, and it picks up by itself after a crash of the process.
    #[must_use]
    pub const fn with_resume_after_restart(mut self) -> Self {
        self.resume_after_restart = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_add_up() {
        let none = Capabilities::default();
        assert_eq!((none.steer, none.interrupt, none.resume_after_restart), (false, false, false));
        let all = none.with_steer().with_interrupt().with_resume_after_restart();
        assert_eq!((all.steer, all.interrupt, all.resume_after_restart), (true, true, true));
        let turned = none.with_resume_after_restart().with_interrupt().with_steer();
        assert_eq!(turned, all);
    }
}
