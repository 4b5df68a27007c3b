use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::task::{RequestKind, RequestOption};

/// A page of a transcript.
#[derive(ToSchema)]
pub(crate) struct TranscriptPage {
    /// The messages, in the order of the conversation.
    messages: Vec<TranscriptMessage>,
    /// Where the log ended, or with `after` how far the page tells: the next page, or the stream, after it continues
    /// exactly.
    seq: u64,
    /// Whether there are more in the direction of the query.
    has_more: bool,
}

/// One message of a conversation.
#[derive(ToSchema)]
pub(crate) struct TranscriptMessage {
    /// Names it.
    id: String,
    /// Who speaks.
    role: Role,
    /// The run it belongs to.
    run: u32,
    /// Its first event.
    seq: u64,
    /// Its newest event.
    last_seq: u64,
    /// When it began.
    at: DateTime<Utc>,
    /// What became of a user's message.
    delivery: Option<DeliveryState>,
    /// What it says.
    content: Vec<Block>,
}

/// Who speaks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Agent,
    System,
    User,
}

/// What became of a user's message.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    Delivered,
    Queued,
    Refused,
}

/// One piece of a message of a conversation.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Block {
    /// Anything the runner's own front end understands.
    Custom { name: String, data: Value },
    /// A picture.
    Image { media_type: String, data: String },
    /// A remark.
    Notice { level: NoticeLevel, text: String },
    /// The plan as it stood at the end of the message.
    Plan { entries: Vec<PlanEntry> },
    /// A question.
    Request {
        request_id: String,
        request: RequestKind,
        prompt: String,
        options: Vec<RequestOption>,
        answer: Option<Value>,
    },
    /// Something the agent can open.
    Resource { uri: String, name: Option<String>, media_type: Option<String>, text: Option<String> },
    /// Text.
    Text { text: String },
    /// Reasoning.
    Thinking { text: String },
    /// A tool call with everything that came of it.
    Tool {
        call_id: String,
        name: String,
        title: String,
        status: ToolStatus,
        #[schema(required)]
        input: Option<Value>,
        output: String,
        exit_code: Option<i32>,
        started_at: DateTime<Utc>,
        #[schema(required)]
        ended_at: Option<DateTime<Utc>>,
    },
}

/// How much a remark matters.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoticeLevel {
    Info,
    Warning,
    Error,
}

/// One step of a plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanEntry {
    text: String,
    status: PlanStatus,
}

/// How far a step of a plan is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlanStatus {
    Pending,
    InProgress,
    Completed,
}

/// How a tool call stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToolStatus {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}
