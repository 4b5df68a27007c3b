use std::any::Any;

use super::record::record_cancelled;
use crate::error::TaskError;
use crate::log::Draft;
use crate::model::{Completed, Failed, InstanceId, Interrupted, MessageRefused, Requeued};
use crate::rt::task::JoinError;
use crate::runner::{RunId, RunResult};

/// How a run ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Completed,
    Failed(String),
    /// The process shuts down, and the grace period is over.
    ShutDown,
}

impl Outcome {
    /// That of a run that ended by itself.
    pub(super) fn of(ended: Result<RunResult, JoinError>) -> Self {
        match ended {
            Ok(Ok(())) => Self::Completed,
            Ok(Err(error)) => Self::Failed(error.message().to_owned()),
            Err(error) => Self::Failed(panic_words(error)),
        }
    }

    /// Records the end of the run as the log and the outcome say: nothing when the run is not ours any more.
    pub(super) fn record(&self, draft: &mut Draft, id: RunId, instance: InstanceId) -> Result<(), TaskError> {
        let task = draft.task();
        if task.run != id.run || !task.status.is_active() || task.owner() != Some(instance) {
            return Ok(());
        }
        if task.is_stopping() {
            return record_cancelled(draft);
        }
        match self {
            Self::Completed => {
                refuse_ignored(draft)?;
                draft.record(Completed {})?;
                // A message that was accepted while the run was ending starts the next one.
                if draft.task().queued_messages > 0 {
                    draft.record(Requeued { reason: "message".to_owned() })?;
                }
            }
            Self::Failed(error) => {
                draft.record(Failed { error: error.clone() })?;
            }
            Self::ShutDown => {
                draft.record(Interrupted { reason: "shutdown".to_owned() })?;
            }
        }
        Ok(())
    }
}

/// A run that took no message at all will not take it the next time either: what waited when it started is refused,
/// or the task would run for ever.
fn refuse_ignored(draft: &mut Draft) -> Result<(), TaskError> {
    let book = &draft.task().book;
    if book.took_message {
        return Ok(());
    }
    let ignored: Vec<_> =
        book.queued.iter().filter(|queued| queued.seq < book.run_seq).map(|queued| queued.id).collect();
    for message_id in ignored {
        draft.record(MessageRefused { message_id, reason: "the run ended without taking it".to_owned() })?;
    }
    Ok(())
}

fn panic_words(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "the run was dropped".to_owned() };
    let words = |panic: &(dyn Any + Send)| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).map(str::to_owned)
    };
    match words(&*panic) {
        Some(words) => format!("the runner panicked: {words}"),
        None => "the runner panicked".to_owned(),
    }
}
