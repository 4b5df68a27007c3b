//! What the events of a log say, typed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::content::Content;
use super::id::{InstanceId, MessageId};
use super::json::Json;
use super::kinds::kinds;
use super::output::Output;
use super::request::InputRequest;

kinds! {
    /// What happened to a task: the kinds that core writes.
    #[derive(Clone, Debug, PartialEq)]
    #[non_exhaustive]
    pub enum Lifecycle {
        /// Somebody asked the task to stop.
        CancelRequested(CancelRequested) = "cancel_requested",
        /// The task was stopped.
        Cancelled(Cancelled) = "cancelled",
        /// The runner saved where it is.
        Checkpoint(Checkpoint) = "checkpoint",
        /// The run ended well.
        Completed(Completed) = "completed",
        /// The task exists.
        Created(Created) = "created",
        /// The run ended with an error.
        Failed(Failed) = "failed",
        /// A question was answered.
        InputAnswered(InputAnswered) = "input_answered",
        /// The running agent asks.
        InputRequested(InputRequest) = "input_requested",
        /// The process that ran the task went away.
        Interrupted(Interrupted) = "interrupted",
        /// A message was accepted.
        Message(MessageAdded) = "message",
        /// A message reached the runner.
        MessageDelivered(MessageDelivered) = "message_delivered",
        /// A message will not reach the runner.
        MessageRefused(MessageRefused) = "message_refused",
        /// The task has another title.
        Renamed(Renamed) = "renamed",
        /// A settled task waits for its next run.
        Requeued(Requeued) = "requeued",
        /// A runner started.
        RunStarted(RunStarted) = "run_started",
        /// The agent's session got a name.
        Session(SessionSet) = "session",
    }
}

/// What one event of a log says.
///
/// ```
/// use task_core::{Output, Payload};
///
/// fn print(payload: &Payload) {
///     match payload {
///         Payload::Output(Output::Text(delta)) => print!("{}", delta.text),
///         Payload::Lifecycle(_) | Payload::Output(_) => {}
///         _ => {}                                          // written by a newer version
///     }
/// }
/// # print(&Output::text("a", "b").into());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Payload {
    /// Written by core.
    Lifecycle(Lifecycle),
    /// Written by a runner.
    Output(Output),
    /// A kind this version does not know, or one whose fields it does not understand: kept byte for byte.
    Other {
        /// Its name.
        kind: String,
        /// Its fields, as one JSON object.
        data: Json,
    },
}

impl Payload {
    /// The name of the kind, as on the wire.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Lifecycle(lifecycle) => lifecycle.kind(),
            Self::Output(output) => output.kind(),
            Self::Other { kind, .. } => kind,
        }
    }
}

impl From<Output> for Payload {
    fn from(output: Output) -> Self {
        Self::Output(output)
    }
}

impl<T: Into<Lifecycle>> From<T> for Payload {
    fn from(lifecycle: T) -> Self {
        Self::Lifecycle(lifecycle.into())
    }
}

/// The task exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Created {
    /// The agent that runs it.
    pub agent_id: String,
    /// What lists show.
    pub title: String,
    /// The model asked for.
    #[serde(default)]
    pub model: Option<String>,
    /// Where the agent works.
    #[serde(default)]
    pub work_dir: Option<String>,
    /// Whether the agent may use its skills.
    #[serde(default)]
    pub enable_skills: Option<bool>,
    /// Whether the agent may use MCP servers.
    #[serde(default)]
    pub enable_mcp: Option<bool>,
    /// More directories the agent may use.
    #[serde(default)]
    pub add_dirs: Option<Vec<String>>,
    /// Whatever the creator wants to keep with it.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// A message was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageAdded {
    /// Names the message.
    pub message_id: MessageId,
    /// What it says.
    pub content: Vec<Content>,
    /// When the agent should get it.
    #[serde(default)]
    pub delivery: Delivery,
}

impl MessageAdded {
    /// The text blocks, joined by blank lines.
    #[must_use]
    pub fn text(&self) -> String {
        self.content.iter().filter_map(Content::as_text).collect::<Vec<_>>().join("\n\n")
    }
}

/// When a message to a running task should reach the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delivery {
    /// Stop the turn, then deliver. A runner that cannot do that takes it like [`Delivery::Queue`].
    Interrupt,
    /// After the current turn.
    #[default]
    Queue,
    /// Now, into the running turn. A runner that cannot do that takes it like [`Delivery::Queue`].
    Steer,
}

/// A message reached the runner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageDelivered {
    /// The message.
    pub message_id: MessageId,
    /// The run that got it.
    pub run: u32,
}

/// A message will not reach the runner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageRefused {
    /// The message.
    pub message_id: MessageId,
    /// Why.
    pub reason: String,
}

/// A runner started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunStarted {
    /// Counts the runs of the task, from 1.
    pub run: u32,
    /// Why: `created`, `message`, `answer` or `restart`.
    pub reason: String,
    /// The process that runs it.
    pub instance: InstanceId,
}

/// The agent's session got a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionSet {
    /// What the agent resumes from.
    pub session_id: String,
}

/// A question was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InputAnswered {
    /// The question.
    pub request_id: String,
    /// The answer.
    pub answer: Value,
    /// Who answered: `user`, `deadline` when the default was taken, or `runner` when it took the question back.
    pub by: String,
}

/// The task has another title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Renamed {
    /// The new title.
    pub title: String,
}

/// Somebody asked the task to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CancelRequested {}

/// The runner saved where it is, to find it again after a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checkpoint {
    /// What the runner saved.
    pub data: Json,
}

/// The run ended well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Completed {}

/// The run ended with an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failed {
    /// What went wrong, for people to read.
    pub error: String,
}

/// The task was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cancelled {}

/// The process that ran the task went away, or gave it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interrupted {
    /// Why: `restart` when it was found without an owner, `shutdown` when it was given back.
    pub reason: String,
}

/// A settled task waits for its next run without anybody asking anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Requeued {
    /// Why: `message` when one arrived as the run ended, `restart` when its runner resumes by itself.
    pub reason: String,
}
