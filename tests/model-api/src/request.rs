use serde_json::Value;

use crate::api::Api;
use crate::schema;

/// A request, as far as scripts look at it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) api: Api,
    pub(crate) model: String,
    pub(crate) turns: Vec<Turn>,
    /// The newest text of the user.
    pub(crate) prompt: String,
    /// The newest results of tools.
    pub(crate) result: String,
    pub(crate) has_tools: bool,
    /// Whether the reply is wanted piece by piece.
    pub(crate) is_streamed: bool,
    /// Whether the stream shall end with token counts (Chat).
    pub(crate) wants_usage: bool,
    /// The schema that the answer shall fit.
    pub(crate) schema: Option<Value>,
    pub(crate) input_tokens: u64,
}

/// One message of the conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn {
    pub(crate) role: String,
    pub(crate) texts: Vec<String>,
    /// Results of tools.
    pub(crate) results: Vec<String>,
}

impl Request {
    pub(crate) fn read(api: Api, body: &Value) -> Self {
        let turns = api.turns(body);
        let users = || turns.iter().filter(|turn| turn.role == "user");
        let prompt = users().flat_map(|turn| &turn.texts).next_back().cloned().unwrap_or_default();
        let result = users().next_back().map(|turn| turn.results.join("\n")).unwrap_or_default();
        let said = |turn: &Turn| turn.texts.iter().chain(&turn.results).map(String::len).sum::<usize>();
        let input_tokens = tokens(turns.iter().map(said).sum());
        Self {
            api,
            model: body["model"].as_str().unwrap_or("fake-model").to_owned(),
            prompt,
            result,
            has_tools: body["tools"].as_array().is_some_and(|tools| !tools.is_empty()),
            is_streamed: body["stream"] == true,
            wants_usage: body["stream_options"]["include_usage"] == true,
            schema: schema::wanted(body),
            input_tokens,
            turns,
        }
    }
}

/// The texts of a message, less the notes that an agent program adds of its own.
pub(crate) fn texts(content: &Value) -> Vec<String> {
    let blocks = match content {
        Value::String(text) => vec![text.as_str()],
        Value::Array(blocks) => blocks.iter().filter_map(|block| block["text"].as_str()).collect(),
        _ => Vec::new(),
    };
    blocks.into_iter().map(without_reminders).filter(|text| !text.is_empty()).collect()
}

/// A stand-in for a tokenizer: four characters a token, never none.
pub(crate) fn tokens(characters: usize) -> u64 {
    (characters / 4).max(1) as u64
}

fn without_reminders(text: &str) -> String {
    let mut rest = text.to_owned();
    while let Some(start) = rest.find(REMINDER.0) {
        let Some(length) = rest[start..].find(REMINDER.1) else { break };
        rest.replace_range(start..start + length + REMINDER.1.len(), "");
    }
    rest.trim().to_owned()
}

const REMINDER: (&str, &str) = ("<system-reminder>", "</system-reminder>");
