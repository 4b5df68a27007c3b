use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::error::TaskError;
use crate::runner::AgentRunner;

/// An agent that tasks can name: a runner, and what people should know about it.
///
/// ```
/// use task_core::{Agent, RunContext, RunResult};
///
/// async fn echo(cx: RunContext) -> RunResult { Ok(()) }
///
/// let agent = Agent::new("echo", echo).name("Echo").description("Says what you say").max_running(2);
/// ```
#[must_use]
pub struct Agent {
    pub(crate) info: AgentInfo,
    pub(crate) runner: Arc<dyn AgentRunner>,
    pub(crate) max_running: usize,
}

/// What people should know about an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AgentInfo {
    /// What tasks name.
    pub id: String,
    /// What people read.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The model it uses unless asked otherwise.
    pub model: Option<String>,
    /// Whether it can run here.
    pub available: bool,
    /// Why it cannot, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Agent {
    /// The agent `id`, named like it, run by `runner`.
    pub fn new(id: impl Into<String>, runner: impl AgentRunner) -> Self {
        let id = id.into();
        let info =
            AgentInfo { name: id.clone(), id, description: None, model: None, available: true, reason: None };
        Self { info, runner: Arc::new(runner), max_running: usize::MAX }
    }

    /// Sets what people read.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.info.name = name.into();
        self
    }

    /// Says what it does.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.info.description = Some(description.into());
        self
    }

    /// Says which model it uses unless asked otherwise.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.info.model = Some(model.into());
        self
    }

    /// Says that it cannot run here, why, and what to do about it. Tasks for it are refused.
    pub fn unavailable(mut self, reason: impl Into<String>) -> Self {
        self.info.available = false;
        self.info.reason = Some(reason.into());
        self
    }

    /// Lets at most so many of its tasks run at a time; the rest wait, and hold up no tasks of other agents. It is
    /// counted as for [all agents together](crate::TaskManagerBuilder::max_running). Without this only that limit holds.
    pub const fn max_running(mut self, tasks: usize) -> Self {
        self.max_running = tasks;
        self
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("info", &self.info)
            .field("max_running", &self.max_running)
            .finish_non_exhaustive()
    }
}

/// The agents of a manager, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agents(Arc<BTreeMap<String, Agent>>);

impl Agents {
    pub(crate) fn new(agents: Vec<Agent>) -> Result<Self, TaskError> {
        let mut by_id = BTreeMap::new();
        for agent in agents {
            let id = agent.info.id.clone();
            if by_id.insert(id.clone(), agent).is_some() {
                return Err(TaskError::invalid("agent", format!("`{id}` is there twice")));
            }
        }
        Ok(Self(Arc::new(by_id)))
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Agent> {
        self.0.get(id)
    }

    pub(crate) fn infos(&self) -> Vec<AgentInfo> {
        self.0.values().map(|agent| agent.info.clone()).collect()
    }
}
