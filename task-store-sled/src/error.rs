//! How the engine's errors and panics become our errors: the one place where that is decided.

use std::any::Any;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use task_core::{BoxError, StoreError};
use thiserror::Error as ThisError;

/// What went wrong below the contract. Cheap to clone: one failure answers every commit of a batch.
#[derive(Clone, Debug, ThisError)]
pub(crate) enum Fault {
    /// The store failed before, and what it holds in memory may not be what it has written.
    #[error("the store failed before and has to be opened again")]
    Broken(#[source] Arc<Self>),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The files hold something else than they should.
    #[error("{what}")]
    Damaged {
        what: String,
        #[source]
        cause: Option<Arc<dyn Error + Send + Sync>>,
    },
    /// The engine refused or failed.
    #[error("could not {doing}")]
    Engine {
        doing: &'static str,
        #[source]
        cause: Arc<sled::Error>,
    },
    /// The file system refused or failed.
    #[error("could not {doing}")]
    File {
        doing: &'static str,
        #[source]
        cause: Arc<io::Error>,
    },
    /// Another process has the directory open, or this one has it twice.
    #[error("{by} has the store open")]
    Owned { by: String },
    /// The engine panicked, as it does on damaged files and on some I/O errors.
    #[error("the engine panicked, could not {doing}: {message}")]
    Panicked { doing: &'static str, message: String },
    /// A file of the engine cannot be read.
    #[error("could not read {}", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        cause: Arc<io::Error>,
    },
    /// What was asked for cannot be stored.
    #[error("{0}")]
    Refused(&'static str),
    /// The engine did not come back in time.
    #[error("the engine does not answer, could not {doing}")]
    Stalled { doing: &'static str },
    /// There is nothing to run on, or what ran was ended from outside.
    #[error("{0}")]
    Stopped(&'static str),
    /// A newer version has written it.
    #[error("schema {found} is newer than this version")]
    TooNew { found: i64, supported: i64 },
}

impl Fault {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into(), cause: None }
    }

    pub(crate) fn damaged_by(what: impl Into<String>, cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Damaged { what: what.into(), cause: Some(Arc::new(cause)) }
    }

    fn panicked(doing: &'static str, payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a message");
        // The engine prints whole trees in some of them.
        let message = text.chars().take(300).collect();
        Self::Panicked { doing, message }
    }

    /// The same failure where it leaves open whether the commit was written.
    pub(crate) fn indeterminate(&self) -> StoreError {
        StoreError::indeterminate(self.clone())
    }

    /// Whether what is stored is to blame.
    fn is_damage(&self) -> bool {
        match self {
            Self::Broken(first) => first.is_damage(),
            Self::Damaged { .. } | Self::Panicked { .. } => true,
            // The engine calls files of another version of itself unsupported.
            Self::Engine { cause, .. } => !matches!(**cause, sled::Error::Io(_)),
            Self::Closed
            | Self::File { .. }
            | Self::Owned { .. }
            | Self::Refused(_)
            | Self::Stalled { .. }
            | Self::Stopped(_)
            | Self::TooNew { .. }
            | Self::Unreadable { .. } => false,
        }
    }
}

/// Nothing was done, for this reason.
impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Closed => Self::Closed,
            Fault::Damaged { what, cause } => {
                Self::Corrupt { what, source: cause.map(|cause| -> BoxError { Box::new(Cause(cause)) }) }
            }
            Fault::Owned { by } => Self::Owned { by },
            Fault::TooNew { found, supported } => Self::TooNew { found, supported },
            fault if fault.is_damage() => Self::corrupt("the engine cannot read its files", fault),
            fault => Self::unavailable(fault),
        }
    }
}

/// Runs `work`, which calls the engine, and makes a panic an error.
pub(crate) fn guarded<T>(doing: &'static str, work: impl FnOnce() -> T) -> Result<T, Fault> {
    // Unwind safe by what the callers do with the error: whoever sees it uses neither the engine nor anything it gave
    // out any more, and what is behind the locks of this crate is replaced as a whole or is plain data.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Fault::panicked(doing, &*payload))
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

impl<T> Doing<T> for Result<T, sled::Error> {
    fn doing(self, doing: &'static str) -> Result<T, Fault> {
        self.map_err(|error| Fault::Engine { doing, cause: Arc::new(error) })
    }
}

impl<T> Doing<T> for Result<T, io::Error> {
    fn doing(self, doing: &'static str) -> Result<T, Fault> {
        self.map_err(|error| Fault::File { doing, cause: Arc::new(error) })
    }
}
