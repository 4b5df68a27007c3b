//! Whether a runner keeps its contract: a case for every clause of [`AgentRunner`](crate::AgentRunner).

mod bench;
mod clauses;
mod eventually;
mod found;
mod harness;
mod observed;

// Called by the tests that `runner_conformance!` makes; their names say what they check.
#[doc(hidden)]
pub mod capabilities;
#[doc(hidden)]
pub mod failures;
#[doc(hidden)]
pub mod messages;
#[doc(hidden)]
pub mod output;
#[doc(hidden)]
pub mod processes;
#[doc(hidden)]
pub mod questions;
#[doc(hidden)]
pub mod restarts;
#[doc(hidden)]
pub mod stop;

use super::conformance::run::run_at;

pub use super::conformance::{Check, Clause};
pub use capabilities::check_mount;
pub use clauses::clauses;
pub use harness::{Cue, RunnerHarness};

/// Checks one clause on a fresh place: what each test of [`runner_conformance!`](crate::runner_conformance) does.
///
/// # Panics
///
/// When the runner breaks the rule, or does not come to an end within ten seconds.
pub fn run<H: RunnerHarness>(check: Check<H>) {
    run_at(H::new, check);
}
