use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::time;

/// A question of the running agent that waits for somebody's answer.
///
/// It is part of the log: every later viewer sees it, it is answered once, and it is kept over restarts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InputRequest {
    /// Names the request within its task.
    pub request_id: String,
    /// Whether leave is asked, or information.
    pub request: RequestKind,
    /// What is asked, for people to read.
    pub prompt: String,
    /// The answers to choose from; empty when any answer will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<RequestOption>,
    /// When `default` is taken as the answer.
    #[serde(default, with = "time::option", skip_serializing_if = "Option::is_none")]
    pub deadline: Option<DateTime<Utc>>,
    /// The answer that is taken at the deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The tool call that waits for the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
}

/// What an [`InputRequest`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequestKind {
    /// Leave to do something. The answer is the id of one of the options.
    Permission,
    /// Information. The answer is any JSON value, mostly text.
    Question,
}

/// One answer to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestOption {
    /// What the answer says when this option is chosen.
    pub id: String,
    /// What people read.
    pub label: String,
    /// What it means, where the agent tells: `allow_once`, `allow_always`, `reject_once`, `reject_always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl RequestOption {
    /// An option that answers `id` and reads `label`.
    #[must_use]
    pub fn new(id: impl Into<String>, label: impl Into<String>) -> Self {
        Self { id: id.into(), label: label.into(), kind: None }
    }

    /// The same with its meaning, `allow_once` for example.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }
}
