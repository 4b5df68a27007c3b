//! What a new owner does first: no task runs without one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};

use super::agent::Agents;
use super::clean_up::clean_up;
use super::record::record_cancelled;
use crate::error::TaskError;
use crate::log::Journal;
use crate::model::{Interrupted, Requeued, TaskId};
use crate::runner::RunId;

/// Settles the tasks that a process which is gone left running, once their runners took back what was left of them.
pub(super) async fn recover(journal: &Journal, agents: &Agents) -> Result<(), TaskError> {
    let orphans = journal.store().orphans(journal.instance()).await?;
    if orphans.is_empty() {
        return Ok(());
    }
    tracing::info!(tasks = orphans.len(), "settling tasks that were running when their process ended");
    clean_up_all(journal, agents, &orphans).await?;
    stream::iter(orphans)
        .map(|task| Ok(settle(journal, agents, task)))
        .try_buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await
}

/// One call per agent for all its runs, so that a runner that has to look through all processes does it once.
async fn clean_up_all(journal: &Journal, agents: &Agents, orphans: &[TaskId]) -> Result<(), TaskError> {
    let loads =
        stream::iter(orphans.iter().copied()).map(|task| journal.load(task)).buffer_unordered(AT_ONCE);
    let tasks: Vec<_> = loads.try_collect().await?;
    let mut runs: HashMap<&str, Vec<RunId>> = HashMap::new();
    for task in &tasks {
        runs.entry(&task.agent_id).or_default().push(RunId::new(task.id, task.run));
    }
    for (agent_id, runs) in runs {
        let Some(agent) = agents.find(agent_id) else { continue };
        clean_up(Arc::clone(&agent.runner), runs, CLEAN_UP).await;
    }
    Ok(())
}

async fn settle(journal: &Journal, agents: &Agents, task: TaskId) -> Result<(), TaskError> {
    let (instance, agents) = (journal.instance(), agents.clone());
    let outcome = journal.update(task, move |draft| {
        let found = draft.task();
        if !found.status.is_active() || found.owner() == Some(instance) {
            return Ok(());
        }
        if found.is_stopping() {
            return record_cancelled(draft);
        }
        let agent = agents.find(&found.agent_id);
        let resumes = agent.is_some_and(|agent| agent.runner.capabilities().resume_after_restart);
        draft.record(Interrupted { reason: "restart".to_owned() })?;
        if resumes {
            draft.record(Requeued { reason: "restart".to_owned() })?;
        }
        Ok(())
    });
    match outcome.await {
        // Somebody removed it meanwhile.
        Err(TaskError::NotFound(_)) => Ok(()),
        outcome => outcome,
    }
}

/// Tasks settled at once: their commits become few transactions.
const AT_ONCE: usize = 256;

/// How long the runners of one agent may take to clean up.
const CLEAN_UP: Duration = Duration::from_secs(5);
