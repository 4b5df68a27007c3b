//! What tests of runners and stores need: a runner that the test plays itself, a store that fails on command,
//! commits without a manager, and conformance kits for stores and for runners. Not covered by semver.
//!
//! # The conformance kit for stores
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
//!
//! # The conformance kit for runners
//!
//! The same for [`AgentRunner`](crate::AgentRunner). The harness has the messages that make the runner do things, so
//! that the kit can look at what becomes of it:
//!
//! ```
//! use std::sync::Arc;
//!
//! use task_core::testing::{Cue, RunnerHarness};
//! use task_core::{AgentRunner, RunContext, RunResult};
//!
//! async fn parrot(cx: RunContext) -> RunResult {
//!     while let Some(message) = cx.next_message().await? {
//!         cx.text("reply", message.text()).await?;
//!     }
//!     Ok(())
//! }
//!
//! struct Parrot;
//!
//! impl RunnerHarness for Parrot {
//!     fn new() -> Self {
//!         Self
//!     }
//!
//!     fn runner(&self) -> Arc<dyn AgentRunner> {
//!         Arc::new(parrot)
//!     }
//!
//!     fn cue(&self, cue: Cue<'_>) -> Option<String> {
//!         match cue {
//!             Cue::Say(words) => Some(words.to_owned()),
//!             _ => None,
//!         }
//!     }
//! }
//!
//! task_core::runner_conformance!(Parrot);      // more of an agent: `runner_conformance!(ask, stream, turns: Agent)`
//! # fn main() {}
//! ```
//!
//! [`runner_conformance!`](crate::runner_conformance) says what else a runner may be made to do.

pub mod conformance;
// Called by the examples of the documentation.
#[doc(hidden)]
pub mod examples;
mod fault;
mod puppet;
mod random;
pub mod runner_conformance;
mod scribe;

pub use conformance::{Harness, Shared, Tamper};
pub use fault::{Call, Fault, FaultStore};
pub use puppet::{Act, Puppet, Stage};
pub use random::Random;
pub use runner_conformance::{Cue, RunnerHarness};
pub use scribe::Scribe;

/// Starts a schedule of an exploration at time zero, and lets time pass in it, up to `limit`, whenever the explorer
/// lets the returned future go on. It never ends.
#[cfg(shuttle)]
pub fn pass_time(limit: std::time::Duration) -> impl Future<Output = ()> + Send + 'static {
    crate::rt::time::pass(limit)
}
