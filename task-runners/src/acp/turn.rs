use serde_json::Value;
use task_core::{IncomingMessage, RunError};

use super::request::{Answer, Call, Decision};
use crate::asking::Asking;
use crate::text::text;
use crate::turns::Stop;

/// A turn: from a prompt to its answer.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) asking: Asking<Decision>,
    /// The prompt, while it has no answer.
    pub(super) prompt: Option<Call>,
    /// Messages that were to steer, and are not known to have been taken in.
    pub(super) steering: Vec<(Call, IncomingMessage)>,
    pub(super) answer: Option<Answer>,
    pub(super) stop: Option<Stop>,
}

impl Turn {
    pub(super) fn new(anchor: String) -> Self {
        Self { asking: Asking::new(anchor), ..Self::default() }
    }

    /// How it ended: why, and the error that fails the run. `failure` is what the agent told of one on the way.
    pub(super) fn outcome(&self, failure: Option<&str>) -> (String, Option<RunError>) {
        let reason = match &self.answer {
            Some(Ok(answer)) => text(answer, "stopReason"),
            Some(Err(_)) | None => "",
        };
        let is_good = !reason.is_empty() && reason != "cancelled" && failure.is_none();
        if let Some(stop) = self.stop
            && (stop.is_cancel || !is_good)
        {
            return (if stop.is_cancel { "cancelled" } else { "interrupted" }.to_owned(), None);
        }
        let failed = |words: &str| {
            let words = &plain(words);
            let words =
                if words.trim().is_empty() { "the agent failed and does not say why" } else { words.trim() };
            ("failed".to_owned(), Some(RunError::new(words)))
        };
        match (&self.answer, failure) {
            (Some(Err(refusal)), _) => failed(&refusal.words),
            (_, Some(words)) => failed(words),
            (None, None) => ("done".to_owned(), None),
            (Some(Ok(_)), None) => {
                let reason = match reason {
                    "end_turn" | "" => "done",
                    "max_turn_requests" => "max_turns",
                    "refusal" => "refused",
                    // It was stopped by somebody else, at the agent itself.
                    "cancelled" => "interrupted",
                    other => other,
                };
                (reason.to_owned(), None)
            }
        }
    }
}

/// The message in an error of an API, which may be all that an agent passes on.
fn plain(words: &str) -> String {
    let error: Value = serde_json::from_str(words.trim()).unwrap_or_default();
    error["error"]["message"].as_str().unwrap_or(words).to_owned()
}

/// What an answer says about a message that was to steer: whether the turn has it.
pub(super) fn was_injected(answer: &Answer) -> bool {
    answer
        .as_ref()
        .is_ok_and(|answer| matches!(text(answer, "outcome"), "injected" | "startedNewTurn" | "queued"))
}
