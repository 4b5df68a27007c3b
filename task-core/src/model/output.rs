//! What a runner may say: the output kinds of the log.

use serde::{Deserialize, Serialize};

use super::json::Json;
use super::kinds::kinds;
use super::usage::Usage;

kinds! {
    /// One piece of a runner's output.
    ///
    /// Text and thinking are deltas: readers append them to the block they name. A tool call has an id, and later
    /// updates carry its output and state.
    #[derive(Clone, Debug, PartialEq)]
    #[non_exhaustive]
    pub enum Output {
        /// Anything the runner's own front end understands.
        Custom(Custom) = "custom",
        /// A remark about the run, not part of the answer.
        Notice(Notice) = "notice",
        /// The plan as it now stands; it replaces the one before.
        Plan(Plan) = "plan",
        /// Something an agent said that has no other kind.
        Raw(RawOutput) = "raw",
        /// More of a text block.
        Text(TextDelta) = "text",
        /// More of a block of reasoning.
        Thinking(ThinkingDelta) = "thinking",
        /// A tool is called.
        ToolCall(ToolCall) = "tool_call",
        /// A tool call went on.
        ToolUpdate(ToolUpdate) = "tool_update",
        /// The agent finished what it was asked; it may take the next message.
        TurnEnded(TurnEnded) = "turn_ended",
        /// What the turn cost. Core adds the totals of the task.
        Usage(UsageReport) = "usage",
    }
}

impl Output {
    /// More text for the block `block`.
    pub fn text(block: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Text(TextDelta { block: block.into(), text: text.into() })
    }

    /// More reasoning for the block `block`.
    pub fn thinking(block: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Thinking(ThinkingDelta { block: block.into(), text: text.into() })
    }

    /// The end of a turn: `done`, `interrupted`, `failed` …
    pub fn turn_ended(reason: impl Into<String>) -> Self {
        Self::TurnEnded(TurnEnded { reason: reason.into() })
    }

    /// A remark about the run.
    pub fn notice(level: NoticeLevel, text: impl Into<String>) -> Self {
        Self::Notice(Notice { level, text: text.into() })
    }

    /// Progress nobody is hurt by when a power cut takes the last of it back: acknowledged when it survives the
    /// death of the process. Everything else is acknowledged when it survives a power cut.
    pub(crate) const fn is_progress(&self) -> bool {
        match self {
            Self::Custom(_) | Self::Text(_) | Self::Thinking(_) => true,
            Self::ToolUpdate(update) => update.is_progress(),
            _ => false,
        }
    }

    /// Roughly the bytes it takes in a buffer.
    pub(crate) fn weight(&self) -> usize {
        const BASE: usize = 64;
        BASE + match self {
            Self::Custom(custom) => custom.name.len() + custom.data.as_str().len(),
            Self::Notice(notice) => notice.text.len(),
            Self::Plan(plan) => plan.entries.iter().map(|entry| entry.text.len() + 32).sum(),
            Self::Raw(raw) => raw.source.len() + raw.data.as_str().len(),
            Self::Text(delta) => delta.block.len() + delta.text.len(),
            Self::Thinking(delta) => delta.block.len() + delta.text.len(),
            Self::ToolCall(call) => {
                call.call_id.len()
                    + call.name.len()
                    + call.title.len()
                    + call.input.as_ref().map_or(0, json_len)
            }
            Self::ToolUpdate(update) => {
                update.call_id.len()
                    + update.output.as_ref().map_or(0, String::len)
                    + update.input.as_ref().map_or(0, json_len)
            }
            Self::TurnEnded(ended) => ended.reason.len(),
            Self::Usage(_) | Self::Other { .. } => 0,
        }
    }

    /// Kind, block and text of what only adds text to a block: a delta, or more output of a tool at work.
    pub(crate) fn delta(&self) -> Option<(&str, &str, &str)> {
        match self {
            Self::Text(delta) => Some((self.kind(), &delta.block, &delta.text)),
            Self::Thinking(delta) => Some((self.kind(), &delta.block, &delta.text)),
            Self::ToolUpdate(update) if update.is_progress() => {
                Some((self.kind(), &update.call_id, update.output.as_deref()?))
            }
            _ => None,
        }
    }

    /// Appends the text of another delta of the same block.
    pub(crate) fn append(&mut self, next: Self) {
        match (self, next) {
            (Self::Text(delta), Self::Text(more)) => delta.text.push_str(&more.text),
            (Self::Thinking(delta), Self::Thinking(more)) => delta.text.push_str(&more.text),
            (Self::ToolUpdate(update), Self::ToolUpdate(more)) => {
                if let (Some(output), Some(more)) = (&mut update.output, more.output) {
                    output.push_str(&more);
                }
            }
            _ => {}
        }
    }
}

