//! The store of the guide keeps the contract: the kit runs on the text that readers see.

#[expect(unreachable_pub, reason = "whoever reads the guide exports it")]
#[path = "../src/guide/shelf.rs"]
mod shelf;

use shelf::Shelf;
use task_core::StoreError;
use task_core::testing::Harness;

struct Place(Shelf);

impl Harness for Place {
    type Store = Shelf;

    fn new() -> Self {
        Self(Shelf::default())
    }

    async fn open(&self) -> Result<Shelf, StoreError> {
        Ok(self.0.clone())
    }
}

task_core::conformance!(Place);
