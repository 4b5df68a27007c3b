//! How the program ends: the codes, and what is said before.

use std::fmt;
use std::io;

use task_core::{StoreError, TaskError, TaskStatus, with_causes};

/// The codes the program ends with. They are the contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Ok,
    Failed,
    Usage,
    NotFound,
    WrongState,
    Unavailable,
    Cancelled,
    Interrupted,
    /// Nothing can be written where the output goes, for another reason than that nobody reads it.
    Output,
    Timeout,
    Detached,
    /// Nobody reads the output any more: what a shell says of a program that a closed pipe ended.
    BrokenPipe,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Code {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::WrongState => 4,
            Self::Unavailable => 5,
            Self::Cancelled => 6,
            Self::Interrupted => 7,
            Self::Output => 74,
            Self::Timeout => 124,
            Self::Detached => 130,
            Self::BrokenPipe => 141,
        }
    }

    /// The name that errors have as JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::WrongState => "wrong_state",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Output => "output",
            Self::Timeout => "timeout",
            Self::Detached => "detached",
            Self::BrokenPipe => "broken_pipe",
        }
    }

    /// What the end of a task is for whoever waited for it.
    pub(crate) const fn of(status: TaskStatus) -> Self {
        match status {
            TaskStatus::Completed => Self::Ok,
            TaskStatus::Failed => Self::Failed,
            TaskStatus::Cancelled => Self::Cancelled,
            // Not settled: it goes on without whoever left.
            TaskStatus::Pending | TaskStatus::Running | TaskStatus::AwaitingInput => Self::Detached,
            TaskStatus::Interrupted => Self::Interrupted,
        }
    }
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// The failure of a store at this address.
    pub(crate) fn store(url: impl fmt::Display, error: &StoreError) -> Self {
        Self::new(Code::Unavailable, format!("{url}: {}", with_causes(error)))
    }
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        let code = match &error {
            TaskError::AlreadyAnswered { .. } | TaskError::WrongState(_) => Code::WrongState,
            TaskError::NotFound(_) | TaskError::NoRequest(_) => Code::NotFound,
            TaskError::CursorAhead { .. }
            | TaskError::Invalid { .. }
            | TaskError::Limit { .. }
            | TaskError::UnknownAgent { .. } => Code::Usage,
            // The store, its manager, and what there is too much of now.
            _ => Code::Unavailable,
        };
        let message = match &error {
            TaskError::AlreadyAnswered { answer, by, .. } => format!("{error}, with {answer} by {by}"),
            error => with_causes(error),
        };
        Self::new(code, message)
    }
}

/// Writing to stdout is all that the program itself does with files.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Code::BrokenPipe, "nobody reads the output"),
            _ => Self::new(Code::Output, format!("cannot write the output: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_contract() {
        let codes = [
            (Code::Ok, 0),
            (Code::Failed, 1),
            (Code::Usage, 2),
            (Code::NotFound, 3),
            (Code::WrongState, 4),
            (Code::Unavailable, 5),
            (Code::Cancelled, 6),
            (Code::Interrupted, 7),
            (Code::Timeout, 124),
            (Code::Detached, 130),
        ];
        for (code, number) in codes {
            assert_eq!(code.number(), number, "{}", code.name());
        }
    }
}
