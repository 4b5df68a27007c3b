//! Guides: each begins with a whole program that runs, and is read in five minutes.
//!
//! * [Write a runner](runner): the code that does the work of a task.
//! * [Write a store](store): your database as the place where logs are kept.
//! * [Several processes](processes): one runs the tasks, others watch them and send messages.
//! * [Durability](durability): what survives what, and what to do when nobody can tell.
//! * [Resume and recovery](recovery): what becomes of a task when its process dies.
//!
//! The HTTP interface has guides of its own, in the crate `task-axum`: mounting it, and the security of a server that
//! starts agents.

#[doc = include_str!("runner.md")]
pub mod runner {}

// The store of the guide is a file of its own, so that `tests/guide_store.rs` mounts the conformance kit on the same
// text that readers see.
#[doc = include_str!("store.md")]
#[doc = "```"]
#[doc = include_str!("shelf.rs")]
#[doc = ""]
#[doc = include_str!("shelf_in_use.rs")]
#[doc = "```"]
#[doc = include_str!("store_rules.md")]
pub mod store {}

#[doc = include_str!("processes.md")]
pub mod processes {}

#[doc = include_str!("durability.md")]
pub mod durability {}

#[doc = include_str!("recovery.md")]
pub mod recovery {}
