use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

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
