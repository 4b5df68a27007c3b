//! Tokio.

pub(crate) use std::sync::atomic;

pub(crate) use tokio::{select, spawn, time};

pub(crate) mod sync {
    pub(crate) use std::sync::{Mutex, MutexGuard};

    #[cfg(feature = "testing")]
    pub(crate) use tokio::sync::mpsc;
    pub(crate) use tokio::sync::{Notify, Semaphore, oneshot, watch};
    pub(crate) use tokio_util::sync::{CancellationToken, DropGuard};
}

pub(crate) mod task {
    pub(crate) use tokio::task::{Id, JoinError, JoinSet};
    pub(crate) use tokio_util::task::{AbortOnDropHandle, TaskTracker};
}
