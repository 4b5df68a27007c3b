//! Calls of tools, from the first piece of their input to their result.

use serde_json::Value;
use task_core::{Output, ToolCall, ToolStatus, ToolUpdate};

use super::partial;
use crate::text::{bounded, first_line, text};

/// The calls of a run.
#[derive(Debug, Default)]
pub(super) struct Tools(Vec<Call>);

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    /// The input as far as it came; as a value once it is whole.
    json: String,
    input: Value,
    /// The length of the input at which viewers get to see it next.
    show_at: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Its name is known, and nobody was told.
    Begun,
    /// Viewers see it, and its input grows.
    Announced,
    Called,
    Over,
}

impl Tools {
    /// A call whose input is on its way.
    pub(super) fn begun(&mut self, id: &str, name: &str) {
        if !id.is_empty() && self.find(id).is_none() {
            self.add(id, name);
        }
    }

    /// More of the input of a call.
    pub(super) fn input(&mut self, id: &str, more: &str) -> Vec<Output> {
        let Some(call) = self.find(id).filter(|call| call.stage < Stage::Called) else { return Vec::new() };
        if call.json.len() + more.len() > LIVE {
            return Vec::new();
        }
        call.json.push_str(more);
        let is_due = call.json.len() >= call.show_at;
        if call.stage == Stage::Announced && !is_due {
            return Vec::new();
        }
        let Some(input) = partial::complete(&call.json) else { return Vec::new() };
        let mut outputs = Vec::new();
        if call.stage == Stage::Begun {
            // A title is for good, so it waits until what it is taken from is whole.
            let is_whole =
                title(&input).is_some_and(|title| call.json.contains(&Value::from(title).to_string()));
            if !is_whole && !is_due {
                return outputs;
            }
            outputs.push(call.announce(&input).into());
        }
        if is_due {
            // Twice as much each time: all that is shown is at most twice the whole.
            call.show_at = call.json.len() * 2;
            outputs.push(ToolUpdate::new(id, ToolStatus::Pending).with_input(bounded(&input)).into());
        }
        outputs
    }

    /// A call with the whole of its input. Said again, it says nothing.
    pub(super) fn called(&mut self, id: &str, name: &str, input: &Value) -> Vec<Output> {
        if id.is_empty() {
            return Vec::new();
        }
        let call = match self.position(id) {
            Some(at) => &mut self.0[at],
            None => self.add(id, name),
        };
        if call.stage >= Stage::Called {
            return Vec::new();
        }
        let mut outputs = Vec::new();
        if call.stage == Stage::Begun {
            outputs.push(call.announce(input).into());
        }
        (call.stage, call.input) = (Stage::Called, input.clone());
        call.json = String::new();
        outputs.push(ToolUpdate::new(id, ToolStatus::Running).with_input(bounded(input)).into());
        outputs
    }

    /// The result of a call: what the model gets to see, and what the agent says of it.
    pub(super) fn ended(&mut self, id: &str, result: &Value, details: &Value) -> Vec<Output> {
        if id.is_empty() {
            return Vec::new();
        }
        let call = match self.position(id) {
            Some(at) => &mut self.0[at],
            None => self.add(id, "tool"),
        };
        if call.stage == Stage::Over {
            return Vec::new();
        }
        let mut outputs = Vec::new();
        if call.stage == Stage::Begun {
            outputs.push(call.announce(&Value::Null).into());
        }
        call.stage = Stage::Over;
        let words = words(&result["content"]);
        let is_error = result["is_error"] == true;
        let status = if details["interrupted"] == true || is_error && words.starts_with(STOPPED) {
            ToolStatus::Cancelled
        } else if is_error {
            ToolStatus::Failed
        } else {
            ToolStatus::Completed
        };
        let mut update = ToolUpdate::new(id, status);
        let code = words.strip_prefix("Exit code ").and_then(|rest| rest.lines().next()?.trim().parse().ok());
        if let Some(code) = code.filter(|_| is_error) {
            update = update.with_exit_code(code);
        }
        if !words.is_empty() {
            update = update.with_output(words);
        }
        outputs.push(update.into());
        outputs
    }

    /// Ends what is open.
    pub(super) fn close(&mut self, status: ToolStatus) -> Vec<Output> {
        let mut outputs = Vec::new();
        for call in self.0.iter_mut().filter(|call| call.stage != Stage::Over) {
            if call.stage > Stage::Begun {
                outputs.push(ToolUpdate::new(&call.id, status).into());
            }
            call.stage = Stage::Over;
            call.json = String::new();
        }
        outputs
    }

    pub(super) fn is_open(&self, id: &str) -> bool {
        self.position(id).is_some_and(|at| self.0[at].stage != Stage::Over)
    }

    /// The name and the input of a call.
    pub(super) fn call(&self, id: &str) -> Option<(&str, &Value)> {
        self.position(id).map(|at| (self.0[at].name.as_str(), &self.0[at].input))
    }

    fn add(&mut self, id: &str, name: &str) -> &mut Call {
        let name = if name.is_empty() { "tool" } else { name };
        self.0.push(Call {
            id: id.to_owned(),
            name: name.to_owned(),
            json: String::new(),
            input: Value::Null,
            show_at: SHOW,
            stage: Stage::Begun,
        });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.0.iter().rposition(|call| call.id == id)
    }

    fn find(&mut self, id: &str) -> Option<&mut Call> {
        self.position(id).map(|at| &mut self.0[at])
    }
}

impl Call {
    fn announce(&mut self, input: &Value) -> ToolCall {
        self.stage = Stage::Announced;
        let title = title(input).map(|title| first_line(title, TITLE)).filter(|title| !title.is_empty());
        ToolCall::new(&self.id, &self.name).with_title(title.unwrap_or_else(|| self.name.clone()))
    }
}

/// What the call is about, for people.
pub(super) fn title(input: &Value) -> Option<&str> {
    TITLES.iter().find_map(|key| input[*key].as_str())
}

/// The text of a result; it comes as text or in blocks.
fn words(content: &Value) -> String {
    match content {
        Value::String(words) => words.clone(),
        Value::Array(blocks) => {
            let words = blocks.iter().map(|block| match text(block, "type") {
                "text" => text(block, "text").to_owned(),
                kind => format!("({kind})"),
            });
            words.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// What the title of a call is taken from.
const TITLES: &[&str] = &[
    "command",
    "file_path",
    "notebook_path",
    "pattern",
    "url",
    "query",
    "skill",
    "subject",
    "description",
    "plan",
];

/// Characters of a title.
const TITLE: usize = 120;

/// Bytes of input after which it is shown, whole or not.
const SHOW: usize = 256;

/// Bytes of input that are shown while they come. The whole comes at the end.
const LIVE: usize = 128 << 10;

/// What the model is told of a call that was stopped, or not begun, because the turn was.
const STOPPED: &str = "The user doesn't want to proceed with this tool use.";
