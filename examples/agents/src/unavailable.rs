use task_core::{Agent, RunContext, RunError, RunResult};

/// An agent that is shown, and cannot be used.
pub(crate) fn absent(id: &str, reason: String) -> Agent {
    Agent::new(id, cannot_run).unavailable(reason)
}

/// New tasks for such an agent are refused; this is for those that were created when it could be used.
pub(crate) async fn cannot_run(_: RunContext) -> RunResult {
    Err(RunError::new("this agent cannot run here; the list of agents says why"))
}

pub(crate) fn not_built(kind: &str) -> String {
    format!("the runner `{kind}` is not built in")
}
