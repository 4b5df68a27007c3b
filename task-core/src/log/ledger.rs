use std::sync::Arc;

use super::creations::Creations;
use super::hub::Hub;
use crate::clock::{self, Clock};
use crate::error::TaskError;
use crate::limits::Limits;
use crate::model::InstanceId;
use crate::rt::sync::CancellationToken;
use crate::rt::task::TaskTracker;
use crate::store::{Commit, PatientStore, TaskStore};

/// What everything that writes to the logs of one store stands on: the store, and who is shown what is stored.
///
/// It knows no writer. A cheap handle; clones share everything.
#[derive(Clone)]
pub(super) struct Ledger(Arc<Inner>);

struct Inner {
    store: Arc<dyn TaskStore>,
    hub: Hub,
    creations: Arc<Creations>,
    clock: Arc<dyn Clock>,
    instance: InstanceId,
    limits: Limits,
    tracker: TaskTracker,
    closed: CancellationToken,
}

impl Ledger {
    pub(super) fn new(store: Arc<dyn TaskStore>, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        Self(Arc::new(Inner {
            store: Arc::new(PatientStore(store)),
            hub: Hub::new(&limits),
            creations: Arc::default(),
            clock,
            instance: InstanceId::new(),
            limits,
            tracker: TaskTracker::new(),
            closed: CancellationToken::new(),
        }))
    }

    pub(super) fn store(&self) -> &Arc<dyn TaskStore> {
        &self.0.store
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    pub(super) fn creations(&self) -> &Arc<Creations> {
        &self.0.creations
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(super) fn instance(&self) -> InstanceId {
        self.0.instance
    }

    pub(super) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        clock::read(&*self.0.clock)
    }

    /// Everything that writes runs here, so that a caller who goes away never leaves a commit half told.
    pub(super) fn tracker(&self) -> &TaskTracker {
        &self.0.tracker
    }

    /// Cancelled when the manager was shut down.
    pub(super) fn closed(&self) -> &CancellationToken {
        &self.0.closed
    }

    /// Whether the manager was shut down; then nothing is accepted.
    pub(super) fn check_open(&self) -> Result<(), TaskError> {
        if self.0.closed.is_cancelled() { Err(TaskError::ShutDown) } else { Ok(()) }
    }

    /// Shows a commit that is stored.
    pub(super) fn publish(&self, commit: &Commit) {
        self.0.hub.publish(commit);
    }

    /// Accepts nothing more.
    pub(super) fn close(&self) {
        self.0.closed.cancel();
        self.0.tracker.close();
    }
}
