//! The store keeps the contract, as it is and behind an `Arc<dyn TaskStore>`.

mod common;

use common::Place;
use task_core::StoreError;
use task_core::testing::{Harness, Tamper};
use task_store_sqlite::SqliteStore;

impl Harness for Place {
    type Store = SqliteStore;

    fn new() -> Self {
        Self::new()
    }

    async fn open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(self.path()).await
    }
}

impl Tamper for Place {
    async fn write_newer(&self) {
        self.connection().pragma_update(None, "user_version", 99).expect("from the future");
    }
}

mod sqlite {
    task_core::conformance!(durable, several, tamper: super::Place);
}

mod shared {
    task_core::conformance!(durable, several, tamper: task_core::testing::Shared<super::Place>);
}
