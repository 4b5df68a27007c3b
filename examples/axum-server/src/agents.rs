use demo_agent::Demo;
use task_core::{Agent, TaskManagerBuilder};
use task_runners::ShellRunner;

/// Adds the agents this server offers.
pub(crate) fn offer(builder: TaskManagerBuilder, demo: bool) -> TaskManagerBuilder {
    let shell = Agent::new("shell", ShellRunner::new())
        .name("Shell")
        .description("Runs each message as a command line.");
    let builder = builder.agent(shell);
    if !demo {
        return builder;
    }
    builder
        .agent(Agent::new("demo", Demo).name("Demo").description("Does what its script says; needs nothing."))
}
