use serde_json::Value;
use task_core::{IncomingMessage, RunError};

use super::event::{Activity, Ended, Fate};
use crate::asking::Asking;
use crate::turns::Stop;

/// A turn: from a message until the session is idle and every message that went into it has met its fate.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) asking: Asking<Value>,
    sent: Vec<Sent>,
    /// Whether the agent tells what becomes of messages. Old versions do not.
    tells_fates: bool,
    has_run: bool,
    is_idle: bool,
    pub(super) ended: Option<Ended>,
    pub(super) stop: Option<Stop>,
}

/// A message that was written to the agent.
struct Sent {
    id: String,
    /// What it was, when it is to be sent again should it never reach the model.
    message: Option<IncomingMessage>,
    has_started: bool,
    is_over: bool,
}

impl Turn {
    pub(super) fn new(anchor: String) -> Self {
        Self { asking: Asking::new(anchor), ..Self::default() }
    }

    pub(super) fn sent(&mut self, id: String, message: Option<IncomingMessage>) {
        self.is_idle = false;
        self.sent.push(Sent { id, message, has_started: false, is_over: false });
    }

    pub(super) fn fate(&mut self, id: &str, fate: Fate) {
        self.tells_fates = true;
        let Some(sent) = self.sent.iter_mut().find(|sent| sent.id == id) else { return };
        match fate {
            Fate::Cancelled => sent.is_over = true,
            Fate::Completed => (sent.has_started, sent.is_over) = (true, true),
            Fate::Queued => {}
            Fate::Started => sent.has_started = true,
        }
    }

    pub(super) fn activity(&mut self, activity: Activity) {
        self.is_idle = activity == Activity::Idle;
        self.has_run |= !self.is_idle;
    }

    /// Whether the agent is at work.
    pub(super) const fn has_begun(&self) -> bool {
        self.has_run
    }

    /// Whether the session is free again.
    pub(super) fn is_over(&self) -> bool {
        let has_ended = self.has_run || self.ended.is_some();
        self.is_idle && has_ended && (!self.tells_fates || self.sent.iter().all(|sent| sent.is_over))
    }

    /// Messages that never reached the model, in order.
    pub(super) fn undelivered(&mut self) -> Vec<IncomingMessage> {
        let lost = self.sent.iter_mut().filter(|sent| self.tells_fates && !sent.has_started);
        lost.filter_map(|sent| sent.message.take()).collect()
    }

    /// How it ended: why, and the error that fails the run.
    pub(super) fn outcome(&self) -> (String, Option<RunError>) {
        if let Some(stop) = self.stop
            && (stop.is_cancel || self.ended.as_ref().is_none_or(|ended| ended.is_error))
        {
            return (if stop.is_cancel { "cancelled" } else { "interrupted" }.to_owned(), None);
        }
        let Some(ended) = &self.ended else { return ("done".to_owned(), None) };
        match ended.reason.as_str() {
            reason if reason.starts_with("aborted") => ("interrupted".to_owned(), None),
            "max_turns" => ("max_turns".to_owned(), None),
            _ if ended.is_error => {
                let words = if ended.words.is_empty() { &ended.reason } else { &ended.words };
                ("failed".to_owned(), Some(RunError::new(words)))
            }
            _ => ("done".to_owned(), None),
        }
    }
}
