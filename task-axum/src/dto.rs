//! The bodies of requests and answers that are this crate's own; those of core are described in `schema`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use task_core::{Content, Cursor, Delivery, MessageId, Seq, StatusCounts, Task, TaskStatus};
use utoipa::ToSchema;

use crate::schema;

/// A task to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateTask {
    /// The agent that shall run it.
    pub(crate) agent_id: String,
    /// The first message; short for one block of text.
    pub(crate) message: Option<String>,
    /// The blocks of the first message, after the text of `message`.
    pub(crate) content: Option<Vec<ContentBlock>>,
    /// The model, where the agent has a choice.
    pub(crate) model: Option<String>,
    /// Where the agent works; the first root of the server unless set.
    pub(crate) work_dir: Option<String>,
    /// Whether the agent may use its skills.
    pub(crate) enable_skills: Option<bool>,
    /// Whether the agent may use MCP servers.
    pub(crate) enable_mcp: Option<bool>,
    /// More directories the agent may use.
    pub(crate) add_dirs: Option<Vec<String>>,
    /// Whatever shall be kept with the task.
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<Map<String, Value>>,
}

/// A message to a task.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendMessage {
    /// The message; short for one block of text.
    pub(crate) message: Option<String>,
    /// The blocks of the message, after the text of `message`.
    pub(crate) content: Option<Vec<ContentBlock>>,
    /// When a running agent should get it: after its turn (`queue`), now (`steer`), or in place of its turn
    /// (`interrupt`).
    #[schema(value_type = Option<schema::Delivery>)]
    pub(crate) delivery: Option<Delivery>,
}

/// One piece of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = Content)]
pub(crate) enum ContentBlock {
    /// A picture.
    Image {
        /// Its media type.
        media_type: String,
        /// The bytes, in base64.
        data: String,
    },
    /// Something named by a URI.
    Resource {
        /// Where it is.
        uri: String,
        /// A name to show.
        name: Option<String>,
        /// Its media type.
        media_type: Option<String>,
        /// What it says.
        text: Option<String>,
    },
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
}

impl From<ContentBlock> for Content {
    fn from(block: ContentBlock) -> Self {
        match block {
            ContentBlock::Image { media_type, data } => Self::Image { media_type, data },
            ContentBlock::Resource { uri, name, media_type, text } => {
                Self::Resource { uri, name, media_type, text }
            }
            ContentBlock::Text { text } => Self::Text { text },
        }
    }
}

/// The blocks of a message: the short form first.
pub(crate) fn blocks(message: Option<String>, content: Option<Vec<ContentBlock>>) -> Vec<Content> {
    let blocks = content.into_iter().flatten().map(Content::from);
    message.map(Content::text).into_iter().chain(blocks).collect()
}

/// Another title.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenameTask {
    /// The title.
    pub(crate) title: String,
}

/// An answer to a question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GiveAnswer {
    /// The id of an option, or for a question any JSON value.
    pub(crate) answer: Value,
}

/// A token to trade for a cookie.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenSession {
    /// The token.
    pub(crate) token: String,
}

/// A page of tasks, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskList {
    /// The tasks.
    #[schema(value_type = Vec<schema::Task>)]
    pub(crate) items: Vec<Task>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    /// How many tasks are in each state, filters apart.
    #[schema(value_type = schema::StatusCounts)]
    pub(crate) counts: StatusCounts,
}

impl TaskList {
    pub(crate) fn new(page: task_core::TaskPage, counts: StatusCounts) -> Self {
        let task_core::TaskPage { items, next, .. } = page;
        Self { items, next_cursor: next.as_ref().map(Cursor::to_string), counts }
    }
}

/// How many tasks are alive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunningCount {
    /// Tasks with a runner at work: `running` and `awaiting_input`.
    count: u64,
    /// Tasks that run.
    running: u64,
    /// Tasks that run and have an open question.
    awaiting_input: u64,
    /// Tasks that wait for a free place.
    pending: u64,
}

impl From<StatusCounts> for RunningCount {
    fn from(counts: StatusCounts) -> Self {
        let StatusCounts { pending, running, awaiting_input, .. } = counts;
        Self { count: counts.active(), running, awaiting_input, pending }
    }
}

/// A message that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageAccepted {
    /// Names the message.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) message_id: MessageId,
    /// Its place in the log.
    #[schema(value_type = u64)]
    pub(crate) seq: Seq,
    /// The state of the task after it was accepted.
    #[schema(value_type = schema::TaskStatus)]
    pub(crate) status: TaskStatus,
}

/// A page of a log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage<'a> {
    /// The events, in order: as they are stored, never encoded again.
    #[schema(value_type = Vec<schema::Event>)]
    pub(crate) events: Vec<&'a RawValue>,
    /// The last of them, or the cursor when there are none: the cursor of the next page.
    #[schema(value_type = u64)]
    pub(crate) seq: Seq,
    /// Whether there are more.
    pub(crate) has_more: bool,
}

/// Whether the server is well.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    pub(crate) status: &'static str,
}
