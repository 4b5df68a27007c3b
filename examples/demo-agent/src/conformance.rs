//! The agent `demo` keeps the contract of runners.

use std::sync::Arc;

use task_core::AgentRunner;
use task_core::testing::{Cue, RunnerHarness};

use super::Demo;

struct Place;

impl RunnerHarness for Place {
    fn new() -> Self {
        Self
    }

    fn runner(&self) -> Arc<dyn AgentRunner> {
        Arc::new(Demo)
    }

    fn cue(&self, cue: Cue<'_>) -> Option<String> {
        Some(match cue {
            Cue::Ask(question) => format!("/ask {question}"),
            Cue::Fail(why) => format!("/fail {why}"),
            Cue::Hang => "/hang".to_owned(),
            Cue::Panic => "/panic".to_owned(),
            Cue::Permit(what) => format!("/permit {what}"),
            Cue::Say(words) => words.to_owned(),
            Cue::Spawn(seconds) => format!("/spawn {seconds}"),
            // Steering gets in between two steps, so the steps are short.
            Cue::Stream => "/count 10 500\n".repeat(2_000),
            _ => return None,
        })
    }
}

task_core::runner_conformance!(
    ask, fail, hang, interrupt, panic, permit, session, spawn, steer, stream, turns: Place
);
