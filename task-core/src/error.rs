use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;

use crate::model::{Seq, TaskId, TaskStatus, TransitionError};
use crate::store::StoreError;

/// Why a task could not be asked what it was asked. Nothing was changed, unless the store says that this is not known
/// ([`StoreError::Indeterminate`]): then ask again with the same idempotency key, and it is done once.
///
/// Cheap to clone: one failed commit may be the answer to many.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The question was answered before. The first answer holds.
    #[error("request `{request_id}` was already answered")]
    AlreadyAnswered {
        /// The question.
        request_id: String,
        /// The answer that holds.
        answer: Value,
        /// Who gave it.
        by: String,
    },
    /// The cursor is beyond the end of the log: it belongs to another task, or to another store.
    #[error("cursor {cursor} is beyond the end of the log at {end}")]
    CursorAhead {
        /// The cursor.
        cursor: Seq,
        /// The newest event.
        end: Seq,
    },
    /// The value is not valid.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The value exceeds a limit.
    #[error("{what} is {actual}, and at most {limit} is allowed")]
    Limit {
        /// Which value, with its unit.
        what: &'static str,
        /// What it is.
        actual: usize,
        /// What it may be.
        limit: usize,
    },
    /// No such task.
    #[error("there is no task {0}")]
    NotFound(TaskId),
    /// The task has no open question of that name.
    #[error("there is no open request `{0}`")]
    NoRequest(String),
    /// The run is over, and its context is of no use any more.
    #[error("run {run} of the task is over")]
    RunEnded {
        /// The run.
        run: u32,
    },
    /// The manager was shut down.
    #[error("the task manager is shut down")]
    ShutDown,
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Arc<StoreError>),
    /// Too many tasks wait for a place to run.
    #[error("{limit} tasks wait to run, and no more are accepted")]
    TooManyPending {
        /// How many may wait.
        limit: usize,
    },
    /// No agent of that name.
    #[error("there is no agent `{agent_id}`")]
    UnknownAgent {
        /// The name.
        agent_id: String,
    },
    /// The task is in a state that does not allow it.
    #[error(transparent)]
    WrongState(#[from] TransitionError),
}

impl TaskError {
    pub(crate) fn invalid(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { what, reason: reason.into() }
    }

    pub(crate) fn wrong_state(from: TaskStatus, to: TaskStatus) -> Self {
        Self::WrongState(TransitionError::new(from, to))
    }

    /// `Ok` while `actual` is within `limit`.
    pub(crate) const fn check(what: &'static str, actual: usize, limit: usize) -> Result<(), Self> {
        if actual <= limit { Ok(()) } else { Err(Self::Limit { what, actual, limit }) }
    }

    /// Whether the idempotency key was taken.
    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(self, Self::Store(error) if matches!(**error, StoreError::Duplicate { .. }))
    }
}

impl From<StoreError> for TaskError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(task) => Self::NotFound(task),
            error => Self::Store(Arc::new(error)),
        }
    }
}
