use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where a task stands.
///
/// ```text
///                 ┌──────────────────────────── message, answer, restart ─────────────────────────┐
///                 ▼                                                                               │
///   create ──▶ pending ──▶ running ⇄ awaiting_input ──▶ completed │ failed │ cancelled │ interrupted
///                 │                                                          ▲
///                 └────────────────────── cancel ────────────────────────────┘
/// ```
///
/// The last four are *settled*: nothing runs. A message to a settled task starts a new **run** of the same task.
/// [`TaskStatus::can_become`] is the whole table; everything else is a [`TransitionError`] that names both states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the states are the contract; a new one is a breaking change")]
pub enum TaskStatus {
    /// Waits for a free place to run.
    Pending,
    /// A runner works on it.
    Running,
    /// A runner works on it and has an open question.
    AwaitingInput,
    /// The last run ended well.
    Completed,
    /// The last run ended with an error.
    Failed,
    /// Stopped on request.
    Cancelled,
    /// The process that ran it went away.
    Interrupted,
}

impl TaskStatus {
    /// Every state, in the order of a task's life.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::AwaitingInput,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// Whether nothing runs and nothing will, until a message or an answer comes.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Interrupted)
    }

    /// Whether a runner works on the task: running, or waiting for an answer.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::AwaitingInput)
    }

    /// The table of legal transitions.
    ///
    /// ```
    /// use task_core::TaskStatus;
    ///
    /// assert!(TaskStatus::Pending.can_become(TaskStatus::Cancelled));
    /// assert!(TaskStatus::Completed.can_become(TaskStatus::Pending));      // a message starts the next run
    /// assert!(!TaskStatus::Completed.can_become(TaskStatus::Cancelled));
    /// ```
    #[must_use]
    pub const fn can_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Running | Self::AwaitingInput | Self::Cancelled),
            Self::Running => !matches!(next, Self::Pending | Self::Running),
            Self::AwaitingInput => !matches!(next, Self::Pending | Self::AwaitingInput),
            Self::Completed | Self::Failed | Self::Cancelled | Self::Interrupted => {
                matches!(next, Self::Pending)
            }
        }
    }

    /// The name used on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::AwaitingInput => "awaiting_input",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TaskStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// A word that names no [`TaskStatus`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a status; one of pending, running, awaiting_input, completed, failed, cancelled, interrupted is"
)]
pub struct UnknownStatus(String);

/// What was asked does not fit the state the task is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a task that is {from} cannot become {to}")]
#[non_exhaustive]
pub struct TransitionError {
    /// The state the task is in.
    pub from: TaskStatus,
    /// The state that was asked for.
    pub to: TaskStatus,
}

impl TransitionError {
    pub(crate) const fn new(from: TaskStatus, to: TaskStatus) -> Self {
        Self { from, to }
    }
}

/// How many tasks are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "one field per state, and the states are fixed")]
pub struct StatusCounts {
    /// Tasks that wait for a free place.
    pub pending: u64,
    /// Tasks that run.
    pub running: u64,
    /// Tasks that run and have an open question.
    pub awaiting_input: u64,
    /// Tasks whose last run ended well.
    pub completed: u64,
    /// Tasks whose last run ended with an error.
    pub failed: u64,
    /// Tasks that were stopped.
    pub cancelled: u64,
    /// Tasks whose process went away.
    pub interrupted: u64,
}

impl StatusCounts {
    /// The count of one state.
    #[must_use]
    pub const fn of(&self, status: TaskStatus) -> u64 {
        match status {
            TaskStatus::Pending => self.pending,
            TaskStatus::Running => self.running,
            TaskStatus::AwaitingInput => self.awaiting_input,
            TaskStatus::Completed => self.completed,
            TaskStatus::Failed => self.failed,
            TaskStatus::Cancelled => self.cancelled,
            TaskStatus::Interrupted => self.interrupted,
        }
    }

    /// The count of one state, to be changed: what a store does when it moves a task.
    pub const fn of_mut(&mut self, status: TaskStatus) -> &mut u64 {
        match status {
            TaskStatus::Pending => &mut self.pending,
            TaskStatus::Running => &mut self.running,
            TaskStatus::AwaitingInput => &mut self.awaiting_input,
            TaskStatus::Completed => &mut self.completed,
            TaskStatus::Failed => &mut self.failed,
            TaskStatus::Cancelled => &mut self.cancelled,
            TaskStatus::Interrupted => &mut self.interrupted,
        }
    }

    /// Tasks that run, with or without an open question.
    #[must_use]
    pub const fn active(&self) -> u64 {
        self.running + self.awaiting_input
    }

    /// All tasks.
    #[must_use]
    pub fn total(&self) -> u64 {
        TaskStatus::ALL.iter().map(|status| self.of(*status)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::TaskStatus::*;
    use super::*;

    /// The picture above, line by line: everything else is refused.
    #[test]
    fn the_table_is_the_picture() {
        let legal = |from| match from {
            Pending => vec![Running, AwaitingInput, Cancelled],
            Running => vec![AwaitingInput, Completed, Failed, Cancelled, Interrupted],
            AwaitingInput => vec![Running, Completed, Failed, Cancelled, Interrupted],
            Completed | Failed | Cancelled | Interrupted => vec![Pending],
        };
        for from in TaskStatus::ALL {
            for to in TaskStatus::ALL {
                assert_eq!(from.can_become(to), legal(from).contains(&to), "{from} to {to}");
            }
        }
    }

    #[test]
    fn a_state_is_settled_or_active_or_waits() {
        for status in TaskStatus::ALL {
            assert_eq!(status.is_settled(), matches!(status, Completed | Failed | Cancelled | Interrupted));
            assert_eq!(status.is_active(), matches!(status, Running | AwaitingInput));
        }
    }

    #[test]
    fn a_state_is_known_by_its_name_on_the_wire() {
        for status in TaskStatus::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).expect("a name"), status.as_str());
        }
        let error = "done".parse::<TaskStatus>().expect_err("no state").to_string();
        assert!(error.starts_with("`done` is not a status; one of pending, running"), "{error}");
    }

    #[test]
    fn counts_are_of_one_state_each_and_add_up() {
        let mut counts = StatusCounts::default();
        for (place, status) in (1..).zip(TaskStatus::ALL) {
            *counts.of_mut(status) += 1 << place;
        }
        for (place, status) in (1..).zip(TaskStatus::ALL) {
            assert_eq!(counts.of(status), 1 << place, "{status}");
        }
        assert_eq!(counts.active(), counts.running + counts.awaiting_input);
        assert_eq!(counts.total(), 0b1111_1110);
    }
}
