//! The store in memory keeps the contract, as it is and behind an `Arc<dyn TaskStore>`.

use task_core::testing::Harness;
use task_core::{MemoryStore, StoreError};

struct Memory(MemoryStore);

impl Harness for Memory {
    type Store = MemoryStore;

    fn new() -> Self {
        Self(MemoryStore::new())
    }

    async fn open(&self) -> Result<MemoryStore, StoreError> {
        Ok(self.0.clone())
    }
}

mod memory {
    task_core::conformance!(super::Memory);
}

mod shared {
    task_core::conformance!(task_core::testing::Shared<super::Memory>);
}
