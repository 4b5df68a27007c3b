//! Whether a store keeps its contract: a case for every clause of [`TaskStore`](crate::TaskStore).

mod bench;
mod clauses;
mod harness;
pub(in crate::testing) mod run;

// Called by the tests that `conformance!` makes; their names say what they check.
#[doc(hidden)]
pub mod changes;
#[doc(hidden)]
pub mod close;
#[doc(hidden)]
pub mod commit;
#[doc(hidden)]
pub mod counts;
#[doc(hidden)]
pub mod durable;
#[doc(hidden)]
pub mod events;
#[doc(hidden)]
pub mod keys;
#[doc(hidden)]
pub mod list;
#[doc(hidden)]
pub mod ownership;
#[doc(hidden)]
pub mod pages;
#[doc(hidden)]
pub mod remove;
#[doc(hidden)]
pub mod several;
#[doc(hidden)]
pub mod subscribe;

pub use clauses::clauses;
pub use harness::{Harness, Shared, Tamper};
pub use run::{Check, Clause, run};
