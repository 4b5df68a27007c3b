//! The store keeps the contract, as it is and behind an `Arc<dyn TaskStore>`.

mod common;

use std::fs;

use common::Place;
use task_core::StoreError;
use task_core::testing::{Harness, Tamper};
use task_store_sled::SledStore;

impl Harness for Place {
    type Store = SledStore;

    fn new() -> Self {
        Self::new()
    }

    async fn open(&self) -> Result<SledStore, StoreError> {
        SledStore::open(self.path()).await
    }
}

impl Tamper for Place {
    async fn write_newer(&self) {
        fs::write(self.file("version"), "task-store-sled 99").expect("from the future");
    }
}

mod sled {
    task_core::conformance!(durable, tamper: super::Place);
}

mod shared {
    task_core::conformance!(durable, tamper: task_core::testing::Shared<super::Place>);
}
