//! Calls of tools, from their announcement to their end.

use serde_json::{Value, json};
use task_core::{Output, ToolCall, ToolStatus, ToolUpdate};

use crate::text::{bounded, first_line, text};

/// The calls of a run.
#[derive(Debug, Default)]
pub(super) struct Tools(Vec<Call>);

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    title: String,
    /// As the agent told it last, and as viewers know it.
    status: ToolStatus,
    shown_status: ToolStatus,
    /// The input as it was told last, and as viewers know it.
    input: Value,
    shown_input: Value,
    /// The output that viewers know.
    shown: String,
    /// The changes of files that were told last.
    changes: Value,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Nobody was told.
    Begun,
    Announced,
    Over,
}

impl Tools {
    /// A call, or more of one. Where the turn `is_stopping`, a failure is that.
    pub(super) fn said(&mut self, update: &Value, is_stopping: bool) -> Vec<Output> {
        let is_known = self.position(text(update, "toolCallId")).is_some();
        let Some(call) = self.merge(update) else { return Vec::new() };
        if call.stage == Stage::Over {
            return Vec::new();
        }
        if is_stopping && (call.status == ToolStatus::Failed || was_cut_short(update)) {
            call.status = ToolStatus::Cancelled;
        }
        // A title is for good. Some agents begin with a call that says nothing yet, and tell at once what it is.
        let is_bare = call.status == ToolStatus::Pending && call.has_no_input();
        if call.stage == Stage::Begun && is_bare && !is_known {
            return Vec::new();
        }
        let mut outputs = call.announce();
        outputs.extend(call.progress(update));
        outputs
    }

    /// A call that leave is asked for: viewers have to see it.
    pub(super) fn asked(&mut self, update: &Value) -> Vec<Output> {
        let mut update = update.clone();
        let is_told = |call: &Call| !call.has_no_input();
        if self.position(text(&update, "toolCallId")).is_some_and(|at| is_told(&self.0[at])) {
            // Some ask with a part of the input.
            update["rawInput"] = Value::Null;
        }
        let Some(call) = self.merge(&update) else { return Vec::new() };
        if call.stage == Stage::Over || !call.status.is_open() {
            return Vec::new();
        }
        let mut outputs = call.announce();
        outputs.extend(call.progress(&update));
        outputs
    }

    /// Adds to a request for leave what it changes, which some agents tell with the call alone.
    pub(super) fn complete(&self, asked: &mut Value) {
        if asked.is_object()
            && !asked["content"].is_array()
            && let Some(at) = self.position(text(asked, "toolCallId"))
        {
            asked["content"] = self.0[at].changes.clone();
        }
    }

    /// Ends what is open.
    pub(super) fn close(&mut self, status: ToolStatus) -> Vec<Output> {
        let mut outputs = Vec::new();
        for call in self.0.iter_mut().filter(|call| call.stage != Stage::Over) {
            if call.stage == Stage::Begun {
                outputs.extend(call.announce());
            }
            outputs.push(ToolUpdate::new(&call.id, status).into());
            call.end();
        }
        outputs
    }

    /// Takes over what the agent says of a call.
    fn merge(&mut self, update: &Value) -> Option<&mut Call> {
        let id = text(update, "toolCallId");
        if id.is_empty() {
            return None;
        }
        let at = self.position(id).unwrap_or_else(|| {
            self.0.push(Call::new(id, update));
            self.0.len() - 1
        });
        let call = &mut self.0[at];
        let title = text(update, "title");
        if !title.is_empty() {
            title.clone_into(&mut call.title);
        }
        if update["rawInput"].is_object() {
            update["rawInput"].clone_into(&mut call.input);
        }
        let content = update["content"].as_array().into_iter().flatten();
        let changes: Vec<_> = content.filter(|item| text(item, "type") == "diff").cloned().collect();
        if !changes.is_empty() {
            call.changes = Value::Array(changes);
            // Whoever is asked for leave has to see what for.
            if call.has_no_input() {
                call.input = json!({ "changes": call.changes });
            }
        }
        if call.stage != Stage::Over {
            call.status = match text(update, "status") {
                "completed" => ToolStatus::Completed,
                "failed" => ToolStatus::Failed,
                "in_progress" => ToolStatus::Running,
                "cancelled" => ToolStatus::Cancelled,
                _ => call.status,
            };
        }
        Some(call)
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.0.iter().rposition(|call| call.id == id)
    }
}

