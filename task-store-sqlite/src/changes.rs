use std::sync::{Mutex, Weak};
use std::time::Duration;

use task_core::{Changes, StoreError};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::blocking::{self, lock};
use crate::store::Inner;

/// Looks whether other processes have written, for as long as somebody listens.
#[derive(Debug, Default)]
pub(crate) struct Poller {
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Poller {
    /// Runs from now on, if it does not yet. `store` ends it by going away.
    pub(crate) fn start(&self, store: Weak<Inner>, every: Duration) {
        let mut task = lock(&self.task);
        if task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        // Without a runtime nothing can be polled, the stream of changes neither.
        let Ok(runtime) = blocking::runtime() else { return };
        *task = Some(runtime.spawn(poll(store, every)));
    }

    pub(crate) fn stop(&self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }

    /// Whether nobody listens any more; then the next listener starts another.
    fn retires(&self, changes: &Changes) -> bool {
        // Under the lock that `start` takes after its listener is there: either it is seen here, or `start` sees that
        // this one has gone.
        let mut task = lock(&self.task);
        let retires = !changes.has_listeners(None);
        if retires {
            *task = None;
        }
        retires
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn poll(store: Weak<Inner>, every: Duration) {
    let mut ticks = tokio::time::interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(inner) = store.upgrade() else { return };
        if inner.poller.retires(&inner.changes) {
            return;
        }
        // A writer of its own: while it waits, the store may go away.
        let writer = inner.writer.clone();
        drop(inner);
        match writer.look().await {
            Ok(()) => {}
            Err(StoreError::Closed) => return,
            // The next look finds what this one did not.
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not look for changes")
            }
        }
    }
}
