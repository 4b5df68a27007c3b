//! The agents that the example server and the command line offer: those that are built in, those that are found on this
//! machine, and those that a file describes.
#![forbid(unsafe_code)]

mod found;
mod unavailable;

use std::collections::BTreeMap;
use std::path::Path;

use demo_agent::Demo;
use task_core::Agent;
use task_runners::ShellRunner;
use task_runners::agents::{AgentFileError, AgentKind, AgentSpec, agents_from_file};

use unavailable::{cannot_run, not_built};

/// Which agents to offer.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Agents {
    demo: bool,
    looks: bool,
    described: Vec<AgentSpec>,
}

impl Agents {
    /// The shell alone.
    pub fn built_in() -> Self {
        Self::default()
    }

    /// Sets whether there is the agent `demo`.
    pub const fn demo(mut self, demo: bool) -> Self {
        self.demo = demo;
        self
    }

    /// Sets whether agents are looked for on this machine.
    pub const fn look(mut self, looks: bool) -> Self {
        self.looks = looks;
        self
    }

    /// Adds those that a file describes. It has the last word about an id.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is not as it should be; it says where.
    pub fn file(mut self, file: &Path) -> Result<Self, AgentFileError> {
        self.described.extend(agents_from_file(file)?);
        Ok(self)
    }

    /// Whether there is an agent of this id, as far as can be told without looking.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        id == SHELL || (self.demo && id == DEMO) || self.described.iter().any(|spec| spec.id == id)
    }

    /// All of them, by id. Looking takes as long as the slowest program takes to tell its version: 3 s at most.
    pub async fn all(&self) -> BTreeMap<String, Agent> {
        let shell = Agent::new(SHELL, ShellRunner::new())
            .name("Shell")
            .description("Runs each message as a command line.");
        let mut agents = BTreeMap::from([(SHELL.to_owned(), shell)]);
        if self.looks {
            agents.extend(found::look().await);
        }
        if self.demo {
            let demo =
                Agent::new(DEMO, Demo).name("Demo").description("Does what its script says; needs nothing.");
            agents.insert(DEMO.to_owned(), demo);
        }
        agents.extend(self.described.iter().map(|spec| (spec.id.clone(), as_described(spec))));
        agents
    }
}

/// The one place where an agent of the file gets its runner.
fn as_described(spec: &AgentSpec) -> Agent {
    match &spec.kind {
        AgentKind::Acp(runner) => spec.agent(runner.clone()),
        AgentKind::Chat(runner) => spec.agent(runner.clone()),
        AgentKind::Claude(runner) => spec.agent(runner.clone()),
        AgentKind::Shell(runner) => spec.agent(runner.clone()),
        _ => spec.agent(cannot_run).unavailable(not_built("this kind")),
    }
}

const SHELL: &str = "shell";
const DEMO: &str = "demo";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_without_looking_is_known_without_looking() {
        let agents = Agents::built_in();
        assert!(agents.has("shell") && !agents.has("demo") && !agents.has("claude"));
        assert!(agents.demo(true).has("demo"));
    }
}