impl Call {
    fn new(id: &str, update: &Value) -> Self {
        let names =
            [text(update, "name"), text(&update["_meta"]["claudeCode"], "toolName"), text(update, "kind")];
        let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or("tool");
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            title: String::new(),
            status: ToolStatus::Pending,
            shown_status: ToolStatus::Pending,
            input: Value::Null,
            shown_input: Value::Null,
            shown: String::new(),
            changes: Value::Null,
            stage: Stage::Begun,
        }
    }

    /// Whether it is not known what it is called with: some tell the directory alone at first.
    fn has_no_input(&self) -> bool {
        self.input.as_object().is_none_or(|input| input.keys().all(|key| key == "cwd"))
    }

    fn announce(&mut self) -> Vec<Output> {
        if self.stage != Stage::Begun {
            return Vec::new();
        }
        self.stage = Stage::Announced;
        let title = match first_line(&self.title, TITLE) {
            title if title.is_empty() => self.name.clone(),
            title => title,
        };
        vec![ToolCall::new(&self.id, &self.name).with_title(title).into()]
    }

    /// What is new in an update.
    fn progress(&mut self, update: &Value) -> Option<Output> {
        let is_over = !self.status.is_open();
        let mut news = ToolUpdate::new(&self.id, self.status);
        if self.input != self.shown_input && !self.has_no_input() {
            news = news.with_input(bounded(&self.input));
            self.shown_input = self.input.clone();
        }
        let output = self.output(update);
        if !output.is_empty() {
            news = news.with_output(output);
        }
        if is_over && let Some(code) = exit_code(update) {
            news = news.with_exit_code(code);
        }
        let is_news = self.status != self.shown_status || news.input.is_some() || news.output.is_some();
        self.shown_status = self.status;
        if is_over {
            self.end();
        }
        is_news.then(|| news.into())
    }

    /// The output that viewers do not have. Agents tell all of it again and again, or only what is new.
    fn output(&mut self, update: &Value) -> String {
        let more = text(&update["_meta"]["terminal_output_delta"], "data");
        if !more.is_empty() {
            self.shown.push_str(more);
            return more.to_owned();
        }
        let whole = whole_output(update);
        // What stands there before a call runs is what it is going to do.
        if self.status == ToolStatus::Pending || whole.is_empty() {
            return String::new();
        }
        let is_over = !self.status.is_open();
        let new = match whole.strip_prefix(self.shown.as_str()) {
            Some(rest) => rest.to_owned(),
            None if self.shown.starts_with(&whole) => String::new(),
            // It says something else now. What was said before cannot be taken back, so only the last word is told.
            None if is_over => format!("\n{whole}"),
            None => return String::new(),
        };
        self.shown.push_str(&new);
        new
    }

    fn end(&mut self) {
        self.stage = Stage::Over;
        (self.input, self.shown_input, self.changes) = (Value::Null, Value::Null, Value::Null);
        self.shown = String::new();
    }
}

/// Whether a command has ended without an exit code: OpenCode calls one that was stopped completed.
fn was_cut_short(update: &Value) -> bool {
    let details = &update["rawOutput"]["metadata"];
    text(update, "status") == "completed" && details.get("exit").is_some_and(Value::is_null)
}

/// All of the output that an update tells.
fn whole_output(update: &Value) -> String {
    let raw = &update["rawOutput"];
    let raw = raw.as_str().or_else(|| raw["output"].as_str()).unwrap_or_default();
    if !raw.is_empty() {
        return raw.to_owned();
    }
    let content = update["content"].as_array().into_iter().flatten();
    let words = content.filter_map(|item| match text(item, "type") {
        "content" => match text(&item["content"], "type") {
            "text" => Some(text(&item["content"], "text").to_owned()),
            kind => Some(format!("({kind})")),
        },
        "diff" => Some(format!("{} (changed)", text(item, "path"))),
        _ => None,
    });
    words.collect::<Vec<_>>().join("\n")
}

fn exit_code(update: &Value) -> Option<i32> {
    let codes = [&update["_meta"]["terminal_exit"]["exit_code"], &update["rawOutput"]["metadata"]["exit"]];
    codes.into_iter().find_map(|code| i32::try_from(code.as_i64()?).ok())
}

/// Characters of a title.
const TITLE: usize = 120;
