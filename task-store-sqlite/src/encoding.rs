//! Ids and positions as rows hold them.

use task_core::{Seq, TaskId};
use uuid::Uuid;

/// A task as rows name it.
pub(crate) fn uid(task: TaskId) -> [u8; 16] {
    *task.as_uuid().as_bytes()
}

/// The inverse of [`uid`].
pub(crate) fn task_id(uid: [u8; 16]) -> TaskId {
    Uuid::from_bytes(uid).into()
}

/// A position as rows hold it. What is beyond their range is beyond the end of every log.
pub(crate) fn number(seq: Seq) -> i64 {
    i64::try_from(seq.get()).unwrap_or(i64::MAX)
}

/// The inverse of [`number`].
pub(crate) fn position(number: i64) -> Seq {
    Seq::new(u64::try_from(number).unwrap_or_default())
}
