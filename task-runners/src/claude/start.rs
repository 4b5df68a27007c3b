//! The beginning and the end of the process of a run.

use task_core::{RunError, RunResult};
use tokio::time::{Instant, timeout_at};

use super::control;
use super::launch;
use super::session::Session;
use super::turn::Turn;
use crate::process::Mark;
use crate::stdio::Agent;

impl Session<'_> {
    /// Sees to it that the agent is there and listens. `false` when the run should stop instead.
    pub(super) async fn start(&mut self) -> Result<bool, RunError> {
        if self.agent.is_some() {
            return Ok(true);
        }
        match self.try_start().await {
            // The crash came before the agent had kept anything of the session that it had just named.
            Err(error) if error.message().contains(UNKNOWN) && !self.kept.has_history => {
                self.session = None;
                self.try_start().await
            }
            started => started,
        }
    }

    async fn try_start(&mut self) -> Result<bool, RunError> {
        self.state.forget_process();
        self.turn = Turn::default();
        let (task, session) = (self.cx.task(), self.session.as_deref());
        let command = launch::command(self.runner, task, &self.dir, session);
        let agent = Agent::start(command, &self.runner.program, INSTALL, Mark::new(self.cx.id()))?;
        self.agent.insert(agent).tell(&control::request(HELLO, HELLO));
        let until = Instant::now() + self.runner.start_wait;
        loop {
            if let Some((_, error)) = self.responded.take_if(|(request, _)| request == HELLO) {
                return match error {
                    None => Ok(true),
                    Some(error) => Err(RunError::new(format!("the agent refused to start: {error}"))),
                };
            }
            let Some(agent) = &mut self.agent else {
                let (_, error) = self.turn.outcome();
                return Err(error.unwrap_or_else(|| RunError::new("the agent did not start")));
            };
            let step = tokio::select! {
                biased;
                () = self.cx.cancelled() => return Ok(false),
                step = timeout_at(until, agent.step()) => step,
            };
            let Ok(step) = step else {
                let wait = self.runner.start_wait;
                let words = format!("the agent said nothing within {wait:?} of its start{}", agent.tail());
                return Err(RunError::new(words));
            };
            self.on_step(step).await?;
        }
    }

    /// Ends the process of the agent, and everything it left running.
    pub(super) async fn dismiss(&mut self) -> RunResult {
        self.state.forget_process();
        if let Some(agent) = self.agent.take() {
            let ladder = self.runner.ladder;
            agent.stop(&if self.is_curt { ladder.close_stdin(None) } else { ladder }).await?;
        }
        Ok(())
    }
}

/// The first request to the agent: it answers when it is ready.
const HELLO: &str = "initialize";

const INSTALL: &str = "install it with `npm install -g @anthropic-ai/claude-code`, or name its path";

/// What the agent says of a session that it does not know.
const UNKNOWN: &str = "No conversation found";
