use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One entry of a log: these fields, and those of its kind. There may be kinds a client does not know; it skips them.
#[derive(Serialize, ToSchema)]
pub(crate) struct Event {
    /// The task it belongs to.
    #[schema(format = "uuid")]
    task_id: String,
    /// Its position in the log.
    seq: u64,
    /// When it was recorded.
    at: DateTime<Utc>,
    /// Its kind.
    #[schema(example = "text")]
    kind: String,
    /// The fields of its kind.
    #[serde(flatten)]
    fields: HashMap<String, Value>,
}

/// A frame of the stream of a log.
#[derive(ToSchema)]
pub(crate) struct LogFrame {
    /// The position of an event: the cursor of whoever read it. Absent on `caught_up`, `heartbeat` and `end`.
    id: Option<String>,
    /// The kind of an event, `caught_up`, `heartbeat` or `end`.
    event: String,
    /// JSON on one line: an `Event`; `{seq, status}` of `caught_up` and `end`; `{at}` of `heartbeat`.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// A frame of the stream of the list.
#[derive(ToSchema)]
pub(crate) struct ListFrame {
    /// `snapshot`, `task`, `removed`, `counts` or `heartbeat`.
    event: String,
    /// JSON on one line: a `TaskList`, a `Task`, `{id}`, `StatusCounts`, or `{at}`.
    #[schema(content_media_type = "application/json")]
    data: String,
}
