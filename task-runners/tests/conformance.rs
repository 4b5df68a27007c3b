//! The shell agent keeps the contract of runners.
#![cfg(all(feature = "shell", target_os = "linux"))]

use std::sync::Arc;

use task_core::AgentRunner;
use task_core::testing::{Cue, RunnerHarness};
use task_runners::ShellRunner;

struct Shell;

impl RunnerHarness for Shell {
    fn new() -> Self {
        Self
    }

    fn runner(&self) -> Arc<dyn AgentRunner> {
        Arc::new(ShellRunner::new())
    }

    fn cue(&self, cue: Cue<'_>) -> Option<String> {
        Some(match cue {
            Cue::Say(words) => format!("echo '{words}'"),
            // In the background and in front, in a session of its own and not, and none of them ends when asked to.
            Cue::Spawn(seconds) => {
                format!("trap '' TERM; setsid sleep {seconds} & sleep {seconds} & sleep {seconds}")
            }
            Cue::Stream => "while :; do echo more; sleep 0.01; done".to_owned(),
            _ => return None,
        })
    }
}

task_core::runner_conformance!(interrupt, session, spawn, stream, turns: Shell);
