use std::error::Error;

use thiserror::Error;

use crate::model::{CorruptEvent, Seq, TaskId};

/// A cause that is somebody else's error.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// Why a store did not do what it was asked. Each variant is a decision for the caller.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The log does not end where the commit expects it: somebody else wrote. Load again and decide anew.
    #[error("task {task} ends at event {actual}, not at {expected}")]
    Conflict {
        /// The task.
        task: TaskId,
        /// Where the log should have ended.
        expected: Seq,
        /// Where it ends.
        actual: Seq,
    },
    /// What is stored cannot be read. Nothing will mend that by itself.
    #[error("the store is damaged: {what}")]
    Corrupt {
        /// What was read, and where.
        what: String,
        /// The cause.
        #[source]
        source: Option<BoxError>,
    },
    /// The idempotency key was used before, by this event.
    #[error("the idempotency key was used by event {seq} of task {task}")]
    Duplicate {
        /// The task.
        task: TaskId,
        /// The event.
        seq: Seq,
    },
    /// It is not known whether the commit was written. Read the log before writing anything else to it.
    #[error("the commit may or may not have been written")]
    Indeterminate {
        /// The cause.
        #[source]
        source: BoxError,
    },
    /// The cursor of a list does not come from this store.
    #[error("`{0}` is not a cursor of this store")]
    InvalidCursor(String),
    /// No such task.
    #[error("there is no task {0}")]
    NotFound(TaskId),
    /// Another process is the owner.
    #[error("the store is owned by another process: {by}")]
    Owned {
        /// Which, as far as is known.
        by: String,
    },
    /// The store was written by a newer version and was not touched.
    #[error("the store has schema {found}, and this version reads up to {supported}")]
    TooNew {
        /// The schema found.
        found: i64,
        /// The newest schema this version reads.
        supported: i64,
    },
    /// Nothing was done; trying again later may help.
    #[error("the store is unavailable")]
    Unavailable {
        /// The cause.
        #[source]
        source: BoxError,
    },
}

impl StoreError {
    /// Nothing was done, for this reason; trying again later may help.
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self::Unavailable { source: source.into() }
    }

    /// The commit may have been written.
    pub fn indeterminate(source: impl Into<BoxError>) -> Self {
        Self::Indeterminate { source: source.into() }
    }

    /// What is stored cannot be read.
    pub fn corrupt(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::Corrupt { what: what.into(), source: Some(source.into()) }
    }

    /// Whether the same call may succeed later without anybody doing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Indeterminate { .. })
    }
}

impl From<CorruptEvent> for StoreError {
    fn from(error: CorruptEvent) -> Self {
        Self::corrupt("an event", error)
    }
}
