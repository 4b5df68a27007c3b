use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::model::{Json, NoticeLevel, PlanEntry, RequestKind, RequestOption, Seq, ToolStatus, time};

/// One message of a conversation: what somebody said, or what the agent did until somebody spoke again.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TranscriptMessage {
    /// Names the message: the message id of a user's, the first `seq` of any other.
    pub id: String,
    /// Who speaks.
    pub role: Role,
    /// The run it belongs to; 0 before the first.
    pub run: u32,
    /// Its first event.
    pub seq: Seq,
    /// Its newest event.
    pub last_seq: Seq,
    /// When it began.
    #[serde(with = "time")]
    pub at: DateTime<Utc>,
    /// What became of a user's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryState>,
    /// What it says.
    pub content: Vec<Block>,
}

/// Who speaks in a [`TranscriptMessage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The agent.
    Agent,
    /// The task itself: it failed, it was interrupted …
    System,
    /// A person.
    User,
}

/// What became of a user's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryState {
    /// The agent has it.
    Delivered,
    /// It waits.
    Queued,
    /// The agent will not get it.
    Refused,
}

/// One piece of a [`TranscriptMessage`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Block {
    /// Anything the runner's own front end understands.
    Custom {
        /// What kind of thing it is.
        name: String,
        /// The thing.
        data: Json,
    },
    /// A picture.
    Image {
        /// Its media type.
        media_type: String,
        /// The bytes, in base64.
        data: String,
    },
    /// A remark.
    Notice {
        /// How much it matters.
        level: NoticeLevel,
        /// What it says.
        text: String,
    },
    /// The plan as it stood at the end of the message.
    Plan {
        /// Its steps.
        entries: Vec<PlanEntry>,
    },
    /// A question to whoever looks after the task.
    Request {
        /// Names it.
        request_id: String,
        /// What it asks for.
        request: RequestKind,
        /// What is asked.
        prompt: String,
        /// The answers to choose from.
        options: Vec<RequestOption>,
        /// The answer, once there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<Value>,
    },
    /// Something the agent can open.
    Resource {
        /// Where it is.
        uri: String,
        /// A name to show.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its media type.
        #[serde(skip_serializing_if = "Option::is_none")]
        media_type: Option<String>,
        /// What it says.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// Reasoning.
    Thinking {
        /// The text.
        text: String,
    },
    /// A tool call with everything that came of it.
    Tool(ToolBlock),
}

/// A tool call with everything that came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToolBlock {
    /// Names the call.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// How it stands.
    pub status: ToolStatus,
    /// What it was called with.
    pub input: Option<Json>,
    /// What it said, all of it.
    pub output: String,
    /// The exit code of a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// When it was called.
    #[serde(with = "time")]
    pub started_at: DateTime<Utc>,
    /// When it ended.
    #[serde(with = "time::option")]
    pub ended_at: Option<DateTime<Utc>>,
}
