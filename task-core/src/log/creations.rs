//! Creations under way, so that a task that is removed meanwhile stays removed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::TaskId;
use crate::rt::lock;
use crate::rt::sync::{CancellationToken, Mutex};

/// The tasks whose first commit is under way.
///
/// A first commit of which the fate is unknown is tried again. Somebody may have found the task by then, and removed it:
/// tried once more, the commit would bring it back. So a removal here waits for the end of the creation, and one elsewhere
/// ends it, as soon as it is known here.
#[derive(Default)]
pub(super) struct Creations(Mutex<HashMap<TaskId, State>>);

#[derive(Default)]
struct State {
    ended: CancellationToken,
    removed: bool,
}

/// One of them; it ends when this is dropped.
pub(super) struct Creation {
    creations: Arc<Creations>,
    task: TaskId,
}

impl Creations {
    pub(super) fn begin(self: &Arc<Self>, task: TaskId) -> Creation {
        lock(&self.0).insert(task, State::default());
        Creation { creations: Arc::clone(self), task }
    }

    /// Waits until no creation of that task is under way.
    pub(super) async fn ended(&self, task: TaskId) {
        let ended = lock(&self.0).get(&task).map(|state| state.ended.clone());
        if let Some(ended) = ended {
            ended.cancelled().await;
        }
    }

    /// Somebody has removed that task: it was created.
    pub(super) fn remove(&self, task: TaskId) {
        if let Some(state) = lock(&self.0).get_mut(&task) {
            state.removed = true;
        }
    }

    /// Whether that task is being created, and was removed by somebody already.
    pub(super) fn is_removed(&self, task: TaskId) -> bool {
        lock(&self.0).get(&task).is_some_and(|state| state.removed)
    }
}

impl Drop for Creation {
    fn drop(&mut self) {
        if let Some(state) = lock(&self.creations.0).remove(&self.task) {
            state.ended.cancel();
        }
    }
}
