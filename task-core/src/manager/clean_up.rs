use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use crate::rt;
use crate::rt::task::AbortOnDropHandle;
use crate::rt::time::timeout;
use crate::runner::{AgentRunner, RunId};
use crate::with_causes;

/// Lets a runner take back what these runs left: in a task of its own, so that neither a panic nor a hang of the runner's
/// code keeps a task from being settled.
pub(super) async fn clean_up(runner: Arc<dyn AgentRunner>, runs: Vec<RunId>, patience: Duration) {
    let work = async move { runner.clean_up(&runs).await };
    let cleaning = AbortOnDropHandle::new(rt::spawn(work.in_current_span()));
    match timeout(patience, cleaning).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(error = %with_causes(&error), "cleaning up failed"),
        Err(_) => tracing::warn!(?patience, "cleaning up took too long"),
    }
}
