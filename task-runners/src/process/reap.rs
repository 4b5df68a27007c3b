use std::time::Duration;

use task_core::RunId;

use super::sweep::Sweep;

/// Kills every process of these runs, whoever started it: what a runner does in
/// [`clean_up`](task_core::AgentRunner::clean_up). Gives the number of processes that resisted.
///
/// However many runs there are, the processes of the machine are looked through once, and again only while something
/// is found. Fine to call twice, and for runs that never had a process.
///
/// ```
/// # use task_core::{RunId, TaskId};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let run = RunId::new(TaskId::new(), 1);
/// assert_eq!(task_runners::process::reap(&[run]).await, 0);
/// # }
/// ```
pub async fn reap(runs: &[RunId]) -> usize {
    if runs.is_empty() {
        return 0;
    }
    let mut sweep = Sweep::of_runs(runs);
    let left = tokio::task::spawn_blocking(move || sweep.kill(PATIENCE)).await.unwrap_or_default();
    if left > 0 {
        tracing::warn!(left, runs = runs.len(), "processes of ended runs survived being killed");
    }
    left
}

/// Below the time that core gives a runner to clean up after a run.
const PATIENCE: Duration = Duration::from_millis(500);
