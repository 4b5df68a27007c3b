//! What an agent says becomes output: a pure function that never fails. What it does not know is passed on as it is.

use serde_json::Value;
use task_core::{
    NoticeLevel, Output, Plan, PlanEntry, PlanStatus, RawOutput, ToolStatus, Usage, UsageReport,
};

use super::request::Answer;
use super::tools::Tools;
use super::usage::Costs;
use crate::text::text;

/// What has to be remembered from line to line.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Whose updates these are. Before it is known all are taken.
    pub(super) session: Option<String>,
    /// The session tells what was said in it before, which the log has.
    pub(super) is_replaying: bool,
    /// The turn was asked to stop: a call that fails now was cancelled.
    pub(super) is_stopping: bool,
    pub(super) tools: Tools,
    costs: Costs,
    block: Block,
    /// What the agent said of an error that its turn does not end with.
    failure: Option<String>,
}

/// The block that text is appended to.
#[derive(Debug, Default)]
struct Block {
    number: u64,
    kind: Option<Kind>,
    /// The name that the agent gives the message.
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
}

impl State {
    /// For a task that has cost so much, in a session of that name.
    pub(super) fn new(cost: Option<Usage>, session: Option<&str>) -> Self {
        Self { costs: Costs::new(cost), session: session.map(str::to_owned), ..Self::default() }
    }

    /// A turn begins.
    pub(super) fn begin_turn(&mut self) {
        self.block.end();
        (self.failure, self.is_stopping) = (None, false);
    }

    /// The turn is over: calls that seem to go on have ended so.
    pub(super) fn close_calls(&mut self, status: ToolStatus) -> Vec<Output> {
        self.block.end();
        self.tools.close(status)
    }

    /// What the turn cost, by the answer to its prompt.
    pub(super) fn cost(&mut self, answer: Option<&Answer>) -> Option<Output> {
        let usage = answer.and_then(|answer| answer.as_ref().ok()).map(|answer| &answer["usage"]);
        self.costs.take(usage.unwrap_or(&Value::Null)).map(|usage| UsageReport::from(usage).into())
    }

    /// What went wrong in this turn, where the agent says so and ends it as if nothing had.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

/// What a notification says.
pub(super) fn normalize(state: &mut State, line: &Value) -> Vec<Output> {
    match text(line, "method") {
        "session/update" => {
            let params = &line["params"];
            let session = text(params, "sessionId");
            if state.session.as_deref().is_some_and(|own| own != session) {
                // Helpers of the agent may have sessions of their own.
                return vec![raw(line)];
            }
            state.update(&params["update"]).unwrap_or_else(|| vec![raw(line)])
        }
        // How somebody is logged in, and requests that were withdrawn.
        "_auth/status_update" | "$/cancel_request" => Vec::new(),
        _ => vec![raw(line)],
    }
}

impl State {
    /// `None` for what has no other kind.
    fn update(&mut self, update: &Value) -> Option<Vec<Output>> {
        let kind = text(update, "sessionUpdate");
        if self.is_replaying && SAID.contains(&kind) {
            return Some(Vec::new());
        }
        match kind {
            "agent_message_chunk" => self.chunk(Kind::Text, update),
            "agent_thought_chunk" => self.chunk(Kind::Thinking, update),
            "tool_call" | "tool_call_update" => {
                let outputs = self.tools.said(update, self.is_stopping);
                // One that was not announced before parts the text, too.
                if outputs.iter().any(|output| matches!(output, Output::ToolCall(_))) {
                    self.block.end();
                }
                Some(outputs)
            }
            "plan" => {
                let entries = update["entries"].as_array()?;
                let entry = |entry: &Value| PlanEntry::new(text(entry, "content"), status(entry));
                Some(vec![Plan::new(entries.iter().map(entry).collect()).into()])
            }
            "usage_update" => {
                self.costs.told(&update["cost"]);
                Some(Vec::new())
            }
            "notice" => {
                let level = match text(update, "severity") {
                    "error" => NoticeLevel::Error,
                    "warning" => NoticeLevel::Warning,
                    _ => NoticeLevel::Info,
                };
                let words = [text(update, "title"), text(update, "description")];
                let words: Vec<_> = words.into_iter().filter(|words| !words.is_empty()).collect();
                Some(vec![Output::notice(level, words.join(": "))])
            }
            "compaction_update" => Some(match text(update, "status") {
                "completed" => {
                    let words = "The conversation was summarized to make room.";
                    vec![Output::notice(NoticeLevel::Info, words)]
                }
                _ => Vec::new(),
            }),
            "session_info_update" => {
                self.thread(&update["_meta"]["codex"]["threadStatus"]);
                Some(Vec::new())
            }
            // What could be chosen, what was chosen, and what it was told.
            "available_commands_update"
            | "compaction_summary_chunk"
            | "config_option_update"
            | "current_mode_update"
            | "user_message_chunk" => Some(Vec::new()),
            _ => None,
        }
    }

    fn chunk(&mut self, kind: Kind, update: &Value) -> Option<Vec<Output>> {
        let content = &update["content"];
        let words = match text(content, "type") {
            "text" => text(content, "text"),
            "resource_link" => text(content, "uri"),
            _ => return None,
        };
        if words.is_empty() {
            return Some(Vec::new());
        }
        let message = text(update, "messageId");
        if let Some(failure) = self.failure.as_mut().filter(|_| kind == Kind::Text && message.is_empty()) {
            failure.push_str(words);
            return Some(Vec::new());
        }
        let block = self.block.name(kind, message);
        Some(vec![match kind {
            Kind::Text => Output::text(block, words),
            Kind::Thinking => Output::thinking(block, words),
        }])
    }

    /// Codex ends a turn that failed as one that did not, and tells here.
    fn thread(&mut self, status: &Value) {
        match text(status, "type") {
            "systemError" => self.failure = Some(String::new()),
            "active" => self.failure = None,
            _ => {}
        }
    }
}

impl Block {
    /// The name of the block for this: another one where something came in between.
    fn name(&mut self, kind: Kind, message: &str) -> String {
        if self.kind != Some(kind) || self.message != message {
            self.number += 1;
            self.kind = Some(kind);
            message.clone_into(&mut self.message);
        }
        self.number.to_string()
    }

    fn end(&mut self) {
        self.kind = None;
    }
}

fn status(entry: &Value) -> PlanStatus {
    match text(entry, "status") {
        "completed" => PlanStatus::Completed,
        "in_progress" => PlanStatus::InProgress,
        _ => PlanStatus::Pending,
    }
}

pub(super) fn raw(line: &Value) -> Output {
    RawOutput::new(SOURCE, line.clone()).into()
}

/// Who said what has no other kind.
const SOURCE: &str = "acp";

/// What a session is told of again when it is loaded.
const SAID: &[&str] = &[
    "agent_message_chunk",
    "agent_thought_chunk",
    "notice",
    "plan",
    "session_info_update",
    "tool_call",
    "tool_call_update",
    "user_message_chunk",
];
