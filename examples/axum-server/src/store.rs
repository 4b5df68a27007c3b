use std::error::Error;

use task_core::{MemoryStore, TaskManager, TaskManagerBuilder};

use crate::args::{StoreUrl, WrongSetting};

/// A manager to be, on the store of that address.
pub(crate) async fn open(url: &StoreUrl) -> Result<TaskManagerBuilder, Box<dyn Error + Send + Sync>> {
    match url {
        StoreUrl::Memory => Ok(TaskManager::builder(MemoryStore::new())),
        StoreUrl::Sled(_) => Err(WrongSetting("--store sled: is not built in yet".to_owned()).into()),
        StoreUrl::Sqlite(_) => Err(WrongSetting("--store sqlite: is not built in yet".to_owned()).into()),
    }
}
