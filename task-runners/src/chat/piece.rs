use serde_json::Value;
use task_core::Usage;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// The server says that the answer is whole, and nothing follows.
    End,
    /// The server gave up, in its own words.
    Failed(Value),
    /// Why the model stopped.
    Finish(String),
    Text(String),
    Thinking(String),
    Tool(ToolPiece),
    /// What the answer cost so far; the newest counts.
    Usage(Usage),
}

/// More of a call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToolPiece {
    /// Which of the calls of the answer.
    pub(super) index: u64,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// What one JSON value of an answer says. Every field may be absent, `null`, or of another shape than expected: servers
/// that call themselves compatible differ in all of them. What is not understood says nothing.
pub(super) fn read(value: &Value, out: &mut Vec<Piece>) {
    if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
        out.push(Piece::Failed(error.clone()));
        return;
    }
    let choice = &value["choices"][0];
    // An answer that was not asked to come in pieces has a message where others have a delta.
    let delta = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
    for name in ["reasoning_content", "reasoning"] {
        if let Some(text) = text(&delta[name]) {
            out.push(Piece::Thinking(text));
            break;
        }
    }
    if let Some(text) = text(&delta["content"]) {
        out.push(Piece::Text(text));
    }
    for (position, call) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
        let function = &call["function"];
        let arguments = match &function["arguments"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            // Ollama's own form.
            other => other.to_string(),
        };
        let name = function["name"].as_str().unwrap_or_default().to_owned();
        out.push(Piece::Tool(ToolPiece {
            index: call["index"].as_u64().unwrap_or(position as u64),
            name,
            arguments,
        }));
    }
    if let Some(reason) = choice["finish_reason"].as_str().filter(|reason| !reason.is_empty()) {
        out.push(Piece::Finish(reason.to_owned()));
    }
    let usage = &value["usage"];
    let tokens = |name: &str| usage[name].as_u64();
    if let (input, output) = (tokens("prompt_tokens"), tokens("completion_tokens"))
        && (input.is_some() || output.is_some())
    {
        out.push(Piece::Usage(Usage::new(input.unwrap_or_default(), output.unwrap_or_default())));
    }
}

/// Text, or a list of parts that have some.
fn text(content: &Value) -> Option<String> {
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pieces(value: &Value) -> Vec<Piece> {
        let mut out = Vec::new();
        read(value, &mut out);
        out
    }

    #[test]
    fn what_compatible_servers_say_is_understood() {
        let says = |text: &str| vec![Piece::Text(text.to_owned())];
        for (value, expected) in [
            (
                json!({"choices": [{"delta": {"content": "a"}, "finish_reason": null}], "usage": {}}),
                says("a"),
            ),
            (
                json!({"choices": [{"delta": {"content": "a"}, "finish_reason": ""}], "usage": null}),
                says("a"),
            ),
            (json!({"choices": [{"delta": {"role": "assistant", "content": null}}]}), vec![]),
            (
                json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
                vec![Piece::Finish("stop".to_owned())],
            ),
            (
                json!({"choices": [{"delta": {"content": "", "reasoning_content": "hm"}}]}),
                vec![Piece::Thinking("hm".to_owned())],
            ),
            (json!({"choices": [{"delta": {"reasoning": "hm"}}]}), vec![Piece::Thinking("hm".to_owned())]),
            (
                json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
                vec![Piece::Usage(Usage::new(3, 4))],
            ),
            (json!({"choices": [{"message": {"content": "whole"}}]}), says("whole")),
            (json!({"choices": [{"delta": {"content": [{"type": "text", "text": "part"}]}}]}), says("part")),
            (json!({"error": "no"}), vec![Piece::Failed(json!("no"))]),
            (json!({"error": null, "choices": [{"delta": {"content": "a"}}]}), says("a")),
        ] {
            assert_eq!(pieces(&value), expected, "{value}");
        }
    }

    #[test]
    fn other_shapes_say_nothing() {
        for value in [
            json!(null),
            json!([]),
            json!("text"),
            json!({"choices": {}}),
            json!({"choices": [[]]}),
            json!({"choices": [{"delta": "text", "message": 7, "finish_reason": 7}]}),
            json!({"choices": [{"delta": {"content": 7, "tool_calls": "x", "reasoning": {}}}]}),
            json!({"usage": {"prompt_tokens": -1, "completion_tokens": "2"}}),
        ] {
            assert_eq!(pieces(&value), [], "{value}");
        }
    }
}
