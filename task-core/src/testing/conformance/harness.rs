use std::fmt;
use std::sync::Arc;

use crate::store::{StoreError, TaskStore};

/// One place a store can live: a directory, a schema, a map. What the conformance kit needs from a store's author.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a place a store can live",
    note = "implement `task_core::testing::Harness`: a fresh place, and how to open the store there"
)]
pub trait Harness: Send + Sync + Sized + 'static {
    /// The store.
    type Store: TaskStore + Clone;

    /// A place that is fresh and empty. Dropping it cleans up.
    fn new() -> Self;

    /// Opens the store at this place; again, opens it again.
    fn open(&self) -> impl Future<Output = Result<Self::Store, StoreError>> + Send;
}

/// A harness that can make a place look as if a newer version had been there: the capability `tamper`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot write a newer schema",
    note = "implement `task_core::testing::Tamper`, or mount the kit without the capability `tamper`"
)]
pub trait Tamper: Harness {
    /// Marks the place as written by a newer version. The store is closed meanwhile.
    fn write_newer(&self) -> impl Future<Output = ()> + Send;
}

/// The same place, its store behind an `Arc<dyn TaskStore>`, as core holds it.
pub struct Shared<H>(H);

impl<H: Harness> Harness for Shared<H> {
    type Store = Arc<dyn TaskStore>;

    fn new() -> Self {
        Self(H::new())
    }

    async fn open(&self) -> Result<Self::Store, StoreError> {
        Ok(Arc::new(self.0.open().await?))
    }
}

impl<H: Tamper> Tamper for Shared<H> {
    async fn write_newer(&self) {
        self.0.write_newer().await;
    }
}

impl<H> fmt::Debug for Shared<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
