use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use task_core::{Changes, StoreError, with_causes};
use task_store_writer::blocking::lock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::work::Work;
use crate::writer::Writer;

/// Looks whether other processes have written, for as long as somebody listens.
#[derive(Debug)]
pub(crate) struct Poller {
    writer: Writer,
    changes: Changes,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Poller {
    pub(crate) fn new(writer: Writer, changes: Changes) -> Arc<Self> {
        Arc::new(Self { writer, changes, task: Mutex::default() })
    }

    /// Runs from now on, if it does not yet, until this is dropped.
    pub(crate) fn start(self: &Arc<Self>, every: Duration) {
        let mut task = lock(&self.task);
        if task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        // Without a runtime nothing can be polled, the stream of changes neither.
        let Ok(runtime) = Handle::try_current() else { return };
        *task = Some(runtime.spawn(poll(Arc::downgrade(self), every)));
    }

    pub(crate) fn stop(&self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }

    /// Whether nobody listens any more; then the next listener starts another.
    fn retires(&self) -> bool {
        // Under the lock that `start` takes after its listener is there: either it is seen here, or `start` sees that
        // this one has gone.
        let mut task = lock(&self.task);
        let retires = !self.changes.has_listeners(None);
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

async fn poll(poller: Weak<Poller>, every: Duration) {
    let mut ticks = tokio::time::interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(poller) = poller.upgrade() else { return };
        if poller.retires() {
            return;
        }
        // A writer of its own: while it waits, the store may go away.
        let writer = poller.writer.clone();
        drop(poller);
        match writer.submit_now(Work::Look).await {
            Ok(()) => {}
            Err(StoreError::Closed) => return,
            // The next look finds what this one did not.
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), "could not look for changes")
            }
        }
    }
}
