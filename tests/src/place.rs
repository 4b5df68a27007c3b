//! Where a writer writes: the stores, and what is no store.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use task_core::{Commit, Seq, StoreError, TaskId, TaskStore};
use task_store_sled::{SledOptions, SledStore};
use task_store_sqlite::{SqliteOptions, SqliteStore};

use crate::careless::Careless;

/// What kind of place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Careless`], which is no store.
    Careless,
    /// `SledStore`.
    Sled,
    /// `SqliteStore`.
    Sqlite,
}

/// How far a store that is told so writes before it acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// To the disk, when the commit asks for that.
    Durable,
    /// To the operating system.
    Process,
}

/// A place that is open.
#[derive(Clone)]
pub enum Place {
    /// Writes without a sync.
    Careless(Careless),
    /// A store.
    Store(Arc<dyn TaskStore>),
}

impl Place {
    /// Opens what is at `path`, or makes it.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn open(kind: Kind, level: Level, path: &Path) -> Result<Self, StoreError> {
        Ok(match kind {
            Kind::Careless => Self::Careless(Careless::open(path)?),
            Kind::Sled | Kind::Sqlite => Self::Store(open_store(kind, level, path).await?),
        })
    }

    /// Writes a commit.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        match self {
            Self::Careless(careless) => careless.commit(commit).await,
            Self::Store(store) => store.commit(commit).await,
        }
    }

    /// Forgets a task.
    ///
    /// # Errors
    ///
    /// As the store.
    pub async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        match self {
            Self::Careless(careless) => careless.remove(task).await,
            Self::Store(store) => store.remove(task, expected).await,
        }
    }
}

/// Opens a store.
///
/// # Errors
///
/// As the store; [`StoreError::Unavailable`] when the kind is no store.
pub async fn open_store(kind: Kind, level: Level, path: &Path) -> Result<Arc<dyn TaskStore>, StoreError> {
    use {task_store_sled as sled, task_store_sqlite as sqlite};

    Ok(match kind {
        Kind::Careless => return Err(StoreError::unavailable("this is no store")),
        Kind::Sled => {
            let durability = match level {
                Level::Durable => sled::DurabilityPolicy::Durable,
                Level::Process => sled::DurabilityPolicy::Process,
            };
            Arc::new(SledStore::open_with(path, SledOptions::default().with_durability(durability)).await?)
        }
        Kind::Sqlite => {
            let durability = match level {
                Level::Durable => sqlite::DurabilityPolicy::Durable,
                Level::Process => sqlite::DurabilityPolicy::Process,
            };
            let options = SqliteOptions::default().with_durability(durability);
            Arc::new(SqliteStore::open_with(path, options).await?)
        }
    })
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Careless => "careless",
            Self::Sled => "sled",
            Self::Sqlite => "sqlite",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Careless, Self::Sled, Self::Sqlite]
            .into_iter()
            .find(|kind| kind.to_string() == name)
            .ok_or_else(|| format!("`{name}` is no kind of place"))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Durable => "durable",
            Self::Process => "process",
        })
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Durable, Self::Process]
            .into_iter()
            .find(|level| level.to_string() == name)
            .ok_or_else(|| format!("`{name}` is no level"))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Careless(_) => "Careless",
            Self::Store(_) => "Store",
        })
    }
}
