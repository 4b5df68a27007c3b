//! The stores, opened as an application would.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use task_core::{MemoryStore, TaskStore};
use task_store_sled::{SledOptions, SledStore};
use task_store_sqlite::{SqliteOptions, SqliteStore};

use crate::answer::Result;

/// A store and the level it is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    /// As it is set unless told otherwise: each commit gets what it asks for.
    Sled,
    Sqlite,
    /// Without a sync but at checkpoints.
    SqliteProcess,
}

impl Kind {
    /// Opens what is at `place`, or makes it.
    pub(crate) async fn open(self, place: &Path) -> Result<Arc<dyn TaskStore>> {
        Ok(match self {
            Self::Memory => Arc::new(MemoryStore::new()),
            Self::Sled => Arc::new(SledStore::open_with(place.join("sled"), SledOptions::default()).await?),
            Self::Sqlite => Arc::new(SqliteStore::open(place.join("tasks.db")).await?),
            Self::SqliteProcess => {
                let durability = task_store_sqlite::DurabilityPolicy::Process;
                let options = SqliteOptions::default().with_durability(durability);
                Arc::new(SqliteStore::open_with(place.join("tasks.db"), options).await?)
            }
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Sled => "sled",
            Self::Sqlite => "SQLite",
            Self::SqliteProcess => "SQLite without syncs",
        })
    }
}
