//! What the runs of agent programs have in common.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use task_core::{IncomingMessage, NoticeLevel, Output, RunContext, RunError, RunResult, ToolStatus};
use tokio::time::{Instant, sleep_until};

use crate::text::{first_line, fitting};

/// What a run leaves to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The turn that is under way.
    #[serde(default)]
    pub(crate) turn: Option<String>,
    /// Whether the session holds something that would be missed.
    #[serde(default)]
    pub(crate) has_history: bool,
}

impl Kept {
    /// Stores that the turn begins that is about `anchor`.
    pub(crate) async fn begin_turn(&mut self, cx: &RunContext, anchor: &str) -> RunResult {
        self.replace(cx, Self { turn: Some(anchor.to_owned()), ..self.clone() }).await
    }

    /// Stores that the turn is over. One that is cut off by a shutdown is not: it goes on after it, when the answer it
    /// waits for comes.
    pub(crate) async fn end_turn(&mut self, cx: &RunContext, reason: &str) -> RunResult {
        if cx.is_cancelled() {
            return Ok(());
        }
        self.replace(cx, Self { turn: None, has_history: self.has_history || reason == "done" }).await
    }

    async fn replace(&mut self, cx: &RunContext, kept: Self) -> RunResult {
        if kept != *self {
            cx.checkpoint(&kept).await?;
            *self = kept;
        }
        Ok(())
    }
}

/// Messages that were taken and wait for their turn.
#[derive(Default)]
pub(crate) struct Waiting(VecDeque<IncomingMessage>);

impl Waiting {
    pub(crate) fn add(&mut self, messages: impl IntoIterator<Item = IncomingMessage>) {
        self.0.extend(messages);
    }

    /// The next message: one that waits, or else the next of the task.
    pub(crate) async fn next(&mut self, cx: &RunContext) -> Result<Option<IncomingMessage>, RunError> {
        match self.0.pop_front() {
            Some(message) => Ok(Some(message)),
            None => cx.next_message().await,
        }
    }

    /// Tells of those that no turn will take: they count as delivered, and were not.
    pub(crate) async fn tell_lost(self, cx: &RunContext) -> RunResult {
        for message in self.0 {
            let words = format!("A message did not reach the agent: {}", first_line(&message.text(), SAMPLE));
            emit(cx, Output::notice(NoticeLevel::Warning, words)).await?;
        }
        Ok(())
    }
}

/// A turn that was asked to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    pub(crate) is_cancel: bool,
    /// When the agent counts as deaf.
    pub(crate) until: Instant,
}

impl Stop {
    /// Waits until the agent counts as deaf; for ever, when nobody asked it to stop.
    pub(crate) async fn is_overdue(stop: Option<Self>) {
        match stop {
            Some(stop) => sleep_until(stop.until).await,
            None => std::future::pending().await,
        }
    }
}

/// Lines of stderr on their way to viewers. They are no more than information: programs tell there how they start, and
/// where one dies the last of them are in the error.
#[derive(Debug, Default)]
pub(crate) struct Warnings(u32);

impl Warnings {
    /// What viewers see of the line: nothing, once there were too many.
    pub(crate) fn shown(&mut self, line: String) -> Option<Output> {
        self.0 = self.0.saturating_add(1);
        let words = match self.0 {
            ..=WARNINGS => line,
            MORE_WARNINGS => "The agent writes more to stderr, which is not shown.".to_owned(),
            _ => return None,
        };
        Some(Output::notice(NoticeLevel::Info, words))
    }
}

/// Emits what an agent said, in as many events as it takes.
pub(crate) async fn emit(cx: &RunContext, output: Output) -> RunResult {
    for output in fitting(output) {
        cx.emit(output).await?;
    }
    Ok(())
}

/// Takes questions back that nobody needs to answer. What is open when the run should stop is core's to decide: it
/// stays open over a shutdown.
pub(crate) async fn withdraw(cx: &RunContext, keys: Vec<String>) -> RunResult {
    for key in keys {
        if !cx.is_cancelled() {
            cx.withdraw(&key, WITHDRAWN).await?;
        }
    }
    Ok(())
}

/// How calls ended that were open at the end of a turn.
pub(crate) fn open_calls_end(reason: &str) -> ToolStatus {
    match reason {
        "cancelled" | "interrupted" => ToolStatus::Cancelled,
        _ => ToolStatus::Failed,
    }
}

/// What an agent is told that goes on after a crash. Its question is asked again, and has its answer.
pub(crate) const GO_ON: &str = "The session was interrupted before this was finished. Go on where you were.";

/// How long an agent may take to stop a turn for a message, unless a runner says otherwise.
pub(crate) const INTERRUPT_WAIT: Duration = Duration::from_secs(5);

/// How long an agent may take to start, unless a runner says otherwise.
pub(crate) const START_WAIT: Duration = Duration::from_secs(60);

/// The answer of a question that the agent took back.
const WITHDRAWN: &str = "withdrawn";

/// Characters of a message that is shown.
const SAMPLE: usize = 100;

/// Lines of stderr that are shown.
const WARNINGS: u32 = 20;
const MORE_WARNINGS: u32 = WARNINGS + 1;
