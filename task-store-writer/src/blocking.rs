//! Where a store does what may block, and how it locks: the one place for both.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use task_core::StoreError;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Runs `work`, which may wait for the disk, where that stops nobody.
///
/// On the runtime's own blocking threads and not on one of ours: only these keep a paused clock from running away.
/// Once started, `work` runs to its end, whether or not anybody waits.
///
/// # Errors
///
/// * Those of `work`.
/// * [`StoreError::Unavailable`] when it panics, and when there is no runtime or no thread to run it on.
pub async fn run<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    let job = spawn(&runtime()?, work).ok_or_else(|| StoreError::unavailable(NO_THREAD))?;
    match job.await {
        Ok(result) => result,
        Err(error) => Err(StoreError::unavailable(error)),
    }
}

/// Starts `work` on a blocking thread.
///
/// Where the system gives no thread the runtime panics, and keeps the work for a thread that it may get later.
pub(crate) fn spawn<T, F>(runtime: &Handle, work: F) -> Option<JoinHandle<T>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    // Unwind safe: the runtime has no lock and nothing half done when it panics there, and `work` was not begun.
    catch_unwind(AssertUnwindSafe(|| runtime.spawn_blocking(work))).ok()
}

/// The runtime of the caller.
pub(crate) fn runtime() -> Result<Handle, StoreError> {
    Handle::try_current().map_err(|_| StoreError::unavailable("there is no Tokio runtime here to work on"))
}

/// Locks, also after a panic elsewhere. For what is replaced as a whole or is plain data, and never held across an
/// `.await`.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is said when there is no thread to work on.
pub(crate) const NO_THREAD: &str = "the system gives no thread to work on";
