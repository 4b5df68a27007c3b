//! What tests of runners and stores need: a runner that the test plays itself, a store that fails on command,
//! commits without a manager, and the conformance kit for stores. Not covered by semver.
//!
//! # The conformance kit
//!
//! Every sentence of the contract of [`TaskStore`](crate::TaskStore) has a case, and every case is proven able to fail
//! by a store that is broken on purpose. A store mounts them all in a test file of a few lines:
//!
//! ```
//! use task_core::testing::{Harness, Shared};
//! use task_core::{MemoryStore, StoreError};
//!
//! /// A place the store can live: a directory, a schema; here, a map.
//! struct Memory(MemoryStore);
//!
//! impl Harness for Memory {
//!     type Store = MemoryStore;
//!
//!     fn new() -> Self {
//!         Self(MemoryStore::new())
//!     }
//!
//!     async fn open(&self) -> Result<MemoryStore, StoreError> {
//!         Ok(self.0.clone())
//!     }
//! }
//!
//! task_core::conformance!(Memory);                         // a disk: `conformance!(durable, several: Disk)`
//!
//! mod shared {
//!     task_core::conformance!(super::Shared<super::Memory>);     // the same behind an `Arc<dyn TaskStore>`
//! }
//! # fn main() {}
//! ```
//!
//! [`conformance!`](crate::conformance) says what a place may be able to do besides. Each test ends within ten
//! seconds, whatever the store does. The kit expects a store of which one process at a time can be the owner.

pub mod conformance;
mod fault;
mod puppet;
mod scribe;

pub use conformance::{Harness, Shared, Tamper};
pub use fault::{Call, Fault, FaultStore};
pub use puppet::{Act, Puppet, Stage};
pub use scribe::Scribe;
