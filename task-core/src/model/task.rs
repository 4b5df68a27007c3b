use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::id::{InstanceId, MessageId, TaskId};
use super::payload::Delivery;
use super::request::InputRequest;
use super::seq::Seq;
use super::status::TaskStatus;
use super::time;
use super::usage::Usage;

/// A task as lists show it: the fold of its log up to [`Task::seq`].
///
/// Serialized, it is the `Task` of the HTTP interface; absent values are `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Task {
    /// Its name for ever.
    pub id: TaskId,
    /// The agent that runs it.
    pub agent_id: String,
    /// What the agent resumes from.
    pub session_id: Option<String>,
    /// Where it stands.
    pub status: TaskStatus,
    /// What lists show: the beginning of the first message, or what it was renamed to.
    pub title: String,
    /// The model asked for.
    pub model: Option<String>,
    /// When it was created.
    #[serde(with = "time")]
    pub created_at: DateTime<Utc>,
    /// When its last run started.
    #[serde(with = "time::option")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it settled; absent while it does not stand still.
    #[serde(with = "time::option")]
    pub completed_at: Option<DateTime<Utc>>,
    /// What went wrong in the last run.
    pub error: Option<String>,
    /// Where the agent works.
    pub work_dir: Option<String>,
    /// The newest event.
    pub seq: Seq,
    /// How many runs were started.
    pub run: u32,
    /// When the newest event was recorded.
    #[serde(with = "time")]
    pub last_event_at: DateTime<Utc>,
    /// Messages that were accepted and neither delivered nor refused.
    pub queued_messages: u32,
    /// Questions that wait for an answer.
    pub requests: Vec<InputRequest>,
    /// What the task has cost, where the agent tells it.
    pub usage: Option<Usage>,
    /// Whatever the creator wanted to keep with it.
    pub metadata: Option<Map<String, Value>>,
    /// Whether the agent may use its skills.
    pub enable_skills: Option<bool>,
    /// Whether the agent may use MCP servers.
    pub enable_mcp: Option<bool>,
    /// More directories the agent may use.
    pub add_dirs: Option<Vec<String>>,

    /// What only core needs to know.
    #[serde(skip)]
    pub(crate) book: Bookkeeping,
}

/// The part of the fold that no list shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bookkeeping {
    /// Messages that wait, in the order they were accepted.
    #[serde(default)]
    pub(crate) queued: Vec<Queued>,
    /// Whether somebody asked the run to stop.
    #[serde(default)]
    pub(crate) cancelling: bool,
    /// The process that runs the task, while one does.
    #[serde(default)]
    pub(crate) owner: Option<InstanceId>,
    /// The first run of an unbroken chain of interrupted runs: questions keep their names within it.
    #[serde(default)]
    pub(crate) chain: u32,
    /// Since when the task waits for a place.
    #[serde(default, with = "time::option")]
    pub(crate) pending_since: Option<DateTime<Utc>>,
    /// Why it waits: the reason of the next `run_started`.
    #[serde(default)]
    pub(crate) pending_reason: Option<String>,
    /// Where the newest run started.
    #[serde(default)]
    pub(crate) run_seq: Seq,
    /// Whether the newest run took a message.
    #[serde(default)]
    pub(crate) took_message: bool,
    /// How many questions were answered, ever.
    #[serde(default)]
    pub(crate) answers: u64,
    /// The newest checkpoint.
    #[serde(default)]
    pub(crate) checkpoint: Option<Seq>,
}

/// A message that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Queued {
    pub(crate) id: MessageId,
    pub(crate) seq: Seq,
    pub(crate) delivery: Delivery,
}

/// The form a snapshot has in a store: everything, core's own part included.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredTask {
    task: Task,
    book: Bookkeeping,
}

impl Task {
    /// The snapshot as a store keeps it, as one JSON document.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let stored = StoredTask { task: self.clone(), book: self.book.clone() };
        // Every map in a task has text for keys and every number is finite or absent, so this always has a JSON form.
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// The snapshot as a store kept it, brought up to the newest event of its log: a store does not rewrite its
    /// snapshots for events that change nothing else.
    ///
    /// # Errors
    ///
    /// When `stored` is not what [`Task::to_stored`] made.
    pub fn from_stored(
        stored: &str,
        seq: Seq,
        last_event_at: DateTime<Utc>,
    ) -> Result<Self, serde_json::Error> {
        let StoredTask { task, book } = serde_json::from_str(stored)?;
        Ok(Self { book, seq, last_event_at, ..task })
    }

    /// The process that runs the task, while one does.
    #[must_use]
    pub const fn owner(&self) -> Option<InstanceId> {
        self.book.owner
    }

    /// Whether somebody asked the run to stop and it has not yet.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        self.book.cancelling
    }

    /// The open question of that name.
    #[must_use]
    pub fn request(&self, request_id: &str) -> Option<&InputRequest> {
        self.requests.iter().find(|request| request.request_id == request_id)
    }
}
