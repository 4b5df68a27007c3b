//! The chat agent keeps the contract of runners.
#![cfg(feature = "chat")]

mod fake_model;

use std::sync::Arc;
use std::time::Duration;

use fake_model::{FakeModel, Step, answer, error, stream};
use task_core::AgentRunner;
use task_core::testing::{Cue, RunnerHarness};
use task_runners::chat::{ChatRunner, Endpoint};

struct Chat(FakeModel);

impl RunnerHarness for Chat {
    fn new() -> Self {
        Self(FakeModel::new(|_, asked| {
            let newest = asked.newest();
            let (order, words) = newest.split_once(": ").unwrap_or((&newest, ""));
            match order {
                "say" => answer(words),
                "fail" => error(400, words),
                "stream" => vec![stream(), Step::Endless(Duration::from_millis(5))],
                _ => error(400, &format!("not in the script: {newest}")),
            }
        }))
    }

    fn runner(&self) -> Arc<dyn AgentRunner> {
        Arc::new(ChatRunner::new(Endpoint::new(&self.0.url()).expect("a URL")).model("fake"))
    }

    fn cue(&self, cue: Cue<'_>) -> Option<String> {
        Some(match cue {
            Cue::Fail(why) => format!("fail: {why}"),
            Cue::Say(words) => format!("say: {words}"),
            Cue::Stream => "stream: ".to_owned(),
            _ => return None,
        })
    }
}

task_core::runner_conformance!(fail, interrupt, session, stream, turns: Chat);
