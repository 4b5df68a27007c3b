//! What the runs of agent programs have in common.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use task_core::{NoticeLevel, Output, ToolStatus};
use tokio::time::{Instant, sleep_until};

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

/// How calls ended that were open at the end of a turn.
pub(crate) fn open_calls_end(reason: &str) -> ToolStatus {
    match reason {
        "cancelled" | "interrupted" => ToolStatus::Cancelled,
        _ => ToolStatus::Failed,
    }
}

/// What an agent is told that goes on after a crash. Its question is asked again, and has its answer.
pub(crate) const GO_ON: &str = "The session was interrupted before this was finished. Go on where you were.";

/// The answer of a question that the agent took back.
pub(crate) const WITHDRAWN: &str = "withdrawn";

/// How long an agent may take to stop a turn for a message, unless a runner says otherwise.
pub(crate) const INTERRUPT_WAIT: Duration = Duration::from_secs(5);

/// How long an agent may take to start, unless a runner says otherwise.
pub(crate) const START_WAIT: Duration = Duration::from_secs(60);

/// Characters of a message that is shown.
pub(crate) const SAMPLE: usize = 100;

/// Lines of stderr that are shown.
const WARNINGS: u32 = 20;
const MORE_WARNINGS: u32 = WARNINGS + 1;
