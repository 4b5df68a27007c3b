//! The runner for the Agent Client Protocol keeps the contract of runners.
#![cfg(target_os = "linux")]

use std::sync::Arc;

use task_core::AgentRunner;
use task_core::testing::{Cue, RunnerHarness};
use task_runners::AcpRunner;
use task_runners::process::Environment;
use tempfile::TempDir;

struct Stub(TempDir);

impl RunnerHarness for Stub {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn runner(&self) -> Arc<dyn AgentRunner> {
        let environment = Environment::basic().set("STUB_HOME", self.0.path());
        Arc::new(AcpRunner::new(env!("CARGO_BIN_EXE_acp-stub")).environment(environment))
    }

    fn cue(&self, cue: Cue<'_>) -> Option<String> {
        Some(match cue {
            Cue::Fail(words) => format!("fail {words}"),
            Cue::Permit(what) => format!("permit {what}"),
            Cue::Say(words) => format!("say {words} "),
            Cue::Spawn(seconds) => format!("spawn {seconds}"),
            Cue::Stream => "stream".to_owned(),
            _ => return None,
        })
    }
}

task_core::runner_conformance!(fail, interrupt, permit, session, spawn, steer, stream, turns: Stub);
