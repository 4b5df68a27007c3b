//! The engine under every order of its steps that a search can find: built with `--cfg shuttle`, locks, wake-ups,
//! timers and tasks are the explorer's, and each test runs thousands of schedules.
//!
//! ```text
//! RUSTFLAGS="--cfg shuttle" cargo test --target-dir target/shuttle -p task-core --features testing --test schedules
//! ```
//!
//! `SCHEDULES` sets how many schedules of each kind a scenario gets, `SEED` where the search begins. A failure prints
//! the schedule; with `REPLAY` set to it, the scenario that failed runs just that one.
#![cfg(shuttle)]

mod append;
mod explore;
mod log;
mod message;
mod recovery;
mod shutdown;
mod stop;
