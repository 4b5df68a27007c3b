//! How the types of core look on the wire, for the description. Core knows nothing of descriptions, so its types are
//! mirrored here; a test holds each mirror against what core writes.
#![expect(dead_code, reason = "these types are described, never made")]

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, IntoResponses, ToSchema};

/// An error, as RFC 9457 has it.
#[derive(ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: `code` tells more.
    r#type: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// What is wrong, for people.
    detail: String,
    /// What is wrong, for machines: it stays what it is.
    code: String,
    /// The answer that holds, when a question was answered before.
    #[schema(required = false)]
    answer: Option<Value>,
    /// Who gave that answer.
    #[schema(required = false)]
    by: Option<String>,
}

/// What every route may answer.
#[derive(IntoResponses)]
pub(crate) enum Common {
    /// The token is missing or wrong.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] Problem),
    /// The host or the origin of the request is not allowed.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// The server is shutting down, or the store cannot be used.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// What every route of one task may answer.
#[derive(IntoResponses)]
pub(crate) enum Unknown {
    /// The token is missing or wrong.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] Problem),
    /// The host or the origin of the request is not allowed.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// There is no such task. What is no UUID is no task either.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// The server is shutting down, or the store cannot be used.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// What every route with a body may answer.
#[derive(IntoResponses)]
pub(crate) enum Change {
    /// The body is not JSON.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(#[to_schema] Problem),
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(#[to_schema] Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Problem),
    /// The body is of another type than JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    WrongType(#[to_schema] Problem),
    /// The body is understood, and not acceptable.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(#[to_schema] Problem),
    /// Too many tasks wait.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(#[to_schema] Problem),
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TaskParam {
    /// The task.
    #[param(format = "uuid")]
    id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Tasks in one of these states; may repeat, or be separated by commas.
    #[param(required = false, explode = false, style = Form)]
    status: Vec<TaskStatus>,
    /// Tasks of this agent.
    agent_id: Option<String>,
    /// Tasks whose title contains this, in any language, whatever the case.
    q: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TranscriptQuery {
    /// Messages that begin before this event, exclusive.
    before: Option<u64>,
    /// Messages that end after this event, exclusive.
    after: Option<u64>,
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// The last event already seen.
    after: Option<u64>,
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 256)]
    limit: Option<u32>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// The last event already seen; the header `Last-Event-ID` goes before it.
    after: Option<u64>,
    /// Whether the stream stays when the task settles, and goes on with its next run.
    follow: Option<bool>,
}

/// An agent that tasks can name.
#[derive(ToSchema)]
pub(crate) struct Agent {
    /// What tasks name.
    id: String,
    /// What people read.
    name: String,
    /// What it does.
    #[schema(required)]
    description: Option<String>,
    /// The model it uses unless asked otherwise.
    #[schema(required)]
    model: Option<String>,
    /// Whether it can run here.
    available: bool,
    /// Why it cannot, and what to do about it.
    reason: Option<String>,
}

/// Where a task stands. The last four are settled: nothing runs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskStatus {
    Pending,
    Running,
    AwaitingInput,
    Completed,
    Failed,
    Cancelled,
    Interrupted,
}

/// When a running agent should get a message.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivery {
    Queue,
    Steer,
    Interrupt,
}

/// How many tasks are in each state.
#[derive(ToSchema)]
pub(crate) struct StatusCounts {
    pending: u64,
    running: u64,
    awaiting_input: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
    interrupted: u64,
}

/// A task.
#[derive(ToSchema)]
pub(crate) struct Task {
    /// Its name for ever.
    #[schema(format = "uuid")]
    id: String,
    /// The agent that runs it.
    agent_id: String,
    /// What the agent resumes from.
    #[schema(required)]
    session_id: Option<String>,
    /// Where it stands.
    status: TaskStatus,
    /// What lists show.
    title: String,
    /// The model asked for.
    #[schema(required)]
    model: Option<String>,
    /// When it was created.
    created_at: DateTime<Utc>,
    /// When its last run started.
    #[schema(required)]
    started_at: Option<DateTime<Utc>>,
    /// When it settled.
    #[schema(required)]
    completed_at: Option<DateTime<Utc>>,
    /// What went wrong in the last run.
    #[schema(required)]
    error: Option<String>,
    /// Where the agent works.
    #[schema(required)]
    work_dir: Option<String>,
    /// The newest event.
    seq: u64,
    /// How many runs were started.
    run: u32,
    /// When the newest event was recorded.
    last_event_at: DateTime<Utc>,
    /// Messages that wait.
    queued_messages: u32,
    /// Questions that wait for an answer.
    requests: Vec<InputRequest>,
    /// What the task has cost.
    #[schema(required)]
    usage: Option<Usage>,
    /// Whatever the creator wanted to keep with it.
    #[schema(required, value_type = Option<Object>)]
    metadata: Option<Value>,
    /// Whether the agent may use its skills.
    #[schema(required)]
    enable_skills: Option<bool>,
    /// Whether the agent may use MCP servers.
    #[schema(required)]
    enable_mcp: Option<bool>,
    /// More directories the agent may use.
    #[schema(required)]
    add_dirs: Option<Vec<String>>,
}

/// A question that waits for an answer.
#[derive(ToSchema)]
pub(crate) struct InputRequest {
    /// Names it within its task.
    request_id: String,
    /// Whether leave is asked, or information.
    request: RequestKind,
    /// What is asked.
    prompt: String,
    /// The answers to choose from.
    #[schema(required = false)]
    options: Vec<RequestOption>,
    /// When `default` is taken as the answer.
    deadline: Option<DateTime<Utc>>,
    /// The answer that is taken at the deadline.
    default: Option<Value>,
    /// The tool call that waits for the answer.
    call_id: Option<String>,
}

/// What a question asks for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestKind {
    Permission,
    Question,
}

/// One answer to choose.
#[derive(Serialize, ToSchema)]
pub(crate) struct RequestOption {
    /// What the answer says.
    id: String,
    /// What people read.
    label: String,
    /// What it means: `allow_once`, `allow_always`, `reject_once`, `reject_always`.
    kind: Option<String>,
}

/// What a task has cost.
#[derive(ToSchema)]
pub(crate) struct Usage {
    /// Tokens read by the model.
    input_tokens: u64,
    /// Tokens written by the model.
    output_tokens: u64,
    /// Price in US dollars.
    cost_usd: Option<f64>,
}

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

/// A page of a transcript.
#[derive(ToSchema)]
pub(crate) struct TranscriptPage {
    /// The messages, in the order of the conversation.
    messages: Vec<TranscriptMessage>,
    /// Where the log ended: the stream after it continues the page exactly.
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
