use std::error::Error;

use task_core::{MemoryStore, TaskManager, TaskManagerBuilder};
use task_store_sled::SledStore;
use task_store_sqlite::SqliteStore;

use crate::args::StoreUrl;

/// A manager to be, on the store of that address.
pub(crate) async fn open(url: &StoreUrl) -> Result<TaskManagerBuilder, Box<dyn Error + Send + Sync>> {
    match url {
        StoreUrl::Memory => Ok(TaskManager::builder(MemoryStore::new())),
        StoreUrl::Sled(dir) => {
            tracing::info!(path = %dir.display(), "opening the store");
            Ok(TaskManager::builder(SledStore::open(dir).await?))
        }
        StoreUrl::Sqlite(path) => {
            tracing::info!(path = %path.display(), "opening the store");
            Ok(TaskManager::builder(SqliteStore::open(path).await?))
        }
    }
}
