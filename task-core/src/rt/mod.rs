//! What core takes from its runtime, in one place: tokio, or, when built with `--cfg shuttle`, a runtime whose
//! schedules can be explored.
//!
//! Core uses no lock, wake-up, timer or spawned task that does not come from here, so under `cfg(shuttle)` every step
//! of the follow, the writers, the runs and the shutdown is a choice of the explorer, and time passes only when it
//! chooses so. `tests/schedules` are the tests that need it.

#[cfg(shuttle)]
mod explored;
#[cfg(not(shuttle))]
mod real;

#[cfg(shuttle)]
pub(crate) use explored::{atomic, select, spawn, sync, task, time};
#[cfg(not(shuttle))]
pub(crate) use real::{atomic, select, spawn, sync, task, time};

use std::sync::PoisonError;

use sync::{Mutex, MutexGuard};

/// Locks, also after a panic elsewhere: only plain data is behind the locks of this crate, no user code runs under
/// them, and none is held across an `.await`.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
