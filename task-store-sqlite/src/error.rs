//! How the engine's errors become ours: the one place where that is decided.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::ErrorCode;
use task_core::{BoxError, StoreError};
use thiserror::Error as ThisError;

/// What went wrong below the contract. Cheap to clone: one failure answers every commit of a batch.
#[derive(Clone, Debug, ThisError)]
pub(crate) enum Fault {
    /// The engine refused or failed.
    #[error("could not {doing}")]
    Engine {
        doing: &'static str,
        #[source]
        cause: Arc<rusqlite::Error>,
    },
    /// The file system refused or failed.
    #[error("could not {doing}")]
    File {
        doing: &'static str,
        #[source]
        cause: Arc<io::Error>,
    },
    /// The file holds something else than it should.
    #[error("{what}")]
    Damaged {
        what: String,
        #[source]
        cause: Option<Arc<dyn Error + Send + Sync>>,
    },
    /// A newer version has migrated the file.
    #[error("schema {found} is newer than this version")]
    TooNew { found: i64, supported: i64 },
    /// There is nothing to run on, or what ran was ended from outside.
    #[error("{0}")]
    Stopped(&'static str),
}

impl Fault {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into(), cause: None }
    }

    pub(crate) fn damaged_by(what: impl Into<String>, cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Damaged { what: what.into(), cause: Some(Arc::new(cause)) }
    }

    /// The same failure where it leaves open whether the commit was written.
    pub(crate) fn indeterminate(&self) -> StoreError {
        StoreError::indeterminate(self.clone())
    }

    /// Whether somebody else keeps the file busy.
    pub(crate) fn is_busy(&self) -> bool {
        self.code().is_some_and(|code| matches!(code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Whether the connection may be to blame: it keeps a lock for ever that it could not give back, and so do all others
    /// of the process, or it can only read because the file could not be opened otherwise at that moment.
    pub(crate) fn spoils(&self) -> bool {
        self.code().is_some_and(|code| {
            !matches!(
                code,
                ErrorCode::ConstraintViolation
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::DiskFull
                    | ErrorCode::NotADatabase
                    | ErrorCode::TooBig
            )
        })
    }

    /// Whether a unique index judged against what was written.
    pub(crate) fn is_constraint(&self) -> bool {
        self.code() == Some(ErrorCode::ConstraintViolation)
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Engine { cause, .. } => cause.sqlite_error_code(),
            Self::Damaged { .. } | Self::File { .. } | Self::Stopped(_) | Self::TooNew { .. } => None,
        }
    }
}

/// Nothing was done, for this reason. Everything that a retry may mend is `Unavailable`: a lock held by others, a full
/// disk, an I/O error before the commit.
impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match &fault {
            Fault::Engine { doing, cause } => match &**cause {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::Utf8Error(..) => {
                    Self::corrupt(format!("could not {doing}"), Arc::clone(cause))
                }
                error => match error.sqlite_error_code() {
                    Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                        Self::corrupt(format!("could not {doing}"), Arc::clone(cause))
                    }
                    _ => Self::unavailable(fault),
                },
            },
            Fault::Damaged { what, cause } => Self::Corrupt {
                what: what.clone(),
                source: cause.clone().map(|cause| -> BoxError { Box::new(Cause(cause)) }),
            },
            Fault::TooNew { found, supported } => Self::TooNew { found: *found, supported: *supported },
            Fault::File { .. } | Fault::Stopped(_) => Self::unavailable(fault),
        }
    }
}

/// Damage, told with the place it is in.
pub(crate) fn found_in(path: &Path, error: StoreError) -> StoreError {
    let place = path.display().to_string();
    match error {
        StoreError::Corrupt { what, source } if !what.contains(&place) => {
            StoreError::Corrupt { what: format!("{place}: {what}"), source }
        }
        error => error,
    }
}

/// A shared cause: `Arc<dyn Error>` is no `Error` itself.
#[derive(Debug, ThisError)]
#[error("{0}")]
struct Cause(Arc<dyn Error + Send + Sync>);

/// Says what was being done when the engine or the file system failed.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, Fault>;
}

impl<T> Doing<T> for Result<T, rusqlite::Error> {
    fn doing(self, doing: &'static str) -> Result<T, Fault> {
        self.map_err(|error| Fault::Engine { doing, cause: Arc::new(error) })
    }
}

impl<T> Doing<T> for Result<T, io::Error> {
    fn doing(self, doing: &'static str) -> Result<T, Fault> {
        self.map_err(|error| Fault::File { doing, cause: Arc::new(error) })
    }
}
