//! The agent of the quickstart keeps the contract of runners.

use std::sync::Arc;

use task_core::testing::{Cue, RunnerHarness};
use task_core::{AgentRunner, RunContext, RunResult};

async fn parrot(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        for word in message.text().split_whitespace() {
            cx.text("reply", format!("{word} ")).await?;
        }
    }
    Ok(())
}

struct Parrot;

impl RunnerHarness for Parrot {
    fn new() -> Self {
        Self
    }

    fn runner(&self) -> Arc<dyn AgentRunner> {
        Arc::new(parrot)
    }

    fn cue(&self, cue: Cue<'_>) -> Option<String> {
        match cue {
            Cue::Say(words) => Some(words.to_owned()),
            _ => None,
        }
    }
}

task_core::runner_conformance!(Parrot);

/// A program has nothing to import from, so the agent stands here once more.
#[test]
fn the_agent_is_that_of_the_program() {
    let agent = |source: &'static str| {
        let (_, rest) = source.split_once("async fn parrot").expect("the agent");
        rest.split_once("\n}\n").expect("its end").0
    };
    assert_eq!(agent(include_str!("conformance.rs")), agent(include_str!("../src/main.rs")));
}
