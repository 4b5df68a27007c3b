//! The agents that run tasks in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use task_core::{
    Agent, AgentRunner, Order, RunContext, RunError, RunId, RunResult, StoreError, TaskManager,
    TaskManagerBuilder, TaskQuery, TaskStatus, TaskStore,
};
use task_runners::process::reap;

/// A manager to be on this store, with these agents.
///
/// Whoever owns a store runs what waits in it, and fails the tasks of agents it does not have. This program owns one
/// for a moment, where a server with other agents may be next: tasks for agents that are not here stay as they are.
pub(crate) async fn offer(
    store: Arc<dyn TaskStore>,
    agents: BTreeMap<String, Agent>,
) -> Result<TaskManagerBuilder, StoreError> {
    let mut elsewhere = named(&*store).await?;
    elsewhere.retain(|id| !agents.contains_key(id));
    let elsewhere = elsewhere.into_iter().map(|id| {
        Agent::new(id, Elsewhere).max_running(0).unavailable("it is not among those of `tasks agents`")
    });
    let agents = agents.into_values().chain(elsewhere);
    Ok(agents.fold(TaskManager::builder(store), TaskManagerBuilder::agent))
}

/// The id that may have been meant.
pub(crate) fn similar<'a>(id: &str, known: &'a [String]) -> Option<&'a str> {
    let rated = known.iter().map(|known| (strsim::jaro_winkler(id, known), &**known));
    rated.filter(|(rate, _)| *rate > SIMILAR).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// An agent of another process. Nothing of it runs here, but what that process left of its runs is taken back.
struct Elsewhere;

#[async_trait]
impl AgentRunner for Elsewhere {
    async fn run(&self, _cx: RunContext) -> RunResult {
        Err(RunError::new("this agent is not here"))
    }

    async fn clean_up(&self, runs: &[RunId]) {
        reap(runs).await;
    }
}

/// The agents that tasks which are not settled name.
async fn named(store: &dyn TaskStore) -> Result<BTreeSet<String>, StoreError> {
    let unsettled = TaskStatus::ALL.into_iter().filter(|status| !status.is_settled());
    let mut query =
        TaskQuery::default().with_statuses(unsettled).with_order(Order::OldestFirst).with_limit(PAGE);
    let mut agents = BTreeSet::new();
    loop {
        let page = store.list(&query).await?;
        agents.extend(page.items.into_iter().map(|task| task.agent_id));
        match page.next {
            Some(cursor) => query = query.with_cursor(cursor),
            None => return Ok(agents),
        }
    }
}

const PAGE: usize = 500;

/// What clap takes for similar.
const SIMILAR: f64 = 0.7;
