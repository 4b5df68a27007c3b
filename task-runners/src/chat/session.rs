use std::time::Duration;

use task_core::{NoticeLevel, Output, RunContext, RunError, RunResult};

use super::ChatRunner;
use super::attempt::{Attempt, Trouble};
use super::conversation::Conversation;
use super::failure::Failure;

/// One run: its messages one after the other, each a request.
pub(super) struct Session<'a> {
    runner: &'a ChatRunner,
    cx: RunContext,
    conversation: Conversation,
    model: Option<String>,
    turns: u32,
}

/// How a turn ended.
enum Ended {
    /// With an answer, for this reason.
    Answered(&'static str),
    Cancelled,
    Failed(String),
    Interrupted,
}

impl<'a> Session<'a> {
    pub(super) async fn open(runner: &'a ChatRunner, cx: RunContext) -> Result<Self, RunError> {
        if cx.task().session_id.is_none() {
            cx.set_session(format!("chat-{}", cx.task().id)).await?;
        }
        let conversation = Conversation::before(&cx).await?;
        let model = cx.task().model.clone().or_else(|| runner.model.clone());
        Ok(Self { runner, cx, conversation, model, turns: 0 })
    }

    pub(super) async fn run(mut self) -> RunResult {
        while !self.cx.is_cancelled()
            && let Some(message) = self.cx.next_message().await?
        {
            self.conversation.hear(message.content);
            let (reason, error) = match self.turn().await? {
                Ended::Answered(reason) => (reason, None),
                Ended::Cancelled => ("cancelled", None),
                Ended::Failed(words) => ("failed", Some(words)),
                Ended::Interrupted => ("interrupted", None),
            };
            self.cx.emit(Output::turn_ended(reason)).await?;
            if let Some(words) = error {
                return Err(RunError::new(words));
            }
        }
        Ok(())
    }

    async fn turn(&mut self) -> Result<Ended, RunError> {
        let cx = self.cx.clone();
        // Dropping the answer closes its connection.
        tokio::select! {
            biased;
            () = cx.cancelled() => Ok(Ended::Cancelled),
            () = cx.interrupted() => Ok(Ended::Interrupted),
            ended = self.answer() => ended,
        }
    }

    async fn answer(&mut self) -> Result<Ended, RunError> {
        self.turns += 1;
        let turn = format!("chat-{}", self.turns);
        let Self { runner, cx, conversation, model, .. } = self;
        let mut attempt = Attempt { runner, cx, conversation, model, turn: &turn, has_begun: false };
        let (mut pause, mut repetition) = (FIRST_PAUSE, 0);
        loop {
            repetition += 1;
            let failure = match attempt.run().await {
                Ok(reason) => return Ok(Ended::Answered(reason)),
                Err(Trouble::Run(error)) => return Err(error),
                Err(Trouble::Server(failure)) => failure,
            };
            if attempt.has_begun || !failure.is_passing || repetition > runner.retries {
                return Ok(Ended::Failed(failure.words));
            }
            let Failure { words, wait, .. } = failure;
            let wait = wait.unwrap_or_default().clamp(pause, LONGEST_PAUSE);
            let words = format!("{words}; once more in {wait:?} ({repetition} of {})", runner.retries);
            cx.notice(NoticeLevel::Warning, words).await?;
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Also for what the server asks for: who waits longer is better told.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
