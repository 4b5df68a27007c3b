//! What commands, runs and recoveries record in the same words.

use serde_json::Value;

use crate::error::TaskError;
use crate::log::{Draft, answer_key};
use crate::model::{Cancelled, InputAnswered, MessageRefused};

/// Answers an open question: the key makes sure that there is one answer, whoever else answers now.
pub(super) fn record_answer(
    draft: &mut Draft,
    request_id: &str,
    answer: Value,
    by: &str,
) -> Result<(), TaskError> {
    let answered = InputAnswered { request_id: request_id.to_owned(), answer, by: by.to_owned() };
    let seq = draft.record(answered)?;
    draft.set_key(answer_key(draft.task().id, request_id), seq);
    Ok(())
}

/// The end of a cancelled task: what waits is refused, with that reason.
pub(super) fn record_cancelled(draft: &mut Draft) -> Result<(), TaskError> {
    let waiting: Vec<_> = draft.task().book.queued.iter().map(|queued| queued.id).collect();
    for message_id in waiting {
        draft.record(MessageRefused { message_id, reason: "cancelled".to_owned() })?;
    }
    draft.record(Cancelled {}).map(drop)
}
