//! Shuttle: one thread, a schedule that the explorer chooses, and a clock that moves when it says so.
//!
//! Locks, channels and tasks are those of `shuttle` and `shuttle-tokio`, where every use is a choice of the explorer.
//! What they lack is here: a clock (theirs lets every sleep end at once, which would let every grace period end before
//! the run it was given to had a chance), and a set of tasks that knows their ids. Cancellation tokens and the tracker
//! are tokio's own, which need no runtime.

pub(crate) mod task;
pub(crate) mod time;

pub(crate) use shuttle::sync::atomic;
pub(crate) use shuttle_tokio::{select, spawn};

pub(crate) mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
    #[cfg(feature = "testing")]
    pub(crate) use shuttle_tokio::sync::mpsc;
    pub(crate) use shuttle_tokio::sync::{Notify, Semaphore, oneshot, watch};
    pub(crate) use tokio_util::sync::{CancellationToken, DropGuard};
}
