//! The beginning and the end of a manager.

use std::sync::Arc;
use std::time::Duration;

use super::agent::Agents;
use super::recovery;
use super::scheduler::Scheduler;
use super::settings::Settings;
use super::tasks::{Shared, TaskManager};
use crate::clock::Clock;
use crate::error::TaskError;
use crate::limits::Limits;
use crate::log::Journal;
use crate::rt::atomic::AtomicUsize;
use crate::rt::select;
use crate::rt::sync::{CancellationToken, watch};
use crate::rt::task::TaskTracker;
use crate::rt::time::timeout;
use crate::store::{StoreError, TaskStore};

impl TaskManager {
    /// With settings: as the owner. Without: as an observer.
    pub(super) async fn start(
        store: Arc<dyn TaskStore>,
        clock: Arc<dyn Clock>,
        limits: Limits,
        agents: Agents,
        settings: Option<Settings>,
    ) -> Result<Self, TaskError> {
        let journal = Journal::new(store, clock, limits);
        let background = TaskTracker::new();
        let (stop, abandon) = (CancellationToken::new(), CancellationToken::new());
        let deaf = abandon.child_token();
        let (shutdown, _) = watch::channel(None);

        if settings.is_some() {
            journal.store().claim(journal.instance()).await?;
        }
        // From here on the process hears of what others change, before it looks at what there is.
        background.spawn(journal.clone().pump(deaf.clone()));
        if let Some(settings) = settings {
            if let Err(error) = recovery::recover(&journal, &agents).await {
                abandon.cancel();
                journal.store().release(journal.instance()).await?;
                return Err(error);
            }
            let scheduler = Scheduler::new(
                journal.clone(),
                agents.clone(),
                settings,
                shutdown.subscribe(),
                abandon.clone(),
            );
            // Until its last run has ended a process must hear of what others want from it.
            background.spawn(async move {
                let _deaf_at_the_end = deaf.drop_guard();
                scheduler.run().await;
            });
        } else {
            let stop = stop.clone();
            background.spawn(async move {
                let _deaf_at_the_end = deaf.clone().drop_guard();
                select! {
                    () = stop.cancelled() => {}
                    () = deaf.cancelled() => {}
                }
            });
        }
        background.close();
        Ok(Self(Arc::new(Shared {
            _abandon_on_drop: abandon.drop_guard(),
            journal,
            agents,
            is_owner: settings.is_some(),
            // An observer does not know the owner's: this is its default.
            cancel_grace: settings.unwrap_or_default().cancel_grace,
            creating: AtomicUsize::new(0),
            shutdown,
            background,
            stop,
        })))
    }

    /// Ends everything in good order: nothing new is accepted, streams end, runs may finish for `grace` and are then
    /// stopped and settled as interrupted, the store is closed. Returns within `grace` and about a second; when the store
    /// does not answer, within `grace` and some 25 seconds, and the next owner settles what it finds.
    ///
    /// Later calls of any clone are [`TaskError::ShutDown`]. A second call waits for the first.
    ///
    /// ```
    /// use std::time::Duration;
    /// use task_core::{NewTask, TaskError};
    ///
    /// # task_core::testing::examples::on_tasks(async |tasks| {
    /// tasks.create(NewTask::new("parrot", "hello")).await?;
    /// tasks.shutdown(Duration::from_secs(10)).await?;
    /// assert!(matches!(tasks.counts().await, Err(TaskError::ShutDown)));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// When the store cannot be closed.
    pub async fn shutdown(&self, grace: Duration) -> Result<(), TaskError> {
        self.0.shutdown.send_if_modified(|current| {
            let sooner = current.is_none_or(|current| grace < current);
            if sooner {
                *current = Some(grace);
            }
            sooner
        });
        self.0.stop.cancel();
        // Viewers go first: they have somewhere to come back to, and need not wait for the runs.
        self.journal().end_readers();
        self.0.background.wait().await;
        self.journal().close();
        // What is under way when the store does not answer is left behind.
        drop(timeout(LAST_COMMITS, self.journal().tracker().wait()).await);
        self.journal().store().release(self.journal().instance()).await.or_else(ignore_closed)?;
        self.journal().store().close().await?;
        Ok(())
    }
}

fn ignore_closed(error: StoreError) -> Result<(), StoreError> {
    if matches!(error, StoreError::Closed) { Ok(()) } else { Err(error) }
}

/// How long a shutdown waits for commits that were accepted before it.
const LAST_COMMITS: Duration = Duration::from_secs(5);
