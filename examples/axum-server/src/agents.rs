use task_core::{Agent, TaskManagerBuilder};

use crate::demo::Demo;

/// Adds the agents this server offers.
pub(crate) fn offer(builder: TaskManagerBuilder, demo: bool) -> TaskManagerBuilder {
    if !demo {
        return builder;
    }
    let agent = Agent::new("demo", Demo)
        .name("Demo")
        .description("Does what its script says; needs nothing.")
        .model("none");
    builder.agent(agent)
}
