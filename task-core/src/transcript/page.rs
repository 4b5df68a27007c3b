use std::collections::VecDeque;

use super::block::TranscriptMessage;
use super::fold::Transcript;
use crate::error::TaskError;
use crate::log::Journal;
use crate::model::{Event, Seq, Task, TaskId};

/// Which messages of a transcript to read. The newest, unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptQuery {
    /// Messages that begin before this event, exclusive: the page before one that began there.
    pub before: Option<Seq>,
    /// Messages that end after this event, exclusive: what is new since then.
    pub after: Option<Seq>,
    /// At most so many messages, 1 or more.
    pub limit: usize,
}

impl Default for TranscriptQuery {
    fn default() -> Self {
        Self { before: None, after: None, limit: 50 }
    }
}

impl TranscriptQuery {
    /// The same for messages that begin before `seq`.
    #[must_use]
    pub const fn with_before(mut self, seq: Seq) -> Self {
        self.before = Some(seq);
        self
    }

    /// The same for messages that end after `seq`.
    #[must_use]
    pub const fn with_after(mut self, seq: Seq) -> Self {
        self.after = Some(seq);
        self
    }

    /// The same with another page size.
    #[must_use]
    pub const fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// A page of a transcript, in the order of the conversation.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct TranscriptPage {
    /// The messages.
    pub messages: Vec<TranscriptMessage>,
    /// Where the log ended: a subscription after it continues the page exactly.
    pub seq: Seq,
    /// Whether there are more in the direction of the query: older ones, or newer ones with `after`.
    pub has_more: bool,
}

pub(crate) async fn page(_journal: &Journal, _task: TaskId, _query: TranscriptQuery) -> Result<TranscriptPage, TaskError> {
    todo!()
}