/// More of a text block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TextDelta {
    /// The block it belongs to; unique within the run.
    pub block: String,
    /// The text to append.
    pub text: String,
}

/// More of a block of reasoning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ThinkingDelta {
    /// The block it belongs to; unique within the run.
    pub block: String,
    /// The text to append.
    pub text: String,
}

/// A tool is called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCall {
    /// Names the call; updates repeat it.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// What it was called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
}

impl ToolCall {
    /// A call of the tool `name`, titled like it.
    pub fn new(call_id: impl Into<String>, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { call_id: call_id.into(), title: name.clone(), name, input: None }
    }

    /// The same with a line for people.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The same with its input.
    #[must_use]
    pub fn with_input(mut self, input: impl Into<Json>) -> Self {
        self.input = Some(input.into());
        self
    }
}

/// A tool call went on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolUpdate {
    /// The call.
    pub call_id: String,
    /// How it stands.
    pub status: ToolStatus,
    /// Output to append.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The input, when it became known only now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
    /// The exit code of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

impl ToolUpdate {
    /// The call `call_id` now is `status`.
    pub fn new(call_id: impl Into<String>, status: ToolStatus) -> Self {
        Self { call_id: call_id.into(), status, output: None, input: None, exit_code: None }
    }

    /// Whether it only adds output to a tool at work.
    const fn is_progress(&self) -> bool {
        let Self { call_id: _, status, output, input, exit_code } = self;
        matches!(status, ToolStatus::Running) && output.is_some() && input.is_none() && exit_code.is_none()
    }

    /// The same with output to append.
    #[must_use]
    pub fn with_output(mut self, output: impl Into<String>) -> Self {
        self.output = Some(output.into());
        self
    }

    /// The same with the input, when it became known only now.
    #[must_use]
    pub fn with_input(mut self, input: impl Into<Json>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// The same with the exit code of a command.
    #[must_use]
    pub const fn with_exit_code(mut self, exit_code: i32) -> Self {
        self.exit_code = Some(exit_code);
        self
    }
}

/// How a tool call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolStatus {
    /// Announced, not yet started.
    Pending,
    /// At work.
    Running,
    /// Ended well.
    Completed,
    /// Ended with an error.
    Failed,
    /// Stopped.
    Cancelled,
}

impl ToolStatus {
    /// Whether more may come.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

/// The plan as it now stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// Its steps, in order.
    pub entries: Vec<PlanEntry>,
}

impl Plan {
    /// A plan of these steps.
    #[must_use]
    pub const fn new(entries: Vec<PlanEntry>) -> Self {
        Self { entries }
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanEntry {
    /// What is to be done.
    pub text: String,
    /// How far it is.
    pub status: PlanStatus,
}

impl PlanEntry {
    /// A step and how far it is.
    pub fn new(text: impl Into<String>, status: PlanStatus) -> Self {
        Self { text: text.into(), status }
    }
}

/// How far a step of a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlanStatus {
    /// Not begun.
    Pending,
    /// Under way.
    InProgress,
    /// Done.
    Completed,
}

/// What a turn cost, and the task so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UsageReport {
    /// What this turn added.
    #[serde(flatten)]
    pub turn: Usage,
    /// The task so far. Whatever a runner puts here is replaced by the sum that core keeps.
    #[serde(default)]
    pub totals: Usage,
}

impl From<Usage> for UsageReport {
    fn from(turn: Usage) -> Self {
        Self { turn, totals: Usage::default() }
    }
}

/// The agent finished what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TurnEnded {
    /// Why: `done`, `interrupted`, `failed`, `max_tokens` …
    pub reason: String,
}

/// A remark about the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notice {
    /// How much it matters.
    pub level: NoticeLevel,
    /// What it says.
    pub text: String,
}

/// How much a [`Notice`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoticeLevel {
    /// Good to know.
    Info,
    /// Something is not as it should be, and the run goes on.
    Warning,
    /// Something failed, and the run goes on.
    Error,
}

/// Anything the runner's own front end understands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Custom {
    /// What kind of thing it is.
    pub name: String,
    /// The thing.
    pub data: Json,
}

impl Custom {
    /// The thing `data` of the kind `name`.
    pub fn new(name: impl Into<String>, data: impl Into<Json>) -> Self {
        Self { name: name.into(), data: data.into() }
    }
}

/// Something an agent said that has no other kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RawOutput {
    /// Who said it: the protocol or the program.
    pub source: String,
    /// What it said.
    pub data: Json,
}

impl RawOutput {
    /// `data` as `source` said it.
    pub fn new(source: impl Into<String>, data: impl Into<Json>) -> Self {
        Self { source: source.into(), data: data.into() }
    }
}

fn json_len(json: &Json) -> usize {
    json.as_str().len()
}
