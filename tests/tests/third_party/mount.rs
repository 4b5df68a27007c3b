//! What a third party writes to be tested: a place, and one line.

use task_core::StoreError;
use task_core::testing::Harness;

struct Place(theirs::Wrapped<{ cfg!(feature = "wrong") }>);

impl Harness for Place {
    type Store = theirs::Wrapped<{ cfg!(feature = "wrong") }>;

    fn new() -> Self {
        Self(Default::default())
    }

    async fn open(&self) -> Result<Self::Store, StoreError> {
        Ok(self.0.clone())
    }
}

task_core::conformance!(Place);
