use serde_json::{Map, Value};

use super::content::Content;
use super::payload::Delivery;

/// What is needed to start a task: the agent and the first message.
///
/// ```
/// use task_core::NewTask;
///
/// let task = NewTask::new("shell", "make test").work_dir("/srv/app").model("none");
/// assert_eq!(task.agent_id, "shell");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct NewTask {
    /// The agent that shall run it.
    pub agent_id: String,
    /// The first message.
    pub content: Vec<Content>,
    /// What lists show; the beginning of the first message when absent.
    pub title: Option<String>,
    /// The model, where the agent has a choice.
    pub model: Option<String>,
    /// Where the agent works.
    pub work_dir: Option<String>,
    /// Whether the agent may use its skills; the agent's own default when absent.
    pub enable_skills: Option<bool>,
    /// Whether the agent may use MCP servers; the agent's own default when absent.
    pub enable_mcp: Option<bool>,
    /// More directories the agent may use.
    pub add_dirs: Option<Vec<String>>,
    /// Whatever shall be kept with the task.
    pub metadata: Option<Map<String, Value>>,
    /// Makes repeats of the same creation give the same task.
    pub idempotency_key: Option<String>,
}

impl NewTask {
    /// A task for the agent `agent_id` that begins with `message`.
    pub fn new(agent_id: impl Into<String>, message: impl Into<Content>) -> Self {
        Self::with_content(agent_id, vec![message.into()])
    }

    /// A task whose first message has several blocks.
    pub fn with_content(agent_id: impl Into<String>, content: Vec<Content>) -> Self {
        Self {
            agent_id: agent_id.into(),
            content,
            title: None,
            model: None,
            work_dir: None,
            enable_skills: None,
            enable_mcp: None,
            add_dirs: None,
            metadata: None,
            idempotency_key: None,
        }
    }

    /// Sets what lists show.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the model.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets where the agent works.
    pub fn work_dir(mut self, dir: impl Into<String>) -> Self {
        self.work_dir = Some(dir.into());
        self
    }

    /// Lets the agent use its skills, or not.
    pub const fn enable_skills(mut self, enable: bool) -> Self {
        self.enable_skills = Some(enable);
        self
    }

    /// Lets the agent use MCP servers, or not.
    pub const fn enable_mcp(mut self, enable: bool) -> Self {
        self.enable_mcp = Some(enable);
        self
    }

    /// Sets more directories the agent may use.
    pub fn add_dirs(mut self, dirs: Vec<String>) -> Self {
        self.add_dirs = Some(dirs);
        self
    }

    /// Sets what shall be kept with the task.
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Makes repeats of the same creation give the same task.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

/// A message to a task that exists.
///
/// ```
/// use task_core::{Delivery, Message};
///
/// let message = Message::new("rather in Rust, please").delivery(Delivery::Steer);
/// assert_eq!(message.delivery, Delivery::Steer);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct Message {
    /// What it says.
    pub content: Vec<Content>,
    /// When the agent should get it.
    pub delivery: Delivery,
    /// Makes repeats of the same message give the same message.
    pub idempotency_key: Option<String>,
}

impl Message {
    /// A message of one block, to be queued.
    pub fn new(message: impl Into<Content>) -> Self {
        Self::with_content(vec![message.into()])
    }

    /// A message of several blocks, to be queued.
    pub const fn with_content(content: Vec<Content>) -> Self {
        Self { content, delivery: Delivery::Queue, idempotency_key: None }
    }

    /// Sets when the agent should get it.
    pub const fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Makes repeats of the same message give the same message.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

impl<T: Into<Content>> From<T> for Message {
    fn from(message: T) -> Self {
        Self::new(message)
    }
}
